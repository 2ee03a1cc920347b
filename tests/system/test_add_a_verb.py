# SPDX-License-Identifier: Apache-2.0
"""docs/add-a-verb.md, followed to the letter in a copy of the tree: its files are written, its commands
run in one shell, and what they print is compared; then its wire test is replayed on every transport
and the tool is called as MCP clients do."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(TOP, "docs", "add-a-verb.md")
FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.M | re.S)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
MARK = "-- end of command --"

# The player of tests/wire without its carrier in memory, which the page's build does not have.
REPLAY = """
import sys
sys.path.insert(0, 'tests/wire')
sys.argv = ['run.py', 'build']
import run
steps = run.pattern.read('tests/wire/days.test')
reference, problems = run.play(run.CARRIERS['unix'], steps, run.against_file)
print('file', len(reference), problems)
for label, make in run.CARRIERS.items():
    other, problems = run.play(make, steps, run.binding_only)
    print(label, len(other), problems or run.same(reference, other, label))
"""


def copy_tree(target):
    """What is or would be committed, and no build."""
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True)
    if listed.returncode:
        shutil.copytree(TOP, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build*", ".git", "node_modules"))
        return
    for name in listed.stdout.decode().split("\0"):
        source = os.path.join(TOP, name)
        if name and os.path.isfile(source):
            os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
            shutil.copy2(source, os.path.join(target, name))


def commands_of(page):
    """[(command, the lines it must print)]"""
    found = []
    for block in CONSOLE.findall(page):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


class AddAVerb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = tempfile.mkdtemp(prefix="questd-add-a-verb.")
        cls.addClassCleanup(shutil.rmtree, cls.tree, ignore_errors=True)
        copy_tree(cls.tree)
        with open(PAGE, encoding="utf-8") as f:
            cls.page = f.read()
        cls.files = dict(FILE.findall(cls.page))
        for name, text in cls.files.items():
            path = os.path.join(cls.tree, name)
            assert not os.path.exists(path), f"{name} is there already"
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        cls.commands = commands_of(cls.page)
        # One shell for all, so that what one exports the next one sees.
        script = "".join(f"{command}\necho '{MARK}'\n" for command, _ in cls.commands)
        env = {k: v for k, v in os.environ.items() if not k.startswith("QUESTD_")}
        env["TMPDIR"] = os.path.join(cls.tree, "tmp")
        os.mkdir(env["TMPDIR"])
        cls.addClassCleanup(cls.stop_servers, env["TMPDIR"])
        cls.done = subprocess.run(["bash", "-c", script], cwd=cls.tree, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=800)

    @classmethod
    def stop_servers(cls, folder):
        """The page's own last command does this, if it came that far."""
        for name in os.listdir(folder):
            subprocess.run([os.path.join(cls.tree, "build", "questd"), "stop", "--data-dir",
                            os.path.join(folder, name)], capture_output=True, timeout=60)

    def test_page_has_a_schema_a_function_and_a_wire_test(self):
        self.assertEqual([os.path.dirname(name) for name in self.files], ["schemas", "verbs", "tests/wire"])

    def test_every_command_prints_what_the_page_says(self):
        printed = self.done.stdout.split(MARK + "\n")
        self.assertEqual(len(printed), len(self.commands) + 1, self.done.stdout + self.done.stderr)
        for (command, wanted), got in zip(self.commands, printed):
            if wanted:
                self.assertEqual(got.splitlines(), wanted, f"{command}\n{self.done.stderr[-2000:]}")

    def test_wrong_input_is_told_in_words(self):
        self.assertIn("from", self.done.stderr)
        self.assertIn("too", self.done.stderr)

    def test_its_wire_test_passes_on_every_transport(self):
        done = subprocess.run([sys.executable, "-c", REPLAY], cwd=self.tree, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [
            f"{label} 3 []" for label in ("file", "stdio", "unix", "rpc", "tools-legacy", "tools-modern")])

    def test_the_tool_is_there_for_mcp_clients(self):
        with open(os.path.join(self.tree, "build", "schemas", "expect.json"), encoding="utf-8") as f:
            verbs = json.load(f)["verbs"]
        self.assertEqual(verbs["system.days"]["tool_json"]["name"], "system_days")


if __name__ == "__main__":
    unittest.main()
