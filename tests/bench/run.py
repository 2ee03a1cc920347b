#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD [NAME ...] [--rounds N] [--seconds S] [--peers]: each figure beside its limit or peer.

A figure is a ratio: questd and a bare peer that moves the same bytes run in turn, on the same core, and
the median of the rounds' ratios counts. What has no peer (memory, first answer, a crowd of followers) is
held against a number. Exit 1 when a goal is missed."""
import hmac
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from figures import BENCHES, BUILD, FOLLOWERS, HERE, LINES, Stage, bench, cpu_s, load, missed, options, pairs, pin, questd, verdict
import queue_lines  # noqa: F401: its benches are among those by name


def tool(stage, name, arguments):
    return stage.request("tools/call", {"_meta": questd.META, "name": name, "arguments": arguments})


def mcp_head(stage):
    return {"Host": stage.server.address, "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "quests_get"}


@bench
def unix():
    with Stage() as s:
        for name, goal, message in (("ping", .75, s.request("system.ping", {})), ("get", .45, s.request("quests.get", {"id": s.quest}))):
            path, bare = s.file(name, message), s.bare_lines(s.reply_bytes(message))
            pairs(f"unix {name}", goal, lambda: load("unix:" + s.server.socket_path, path), lambda: load(bare, path))
    with Stage(pinned=False) as s:
        message = s.request("quests.get", {"id": s.quest})
        path, bare = s.file("get", message), s.bare_lines(s.reply_bytes(message), None)
        pairs("unix get, 32 connections", .35, lambda: load("unix:" + s.server.socket_path, path, 32, core="0,1"),
              lambda: load(bare, path, 32, core="0,1"))


@bench
def stdio():
    with Stage() as s:
        message = tool(s, "quests_get", {"id": s.quest})
        path, n = s.file("tool", message), s.reply_bytes(message)
        relay = f"pipe:{questd.QUESTD} mcp --socket {s.server.socket_path}"
        for depth in (1, 32):
            pairs(f"stdio tools/call, {depth} deep", .2, lambda: load(relay, path, 1, depth), lambda: load(f"pipe:{LINES} {n} pipe", path, 1, depth))


@bench
def http():
    with Stage() as s:
        message = tool(s, "quests_get", {"id": s.quest})
        head = mcp_head(s)
        path = s.file("tool", message, head)
        n = len(s.server.http("POST", "/mcp", message, {k: v for k, v in head.items() if k != "Host"}, token=False)[2])
        bare = s.bare_http(n)
        host, port = s.server.address.split(":")
        pairs("http tools/call", .65, lambda: load(f"http:{host}:{port}:/mcp", path), lambda: load(bare, path))


@bench
def decode():
    run_c("bench_decode")


@bench
def access():
    run_c("bench_access")


@bench
def json_codec():
    run_c("bench_json")


@bench
def store():
    run_c("bench_store")


@bench
def quests():
    run_c("bench_quests")


@bench
def million():
    """The same calls among a thousand quests and among a million, over the socket: how much longer one takes."""
    folders = []
    try:
        for n in (1000, 1000000):
            folders.append(tempfile.mkdtemp(prefix="questd-bench.", dir="/var/tmp"))
            subprocess.run([os.path.join(BUILD, "tests/bench/bench_quests"), "--fill", folders[-1], str(n)], check=True)
        few, many = (questd.Server("--ballast-mb", "0", data=f, http="off") for f in folders)
        with few, many:
            for server in (few, many):
                pin(server.pid, 0)
            for name, method, params in (("get", "quests.get", {"id": "%ONE%"}), ("list ready", "quests.list", {"ready": True})):
                path = os.path.join(folders[0], "request")
                with open(path, "w") as f:
                    f.write(questd.compact({"jsonrpc": "2.0", "id": 0, "method": method, "params": params}).replace('"id":0', '"id":%ID%', 1) + "\n")
                took = [[load("unix:" + s.socket_path, path, lines=os.path.join(s.data, "ids"))[1] for s in (few, many)] for _ in range(options.rounds)]
                a, b = (statistics.median(t[i] for t in took) for i in (0, 1))
                verdict(f"{name} among a million", b / a, 2, f"× as long; p50 {a:.1f} µs among 1,000, {b:.1f} µs among 1,000,000", at_most=True)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


@bench
def ideas():
    run_c("bench_ideas")


def run_c(name):
    path = os.path.join(BUILD, "tests/bench", name)
    done = subprocess.run([path], capture_output=True, text=True)
    print("\n".join("     " + line for line in done.stdout.strip().split("\n")), flush=True)
    if done.returncode:
        missed.append(name)
        print(f"MISS {name} {done.stderr.strip()[-300:]}")


def sqlite_alone(batch, seconds):
    """The rows of one events.fire with its request_id (event, reply, audit), written by SQLite alone, `batch` a commit."""
    path = os.path.join(BUILD, "tests/bench/bench_store")
    done = subprocess.run([path, "alone", str(batch), str(seconds)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(done.stdout.split()[0]), 0


@bench
def writes():
    with Stage(pinned=False) as s:
        message = s.request("events.fire", {"kind": "bench.write", "subject": "s", "payload": {"x": "y" * 100}, "request_id": "request-%ID%"})
        path = s.file("fire", message)
        pairs("durable write, 64 callers", .4, lambda: load("unix:" + s.server.socket_path, path, 64, core="0,1"), lambda: sqlite_alone(64, options.seconds))
        pairs("durable write, 1 caller", .7, lambda: load("unix:" + s.server.socket_path, path, 1, core="0,1"), lambda: sqlite_alone(1, options.seconds))


@bench
def talk():
    """What a message costs: with its event, what is waited for and the words it is found by, one commit, one after the
    other; beside a plain durable write by as many callers."""
    n = 500
    with Stage(pinned=False) as s:
        lines = s.server.lines()
        for name in ("ann", "bob"):
            lines.ok("users.create", {"name": name})
        lines.ok("sessions.create", {"title": "bench", "participants": ["ann", "bob"]})

        def commits():
            text = s.server.http("GET", "/metrics", token=False)[2]
            return int(next(line for line in text.split("\n") if line.startswith("questd_commits_total ")).split()[1])
        before = commits()
        for i in range(n):
            lines.ok("message_to", {"to": "s-1", "text": f"@ann message {i}", "awaiting": ["bob"]})
        verdict("commits a message", (commits() - before) / n, 1.01, f"{n} messages, one caller; retention's own may be among them", at_most=True)
        said = s.file("say", s.request("message_to", {"to": "s-1", "text": "a message of some words", "request_id": "request-%ID%"}))
        fired = s.file("fire", s.request("events.fire", {"kind": "bench.write", "payload": {"x": "y"}, "request_id": "request-%ID%"}))
        unix = "unix:" + s.server.socket_path
        pairs("message, 64 callers", .25, lambda: load(unix, said, 64, core="0,1"), lambda: load(unix, fired, 64, core="0,1"))


def echo_session(port):
    """A session with the SDK's server: its id."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}}
    status, head, text = questd.http_call(f"127.0.0.1:{port}", "POST", "/", message)
    if status != 200:
        raise RuntimeError(text)
    return head["mcp-session-id"]


@bench
def peers():
    """The official TypeScript SDK with an echo tool; questd reads a quest meanwhile. Only when asked for by name."""
    folder = os.path.join(HERE, "peers")
    node = [os.path.join(folder, "node_modules/.bin/node"), os.path.join(folder, "echo.mjs")]
    with Stage() as s:
        ours = tool(s, "quests_get", {"id": s.quest})
        echo = s.request("tools/call", {"name": "echo", "arguments": {"text": "t" * 160}})
        path, peer = s.file("tool", ours), s.file("echo", echo)
        relay, sdk = f"pipe:{questd.QUESTD} mcp --socket {s.server.socket_path}", f"pipe:{' '.join(node)} stdio"
        for depth, goal in ((1, 1), (32, 3)):
            pairs(f"stdio beside the SDK, {depth} deep", goal, lambda: load(relay, path, 1, depth, warm=1),
                  lambda: load(sdk, peer, 1, depth, warm=1))
        p = subprocess.Popen(["taskset", "-c", "0", *node, "http"], stdout=subprocess.PIPE, text=True)
        s.peers.append(p)
        port = int(p.stdout.readline())
        path = s.file("http", ours, mcp_head(s))
        peer = s.file("echo-http", echo, {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json",
                                         "Accept": "application/json, text/event-stream", "Mcp-Session-Id": echo_session(port)})
        pairs("http beside the SDK", 10, lambda: load(f"http:{s.server.address}:/mcp", path),
              lambda: load(f"http:127.0.0.1:{port}:/", peer, warm=1))


def fill_subscriptions(folder, n):
    """So many subscriptions to one kind, each to a value of its own; put there while no server runs, as events.subscribe writes them."""
    with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
        lines = server.lines()
        lines.ok("events.subscribe", {"kind": "bench.busy", "where": [{"path": "id", "op": "eq", "value": "v1"}], "calls": [{"verb": "system.ping"}]})
        lines.close()
    db = sqlite3.connect(os.path.join(folder, "questd.db"))
    names = [r[1] for r in db.execute("pragma table_info(subscriptions)") if r[1] not in ("n", "id", "value", "rule")]
    each = "with recursive c(i) as (values (2) union all select i + 1 from c where i < ?)"
    db.execute(f"{each} insert into subscriptions (n, id, value, rule, {', '.join(names)})"
               f" select i, printf('01a1fe44-6bdb-7000-8ebb-%012x', i), 'sv' || i, replace(rule, 'v1', 'v' || i), {', '.join(names)}"
               f" from c, subscriptions s where s.n = 1", (n,))
    db.execute(f"{each} insert into subscription_counts (subscription) select i from c", (n,))
    db.commit()
    db.close()


def cpu_a_call(server, path, warm=.3):
    """Microseconds of the server's CPU, which others on the machine and the disk disturb least."""
    before = cpu_s(server.pid)
    rate, _, _ = load("unix:" + server.socket_path, path, 64, core="0,1", warm=warm)
    return (cpu_s(server.pid) - before) / (options.seconds + warm) / rate * 1e6


@bench
def reactions():
    """A durable event beside 100,000 subscriptions that it does not match, and beside none."""
    folders = [tempfile.mkdtemp(prefix="questd-bench.", dir="/var/tmp") for _ in range(2)]
    try:
        fill_subscriptions(folders[1], 100000)
        few, many = (questd.Server("--ballast-mb", "0", data=f, http="off") for f in folders)
        with few, many:
            for name, kind in (("another kind", "bench.other"), ("another value", "bench.busy")):
                path = os.path.join(folders[0], "request")
                params = {"kind": kind, "subject": "s", "payload": {"id": "none", "x": "y" * 100}}
                with open(path, "w") as f:
                    f.write(questd.compact({"jsonrpc": "2.0", "id": 0, "method": "events.fire", "params": params}).replace('"id":0', '"id":%ID%', 1) + "\n")
                pairs(f"100,000 wait: {name}", .95, lambda: load("unix:" + many.socket_path, path, 64, core="0,1"),
                      lambda: load("unix:" + few.socket_path, path, 64, core="0,1"))
                a, b = (statistics.median(costs) for costs in zip(*((cpu_a_call(s, path) for s in (many, few)) for _ in range(options.rounds))))
                verdict(f"100,000 wait: {name}, CPU", a / b, 1.05, f"× as much; {a:.1f} µs a call, without them {b:.1f} µs", at_most=True)
            lines = many.lines()
            lines.ok("events.fire", {"kind": "bench.busy", "payload": {"id": "v99999"}})
            fired = lines.ok("events.subscriptions", {"id": "s-99999"})["items"][0]["fired"]
            verdict("the one that it matches", fired, 1, "firing")
            lines.close()
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def fill_schedules(folder, n):
    """So many schedules that are due tomorrow; put there while no server runs, as schedules.create writes them."""
    with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
        lines = server.lines()
        lines.ok("schedules.create", {"name": "s1", "cron": "@yearly", "zone": "Europe/Berlin", "calls": [{"verb": "system.ping"}]})
        lines.close()
    db = sqlite3.connect(os.path.join(folder, "questd.db"))
    names = [r[1] for r in db.execute("pragma table_info(schedules)") if r[1] not in ("n", "id", "name")]
    db.execute("with recursive c(i) as (values (2) union all select i + 1 from c where i < ?)"
               f" insert into schedules (n, id, name, {', '.join(names)})"
               f" select i, printf('01a1fe44-6bdb-7000-8ebb-%012x', i), 's' || i, {', '.join(names)} from c, schedules s where s.n = 1", (n,))
    db.commit()
    db.close()


@bench
def schedules():
    """100,000 schedules that are not due cost nothing."""
    folder = tempfile.mkdtemp(prefix="questd-bench.", dir="/var/tmp")
    try:
        fill_schedules(folder, 100000)
        with questd.Server("--ballast-mb", "0", data=folder, http="off") as server:
            lines = server.lines()
            lines.ok("schedules.run", {"id": "s99999"})
            lines.close()
            time.sleep(2)
            before = cpu_s(server.pid)
            time.sleep(20)
            verdict("100,000 schedules, idle", (cpu_s(server.pid) - before) / 20 * 100, .1, "% CPU", at_most=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def deliver(server, path, deliveries):
    """The p99 of deliveries (body, headers) that are taken, in ms."""
    took = []
    for body, head in deliveries:
        begun = time.perf_counter()
        status, _, text = server.http("POST", path, body, head, token=False)
        took.append((time.perf_counter() - begun) * 1000)
        assert status == 200, text
    return sorted(took)[len(took) * 99 // 100 - 1]


def signed(secret, *parts):
    return "sha256=" + hmac.new(secret.encode(), "".join(parts).encode(), "sha256").hexdigest()


@bench
def hooks():
    """A signed delivery of 10 KB is answered when its event, or a chat's message and the turn for it, is on disk."""
    with questd.Server("--ballast-mb", "0") as server:
        lines = server.lines()
        hook = lines.ok("hooks.create", {"name": "bench", "kind": "github"})
        bodies = [questd.compact({"n": i, "x": "y" * 10000}) for i in range(300)]
        worst = deliver(server, hook["path"], [(body, {"X-Hub-Signature-256": signed(hook["secret"], body), "X-GitHub-Delivery": f"d{i}", "X-GitHub-Event": "push"})
                                               for i, body in enumerate(bodies)])
        verdict("a delivery to a hook, p99 of 300", worst, 50, "ms", at_most=True)
        lines.ok("agents.spawn", {"name": "clerk"})
        channel = lines.ok("channels.upsert", {"name": "bench", "kind": "webhook", "who": "clerk", "allowed": [f"c{i}" for i in range(100)]})
        lines.ok("channels.enable", {"id": "bench"})
        at = str(int(time.time()))
        bodies = [questd.compact({"id": str(i), "chat": f"c{i % 100}", "from": f"p{i % 7}", "text": "y" * 10000, "direct": True}) for i in range(300)]
        worst = deliver(server, channel["path"], [(body, {"X-Signature-256": signed(channel["secret"], at, ".", body), "X-Timestamp": at}) for body in bodies])
        verdict("a message to a channel, p99 of 300", worst, 50, "ms", at_most=True)
        lines.close()


@bench
def start():
    def first(command):
        begun = time.monotonic()
        p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        p.stdin.write(questd.compact({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": questd.META}}).encode() + b"\n")
        p.stdin.flush()
        line = p.stdout.readline()
        took = (time.monotonic() - begun) * 1000
        p.stdin.close()
        p.wait()
        if b'"tools"' not in line:
            raise RuntimeError(line[:300])
        return took
    with questd.Server("--ballast-mb", "0", http="off") as server:
        times = [first([questd.QUESTD, "mcp", "--socket", server.socket_path]) for _ in range(20)]
        verdict("first tools/list, server there", statistics.median(times), 15, f"ms, worst {max(times):.1f}", at_most=True)
    times = []
    for _ in range(8):
        folder = tempfile.mkdtemp(prefix="questd-bench.")
        times.append(first([questd.QUESTD, "mcp", "--data-dir", folder]))
        subprocess.run([questd.QUESTD, "stop", "--data-dir", folder], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
    verdict("first tools/list, starting one", statistics.median(times), 100, f"ms, worst {max(times):.1f}", at_most=True)


@bench
def memory():
    def rss(pid):
        with open(f"/proc/{pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024
    with questd.Server() as server:
        relay = questd.Relay("--socket", server.socket_path)
        relay.lines.ok("system.ping")
        verdict("memory, idle server", rss(server.pid), 16, "MiB", at_most=True)
        verdict("memory, relay", rss(relay.process.pid), 1.5, "MiB", at_most=True)
        relay.close()


@bench
def followers():
    """1,000 readers of one event: how late they get it."""
    with questd.Server("--ballast-mb", "0", http="off") as server:
        done = subprocess.run([FOLLOWERS, server.socket_path, "1000", "50"], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        p50, p99, worst, _ = (int(x) / 1000 for x in done.stdout.split())
        verdict("1,000 followers, p99", p99, 50, f"ms; p50 {p50:.1f}, worst {worst:.1f}", at_most=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that what was started is stopped
    if os.cpu_count() < 2:
        print("two cores are wanted")
    for name, function in BENCHES.items():
        if name in options.names or (not options.names and name != "peers"):
            try:
                function()
            except (RuntimeError, OSError, AssertionError) as fault:
                missed.append(name)
                print(f"MISS {name}: {fault}")
    print(f"{len(missed)} missed" + (": " + ", ".join(missed) if missed else ""))
    return 1 if missed else 0


sys.exit(main())
