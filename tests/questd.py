# SPDX-License-Identifier: Apache-2.0
"""What the tests need of a running questd: start one in a folder of its own, talk to it, stop it."""
import atexit
import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("QUESTD_BUILD", os.path.join(TOP, "build"))
QUESTD = os.path.join(BUILD, "questd")
PATIENCE_S = 300 if "QUESTD_UNDER_VALGRIND" in os.environ else 20  # until what must come counts as missing
READY = re.compile(r"^questd ready socket=(\S+) http=(\S+) pid=(\d+)", re.M)
# Where servers keep their master keys: in no folder of whoever runs the tests.
CONFIG = tempfile.mkdtemp(prefix="questd-config.")
atexit.register(shutil.rmtree, CONFIG, True)
os.environ["XDG_CONFIG_HOME"] = CONFIG
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


# What stands before every verb: a caller who may not call it, whatever it would do.
GATES = ("access", "scope", "grant", "status")


@functools.cache
def verbs():
    with open(os.path.join(BUILD, "schemas/expect.json")) as f:
        return json.load(f)["verbs"]


def refuses_itself(answer):
    """Is it the verb that denies this, rather than what stands before it?"""
    error = answer.get("error", {})
    data = error.get("data", {})
    is_before = (data.get("gate") in GATES and "field" not in data) or "this connection only reads" in error.get("message", "")
    return data.get("code") == "denied" and not is_before


def check_named(method, answer):
    """A verb that denies something says so in its schema: whichever test sees it."""
    verb = verbs().get(method)
    if verb and verb["lane"] != "server" and refuses_itself(answer) and "denied" not in verb["errors"]:
        raise AssertionError(f"{method} answers denied, which its schema does not name: {answer}")


def for_others(folder):
    """questd and its server in a folder that another user reaches: a checkout in a home is closed to him."""
    inner = os.path.join(folder, "programs")
    os.mkdir(inner, 0o755)
    for name in ("questd", "questd-server"):
        shutil.copy2(os.path.join(BUILD, name), inner)
    return os.path.join(inner, "questd")


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Lines:
    """One line connection: over a socket's path, or a program's two pipes."""

    def __init__(self, path=None, process=None, timeout=PATIENCE_S):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(path)
            self.out = self.input = self.socket.makefile("rwb")
        else:
            self.socket, self.process = None, process
            self.out, self.input = process.stdin, process.stdout
        self.next_id = 1

    def send(self, text):
        self.out.write((text if isinstance(text, str) else compact(text)).encode() + b"\n")
        self.out.flush()

    def read(self):
        line = self.input.readline()
        if not line:
            raise EOFError("the connection was closed")
        return line.decode().rstrip("\n")

    def call(self, method, params=None, **more):
        """The whole response to one request, notifications in between skipped."""
        mine, self.next_id = self.next_id, self.next_id + 1
        self.send({"jsonrpc": "2.0", "id": mine, "method": method, "params": params or {}, **more})
        while True:
            message = json.loads(self.read())
            if message.get("id") == mine and "method" not in message:
                check_named(method, message)
                return message

    def ok(self, method, params=None):
        answer = self.call(method, params)
        if "result" not in answer:
            raise AssertionError(f"{method} {params}: {answer}")
        return answer["result"]

    def tool(self, name, arguments=None):
        """tools/call of the 2026-07-28 revision: the result object."""
        return self.call("tools/call", {"_meta": META, "name": name, "arguments": arguments or {}})

    def close(self):
        self.out.close()
        if self.socket:
            self.socket.close()


class Server:
    """questd serve in a temp folder; use it as a context manager."""

    def __init__(self, *flags, data=None, http="127.0.0.1:0", env=None, wrap=(), binary=QUESTD, wait=True, ready_s=PATIENCE_S):
        self.own = data is None
        self.data = data or tempfile.mkdtemp(prefix="questd-test.")
        self.socket_path = os.path.join(self.data, "questd.sock")
        self.command = [*wrap, binary, "serve", "--data-dir", self.data, "--socket", self.socket_path, "--http", http, *flags]
        self.env = {**os.environ, **(env or {})}
        self.err = ""
        self.start(wait, ready_s)

    def start(self, wait=True, ready_s=PATIENCE_S):
        self.told = len(self.err)  # by the process before
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.ready = threading.Event()
        self.address = self.pid = None
        self.reader = threading.Thread(target=self._read_err, daemon=True)
        self.reader.start()
        if wait and not self.ready.wait(ready_s):
            raise AssertionError("no ready line: " + self.err)
        if wait and self.address is None:
            raise AssertionError("ended before it was ready: " + self.err)

    def _read_err(self):
        for raw in self.process.stderr:
            self.err += raw.decode(errors="replace")
            found = READY.search(self.err, self.told)
            if found and not self.ready.is_set():
                self.address, self.pid = found[2], int(found[3])
                self.ready.set()
        self.ready.set()

    def lines(self):
        return Lines(self.socket_path)

    def token(self):
        with open(os.path.join(self.data, "token")) as f:
            return f.read().strip()

    def http(self, method="POST", path="/rpc", body=None, headers=None, token=True, timeout=PATIENCE_S):
        """(status, headers, text) of one exchange."""
        return http_call(self.address, method, path, body, {
            **({"Authorization": "Bearer " + self.token()} if token else {}), **(headers or {})}, timeout)

    def kill(self):
        os.kill(self.pid or self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        self._close()

    def _close(self):
        self.reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
        if self.own:
            shutil.rmtree(self.data, ignore_errors=True)


def http_call(address, method, path, body=None, headers=None, timeout=PATIENCE_S):
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout)
    try:
        if body is not None and not isinstance(body, (str, bytes)):
            body = compact(body)
        head = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"} if body is not None else {}
        connection.request(method, path, body.encode() if isinstance(body, str) else body, {**head, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def cli(*args, data=None, stdin=None, env=None, timeout=30):
    """The finished `questd …`: code, stdout, stderr as text."""
    more = ["--data-dir", data] if data else []
    return subprocess.run([QUESTD, *args, *more], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})})


class Relay:
    """questd mcp as a client sees it."""

    def __init__(self, *flags, env=None):
        self.process = subprocess.Popen([QUESTD, "mcp", *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
        self.lines = Lines(process=self.process)

    def close(self):
        """Ends its stdin; the exit code."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        return code
