# SPDX-License-Identifier: Apache-2.0
"""Clients that leave, ends of input, signals, typing errors, a log that nobody reads."""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

from crash import events_in
from crowd import crowd
from limits import Follower, rss_mib
from verdict import code_of, fault, need, scratch
import questd

SMALL = ["--ballast-mb", "4"]


def gauge(server, name):
    text = server.http("GET", "/metrics", token=False)[2]
    return next(int(line.split()[-1]) for line in text.split("\n") if line.startswith(name + " "))


def until(is_so, seconds, otherwise):
    """How long it took."""
    begun = time.monotonic()
    while not is_so():
        need(time.monotonic() - begun < seconds, otherwise)
        time.sleep(.001)
    return time.monotonic() - begun


@fault("F-16", "1,000 clients leave in the middle of a call")
def f_16(long):
    with questd.Server("--no-auth", *SMALL) as server:
        host, port = server.address.rsplit(":", 1)
        quest = server.lines().ok("quests.create", {"subject": "never"})["id"]
        wait = questd.compact({"jsonrpc": "2.0", "id": 1, "method": "quests.wait", "params": {"id": quest, "timeout_s": 45}}).encode()
        search = questd.compact({"jsonrpc": "2.0", "id": 1, "method": "quests.list"}).encode()
        store = questd.compact({"jsonrpc": "2.0", "id": 1, "method": "events.fire", "params": {"kind": "a.b"}}).encode()

        def leave(i):
            body = (wait, wait, search, store)[i // 2 % 4]
            if i % 2:
                s = socket.create_connection((host, int(port)))
                s.sendall(b"POST /rpc HTTP/1.1\r\nHost: " + server.address.encode() + b"\r\nContent-Type: application/json\r\n"
                          b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
            else:
                s = socket.socket(socket.AF_UNIX)
                s.connect(server.socket_path)
                s.sendall(body + b"\n")
            return s

        def cycle(n):
            """Twenty at a time: about half of their calls wait at the server, then they go, all at once. How long the slowest
            twenty's calls went on."""
            slowest = 0
            for first in range(0, n, 20):
                held = [leave(i) for i in range(first, first + 20)]
                n_waits = sum(i // 2 % 4 < 2 for i in range(first, first + 20))
                until(lambda: gauge(server, "questd_parked_calls") == n_waits, 20, "the calls do not wait")
                [s.close() for s in held]
                slowest = max(slowest, until(lambda: gauge(server, "questd_requests") == 0, 1, "calls go on a second after their clients left"))
            need(gauge(server, "questd_parked_calls") == 0, "calls still wait")
            return slowest
        cycle(2000)
        before = gauge(server, "questd_open_files"), rss_mib(server.pid)
        stopped = cycle(1000)
        end = time.monotonic() + 3
        while gauge(server, "questd_open_files") > before[0] and time.monotonic() < end:
            time.sleep(.05)
        after = gauge(server, "questd_open_files"), rss_mib(server.pid)
        need(after[0] <= before[0], f"{before[0]} descriptors became {after[0]}")
        need(after[1] - before[1] <= 1, f"{after[1] - before[1]:.1f} MiB more")
    return f"1,000 left, their calls stopped within {stopped * 1000:.0f} ms: descriptors {before[0]} → {after[0]}, memory {after[1] - before[1]:+.1f} MiB"


@fault("F-17", "end of input, SIGTERM idle and at work")
def f_17(long):
    took = {}
    with questd.Server(*SMALL, http="off") as server:
        relay = questd.Relay("--socket", server.socket_path)
        relay.lines.ok("system.ping")
        begun = time.monotonic()
        need(relay.close() == 0, "the relay's exit code")
        took["end of input"] = time.monotonic() - begun
        begun = time.monotonic()
        need(server.stop() == 0, "SIGTERM while idle: " + server.err)
        took["idle"] = time.monotonic() - begun
    with scratch() as folder:
        server = questd.Server(*SMALL, data=folder, http="off")
        acked, lines, follower = [], server.lines(), Follower(server, ["nobody.speaks"])
        quest = lines.ok("quests.create", {"subject": "never"})["id"]
        lines.send(questd.compact({"jsonrpc": "2.0", "id": "waits", "method": "quests.wait", "params": {"id": quest, "timeout_s": 45}}))
        thread = threading.Thread(target=lambda: acked.extend(crowd(server.socket_path, 16, 5)))
        thread.start()
        head = server.lines()
        until(lambda: int(head.ok("events.poll")["head"].split(".")[1]) > 200, 20, "nobody writes")
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(15)
        took["at work"] = time.monotonic() - begun
        thread.join()
        answer, said = json.loads(lines.read()), follower.rest()
        server.stop()
        need(code == 0, f"SIGTERM at work: {code}: {server.err}")
        need(answer["id"] == "waits" and code_of(answer), f"the call that waited was answered {answer}")
        need(b'"reason":' in said, f"the stream ended with {said[-200:]}")
        need(not os.path.exists(folder + "/questd.db-wal") or os.path.getsize(folder + "/questd.db-wal") == 0, "the log was not folded in")
        there = events_in(folder)
        lost = [(seq, subject) for seq, subject in acked if there.get(seq) != subject]
        need(acked and not lost, f"of {len(acked)} acknowledged {len(lost)} are lost: {lost[:3]}")
    need(took["end of input"] <= 2 and took["idle"] <= 2 and took["at work"] <= 10, str(took))
    return ", ".join(f"{k} {v * 1000:.0f} ms" for k, v in took.items()) + f", code 0, {len(acked)} acknowledged, 0 lost, a call that waited and a stream were told"


TYPOS = [
    ("[server]\nsokcet = \"x\"\n", ":2:", "socket"), ("[servr]\nsocket = \"x\"\n", ":", "serv"), ("[http]\nlisten = 8400\n", ":2", "listen"),
    ("[http]\nlisten = \"nowhere\"\n", ":2", "listen"), ("[store]\nkeep_events_days = 0\n", ":2", "keep_events_days"),
    ("[store]\nkeep_events_days = \"many\"\n", ":2", "keep_events_days"), ("[store]\nkeep_events_days = 99999999999999999999\n", ":2", ""),
    ("[log]\nlevel = \"loud\"\n", ":2", "level"), ("[log]\nlevel = \"info\"\nlevel = \"warn\"\n", ":3", ""), ("[log]\n[log]\n", ":2", ""),
    ("level = \"info\"\n", ":1", ""), ("[log\nlevel = \"info\"\n", ":1", ""), ("[log]\nlevel = info\n", ":2", ""), ("[log]\nlevel\n", ":2", ""),
    ("[log]\nlevel = \"info\n", ":2", ""), ("[log]\nlevel = \"info\" extra\n", ":2", ""), ("[a.b]\nx = 1\n", ":1", ""), ("[http]\nno_auth = yes\n", ":2", ""),
    ("[http]\nno_auth = 1\n", ":2", "no_auth"), ("[server]\nworkers = -1\n", ":2", "workers"), ("[server]\nworkers = 1.5\n", ":2", ""),
    ("[events]\ncycle = 0\n", ":2", "cycle"), ("[store]\nballast = 1\n", ":2", "ballast_mb"), ("[mcp]\ntoolsets = \"a\nb\"\n", ":2", ""), ("\x00", ":1", ""), ("\xff\xfe", ":1", ""),
    ("[http]\nlisten = \"127.0.0.1\"\n", ":2", "listen"), ("[http]\nlisten = \"127.0.0.1:99999\"\n", ":2", "listen"),
    ("[server]\nworkers = 65\n", ":2", "workers"), ("[store]\nkeep_replies_hours = 1\n", ":2", "keep_replies_hours"),
    ("[log]\nformat = \"xml\"\n", ":2", "format"), ("[server]\nsocket = \"\"\n", ":2", "socket"),
    ("[http]\nhosts = \"one\"\n", ":2", "hosts"), ("[server\n", ":1", ""), ("# fine\n[http]\nhosst = []\n", ":3", "hosts"),
    ("[http]\nhosts = [1, 2]\n", ":2", ""), ("[http]\nlisten = '''x'''\n", ":2", ""), ("[http]\nlisten = 2026-11-21\n", ":2", ""), ("[http]\nlisten = {a=1}\n", ":2", ""),
]


def refused(folder, words, name):
    """What `questd serve` says before it ends with 2, nothing started."""
    done = subprocess.run([questd.QUESTD, "serve", "--data-dir", folder, *words, *SMALL], capture_output=True, text=True, timeout=20)
    need(done.returncode == 2, f"{name}: exit code {done.returncode}: {done.stderr}")
    need(not os.path.exists(os.path.join(folder, "questd.db")), f"{name}: half started")
    need(len(done.stderr.strip().split("\n")) == 1, f"{name}: more than a line: {done.stderr}")
    return done.stderr


@fault("F-23", "typing errors in the configuration")
def f_23(long):
    for text, place, word in TYPOS:
        with scratch() as folder:
            with open(os.path.join(folder, "questd.toml"), "wb") as f:
                f.write(text.encode("latin-1") if "\xff" in text else text.encode())
            said = refused(folder, [] if "[http]" in text else ["--http", "off"], repr(text))
            need("questd.toml" + place in said and word in said, f"{text!r}: the message is {said!r}")
    flags = [(["--nothing"], "--nothing"), (["--http"], ""), (["--http", "0.0.0.0:0"], "0.0.0.0:0"), (["--http", "127.0.0.1:99999"], "99999"),
             (["--workers", "x"], "--workers"), (["--config", "/nonexistent/questd.toml"], "/nonexistent/questd.toml"),
             (["--socket", "/tmp/" + "x" * 120], "107"), (["--no-auth", "--http", "0.0.0.0:0", "--behind-proxy"], "no_auth")]
    for words, word in flags:
        with scratch() as folder:
            said = refused(folder, words, str(words))
            need(word in said, f"{words}: {said!r}")
    files = permissions()
    return f"{len(TYPOS)} texts, {files} files and {len(flags)} command lines: each refused with its place and reason, code 2, nothing started"


def permissions():
    """Files with the wrong kind or permission: how many."""
    cases = [("questd.toml", 0o666, "chmod"), ("questd.toml", 0o620, "chmod"), ("questd.toml", None, "questd.toml"), ("token", None, "token")]
    if os.getuid():
        cases.append(("questd.toml", 0o000, "ermission"))
    for name, mode, word in cases:
        with scratch() as folder:
            path = os.path.join(folder, name)
            if mode is None:
                os.mkdir(path)
            else:
                with open(path, "w") as f:
                    f.write("# nothing\n")
                os.chmod(path, mode)
            done = subprocess.run([questd.QUESTD, "serve", "--data-dir", folder, "--http", "127.0.0.1:0", *SMALL], capture_output=True, text=True, timeout=20)
            need(done.returncode == 2 and name in done.stderr and word in done.stderr, f"{name} {mode}: {done.returncode}: {done.stderr}")
    with scratch() as folder:
        with questd.Server(*SMALL, data=folder):
            pass
        os.chmod(os.path.join(folder, "token"), 0o644)
        done = subprocess.run([questd.QUESTD, "serve", "--data-dir", folder, "--http", "127.0.0.1:0", *SMALL], capture_output=True, text=True, timeout=20)
        need(done.returncode == 2 and "token" in done.stderr, f"a token that others may read: {done.returncode}: {done.stderr}")
    return len(cases) + 1


@fault("F-31", "nobody reads the log")
def f_31(long):
    """Each commit fails, which is told in the log; the log is a pipe, and full."""
    with scratch() as folder:
        read, write = os.pipe()
        process = subprocess.Popen([questd.QUESTD, "serve", "--data-dir", folder, "--http", "127.0.0.1:0", "--no-auth", *SMALL],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=write,
                                   env={**os.environ, "FP": "store_commit_before:return"})
        try:
            text = b""
            while b"questd ready" not in text:
                text += os.read(read, 4096)
            need(text.count(b"\n") > text[:text.index(b"questd ready")].count(b"\n"), f"a ready line in pieces: {text}")
            filler = os.open(f"/proc/self/fd/{write}", os.O_WRONLY | os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(filler, b"x" * 4096)
            os.close(filler)
            address = text.decode().split("http=")[1].split()[0]

            def dropped():
                return int(questd.http_call(address, "GET", "/metrics")[2].split("\nquestd_log_lines_dropped_total ")[1].split()[0])
            lines = questd.Lines(os.path.join(folder, "questd.sock"))
            before, slowest = dropped(), 0
            for i in range(3000):
                begun = time.monotonic()
                answer = lines.call("events.fire", {"kind": "a.b"})
                slowest = max(slowest, time.monotonic() - begun)
                need(code_of(answer) == "internal", f"wanted internal, got {answer}")
            lost = dropped() - before
            need(slowest < 1, f"a call took {slowest:.1f} s")
            need(lost > 0, "no line was dropped, or none was counted")
            os.set_blocking(read, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.read(read, 65536)
            end = time.monotonic() + 5  # so many lines a second, and no more
            while not select.select([read], [], [], .1)[0]:
                need(time.monotonic() < end, "the log does not go on when somebody reads it")
                lines.call("events.fire", {"kind": "a.b"})
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(15)
            [os.close(fd) for fd in (read, write)]
        need(code == 0, f"exit code {code}")
    return f"3,000 calls that fail with a full pipe behind stderr, the slowest {slowest * 1000:.0f} ms; {lost} lines dropped and counted; the log goes on"
