# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and Redis for the job queues that questd is held against: each in a directory of its own, on a
Unix socket only, stopped with this program whatever ends it."""
import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_S, STOP_S, COMMAND_S = 30, 30, 300
REDIS = """port 0
save ""
appendonly yes
appendfsync always
auto-aof-rewrite-percentage 0
"""
# Durability is PostgreSQL's own; room in memory and in its log is what its documentation advises for many writers.
POSTGRES = """listen_addresses = ''
max_connections = 200
shared_buffers = 512MB
max_wal_size = 8GB
"""


def reserve(clients, seconds):
    """More jobs than they take in a measurement: nobody waits at an empty queue."""
    return int(min(30000, 5000 * clients) * (seconds + .3))


class Server:
    """What both have in common: a directory, a process that dies with us, a wait until it answers."""

    def __init__(self, name, user=None):
        self.folder = tempfile.mkdtemp(prefix=f"questd-bench.{name}.", dir="/var/tmp")
        self.process = None
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.as_user = []
        if user and os.getuid() == 0:
            entry = pwd.getpwnam(user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.as_user = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_owner(self, *command):
        return ["setpriv", "--pdeathsig", self.stop_signal.name[3:], *self.as_user, *command]

    def start(self, command, is_up):
        self.process = subprocess.Popen(self.as_owner(*command), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until = time.monotonic() + START_S
        while not is_up():
            if self.process.poll() is not None or time.monotonic() > until:
                with open(self.log.name, errors="replace") as f:
                    raise RuntimeError(f"{command[0]} does not start: {f.read()[-500:]}")
            time.sleep(.05)


class Postgres(Server):
    stop_signal = signal.SIGINT

    def __init__(self):
        super().__init__("postgres", "postgres")
        try:
            self.bin = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
            data = os.path.join(self.folder, "data")
            subprocess.run(self.as_owner(os.path.join(self.bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"),
                           cwd=self.folder, stdout=self.log, stderr=self.log, check=True)
            with open(os.path.join(data, "postgresql.conf"), "a") as f:
                f.write(POSTGRES + f"unix_socket_directories = '{self.folder}'\n")
            ready = [os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder]
            self.start([os.path.join(self.bin, "postgres"), "-D", data], lambda: subprocess.run(ready).returncode == 0)
            for name in ("graphile", "boss"):
                self.sql("postgres", f"create database {name}")
        except BaseException:
            self.__exit__()
            raise

    def sql(self, database, statement):
        subprocess.run([os.path.join(self.bin, "psql"), "-qX", "-h", self.folder, "-U", "postgres", "-d", database, "-c", statement],
                       check=True, stdout=subprocess.DEVNULL)

    def address(self):
        return self.folder

    def settle(self):
        """After so many new rows: what its own housekeeping would do in time, done now."""
        for name in ("graphile", "boss"):
            self.sql(name, "vacuum analyze")
        self.sql("postgres", "checkpoint")


class Redis(Server):
    stop_signal = signal.SIGTERM

    def __init__(self):
        super().__init__("redis")
        try:
            path = os.path.join(self.folder, "redis.conf")
            with open(path, "w") as f:
                f.write(REDIS + f"dir {self.folder}\nunixsocket {self.address()}\n")
            self.start(["redis-server", path], lambda: os.path.exists(self.address()))
        except BaseException:
            self.__exit__()
            raise

    def address(self):
        return os.path.join(self.folder, "socket")

    def settle(self):
        pass


class Peer:
    """One of the queues in a Node.js process of its own, told by lines what to do. It keeps count of what lies there."""

    def __init__(self, name, server):
        self.name, self.server, self.there = name, server, 0
        node = os.path.join(HERE, "node_modules", "node", "bin", "node")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", node, os.path.join(HERE, "peer.mjs"), name, server.address()],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "NODE_ENV": "production", "NO_LOG_SUCCESS": "1"})

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()

    def tell(self, *words):
        late = threading.Timer(COMMAND_S, self.process.kill)
        late.start()
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late.cancel()
        if not line:
            raise RuntimeError(f"{self.name}, {words}: {self.process.stderr.read()[-500:]}")
        return json.loads(line)

    def fill(self, depth):
        if depth > self.there:
            self.tell("fill", depth - self.there)
            self.server.settle()
            self.there = depth

    def rate(self, mode, clients, depth, seconds):
        """Jobs a second among at least `depth` others."""
        if mode == "work":
            self.fill(depth + reserve(clients, seconds))
        got = self.tell(mode, clients, seconds)
        self.there += int(got * (seconds + .3)) * (1 if mode == "create" else -1)
        return got


def start_peers(stack):
    """graphile-worker, pg-boss and BullMQ, each on its server, until the stack ends."""
    postgres, redis = stack.enter_context(Postgres()), stack.enter_context(Redis())
    return [stack.enter_context(Peer(*p)) for p in (("graphile-worker", postgres), ("pg-boss", postgres), ("bullmq", redis))]
