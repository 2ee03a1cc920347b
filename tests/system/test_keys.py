# SPDX-License-Identifier: Apache-2.0
"""Keys and access roles, through the front door: who comes in, with what, what each role may, and that an
end is an end at once, on every transport."""
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import mcpwire  # noqa: E402
import questd  # noqa: E402

EXPECT = json.load(open(os.path.join(questd.BUILD, "schemas/expect.json")))
VERBS, ROLES = EXPECT["verbs"], EXPECT["roles"]
KEY = re.compile(r"^qd_[0-9A-Za-z]{57}$")
NOT_DECODED = {"invalid_params", "confirmation_required"}  # the gate let it pass


def rpc(server, method, params=None, key=None, path="/rpc"):
    """(status, headers, parsed answer) of one call over HTTP."""
    head = {"Authorization": "Bearer " + key} if key else {}
    status, headers, text = server.http("POST", path, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}},
                                        head, token=False)
    return status, headers, json.loads(text) if text else None


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code") if "error" in answer else None


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.owner = cls.server.lines()
        cls.numbers = itertools.count()

    @classmethod
    def tearDownClass(cls):
        cls.owner.close()
        cls.server.__exit__()

    def key(self, *access, owner_kind="platform", owner="test", **more):
        return self.owner.ok("keys.create", {"name": "test", "owner_kind": owner_kind, "owner": owner,
                                             "access": list(access or ["operator"]), **more})

    def lines(self, key):
        lines = self.server.lines()
        lines.ok("keys.use", {"key": key["secret"]})
        return lines

    def revoke(self, key):
        self.owner.ok("keys.revoke", {"id": key["id"], "confirm": True})

    # ---- what a key is

    def test_52_a_key_is_prefix_public_id_secret_and_check(self):
        key = self.key()
        self.assertRegex(key["secret"], KEY)
        self.assertEqual(key["secret"][3:11], key["id"])
        self.assertEqual(len({self.key()["secret"] for _ in range(20)}), 20)

    def test_52_a_copy_of_the_database_lets_nobody_in(self):
        """t3: neither the key nor a plain hash of it is stored; the secret it is hashed with lies elsewhere."""
        key = self.key()
        backup = os.path.join(self.server.data, "copy.db")
        self.owner.ok("system.backup", {"path": backup})
        with open(backup, "rb") as f:
            self.assertNotIn(key["secret"][11:].encode(), f.read())
        secret = os.path.join(self.server.data, "keys.secret")
        self.assertEqual(os.stat(secret).st_mode & 0o777, 0o600)
        with open(secret) as f, open(backup, "rb") as db:
            self.assertNotIn(f.read().strip().encode(), db.read())

    def test_t3_a_key_is_not_in_any_answer_but_the_first(self):
        key = self.key()
        for method, params in (("keys.list", {}), ("audit.list", {"limit": 200}), ("events.list", {"limit": 200})):
            self.assertNotIn(key["secret"][11:], json.dumps(self.owner.ok(method, params)))
        self.assertNotIn(key["secret"][11:], self.server.err)

    def refused_bytes(self, secret):
        """No file of the data directory, and no backup, holds any of these texts."""
        backup = os.path.join(self.server.data, f"copy{next(self.numbers)}.db")
        self.owner.ok("system.backup", {"path": backup})
        names = [n for n in os.listdir(self.server.data) if ".db" in n]
        self.assertTrue({"questd.db", "questd.db-wal", os.path.basename(backup)} <= set(names), names)
        for name in names:
            with open(os.path.join(self.server.data, name), "rb") as f:
                self.assertFalse(secret[11:].encode() in f.read(), f"a secret is in {name}")

    def test_p5_a_reply_that_is_kept_holds_no_secret(self):
        """P5: a call with request_id is repeated without it, whoever reads the database finds none."""
        params = {"name": "kept", "owner_kind": "worker", "owner": "ci", "access": ["operator"], "request_id": "k1"}
        made = self.owner.ok("keys.create", params)
        self.assertIs(made["secret_shown"], True)
        turn = {"id": made["id"], "request_id": "k2"}
        turned = self.owner.ok("keys.rotate", turn)
        for method, body, first in (("keys.create", params, made), ("keys.rotate", turn, turned)):
            self.assertRegex(first["secret"], KEY)
            self.refused_bytes(first["secret"])
            again = self.owner.ok(method, body)
            self.assertEqual(again, {k: v for k, v in first.items() if k != "secret"} | {"secret_shown": False})
        self.lines(self.owner.ok("keys.rotate", {"id": turned["id"]})).close()

    def test_p5_a_batch_that_is_kept_holds_no_secret(self):
        """P5: of a batch as a whole, and of its calls one by one."""
        create = {"method": "keys.create", "params": {"name": "b", "owner_kind": "worker", "owner": "ci", "access": ["operator"]}}
        own = {"method": "keys.create", "params": {**create["params"], "request_id": "own"}}
        for atomic in (True, False):
            batch = {"calls": [create, own], "atomic": atomic, "request_id": f"b{atomic}"}
            own["params"]["request_id"] += "1"
            first = self.owner.ok("system.batch", batch)["items"]
            again = self.owner.ok("system.batch", batch)["items"]
            for a, b in zip(first, again):
                self.refused_bytes(a["result"]["secret"])
                self.assertEqual(b["result"]["id"], a["result"]["id"])
                self.assertNotIn("secret", b["result"])
                self.assertIs(b["result"]["secret_shown"], False)

    def test_p5_no_message_repeats_a_key(self):
        """P5: a wrong key is told as a number of characters, under whatever name it comes."""
        secret = self.key()["secret"]
        number = int.from_bytes(secret[3:11].encode(), "big")
        for params in ({"key": " " + secret}, {"key": secret + "\n" + secret}, {"keyy": secret}, {"key": [secret]},
                       {"key": number}, {"keyy": number}, {secret: 1}, {"key": secret * 5}):
            lines = self.server.lines()
            text = json.dumps(lines.call("keys.use", params))
            lines.close()
            self.assertIn("invalid_params", text)
            for part in (secret[3:11], str(number)):
                self.assertFalse(part in text, f"a key is in {text.replace(part, 'PART')}")
            self.assertIn("characters" if params == {"key": " " + secret} else "", text)

    def test_p5_a_token_file_is_trimmed_and_never_quoted(self):
        secret = self.key()["secret"]
        path = os.path.join(self.server.data, "token.test")
        for text, code in ((f"  {secret} \n\n", 0), (f"{secret}\n{secret}\n", 2), ("\n", 2)):
            with open(path, "w") as f:
                f.write(text)
            done = questd.cli("--token-file", path, "principals", "me", data=self.server.data)
            self.assertEqual(done.returncode, code, text.replace(secret, "KEY"))
            self.assertFalse(secret[11:24] in done.stdout + done.stderr)

    def test_p5_a_secret_on_the_command_line_is_refused(self):
        secret = self.key()["secret"]
        use = json.dumps({"key": secret})
        for words in (("keys", "use", "--key", secret), ("call", "keys.use", "key=" + secret), ("call", "keys.use", use),
                      ("call", "keys.use", "key:=" + json.dumps(secret)),
                      ("call", "system.batch", json.dumps({"calls": [{"method": "keys.use", "params": {"key": secret}}]})),
                      ("call", "system.batch", "calls=" + json.dumps([{"method": "keys.use", "params": {"key": secret}}])),
                      ("call", "tools/call", json.dumps({"name": "keys_use", "arguments": {"key": secret}}))):
            done = questd.cli(*words, data=self.server.data)
            self.assertEqual(done.returncode, 2)
            self.assertIn("from stdin", done.stderr)
            self.assertFalse(secret[11:24] in done.stdout + done.stderr)
        for words, text in ((("call", "keys.use", "-"), json.dumps({"key": secret})), (("keys", "use", "--key", "-"), secret + "\n")):
            done = questd.cli(*words, data=self.server.data, stdin=text)
            self.assertEqual(done.returncode, 0, done.stderr.replace(secret, "KEY"))

    def test_52_typing_errors_are_refused(self):
        secret = self.key()["secret"]
        for wrong in (secret[:-1], secret + "0", secret[:20] + ("a" if secret[20] != "a" else "b") + secret[21:],
                      secret[:-1] + ("a" if secret[-1] != "a" else "b"), "qd_", "", "x" * 60):
            lines = self.server.lines()
            answer = lines.call("keys.use", {"key": wrong})
            self.assertIn(code_of(answer), ("unauthenticated", "invalid_params"), wrong)
            if code_of(answer) == "unauthenticated":
                self.assertIn("the whole key as keys.create showed it, on a new connection", answer["error"]["data"]["hint"])
            with self.assertRaises(EOFError, msg="what follows would be done as the owner"):
                lines.read()
            lines.close()

    # ---- the matrix

    def ask(self, lines, verb):
        """What the gate says of a call without parameters."""
        return code_of(lines.call(verb, {}))

    def test_t1_54_every_verb_by_every_role_over_lines_is_as_the_matrix_says(self):
        """TM-AUTHZ-01: as the generated table says, over the Unix socket."""
        for role in ROLES:
            key = self.key(role, reads_per_minute=1000000, writes_per_minute=1000000)
            for verb, info in VERBS.items():
                if info["lane"] == "stream" and role in info["access"]:
                    continue  # it would go on
                lines = self.lines(key)
                got = self.ask(lines, verb)
                lines.close()
                self.assertEqual(got == "denied", role not in info["access"], f"{verb} as {role}: {got}")

    def test_t1_54_every_verb_by_every_role_over_http_is_as_the_matrix_says(self):
        """TM-AUTHZ-01: as the generated table says, over HTTP."""
        for role in ROLES:
            key = self.key(role, reads_per_minute=1000000, writes_per_minute=1000000)["secret"]
            for verb, info in VERBS.items():
                got = code_of(rpc(self.server, verb, {}, key)[2])
                self.assertEqual(got == "denied", role not in info["access"], f"{verb} as {role}: {got}")

    def test_t1_54_every_verb_by_every_role_over_stdio_is_as_the_matrix_says(self):
        """TM-AUTHZ-01: as the generated table says, through the relay."""
        for role in ROLES:
            key = self.key(role, reads_per_minute=1000000, writes_per_minute=1000000)
            relay = questd.Relay("--socket", self.server.socket_path)
            try:
                relay.lines.ok("keys.use", {"key": key["secret"]})
                for verb, info in VERBS.items():
                    if info["lane"] == "stream" and role in info["access"]:
                        continue
                    got = self.ask(relay.lines, verb)
                    self.assertEqual(got == "denied", role not in info["access"], f"{verb} as {role}: {got}")
            finally:
                relay.close()

    def test_t1_54_without_a_key_nobody_comes_in_over_http(self):
        """TM-AUTHZ-01: the same answer whatever is asked."""
        answers = {json.dumps(rpc(self.server, verb)[::2]) for verb in VERBS}
        self.assertEqual(len(answers), 1)
        status, headers, _ = rpc(self.server, "system.ping")
        self.assertEqual(status, 401)
        self.assertIn("Bearer", headers["www-authenticate"])
        for path in ("/mcp", "/mcp/readonly", "/mcp/x/all"):
            self.assertEqual(rpc(self.server, "tools/list", mcpwire.modern(), path=path)[0], 401, path)
        self.assertEqual(self.server.http("GET", "/events", token=False)[0], 401)

    def test_t1_without_a_key_the_owner_comes_in_over_lines_and_stdio(self):
        """TM-AUTHZ-01: the peer of the socket is who runs the server, and no verb is closed to him."""
        for way in (self.server.lines(), questd.Relay("--socket", self.server.socket_path)):
            lines = getattr(way, "lines", way)
            self.assertEqual(lines.ok("principals.me")["kind"], "owner")
            for verb, info in VERBS.items():
                self.assertTrue(lines.ok("system.why_denied", {"verb": verb})["allowed"], verb)
            way.close()

    def test_mcp_a1_a_key_in_the_address_lets_nobody_in(self):
        key = self.key("viewer")["secret"]
        for path in ("/rpc?access_token=" + key, "/rpc?token=" + key, "/mcp?access_token=" + key):
            self.assertEqual(rpc(self.server, "system.ping", path=path)[0], 401, path.replace(key, "KEY"))

    def test_54_a_viewer_has_no_verb_that_changes_anything(self):
        key = self.key("viewer")["secret"]
        for path in ("/mcp", "/mcp/x/all,search"):
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": mcpwire.modern()}
            _, _, text = self.server.http("POST", path, message, {
                "Authorization": "Bearer " + key, "MCP-Protocol-Version": mcpwire.MODERN, "Mcp-Method": "tools/list"}, token=False)
            tools = json.loads(text)["result"]["tools"]
            self.assertGreater(len(tools), 5)
            for tool in tools:
                self.assertTrue(tool["annotations"]["readOnlyHint"], tool["name"])
        relay = questd.Relay("--socket", self.server.socket_path, "--toolsets", "all,search")
        relay.lines.ok("keys.use", {"key": key})
        lines = self.server.lines()
        lines.ok("keys.use", {"key": key})
        for way in (relay.lines, lines):
            tools = way.call("tools/list", {"_meta": questd.META})["result"]["tools"]
            self.assertGreater(len(tools), 5)
            self.assertEqual([t["name"] for t in tools if not t["annotations"]["readOnlyHint"]], [])
        relay.close()
        lines.close()
        for verb, info in VERBS.items():
            if "viewer" in info["access"] and verb != "keys.use":
                self.assertTrue(info["annotations"]["readOnly"], verb)

    def test_a_tool_that_is_not_allowed_is_a_refusal_the_model_reads(self):
        lines = self.lines(self.key("viewer"))
        answer = lines.tool("quests_close", {"id": "q-1", "kind": "done", "summary": "x"})
        lines.close()
        self.assertTrue(answer["result"]["isError"])
        refusal = json.loads(answer["result"]["content"][0]["text"])
        self.assertEqual(refusal["error"], "denied")
        self.assertIn("operator", refusal["needs"])

    # ---- from a shell

    def test_a_key_is_used_from_a_file_on_every_way_in(self):
        key = self.key("viewer", owner="shell")
        path = os.path.join(self.server.data, "key")
        with open(path, "w") as f:
            f.write(key["secret"] + "\n")
        for mode, is_told in ((0o644, True), (0o600, False)):
            os.chmod(path, mode)
            done = questd.cli("principals", "me", "--token-file", path, data=self.server.data)
            self.assertEqual((done.returncode, "chmod 600" in done.stderr), (0, is_told), done.stderr)
        for way in ((), ("--url", "http://" + self.server.address)):
            done = questd.cli("principals", "me", "--token-file", path, "--json", *way, data=self.server.data)
            self.assertEqual((done.returncode, json.loads(done.stdout)["id"]), (0, "platform:shell"), done.stderr)
            done = questd.cli("quests", "create", "--subject", "x", "--token-file", path, *way, data=self.server.data)
            self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
        relay = questd.Relay("--socket", self.server.socket_path, "--token-file", path)
        self.assertEqual(relay.lines.ok("principals.me")["id"], "platform:shell")
        self.revoke(key)
        with self.assertRaises(EOFError):
            while True:
                relay.lines.read()
        self.assertEqual(relay.close(), 5)
        done = questd.cli("principals", "me", "--token-file", path, data=self.server.data)
        self.assertEqual(done.returncode, 5)
        self.assertNotIn(key["secret"][11:], done.stdout + done.stderr)

    def test_the_relay_stays_whom_its_client_said_when_the_server_is_another(self):
        """F-01: what follows a restart of the server is not done as the owner."""
        with questd.Server() as server:
            owner = server.lines()
            key = owner.ok("keys.create", {"name": "x", "owner_kind": "worker", "owner": "w", "access": ["viewer"]})
            owner.close()
            relay = questd.Relay("--socket", server.socket_path)
            relay.lines.ok("keys.use", {"key": key["secret"]})
            server.kill()
            server.start()
            self.assertEqual(relay.lines.ok("principals.me")["id"], "worker:w")
            self.assertEqual(code_of(relay.lines.call("quests.create", {"subject": "x"})), "denied")
            relay.close()

    def test_t3_following_with_a_key_that_is_revoked_ends_as_denied(self):
        key = self.key("viewer", owner="follower")
        path = os.path.join(self.server.data, "follower")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(key["secret"])
        process = subprocess.Popen([questd.QUESTD, "events", "follow", "--token-file", path, "--data-dir", self.server.data],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("connected", process.stdout.readline())
        self.revoke(key)
        out, err = process.communicate(timeout=questd.PATIENCE_S)
        self.assertEqual(process.returncode, 5, out + err)
        self.assertIn("revoked", out)
        self.assertIn("has ended", err)

    # ---- what else bounds it

    def test_t3_scopes_are_enforced(self):
        lines = self.lines(self.key("org_admin", scopes=["quests.*", "ideas.get"]))
        self.assertIsNone(self.ask(lines, "quests.list"))
        self.assertIn(self.ask(lines, "ideas.get"), NOT_DECODED)
        self.assertEqual(self.ask(lines, "ideas.list"), "denied")
        said = lines.call("keys.list", {})["error"]
        self.assertEqual((said["data"]["gate"], said["data"]["needs"]), ("scope", ["keys.list"]))
        self.assertNotIn("org_admin", said["message"], "which it has")
        self.assertIn("system.why_denied", said["data"]["hint"])
        self.assertEqual(lines.ok("principals.me")["scopes"], ["quests.*", "ideas.get"])
        lines.close()

    def test_tm_authz_03_a_key_is_never_allowed_more_than_its_maker(self):
        lines = self.lines(self.key("org_admin", scopes=["keys.*", "quests.get"]))
        more = {"name": "x", "owner_kind": "worker", "owner": "x"}
        self.assertEqual(code_of(lines.call("keys.create", {**more, "access": ["viewer"]})), "denied")
        same = lines.ok("keys.create", {**more, "access": ["org_admin"], "scopes": ["quests.get"]})
        self.assertEqual(same["scopes"], ["quests.get"])
        answer = lines.call("keys.create", {**more, "access": ["org_admin"], "scopes": []})
        self.assertEqual(code_of(answer), "invalid_params", "no scope at all would be no limit")
        wide = self.key("org_admin")
        self.assertEqual(code_of(lines.call("keys.rotate", {"id": wide["id"]})), "denied")
        lines.close()

    def test_over_http_the_header_says_who_calls(self):
        key = self.key()
        answer = rpc(self.server, "keys.use", {"key": key["secret"]}, key["secret"])[2]
        self.assertEqual(code_of(answer), "unsupported")
        self.assertEqual(answer["error"]["data"]["hint"], "send Authorization: Bearer with the key on each request")

    def test_a_connection_in_use_does_not_become_another(self):
        lines, key = self.server.lines(), self.key()
        lines.send({"jsonrpc": "2.0", "id": 7, "method": "events.follow", "params": {}})
        lines.read()
        said = lines.call("keys.use", {"key": key["secret"]})
        self.assertEqual(code_of(said), "conflict")
        self.assertIn("open another connection", said["error"]["data"]["hint"])
        lines.close()

    # ---- an end is an end

    def test_t3_expiry_is_at_once(self):
        """f-11: by the clock that its end was given in."""
        import datetime
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=700)
        key = self.key("viewer", expires_at=soon.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        lines = self.lines(key)
        lines.send({"jsonrpc": "2.0", "id": 5, "method": "events.follow", "params": {}})
        said = []
        with self.assertRaises(EOFError):
            while True:
                said.append(lines.read())
        self.assertIn('"reason":"revoked"', "".join(said))
        self.assertEqual(rpc(self.server, "system.ping", {}, key["secret"])[0], 401)

    def test_t3_52_revocation_cuts_every_transport_before_it_is_answered(self):
        key = self.key("operator")
        lines, follower, waiter, relay = (self.lines(key), self.lines(key), self.lines(key),
                                          questd.Relay("--socket", self.server.socket_path))
        relay.lines.ok("keys.use", {"key": key["secret"]})
        quest = lines.ok("quests.create", {"subject": "wait for it"})
        follower.send({"jsonrpc": "2.0", "id": 5, "method": "events.follow", "params": {}})
        follower.read()
        waiter.send({"jsonrpc": "2.0", "id": 6, "method": "quests.wait", "params": {"id": quest["id"], "timeout_s": 45}})
        self.owner.ok("system.ping")
        sse, listen = Stream(self.server, "GET", "/events", key["secret"]), Stream(
            self.server, "POST", "/mcp", key["secret"], {
                "jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen",
                "params": {**mcpwire.modern(), "notifications": {"toolsListChanged": True}}},
            {"MCP-Protocol-Version": mcpwire.MODERN, "Mcp-Method": "subscriptions/listen"})
        self.revoke(key)
        # no clock: each of them has its end on the way already
        for open_one in (lines, follower, relay.lines):  # the relay asks again with the key, and ends when that is refused
            with self.assertRaises(EOFError):
                while True:
                    open_one.read()
        answer = json.loads(waiter.read())
        self.assertEqual(code_of(answer), "unauthenticated")
        with self.assertRaises(EOFError):
            waiter.read()
        self.assertIn("revoked", sse.rest())
        listen.rest()
        self.assertEqual(rpc(self.server, "system.ping", {}, key["secret"])[0], 401)
        again = self.server.lines()
        self.assertEqual(code_of(again.call("keys.use", {"key": key["secret"]})), "unauthenticated")
        again.close()
        self.assertEqual(relay.close(), 5)

    def follower(self, key):
        lines = self.lines(key)
        lines.send({"jsonrpc": "2.0", "id": 5, "method": "events.follow", "params": {"kinds": ["note.*"]}})
        lines.read()
        return lines

    def is_cut(self, lines):
        """Or it hears of the next note."""
        note = f"note.n{next(self.numbers)}"
        self.owner.ok("events.fire", {"kind": note})
        try:
            while note not in lines.read():
                pass
        except EOFError:
            return True
        return False

    def test_t3_the_end_of_one_key_is_nobody_elses(self):
        one = self.key(owner="a")
        ended, sister, stranger = (self.follower(key) for key in (one, self.key(owner="a"), self.key(owner="b")))
        self.revoke(one)
        self.assertEqual([self.is_cut(lines) for lines in (ended, sister, stranger)], [True, False, False])
        for lines in (ended, sister, stranger):
            lines.close()

    def test_t3_an_atomic_batch_ends_all_the_keys_that_it_names(self):
        keys = [self.key(owner="a"), self.key(owner="b"), self.key(owner="c")]
        lines = [self.follower(key) for key in keys]
        self.owner.ok("system.batch", {"atomic": True, "calls": [
            {"method": "keys.revoke", "params": {"id": key["id"], "confirm": True}} for key in keys[:2]]})
        self.assertEqual([self.is_cut(one) for one in lines], [True, True, False])
        for one in lines:
            one.close()

    def test_t3_a_stream_ends_when_its_caller_may_less_and_not_before(self):
        agent = self.owner.ok("agents.spawn", {"name": "listener"})
        lines = self.follower(self.key("operator", owner_kind="agent", owner=agent["id"]))
        self.owner.ok("agents.update", {"id": agent["id"], "instructions": "listen well"})
        self.assertFalse(self.is_cut(lines))
        self.owner.ok("agents.update", {"id": agent["id"], "grants": {"tools_deny": ["events.*"]}})
        said = lines.read()
        self.assertIn('"reason":"revoked"', said)
        self.assertEqual(code_of(lines.call("events.list", {})), "denied")
        self.owner.ok("agents.update", {"id": agent["id"], "clear": ["grants"]})
        self.assertIn("items", lines.ok("events.list", {}))
        lines.close()

    def test_t3_what_waits_for_the_writer_when_its_key_ends_changes_nothing(self):
        """The key and what it wants to change stand in one batch of the writer."""
        key = self.key("operator", writes_per_minute=1000000)
        done = 0
        for round_ in range(20):
            one = self.key("operator")
            lines = self.lines(one)
            texts = [questd.compact({"jsonrpc": "2.0", "id": i, "method": "ideas.store",
                                     "params": {"name": f"late {round_} {i}", "content": "x"}}) for i in range(30)]
            writer = threading.Thread(target=lines.send, args=("\n".join(texts),))
            writer.start()
            self.revoke(one)
            writer.join()
            after = self.owner.ok("events.list", {"kinds": ["key.revoked", "idea.*"], "limit": 200})["items"]
            seqs = [int(e["id"].split(".")[1]) for e in after if e["kind"] == "key.revoked" and e["subject"] == one["id"]]
            late = [e for e in after if e["source"] == "platform:test" and seqs and int(e["id"].split(".")[1]) > seqs[0]
                    and f"late {round_} " in json.dumps(e)]
            self.assertEqual(late, [])
            done += 1
            lines.close()
        self.assertEqual(done, 20)
        self.revoke(key)

    def test_t3_a_rotation_has_a_single_winner(self):
        key = self.key("operator")
        answers = []

        def rotate():
            lines = self.server.lines()
            answers.append(lines.call("keys.rotate", {"id": key["id"], "overlap_s": 60}))
            lines.close()
        threads = [threading.Thread(target=rotate) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sum("result" in a for a in answers), 1)
        self.assertEqual({code_of(a) for a in answers if "error" in a}, {"conflict"})
        new = next(a["result"] for a in answers if "result" in a)
        for secret in (key["secret"], new["secret"]):  # both work while they overlap
            self.assertEqual(rpc(self.server, "system.ping", {}, secret)[0], 200)

    def test_t3_a_key_survives_a_restart_of_the_server(self):
        with questd.Server() as server:
            lines = server.lines()
            key = lines.ok("keys.create", {"name": "x", "owner_kind": "worker", "owner": "w", "access": ["viewer"]})
            lines.close()
            server.stop()
            server.start()
            self.assertEqual(rpc(server, "principals.me", {}, key["secret"])[2]["result"]["id"], "worker:w")

    # ---- strangers

    def test_tm_authz_02_a_foreign_id_answers_as_a_missing_one(self):
        """TM-AUTHZ-02: a cursor of one caller is, for the next, one that was made up: byte for byte."""
        one, other = self.key("viewer", owner="one"), self.key("viewer", owner="other")
        for _ in range(3):
            self.owner.ok("quests.create", {"subject": "x"})
        a, b = self.lines(one), self.lines(other)
        cursor = a.ok("quests.list", {"limit": 1})["next_cursor"]
        foreign = b.call("quests.list", {"limit": 1, "cursor": cursor})["error"]
        made_up = b.call("quests.list", {"limit": 1, "cursor": cursor[:-4] + "AAAA"})["error"]
        self.assertEqual(foreign, made_up)
        a.close()
        b.close()

    def test_tm_authz_05_the_eleventh_wrong_key_of_a_minute_is_429(self):
        with questd.Server() as server:
            statuses = [rpc(server, "system.ping", {}, "qd_" + "0" * 57)[0] for _ in range(12)]
            self.assertEqual(statuses, [401] * 10 + [429] * 2)

    # ---- quotas

    def test_t4_t5_the_call_after_the_last_says_which_limit_and_when(self):
        key = self.key("operator", writes_per_minute=3, reads_per_minute=5)
        lines = self.lines(key)
        for i in range(3):
            lines.ok("ideas.store", {"name": f"quota {i}", "content": "x"})
        answer = lines.call("ideas.store", {"name": "quota 4", "content": "x"})
        data = answer["error"]["data"]
        self.assertEqual((data["code"], data["quota"], data["limit"]), ("too_many_requests", "writes_per_minute", 3))
        self.assertTrue(data["retryable"])
        self.assertTrue(15000 < data["retry_after_ms"] <= 20000, data)
        for _ in range(5):
            lines.ok("system.ping")
        self.assertEqual(lines.call("system.ping")["error"]["data"]["quota"], "reads_per_minute")
        lines.close()
        again = self.server.lines()  # another connection is no other share
        again.ok("keys.use", {"key": key["secret"]})
        self.assertEqual(code_of(again.call("system.ping")), "too_many_requests")
        again.close()
        status, headers, answer = rpc(self.server, "system.ping", {}, key["secret"])
        self.assertEqual(status, 429)
        told = answer["error"]["data"]["retry_after_ms"] / 1000
        self.assertLessEqual(abs(int(headers["retry-after"]) - told), 1)

    def test_t4_a_batch_is_no_way_around(self):
        lines = self.lines(self.key("operator", writes_per_minute=4))
        calls = [{"method": "ideas.store", "params": {"name": f"batch {i}", "content": "x"}} for i in range(6)]
        answer = lines.call("system.batch", {"calls": calls, "atomic": True})
        self.assertEqual(code_of(answer), "too_many_requests")
        items = lines.call("system.batch", {"calls": calls})
        self.assertEqual(code_of(items), "too_many_requests")
        lines.close()


class Stream:
    """An HTTP answer that stays open."""

    def __init__(self, server, method, path, key, body=None, headers=None, waits=True):
        """waits: for what it begins with"""
        import http.client
        host, _, port = server.address.rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=20)
        more = {"Content-Type": "application/json"} if body else {}
        self.connection.request(method, path, questd.compact(body) if body else None, {
            "Authorization": "Bearer " + key, "Accept": "application/json, text/event-stream", **more, **(headers or {})})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, (self.answer.status, self.answer.read())
        self.first = self.answer.read1(65536).decode() if waits else ""

    def rest(self):
        try:
            return self.first + self.answer.read().decode()
        finally:
            self.connection.close()


if __name__ == "__main__":
    unittest.main()
