# SPDX-License-Identifier: Apache-2.0
"""Disks: full, read-only, damaged, copied, locked, gone."""
import json
import os
import select
import shutil
import sqlite3
import subprocess
import threading
import time

from crash import fill
from limits import figures, load_of
from verdict import Failed, Skipped, code_of, fault, need, scratch
import questd

NS = ["unshare", "--mount", "--map-root-user", "--user"] if os.getuid() else ["unshare", "--mount"]
SMALL = ["--ballast-mb", "4"]


def in_mount(folder, options, *flags, env=None):
    """A server whose data lies on a tmpfs of its own, and a function that runs a command beside it there."""
    inner = f"mount -t tmpfs -o mode=700,{options} questd {folder} && exec \"$@\""
    server = questd.Server(*flags, data=folder, http="127.0.0.1:0", wrap=[*NS, "sh", "-c", inner, "sh"], env=env)

    def beside(*command):
        return subprocess.run(["nsenter", "--mount", *([] if not os.getuid() else ["--user", "--preserve-credentials"]),
                               "--target", str(server.pid), *command], capture_output=True, text=True)
    return server, beside


def reach(server):
    """A connection to a socket in another mount namespace: by way of /proc."""
    return questd.Lines(f"/proc/{server.pid}/root{server.socket_path}")


def able():
    if subprocess.run([*NS, "true"], capture_output=True).returncode:
        raise Skipped("no mount namespaces here")


def until(what, seconds, check):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(.05)
    raise Failed(f"{what}: not within {seconds} s")


class BadDisk:
    """A server whose disk fails as say() wants: "EROFS", "EIO", or "" for a good one."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "bad-disk")
        self.say("")
        self.env = {"LD_PRELOAD": os.path.join(questd.BUILD, "tests/fault/bad_disk.so"), "BAD_DISK": self.path}

    def say(self, word):
        with open(self.path + ".new", "w") as f:
            f.write(word)
        os.rename(self.path + ".new", self.path)


def refused(lines, call, wanted):
    """The slowest of calls in a row that all answer `wanted`, in ms, less the slowest ping between them."""
    slowest, ping, end = 0, 0, time.monotonic() + 1.5
    while time.monotonic() < end:
        begun = time.monotonic()
        lines.ok("system.ping")
        ping = max(ping, time.monotonic() - begun)
        begun = time.monotonic()
        answer = call()
        slowest = max(slowest, time.monotonic() - begun)
        if code_of(answer) != wanted:
            return None
        time.sleep(.02)
    return max(0, slowest - ping) * 1000


@fault("F-06", "the disk is full")
def f_06(long):
    able()
    with scratch() as folder:
        server, beside = in_mount(folder, "size=24m", "--no-auth", *SMALL)
        try:
            lines = reach(server)
            quest = lines.ok("quests.create", {"subject": "before"})
            events, answers, slowest = 0, set(), None

            def fill():
                begun = time.monotonic()
                answer = lines.call("events.fire", {"kind": "a.b", "payload": {"x": "y" * 20000}})
                return answer, (time.monotonic() - begun) * 1000
            for _ in range(100):
                need("result" in fill()[0], "the disk is full already")
                events += 1
            worst, end = 0, time.monotonic() + 20
            while slowest is None:  # the server gives its reserve up first: fill that too
                need(time.monotonic() < end, "the disk does not become full")
                beside("sh", "-c", f"dd if=/dev/zero bs=64k >>{folder}/filler 2>/dev/null")
                answer, took = fill()
                while "result" in answer:
                    events += 1
                    answer, took = fill()
                answers.add(code_of(answer))
                worst = max(worst, took)
                slowest = refused(lines, lambda: fill()[0], "storage_full")
            need(answers == {"storage_full"}, f"wanted storage_full, got {answers}")
            need(answer["error"]["data"]["retryable"] is False, "said to be retryable")
            worst = max(worst, slowest)
            need(worst <= 100, f"refused only after {worst:.0f} ms")
            need(lines.ok("quests.get", {"id": quest["id"]})["subject"] == "before", "reads do not go on")
            health = lines.ok("system.health")
            need(health["status"] == "degraded" and not health["can_write"] and health["can_read"], f"health says {health}")
            until("/readyz", 2, lambda: server.http("GET", "/readyz", token=False)[0] == 503)
            beside("rm", f"{folder}/filler")
            begun = time.monotonic()
            until("recovery", 5, lambda: "result" in lines.call("quests.create", {"subject": "after"}))
            again = time.monotonic() - begun
            until("/readyz", 2, lambda: server.http("GET", "/readyz", token=False)[0] == 200)
            need(int(lines.ok("events.poll")["head"].split(".")[1]) >= events, "acknowledged events are missing")
            need(lines.ok("system.check")["sound"], "not sound")
            need(server.process.poll() is None, "the server ended")
        finally:
            server.stop()
    return f"storage_full after {events} events, in {worst:.0f} ms at most; reads went on; recovered {again:.1f} s after there was room, without a restart"


@fault("F-07", "the disk becomes read-only")
def f_07(long):
    with scratch() as folder, scratch() as beside:
        disk = BadDisk(beside)
        server = questd.Server("--no-auth", *SMALL, data=folder, env=disk.env)
        try:
            lines = server.lines()
            quest = lines.ok("quests.create", {"subject": "before"})
            disk.say("EROFS")
            answer = lines.call("quests.create", {"subject": "now"})
            need(code_of(answer) == "storage_readonly", f"wanted storage_readonly, got {answer}")
            slowest = refused(lines, lambda: lines.call("quests.create", {"subject": "now"}), "storage_readonly")
            need(slowest is not None and slowest < 100, f"refused only after {slowest} ms, or not")
            need(lines.ok("quests.get", {"id": quest["id"]})["subject"] == "before", "reads do not go on")
            until("/readyz", 2, lambda: server.http("GET", "/readyz", token=False)[0] == 503)
            disk.say("")
            until("recovery", 5, lambda: "result" in lines.call("quests.create", {"subject": "after"}))
            need(lines.ok("system.check")["sound"], "not sound")
        finally:
            server.stop()
        with questd.Server("--read-only", *SMALL, data=folder, http="off") as server:
            lines = server.lines()
            need(lines.ok("quests.get", {"id": quest["id"]})["subject"] == "before", "--read-only does not read")
            need(code_of(lines.call("quests.create", {"subject": "no"})) == "storage_readonly", "--read-only writes")
        mounted = read_only_mount(folder, beside, quest["id"])
    return "storage_readonly, reads went on, 503 within 2 s, recovered; --read-only serves" + mounted


def read_only_mount(folder, beside, quest):
    """The same folder where the kernel lets nobody write."""
    if subprocess.run([*NS, "true"], capture_output=True).returncode:
        return " (no mount namespaces here: not tried on a mount)"
    inner = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && exec \"$@\""
    wrap = [*NS, "sh", "-c", inner, "sh"]
    flags = ["--socket", os.path.join(beside, "ro.sock"), *SMALL]
    server = questd.Server(*flags, data=folder, http="off", wrap=wrap, wait=False)
    code = server.process.wait(20)
    server.stop()
    need(code == 1 and "read-only" in server.err.lower(), f"without --read-only: exit code {code}: {server.err}")
    server = questd.Server("--read-only", *flags, data=folder, http="off", wrap=wrap)
    try:
        lines = questd.Lines(os.path.join(beside, "ro.sock"))
        need(lines.ok("quests.get", {"id": quest})["subject"] == "before", "--read-only does not read on a read-only mount")
        need(code_of(lines.call("quests.create", {"subject": "no"})) == "storage_readonly", "it writes")
    finally:
        server.stop()
    return ", on a read-only mount too, where a server without the flag says so"


@fault("F-08", "each I/O operation fails once, fsync among them")
def f_08(long):
    program = os.path.join(questd.BUILD, "tests/fault/io_errors")
    with scratch() as folder:
        done = subprocess.run([program], capture_output=True, text=True, timeout=240, env={**os.environ, "TMPDIR": folder})
    need(done.returncode == 0, done.stdout[-800:] + done.stderr[-800:])
    with scratch() as folder, scratch() as beside:
        disk = BadDisk(beside)
        server = questd.Server(*SMALL, data=folder, http="off", env=disk.env)
        lines = server.lines()
        made = lines.ok("quests.create", {"subject": "safe"})
        disk.say("EIO")
        answer = None
        try:
            answer = lines.call("quests.create", {"subject": "unsafe"})
        except (EOFError, OSError):
            pass
        need(answer is None, f"answered although fsync failed: {answer}")
        until("the end of the process", 5, lambda: server.process.poll() is not None)
        code = server.stop()
        need(code == 1 and "lost" in server.err, f"exit code {code}: {server.err}")
        with questd.Server(*SMALL, data=folder, http="off") as again:
            lines = again.lines()
            need(lines.ok("system.check")["sound"], "not sound after a failed fsync")
            need(lines.ok("quests.get", {"id": made["id"]})["subject"] == "safe", "what was acknowledged before is lost")
    return done.stdout.strip().split("\n")[-1].removeprefix("F-08 ") + f"; a failed fsync ends the server ({code}), it starts again sound"


def mutations(folder):
    """[(name, word in the message, function that spoils the database)]"""
    path = os.path.join(folder, "questd.db")

    def patch(at, what):
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(what)

    def whole(content):
        with open(path, "wb") as f:
            f.write(content)

    def sql(text):
        base = sqlite3.connect(path)
        base.executescript(text)
        base.close()

    def page_with(text):
        """Where the last page begins that holds this text: a leaf, which nothing reads at a start but its check."""
        with open(path, "rb") as f:
            at = f.read().rfind(text)
        need(at >= 0, f"no {text} in the database")
        return at // 4096 * 4096

    def many():
        base = sqlite3.connect(path)
        fill(base, 56)
        base.close()
    return [
        ("bad header", "first bytes", lambda: patch(0, b"not a database at all")),
        ("text file", "first bytes", lambda: whole(b"hello, world\n" * 500)),
        ("truncated", "cut short", lambda: whole(open(path, "rb").read()[:8192 + 100])),
        ("pages overwritten", "damaged", lambda: patch(4096, os.urandom(4096 * 12))),
        ("zeros", "first bytes", lambda: whole(b"\0" * 65536)),
        ("foreign database", "another program", lambda: (os.remove(path), sql("create table somebodys (x);"))),
        ("newer schema", "newer", lambda: sql("pragma user_version=9999")),
        ("other application", "another program", lambda: sql("pragma application_id=12345")),
        ("a page of quests overwritten", "damaged", lambda: patch(page_with(b"q20"), os.urandom(4096))),
        ("two rows in one place", "damaged", lambda: patch(page_with(b"q20") + 10, b"\x0e\x00\x0e\x00")),
        ("a free list that is not there", "damaged", lambda: patch(32, b"\x00\x00\x00\x05\x00\x00\x00\x01")),
        ("the last of 56 MiB overwritten", "damaged", lambda: (many(), patch(page_with(b"yyyy"), os.urandom(4096)))),
    ]


def end_of_start(folder, name):
    """(exit code, what was said) of a server that is not to serve this folder."""
    server = questd.Server(*SMALL, data=folder, http="off", wait=False)
    until(f"{name}: the end of the server", 20, lambda: server.process.poll() is not None or server.address)
    code, served = server.process.poll(), server.address
    server.stop()
    need(not served, f"{name}: served")
    return code, server.err


@fault("F-09", "damaged, foreign and newer databases")
def f_09(long):
    worst, n = 0, len(mutations("/"))
    for i in range(n):
        with scratch() as folder:
            with questd.Server(*SMALL, data=folder, http="off") as server:
                lines = server.lines()
                for k in range(40):
                    lines.ok("quests.create", {"subject": f"q{k}", "description": "d" * 900})
            name, word, spoil = mutations(folder)[i]
            spoil()
            for side in ("-wal", "-shm"):
                if os.path.exists(folder + "/questd.db" + side):
                    os.remove(folder + "/questd.db" + side)
            before = open(folder + "/questd.db", "rb").read()
            begun = time.monotonic()
            code, said = end_of_start(folder, name)
            worst = max(worst, time.monotonic() - begun)
            need(code in (1, 2), f"{name}: exit code {code}: {said}")
            need("questd.db" in said and word in said and len(said.strip().split("\n")) <= 3, f"{name}: the message is {said!r}")
            need(open(folder + "/questd.db", "rb").read() == before, f"{name}: the file was written to")
    need(worst <= 2, f"refused only after {worst:.1f} s")
    return f"{n} kinds, each refused with its reason in at most {worst * 1000:.0f} ms, none written to"


@fault("F-10", "a database copied without its log, or an old copy put in place")
def f_10(long):
    with scratch() as folder, scratch() as copy:
        server = questd.Server(*SMALL, data=folder, http="off")
        lines = server.lines()
        lines.ok("quests.create", {"subject": "one"})
        server.stop()
        shutil.copy(folder + "/questd.db", copy + "/old.db")
        for k in range(2):
            server = questd.Server(*SMALL, data=folder, http="off")
            server.lines().ok("quests.create", {"subject": f"later {k}"})
            server.stop()
        shutil.copy(copy + "/old.db", folder + "/questd.db")
        with questd.Server(*SMALL, data=folder, http="off") as server:
            server.lines().ok("quests.list")
            err = server.err
        need("rollback" in err, f"an old copy was not told: {err}")
    return "an older copy is told as a possible rollback, and served"


@fault("F-26", "a second server on the same folder")
def f_26(long):
    with questd.Server(*SMALL, http="off") as server:
        begun = time.monotonic()
        second = subprocess.run(server.command[:-2] + ["--http", "off", "--socket", server.data + "/other.sock", *SMALL],
                                capture_output=True, text=True, timeout=20)
        took = time.monotonic() - begun
        need(second.returncode == 4, f"exit code {second.returncode}: {second.stderr}")
        need(str(server.pid) in second.stderr, f"the first is not named: {second.stderr}")
        need(server.lines().ok("system.ping")["pong"], "the first is disturbed")
    return f"exit code 4 in {took * 1000:.0f} ms, the first's pid named"


@fault("F-27", "the data directory is removed under the server")
def f_27(long):
    with scratch() as parent:
        folder = os.path.join(parent, "data")
        os.mkdir(folder)
        server = questd.Server(*SMALL, data=folder, http="127.0.0.1:0")
        lines = server.lines()
        lines.ok("quests.create", {"subject": "one"})
        begun = time.monotonic()
        shutil.rmtree(folder)
        until("the end of the process", 5, lambda: server.process.poll() is not None)
        took = time.monotonic() - begun
        need(took <= 2, f"noticed only after {took:.1f} s")
        code = server.stop()
        need(code not in (0, -6, -11), f"exit code {code}: {server.err}")
    return f"noticed in {took:.1f} s, ended with {code}"


@fault("F-32", "another program holds the database locked")
def f_32(long):
    with questd.Server(*SMALL, http="off") as server:
        lines = server.lines()
        quest = lines.ok("quests.create", {"subject": "one"})
        base = sqlite3.connect(os.path.join(server.data, "questd.db"), isolation_level=None)
        base.execute("begin immediate")
        waits, begun = server.lines(), time.monotonic()
        waits.send({"jsonrpc": "2.0", "id": 1, "method": "quests.create", "params": {"subject": "two"}})
        reads = 0
        while not select.select([waits.socket], [], [], .1)[0]:
            need(lines.ok("quests.get", {"id": quest["id"]})["subject"] == "one", "reads do not go on")
            reads += 1
        answer, took = json.loads(waits.read()), time.monotonic() - begun
        need(3 < took < 20 and reads > 5, f"answered after {took:.1f} s, {reads} reads meanwhile")
        need(code_of(answer) == "storage_busy", f"wanted storage_busy, got {answer}")
        need(answer["error"]["data"]["retryable"] is True, "not said to be retryable")
        need(lines.ok("quests.get", {"id": quest["id"]})["subject"] == "one", "reads do not go on")
        base.execute("rollback")
        base.close()
        until("recovery", 3, lambda: "result" in lines.call("quests.create", {"subject": "three"}))
    return f"storage_busy after {took:.1f} s, {reads} reads meanwhile, recovered"


@fault("F-33", "writes go on beside readers that last: the log stays bounded")
def f_33(long):
    """system.check of a large database, one after the other, is the longest reader that there is."""
    with scratch() as folder, scratch() as second:
        with questd.Server(*SMALL, data=folder, http="off"):
            pass
        base = sqlite3.connect(os.path.join(folder, "questd.db"))
        fill(base, 256)
        base.close()
        checks, largest, n = [], 0, 0
        with questd.Server(*SMALL, data=folder, http="off") as server:
            seconds = 600 if long else 12
            end = time.monotonic() + seconds

            def check():
                lines = server.lines()
                while time.monotonic() < end:
                    answer = lines.call("system.check")
                    checks.append("sound" if answer.get("result", {}).get("sound") else code_of(answer))
            threads = [threading.Thread(target=check) for _ in range(2)]
            [t.start() for t in threads]
            load = load_of(server, second, {"method": "events.fire", "params": {"kind": "a.b", "payload": {"x": "y" * 4000}}}, 16, seconds - 1)
            while load.poll() is None:
                largest = max(largest, os.path.getsize(folder + "/questd.db-wal"))
                time.sleep(.02)
            n = figures(load)[0] * (seconds - 1)
            [t.join() for t in threads]
            until("the log to be cut", 10, lambda: os.path.getsize(folder + "/questd.db-wal") <= 16 << 20)
        need(largest <= 64 << 20, f"the log grew to {largest >> 20} MiB")
        need(set(checks) <= {"sound", "timeout"}, f"checks said {set(checks)}")
    return (f"{n:.0f} writes, the log never over {largest / (1 << 20):.1f} MiB beside {len(checks)} checks of 256 MiB, "
            f"of which {checks.count('timeout')} were told to let go")
