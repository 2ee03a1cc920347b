# SPDX-License-Identifier: Apache-2.0
"""What a person is told to do when a server does not start: it can be pasted, and it is right."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import Folder  # noqa: E402
from questd import QUESTD, for_others  # noqa: E402

COMMAND = re.compile(r"questd (?:start|stop|restore|restart|doctor|logs|setup)\b")


class Elsewhere(Folder):
    """A company beside the default one: no command that is printed for it may hit the default one."""

    def setUp(self):
        super().setUp()
        del self.env["QUESTD_DATA_DIR"]
        self.data = os.path.join(self.top, "it's another")
        self.here = " --data-dir " + "'" + self.data.replace("'", "'\\''") + "'"

    def tearDown(self):
        self.at("stop")
        super().tearDown()

    def at(self, *args, code=None, **more):
        return self.cli(*args, "--data-dir", self.data, code=code, **more)

    def check(self, text, at_least=1):
        """Every command in the text names the folder."""
        found = list(COMMAND.finditer(text))
        self.assertGreaterEqual(len(found), at_least, text)
        for match in found:
            self.assertTrue(text.startswith(self.here, match.end()), f"{match[0]} in: {text}")

    def fixes(self, code, at_least=1):
        done = self.at("doctor", code=code)
        self.check("\n".join(i.get("fix", "") + "\n" + i["text"] for i in json.loads(done.stdout)["items"]), at_least)

    def paste(self, line):
        env = {**self.env, "PATH": os.path.dirname(QUESTD) + ":" + os.environ["PATH"]}
        return subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, timeout=50)

    def test_every_command_that_is_printed_names_the_folder(self):
        self.fixes(0)  # before setup
        self.check(self.at("status", code=6).stderr)
        self.check(self.at("quests", "list", code=6).stderr)
        self.at("start", "--http", "off", code=0)
        self.check(self.at("start", "--log-level", "debug", code=0).stderr)
        self.check(self.at("restore", "--yes", __file__, code=4).stderr)
        self.check(json.loads(self.at("backup", code=0).stdout)["next"], 2)
        os.chmod(os.path.join(self.data, "questd.sock"), 0o666)
        self.fixes(1)
        os.remove(os.path.join(self.data, "questd.sock"))
        self.at("stop")
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[http\n")
        self.check(self.at("start", code=2).stderr, 2)

    def test_a_relay_names_the_folder_too(self):
        self.at("setup", code=0)
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[http\n")
        line = '{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n'
        self.check(json.loads(self.at("mcp", stdin=line).stdout)["error"]["data"]["hint"], 2)

    def test_the_restore_that_is_named_for_a_damaged_database_hits_that_one(self):
        """A1 the default company is left as it is"""
        self.cli("start", "--http", "off", code=0)
        self.cli("quests", "create", "of the default", code=0)
        self.at("start", "--http", "off", code=0)
        self.at("quests", "create", "of the other", code=0)
        self.at("backup", code=0)
        self.at("stop", code=0)
        self.cli("stop", code=0)
        with open(os.path.join(self.data, "questd.db"), "r+b") as f:
            f.write(b"\xa5" * 8192)
        said = self.at("start", "--http", "off", code=1).stderr
        self.check(said, 3)
        self.fixes(1)
        command = re.search(r"with: (questd restore .*)", said)[1]
        self.assertEqual(shlex.split(command)[:4], ["questd", "restore", "--data-dir", self.data])
        done = self.paste(command + " --yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        for where, subject in (((), "of the default"), (("--data-dir", self.data), "of the other")):
            self.cli("start", "--http", "off", *where, code=0)
            listed = self.ok("quests", "list", *where)["items"]
            self.assertEqual([q["subject"] for q in listed], [subject])
            self.cli("stop", *where, code=0)

    def test_a_server_on_another_socket_is_found_by_its_folder(self):
        """B11 also where the folder's own socket would have too long a path"""
        for data in (self.data, os.path.join(self.top, "long" * 40)):
            with self.subTest(length=len(data)):
                self.data, path = data, os.path.join(self.top, "s")
                pid = json.loads(self.at("start", "--http", "off", "--socket", path, code=0).stdout)["pid"]
                self.assertEqual(json.loads(self.at("status", code=0).stdout)["pid"], pid)
                self.at("quests", "list", code=0)
                self.assertEqual(json.loads(self.at("stop", code=0).stdout)["pid"], pid)

    def test_the_default_folder_needs_no_naming(self):
        self.assertIn("start one with: questd start\n", self.cli("quests", "list", code=6).stderr)


NOBODY = 65534


class Modes(Folder):
    """Files that the server's user may not use. Root may use all, so that the tests become somebody else."""

    def setUp(self):
        super().setUp()
        self.become, self.program = [], QUESTD
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("root may use every file, and there is no setpriv to become somebody else with")
            self.become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            os.chown(self.top, NOBODY, NOBODY)
            self.program = for_others(self.top)
            self.env["GCOV_PREFIX"] = self.top  # in a build that counts: where he may write

    def tearDown(self):
        self.somebody("stop")
        super().tearDown()

    def somebody(self, *args, code=None):
        done = subprocess.run([*self.become, self.program, *args], capture_output=True, text=True, timeout=50, env=self.env)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def database(self, mode=None, suffix=""):
        path = os.path.join(self.data, "questd.db" + suffix)
        if mode is not None:
            os.chmod(path, mode)
        return path

    def test_a_database_that_may_not_be_written_to_is_named_and_leaves_no_trace(self):
        """A6 once it may be written to, the server starts"""
        self.somebody("start", "--http", "off", code=0)
        self.somebody("stop", code=0)
        self.database(0o400)
        said = self.somebody("start", "--http", "off", code=1).stderr
        self.assertIn("questd.db' (mode 0400, of user ", said)
        self.assertIn("chmod u+rw", said)
        found = json.loads(self.somebody("doctor", code=1).stdout)["items"]
        self.assertIn("mode 0400", {i["id"]: i for i in found}["database"]["text"])
        self.database(0o600)
        self.somebody("start", "--http", "off", code=0)

    def test_an_index_that_may_not_be_written_to_is_made_anew(self):
        self.somebody("start", "--http", "off", code=0)
        self.somebody("stop", code=0)
        with open(self.database(suffix="-shm"), "wb"):
            pass
        if self.become:
            os.chown(self.database(suffix="-shm"), NOBODY, NOBODY)
        self.database(0o400, "-shm")
        self.somebody("start", "--http", "off", code=0)


class InTheWay(Folder):
    """What stops a start is found by doctor, and both say what it is and what to do."""

    def put(self, name, content):
        path = os.path.join(self.data, name)
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.remove(path)
        if content is None:
            os.mkdir(path, 0o700)
        else:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.write(content)

    def test_what_stops_a_start_is_found_by_doctor(self):
        self.cli("setup", code=0)
        for name, content, finding in (("questd.sock", "", "socket"), ("questd.sock", None, "socket"),
                                       ("questd.lock", None, "lock"), ("token", "", "token"), ("token", "x" * 5000, "token")):
            with self.subTest(name=name, size=content and len(content)):
                self.put(name, content)
                done = self.cli("start", "--http", "127.0.0.1:0")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(name, done.stderr)
                self.assertNotRegex(done.stderr, r"\w\.c:\d+")
                items = json.loads(self.cli("doctor", code=1).stdout)["items"]
                failed = [i for i in items if i["verdict"] == "fail"]
                self.assertEqual([i["id"] for i in failed], [finding])
                self.assertTrue(failed[0]["fix"])
                os.rmdir(os.path.join(self.data, name)) if content is None else os.remove(os.path.join(self.data, name))

    def test_a_restore_speaks_of_the_file_that_was_given(self):
        self.cli("setup", code=0)
        given = os.path.join(self.top, "given.db")
        for content in (b"", b"no database at all" * 99, b"SQLite format 3\0" + bytes(4080)):
            with self.subTest(content=content[:16]):
                with open(given, "wb") as f:
                    f.write(content)
                said = self.cli("restore", given, "--yes", code=1).stderr
                self.assertIn(f"'{given}'", said)
                self.assertIn("nothing was changed: give a file that questd backup has made", said)
                self.assertNotIn("--data-dir", said)

    def test_doctor_names_no_backup_where_there_is_none(self):
        self.cli("setup", code=0)
        self.put("questd.db", None)
        fixes = {}
        for has_backup in (False, True):
            if has_backup:
                os.mkdir(os.path.join(self.data, "backups"), 0o700)
                open(os.path.join(self.data, "backups", "b.db"), "w").close()
            items = json.loads(self.cli("doctor", code=1).stdout)["items"]
            fixes[has_backup] = {i["id"]: i for i in items}["database"]["fix"]
        self.assertNotIn("restore", fixes[False])
        self.assertIn("to start anew", fixes[False])
        self.assertIn("questd restore --data-dir", fixes[True])

    def test_a_sidecar_that_is_too_long_is_written_anew(self):
        self.start()
        instance = self.ok("status")["instance"]
        for name in ("questd.generation", "instance"):
            self.cli("stop", code=0)
            self.put(name, "x" * 300)
            self.start()
            self.assertEqual(self.ok("status")["instance"], instance)
            self.assertLess(os.path.getsize(os.path.join(self.data, name)), 256)


if __name__ == "__main__":
    unittest.main()
