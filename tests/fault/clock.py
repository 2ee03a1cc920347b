# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump."""
import datetime
import os
import random
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


PLANS = {
    "hourly": ("0 * * * *", "UTC"), "often": ("*/30 * * * *", "Europe/Berlin"), "fixed": ("30 2 * * *", "Europe/Berlin"),
    "two hours": ("every 2h", "UTC"), "last one": ("0 * * * *", "UTC"),
}
# where a night of Berlin begins, and when "fixed" is due in it and the next
NIGHTS = {"2027-03-27T20:10:00": ["2027-03-28T01:00:00", "2027-03-29T00:30:00"],
          "2027-10-30T20:10:00": ["2027-10-31T00:30:00", "2027-11-01T01:30:00"]}


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=datetime.timezone.utc).timestamp()


class Bent:
    """A server whose clocks are bent: hours on, back, asleep."""

    def __init__(self, data, folder, begin):
        self.path, self.wall, self.boot = os.path.join(folder, "offset"), int(at(begin) - time.time()), 0
        self.put()
        self.server = questd.Server("--ballast-mb", "0", data=data, http="off", env={
            "LD_PRELOAD": os.path.join(questd.BUILD, "tests/fault/bad_clock.so"), "BAD_CLOCK": self.path})
        self.lines = self.server.lines()
        self.latest = self.now()

    def now(self):
        return time.time() + self.wall

    def put(self):
        with open(self.path + ".new", "w") as f:
            f.write(f"{self.wall} {self.boot}")
        os.rename(self.path + ".new", self.path)

    def go(self, hours, asleep=False):
        self.wall += int(hours * 3600)
        self.boot += int(hours * 3600) if asleep else 0
        self.put()
        self.latest = max(self.latest, self.now())

    def again(self):
        self.server.kill()
        self.server.start()
        self.lines = self.server.lines()

    def settle(self):
        """Until nothing is due and no call waits."""
        end = time.monotonic() + 30
        while True:
            late = [s["name"] for s in self.lines.ok("schedules.list")["items"] if at(s["next_at"]) <= self.now()]
            waiting = sum(q["ready"] + q["pending"] for q in self.lines.ok("queues.list")["items"])
            if not late and not waiting:
                return
            need(time.monotonic() < end, f"due and not run: {late}, {waiting} calls wait")
            time.sleep(.01)

    def all_of(self, kind):
        items, cursor = [], {}
        while cursor is not None:
            page = self.lines.ok("events.list", {"kinds": [kind], "limit": 100, **cursor})
            items += page["items"]
            cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
        return items

    def due(self, plan, first):
        """A plan's due times from the first on."""
        more = {"cron": plan[0], "zone": plan[1], "count": 100}
        if plan[0] == "every 2h":
            return [datetime.datetime.fromtimestamp(at(first) + 7200 * i, datetime.timezone.utc).isoformat(timespec="milliseconds")
                    .replace("+00:00", "Z") for i in range(50)]
        return [first] + [i["due_at"] for i in self.lines.ok("schedules.preview", {**more, "after": first})["items"]]


def bend(begin, fixed, rng, n_jumps):
    """Due times that were run."""
    with scratch() as folder, scratch() as data:
        bent = Bent(data, folder, begin)
        try:
            for name, (cron, zone) in PLANS.items():
                call = {"verb": "events.fire", "params": {"kind": "plan.ran", "subject": name, "payload": {"due": "{{event.payload.due_at}}"}}}
                bent.lines.ok("schedules.create", {"name": name, "cron": cron, "zone": zone, "calls": [call], "overlap": "allow",
                                                   "catch_up": 1 if name == "last one" else 100})
            first = {s["name"]: s["next_at"] for s in bent.lines.ok("schedules.list")["items"]}
            for i in range(n_jumps):
                hours, asleep = rng.choice((.5, 1, 1, 2, 3.5, -1, -2.5, -7)), rng.random() < .3
                if at(begin) < bent.now() + hours * 3600 < at(begin) + 30 * 3600:
                    bent.go(hours, asleep and hours > 0)
                if rng.random() < .6:
                    bent.settle()
                if rng.random() < .2:
                    bent.again()
            bent.go((at(begin) + 30 * 3600 - bent.now()) / 3600)  # two nights of Berlin
            bent.settle()
            ticks = [(e["payload"]["name"], e["payload"]["due_at"]) for e in bent.all_of("schedule.tick")]
            ran = [(e["subject"], e["payload"]["due"]) for e in bent.all_of("plan.ran")]
            need(len(ticks) == len(set(ticks)), f"{len(ticks) - len(set(ticks))} due times came twice")
            need(sorted(ran) == sorted(ticks), f"{len(ticks)} ticks, {len(ran)} runs")
            for name, plan in PLANS.items():
                want = {d for d in bent.due(plan, first[name]) if at(d) <= bent.latest}
                got = {d for n, d in ticks if n == name}
                need(got <= want, f"{name}: {sorted(got - want)} were not due")
                need(got == want or name == "last one", f"{name}: {sorted(want - got)} were not run")
                if name == "fixed":
                    need([d[:19] for d in sorted(got)][:2] == fixed, f"the nights: {sorted(got)}")
            need(bent.lines.ok("system.check")["sound"], "the store is not sound")
            return len(ticks)
        finally:
            bent.server.stop()


@fault("F-11-schedules", "clocks that jump while schedules run: on, back, asleep, over both changes of Berlin's, killed in between")
def f_11_schedules(long):
    rng, n, jumps = random.Random(20270328), 0, (60 if long else 20)
    for _ in range(5 if long else 1):
        for begin, fixed in NIGHTS.items():
            n += bend(begin, fixed, rng, jumps)
    return f"{n} due times, each run once"
