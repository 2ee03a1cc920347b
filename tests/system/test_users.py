# SPDX-License-Identifier: Apache-2.0
"""Two users of one machine: neither spoils what is the other's, and each is told whose it is."""
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import Folder  # noqa: E402
from questd import PATIENCE_S, for_others  # noqa: E402

OTHER = 54321
HELLO = '{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n'


class Users(Folder):
    """Root, and somebody with a data directory of his own."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root, and setpriv to become another user with")
        os.chown(self.top, OTHER, OTHER)
        self.become = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"]
        self.program = for_others(self.top)
        self.env["GCOV_PREFIX"] = self.counts = os.path.join(self.top, "counts")  # in a build that counts: where he may write

    def tearDown(self):
        self.owner("stop")
        super().tearDown()

    def owner(self, *args, code=None, stdin=None):
        done = subprocess.run([*self.become, self.program, *args], input=stdin, capture_output=True, text=True, timeout=50, env=self.env,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def wait_for_last_word(self):
        """The keeper's, which may come behind the end of `stop`."""
        with open(os.path.join(self.data, "questd.log")) as log:
            until = time.monotonic() + PATIENCE_S
            while "server ended with code" not in log.read():
                self.assertLess(time.monotonic(), until, "the keeper says nothing")
                time.sleep(.01)

    def state(self):
        """All files with their owner, and what must not change of them."""
        found = {}
        for folder, _, names in os.walk(self.top):
            for name in names if not folder.startswith(self.counts) else []:
                st = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (st.st_uid, st.st_ino, st.st_mode, st.st_size, st.st_mtime_ns)
        return found

    def test_root_changes_nothing_in_anothers_data_directory(self):
        """TM-UDS-01 whichever command it is, it says whose it is; the owner's server starts afterwards"""
        self.owner("start", "--http", "off", code=0)
        backup = os.path.join(self.top, "copy.db")
        self.owner("backup", backup, code=0)
        self.owner("stop", code=0)
        self.wait_for_last_word()
        before = self.state()
        for args in (["start"], ["restart"], ["serve", "--http", "off"], ["serve", "--read-only", "--http", "off"], ["mcp"],
                     ["mcp", "--private"], ["restore", backup, "--yes"], ["setup"], ["setup", "--rotate-token"]):
            done = self.cli(*args, stdin=HELLO, code=2)
            self.assertIn(f"belongs to user {OTHER}", done.stderr, args)
            self.assertIn(f"sudo -u '#{OTHER}' questd", done.stderr, args)
            self.assertEqual(self.state(), before, args)
        self.owner("start", "--http", "off", code=0)
        before = self.state()
        for args in (["start"], ["restart"], ["mcp"]):
            self.assertIn(f"belongs to user {OTHER}", self.cli(*args, stdin=HELLO, code=2).stderr, args)
        self.assertEqual(self.state(), before)
        self.owner("quests", "list", code=0)

    def test_doctor_says_whose_the_data_directory_is(self):
        self.owner("start", "--http", "off", code=0)
        for is_running in (True, False):
            done = self.cli("doctor", code=1)
            found = {i["id"]: i for i in json.loads(done.stdout)["items"]}
            self.assertIn(f"belongs to user {OTHER}", found["data-dir"]["text"])
            self.assertIn(f"sudo -u '#{OTHER}' questd doctor", found["data-dir"]["fix"])
            self.assertNotRegex(done.stdout, "questd (re)?start|questd setup")
            if is_running:
                self.owner("stop", code=0)

    def test_whoever_may_not_use_a_socket_is_told_whose_it_is(self):
        """TM-UDS-01 root beside another user's server, by folder and by socket; the server itself goes on"""
        path = json.loads(self.owner("start", "--http", "off", code=0).stdout)["socket"]
        for where in ([], ["--socket", path]):
            for args in (["quests", "list"], ["status"], ["backup"]):
                done = self.cli(*args, *where, code=5)
                self.assertIn(f"belongs to user {OTHER}, who alone may use its socket", done.stderr, args)
                self.assertNotIn("went away", done.stderr)
        env = {"QUESTD_DATA_DIR": os.path.join(self.top, "mine")}
        done = self.cli("mcp", "--socket", path, stdin=HELLO, code=5, env=env)
        self.assertIn(f"belongs to user {OTHER}", done.stderr)
        self.assertIn(f"belongs to user {OTHER}", json.loads(done.stdout)["error"]["message"])
        self.cli("setup", code=0, env=env)
        found = {i["id"]: i for i in json.loads(self.cli("doctor", "--socket", path, code=1, env=env).stdout)["items"]}
        self.assertIn(f"belongs to user {OTHER}", found["socket"]["text"])
        self.assertNotIn("restart", json.dumps(found))
        self.owner("quests", "list", code=0)

    def test_a_user_is_told_that_a_server_is_roots(self):
        """TM-UDS-01 whose folder lets nobody else look into it"""
        self.data = self.env["QUESTD_DATA_DIR"] = os.path.join(self.top, "roots")
        path = self.start()["socket"]
        for args in (["quests", "list"], ["status"], ["mcp"], ["start"]):
            done = self.owner(*args, "--socket", path, stdin=HELLO)
            self.assertNotEqual(done.returncode, 0, args)
            self.assertIn("belongs to user 0 (root)", done.stderr, args)
        done = self.owner("doctor", code=1)
        self.assertIn("belongs to user 0 (root)", done.stdout)
        self.assertNotRegex(done.stdout, "questd (re)?start|questd setup")
        self.cli("stop", code=0)


if __name__ == "__main__":
    unittest.main()
