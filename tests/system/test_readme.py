# SPDX-License-Identifier: Apache-2.0
"""The README's first session is what a new user sees."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import questd

BLOCK = re.compile(r"```session\n(.*?)```", re.S)


def plain(text):
    """What differs from day to day and place to place."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", text)
    text = re.sub(r'"score":[0-9.e-]+', '"score":N', text)
    return re.sub(r"uid:\d+", "uid:N", text)


class Readme(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="questd-readme.")
        self.env = {**os.environ, "PATH": questd.BUILD + ":" + os.environ["PATH"], "QUESTD_DATA_DIR": self.folder + "/data",
                    "XDG_CONFIG_HOME": self.folder + "/config", "QUESTD_HTTP_LISTEN": "off"}

    def tearDown(self):
        subprocess.run([questd.QUESTD, "stop"], env=self.env, capture_output=True)
        shutil.rmtree(self.folder)

    def test_first_session_has_its_real_answers(self):
        self.play()

    def test_first_session_works_beside_the_server_of_dev_run(self):
        """after the line to paste, with questd on PATH as the README puts it there"""
        with open(os.path.join(questd.TOP, "README.md")) as f:
            line = re.search(r'`(export PATH="\$PWD/build:\$PATH")`', f.read())[1]
        os.symlink(os.path.abspath(questd.BUILD), self.folder + "/build")
        self.env["PATH"] = os.environ["PATH"]
        run = subprocess.Popen([sys.executable, os.path.join(questd.TOP, "scripts", "run.py"), questd.QUESTD, "--http", "off"],
                               env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            for said in run.stdout:
                if said.startswith("From a shell:"):
                    break
            subprocess.run(["sh", "-c", next(run.stdout)], env=self.env, check=True, capture_output=True)
            self.play(before=line + "; ", cwd=self.folder)
        finally:
            run.terminate()
            run.stdout.close()
            run.wait(questd.PATIENCE_S)

    def play(self, before="", cwd=None):
        with open(os.path.join(questd.TOP, "README.md")) as f:
            session = BLOCK.search(f.read())[1]
        steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.M)
        self.assertGreaterEqual(len(steps), 5)
        for command, wanted in steps:
            done = subprocess.run(["sh", "-c", before + command], env=self.env, capture_output=True, text=True, timeout=30,
                                  cwd=cwd)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
            if wanted.strip():
                self.assertEqual(plain(done.stdout.strip()), plain(wanted.strip()), command)


if __name__ == "__main__":
    unittest.main()
