# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump."""
import datetime
import os
import time

from verdict import fault, need, scratch
import questd


def clock_of(quest):
    return datetime.datetime.fromisoformat(quest["created_at"].replace("Z", "+00:00")).timestamp()


@fault("F-11", "the wall clock jumps: a day on, an hour back, to 1970")
def f_11(long):
    with scratch() as folder, scratch() as data:
        stamp = os.path.join(folder, "offset")

        def jump(text):
            with open(stamp + ".new", "w") as f:
                f.write(text)
            os.rename(stamp + ".new", stamp)
        jump("0")
        env = {"LD_PRELOAD": os.path.join(questd.BUILD, "tests/fault/bad_clock.so"), "BAD_CLOCK": stamp}
        server = questd.Server("--ballast-mb", "0", "--no-auth", data=data, env=env)
        try:
            lines, ids, seqs = server.lines(), [], []
            for offset in ("0", "86400", "0", "-3600", f"-{int(time.time())}", "0", "34560000", "0"):
                jump(offset)
                for k in range(5):
                    made = lines.ok("quests.create", {"subject": f"at {offset} {k}", "request_id": f"{offset}-{len(ids)}"})
                    ids.append(made["id"])
                    seqs.append(lines.ok("events.fire", {"kind": "a.b"})["seq"])
                begun = time.monotonic()
                need(lines.ok("events.poll", {"timeout_s": 1})["items"] == [], "a wait found something")
                need(.9 < time.monotonic() - begun < 3, "a wait was not as long as asked")
                need(lines.ok("system.check")["sound"], "not sound")
                need(server.http("GET", "/readyz", token=False)[0] == 200, "/readyz")
                need(abs(clock_of(made) - (time.time() + int(offset))) < 60, f"the jump to {offset} was not seen: {made['created_at']}")
            need(ids == sorted(ids) and len(set(ids)) == len(ids), "ids went back")
            need(seqs == sorted(seqs), "events went back")
            listed, cursor = [], None
            while True:
                page = lines.ok("quests.list", {"limit": 7, **({"cursor": cursor} if cursor else {})})
                listed += [q["id"] for q in page["items"]]
                cursor = page.get("next_cursor")
                if not cursor:
                    break
            need(sorted(listed) == sorted(ids), f"{len(ids)} quests, {len(listed)} listed")
        finally:
            code = server.stop()
        need(code == 0, f"exit code {code}")
    return f"{len(ids)} quests over 7 jumps: ids and events in order, lists whole, waits as long as asked"
