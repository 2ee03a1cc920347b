# SPDX-License-Identifier: Apache-2.0
"""Too much of everything: connections, callers, calls, readers that do not read; too little memory, no
descriptors."""
import contextlib
import json
import os
import resource
import selectors
import socket
import statistics
import subprocess
import threading
import time

from verdict import Failed, Skipped, code_of, fault, need, scratch, tries
import questd

SMALL = ["--ballast-mb", "4"]


def rss_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))]


@fault("F-14", "an address space of 300 MB under load")
def f_14(long):
    """64 callers with batches of nearly 4 MiB each: nearly all of the address space at the same time."""
    calls = [{"jsonrpc": "2.0", "id": k, "method": "events.fire", "params": {"kind": "a.b", "payload": {"x": "y" * 60000}}} for k in range(60)]
    text = questd.compact(calls)
    with questd.Server(*SMALL, http="off", wrap=["prlimit", "--as=300000000"]) as server:
        refused, served = [], []

        def load():
            for k in range(3):
                try:
                    lines = server.lines()
                    lines.send(text)
                    answers = json.loads(lines.read())
                    lines.close()
                except (EOFError, OSError):
                    refused.append("closed")
                    continue
                for answer in answers if isinstance(answers, list) else [answers]:
                    (served if "result" in answer else refused).append(code_of(answer))
        threads = [threading.Thread(target=load) for _ in range(64)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        need(server.process.poll() is None, "the server ended: " + server.err[-500:])
        odd = set(refused) - {"overloaded", "out_of_memory", "interrupted", "closed"}
        need(not odd, f"refused with {odd}")
        need(served and {"overloaded", "out_of_memory"} & set(refused), f"{len(served)} served, {len(refused)} refused: this was no load")
        lines = server.lines()
        need(int(lines.ok("events.poll")["head"].split(".")[1]) >= len(served), "acknowledged events are missing")
        need(lines.ok("system.check")["sound"], "not sound")
    counts = ", ".join(f"{refused.count(code)} {code}" for code in sorted(set(refused)))
    return f"{len(served)} served, refused: {counts}; no crash, sound"


@fault("F-18", "64 descriptors")
def f_18(long):
    with questd.Server("--no-auth", *SMALL, wrap=["prlimit", "--nofile=64:64"]) as server:
        host, port = server.address.rsplit(":", 1)
        held = []
        for i in range(200):
            s = socket.socket()
            s.settimeout(2)
            try:
                s.connect((host, int(port)))
                held.append(s)
            except OSError:
                s.close()
        before = cpu_seconds(server.pid)
        time.sleep(2)
        spun = (cpu_seconds(server.pid) - before) / 2
        need(spun < .1, f"spins: {spun * 100:.0f} % of a core")
        need(server.process.poll() is None, "the server ended")
        [s.close() for s in held]
        end = time.monotonic() + 5
        while True:
            try:
                need(server.lines().ok("system.ping")["pong"], "no pong")
                break
            except (OSError, EOFError):
                if time.monotonic() > end:
                    raise Failed("does not recover")
                time.sleep(.1)
        need(server.http(path="/rpc", body={"jsonrpc": "2.0", "id": 1, "method": "system.ping"}, token=False)[0] == 200, "HTTP does not recover")
    return f"200 connections, {spun * 100:.1f} % of a core, recovered"


@fault("F-19", "10,000 idle HTTP connections")
def f_19(long):
    return tries(idle_connections)


def idle_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 11000:
        raise Skipped(f"only {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (11000 if soft != resource.RLIM_INFINITY and soft < 11000 else soft, hard))
    with questd.Server("--no-auth", *SMALL) as server:
        host, port = server.address.rsplit(":", 1)
        body = b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}'
        head = b"POST /rpc HTTP/1.1\r\nHost: " + server.address.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
        held, slow, before = [], [], []

        def fresh(took):
            for _ in range(200):
                begun = time.monotonic()
                need(server.http(path="/rpc", body=body, token=False)[0] == 200, "a fresh call fails")
                took.append((time.monotonic() - begun) * 1000)
        fresh(before)
        for i in range(10000):
            s = socket.socket()
            s.bind((f"127.0.{1 + i // 4000}.1", 0))
            s.settimeout(10)
            s.connect((host, int(port)))
            s.sendall(head + body)
            need(b" 200 " in s.recv(4096), f"connection {i} was refused")
            held.append(s)
        memory = rss_mib(server.pid)
        fresh(slow)
        [s.close() for s in held]
    need(memory <= 100, f"{memory:.0f} MiB resident")
    p99, without = percentile(slow, .99), percentile(before, .99)
    need(p99 <= 10, f"a fresh call takes {p99:.1f} ms at p99, without them {without:.1f} ms")
    return f"{memory:.1f} MiB resident, a fresh call p50 {statistics.median(slow):.2f} ms, p99 {p99:.2f} ms (without them {without:.2f})"


def load_of(server, folder, request, conns, seconds):
    """bench-load: the running process; its line is `calls_per_s p50_us p99_us n errors`."""
    path = os.path.join(folder, f"request-{request['method']}")
    with open(path, "w") as f:
        f.write(questd.compact({"jsonrpc": "2.0", "id": 1, **request}))
    return subprocess.Popen([os.path.join(questd.BUILD, "tests/bench/bench-load"), "unix:" + server.socket_path, path, str(conns), "1", str(seconds)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def figures(process):
    out, err = process.communicate(timeout=60)
    need(process.returncode == 0, err)
    rate, p50, p99, n, errors = out.split()
    need(int(errors) == 0, f"{errors} errors: {err}")
    return float(rate), float(p50) / 1000, float(p99) / 1000


FIRE = {"method": "events.fire", "params": {"kind": "a.b"}}


@fault("F-20", "1,000 callers, reads and writes")
def f_20(long):
    @tries
    def said():
        with scratch() as folder, questd.Server(*SMALL, http="off") as server:
            quest = server.lines().ok("quests.create", {"subject": "shared"})["id"]
            before = int(server.lines().ok("events.poll")["head"].split(".")[1])
            both = [load_of(server, folder, FIRE, 500, 3), load_of(server, folder, {"method": "quests.get", "params": {"id": quest}}, 500, 3)]
            (writes, _, slow), (reads, _, read_slow) = [figures(p) for p in both]
            head = int(server.lines().ok("events.poll")["head"].split(".")[1])
        need(head - before >= writes * 3, "writes are missing")
        need(max(slow, read_slow) < 250, f"p99 of writes {slow:.0f} ms, of reads {read_slow:.0f} ms")
        need(writes >= 5000, f"only {writes:.0f} durable writes a second")
        return f"{writes:.0f} durable writes and {reads:.0f} reads a second, 0 errors, p99 {slow:.0f} and {read_slow:.0f} ms"
    return said


class Flood:
    """HTTP callers of the principal `token`: a process that has connected them all."""

    def __init__(self, server, callers):
        host, port = server.address.rsplit(":", 1)
        self.process = subprocess.Popen([os.path.join(questd.BUILD, "tests/fault/flood"), host, port, server.token(), str(callers)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        need(self.line() == "ready\n", "no flood")

    def line(self):
        said = self.process.stdout.readline()
        if not said:
            raise Failed("the flood ended: " + self.process.stderr.read())
        return said

    def begin(self, callers, seconds):
        self.process.stdin.write(f"{callers} {seconds}\n")
        self.process.stdin.flush()

    def end(self):
        """Served a second, refused, and the median times in ms of both, and the refused's p99."""
        served, refused, odd, *times = self.line().split()
        need(odd == "0", f"{odd} odd answers")
        return float(served), int(refused), *[int(t) / 1000 for t in times]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()


def light(lines, seconds):
    """What each call of a caller takes who writes one event every few ms, in ms; it is never refused."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        lines.ok("events.fire", {"kind": "light.one"})
        took.append((time.monotonic() - begun) * 1000)
        time.sleep(.002)
    return took


@fault("F-21", "five times too much")
def f_21(long):
    """By turns, so that whoever else is busy on the machine is so in all of them: the peak, the flood, and a light caller alone,
    beside the flood, and beside a flood of another server, which takes as much of the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 6000:
        raise Skipped(f"only {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6000), hard))
    return five_times_too_much()


def five_times_too_much():
    alone, beside, apart, peaks, floods = [], [], [], [], []
    with questd.Server(*SMALL) as server, questd.Server(*SMALL) as other:
        lines, here, there = server.lines(), Flood(server, 5 * 1024), Flood(other, 5 * 1024)
        for _ in range(3):
            alone += light(lines, 1)
            here.begin(256, 1)
            peaks.append(here.end()[0])
            here.begin(5 * 1024, 2)
            beside += light(lines, 1.8)
            floods.append(here.end())
            there.begin(5 * 1024, 2)
            apart += light(lines, 1.8)
            there.end()
        here.close()
        there.close()
        need(server.process.poll() is None, "the server ended")
    goodput = statistics.median(flood[0] / peak for flood, peak in zip(floods, peaks))
    served, refused, served_ms, refused_ms, worst_ms = [statistics.median(column) for column in zip(*floods)]
    alone, beside, apart = [percentile(took, .99) for took in (alone, beside, apart)]
    need(refused > 0, "nothing was refused")
    need(goodput >= .8, f"{goodput:.2f} of the peak's {statistics.median(peaks):.0f} a second")
    need(refused_ms < 10, f"refused after {refused_ms:.1f} ms, served after {served_ms:.1f} ms")
    need(beside < 4 * alone, f"a light caller's p99 is {beside:.1f} ms, alone {alone:.1f} ms, beside a flood elsewhere {apart:.1f} ms")
    return (f"{served:.0f} served a second ({goodput:.2f} of the peak), each after {served_ms:.0f} ms, {refused:.0f} refused in 2 s with when to come "
            f"again after {refused_ms:.1f} ms (p99 {worst_ms:.0f}, the client's own queue included); a light caller's p99 {beside:.1f} ms, "
            f"alone {alone:.1f} ms, beside a flood elsewhere {apart:.1f} ms, never refused")


class Follower:
    """A stream of events that somebody reads, or does not."""

    def __init__(self, server, kinds):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(server.socket_path)
        self.socket.sendall(questd.compact({"jsonrpc": "2.0", "id": 1, "method": "events.follow", "params": {"kinds": kinds}}).encode() + b"\n")
        self.text = b""
        while b"\n" not in self.text:
            self.text += self.socket.recv(65536)
        need(b'"connected"' in self.text, self.text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def rest(self, until=b"", seconds=10):
        """All that comes until a text is there, or the end."""
        self.socket.settimeout(seconds)
        try:
            while not until or until not in self.text:
                chunk = self.socket.recv(1 << 20)
                if not chunk:
                    break
                self.text += chunk
        except OSError:
            pass
        return self.text


@fault("F-22", "2,000 followers, one of which does not read")
def f_22(long):
    return tries(followers)


def followers():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4000), hard), hard))
    with contextlib.ExitStack() as opened, questd.Server(*SMALL, http="off") as server:
        lines, others, late = server.lines(), {"kind": "other.kind", "payload": {"x": "y" * 8000}}, []

        def follow(kinds):
            return opened.enter_context(Follower(server, kinds))

        batch = questd.compact([{"jsonrpc": "2.0", "id": i, "method": "events.fire", "params": others} for i in range(100)])

        def speak():
            lines.send(batch)
            need(all("result" in answer for answer in json.loads(lines.read())), "an event was refused")
        for _ in range(60):  # 48 MiB: the store's caches are full before anybody listens
            speak()
        awake = [follow(["crowd.*"]) for _ in range(1999)]
        speak()
        stalled = follow(["*"])
        grown = 0

        def listen(f):
            """One thread for all: what a line says is how old it is."""
            at = time.time() * 1000
            for line in f.socket.recv(1 << 20).split(b"\n"):
                if b'"at":' in line:
                    late.append(at - float(line.split(b'"at":')[1].split(b",")[0].split(b"}")[0]))

        def read_all(n):
            poll = selectors.DefaultSelector()
            [poll.register(f.socket, selectors.EVENT_READ, f) for f in awake]
            end = time.monotonic() + 60
            while len(late) < n and time.monotonic() < end:
                [listen(key.data) for key, _ in poll.select(1)]
        reader = threading.Thread(target=read_all, args=(1999 * 30,))
        reader.start()
        for i in range(30):
            lines.ok("events.fire", {"kind": "crowd.spoke", "payload": {"at": time.time() * 1000}})
            time.sleep(.2)
        reader.join()
        need(len(late) == 1999 * 30, f"{len(late)} of {1999 * 30} frames came")
        started = rss_mib(server.pid)
        for _ in range(12):  # more than the kernel and its buffer hold for the one that does not read
            speak()
            grown = max(grown, rss_mib(server.pid) - started)
        rest = stalled.rest()
        need(b"lagged" in rest[-4000:], f"the one that did not read was not told: {rest[-300:]}")
        need(grown < 4, f"{grown:.1f} MiB more for the one that did not read, whose share is one")
        need(percentile(late, .99) < 100, f"readers are {percentile(late, .99):.0f} ms behind at p99")
    return f"p99 of the 1,999 that read {percentile(late, .99):.1f} ms behind, the stalled one cut as lagged, {grown:.1f} MiB more at the worst"
