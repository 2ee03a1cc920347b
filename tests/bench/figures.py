# SPDX-License-Identifier: Apache-2.0
"""How a figure is taken and judged: the options, the servers and bare peers that are loaded, the verdict."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("names", nargs="*")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=1.5)
parser.add_argument("--peers", action="store_true", help="queue: beside graphile-worker, pg-boss and BullMQ")
options = parser.parse_args()
os.environ["QUESTD_BUILD"] = BUILD = os.path.abspath(options.build)
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "fault"), os.path.join(HERE, "queues")]
import questd  # noqa: E402

LOAD, LINES, HTTP, FOLLOWERS, TASKS = (os.path.join(BUILD, "tests/bench", n)
                                       for n in ("bench-load", "bench-peer-lines", "bench-peer-http", "bench-followers", "bench-tasks"))
BENCHES, missed = {}, []


def bench(function):
    BENCHES[function.__name__.replace("_", "-")] = function
    return function


def verdict(name, value, goal, text, at_most=False):
    fine = value <= goal if at_most else value >= goal
    if not fine:
        missed.append(name)
    print(f"{'ok  ' if fine else 'MISS'} {name:28s} {value:8.2f}  goal {'≤' if at_most else '≥'} {goal:g}   {text}", flush=True)


def pin(pid, core):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {core} if core is not None else {0, 1})


def load(target, request, conns=1, depth=1, core="0", lines=None, warm=.3):
    done = subprocess.run(["taskset", "-c", core, LOAD, target, request, str(conns), str(depth), str(options.seconds), str(warm)],
                          capture_output=True, text=True, env={**os.environ, **({"BENCH_LINES": lines} if lines else {})})
    if done.returncode:
        raise RuntimeError(f"{target}: {done.stderr}")
    rate, p50, p99, _, errors = (float(x) for x in done.stdout.split())
    if errors:
        raise RuntimeError(f"{target}: {errors:.0f} errors: {done.stderr[:300]}")
    return rate, p50, p99


def pairs(name, goal, ours, limit):
    got = [(ours(), limit()) for _ in range(options.rounds)]
    ratio = statistics.median(a[0] / b[0] for a, b in got)
    middle = lambda i: (statistics.median(g[i][0] for g in got), statistics.median(g[i][1] for g in got))
    (a, a50), (b, b50) = middle(0), middle(1)
    verdict(name, ratio, goal, f"questd {a:,.0f}/s p50 {a50:.1f} µs, limit {b:,.0f}/s" + (f" p50 {b50:.1f} µs" if b50 else ""))
    return ratio


class Stage:
    """A server with one quest, requests as files, and bare peers that send as many bytes."""

    def __init__(self, *flags, pinned=True):
        self.folder = tempfile.mkdtemp(prefix="questd-bench.")
        self.server = questd.Server("--no-auth", "--ballast-mb", "0", *flags)
        self.peers = []
        lines = self.server.lines()
        self.quest = lines.ok("quests.create", {"subject": "a quest to read", "description": "d" * 160})["id"]
        lines.close()
        if pinned:
            pin(self.server.pid, 0)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for p in self.peers:
            p.terminate()
            p.wait()
        self.server.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, name, message, head=None):
        text = questd.compact(message).replace('"id":7000000000', '"id":%ID%', 1)
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(("".join(f"{k}: {v}\n" for k, v in head.items()) + "\n" if head else "") + text + "\n")
        return path

    def request(self, method, params, **more):
        return {"jsonrpc": "2.0", "id": 7000000000, "method": method, "params": params, **more}

    def reply_bytes(self, message):
        lines = self.server.lines()
        lines.send(message)
        answer = lines.read()
        lines.close()
        if '"result"' not in answer:
            raise RuntimeError(answer)
        return len(answer.encode()) + 1

    def bare_lines(self, n, core=0):
        path = os.path.join(self.folder, f"peer{len(self.peers)}")
        p = subprocess.Popen([LINES, str(n), "unix:" + path])
        while not os.path.exists(path):
            time.sleep(.01)
        if core is not None:
            pin(p.pid, core)
        self.peers.append(p)
        return "unix:" + path

    def bare_http(self, n, core=0):
        p = subprocess.Popen([HTTP, str(n)], stdout=subprocess.PIPE, text=True)
        port = p.stdout.readline().strip()
        if core is not None:
            pin(p.pid, core)
        self.peers.append(p)
        return f"http:127.0.0.1:{port}:/"


def cpu_s(pid):
    """To the nanosecond: /proc/PID/stat counts hundredths of a second."""
    spent = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            spent += int(f.read().split()[0])
    return spent / 1e9
