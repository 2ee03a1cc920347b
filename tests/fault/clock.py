# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump."""
import glob
import os

from verdict import Skipped, fault, need, scratch
import questd


@fault("F-11", "the wall clock jumps: a day on, an hour back, to 1970")
def f_11(long):
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        raise Skipped("libfaketime is not installed")
    with scratch() as folder, scratch() as data:
        stamp = os.path.join(folder, "offset")

        def jump(text):
            with open(stamp + ".new", "w") as f:
                f.write(text)
            os.rename(stamp + ".new", stamp)
        jump("+0")
        env = {"LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": stamp, "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}
        server = questd.Server("--ballast-mb", "0", "--no-auth", data=data, env=env)
        try:
            lines, ids, seqs = server.lines(), [], []
            for offset in ("+0", "+1d", "+0", "-3600", "-20000d", "+0", "+400d", "+0"):
                jump(offset)
                for k in range(5):
                    made = lines.ok("quests.create", {"subject": f"at {offset} {k}", "request_id": f"{offset}-{len(ids)}"})
                    ids.append(made["id"])
                    seqs.append(lines.ok("events.fire", {"kind": "a.b"})["seq"])
                need(lines.ok("events.poll", {"timeout_s": 1})["items"] == [], "a wait did not wait")
                need(lines.ok("system.check")["sound"], "not sound")
                need(server.http("GET", "/readyz", token=False)[0] == 200, "/readyz")
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
