# SPDX-License-Identifier: Apache-2.0
"""Servers as those who run them meet them: tokens, starting over one that runs, what it says of itself."""
import contextlib
import http.client
import json
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mcpwire  # noqa: E402
from test_cli import Folder  # noqa: E402
from test_keys import Stream  # noqa: E402
from questd import Relay, Server  # noqa: E402


class Tokens(Folder):
    def test_a_rotated_token_holds_at_once_and_the_old_one_no_more(self):
        with Server(data=self.data) as server:
            old = {"Authorization": "Bearer " + server.token()}
            ping = {"jsonrpc": "2.0", "id": 1, "method": "system.ping"}
            self.assertEqual(server.http(body=ping, headers=old, token=False)[0], 200)
            self.cli("setup", "--rotate-token", code=0)
            self.assertEqual(server.http(body=ping, headers=old, token=False)[0], 401)
            self.assertEqual(server.http(body=ping)[0], 200)

    def open_with(self, server, token):
        """An event stream, a listen of the new revision, a session's stream of an older one, and that session."""
        headers = {"MCP-Protocol-Version": "2025-11-25", "Accept": "application/json, text/event-stream"}
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        status, head, text = server.http("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
                                         headers)
        self.assertEqual(status, 200, text)
        session = {"Mcp-Session-Id": head["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        server.http("POST", "/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
        listen = {"jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen",
                  "params": {**mcpwire.modern(), "notifications": {"toolsListChanged": True}}}
        return (Stream(server, "GET", "/events", token),
                Stream(server, "POST", "/mcp", token, listen,
                       {"MCP-Protocol-Version": mcpwire.MODERN, "Mcp-Method": "subscriptions/listen"}),
                Stream(server, "GET", "/mcp", token, headers=session, waits=False), session)

    def test_what_was_opened_with_a_token_ends_when_it_is_rotated(self):
        """TM-AUTHZ-05 streams and calls that wait, at once and with the reason; what the socket's owner opened goes on"""
        with Server(data=self.data) as server:
            sse, listen, legacy, session = self.open_with(server, server.token())
            own = server.lines()
            own.send({"jsonrpc": "2.0", "id": 5, "method": "events.follow", "params": {"kinds": ["note.*"]}})
            own.read()
            quest = server.lines().ok("quests.create", {"subject": "wait for it"})
            waiter = http.client.HTTPConnection(*server.address.split(":"), timeout=20)
            waiter.request("POST", "/rpc", json.dumps({"jsonrpc": "2.0", "id": 6, "method": "quests.wait",
                                                       "params": {"id": quest["id"], "timeout_s": 45}}),
                           {"Authorization": "Bearer " + server.token(), "Content-Type": "application/json"})
            while "questd_parked_calls 1\n" not in server.http("GET", "/metrics")[2]:
                pass
            self.cli("setup", "--rotate-token", code=0)
            # no clock: each of them has its end on the way already
            self.assertIn('"reason":"revoked"', sse.rest())
            listen.rest()
            legacy.rest()
            answer = json.loads(waiter.getresponse().read())
            self.assertEqual(answer["error"]["data"]["code"], "unauthenticated")
            waiter.close()
            server.lines().ok("events.fire", {"kind": "note.on"})
            self.assertIn("note.on", own.read())
            again = Stream(server, "GET", "/events", server.token())
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            self.assertEqual(server.http("POST", "/mcp", ping, session)[0], 200)
            os.unlink(os.path.join(self.data, "token"))
            self.assertIn('"reason":"revoked"', again.rest())


class Folders(Folder):
    """TM-UDS-01: nobody else has anything to look for in a data directory, whoever made it."""

    def test_serve_closes_a_folder_that_was_made_for_it(self):
        """TM-UDS-01 empty, or holding what is questd's"""
        os.mkdir(self.data, 0o755)
        os.chmod(self.data, 0o775)
        for _ in range(2):
            with Server(data=self.data, http="off") as server:
                self.assertEqual(os.stat(self.data).st_mode & 0o7777, 0o700)
                self.assertIn("closed", server.err)
            os.chmod(self.data, 0o755)
        self.start()
        self.assertEqual(os.stat(self.data).st_mode & 0o7777, 0o700)

    def test_a_folder_that_others_share_is_refused_and_left_as_it_is(self):
        """TM-UDS-01 by serve, start and setup alike"""
        os.mkdir(self.data)
        os.chmod(self.data, 0o755)
        with open(os.path.join(self.data, "thesis.tex"), "w"):
            pass
        for args, code in ((["serve", "--http", "off"], 2), (["start", "--http", "off"], 2), (["setup"], 2)):
            done = self.cli(*args, code=code)
            self.assertIn("--data-dir", done.stderr, args)
            self.assertIn("0755", done.stderr, args)
        self.assertEqual(os.stat(self.data).st_mode & 0o7777, 0o755)


class ReadOnly(Folder):
    def test_a_refused_write_says_how_the_server_was_started(self):
        """F-07 a read-only server is no read-only disk"""
        self.start()
        self.cli("stop", code=0)
        self.start("--read-only")
        batch = '{"atomic":true,"calls":[{"method":"quests.create","params":{"subject":"x"}}]}'
        for args in (["quests", "create", "x"], ["call", "system.batch", batch]):
            done = self.cli(*args, code=1)
            self.assertIn("storage_readonly", done.stderr)
            self.assertIn("was started with --read-only", done.stderr)
            self.assertRegex(done.stderr, r"hint: .*server\.read_only")
        self.assertEqual(self.ok("quests", "list")["items"], [])


class Instance(Folder):
    def test_an_instance_has_one_shape_whoever_names_it(self):
        """A UUIDv7, by setup or by the server's first start; the other takes it over."""
        shape = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
        self.start()
        by_server = self.ok("status")["instance"]
        self.assertRegex(by_server, shape)
        self.assertEqual(self.ok("setup")["instance"], by_server)
        self.cli("stop", code=0)
        self.data = self.env["QUESTD_DATA_DIR"] = os.path.join(self.top, "other")
        by_setup = self.ok("setup")["instance"]
        self.assertRegex(by_setup, shape)
        self.start()
        self.assertEqual(self.ok("status")["instance"], by_setup)


class Http(Folder):
    def test_a_taken_default_port_is_told_where_the_server_is_started_and_asked(self):
        with socket.socket() as s:
            with contextlib.suppress(OSError):  # whoever has it serves as well
                s.bind(("127.0.0.1", 8400))
                s.listen()
            done = self.cli("start", code=0)
            started = json.loads(done.stdout)
            self.assertEqual((started["http"], started["http_note"]), ("off", "127.0.0.1:8400 is taken"))
            self.assertIn(f"questd restart --data-dir '{self.data}' --http 127.0.0.1:0", done.stderr)
            self.assertEqual(self.ok("status")["http_note"], "127.0.0.1:8400 is taken")
            self.assertIn("127.0.0.1:8400 is taken", self.tty("status")[1])
        self.assertNotIn("http_note", self.ok("restart", "--http", "off"))
        self.assertNotIn("http_note", self.ok("status"))


class Names(Folder):
    def test_a_path_with_blanks_and_brackets_is_told_whole(self):
        path = os.path.join(self.top, "my (own) http=pid=1 socket=")
        self.assertEqual(self.start("--socket", path)["socket"], path)
        self.cli("stop", "--socket", path, code=0)


class Starting(Folder):
    """Who started the server decides how long it lives and who may have it."""

    def window(self, *flags):
        relay = Relay(*flags, env=self.env)
        self.addCleanup(relay.close)
        return relay

    def arguments(self, pid):
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read().split("\0")

    def test_start_takes_the_place_of_a_server_that_would_end_by_itself(self):
        window = self.window()
        first = window.lines.ok("system.info")["pid"]
        self.assertIn("--idle-exit", self.arguments(first))
        self.assertEqual(self.ok("status")["started_by"], "questd mcp")
        quest = window.lines.ok("quests.create", {"subject": "kept"})["short_id"]
        started = self.start()
        self.assertEqual((started["state"], started["replaced"]), ("started", first))
        self.assertNotIn("--idle-exit", self.arguments(started["pid"]))
        self.assertEqual(self.ok("status")["started_by"], "questd start")
        self.assertEqual(window.lines.ok("quests.get", {"id": quest})["subject"], "kept")
        self.assertEqual(window.lines.ok("system.info")["pid"], started["pid"])
        again = self.start()
        self.assertEqual((again["state"], again["pid"]), ("running", started["pid"]))

    def test_flags_for_a_server_that_runs_are_not_swallowed(self):
        self.start()
        done = self.cli("start", "--log-level", "debug", code=0)
        self.assertIn(f"questd restart --data-dir '{self.data}' --log-level debug", done.stderr)

    def test_settings_that_are_wrong_cost_no_running_server(self):
        pid = self.start()["pid"]
        done = self.cli("restart", "--htp", "off", code=2)
        self.assertIn("--htp: unknown flag (did you mean --http?)", done.stderr)
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[http]\nlisen = 'x'\n")
        self.assertIn("did you mean http.listen", self.cli("restart", code=2).stderr)
        self.assertEqual(self.ok("status")["pid"], pid)
        self.cli("stop", code=0)
        os.remove(os.path.join(self.data, "questd.toml"))
        pid = self.window().lines.ok("system.info")["pid"]
        self.cli("start", "--htp", "off", code=2)
        self.assertEqual(self.ok("status")["pid"], pid)

    def test_a_port_that_is_taken_costs_no_running_server(self):
        pid = self.ok("start", "--http", "127.0.0.1:0")["pid"]
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            done = self.cli("restart", "--http", taken, code=4)
            self.assertIn(f"'{taken}' is taken by another program", done.stderr)
            self.assertIn("was left as it is", done.stderr)
        now = self.ok("status")
        self.assertEqual(now["pid"], pid)
        self.assertEqual(self.ok("restart", "--http", now["http"])["http"], now["http"])  # its own port is free for it

    def test_a_server_that_does_not_start_gives_its_place_back(self):
        started = self.ok("start", "--http", "127.0.0.1:0", "--log-level", "debug")
        port = int(started["http"].rpartition(":")[2])
        self.cli("restart", "--http", f"127.0.0.1:{port}", "--log-level", "debug", code=0)
        with socket.create_server(("127.0.0.2", port)):
            done = self.cli("restart", "--http", f"127.0.0.2:{port}", code=2)
        self.assertIn("is taken by another program", done.stderr)
        self.assertIn("a server runs again with the flags that it had", done.stderr)
        now = self.ok("status")
        self.assertEqual(now["http"], started["http"])
        self.assertIn("debug", self.arguments(now["pid"]))

    def test_restart_leaves_a_temporary_server_temporary(self):
        self.window().lines.ok("system.ping")
        pid = self.ok("restart")["pid"]
        self.assertEqual(self.arguments(pid).count("--idle-exit"), 1)
        self.assertEqual(self.ok("status")["started_by"], "questd mcp")

    def test_a_private_server_is_nobody_elses(self):
        window = self.window("--private")
        pid = window.lines.ok("system.info")["pid"]
        self.assertEqual(self.ok("status")["started_by"], "questd mcp --private")
        for command in ("start", "restart"):
            self.assertIn(f"(pid {pid})", self.cli(command, "--http", "off", code=4).stderr)
        other = self.window()
        error = other.lines.call("system.info")["error"]
        self.assertIn(f"(pid {pid})", error["message"])
        self.assertIn("--data-dir", error["data"]["hint"])
        self.assertEqual(other.process.wait(10), 4)
        self.assertEqual(window.lines.ok("system.info")["pid"], pid)


if __name__ == "__main__":
    unittest.main()
