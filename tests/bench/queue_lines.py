# SPDX-License-Identifier: Apache-2.0
"""The queue by clients and depth, alone or beside other job queues, and what waiting at it and at mailboxes costs."""
import contextlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from figures import TASKS, bench, cpu_s, options, questd, verdict
import servers


def fill_queue(folder, depth):
    """So many ready tasks, put there while no server runs: what tasks.create would have written."""
    with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
        lines = server.lines()
        lines.ok("tasks.create", {"subject": "a task", "payload": {"n": 1}})
        lines.ok("queues.update", {"name": "default", "max_pending": 2 * depth + 1000000})
        lines.close()
    db = sqlite3.connect(os.path.join(folder, "questd.db"))
    names = [r[1] for r in db.execute("pragma table_info(tasks)") if r[1] not in ("n", "id")]
    each = "with recursive c(i) as (values (2) union all select i + 1 from c where i < ?)"
    db.execute(f"{each} insert into tasks (n, id, {', '.join(names)})"
               f" select i, printf('01a1fe44-6bdb-7000-8ebb-%012x', i), {', '.join(names)} from c, tasks t where t.n = 1", (depth,))
    db.execute(f"{each} insert into task_payloads (task, payload) select i, payload from c, task_payloads where task = 1", (depth,))
    db.commit()
    db.close()


def work(server, mode, n, seconds=None):
    done = subprocess.run([TASKS, server.socket_path, mode, str(n), str(seconds or options.seconds)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{mode}: {done.stderr[-300:]}")
    rate, p50, p99, _ = (float(x) for x in done.stdout.split())
    return rate, p50, p99


def ready(server):
    with contextlib.closing(server.lines()) as lines:
        return lines.ok("queues.list")["items"][0]["ready"]


WHAT = {"create": "create", "work": "claim + complete"}


def queue_line(server, peers, mode, n, depth):
    """One line: questd and each peer in turn, twice; alone it is printed, beside peers held against the fastest."""
    modes = [mode, "chain"] if mode == "work" else [mode]
    ours, theirs = {m: [] for m in modes}, {p.name: [] for p in peers}
    for _ in range(min(options.rounds, 2) if peers else 1):
        for m in modes:
            while mode == "work" and ready(server) < servers.reserve(n, options.seconds):
                work(server, "create", 64)
            ours[m].append(work(server, m, n))
        for p in peers:
            theirs[p.name].append(p.rate(mode, n, depth, options.seconds))
    rate, p50, p99 = (statistics.median(x) for x in zip(*ours[mode]))
    name, text = f"{WHAT[mode]}, {n} clients, {depth:,} deep", f"{rate:,.0f}/s p50 {p50:.0f} µs p99 {p99:.0f} µs"
    best = max(statistics.median(x[0] for x in ours[m]) for m in modes)
    if mode == "work":
        text += f"; with the next claim in one call {best:,.0f}/s"
    if not peers:
        print(f"     {name}: {text}", flush=True)
        return rate, p50
    theirs = {name: statistics.median(x) for name, x in theirs.items()}
    verdict(name, best / max(theirs.values()), 1, f"questd {text}; " + ", ".join(f"{p} {x:,.0f}/s ({best / x:.1f} ×)" for p, x in theirs.items()))
    return rate, p50


@bench
def queue():
    """Durable create, and claim + complete, by clients and depth; how late a waiting claim is woken; what waiting costs."""
    p50s = {}
    with contextlib.ExitStack() as stack:
        peers = servers.start_peers(stack) if options.peers else []
        for depth in (1000, 100000, 1000000):
            folder = tempfile.mkdtemp(prefix="questd-bench.", dir="/var/tmp")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            fill_queue(folder, depth)
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda p: p.fill(depth), peers))
            with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
                for n in (1, 16, 64):
                    queue_line(server, peers, "create", n, depth)
                    rate, p50s[depth, n] = queue_line(server, peers, "work", n, depth)
                    if (depth, n) == (1000, 64):
                        verdict("claim + complete, 64 clients", rate, 20000, "rounds a second, 1,000 deep")
                if depth == 1000:
                    _, p50, p99 = work(server, "wake", 500)
                    verdict("wake-up of a waiting claim", p50 / 1000, 1, f"ms p50, p99 {p99 / 1000:.2f} ms", at_most=True)
                    verdict("wake-up of a waiting claim", p99 / 1000, 5, "ms p99", at_most=True)
    verdict("claim among a million", p50s[1000000, 1] / p50s[1000, 1], 1.3, f"× as long; p50 {p50s[1000, 1]:.0f} µs among 1,000, {p50s[1000000, 1]:.0f} µs among 1,000,000", at_most=True)
    waiting_costs_nothing("wait", "10,000 waiting claims", 0)


def waiting_costs_nothing(mode, what, n_mailboxes):
    with questd.Server("--ballast-mb", "0", http="off") as server:
        lines = server.lines()
        for start in range(0, n_mailboxes, 100):
            lines.ok("system.batch", {"atomic": True, "calls": [{"method": "mailboxes.create", "params": {"name": f"m{i}"}} for i in range(start, start + 100)]})
        lines.close()
        waiters = subprocess.Popen([TASKS, server.socket_path, mode, "10000", "9"], stdout=subprocess.PIPE)
        if waiters.stdout.readline() != b"all wait\n":
            raise RuntimeError("not all of them wait")
        before = cpu_s(server.pid)
        time.sleep(8)
        verdict(what, (cpu_s(server.pid) - before) / 8 * 100, .5, "% CPU", at_most=True)
        if waiters.wait():
            raise RuntimeError("one of them was answered")


@bench
def mailboxes():
    """What waiting at mailboxes costs, each receive at one of its own."""
    waiting_costs_nothing("receive", "10,000 waiting receives", 10000)
