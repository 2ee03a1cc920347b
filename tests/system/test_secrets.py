# SPDX-License-Identifier: Apache-2.0
"""Secrets, through the front door: kept sealed, opened for workers alone, found nowhere else, and whole
whatever happens to the key."""
import base64
import contextlib
import ctypes
import glob
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import canary  # noqa: E402
import questd  # noqa: E402

EXPECT = json.load(open(os.path.join(questd.BUILD, "schemas/expect.json")))
VALUE = "sk-or-v1-0123456789abcdef"
NOBODY = 65534


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code")


class Secrets(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="questd-secrets.")
        self.data = os.path.join(self.top, "data")
        self.env = {"XDG_CONFIG_HOME": os.path.join(self.top, "config")}
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.stop()
        shutil.rmtree(self.top, ignore_errors=True)

    def serve(self, *flags, env=None, wait=True):
        self.server = questd.Server("--ballast-mb", "0", *flags, data=self.data, env={**self.env, **(env or {})}, wait=wait)
        self.servers.append(self.server)
        if wait:
            self.owner = self.server.lines()
        return self.server

    def keep(self, name="OPENROUTER_API_KEY", value=VALUE, **more):
        return self.owner.ok("credentials.ingest", {"name": name, "value": value, **more})

    def key_file(self):
        found = glob.glob(self.env["XDG_CONFIG_HOME"] + "/questd/keys/*")
        self.assertEqual(len(found), 1, found)
        return found[0]

    def worker(self, payload=None, name="w"):
        """A worker's connection, and the proof that it holds a task."""
        key = self.owner.ok("keys.create", {"name": name, "owner_kind": "worker", "owner": name, "access": ["operator"],
                                            "reads_per_minute": 1000000, "writes_per_minute": 1000000})
        lines = self.server.lines()
        lines.ok("keys.use", {"key": key["secret"]})
        self.owner.ok("tasks.create", {"subject": "t", "lease_ms": 3600000, **({"payload": payload} if payload else {})})
        task = lines.ok("tasks.claim")["items"][0]
        return lines, {"task": task["id"], "attempt": task["attempt"], "token": task["token"]}

    def value(self, lines, proof, name="OPENROUTER_API_KEY", **more):
        return lines.call("credentials.lookup", {"name": name, **proof, **more})

    def change(self, sql, *values):
        """Behind the server's back."""
        self.owner.close()
        self.server.stop()
        with sqlite3.connect(os.path.join(self.data, "questd.db")) as db:
            for script in sql if isinstance(sql, list) else [sql]:
                db.execute(script, values)
        db.close()
        self.serve()

    # ---- who gets a value

    def test_tm_llm_05_a_value_is_for_a_worker_that_holds_the_task(self):
        """TM-LLM-05"""
        self.serve()
        self.keep()
        lines, proof = self.worker()
        shown = self.value(lines, proof)["result"]
        self.assertEqual((shown["value"], shown["value_shown"]), (VALUE, True))
        self.assertIn("used_at", self.owner.ok("credentials.list")["items"][0])
        self.assertEqual(code_of(self.value(lines, {**proof, "attempt": 2})), "stale_attempt")
        self.assertEqual(code_of(self.value(lines, {**proof, "token": "0" * 32})), "stale_attempt")
        self.assertEqual(code_of(self.value(lines, {**proof, "task": "t-99"})), "not_found")
        self.assertNotIn("value", self.value(lines, {})["result"], "without a task")
        self.assertEqual(code_of(self.value(self.owner, proof)), "denied", "not even the owner")
        lines.ok("tasks.complete", {"id": proof["task"], "attempt": 1, "token": proof["token"]})
        self.assertEqual(code_of(self.value(lines, proof)), "stale_attempt", "it is over")
        on_record = self.owner.ok("audit.list", {"limit": 200})["items"]
        self.assertEqual([r["target"] for r in on_record if r["verb"] == "credentials.lookup" and r["principal"] == "worker:w"
                          and r["outcome"] == "done"], ["OPENROUTER_API_KEY"] * 2)

    def test_tm_llm_05_what_is_told_again_is_without_the_value(self):
        """TM-LLM-05"""
        self.serve()
        self.keep()
        lines, proof = self.worker()
        first = self.value(lines, proof, request_id="r")["result"]
        again = self.value(lines, proof, request_id="r")["result"]
        self.assertEqual((first["value"], again.get("value"), again["value_shown"]), (VALUE, None, False))
        call = {"method": "credentials.lookup", "params": {"name": "OPENROUTER_API_KEY", **proof}}
        for atomic in (False, True):
            refused = lines.call("system.batch", {"calls": [call], "atomic": atomic})["error"]
            self.assertEqual(refused["message"], "credentials.lookup cannot be in a batch: values are taken out of a batch's answer")
            self.assertEqual((refused["data"]["code"], refused["data"]["index"]), ("unsupported", 0))

    def test_tm_llm_05_a_task_opens_what_is_its_agents(self):
        """TM-LLM-05"""
        self.serve()
        self.keep()
        ann = self.owner.ok("agents.spawn", {"name": "ann"})["id"]
        self.owner.ok("agents.spawn", {"name": "bob", "grants": {"secrets": ["GITHUB_TOKEN"]}})
        self.keep(value="sk-or-v1-anns-own-key", agent="ann")
        lines, of_ann = self.worker({"agent": ann}, "wa")
        self.assertEqual(self.value(lines, of_ann)["result"]["value"], "sk-or-v1-anns-own-key")
        lines, of_nobody = self.worker(name="wn")
        self.assertEqual(self.value(lines, of_nobody)["result"]["value"], VALUE)
        self.assertEqual(code_of(self.value(lines, of_nobody, agent="ann")), "denied")
        lines, of_bob = self.worker({"agent": "bob"}, "wb")
        self.assertEqual(code_of(self.value(lines, of_bob)), "denied", "bob is granted another")
        self.assertEqual(code_of(self.value(lines, of_bob, role="r-1")), "not_found")

    def test_tm_llm_05_a_value_is_for_who_holds_the_task_made_by_who_may_name_its_agent(self):
        """TM-LLM-05"""
        self.serve()
        ann = self.owner.ok("agents.spawn", {"name": "ann"})["id"]
        self.keep(value="sk-or-v1-anns-own-key", agent="ann")
        first, of_ann = self.worker({"agent": ann}, "w1")
        second, _ = self.worker(name="w2")
        self.assertEqual(code_of(self.value(second, of_ann)), "not_found", "another's proof")
        self.assertEqual(self.value(first, of_ann)["result"]["value"], "sk-or-v1-anns-own-key")
        second.ok("tasks.create", {"queue": "own", "payload": {"agent": ann}})
        task = second.ok("tasks.claim", {"queue": "own"})["items"][0]
        proof = {"task": task["id"], "attempt": 1, "token": task["token"]}
        self.assertEqual(code_of(self.value(second, proof)), "denied", "it made the task itself")
        self.owner.ok("quests.create", {"subject": "x", "assignee": "ann"})
        quest = second.ok("quests.claim", {"agent": "ann"})
        attempt = next(t for t in self.owner.ok("tasks.list", {"queue": "quests"})["items"])
        proof = {"task": attempt["id"], "attempt": quest["attempt"], "token": quest["token"]}
        self.assertEqual(code_of(self.value(second, proof)), "denied", "a quest's attempt says so")

    def test_tm_llm_05_neither_a_tool_nor_an_agent(self):
        """TM-LLM-05"""
        self.serve()
        held = self.keep()
        tools = {t["name"] for toolsets in ("all", "admin") for t in self.tools(toolsets)}
        self.assertIn("credentials_list", tools)
        self.assertFalse(tools & {"credentials_ingest", "credentials_lookup"})
        self.assertFalse({t["name"] for t in self.tools(None) if t["name"].startswith("credentials")}, "off by default")
        for name, arguments in (("credentials_lookup", {"name": "OPENROUTER_API_KEY"}), ("credentials.lookup", {"name": "X"}),
                                ("credentials_ingest", {"name": "X", "value": "12345678"})):
            self.assertIn("error", self.owner.tool(name, arguments), name)
        self.owner.ok("agents.spawn", {"name": "ann"})
        key = self.owner.ok("keys.create", {"name": "k", "owner_kind": "agent", "owner": "ann",
                                            "access": ["operator", "agent_admin", "workflow_admin"]})
        lines = self.server.lines()
        lines.ok("keys.use", {"key": key["secret"]})
        for verb, params in (("lookup", {"name": "OPENROUTER_API_KEY"}), ("list", {}), ("ingest", {"name": "X", "value": "12345678"}),
                             ("delete", {"id": held["id"], "confirm": True}), ("rotate", {})):
            self.assertEqual(code_of(lines.call("credentials." + verb, params)), "denied", verb)

    def test_tm_llm_05_no_tool_in_a_batch_either(self):
        """TM-LLM-05"""
        self.serve()
        make = {"name": "k", "owner_kind": "worker", "owner": "w", "access": ["operator"]}
        for method, params in (("keys.create", make), ("credentials.ingest", {"name": "X", "value": VALUE})):
            for atomic in (False, True):
                arguments = {"calls": [{"method": "system.ping"}, {"method": method, "params": params}], "atomic": atomic}
                result = self.owner.tool("system_batch", arguments)["result"]
                said = json.loads(result["content"][0]["text"])
                self.assertTrue(result["isError"])
                self.assertEqual((said["error"], said["index"], said["reason"]), ("unsupported", 1, "it is no tool of MCP"), said)
                self.assertIn("/rpc", said["hint"])
        self.assertEqual(self.owner.ok("keys.list")["items"], [])
        self.assertEqual(self.owner.ok("credentials.list")["items"], [])
        self.assertEqual(self.owner.ok("system.batch", {"calls": [{"method": "keys.create", "params": make}]})["failed"], 0, "not over MCP")

    def tools(self, toolsets):
        relay = questd.Relay("--socket", self.server.socket_path, *(["--toolsets", toolsets] if toolsets else []))
        try:
            return relay.lines.ok("tools/list", {"_meta": questd.META})["tools"]
        finally:
            relay.close()

    # ---- sealed

    def test_sealed_values_pass_a_proxy_unread(self):
        sodium = ctypes.CDLL("libsodium.so.23")
        self.serve()
        self.keep()
        public = base64.urlsafe_b64decode(self.owner.ok("system.info")["public_key"] + "=")
        secret = "sk-sealed-for-the-company"
        box = ctypes.create_string_buffer(len(secret) + 48)
        sodium.crypto_box_seal(box, secret.encode(), ctypes.c_ulonglong(len(secret)), public)
        for name, text in (("A", base64.urlsafe_b64encode(box.raw).decode().rstrip("=")), ("B", base64.b64encode(box.raw).decode())):
            kept = self.owner.ok("credentials.ingest", {"name": name, "sealed": text})
            self.assertEqual((kept["source"], kept["redacted"]), ("sealed", True))
        lines, proof = self.worker()
        self.assertEqual(self.value(lines, proof, "A")["result"]["value"], secret)
        self.owner.ok("credentials.rotate", {"master": True})
        self.owner.ok("credentials.ingest", {"name": "A", "sealed": base64.b64encode(box.raw).decode()})
        self.assertNotEqual(base64.urlsafe_b64decode(self.owner.ok("system.info")["public_key"] + "="), public)

    # ---- nowhere else

    def test_ik_f7_tm_llm_04_tm_log_02_canaries_are_nowhere(self):
        """TM-LLM-04 TM-LOG-02 ik-F7"""
        problems, figures = canary.run(240)
        self.assertEqual(problems, [])
        self.assertGreater(figures["redacted"], 100, figures)
        self.assertGreater(figures["failed"], 60, figures)

    def test_tm_llm_04_what_was_written_before_leaves_without_the_value(self):
        """TM-LLM-04"""
        self.serve()
        old = self.owner.ok("ideas.store", {"name": "old", "content": f"the key is {VALUE}."})
        stream = self.server.lines()
        stream.send({"jsonrpc": "2.0", "id": 1, "method": "events.follow", "params": {"since": "0"}})
        self.keep()
        self.assertEqual(self.owner.ok("ideas.get", {"id": old["id"]})["content"], "the key is [redacted:OPENROUTER_API_KEY].")
        self.owner.ok("credentials.delete", {"id": self.owner.ok("credentials.list")["items"][0]["id"], "confirm": True})
        self.assertNotIn(VALUE, json.dumps(self.owner.ok("ideas.get", {"id": old["id"]})), "what is deleted may still be valid")
        self.owner.close()
        self.server.stop()
        self.serve()
        self.assertIn(VALUE, json.dumps(self.owner.ok("ideas.get", {"id": old["id"]})), "it is not known any more")

    def test_tm_llm_04_it_is_known_again_after_a_start(self):
        """TM-LLM-04"""
        self.serve()
        old = self.owner.ok("ideas.store", {"name": "old", "content": f"the key is {VALUE}."})
        self.keep()
        self.server.kill()
        self.serve()
        self.assertNotIn(VALUE, json.dumps(self.owner.ok("ideas.get", {"id": old["id"]})))

    def test_tm_llm_04_answers_stay_json_and_keep_their_names(self):
        """TM-LLM-04"""
        self.serve()
        self.keep("A", "structuredContent")
        self.keep("B", "nsecretsecret")
        self.keep("C", '","status":"')
        self.keep("D", "87654321")
        kept = self.owner.ok("ideas.store", {"name": "n", "content": "a\nsecretsecret", "properties": {"x": 1}})
        self.assertEqual(kept["content"], "a\nsecretsecret", "a line's end and another text are not the value")
        self.assertEqual(kept["kind"], "note")
        fired = self.owner.ok("events.fire", {"kind": "a.b", "payload": {"n": 87654321, "s": "no 87654321 here", "structuredContent": 1}})
        self.assertEqual(fired["payload"], {"n": 87654321, "s": "no [redacted:D] here", "[redacted:A]": 1})
        self.assertIn("structuredContent", self.owner.tool("ideas_get", {"id": kept["id"]})["result"])

    def test_tm_llm_04_unusual_escapes_hide_nothing(self):
        """TM-LLM-04"""
        self.serve()
        self.keep()
        spelled = "".join(f"\\u{ord(c):04x}" for c in VALUE)
        self.owner.send('{"jsonrpc":"2.0","id":7,"method":"events.fire","params":{"kind":"a.b","payload":{"x":"' + spelled + '"}}}')
        self.assertEqual(json.loads(self.owner.read())["result"]["payload"], {"x": "[redacted:OPENROUTER_API_KEY]"})

    # ---- sealed rows

    def test_ik_f9_tm_cry_01_a_row_opens_nothing_in_another_place(self):
        """TM-CRY-01 ik-F9"""
        self.serve()
        names = ["A", "B", "C", "D", "E"]
        for name in names:
            self.keep(name, f"value-of-{name}-0123456789")
        lines, proof = self.worker()
        lines.close()
        flipped = "update credentials set sealed = substr(sealed, 1, 60) || case substr(sealed, 61, 1) when 'A' then 'B' else 'A' end" \
                  " || substr(sealed, 62) where name = 'C'"
        self.change(["update credentials set name = case name when 'A' then 'B2' else 'A2' end where name in ('A', 'B')",
                     "update credentials set name = case name when 'B2' then 'B' else 'A' end where name in ('A2', 'B2')",
                     flipped, "update credentials set sealed = substr(sealed, 1, length(sealed) - 4) where name = 'D'"])
        lines, proof = self.worker(name="w2")
        for name in names[:4]:
            answer = self.value(lines, proof, name)
            self.assertEqual(code_of(answer), "credential_corrupt", name)
            self.assertNotIn("value-of", json.dumps(answer))
        self.assertEqual(self.value(lines, proof, "E")["result"]["value"], "value-of-E-0123456789")
        turned = self.owner.ok("credentials.rotate")
        self.assertEqual((turned["resealed"], turned["corrupt"], turned["removed"]), (1, 4, 0))
        self.keep("C", "value-of-C-again")
        self.assertEqual(self.value(lines, proof, "C")["result"]["value"], "value-of-C-again")

    def test_ik_f9_another_companys_rows_do_not_open(self):
        """ik-F9"""
        self.serve()
        self.keep()
        self.owner.close()
        self.server.stop()
        shutil.copy(self.key_file(), self.top + "/key")
        other, key = self.data + "2", self.key_file()
        shutil.move(self.data, other)
        self.serve()
        self.keep("OTHER", "secret-of-the-other")
        theirs = self.owner.ok("system.info")["instance"]
        self.owner.close()
        self.server.stop()
        os.chmod(os.path.dirname(key) + "/" + theirs, 0o600)
        shutil.copy(self.top + "/key", os.path.dirname(key) + "/" + theirs)
        self.serve()
        self.assertEqual(self.owner.ok("system.health")["credentials"], "locked", "another's key")

    # ---- the key

    def test_tm_cry_02_no_backup_holds_the_key(self):
        """TM-CRY-02"""
        self.serve()
        self.keep()
        path = os.path.join(self.top, "backup.db")
        said = self.owner.ok("system.backup", {"path": path})
        with open(self.key_file()) as f:
            key = f.read().strip()
        self.assertEqual(os.stat(self.key_file()).st_mode & 0o777, 0o400)
        wanted = [key.encode(), key.upper().encode(), bytes.fromhex(key), base64.b64encode(bytes.fromhex(key)).rstrip(b"=")[:-1]]
        for root, _, names in os.walk(self.data):
            for name in [os.path.join(root, n) for n in names] + [path]:
                if os.path.isfile(name):
                    with open(name, "rb") as f:
                        blob = f.read()
                    self.assertFalse([w for w in wanted if w in blob], name)
        self.assertIn("master key", said["next"], "it says so")

    def test_tm_cry_02_a_key_under_the_data_directory_is_refused(self):
        """TM-CRY-02"""
        os.makedirs(self.data, 0o700)
        self.serve(env={"XDG_CONFIG_HOME": os.path.join(self.data, "config")})
        answer = self.owner.call("credentials.ingest", {"name": "A", "value": "12345678"})
        self.assertEqual(code_of(answer), "credentials_locked")
        self.assertIn("data directory", answer["error"]["data"]["hint"])
        self.assertFalse(os.path.exists(self.data + "/config"))
        os.symlink(self.data, self.top + "/link")
        self.server.stop()
        self.serve(env={"XDG_CONFIG_HOME": os.path.join(self.top, "link", "config")})
        self.assertEqual(self.owner.ok("system.health")["credentials"], "locked", "links are followed")

    def locked(self, what):
        """The server serves, and says what is wrong wherever somebody looks."""
        health = self.owner.ok("system.health")
        self.assertEqual((health["status"], health["credentials"]), ("ok", "locked"), what)
        self.assertEqual(self.server.http("GET", "/readyz", token=False)[0], 200)
        self.owner.ok("quests.create", {"subject": "all else works"})
        self.assertNotIn("public_key", self.owner.ok("system.info"))
        for verb, params in (("ingest", {"name": "A", "value": "12345678"}), ("rotate", {})):
            answer = self.owner.call("credentials." + verb, params)
            self.assertEqual((what, verb, code_of(answer)), (what, verb, "credentials_locked"))
            self.assertEqual(answer["error"]["data"]["hint"], health["credentials_note"])
        lines, proof = self.worker(name=re.sub(r"\W", "", what))
        self.assertEqual(code_of(self.value(lines, proof)), "credentials_locked")
        self.assertIn("value_shown", self.value(lines, {})["result"], "what it is can be seen")
        self.assertIn("credentials are locked", self.server.err)
        doctor = questd.cli("doctor", data=self.data, env=self.env)
        self.assertIn("fail", [i["verdict"] for i in json.loads(doctor.stdout)["items"] if i["id"] == "secrets"])
        self.assertEqual(doctor.returncode, 1)
        self.assertIn("credentials are locked", questd.cli("status", data=self.data, env=self.env).stderr)
        return health["credentials_note"]

    def test_f_35_without_its_key_all_else_works(self):
        """F-35"""
        self.serve()
        self.keep()
        path = self.key_file()
        cases = {
            "missing": (lambda: os.rename(path, path + ".away"), "is missing"),
            "another": (lambda: self.write(path, "ab" * 32 + "\n"), "is not the one of this database"),
            "no key": (lambda: self.write(path, "not a key\n"), "holds no master key"),
            "open to all": (lambda: os.chmod(path, 0o444), "chmod 0400"),
            "a link": (lambda: (os.rename(path, path + ".away"), os.symlink(path + ".away", path)), "holds no master key"),
        }
        with open(path) as f:
            right = f.read()
        for what, (spoil, said) in cases.items():
            self.owner.close()
            self.server.stop()
            spoil()
            self.serve()
            self.assertIn(said, self.locked(what))
            # it comes back: without a restart
            for rest in glob.glob(path + "*"):
                os.unlink(rest)
            self.write(path, right)
            lines, proof = self.worker(name="after" + re.sub(r"\W", "", what))
            self.assertEqual(self.value(lines, proof)["result"]["value"], VALUE, what)
            self.assertEqual(self.owner.ok("system.health")["credentials"], "open")

    def write(self, path, text):
        if os.path.exists(path):
            os.unlink(path)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o400), "w") as f:
            f.write(text)

    def test_f_35_the_service_manager_gives_the_key(self):
        """F-35"""
        given = os.path.join(self.top, "given")
        os.mkdir(given)
        self.write(given + "/kek", "11" * 32 + "\n")
        self.serve(env={"CREDENTIALS_DIRECTORY": given})
        self.keep()
        self.assertFalse(os.path.exists(self.env["XDG_CONFIG_HOME"]))
        self.assertEqual(code_of(self.owner.call("credentials.rotate", {"master": True})), "unsupported")
        self.owner.close()
        self.server.stop()
        self.write(given + "/kek", "22" * 32 + "\n" + "11" * 32 + "\n")
        self.serve(env={"CREDENTIALS_DIRECTORY": given})
        self.owner.ok("credentials.rotate", {"master": True})
        self.owner.close()
        self.server.stop()
        self.write(given + "/kek", "22" * 32 + "\n")
        self.serve(env={"CREDENTIALS_DIRECTORY": given})
        lines, proof = self.worker()
        self.assertEqual(self.value(lines, proof)["result"]["value"], VALUE)

    def check_all(self, names):
        """Each opens, and after one more rotation by exactly one data key."""
        lines, proof = self.worker(name=f"w{time.monotonic_ns()}")
        for name in names:
            lines.send({"jsonrpc": "2.0", "id": name, "method": "credentials.lookup", "params": {"name": name, **proof}})
        for name in names:
            answer = json.loads(lines.read())
            self.assertEqual(answer.get("result", answer).get("value"), "value of " + answer["id"])
        self.owner.ok("credentials.rotate")
        with sqlite3.connect(f"file:{self.data}/questd.db?mode=ro", uri=True) as db:
            self.assertEqual(db.execute("select count(distinct data_key), (select count(*) from data_keys) from credentials").fetchone(), (1, 1))
        db.close()
        lines.close()

    def test_f_35_a_rotation_may_be_killed_anywhere(self):
        """F-35"""
        self.serve()
        names = [f"N{i}" for i in range(210)]
        for at in range(0, len(names), 70):
            self.owner.ok("system.batch", {"atomic": True, "calls": [
                {"method": "credentials.ingest", "params": {"name": n, "value": "value of " + n}} for n in names[at:at + 70]]})
        self.owner.close()
        self.server.stop()
        if not self.has_fail_points():
            self.skipTest("this build has no fail points")
        n_kills = 0
        for point in ("vault_master_written", "vault_master_sealed", "store_commit_before", "store_commit_after"):
            for time_ in range(1, 9):
                self.serve(env={"FP": f"{point}:{time_}*kill"}, wait=False)
                self.server.ready.wait(questd.PATIENCE_S)
                is_killed = self.rotate_until_killed()
                n_kills += is_killed
                if not is_killed:
                    self.server.stop()
                self.serve()
                self.check_all(names)
                self.owner.close()
                self.server.stop()
                if not is_killed:
                    break
        self.assertGreaterEqual(n_kills, 8)

    def sealed_by(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/questd.db?mode=ro", uri=True)) as db:
            return db.execute("select (select max(n) from data_keys), (select group_concat(data_key) from credentials)").fetchone()

    def test_f_13_a_rotation_that_fails_half_way_says_that_its_steps_stay(self):
        """F-13: an error that says "nothing was changed" is answered only where that is so."""
        self.serve()
        self.owner.ok("credentials.ingest", {"name": "N", "value": "value of N"})
        self.owner.close()
        self.server.stop()
        if not self.has_fail_points():
            self.skipTest("this build has no fail points")
        causes = []
        for time_ in range(1, 12):
            self.serve(env={"FP": f"store_commit_before:{time_}*return"}, wait=False)
            self.server.ready.wait(questd.PATIENCE_S)
            self.owner = self.server.lines()
            before = self.sealed_by()
            answer = self.owner.call("credentials.rotate")
            if "error" in answer:
                half_way = self.sealed_by() != before
                self.assertEqual(code_of(answer) == "interrupted", half_way, answer)
                causes += [answer["error"]["data"]["cause"]] if half_way else []
                self.owner.ok("credentials.rotate")
                newest, used = self.sealed_by()
                self.assertEqual(str(newest), used)
            self.owner.close()
            self.server.stop()
        self.assertTrue(causes)

    def rotate_until_killed(self):
        try:
            lines = self.server.lines()
            lines.ok("credentials.rotate", {"master": True})
        except (OSError, EOFError):
            self.server.process.wait(questd.PATIENCE_S)
            return True
        lines.close()
        return False

    def has_fail_points(self):
        with open(os.path.join(questd.BUILD, "questd-server"), "rb") as f:
            return b"vault_master_written" in f.read()

    def test_ik_f8_reads_go_on_while_keys_are_rotated(self):
        """ik-F8"""
        self.serve()
        self.keep()
        lines, proof = self.worker()
        over, seen = threading.Event(), []

        def read():
            while not over.is_set():
                seen.append(self.value(lines, proof).get("result", {}).get("value"))

        reader = threading.Thread(target=read)
        reader.start()
        with open(self.key_file()) as f:
            before = f.read().strip()
        for i in range(10):
            self.owner.ok("credentials.rotate", {"master": i % 2 == 0})
        over.set()
        reader.join()
        self.assertGreater(len(seen), 10)
        self.assertEqual(set(seen), {VALUE})
        with open(self.key_file()) as f:
            keys = f.read().split()
        self.assertEqual(len(keys), 1)
        self.assertNotIn(before, keys, "the old one is gone")
        self.assertEqual(os.stat(self.key_file()).st_mode & 0o777, 0o400)
        self.owner.close()
        self.server.stop()
        self.serve()
        lines, proof = self.worker(name="w2")
        self.assertEqual(self.value(lines, proof)["result"]["value"], VALUE)

    def test_ik_f8_restored_with_its_key_all_opens(self):
        """ik-F8"""
        self.serve()
        self.keep()
        path = os.path.join(self.top, "backup.db")
        self.owner.ok("system.backup", {"path": path})
        self.keep(value="a-later-value-of-it")
        self.owner.close()
        self.server.stop()
        done = questd.cli("restore", path, "--yes", data=self.data, env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("master key", done.stderr)
        self.serve()
        lines, proof = self.worker()
        self.assertEqual(self.value(lines, proof)["result"]["value"], VALUE)

    # ---- memory

    def test_tm_cry_03_another_program_of_the_same_user_reads_nothing(self):
        """TM-CRY-03"""
        if os.geteuid():
            self.skipTest("needs root, to be two programs of another user")
        os.chmod(self.top, 0o755)
        program = questd.for_others(self.top)
        for folder in (self.data, self.env["XDG_CONFIG_HOME"]):
            os.makedirs(folder, 0o700)
            os.chown(folder, NOBODY, NOBODY)
        as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
        server = questd.Server("--ballast-mb", "0", data=self.data, env=self.env, wrap=as_nobody, binary=program)
        self.servers.append(server)
        spy = (f"import ctypes, sys\np = '/proc/{server.pid}/'\n"
               "for n in ('mem', 'environ', 'maps', 'auxv'):\n"
               "    try:\n        open(p + n, 'rb').read(1); print(n, 'is open')\n    except OSError as e:\n        print(n, type(e).__name__)\n"
               f"libc = ctypes.CDLL(None, use_errno=True)\nprint('ptrace', libc.ptrace(16, {server.pid}, 0, 0), ctypes.get_errno())\n")
        said = subprocess.run([*as_nobody, "/usr/bin/python3", "-c", spy], capture_output=True, text=True).stdout
        self.assertNotIn("is open", said)
        self.assertIn("mem PermissionError", said)
        self.assertIn("ptrace -1 1", said, "EPERM")
        with open(f"/proc/{server.pid}/limits") as f:
            self.assertRegex(f.read(), r"Max core file size\s+0\s+0")

    # ---- the command line

    def cli(self, *args, **more):
        return questd.cli("secrets", *args, data=self.data, env=self.env, **more)

    def test_a_value_comes_from_a_pipe_and_is_shown_by_nobody(self):
        self.serve()
        done = self.cli("set", "OPENROUTER_API_KEY", stdin=VALUE + "\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["source"], "pipe")
        got = json.loads(self.cli("get", "OPENROUTER_API_KEY").stdout)
        self.assertEqual((got["scope"], got["source"], got["value_shown"]), ("entity", "pipe", False))
        self.assertNotIn(VALUE, done.stdout + json.dumps(got) + self.cli("list").stdout)
        lines, proof = self.worker()
        self.assertEqual(self.value(lines, proof)["result"]["value"], VALUE, "without the line's end")
        self.owner.ok("agents.spawn", {"name": "ann"})
        self.assertEqual(self.cli("unset", "OPENROUTER_API_KEY", "--agent", "ann", "--yes").returncode, 3, "she has none of her own")
        self.assertEqual(self.cli("unset", "OPENROUTER_API_KEY", "--yes").returncode, 0)
        self.assertEqual(self.cli("get", "OPENROUTER_API_KEY").returncode, 3)
        self.assertEqual(self.cli("set", "A", stdin="\n").returncode, 2, "empty")

    def test_a_value_on_the_command_line_is_refused_with_the_way(self):
        self.serve()
        done = self.cli("set", "TOKEN", "s3cr3t-value")
        self.assertEqual(done.returncode, 2)
        self.assertIn('printf %s "$VALUE" | questd secrets set TOKEN', done.stderr)
        self.assertNotIn("s3cr3t", done.stderr)
        done = questd.cli("credentials", "ingest", "--name", "A", "--value", "s3cr3t-value", data=self.data, env=self.env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("questd secrets set", done.stderr)
        self.assertEqual(self.owner.ok("credentials.list")["items"], [])

    def test_what_is_no_name_is_told_in_the_commands_own_words(self):
        self.serve()
        for way in ("set", "get", "unset"):
            for name in ("bad name", "", "A" * 65, "passé", "a.b"):
                done = self.cli(way, name, stdin="s3cr3t-value\n")
                self.assertEqual((done.returncode, done.stdout), (2, ""), name)
                self.assertEqual(done.stderr, f"questd: '{name}' is no name of a secret\n  hint: questd secrets {way} NAME, where NAME is 1 to 64 "
                                 "letters, digits, _ and -, such as OPENROUTER_API_KEY\n")
        done = self.cli("set", "TOKEN", "--kind", "key", stdin="s3cr3t-value\n")
        self.assertIn("kind: expected one of api_key", done.stderr)
        self.assertIn("hint: questd help secrets shows how", done.stderr)
        self.assertNotIn("credentials.ingest", done.stderr)
        self.assertEqual(self.owner.ok("credentials.list")["items"], [])

    def typed(self, keys, end=None):
        """`secrets set` on a terminal: (status, what the terminal showed, does it echo behind it?)"""
        import termios
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(questd.QUESTD, [questd.QUESTD, "secrets", "set", "TOKEN", "--data-dir", self.data], {**os.environ, **self.env})
        shown = b""
        while b"not shown" not in shown:
            shown += os.read(fd, 1000)
        if end:
            os.kill(pid, end)
        os.write(fd, keys)
        try:
            while True:
                piece = os.read(fd, 1000)
                echoes = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
                if not piece:
                    break
                shown += piece
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        return os.waitstatus_to_exitcode(status), shown.decode(), echoes

    def test_a_typed_value_is_not_shown_and_the_terminal_is_as_it_was(self):
        self.serve()
        code, shown, echoes = self.typed(b"sk-typed-wrongX\x7f-value\r")
        self.assertEqual((code, echoes), (0, True), shown)
        self.assertNotIn("sk-typed", shown)
        lines, proof = self.worker()
        kept = self.value(lines, proof, "TOKEN")["result"]
        self.assertEqual((kept["value"], kept["source"]), ("sk-typed-wrong-value", "terminal"))
        code, shown, echoes = self.typed(b"half\x03")
        self.assertEqual((code, echoes), (130, True), shown)
        code, shown, echoes = self.typed(b"", signal.SIGTERM)
        self.assertEqual((code, echoes), (-signal.SIGTERM, True), shown)


if __name__ == "__main__":
    unittest.main()
