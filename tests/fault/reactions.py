# SPDX-License-Identifier: Apache-2.0
"""Events and what answers them under kills: each is answered once, by all that it should be, in order; who
follows misses nothing; who does not read costs little."""
import collections
import http.client
import json
import random
import threading
import time

from limits import rss_mib
from verdict import fault, need, scratch
import questd

SMALL = ["--ballast-mb", "0"]
GIVE_UP_S = 60
POINTS = ["matching_fire_before", "matching_fire_after", "firing_claimed", "firing_call_before", "firing_complete_before", "firing_failed_before",
          "store_commit_before", "store_commit_after"]

BACKLOG_POINTS = ["firing_begun", "firing_claimed", "firing_complete_before", "firing_failed_before", "store_commit_before", "store_commit_after"]


def pages(lines, verb, **params):
    """All items of a list."""
    cursor = {}
    while cursor is not None:
        page = lines.ok(verb, {**params, "limit": 100, **cursor})
        yield from page["items"]
        cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None


def settle(lines):
    end = time.monotonic() + GIVE_UP_S
    while True:
        queue = [q for q in lines.ok("queues.list")["items"] if q["name"] == "reactions"]
        if queue and queue[0]["ready"] + queue[0]["pending"] == 0:
            return
        need(time.monotonic() < end, "firings are stuck")
        time.sleep(.01)


def subscribe(lines):
    """One that answers, and one whose second call fails when n is a multiple of 5."""
    lines.ok("events.subscribe", {"name": "echo", "kind": "shout.heard", "max_per_minute": 100000,
                                  "calls": [{"verb": "events.fire", "params": {"kind": "shout.answered", "payload": {"n": "{{event.payload.n}}"}}},
                                            {"verb": "quests.create", "params": {"subject": "answer {{event.payload.n}}"}}]})
    lines.ok("events.subscribe", {"name": "some", "kind": "shout.heard", "max_per_minute": 100000,
                                  "calls": [{"verb": "events.fire", "params": {"kind": "shout.some"}},
                                            {"verb": "events.fire", "params": {"kind": "shout.last", "payload": {"n": "{{event.payload.odd}}"}}}]})


def shout(server, ns, acked):
    """True: the server is gone."""
    try:
        lines = server.lines()
        for n in ns:
            odd = {"odd": n} if n % 5 else {}
            lines.ok("events.fire", {"kind": "shout.heard", "payload": {"n": n, **odd}})
            acked.append(n)
        settle(lines)
        return False
    except (OSError, EOFError, ValueError):
        return True


def judge(lines, acked):
    """Each event that is there was answered once by both; how many there are."""
    settle(lines)
    heard = [e["payload"]["n"] for e in pages(lines, "events.list", kinds=["shout.heard"])][::-1]
    answered = [e["payload"]["n"] for e in pages(lines, "events.list", kinds=["shout.answered"])][::-1]
    last = [e["payload"]["n"] for e in pages(lines, "events.list", kinds=["shout.last"])]
    need(set(acked) <= set(heard), f"{len(set(acked) - set(heard))} acknowledged events are lost")
    need(answered == heard, f"{len(heard)} events were answered {len(answered)} times, or in another order")
    need(sorted(last) == sorted(n for n in heard if n % 5), f"of {len(heard)} events {len(last)} came to the end of the second")
    some = sum(1 for _ in pages(lines, "events.list", kinds=["shout.some"]))
    need(some == len(last), f"{some - len(last)} failed firings are half there")
    quests = collections.Counter(q["subject"] for q in pages(lines, "quests.list"))
    need(quests == collections.Counter(f"answer {n}" for n in heard), "quests were made twice, or not at all")
    failed = sum(1 for _ in pages(lines, "events.list", kinds=["firing.failed"]))
    need(failed == len(heard) - len(last), f"{failed} failures were told of, {len(heard) - len(last)} are due")
    need(lines.ok("system.check")["sound"], "the store is not sound")
    return len(heard)


def kill_at(point, time_n):
    """False: it did not come so far."""
    acked = []
    with scratch() as folder:
        with questd.Server(*SMALL, data=folder, http="off") as server:
            subscribe(server.lines())
        server = questd.Server(*SMALL, data=folder, http="off", env={"FP": f"{point}:{time_n}*kill"})
        was_killed = shout(server, range(12), acked)
        server.stop()
        with questd.Server(*SMALL, data=folder, http="off") as again:
            shout(again, range(12, 15), acked)
            judge(again.lines(), acked)
    return was_killed


def kill_backlog_at(point, time_n):
    """The same with firings that wait when the server starts: these are put down as begun first. False: it did not come so far."""
    acked = []
    with scratch() as folder:
        with questd.Server(*SMALL, data=folder, http="off") as server:
            lines = server.lines()
            subscribe(lines)
            shout(server, range(1), acked)
            lines.ok("queues.pause", {"name": "reactions"})
            for n in range(1, 7):
                lines.ok("events.fire", {"kind": "shout.heard", "payload": {"n": n, **({"odd": n} if n % 5 else {})}})
                acked.append(n)
        server = questd.Server(*SMALL, data=folder, http="off", env={"FP": f"{point}:{time_n}*kill"})
        try:
            lines = server.lines()
            lines.ok("queues.resume", {"name": "reactions"})
            settle(lines)
            was_killed = False
        except (OSError, EOFError, ValueError):
            was_killed = True
        server.stop()
        with questd.Server(*SMALL, data=folder, http="off") as again:
            lines = again.lines()
            lines.ok("queues.resume", {"name": "reactions"})
            shout(again, range(7, 9), acked)
            judge(lines, acked)
    return was_killed


@fault("reactions-kill", "killed at each point of a subscription's firing")
def reactions_kill(long):
    done = 0
    for point in POINTS:
        killed = [kill_at(point, n) for n in (range(1, 12) if long else (1, 2, 4))]
        need(any(killed), f"{point} was never reached")
        done += sum(killed)
    for point in BACKLOG_POINTS:
        killed = [kill_backlog_at(point, n) for n in (range(1, 12) if long else (1, 2, 5))]
        need(any(killed), f"{point} was never reached by what waited")
        done += sum(killed)
    return f"{done} kills at {len(POINTS) + len(BACKLOG_POINTS)} points, each event answered once by both, in order"


@fault("reactions-kill-9", "kill -9 under 8 clients whose events are answered")
def reactions_kill_9(long):
    kills, acked = (100 if long else 12), []
    with scratch() as folder:
        with questd.Server(*SMALL, data=folder, http="off") as server:
            subscribe(server.lines())
        for k in range(kills):
            server = questd.Server(*SMALL, data=folder, http="off")
            threads = [threading.Thread(target=shout, args=(server, range(1000000 * k + 10000 * c, 1000000 * k + 10000 * c + 9999), acked))
                       for c in range(8)]
            for t in threads:
                t.start()
            time.sleep(random.uniform(.05, .2))
            server.kill()
            for t in threads:
                t.join()
            server.stop()
        with questd.Server(*SMALL, data=folder, http="off") as server:
            n = judge(server.lines(), acked)
    need(n > kills, "hardly anything was answered")
    return f"{kills} kills, {len(acked)} events acknowledged, {n} written, each answered once by both, in order"


def deaths(server):
    """How often it ends before it stays and nothing waits."""
    n = 0
    while True:
        try:
            server.start()
            lines = server.lines()
            settle(lines)
            return n, lines
        except (OSError, EOFError, ValueError, AssertionError):
            n += 1
            need(n <= 10, "it ends again and again")
            server.stop()


def poisoned(folder, begin, first_fp):
    """A server that `begin` makes end in the middle of a firing: what it says when it stays up in the end."""
    with questd.Server(*SMALL, data=folder, http="off") as server:
        lines = server.lines()
        lines.ok("schedules.create", {"name": "bad", "cron": "@yearly", "calls": [{"verb": "system.ping"}]})
        lines.ok("schedules.create", {"name": "worse", "cron": "@yearly", "calls": [{"verb": "schedules.run", "params": {"id": "bad"}}]})
        lines.ok("events.subscribe", {"name": "poison", "kind": "cup.emptied", "calls": [{"verb": "schedules.run", "params": {"id": "bad"}}]})
        lines.ok("events.subscribe", {"name": "good", "kind": "cup.emptied", "calls": [{"verb": "quests.create", "params": {"subject": "fill it"}}]})
    server = questd.Server(*SMALL, data=folder, http="off", env={"FP": first_fp})
    try:
        lines = server.lines()
        begin(lines)
        lines.call("system.ping")
        settle(lines)
        need(False, "it did not end")
    except (OSError, EOFError, ValueError):
        server.stop()
    server.env["FP"] = "schedule_told:abort"
    return server, *deaths(server)


def judge_poison(lines, n, source):
    """One failed for it, by name, and what made it makes no other."""
    failed = [e for e in pages(lines, "events.list", kinds=["firing.failed"])]
    need(n == 3, f"it was tried {n} times more")
    need([(e["payload"]["code"], e["payload"]["source"]) for e in failed] == [("server_ended", source)], str(failed))
    task = lines.ok("tasks.get", {"id": failed[0]["payload"]["task"]})
    need((task["state"], task["reason"], task["error_code"]) == ("failed", "no_progress", "server_ended"), str(task))
    need("begun 3 times" in task["error_message"], task["error_message"])
    need(lines.ok("system.check")["sound"], "the store is not sound")
    return task["short_id"]


@fault("reactions-poison", "calls that end the server, again at each start")
def reactions_poison(long):
    with scratch() as folder:
        server, n, lines = poisoned(folder, lambda lines: lines.ok("events.fire", {"kind": "cup.emptied"}), "schedule_told:abort")
        try:
            task = judge_poison(lines, n, "subscription")
            stopped = {s["name"]: s for s in lines.ok("events.subscriptions")["items"]}
            need((stopped["poison"]["state"], stopped["good"]["state"]) == ("stopped", "active"), str(stopped))
            need("poison: begun 3 times" in stopped["poison"]["stop_reason"], stopped["poison"]["stop_reason"])
            need([q["subject"] for q in pages(lines, "quests.list")] == ["fill it"], "the other subscription did not answer once")
            lines.ok("events.fire", {"kind": "cup.emptied"})
            settle(lines)
            need(len(list(pages(lines, "quests.list"))) == 2, "the other subscription does not go on")
        finally:
            server.stop()
        need(f'has ended the server too often and is not tried again task="{task}"' in server.err, "the log says nothing: " + server.err)
        with questd.Server(*SMALL, data=folder, http="off") as server:  # mended
            lines = server.lines()
            lines.ok("tasks.requeue", {"id": task})
            settle(lines)
            need(lines.ok("tasks.get", {"id": task})["state"] == "completed", "it is not made when somebody asks for it again")
    with scratch() as folder:
        server, n, lines = poisoned(folder, lambda lines: lines.call("schedules.run", {"id": "worse"}), "schedule_told:2*abort")
        try:
            judge_poison(lines, n, "schedule")
            worse = lines.ok("schedules.get", {"id": "worse"})
            need(not worse["enabled"] and "begun 3 times" in worse["problem"] and "next_at" not in worse, str(worse))
        finally:
            server.stop()
    return "a subscription and a schedule: the server ended 4 times each, then their firing failed, they were stopped, others went on"


@fault("ik-M5", "kill between a change and its event")
def ik_m5(long):
    """ik-M5: there are as many events as changes, whatever was killed when."""
    wanted, made = (10000 if long else 2000), 0
    with scratch() as folder:
        while made < wanted:
            server = questd.Server(*SMALL, data=folder, http="off")
            timer = threading.Timer(random.uniform(.05, .3), server.kill)
            timer.start()
            try:
                lines = server.lines()
                while True:
                    lines.ok("quests.create", {"subject": f"q {made}"})
                    made += 1
            except (OSError, EOFError, ValueError):
                pass
            timer.join()
            server.stop()
        with questd.Server(*SMALL, data=folder, http="off") as server:
            lines = server.lines()
            quests = {q["id"] for q in pages(lines, "quests.list")}
            told = [e["subject"] for e in pages(lines, "events.list", kinds=["quest.created"])]
    need(len(told) == len(set(told)) and set(told) == quests, f"{len(quests)} quests, {len(told)} events tell of {len(set(told))}")
    need(len(quests) >= made, f"{made} were acknowledged, {len(quests)} are there")
    return f"{len(quests)} quests and as many events, {made} acknowledged"


def pour(lines, kind, total):
    """So many events, and one behind them."""
    for n in range(0, total, 50):
        lines.ok("system.batch", {"atomic": True, "calls": [{"method": "events.fire", "params": {"kind": kind, "payload": {"n": i, "text": "x" * 200}}}
                                                            for i in range(n, n + 50)]})
    lines.ok("events.fire", {"kind": kind, "payload": {"n": -1}})


def follow(server, since, n_lines, seen):
    """Reads some of a stream, then leaves; where to go on."""
    host, port = server.address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    head = {"Authorization": "Bearer " + server.token()}
    by_header = random.random() < .5
    connection.request("GET", "/events" + ("" if by_header else f"?since={since}"), headers={**head, **({"Last-Event-ID": since} if by_header else {})})
    response = connection.getresponse()
    while n_lines > 0:
        line = response.readline().decode().strip()
        if line.startswith("id:"):
            since = line[3:].strip()
        if line.startswith("data:"):
            event = json.loads(line[5:])
            if event.get("kind") == "flow.ed":
                seen.append(event["payload"]["n"])
                n_lines -= 1
                if event["payload"]["n"] == -1:
                    break
    connection.close()
    return since


@fault("ik-M6", "a follower killed 100 times while 20,000 events flow")
def ik_m6(long):
    """ik-M6: what it received is all there is, once each."""
    total, seen, left = 20000, [], 0
    with questd.Server(*SMALL) as server:
        first = server.lines().ok("events.fire", {"kind": "flow.begins"})["id"]

        writer = threading.Thread(target=pour, args=(server.lines(), "flow.ed", total))
        writer.start()
        since = first
        while -1 not in seen:
            since = follow(server, since, random.randrange(1, 2 * total // 110), seen)
            left += 1
        writer.join()
    need(left >= 100, f"it left {left} times only")
    need(seen == [*range(total), -1], f"{len(seen)} received, {len(set(seen))} different, {total} written")
    return f"left {left} times, {len(seen) - 1} events, no gap, none twice"


def pour_to_one(server, total):
    """What one who reads received of them."""
    seen, first = [], server.lines().ok("events.fire", {"kind": "flow.begins"})["id"]
    reader = threading.Thread(target=follow, args=(server, first, total + 1, seen))
    reader.start()
    pour(server.lines(), "flow.ed", total)
    reader.join()
    return seen


@fault("ik-M10", "50 followers that do not read")
def ik_m10(long):
    """ik-M10: they cost less than a megabyte each, are cut with a reason, and hold nobody up."""
    stalled, total = [], 20000
    with questd.Server(*SMALL) as server:
        for _ in range(2):  # the same without them: what the server takes by itself
            pour_to_one(server, total)
        before = rss_mib(server.pid)
        for _ in range(50):
            lines = server.lines()
            lines.send({"jsonrpc": "2.0", "id": 1, "method": "events.follow", "params": {}})
            stalled.append(lines)
        seen = pour_to_one(server, total)
        grown = rss_mib(server.pid) - before
        need(seen == [*range(total), -1], f"the one that reads got {len(seen)} of {total + 1}")
        reasons = collections.Counter(end_of(s) for s in stalled)
        need(reasons == {"lagged": 50}, f"they ended with {dict(reasons)}")
    need(grown < 50, f"the server grew by {grown:.1f} MiB for 50 of them")
    return f"50 cut as lagged, {grown:.1f} MiB in all, the one that reads got all {total}"


def end_of(lines):
    """What a follower is told in the end."""
    while True:
        message = json.loads(lines.read())
        if message.get("id") == 1:
            return message.get("result", {}).get("reason") or message["error"]["data"]["code"]
