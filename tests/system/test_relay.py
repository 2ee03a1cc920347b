# SPDX-License-Identifier: Apache-2.0
"""questd mcp, the relay: it survives its server, ends with its client and leaves nothing behind."""
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from questd import META, QUESTD, Server, http_call  # noqa: E402

IS_SANITIZED = "asan" in os.path.basename(os.path.dirname(QUESTD))
IS_COUNTED = "cov" in os.path.basename(os.path.dirname(QUESTD))
INTERRUPTED = -31986
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def is_gone(pid):
    """Ended, though its parent may not have looked yet."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pid, seconds):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


class Window:
    """A client with its relay."""

    def __init__(self, *flags, env=None, **more):
        self.process = subprocess.Popen([QUESTD, "mcp", *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env, **more)
        self.lines = []
        self.buffer = b""
        self.next_id = 1

    def send(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        while b"\n" not in self.buffer:
            if not select.select([self.process.stdout], [], [], 20)[0]:
                raise AssertionError("no line in 20 s")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise EOFError(self.process.stderr.read().decode())
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        self.lines.append(line + b"\n")
        return json.loads(line)

    def request(self, method, params=None):
        mine, self.next_id = self.next_id, self.next_id + 1
        self.send({"jsonrpc": "2.0", "id": mine, "method": method, "params": params or {}})
        return mine

    def call(self, method, params=None):
        mine = self.request(method, params)
        while True:
            message = self.read()
            if message.get("id") == mine and "method" not in message:
                return message

    def ok(self, method, params=None):
        answer = self.call(method, params)
        if "result" not in answer:
            raise AssertionError(answer)
        return answer["result"]

    def initialize(self):
        result = self.ok("initialize", INITIALIZE)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def close(self):
        """(exit code, how long it took) of ending its stdin"""
        began = time.monotonic()
        if not self.process.stdin.closed:
            self.process.stdin.close()
        code = self.process.wait(20)
        rest = self.buffer + self.process.stdout.read()
        self.lines += rest.splitlines(True)
        self.process.stdout.close()
        self.process.stderr.close()
        return code, time.monotonic() - began


class Folder(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="questd-relay.")
        self.data = os.path.join(self.top, "data")
        self.env = {**os.environ, "XDG_CONFIG_HOME": os.path.join(self.top, "config"), "QUESTD_DATA_DIR": self.data,
                    "QUESTD_HTTP_LISTEN": "off"}
        self.windows = []

    def tearDown(self):
        for w in self.windows:
            if w.process.poll() is None:
                w.process.kill()
                w.process.wait()
            for end in (w.process.stdin, w.process.stdout, w.process.stderr):
                try:
                    end.close()
                except BrokenPipeError:
                    pass
        self.cli("stop")
        shutil.rmtree(self.top, ignore_errors=True)

    def cli(self, *args):
        return subprocess.run([QUESTD, *args], capture_output=True, text=True, timeout=40, env=self.env,
                              stdin=subprocess.DEVNULL)

    def window(self, *flags, **more):
        self.windows.append(Window(*flags, env=self.env, **more))
        return self.windows[-1]

    def kill_server(self):
        """SIGKILL, and the end of it: what is sent afterwards did not reach it."""
        pid = self.server_pid()
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(wait_until_gone(pid, 10))
        return pid

    def server_pid(self):
        return json.loads(self.cli("status").stdout)["pid"]

    def processes(self):
        """Every process that names the folder on its command line or in its environment: pid -> arguments."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline") as f:
                    line = f.read()
            except OSError:
                continue
            if self.top in line and not is_gone(int(pid)):
                found[int(pid)] = line.replace("\0", " ")
        return found


class Survives(Folder):
    def test_open_calls_are_answered_and_the_next_one_works(self):
        """Killed in the middle: interrupted, handshake replayed unseen, next call works."""
        w = self.window()
        w.initialize()
        quest = w.ok("quests.create", {"subject": "kept"})["short_id"]
        w.ok("logging/setLevel", {"level": "error"})
        waiting = [w.request("quests.wait", {"id": quest, "timeout_s": 40}) for _ in range(3)]
        w.send([{"jsonrpc": "2.0", "id": f"b{i}", "method": "quests.wait", "params": {"id": quest, "timeout_s": 40}}
                for i in range(2)])
        w.ok("system.ping")
        old = self.kill_server()
        singles, batches = {}, []
        for _ in range(4):
            message = w.read()
            if isinstance(message, list):
                batches.append(message)
            else:
                singles[message["id"]] = message
        self.assertEqual(sorted(singles), waiting)
        self.assertEqual(sorted(m["id"] for m in batches[0]), ["b0", "b1"])
        for message in [*singles.values(), *batches[0]]:
            self.assertEqual(message["error"]["code"], INTERRUPTED)
            self.assertEqual(message["error"]["data"]["code"], "interrupted")
            self.assertTrue(message["error"]["data"]["retryable"])
        # an older revision's call works only behind the handshake
        self.assertIn("tools", w.ok("tools/list"))
        self.assertEqual(w.ok("quests.get", {"id": quest})["subject"], "kept")
        self.assertNotEqual(self.server_pid(), old)
        seen = [json.loads(line) for line in w.lines]
        self.assertFalse([m for m in seen if isinstance(m, dict) and str(m.get("id")).startswith("replay")])
        self.assertEqual(w.close()[0], 0)

    def test_subscriptions_go_on_beside_another_server(self):
        w, other = self.window(), self.window()
        w.initialize()
        quest = w.ok("quests.create", {"subject": "watched"})
        w.ok("resources/subscribe", {"uri": f"questd://quest/{quest['id']}"})
        self.kill_server()
        other.ok("quests.update", {"id": quest["id"], "subject": "first"})
        w.ok("system.ping")
        other.ok("quests.update", {"id": quest["id"], "subject": "again"})
        message = w.read()
        self.assertEqual(message["method"], "notifications/resources/updated")

    def test_lines_sent_while_no_server_is_there_are_not_lost(self):
        w = self.window()
        w.ok("system.ping")
        os.kill(self.server_pid(), signal.SIGSTOP)
        stopped = self.server_pid_by_lock()
        ids = [w.request("quests.create", {"subject": f"q{i}", "request_id": f"r{i}"}) for i in range(50)]
        os.kill(stopped, signal.SIGKILL)
        answers = {}
        while len(answers) < len(ids):
            message = w.read()
            answers[message["id"]] = message
        again = [i for i in ids if "error" in answers[i]]
        for i in again:
            self.assertEqual(answers[i]["error"]["code"], INTERRUPTED)
        for n, i in enumerate(ids):
            if i in again:
                w.ok("quests.create", {"subject": f"q{n}", "request_id": f"r{n}"})
        names = [q["subject"] for q in w.ok("quests.list", {"limit": 200})["items"]]
        self.assertEqual(sorted(names), sorted(f"q{i}" for i in range(50)))

    def server_pid_by_lock(self):
        with open(os.path.join(self.data, "questd.lock")) as f:
            return int(f.read())

    def test_stop_holds_until_the_client_wants_something(self):
        w = self.window()
        w.ok("system.ping")
        pid = self.server_pid()
        self.assertEqual(self.cli("stop").returncode, 0)
        self.assertEqual(self.cli("status").returncode, 6)
        self.assertTrue(w.ok("system.ping")["pong"])
        self.assertNotEqual(self.server_pid(), pid)

    def test_windows_that_come_back_while_the_server_still_ends(self):
        """The one that ends has the folder a moment longer than its socket: that is waited for"""
        windows = [self.window() for _ in range(3)]
        for w in windows:
            w.ok("system.ping")
        for _ in range(4):
            os.kill(self.server_pid(), signal.SIGTERM)
            for i in range(20):
                for w in windows:
                    w.request("system.ping")
                for w in windows:
                    error = w.read().get("error")
                    if error:
                        self.assertIn(error["data"]["code"], ("interrupted", "shutting_down"), error)
            self.assertEqual(len({w.ok("system.info")["pid"] for w in windows}), 1)

    def test_another_server_that_ends_is_waited_for(self):
        """the folder is locked by somebody who does not listen, then is not"""
        self.window().ok("system.ping")
        self.assertEqual(self.cli("stop").returncode, 0)
        with open(os.path.join(self.data, "questd.lock"), "r+") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            w = self.window()
            w.request("system.ping")
            self.assertFalse(select.select([w.process.stdout], [], [], 1)[0])
        self.assertEqual(w.read()["result"], {"pong": True})

    def test_a_stopping_server_says_what_a_client_of_the_relay_can_do(self):
        w = self.window()
        quest = w.ok("quests.create", {"subject": "s"})["id"]
        mine = w.request("quests.wait", {"id": quest, "timeout_s": 40})
        w.ok("system.ping")
        self.assertEqual(self.cli("stop").returncode, 0)
        error = w.read()["error"]
        self.assertIn(error["data"]["code"], ("interrupted", "shutting_down"))
        self.assertTrue(error["data"]["retryable"])
        self.assertIn("repeat", error["data"]["hint"])
        self.assertIs(w.ok("quests.wait", {"id": quest, "timeout_s": 0})["reached"], False)

    def test_a_server_that_cannot_start_is_told_to_the_client(self):
        os.makedirs(self.data, 0o700)
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[server]\nnonsense = 1\n")
        w = self.window()
        answer = w.call("initialize", INITIALIZE)
        self.assertIn("server.nonsense", answer["error"]["message"])
        self.assertIn("doctor", answer["error"]["data"]["hint"])
        self.assertEqual(w.process.wait(10), 2)
        self.assertIn("server.nonsense", w.process.stderr.read().decode())

    def test_a_socket_that_was_named_belongs_to_somebody_else(self):
        w = self.window("--socket", os.path.join(self.top, "none.sock"))
        self.assertIn("none.sock", w.call("system.ping")["error"]["message"])
        self.assertEqual(w.process.wait(10), 6)
        self.assertEqual([p for p in self.processes().values() if "questd-server" in p], [])

    def test_what_cannot_be_read_is_answered_without_a_server_as_with_one(self):
        """TM-RPC-02 one answer each, without an id, the same to the byte"""
        unreadable = ["nonsense", '{"a":1,"a":2}', '{"jsonrpc":"2.0","id":', "[" * 70, '{"x":1e999}', '"\\ud800"', " "]
        with Server("--ballast-mb", "0") as server:
            lines = server.lines()
            for line in unreadable:
                lines.send(line)
            wanted = [lines.read() for _ in unreadable]
            lines.close()
        w = self.window("--socket", os.path.join(self.top, "none.sock"))
        w.process.stdin.write(b"".join(line.encode() + b"\n" for line in ["", *unreadable]))
        w.process.stdin.flush()
        self.assertEqual([w.read() for _ in unreadable], [json.loads(line) for line in wanted])
        self.assertEqual(b"".join(w.lines).decode().splitlines(), wanted)
        self.assertEqual(w.process.wait(10), 6)

    def test_over_url_it_says_what_to_give_the_client(self):
        done = self.cli("mcp", "--url", "http://127.0.0.1:8400")
        self.assertEqual(done.returncode, 2)
        self.assertIn("http://127.0.0.1:8400/mcp", done.stderr)

    def test_a_line_beyond_every_limit_is_refused_and_the_next_one_works(self):
        """TM-RPC-03 on stdio: by the server, and beyond twice its limit by the relay"""
        w = self.window()
        for size in (5 * 1024 * 1024, 9 * 1024 * 1024):
            w.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "system.ping", "params": {"x": "y" * size}}))
            answer = w.read()
            self.assertIsNone(answer["id"])
            self.assertIn("longer than 4194304 bytes", answer["error"]["message"])
            self.assertIn("system.info", answer["error"]["data"]["hint"])
            self.assertEqual(w.ok("system.ping"), {"pong": True})

    def test_what_is_refused_as_a_whole_is_answered_once(self):
        """TM-RPC-02 through the relay: no second answer, no id that is no JSON, when its server goes or at its end"""
        def of(text, more=""):
            return b'{"jsonrpc":"2.0","id":%s,"method":"system.ping"%s}' % (text.encode(), more.encode())

        def batch_of(n, method):
            return json.dumps([{"jsonrpc": "2.0", "id": f"b{i}", "method": method} for i in range(n)]).encode()

        whole = [of("77", ","), of("01"), of("7", ',"id":8'), of('"\\ud800"'), of("7") + b"x", of("12345678901234567890"),
                 of("7", ',"params":' + '{"a":' * 70 + "1" + "}" * 70), of("7", ',"params":{"a":"').replace(b"}", b"") + b'\xff"}}',
                 of('"' + "i" * 300 + '"'), of("7", ',"params":{"x":"' + "y" * (5 << 20) + '"}'),
                 batch_of(101, "system.ping"), batch_of(101, "tools/list"), batch_of(2, "tools/list"), b'{"jsonrpc":"2.0","id":07.', b'["']
        w = self.window()
        w.initialize()
        for line in whole:
            w.process.stdin.write(line + b"\n")
            w.process.stdin.flush()
            answer = w.read()
            self.assertIsNone(answer["id"], (line[:99], answer))
            self.assertIn(answer["error"]["code"], (-32700, -32600), (line[:99], answer))
        w.ok("system.ping")
        seen = len(w.lines)
        self.kill_server()
        w.ok("system.ping")
        self.assertEqual(w.close()[0], 0)
        self.assertEqual(len(w.lines), seen + 1, w.lines[seen:])

    def test_what_is_answered_with_more_than_a_pipe_holds_is_answered_in_full_after_the_end_of_input(self):
        """6 MB of answers, the last of the calls a write; the input ends before most are read."""
        self.cli("start")
        self.cli("ideas", "store", "--name", "big", "--content", "x" * 60000)
        calls = [{"jsonrpc": "2.0", "id": i, "method": "ideas.get", "params": {"id": "big"}} for i in range(100)]
        calls.append({"jsonrpc": "2.0", "id": "last", "method": "quests.create", "params": {"subject": "written last"}})
        text = "".join(json.dumps(c) + "\n" for c in calls).encode()
        for _ in range(3):
            done = subprocess.run([QUESTD, "mcp"], input=text, capture_output=True, timeout=60, env=self.env)
            answers = {a["id"]: a for a in map(json.loads, done.stdout.splitlines())}
            self.assertEqual(len(answers), 101)
            self.assertEqual([a for a in answers.values() if "result" not in a], [])

    def test_answers_that_cannot_be_written_are_no_success(self):
        """A full disk behind stdout; a client that has gone is an end like any other."""
        self.cli("start")
        call = b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n'
        with open("/dev/full", "wb") as full:
            done = subprocess.run([QUESTD, "mcp"], input=call, stdout=full, stderr=subprocess.PIPE, timeout=40, env=self.env)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write an answer: No space left on device", done.stderr)

    def test_a_server_that_takes_no_pipes_is_spoken_to_over_the_socket(self):
        """An older one, or one behind a proxy of its socket."""
        self.cli("start")
        real, path = os.path.join(self.data, "questd.sock"), os.path.join(self.top, "proxy.sock")
        listener, held = socket.socket(socket.AF_UNIX), []
        listener.bind(path)
        listener.listen()

        def pump(a, b):
            while chunk := a.recv(65536):  # what comes along with the bytes is lost here
                b.sendall(chunk)
            b.shutdown(socket.SHUT_WR)

        def serve():
            while True:
                try:
                    near = listener.accept()[0]
                except OSError:
                    return
                far = socket.socket(socket.AF_UNIX)
                far.connect(real)
                held.extend([near, far])
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
        w = self.window("--socket", path)
        w.initialize()
        for _ in range(3):
            self.assertEqual(w.ok("system.ping"), {"pong": True})
        self.assertEqual(w.close()[0], 0)
        self.assertEqual(len(held), 4, "pipes were tried once, then the socket")
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        [s.close() for s in held]

    def test_a_call_with_a_number_out_of_range_is_answered_under_its_id(self):
        """Once: by its server, or, when that goes before it could, by the relay, which stays for it."""
        w = self.window()
        call = '{"jsonrpc":"2.0","id":"far","method":"system.ping","params":{"x":1e999}}'
        w.send(call)
        answer = w.read()
        self.assertEqual((answer["id"], answer["error"]["code"]), ("far", -32700))
        pid = self.server_pid()
        os.kill(pid, signal.SIGSTOP)
        w.send(call)
        w.process.stdin.close()
        self.assertEqual(select.select([w.process.stdout], [], [], 1)[0], [], "it ended, or answered for its server")
        os.kill(pid, signal.SIGKILL)
        seen = len(w.lines)
        self.assertEqual(w.close()[0], 0)
        self.assertEqual([json.loads(line)["id"] for line in w.lines[seen:]], ["far"])

    def test_a_batch_of_the_revision_that_has_them_is_open(self):
        w = self.window()
        w.ok("initialize", {**INITIALIZE, "protocolVersion": "2025-03-26"})
        w.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        quest = w.ok("quests.create", {"subject": "kept"})["short_id"]
        call = {"name": "quests_wait", "arguments": {"id": quest, "timeout_s": 40}}
        w.send([{"jsonrpc": "2.0", "id": f"b{i}", "method": "tools/call", "params": call} for i in range(2)])
        w.ok("system.ping")
        self.kill_server()
        self.assertEqual(sorted((m["id"], m["error"]["code"]) for m in w.read()), [("b0", INTERRUPTED), ("b1", INTERRUPTED)])

    def test_ids_come_back_as_they_were_written(self):
        w = self.window()
        for text in ('7', '-7', '"a\\u0041\\n"', '"' + "x" * 200 + '"', '1234567890123456', '"7"'):
            w.send('{"params":{},"method":"system.ping","jsonrpc":"2.0","id":' + text + '}')
            w.read()
            self.assertIn(f'"id":{text}'.encode(), w.lines[-1].replace(b": ", b":"))


class Together(Folder):
    def test_eight_windows_an_http_client_and_the_command_line_on_one_store(self):
        """One server for all of them, killed in between; nothing acknowledged is lost."""
        with Server(data=self.data, env={"XDG_CONFIG_HOME": os.path.join(self.top, "config")}) as server:
            windows = [self.window() for _ in range(8)]
            made, lock = set(), threading.Lock()

            def work(n, w):
                for i in range(15):
                    name = f"w{n}-{i}"
                    while True:
                        answer = w.call("quests.create", {"subject": name, "request_id": name})
                        if "result" in answer:
                            break
                        if answer["error"]["code"] != INTERRUPTED:
                            raise AssertionError(answer)
                    with lock:
                        made.add(name)

            def over_http():
                body = {"jsonrpc": "2.0", "id": 1, "method": "quests.create", "params": {"subject": "http"}}
                head = {"Authorization": "Bearer " + server.token()}
                if http_call(server.address, "POST", "/rpc", body, head)[0] == 200:
                    made.add("http")
            threads = [threading.Thread(target=work, args=(n, w)) for n, w in enumerate(windows)]
            over_http()
            for t in threads:
                t.start()
            self.assertEqual(self.cli("quests", "create", "cli").returncode, 0)
            server.kill()
            for t in threads:
                t.join(50)
            self.assertEqual(len(made), 8 * 15 + 1)
            names = set()
            cursor = None
            while True:
                page = windows[0].ok("quests.list", {"limit": 200, **({"cursor": cursor} if cursor else {})})
                names |= {q["subject"] for q in page["items"]}
                cursor = page.get("next_cursor")
                if not cursor:
                    break
            self.assertEqual(names, made | {"cli"})
            servers = [p for p in self.processes().values() if p.startswith("/") and "questd-server" in p.split()[0]]
            self.assertEqual(len(servers), 1, servers)
            for w in windows:
                self.assertEqual(w.close()[0], 0)

    def test_eight_windows_at_once_start_one_server(self):
        windows = [self.window() for _ in range(8)]
        for w in windows:
            w.request("system.info")
        self.assertEqual(len({w.read()["result"]["pid"] for w in windows}), 1)
        for w in windows:
            self.assertEqual(w.close()[0], 0)

    def test_toolsets_and_read_only_are_what_the_window_chose(self):
        w = self.window("--toolsets", "ideas", "--read-only")
        tools = w.ok("tools/list", {"_meta": META})["tools"]
        names = {t["name"] for t in tools}
        self.assertIn("ideas_get", names)
        self.assertNotIn("ideas_store", names)
        self.assertFalse([n for n in names if not n.startswith("ideas_")], names)

    def test_nothing_is_written_through_a_read_only_window(self):
        """not by a tool, a native method, a batch, after another server, nor by asking nicely"""
        w = self.window("--read-only")
        quest = {"subject": "no"}
        batch = {"calls": [{"method": "system.ping"}, {"method": "quests.create", "params": quest}]}
        for _ in range(2):
            for method, params in (("quests.create", quest), ("system.batch", batch), ("system.backup", {})):
                error = w.call(method, params)["error"]
                self.assertEqual(error["data"]["code"], "denied", error)
                self.assertIn("--read-only", error["data"]["hint"])
            tool = w.call("tools/call", {"_meta": META, "name": "quests_create", "arguments": quest})
            self.assertTrue("error" in tool or tool["result"]["isError"], tool)
            w.send({"jsonrpc": "2.0", "method": "relay.hello", "params": {"read_only": False}})
            self.assertEqual(w.call("quests.create", quest)["error"]["data"]["code"], "denied")
            self.assertEqual(w.ok("quests.list")["items"], [])
            self.assertEqual(w.ok("system.batch", {"calls": [{"method": "system.ping"}]})["items"][0]["result"], {"pong": True})
            self.assertEqual(self.cli("restart").returncode, 0)
        self.assertEqual(w.ok("quests.list")["items"], [])


class Ends(Folder):
    def test_end_of_stdin_drains_and_ends(self):
        """F-17 stdin EOF: answers come, exit 0 within 2 s, the server stays for others"""
        w = self.window()
        w.ok("system.ping")
        ids = [w.request("quests.create", {"subject": f"q{i}"}) for i in range(20)]
        code, took = w.close()
        self.assertEqual(code, 0)
        self.assertLess(took, 10 if IS_SANITIZED else 2)
        self.assertEqual(sorted(json.loads(line)["id"] for line in w.lines[1:]), ids)
        self.assertEqual(self.cli("status").returncode, 0)

    def test_a_call_of_a_client_that_said_all_is_answered(self):
        """A pipe as stdin: its end is no reason not to wait for what was asked"""
        w = self.window()
        quest = w.ok("quests.create", {"subject": "slow"})["id"]
        mine = w.request("quests.wait", {"id": quest, "timeout_s": 4})
        self.assertEqual(w.close()[0], 0)
        self.assertEqual([json.loads(line)["id"] for line in w.lines], [1, mine])
        self.assertIs(json.loads(w.lines[-1])["result"]["reached"], False)

    def test_a_stream_ends_with_the_input(self):
        """A call that would never be answered is not waited for, and is told why"""
        w = self.window()
        w.ok("system.ping")
        mine = w.request("events.follow")
        self.assertEqual(w.close()[0], 0)
        last = json.loads(w.lines[-1])
        self.assertEqual((last["id"], last["error"]["code"]), (mine, INTERRUPTED))
        self.assertIn("input", last["error"]["message"])

    def test_a_signal_ends_the_wait_for_an_answer(self):
        w = self.window()
        quest = w.ok("quests.create", {"subject": "slow"})["id"]
        mine = w.request("quests.wait", {"id": quest, "timeout_s": 40})
        w.process.stdin.close()
        w.process.send_signal(signal.SIGTERM)
        last = w.read()
        self.assertEqual((last["id"], last["error"]["code"]), (mine, INTERRUPTED))
        self.assertIn("signal", last["error"]["message"])
        self.assertEqual(w.process.wait(20), 0)

    def test_nobody_to_answer_ends_the_wait_for_an_answer(self):
        w = self.window()
        quest = w.ok("quests.create", {"subject": "slow"})["id"]
        w.request("quests.wait", {"id": quest, "timeout_s": 40})
        w.process.stdin.close()
        w.process.stdout.close()
        self.assertEqual(w.process.wait(20), 0)

    def test_a_last_line_without_its_newline_counts(self):
        done = subprocess.run([QUESTD, "mcp"], input='{"jsonrpc":"2.0","id":1,"method":"system.ping"}', text=True,
                              capture_output=True, env=self.env, timeout=20)
        self.assertEqual(json.loads(done.stdout)["result"], {"pong": True}, done.stderr)

    def test_files_as_stdin_and_stdout_are_served_too(self):
        asked, answered = os.path.join(self.top, "asked"), os.path.join(self.top, "answered")
        with open(asked, "w") as f:
            for i in range(500):
                f.write(json.dumps({"jsonrpc": "2.0", "id": i, "method": "system.ping"}) + "\n")
        with open(asked) as stdin, open(answered, "w") as stdout:
            done = subprocess.run([QUESTD, "mcp"], stdin=stdin, stdout=stdout, env=self.env, timeout=20)
        self.assertEqual(done.returncode, 0)
        with open(answered) as f:
            self.assertEqual(sorted(json.loads(line)["id"] for line in f), list(range(500)))
        done = subprocess.run([QUESTD, "mcp"], stdin=subprocess.DEVNULL, capture_output=True, env=self.env, timeout=5)
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)

    def test_a_client_that_does_not_read_is_not_waited_for(self):
        """Answers wait in the relay, then in the server; reading again brings all of them."""
        w = self.window()
        idea = w.ok("ideas.store", {"name": "big", "content": "x" * 50000})["id"]
        ids = [w.request("ideas.get", {"id": idea}) for _ in range(60)]
        self.assertEqual(self.cli("call", "system.ping").returncode, 0)
        self.assertEqual(sorted(w.read()["id"] for _ in ids), ids)

    def test_sigterm_ends_it(self):
        """F-17 SIGTERM, with work"""
        w = self.window()
        quest = w.ok("quests.create", {"subject": "s"})["id"]
        w.request("quests.wait", {"id": quest, "timeout_s": 40})
        w.process.send_signal(signal.SIGTERM)
        self.assertEqual(w.process.wait(5), 0)

    def test_it_ends_when_nobody_reads(self):
        w = self.window()
        w.ok("system.ping")
        w.process.stdout.close()
        self.assertEqual(w.process.wait(5), 0)

    def test_it_ends_when_nobody_reads_a_socket(self):
        ours, theirs = socket.socketpair()
        process = subprocess.Popen([QUESTD, "mcp"], stdin=subprocess.PIPE, stdout=theirs, env=self.env)
        theirs.close()
        process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n')
        process.stdin.flush()
        self.assertIn(b"pong", ours.recv(4096))
        ours.close()
        self.assertEqual(process.wait(5), 0)
        process.stdin.close()

    def test_it_ends_with_its_parent_though_its_pipes_stay_open(self):
        ours, theirs = socket.socketpair()
        script = ("import subprocess, sys, os; p = subprocess.Popen([sys.argv[1], 'mcp'], stdin=0, stdout=1); "
                  "print(p.pid, file=sys.stderr, flush=True); sys.stdin.close(); "
                  "import signal; signal.pause()")
        parent = subprocess.Popen([sys.executable, "-c", script, QUESTD], stdin=theirs, stdout=theirs,
                                  stderr=subprocess.PIPE, env=self.env)
        try:
            relay = int(parent.stderr.readline())
            ours.sendall(b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n')
            self.assertIn(b"pong", ours.recv(65536))
            parent.kill()
            self.assertTrue(wait_until_gone(relay, 5))
        finally:
            parent.kill()
            parent.wait()
            parent.stderr.close()
            ours.close()
            theirs.close()

    def test_a_thread_that_ends_in_the_parent_is_not_the_parent(self):
        box = []

        def begin():
            box.append(self.window())
            box[0].ok("system.ping")
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(20)
        self.assertEqual(box[0].ok("system.ping"), {"pong": True})
        self.assertEqual(box[0].ok("system.ping"), {"pong": True})

    def test_a_private_server_dies_with_it(self):
        for end in (signal.SIGKILL, None):
            w = self.window("--private")
            pid = w.ok("system.info")["pid"]
            if end:
                w.process.send_signal(end)
                w.process.wait(5)
            else:
                self.assertEqual(w.close()[0], 0)
            self.assertTrue(wait_until_gone(pid, 10))
        self.assertTrue(all(wait_until_gone(p, 5) for p in self.processes()), self.processes())

    def test_a_private_server_needs_a_folder_of_its_own(self):
        first = self.window()
        first.ok("system.ping")
        w = self.window("--private")
        self.assertIn("another server", w.call("system.ping")["error"]["message"])
        self.assertEqual(w.process.wait(10), 4)

    def test_nothing_is_left_behind(self):
        w = self.window()
        w.ok("system.ping")
        w.close()
        left = self.processes()
        self.assertEqual(len(left), 2, left)  # the server, which stays five minutes, and its keeper
        self.assertEqual(self.cli("stop").returncode, 0)
        self.assertTrue(all(wait_until_gone(p, 5) for p in left), left)

    def test_a_server_in_the_background_holds_nothing_of_the_client(self):
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        w = self.window(close_fds=False)
        w.ok("system.ping")
        w.close()
        os.close(write_end)
        self.assertTrue(select.select([read_end], [], [], 5)[0], "somebody still holds the pipe")
        self.assertEqual(os.read(read_end, 1), b"")
        os.close(read_end)

    def test_stdout_holds_only_json_lines(self):
        """TM-STDIO-01 every byte on stdout belongs to a line that is JSON, whatever happens"""
        w = self.window()
        w.initialize()
        w.send("this is no JSON")
        w.send('{"jsonrpc":"2.0","id":')
        w.send("")
        w.call("nonsense")
        w.ok("system.ping")
        self.kill_server()
        w.ok("system.ping")
        w.close()
        for line in w.lines:
            self.assertTrue(line.endswith(b"\n"))
            json.loads(line)


class Small(Folder):
    @unittest.skipIf(IS_SANITIZED or IS_COUNTED, "a sanitizer's or gcov's memory is not the relay's")
    def test_a_relay_takes_less_than_a_mebibyte_and_a_half(self):
        w = self.window()
        w.initialize()
        w.ok("tools/list")
        with open(f"/proc/{w.process.pid}/status") as f:
            resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        self.assertLessEqual(resident, 1536)

    @unittest.skipIf(IS_SANITIZED or IS_COUNTED, "a sanitizer's or gcov's memory is not the relay's")
    def test_memory_of_a_large_message_goes_back(self):
        w = self.window()
        big = w.ok("ideas.store", {"name": "big", "content": "x" * 60000})
        for _ in range(3):
            w.call("system.ping", {"x": "y" * 3000000})
        self.assertEqual(w.ok("ideas.get", {"id": big["id"]})["name"], "big")
        with open(f"/proc/{w.process.pid}/status") as f:
            resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        self.assertLessEqual(resident, 2048)


if __name__ == "__main__":
    unittest.main()
