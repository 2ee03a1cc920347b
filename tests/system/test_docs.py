# SPDX-License-Identifier: Apache-2.0
"""What README.md and the pages of docs/ show in ```session blocks is what a user sees who types it: the
blocks of a page are one shell session, against a server of its own. `…` in an answer stands for anything
within it, `[exit 4]` behind it for a status that is not 0; HTTP's address is 127.0.0.1:8400 on paper."""
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import questd

BLOCK = re.compile(r"^```session\n(.*?)^```", re.S | re.M)
STEP = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.M)
PAPER = "127.0.0.1:8400"
END = "--- end of the answer, exit "


def plain(text):
    """What differs from day to day and place to place."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", text)
    text = re.sub(r"qd_\w{8,}", "KEY", text)
    text = re.sub(r'"token":"[0-9a-f-]{32,}"', '"token":"TOKEN"', text)
    text = re.sub(r'"score":[0-9.e-]+', '"score":N', text)
    return re.sub(r"uid:\d+", "uid:N", text)


def is_as_written(said, wanted):
    pattern = ".*?".join(re.escape(part) for part in plain(wanted.strip()).split("…"))
    return re.fullmatch(pattern, plain(said.strip()), re.S) is not None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def steps_of(page):
    with open(os.path.join(questd.TOP, page)) as f:
        return [step for block in BLOCK.findall(f.read()) for step in STEP.findall(block)]


class Session(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="questd-docs.")
        self.http = f"127.0.0.1:{free_port()}"
        self.env = {**os.environ, "PATH": questd.BUILD + ":" + os.environ["PATH"], "QUESTD_DATA_DIR": self.folder + "/data",
                    "XDG_CONFIG_HOME": self.folder + "/config", "QUESTD_HTTP_LISTEN": self.http}

    def tearDown(self):
        subprocess.run([questd.QUESTD, "stop"], env=self.env, capture_output=True)
        shutil.rmtree(self.folder)

    def play(self, page, before="true", cwd=None):
        steps = steps_of(page)
        script = f"exec 2>&1\n{before}\n" + "".join(f"{command}\nstatus=$?; echo; echo '{END}'$status\n" for command, _ in steps)
        done = subprocess.run(["sh"], input=script.replace(PAPER, self.http), env=self.env, cwd=cwd or self.folder,
                              capture_output=True, text=True, timeout=10 * questd.PATIENCE_S)
        answers = re.findall(r"(.*?)\n" + END + r"(\d+)\n", done.stdout, re.S)
        self.assertEqual(len(answers), len(steps), done.stdout)
        for (command, wanted), (said, status) in zip(steps, answers):
            said = said.strip().replace(self.http, PAPER) + (f"\n[exit {status}]" if status != "0" else "")
            if not wanted.strip() and status == "0":
                continue
            self.assertTrue(is_as_written(said, wanted), f"{page}: $ {command}\n{said}")


class Docs(Session):
    def test_first_session_has_its_real_answers(self):
        self.assertGreaterEqual(len(steps_of("README.md")), 5)
        self.play("README.md")

    def test_every_page_has_its_real_answers(self):
        pages = [f"docs/{os.path.basename(p)}" for p in glob.glob(os.path.join(questd.TOP, "docs", "*.md"))]
        played = [page for page in sorted(pages) if steps_of(page)]
        self.assertTrue(played)
        for page in played:
            with self.subTest(page):
                self.play(page)
            self.tearDown()
            self.setUp()

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
            self.play("README.md", before=line)
        finally:
            run.terminate()
            run.stdout.close()
            run.wait(questd.PATIENCE_S)


if __name__ == "__main__":
    unittest.main()
