# SPDX-License-Identifier: Apache-2.0
"""questd doctor: what is wrong with an installation, told with what to do."""
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import Folder  # noqa: E402
from questd import QUESTD, Server  # noqa: E402


class Doctor(Folder):
    def findings(self, *args, code, env=None):
        done = self.cli("doctor", *args, code=code, env=env)
        return {i["id"]: i for i in json.loads(done.stdout)["items"]}

    def test_before_setup_it_says_what_to_do(self):
        found = self.findings(code=0)
        self.assertEqual(found["data-dir"]["verdict"], "warn")
        self.assertEqual(found["data-dir"]["fix"], f"questd setup --data-dir '{self.data}'")
        self.findings("--strict", code=1)

    def test_all_is_well_beside_a_server(self):
        self.cli("setup", code=0)
        self.start()
        found = self.findings("--strict", code=0)
        for name in ("programs", "libraries", "data-dir", "token", "key", "config", "disk", "clock", "socket", "server",
                     "health", "database"):
            self.assertEqual(found[name]["verdict"], "ok", found[name])
        code, shown = self.tty("doctor")
        self.assertEqual(code, 0)
        self.assertIn("0 warnings, 0 failures", shown)

    def test_what_is_wrong_is_found_with_its_fix(self):
        self.cli("setup", code=0)
        os.chmod(os.path.join(self.data, "token"), 0o644)
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[http\n")
        with open(os.path.join(self.data, "questd.db"), "w") as f:
            f.write("this is no database at all")
        found = self.findings(code=1)
        self.assertRegex(found["token"]["fix"], r"^chmod 0600 ")
        self.assertIn("questd.toml:1:", found["config"]["text"])
        self.assertIn("not a questd database", found["database"]["text"])
        for finding in found.values():
            self.assertTrue(finding["text"])
            self.assertTrue(finding["verdict"] == "ok" or finding["fix"], finding)

    def database(self):
        """A database that a server has left, with one page of it overwritten."""
        self.cli("setup", code=0)
        self.start()
        for i in range(40):
            self.ok("quests", "create", f"subject {i}", "--description", "words " * 200)
        self.cli("stop", code=0)
        return os.path.join(self.data, "questd.db")

    def test_quests_that_wait_for_each_other_are_named(self):
        """As an older questd let them be; nothing is damaged, and no backup helps"""
        with Server(data=self.data, http="off") as server:
            lines = server.lines()
            lines.ok("quests.create", {"subject": "whole"})
            lines.ok("quests.create", {"subject": "part", "parent": "q-1"})
        with contextlib.closing(sqlite3.connect(os.path.join(self.data, "questd.db"))) as db:
            db.executescript("insert into quest_dependencies values (2, 1); update quests set dependents = 1 where n = 1;"
                             "update quests set dependencies = 1, open_dependencies = 1 where n = 2")
        with Server(data=self.data, http="off") as server:
            said = server.lines().ok("system.check", {"quick": False})
            self.assertEqual((said["sound"], said["stuck"]), (True, ["q-2 depends on q-1, which cannot be done before it"]))
            found = self.findings(code=0)
            self.assertIn("q-2 depends on q-1", found["quests"]["text"])
            self.assertIn("required: false", found["quests"]["fix"])
            self.assertNotIn("restore", json.dumps(found))
            server.lines().ok("quests.update", {"id": "q-2", "required": False})
            self.assertNotIn("quests", self.findings(code=0))

    def test_a_damaged_database_is_told_without_a_server(self):
        """F-09 and nothing is changed by looking"""
        path = self.database()
        self.assertEqual(self.findings(code=0)["database"]["verdict"], "ok")
        with open(path, "r+b") as f:
            f.seek(8 * 4096)
            f.write(b"\xa5" * (12 * 4096))
        with open(path, "rb") as f:
            before = f.read()
        found = self.findings(code=1)["database"]
        self.assertEqual(found["verdict"], "fail")
        self.assertIn("is damaged", found["text"])
        self.assertRegex(found["fix"], "restore|backup")
        with open(path, "rb") as f:
            self.assertEqual(f.read(), before)

    def test_a_database_that_is_cut_short_is_told(self):
        path = self.database()
        os.truncate(path, os.path.getsize(path) // 2)
        self.assertIn("cut short", self.findings(code=1)["database"]["text"])

    def test_a_strangers_database_is_told(self):
        self.cli("setup", code=0)
        with contextlib.closing(sqlite3.connect(os.path.join(self.data, "questd.db"))) as db:
            db.execute("create table t(a)")
            db.commit()
        found = self.findings(code=1)["database"]
        self.assertIn("another program's database", found["text"])
        self.assertIn("--data-dir", found["fix"])

    def test_a_newer_database_is_told(self):
        with contextlib.closing(sqlite3.connect(self.database())) as db:
            db.execute("pragma user_version = 99999")
        self.assertIn("newer questd", self.findings(code=1)["database"]["text"])

    def test_a_secret_for_keys_that_is_junk_is_told(self):
        """what stops a start, before the start"""
        self.start()
        self.cli("stop", code=0)
        path = os.path.join(self.data, "keys.secret")
        for junk in ("", "junk", "g" * 64, "0" * 5000):
            with open(path, "w") as f:
                f.write(junk)
            self.assertIn("keys.secret", self.cli("start", "--http", "off").stderr)
            found = self.findings(code=1)["keys"]
            self.assertEqual(found["verdict"], "fail", junk)
            self.assertIn(path, found["text"])
            self.assertIn("make new keys", found["fix"])

    def test_a_generation_that_cannot_be_read_is_told(self):
        self.start()
        self.cli("stop", code=0)
        path = os.path.join(self.data, "questd.generation")
        os.unlink(path)
        os.mkdir(path)
        self.assertIn("questd.generation", self.cli("start", "--http", "off").stderr)
        found = self.findings(code=1)["generation"]
        self.assertEqual((found["verdict"], path in found["text"], "away" in found["fix"]), ("fail", True, True))
        os.rmdir(path)
        self.start()

    def test_keys_whose_secret_is_missing_are_told(self):
        """by doctor before and beside a server, and in the log of the one that makes a new secret"""
        with Server(data=self.data, http="off") as server:
            server.lines().ok("keys.create", {"name": "k", "owner_kind": "platform", "owner": "test", "access": ["viewer"]})
        path = os.path.join(self.data, "keys.secret")
        os.rename(path, path + ".kept")
        found = self.findings(code=1)["keys"]
        self.assertEqual(found["verdict"], "fail")
        self.assertIn(path, found["text"])
        self.assertIn("put it back", found["fix"])
        os.rename(path + ".kept", path)
        with Server(data=self.data, http="off") as server:
            self.assertNotIn("keys", server.err)
            os.unlink(path)
            self.assertIn("put it back", self.findings(code=1)["keys"]["fix"])
        with Server(data=self.data, http="off") as server:
            self.assertIn("let nobody in any more", server.err)

    def test_settings_with_which_no_server_starts_are_told(self):
        self.cli("setup", code=0)
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[http]\nlisen = 'x'\n")
        found = self.findings(code=1)
        self.assertIn("questd.toml:2: http.lisen: unknown key (did you mean http.listen", found["config"]["text"])
        os.remove(os.path.join(self.data, "questd.toml"))
        found = self.findings(code=1, env={"QUESTD_STORE_KEEP_BACKUPS": "many"})
        self.assertIn("QUESTD_STORE_KEEP_BACKUPS", found["config"]["text"])
        self.assertEqual(found["database"]["verdict"], "ok")

    def test_an_issuers_keys_that_cannot_be_used_are_told(self):
        """TM-AUTHZ-06: before a start fails by them, or a running server lets nobody in any more."""
        self.cli("setup", code=0)
        keys = os.path.join(self.data, "jwks.json")
        env = {"QUESTD_AUTH_ISSUER": "https://login.example.org", "QUESTD_AUTH_RESOURCE": "https://questd.example.org/mcp",
               "QUESTD_AUTH_KEYS": keys}
        self.assertIn(keys, self.findings(code=1, env=env)["config"]["text"])
        good = {"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        for text, says in (("nonsense", "no JWKS"), (json.dumps({"keys": []}), "no key with a kid"),
                           (json.dumps({"keys": [good, good]}), "two keys have the kid 'd'")):
            with open(os.open(keys, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(text)
            found = self.findings(code=1, env=env)["config"]
            self.assertEqual(found["verdict"], "fail")
            self.assertIn("auth.keys", found["text"])
            self.assertIn(says, found["text"])
        with open(keys, "w") as f:
            f.write(json.dumps({"keys": [good]}))
        self.assertEqual(self.findings(code=0, env=env)["config"]["verdict"], "ok")
        os.chmod(keys, 0o662)
        self.assertIn("chmod go-w", self.findings(code=1, env=env)["config"]["text"])
        server = Server(data=self.data, http="off", env=env, wait=False)
        self.assertNotEqual(server.process.wait(20), 0)
        server.reader.join(5)
        self.assertIn("chmod go-w", server.err)
        server.__exit__()

    def test_a_variable_that_nobody_reads_is_told(self):
        self.cli("setup", code=0)
        env = {"QUESTD_HTTP_LISTN": "secret"}
        found = self.findings(code=0, env=env)["config"]
        self.assertEqual(found["verdict"], "warn")
        self.assertIn("QUESTD_HTTP_LISTN: unknown environment variable (did you mean QUESTD_HTTP_LISTEN?)", found["text"])
        with Server(data=self.data, http="off", env=env) as server:
            self.assertIn("QUESTD_HTTP_LISTN: unknown environment variable (did you mean QUESTD_HTTP_LISTEN?)", server.err)
            self.assertNotIn("secret", server.err)

    def test_looking_keeps_no_server_from_starting(self):
        path = self.database()
        with open(path + "-probe", "w") as log:
            looker = subprocess.Popen([os.path.join(os.path.dirname(QUESTD), "questd-server"), "--data-dir", self.data,
                                       "--check", "database"], stderr=log, env=self.env)
            started = self.start()
            looker.wait(20)
        self.assertEqual(started["state"], "started")


if __name__ == "__main__":
    unittest.main()
