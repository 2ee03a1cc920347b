# SPDX-License-Identifier: Apache-2.0
"""The queue under kills: what was said to be created or completed is, once, and nothing is stuck; and as the
model says, however often."""
import collections
import os
import random
import subprocess
import sys
import threading
import time

from verdict import code_of, fault, need, scratch
import questd

CLIENTS = 64


def complete(lines, t):
    """False: the lease was over, as may be on a busy machine."""
    answer = lines.call("tasks.complete", {"id": t["short_id"], "attempt": t["attempt"], "token": t["token"]})
    need(code_of(answer) in (None, "stale_attempt"), str(answer))
    return "result" in answer


class Ledger:
    """What the server acknowledged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.created, self.completed = set(), collections.Counter()

    def client(self, server, n):
        """Creates, claims and completes until the server is gone."""
        try:
            lines = server.lines()
            while True:
                task = lines.ok("tasks.create", {"payload": {"n": n}, "lease_ms": 500})["short_id"]
                with self.lock:
                    self.created.add(task)
                for t in lines.ok("tasks.claim", {"max": random.choice((1, 2, 3))})["items"]:
                    if complete(lines, t):
                        with self.lock:
                            self.completed[t["short_id"]] += 1
        except (OSError, EOFError, ValueError):
            pass  # killed


def counts(lines):
    return next((q for q in lines.ok("queues.list")["items"] if q["name"] == "default"), None)


def drain(lines):
    """Everything that can still be claimed, also what lapses meanwhile."""
    while items := lines.ok("tasks.claim", {"max": 50, "wait_ms": 1500})["items"]:
        for t in items:
            complete(lines, t)


def one_kill(folder, ledger):
    server = questd.Server("--ballast-mb", "0", data=folder, http="off")
    threads = [threading.Thread(target=ledger.client, args=(server, n)) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    time.sleep(random.uniform(.05, .3))
    server.kill()
    for t in threads:
        t.join()
    server.stop()


@fault("ik-Q7", "kill -9 under 64 clients of the queue")
def ik_q7_ag_8(long):
    kills, ledger = (200 if long else 20), Ledger()
    with scratch() as folder:
        for _ in range(kills):
            one_kill(folder, ledger)
        with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
            lines = server.lines()
            before = counts(lines)
            whole = sum(before[s] for s in ("pending", "ready", "claimed", "in_progress", "completed", "failed", "cancelled"))
            need(whole >= len(ledger.created), f"{whole} tasks are there, {len(ledger.created)} were acknowledged")
            need(before["completed"] >= len(ledger.completed), f"{before['completed']} are completed, {len(ledger.completed)} were acknowledged")
            drain(lines)
            end = counts(lines)
            need(lines.ok("system.check")["sound"], "the store is not sound")
    twice = [t for t, n in ledger.completed.items() if n > 1]
    stuck = sum(end[s] for s in ("pending", "ready", "claimed", "in_progress"))
    need(not twice, f"{len(twice)} were completed twice, {twice[:3]}")
    need(stuck == 0, f"{stuck} are stuck")
    need(end["completed"] + end["failed"] == whole, f"{whole} tasks became {end['completed']} completed and {end['failed']} failed")
    need(len(ledger.completed) > kills, "hardly anything was completed")
    return f"{kills} kills, {len(ledger.created)} created and {len(ledger.completed)} completed were acknowledged, none lost, twice or stuck"


@fault("ag-1", "random sequences of calls, clocks that jump and kills, against a model")
def ag_1(long):
    n = 10000 if long else 200
    done = subprocess.run([sys.executable, os.path.join(questd.TOP, "tests/tap.py"),
                           os.path.join(questd.TOP, "tests/system/test_queue_model.py"), "random*"],
                          env={**os.environ, "QUESTD_SEQUENCES": str(n)}, capture_output=True, text=True)
    need(done.returncode == 0, done.stdout[-2000:])
    return f"{n} sequences do as the model"
