# SPDX-License-Identifier: Apache-2.0
"""Calls that change several things at once, killed at each operation on files that they make: all of it is there
afterwards, or nothing, and the call that is repeated has one effect."""
import os
import re
import shutil
import sqlite3

from disk import BadDisk
from verdict import fault, need, scratch
import questd

SMALL = ["--ballast-mb", "0"]
# what tells rows apart that are not the same from run to run
TELLING = {"state", "status", "kind", "reason", "text", "subject", "outcome", "verb", "name", "title", "attempt", "requeues", "runs", "fired"}
ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STEPS_MAX = 200


def shape_of(folder):
    """Each table's rows by what tells them apart."""
    base, shape = sqlite3.connect(f"file:{folder}/questd.db?mode=ro", uri=True), {}
    for table, in base.execute("select name from sqlite_schema where type = 'table' and sql not like '%virtual%' and name not like 'sqlite_%'").fetchall():
        columns = [r[1] for r in base.execute(f"pragma table_info({table})") if r[1] in TELLING]
        shape[table] = sorted(ID.sub("…", repr(r)) for r in base.execute(f"select {', '.join(columns) or '1'} from {table}"))
    base.close()
    return shape


def difference(one, other):
    return {t: (sorted(set(one[t]) - set(other[t])), sorted(set(other[t]) - set(one[t])), len(one[t]), len(other[t])) for t in one if one[t] != other[t]}


def settle(lines):
    """Nothing waits to be made."""
    for _ in range(2000):
        if not sum(q["ready"] + q["pending"] for q in lines.ok("queues.list")["items"] if q["name"] == "reactions"):
            return
        lines.ok("events.poll", {"timeout_s": 0})
    need(False, "firings are stuck")


def again(folder, env=None, call=None):
    """A start, the call, an end. None: it was killed."""
    server = questd.Server(*SMALL, data=folder, http="off", env=env and env.env)
    answer = None
    try:
        lines = server.lines()
        if env:
            env.say(env.word)
        answer = lines.call(*call) if call else {}
        settle(lines)
        if not env:
            need(lines.ok("system.check")["sound"], "the store is not sound")
    except (OSError, EOFError, ValueError):
        answer = None
    finally:
        server.stop()
    return answer


def queue(lines):
    """Complete + next task + event + message: what waits for it, and who is asked, too."""
    lines.ok("users.create", {"name": "ann"})
    lines.ok("sessions.create", {"title": "yard", "participants": ["ann"]})
    lines.ok("tasks.create", {"subject": "first"})
    lines.ok("tasks.create", {"subject": "behind it", "depends_on": ["t-1"]})
    held = lines.ok("tasks.claim", {"lease_ms": 600000})["items"][0]
    return "tasks.complete", {"id": "t-1", "attempt": held["attempt"], "token": held["token"], "next_task": {"subject": "next"},
                              "event": {"kind": "was.done"}, "message": {"to": "s-1", "text": "All done?", "question": True}}


def seat(lines):
    """A role's occupant changes: his sessions hear of it."""
    for name in ("ann", "bob"):
        lines.ok("users.create", {"name": name})
    lines.ok("roles.create", {"title": "clerk", "type": "operational"})
    lines.ok("roles.assign", {"id": "r-1", "occupant_kind": "human", "occupant": "ann"})
    lines.ok("message_to", {"to": "r-1", "text": "Are you there?", "question": True})
    return "roles.assign", {"id": "r-1", "occupant_kind": "human", "occupant": "bob"}


def firing(lines):
    """An event, its firing, what the calls do."""
    lines.ok("events.subscribe", {"name": "echo", "kind": "shout.heard", "calls": [
        {"verb": "events.fire", "params": {"kind": "shout.answered"}}, {"verb": "quests.create", "params": {"subject": "answer"}}]})
    return "events.fire", {"kind": "shout.heard"}


def tick(lines):
    """A schedule that is run."""
    lines.ok("schedules.create", {"name": "plan", "cron": "@yearly", "calls": [{"verb": "quests.create", "params": {"subject": "planned"}}]})
    return "schedules.run", {"id": "plan"}


def key(lines):
    """A new key in the place of another."""
    lines.ok("users.create", {"name": "ann"})
    made = lines.ok("keys.create", {"name": "ann", "owner_kind": "user", "owner": "ann", "access": ["operator"]})
    return "keys.rotate", {"id": made["id"]}


def kill_everywhere(prepare, step):
    """How many kills there were."""
    with scratch() as top:
        start, golden = os.path.join(top, "start"), os.path.join(top, "golden")
        os.mkdir(start, 0o700)
        with questd.Server(*SMALL, data=start, http="off") as server:
            method, params = prepare(server.lines())
            call = (method, {**params, "request_id": "the one"})
        again(start)
        before = shape_of(start)
        shutil.copytree(start, golden, symlinks=True)
        need("result" in (again(golden, call=call) or {}), f"{method} fails")
        after, n_before, n_after = shape_of(golden), 0, 0
        need(before != after, f"{method} changes nothing")
        for n in range(1, STEPS_MAX, step):
            folder, disk = os.path.join(top, "killed"), BadDisk(top)
            shutil.copytree(start, folder, symlinks=True)
            disk.word = f"KILL {n}"
            answer = again(folder, disk, call)
            if answer is not None:
                need("result" in answer, f"{method}: {answer}")
                need(n_before and (n_after or step > 1), f"{method}: {n_before} kills before it was there, {n_after} behind")
                return n_before + n_after
            again(folder)
            got = shape_of(folder)
            need(got in (before, after), f"{method}, killed at operation {n}: neither nothing nor all: {difference(before, got)}, {difference(got, after)}")
            n_before, n_after = n_before + (got == before), n_after + (got == after)
            answer = again(folder, call=call)
            need("result" in answer and shape_of(folder) == after, f"{method}, repeated behind a kill at operation {n}: {difference(after, shape_of(folder))}")
            shutil.rmtree(folder)
    need(False, f"{method}: no end of operations")


@fault("ik-Q17", "calls that change several things, killed at each operation on a file")
def ik_q17(long):
    """ik-Q17 ag-9: keys of the vault, which are changed in several commits, are F-35's"""
    kills = {what.__name__: kill_everywhere(what, 1 if long or what is queue else 3) for what in (queue, seat, firing, tick, key)}
    return ", ".join(f"{name} {n}" for name, n in kills.items()) + " kills: all or nothing, and the repeated call has one effect"
