# SPDX-License-Identifier: Apache-2.0
"""The command line of questd as a person and a script meet it: real programs, a folder each."""
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from questd import QUESTD, Server  # noqa: E402

ESCAPE = re.compile(r"\x1b\[[0-9;]*[mK]")


def is_gone(pid):
    """Ended, though its parent may not have looked yet."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Folder(unittest.TestCase):
    """A data directory and a configuration home of its own; whatever runs there is ended."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="questd-cli.")
        self.data = os.path.join(self.top, "data")
        outside = {k: v for k, v in os.environ.items() if not k.startswith("QUESTD_")}
        self.env = {**outside, "XDG_CONFIG_HOME": os.path.join(self.top, "config"), "HOME": self.top,
                    "QUESTD_DATA_DIR": self.data, "TERM": "xterm"}
        for name in ("NO_COLOR", "COLUMNS", "XDG_DATA_HOME"):
            self.env.pop(name, None)

    def tearDown(self):
        if os.path.isdir(self.data):
            self.cli("stop")
        shutil.rmtree(self.top, ignore_errors=True)

    def cli(self, *args, stdin=None, code=None, env=None):
        done = subprocess.run([QUESTD, *args], input=stdin, capture_output=True, text=True, timeout=50,
                              env={**self.env, **(env or {})}, stdin=None if stdin is not None else subprocess.DEVNULL)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def ok(self, *args, **more):
        """The JSON that a pipe gets."""
        return json.loads(self.cli(*args, code=0, **more).stdout)

    def tty(self, *args, columns=100, answer=None, until_seen=b"[y/N]", env=None):
        """(code, what a terminal of so many columns shows)"""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(QUESTD, ["questd", *args], {**self.env, "COLUMNS": str(columns), **(env or {})})
        text, until = b"", time.monotonic() + 40
        while time.monotonic() < until:
            if not select.select([fd], [], [], 1)[0]:
                continue
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
            if answer and until_seen in text:
                os.write(fd, answer)
                answer = None
        os.close(fd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code, text.decode().replace("\r\n", "\n")

    def start(self, *flags):
        return self.ok("start", "--http", "off", *flags)


class Commands(Folder):
    def test_setup_can_be_repeated_and_makes_private_files(self):
        first = self.ok("setup")
        with open(first["token_file"]) as f:
            token = f.read()
        self.assertRegex(token, r"^qd_[a-z0-9]{40,}\n$")
        again = self.ok("setup")
        with open(again["token_file"]) as f:
            self.assertEqual(f.read(), token)
        self.assertTrue(first["is_new"] and first["is_new_token"])
        self.assertFalse(again["is_new"] or again["is_new_token"])
        self.assertEqual(again["instance"], first["instance"])
        for path, mode in ((self.data, 0o700), (first["token_file"], 0o600), (first["key"], 0o400)):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode, path)
        self.assertNotIn(token.strip(), json.dumps(again))

    def test_setup_rotates_the_token_only_when_asked(self):
        path = self.ok("setup")["token_file"]
        with open(path) as f:
            old = f.read()
        self.assertTrue(self.ok("setup", "--rotate-token")["is_new_token"])
        with open(path) as f:
            self.assertNotEqual(f.read(), old)

    def test_setup_closes_an_open_folder(self):
        os.makedirs(self.data, 0o755)
        os.chmod(self.data, 0o755)
        self.cli("setup", code=0)
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o700)

    def test_the_lines_that_setup_prints_work(self):
        self.start()
        lines = self.ok("setup")
        done = subprocess.run(["bash", "-c", lines["call"]], capture_output=True, text=True, env=self.env, timeout=30)
        self.assertEqual(json.loads(done.stdout)["items"], [], done.stderr)
        hello = '{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n'
        done = subprocess.run(["bash", "-c", lines["mcp_command"]], input=hello, capture_output=True, text=True,
                              env=self.env, timeout=30)
        self.assertEqual(json.loads(done.stdout)["result"], {"pong": True}, done.stderr)

    def test_setup_names_the_address_that_the_settings_name(self):
        """The curl line is of the server that runs, else of the one that is to be; where there is none, it says why."""
        def curl(**env):
            lines = self.ok("setup", env=env)
            text = self.tty("setup", columns=400, env=env)[1]
            self.assertEqual(lines["curl"] is not None, f"Over HTTP:\n  {lines['curl']}" in text, text)
            return lines["http"], re.findall(r"http://(\S+)/rpc", lines["curl"] or ""), text

        self.assertEqual(curl()[:2], ("127.0.0.1:8400", ["127.0.0.1:8400"]))
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write('[http]\nlisten = "127.0.0.1:8411"\n')
        self.assertEqual(curl()[:2], ("127.0.0.1:8411", ["127.0.0.1:8411"]))
        self.assertEqual(curl(QUESTD_HTTP_LISTEN="[::1]:8412")[:2], ("[::1]:8412", ["[::1]:8412"]))
        for listen, http, why in (("off", "off", "the settings turn it off"), ("127.0.0.1:0", "127.0.0.1:0", "the port is chosen at the start"),
                                  ("nowhere", None, "http.listen: ")):
            told = curl(QUESTD_HTTP_LISTEN=listen)
            self.assertEqual(told[:2], (http, []))
            self.assertRegex(told[2], "Over HTTP: nothing; .*" + re.escape(why))
        self.start()
        self.assertIn("Over HTTP: nothing; the server that runs does not listen", curl()[2])
        self.ok("stop")
        self.ok("start", "--http", "127.0.0.1:0")
        at = self.ok("status")["http"]
        self.assertEqual(curl()[:2], (at, [at]))

    def test_start_status_stop(self):
        self.cli("status", code=6)
        self.cli("stop", code=6)
        started = self.start()
        self.assertEqual(started["state"], "started")
        self.assertEqual(self.ok("start")["state"], "running")
        status = self.ok("status")
        self.assertEqual((status["state"], status["pid"], status["background"], status["other_build"]),
                         ("running", started["pid"], True, False))
        self.assertEqual(self.ok("stop"), {"state": "stopped", "pid": started["pid"]})
        self.assertTrue(is_gone(started["pid"]))
        self.cli("call", "system.ping", code=6)

    def test_restart_keeps_the_flags(self):
        first = self.start("--log-level", "debug")
        second = self.ok("restart")
        self.assertNotEqual(first["pid"], second["pid"])
        with open(f"/proc/{second['pid']}/cmdline") as f:
            self.assertIn("--log-level\0debug", f.read())
        self.assertEqual(self.ok("status")["http"], "off")

    def test_restart_leaves_a_server_of_somebody_else_alone(self):
        with Server(data=self.data, http="off") as server:
            done = self.cli("restart", code=4)
            self.assertIn(f"pid {server.pid}", done.stderr)
            self.assertFalse(self.ok("status")["background"])
            self.assertEqual(self.ok("stop")["pid"], server.pid)
            self.assertEqual(server.process.wait(10), 0)

    def test_a_second_server_is_refused(self):
        """F-26 exit code 4, and the first is named"""
        started = self.start()
        done = self.cli("serve", "--http", "off", "--socket", os.path.join(self.top, "other.sock"), code=4)
        self.assertIn(str(started["pid"]), done.stderr)

    def test_a_start_that_fails_says_why(self):
        os.makedirs(self.data, 0o700)
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write("[http]\nlisen = 'x'\n")
        done = self.cli("start", code=2)
        self.assertIn("http.lisen: unknown key (did you mean http.listen", done.stderr)
        self.assertIn("questd doctor", done.stderr)

    def test_logs_of_a_server_in_the_background(self):
        self.cli("logs", code=3)
        started = self.start()
        self.assertIn(f"pid={started['pid']}", self.cli("logs", code=0).stdout)
        os.kill(started["pid"], signal.SIGKILL)
        self.cli("stop")
        self.start()
        text = self.cli("logs", "--lines", "500", code=0).stdout
        self.assertIn("was killed by signal 9", text)
        self.assertEqual(len(self.cli("logs", "-l", "1", code=0).stdout.splitlines()), 1)

    def test_logs_can_be_followed(self):
        self.start()
        process = subprocess.Popen([QUESTD, "logs", "--follow", "--lines", "1"], stdout=subprocess.PIPE, text=True,
                                   env=self.env)
        try:
            self.assertTrue(process.stdout.readline())
            again = self.ok("restart")
            while f"pid={again['pid']}" not in process.stdout.readline():
                self.assertIsNone(process.poll())
        finally:
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(10), 130)
            process.stdout.close()

    def test_status_says_when_the_running_server_is_of_another_build(self):
        programs = os.path.join(self.top, "bin")
        os.makedirs(programs)
        for name in ("questd", "questd-server"):
            shutil.copy(os.path.join(os.path.dirname(QUESTD), name), programs)
        other = os.path.join(programs, "questd")
        done = subprocess.run([other, "start", "--http", "off"], capture_output=True, text=True, env=self.env, timeout=40)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([other, "status"], capture_output=True, text=True, env=self.env, timeout=40)
        self.assertFalse(json.loads(done.stdout)["other_build"])
        done = self.cli("status", code=0)
        self.assertTrue(json.loads(done.stdout)["other_build"])
        self.assertIn("questd restart", done.stderr)

    def test_a_socket_of_the_configuration_is_found(self):
        os.makedirs(self.data, 0o700)
        path = os.path.join(self.top, "elsewhere.sock")
        with open(os.path.join(self.data, "questd.toml"), "w") as f:
            f.write(f"[server]\nsocket = \"{path}\"\n")
        with Server(data=self.data, http="off") as server:
            self.assertEqual(self.ok("status", "--socket", server.socket_path)["pid"], server.pid)
        self.start()
        self.assertEqual(self.ok("status")["socket"], path)
        self.assertEqual(self.ok("paths")["socket"], path)
        self.cli("stop", code=0)
        env = {"QUESTD_SERVER_SOCKET": os.path.join(self.top, "env.sock")}
        self.assertEqual(self.ok("paths", env=env)["socket"], env["QUESTD_SERVER_SOCKET"])

    def test_a_socket_of_the_running_server_is_found_by_its_folder(self):
        """However the server learned of the folder; but not by another folder, nor when it has gone."""
        path, other = os.path.join(self.top, "elsewhere.sock"), os.path.join(self.top, "other")
        os.mkdir(other, 0o700)
        os.symlink("data", os.path.join(self.top, "link"))
        for folder in ([], ["--data-dir", self.data], ["--data-dir", os.path.basename(self.data)],
                       ["--data-dir", os.path.join(self.top, "link")]):
            server = subprocess.Popen([QUESTD, "serve", *folder, "--socket", path, "--http", "off"], cwd=self.top, env=self.env,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.addCleanup(server.stderr.close)
            self.addCleanup(server.kill)
            self.assertIn("questd ready", server.stderr.readline(), folder)
            self.assertEqual(self.ok("status", "--data-dir", self.data)["socket"], path)
            self.assertEqual(self.ok("status", env={"QUESTD_DATA_DIR": self.data})["pid"], server.pid, folder)
            shutil.copy(os.path.join(self.data, "questd.lock"), other)
            self.cli("status", "--data-dir", other, code=6)
            server.kill()
            server.wait(20)
            self.cli("status", code=6)

    def test_paths_and_version_need_no_server(self):
        paths = self.ok("paths")
        self.assertEqual(paths["data_dir"], self.data)
        self.assertEqual(paths["socket"], os.path.join(self.data, "questd.sock"))
        self.assertRegex(self.ok("version")["version"], r"^\d+\.\d+")
        self.assertRegex(self.tty("--version")[1], r"^questd \d+\.\d+")

    def test_a_socket_path_that_is_too_long_says_where_else(self):
        for args in (["status"], ["mcp"], ["serve", "--http", "off"]):
            done = self.cli(*args, "--socket", "/tmp/" + "x" * 120, code=2)
            self.assertIn("107", done.stderr, args)
            self.assertIn("--socket", done.stderr, args)

    def test_the_place_that_is_named_for_a_socket_works(self):
        env = {"QUESTD_DATA_DIR": os.path.join(self.data, "x" * 120), "XDG_RUNTIME_DIR": self.top}
        os.makedirs(env["QUESTD_DATA_DIR"], 0o700)
        hint = self.cli("start", "--http", "off", env=env, code=2).stderr
        place = os.path.join(self.top, "questd.sock")
        self.assertIn(f"socket = \"{place}\" below [server] in '{env['QUESTD_DATA_DIR']}/questd.toml'", hint)
        with open(os.path.join(env["QUESTD_DATA_DIR"], "questd.toml"), "w") as f:
            f.write(f"[server]\nsocket = \"{place}\"\n")
        self.assertEqual(self.ok("start", "--http", "off", env=env)["socket"], place)
        self.cli("stop", env=env, code=0)

    def test_where_there_is_no_home_the_data_directory_must_be_given(self):
        env = {k: v for k, v in self.env.items() if k not in ("HOME", "QUESTD_DATA_DIR", "XDG_DATA_HOME")}
        done = subprocess.run([QUESTD, "status"], capture_output=True, text=True, env=env, timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--data-dir", done.stderr)


class Calls(Folder):
    def setUp(self):
        super().setUp()
        self.start()

    def test_call_takes_words_json_and_stdin(self):
        for args, stdin in ((["subject=by words", "labels=a,b", "priority=high"], None),
                            (['{"subject":"by json","labels":["a","b"],"priority":"high"}'], None),
                            (["-"], '{"subject":"by stdin",\n "labels":["a","b"],\n "priority":"high"}\n'),
                            (["subject=typed", 'labels:=["a","b"]', "priority=high"], None)):
            made = self.ok("call", "quests.create", *args, stdin=stdin)
            self.assertEqual((made["labels"], made["priority"]), (["a", "b"], "high"), args)

    def test_a_text_can_come_from_stdin(self):
        def content(*args, **more):
            made = self.ok("ideas", "store", "--name", "n", *args, **more)
            return self.ok("ideas", "get", made["id"])["content"]
        self.assertEqual(content("--content", "-", stdin="one\n\ntwo \u00e9\n"), "one\n\ntwo \u00e9")
        self.assertEqual(content("--content=-", stdin="unread"), "-")
        done = subprocess.run([QUESTD, "ideas", "store", "--name", "n", "--content", "-"], input=b"\xff\xfe", env=self.env,
                              capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no UTF-8", done.stderr)

    def test_a_field_of_any_type_can_come_from_stdin(self):
        def send(*args, **more):
            self.ok("mailboxes", "send", "box", *args, **more)
            mail = self.ok("mailboxes", "receive", "box")["items"][-1]
            return mail["payload"]
        self.ok("mailboxes", "create", "box")
        self.assertEqual(send("--payload", "-", stdin='{"a": [1,\n 2]}\n'), {"a": [1, 2]})
        self.assertEqual(send("--payload", "-", stdin='"text"'), "text")
        self.assertEqual(self.ok("quests", "create", "s", "--labels", "-", stdin='["a",\n"b"]\n')["labels"], ["a", "b"])
        self.assertEqual(self.ok("quests", "create", "s", "--due-at", "-", stdin="2030-01-01T00:00:00Z\n")["due_at"],
                         "2030-01-01T00:00:00.000Z")
        done = self.cli("mailboxes", "send", "box", "--payload", "-", "--request-id", "-", stdin="1", code=2)
        self.assertIn("--request-id cannot have stdin, another field has it", done.stderr)

    def test_json_over_several_lines_is_one_message(self):
        made = self.ok("tasks", "create", "--queue", "q", "--payload", '{"a":\n1}')
        self.assertEqual(self.ok("tasks", "get", made["id"])["payload"], {"a": 1})

    def test_what_is_no_json_is_not_taken_as_a_text(self):
        self.ok("mailboxes", "create", "box")
        for args in (["mailboxes", "send", "box", "--payload", "not json"], ["mailboxes", "send", "box", "--payload=-"],
                     ["call", "mailboxes.send", "id=box", "payload={half"]):
            done = self.cli(*args, code=2)
            self.assertIn("payload needs JSON, not '", done.stderr)
            self.assertIn("""a text is JSON in double quotes: '"..."'""", done.stderr)
        self.assertIn("payload needs JSON", self.cli("mailboxes", "send", "box", "--payload", "-", stdin="not json", code=2).stderr)
        self.ok("mailboxes", "send", "box", "--payload", '"not json"')
        self.assertEqual([m["payload"] for m in self.ok("mailboxes", "receive", "box")["items"]], ["not json"])

    def test_a_secret_may_be_typed_before_it_is_asked_for(self):
        pid, fd = pty.fork()
        if pid == 0:  # the line is there before the program is
            select.select([0], [], [], 20)
            os.execve(QUESTD, ["questd", "secrets", "set", "TYPED", "--json"], self.env)
        os.write(fd, b"early-value\n")
        text = b""
        try:
            while select.select([fd], [], [], 20)[0] and (chunk := os.read(fd, 65536)):
                text += chunk
        except OSError:
            pass  # it has ended
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, text)
        self.assertEqual(self.ok("secrets", "get", "TYPED")["version"], 1)

    def test_call_refuses_what_is_no_parameter(self):
        self.assertIn("neither JSON nor key=value", self.cli("call", "quests.create", "subject", code=2).stderr)
        self.assertIn("no JSON object", self.cli("call", "quests.create", "{bad", code=2).stderr)
        self.assertIn("no JSON object", self.cli("call", "quests.create", "[1]", code=2).stderr)
        self.assertIn("no JSON object", self.cli("call", "quests.create", "-", stdin="nonsense", code=2).stderr)

    def test_a_key_that_is_there_twice_is_named(self):
        done = self.cli("call", "quests.create", '{"subject":"a","labels":[],"subject":"b"}', code=2)
        self.assertIn("duplicate key 'subject'", done.stderr)

    def test_a_field_is_given_once(self):
        for words in (["call", "quests.list", "limit=5", "limit=6"], ["call", "quests.list", "limit:=5", "limit=6"],
                      ["quests", "list", "--limit", "5", "--limit=6"]):
            self.assertIn("limit is given twice", self.cli(*words, code=2).stderr)
        self.assertIn("id is given twice", self.cli("quests", "get", "q-1", "--id", "q-2", code=2).stderr)
        self.assertIn("ready is given twice", self.cli("quests", "list", "--ready", "--no-ready", code=2).stderr)
        self.assertEqual(self.ok("call", "quests.create", "subject=s", "labels=a", "labels=b,c")["labels"], ["a", "b", "c"])

    def test_an_answer_to_a_closed_stdout_is_no_success(self):
        self.start()
        line = f"'{QUESTD}' quests create z >&-"
        done = subprocess.run(["sh", "-c", line], env=self.env, capture_output=True, text=True, timeout=50)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot write the answer", done.stderr)

    def test_every_unknown_field_is_named_at_once(self):
        said = self.cli("quests", "create", "--subjet", "x", "--priorty", "hi", "--subject", "fine", code=2).stderr
        for word in ("'--subjet'", "did you mean --subject?", "'--priorty'", "did you mean --priority?", "questd help quests.create"):
            self.assertEqual(said.count(word), 1, said)

    def test_exit_codes_follow_the_error(self):
        self.assertIn("not_found", self.cli("quests", "get", "q-999", code=3).stderr)
        self.assertIn("invalid_params", self.cli("quests", "create", code=2).stderr)
        self.assertIn("did you mean", self.cli("call", "quests.creat", code=2).stderr.lower())
        self.ok("agents", "spawn", "twin")
        self.assertIn("name_taken", self.cli("agents", "spawn", "twin", code=4).stderr)
        quest = self.ok("quests", "create", "s")["short_id"]
        self.cli("quests", "wait", quest, "--timeout", "0.3", code=7)

    def test_all_faults_are_named_at_once(self):
        done = self.cli("quests", "create", "--priority", "urgnt", "--due-at", "soon", code=2)
        for name in ("subject", "priority", "due_at"):
            self.assertIn(f"  {name}: expected", done.stderr)

    def test_errors_are_json_on_stderr_with_json(self):
        done = self.cli("quests", "get", "q-999", "--json", code=3)
        self.assertEqual(done.stdout, "")
        self.assertEqual(json.loads(done.stderr)["data"]["code"], "not_found")
        many = {f"unknown_{i}_\u20ac": "\u202e\U0001f600" for i in range(30)}
        done = self.cli("call", "quests.create", "-", "--json", stdin=json.dumps(many), code=2)
        self.assertGreater(len(json.loads(done.stderr)["data"]["fields"]), 25)
        code, shown = self.tty("quests", "get", "q-999", "--json")
        self.assertEqual((code, json.loads(shown)["data"]["code"]), (3, "not_found"))

    def test_every_verb_has_a_command_and_help(self):
        verbs = self.ok("verbs")["items"]
        self.assertGreater(len(verbs), 30)
        for v in verbs:
            words = v["verb"].split(".")
            text = self.cli("help", *words, code=0).stdout
            self.assertIn(v["summary"], text)
            self.assertIn("Examples:", text)
            self.assertEqual(self.cli(*words, "--help", code=0).stdout, text)
            self.assertEqual(self.cli("help", v["verb"], code=0).stdout, text)

    def test_generated_commands_work_by_noun_and_by_name(self):
        made = self.ok("quests", "create", "one", "--labels", "a", "--labels", "b,c", "--no-required")
        self.assertEqual(made["labels"], ["a", "b", "c"])
        self.assertEqual(self.ok("quests.get", made["short_id"])["id"], made["id"])
        self.assertEqual(len(self.ok("quests", "list", "--limit=1")["items"]), 1)
        self.assertEqual(self.ok("agents", "spawn", "--name", "a", "--grants.may_spawn")["grants"]["may_spawn"], True)

    def test_a_yes_or_no_field_says_how_it_is_given(self):
        """Its value is no word of its own: help and the refusal both say what is."""
        self.start()
        for flag in ("--master", "--no-master"):
            done = self.cli("credentials", "rotate", flag, "true", code=2)
            self.assertEqual(done.stderr, "questd: 'true' is one word too many\n"
                             "  hint: --master takes no word behind it: --master, --no-master or --master=false\n")
        self.assertIn("fields are given as --field value", self.cli("credentials", "rotate", "--master=true", "x", code=2).stderr)
        self.cli("credentials", "rotate", "--no-master", code=0)
        self.cli("credentials", "rotate", "--master=false", code=0)
        self.cli("credentials", "rotate", "--master", code=0)
        shown = self.cli("credentials", "rotate", "--help", code=0).stdout
        self.assertIn("  --[no-]master ", shown)
        self.assertIn("--field, --no-field or --field=false", shown)
        self.assertNotIn("no-field", self.cli("help", "agents.get", code=0).stdout)

    def test_unknown_words_are_met_with_the_nearest(self):
        for args, near in ((["qests"], "quests"), (["quests", "lsit"], "list"), (["stats"], "status"),
                           (["quests", "list", "--limt", "3"], "--limit"), (["status", "--jsn"], "--json"),
                           (["quests"], "create"), (["help", "quests", "creat"], "create"),
                           (["mcp", "--toolsets", "quest"], "quests")):
            self.assertIn(near, self.cli(*args, code=2).stderr, args)

    def test_what_cannot_be_undone_is_confirmed(self):
        self.ok("agents", "spawn", "victim")
        done = self.cli("agents", "delete", "victim", code=2)
        self.assertIn("--yes", done.stderr)
        code, shown = self.tty("agents", "delete", "victim", answer=b"n\n")
        self.assertEqual(code, 2, shown)
        code, shown = self.tty("agents", "delete", "victim", "--no-input")
        self.assertNotIn("[y/N]", shown)
        self.assertEqual(code, 2, shown)
        code, shown = self.tty("agents", "delete", "victim", answer=b"y\n")
        self.assertEqual(code, 0, shown)
        self.ok("agents", "spawn", "other")
        self.cli("agents", "delete", "other", "--yes", code=0)

    def test_a_restore_by_a_flag_of_the_server_is_confirmed_too(self):
        file, commands = os.path.join(self.top, "a.backup"), ("start", "restart", "serve")
        self.ok("backup", file)
        quest = self.ok("quests", "create", "kept")["short_id"]
        for command in commands:
            self.assertIn("stop", self.cli(command, "--restore", file, "--yes", code=4).stderr)
        self.ok("quests", "get", quest)
        self.cli("stop", code=0)
        for command in commands:
            self.assertIn("nothing was restored", self.cli(command, "--restore", file, code=2).stderr)
            self.assertIn("nothing was restored", self.cli(command, "--restore=" + file, code=2).stderr)
            self.assertIn("[y/N]", self.tty(command, "--restore", file, answer=b"n\n")[1])
            self.assertIn("--http", self.cli(command, "--restore", file, "--http", "off", "--yes", code=2).stderr)
        self.start()
        self.ok("quests", "get", quest)
        self.cli("stop", code=0)
        self.assertIn("is not started", self.cli("start", "--restore", file, "--yes", code=0).stderr)
        self.start()
        self.cli("quests", "get", quest, code=3)

    def test_backup_and_restore(self):
        before = self.ok("quests", "create", "kept")["short_id"]
        file = os.path.join(self.top, "a.backup")
        self.assertEqual(self.ok("backup", file)["path"], file)
        self.assertIn("conflict", self.cli("backup", file, code=4).stderr)
        after = self.ok("quests", "create", "lost")["short_id"]
        self.assertIn("stop", self.cli("restore", file, "--yes", code=4).stderr)
        self.cli("stop", code=0)
        self.assertIn("--yes", self.cli("restore", file, code=2).stderr)
        self.cli("restore", os.path.join(self.top, "none"), "--yes", code=3)
        self.cli("restore", QUESTD, "--yes", code=1)
        self.cli("restore", file, "--yes", code=0)
        self.start()
        self.ok("quests", "get", before)
        self.cli("quests", "get", after, code=3)

    def test_a_stream_is_a_line_a_frame(self):
        process = subprocess.Popen([QUESTD, "events", "follow", "--kinds", "quest.*"], stdout=subprocess.PIPE, text=True,
                                   env=self.env)
        try:
            self.assertIn("connected", process.stdout.readline())
            self.ok("quests", "create", "seen")
            self.assertIn("quest.created", process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(10), 130)
            process.stdout.close()

    def completed(self, kind):
        return [line.split("\t") for line in self.cli("complete-ids", kind, code=0).stdout.splitlines()]

    def test_live_ids_complete(self):
        made = self.ok("quests", "create", "shown in completion")
        self.assertEqual(self.cli("complete-ids", "quest", "q-", code=0).stdout,
                         f"{made['short_id']}\tshown in completion\n")
        self.assertEqual(self.cli("complete-ids", "quest", "zz", code=0).stdout, "")
        channel = self.ok("channels", "upsert", "support", "--kind", "webhook", "--who", self.ok("agents", "spawn", "clerk")["id"])
        self.assertEqual(self.cli("complete-ids", "chat_channel", code=0).stdout, f"{channel['id']}\tsupport\n")
        self.assertEqual(self.cli("complete-ids", "nonsense", code=0).stdout, "")
        call = '[{"verb":"system.ping"}]'
        for words in (["schedules", "create", "nightly", "--cron", "@daily"], ["schedules", "create", "two words", "--cron", "@daily"],
                      ["hooks", "create", "repo", "--kind", "github"], ["mailboxes", "create", "post"], ["users", "create", "ann"],
                      ["events", "subscribe", "build.failed", "--name", "repair", "--calls", call], ["sessions", "create", "--title", "Release"]):
            self.ok(*words)
        self.cli("secrets", "set", "OPENROUTER_API_KEY", stdin="sk-or-v1-0123456789", code=0)
        self.assertEqual(self.completed("schedule")[0], ["nightly", "@daily"])
        self.assertEqual([len(word) for word, _ in self.completed("schedule")[1:]], [36], "a name of two words is no word")
        for kind, words in {"hook": ["repo"], "mailbox": ["post"], "subscription": ["s-1"], "session": ["s-1"], "credential_name": ["OPENROUTER_API_KEY"],
                            "session,user_name,agent_name,role": ["s-1", "ann", "clerk"]}.items():
            self.assertEqual([word for word, _ in self.completed(kind)], words, kind)
        self.assertEqual(self.completed("subscription"), [["s-1", "repair"]])
        self.cli("stop", code=0)
        self.assertEqual(self.cli("complete-ids", "quest", code=0).stdout, "")


class Terminal(Folder):
    def setUp(self):
        super().setUp()
        self.start()

    def test_lists_are_tables_that_fit(self):
        for i in range(3):
            self.ok("quests", "create", "a subject that is rather long and goes on and on " * 3 + str(i))
        for columns in (60, 100, 200):
            code, shown = self.tty("quests", "list", columns=columns)
            lines = ESCAPE.sub("", shown).splitlines()
            self.assertEqual(code, 0)
            self.assertTrue(lines[0].startswith("SHORT ID  SUBJECT"), lines[0])
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertEqual(len(lines), 4)
        self.assertIn("more: --cursor ", self.tty("quests", "list", "--limit", "1")[1])

    def test_a_table_of_verbs_says_what_each_is_for(self):
        for columns in (60, 80):
            lines = ESCAPE.sub("", self.tty("verbs", columns=columns)[1]).splitlines()
            self.assertRegex(lines[0], "^VERB +SUMMARY")
            self.assertTrue(any(line.startswith("system.ping") and "answer" in line.lower() for line in lines), lines)

    def test_a_narrow_table_keeps_what_says_most(self):
        self.ok("ideas", "store", "--name", "House style", "--content", "c")
        shown = ESCAPE.sub("", self.tty("ideas", "list", columns=40)[1])
        self.assertIn("House style", shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 40)
        calls = '[{"method":"system.ping"},{"method":"quests.get","params":{"id":"q-999"}}]'
        shown = ESCAPE.sub("", self.tty("system", "batch", "--calls", calls, columns=60)[1])
        self.assertIn("no quest 'q-999'", shown)

    def test_objects_are_keys_and_values(self):
        quest = self.ok("quests", "create", "s", "--description", "one\ntwo")["short_id"]
        shown = ESCAPE.sub("", self.tty("quests", "get", quest)[1])
        self.assertRegex(shown, r"(?m)^subject +s$")
        self.assertIn("description\n  one\n  two\n", shown)

    def test_json_on_a_terminal_when_asked(self):
        quest = self.ok("quests", "create", "s")["short_id"]
        self.assertEqual(json.loads(self.tty("quests", "get", quest, "--json")[1])["subject"], "s")

    def test_no_color_means_no_escape(self):
        self.assertIn("\x1b[1m", self.tty("status")[1])
        self.assertNotIn("\x1b", self.tty("status", env={"NO_COLOR": "1"})[1])
        self.assertNotIn("\x1b", self.tty("status", env={"TERM": "dumb"})[1])

    def test_nothing_stored_reaches_the_terminal_as_a_command(self):
        """TM-LLM-03 escapes, bidi marks and C1 bytes are shown, not sent"""
        evil = "a\x1b]52;c;ZXZpbA==\x07b\x9b31m\u202ec\u200b"
        idea = self.ok("call", "ideas.store", "-", stdin=json.dumps({"name": "evil", "content": "text"}))
        self.ok("call", "events.fire", "-", stdin=json.dumps({"kind": "test.evil", "payload": {"k": evil}}))
        for args in (["events", "list"], ["events", "list", "--json"], ["ideas", "get", idea["id"]],
                     ["call", "quests.get", f"id={evil}"]):
            shown = ESCAPE.sub("", self.tty(*args)[1])
            for bad in ("\x1b", "\x07", "\x9b", "\u202e", "\u200b"):
                self.assertNotIn(bad, shown, args)

    def test_an_emoji_of_several_reaches_the_terminal_whole(self):
        """TM-LLM-03 its joiner changes what is seen; between letters a joiner is shown instead"""
        self.ok("call", "quests.create", "-", stdin=json.dumps({"subject": "\U0001f469\u200d\U0001f4bb a\u200db"}))
        for args, hidden in ((["quests", "list"], "a\\u{200d}b"), (["quests", "list", "--json"], "a\\u200db")):
            shown = self.tty(*args)[1]
            self.assertIn("\U0001f469\u200d\U0001f4bb", shown)
            self.assertIn(hidden, shown)

    def test_what_takes_long_shows_a_line_and_takes_it_away(self):
        quest = self.ok("quests", "create", "s")["short_id"]
        shown = self.tty("quests", "wait", quest, "--timeout_s", "1")[1]
        self.assertRegex(shown, r"\r[|/\\-] quests\.wait  0\.\d s")
        self.assertIn("\r\x1b[K", shown)

    def test_somebody_who_types_questd_mcp_is_told_what_it_is(self):
        code, shown = self.tty("mcp", answer=b"\x04", until_seen=b"MCP clients")
        self.assertEqual(code, 0, shown)
        self.assertIn("Ctrl-D ends it", shown)

    def test_an_interrupt_leaves_no_progress_line_behind(self):
        quest = self.ok("quests", "create", "s")["short_id"]
        code, shown = self.tty("quests", "wait", quest, answer=b"\x03", until_seen=b"quests.wait")
        self.assertEqual(code, 130, shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)


class OverHttp(Folder):
    def test_a_call_over_url(self):
        address = self.ok("start", "--http", "127.0.0.1:0")["http"]
        self.assertEqual(self.ok("call", "system.ping", "--url", f"http://{address}"), {"pong": True})
        self.assertEqual(self.ok("call", "system.ping", "--url", f"http://{address}/"), {"pong": True})
        self.assertIn("not_found", self.cli("quests", "get", "q-9", "--url", f"http://{address}", code=3).stderr)
        wrong = os.path.join(self.top, "wrong")
        with open(wrong, "w") as f:
            f.write("qd_" + "x" * 40 + "\n")
        done = self.cli("call", "system.ping", "--url", f"http://{address}", "--token-file", wrong, code=5)
        self.assertIn("unauthenticated", done.stderr)
        self.cli("call", "system.ping", "--url", f"http://{address}", "--token-file", wrong + "er", code=2)

    def test_https_says_how_else(self):
        self.assertIn("ssh", self.cli("call", "system.ping", "--url", "https://example.org", code=2).stderr)
        self.cli("call", "system.ping", "--url", "ftp://x", code=2)

    def test_nobody_there_is_not_running(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.cli("call", "system.ping", "--url", f"http://127.0.0.1:{port}", code=6)

    def test_a_server_that_does_not_answer_is_a_timeout(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            url = f"http://127.0.0.1:{s.getsockname()[1]}"
            self.cli("call", "system.ping", "--url", url, "--timeout", "200ms", code=7)

    def test_a_peer_that_is_no_questd(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()

            def answer():
                peer = s.accept()[0]
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                peer.close()
            thread = threading.Thread(target=answer)
            thread.start()
            done = self.cli("call", "system.ping", "--url", f"http://127.0.0.1:{s.getsockname()[1]}", code=1)
            thread.join(10)
            self.assertIn("not questd", done.stderr)


class Completion(Folder):
    def test_each_script_is_read_by_its_shell(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            script = self.cli("completion", shell, code=0).stdout
            self.assertIn("questd", script)
            if shutil.which(shell):
                path = os.path.join(self.top, "script." + shell)
                with open(path, "w") as f:
                    f.write(script)
                done = subprocess.run([*check, path], capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, 0, shell + ": " + done.stderr)
        self.cli("completion", "tcsh", code=2)

    def bash(self, line):
        """What bash offers behind the line, of which the last word has begun."""
        words = line.split(" ")
        script = (f"source <({QUESTD} completion bash); COMP_WORDS=({' '.join(w or chr(39) * 2 for w in words)}); "
                  f"COMP_CWORD={len(words) - 1}; _questd; echo \"${{COMPREPLY[@]}}\"")
        env = {**self.env, "PATH": os.path.dirname(QUESTD) + ":" + self.env["PATH"]}
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, timeout=20)
        self.assertEqual(done.stderr, "", line)
        return done.stdout.split()

    def test_bash_completes_commands_verbs_options_and_ids(self):
        self.start()
        quest = self.ok("quests", "create", "s")["short_id"]
        agent = self.ok("agents", "spawn", "bob")["id"]
        for line, want in (("questd sta", "status"), ("questd quests cr", "create"), ("questd --js", "--json"),
                           ("questd quests create --sub", "--subject"), ("questd quests get q", quest),
                           ("questd quests create --depends-on ", quest), ("questd quests create --depends_on ", quest),
                           ("questd quests assign " + quest + " --assignee ", agent), ("questd agents get ", agent),
                           ("questd help st", "start"), ("questd help que", "quests"), ("questd mcp --toolsets ", "quests"),
                           ("questd start --log-level ", "debug"), ("questd logs --f", "--follow")):
            self.assertIn(want, self.bash(line), line)

    def test_completion_offers_what_help_names(self):
        overview = self.cli("help", code=0).stdout
        commands = re.findall(r"(?m)^  ([a-z]+) {2,}", overview.partition("Commands:")[2].partition("Nouns")[0])
        self.assertGreater(len(commands), 15)
        self.assertEqual(set(commands) - set(self.bash("questd ")), set())
        for command in commands:
            text = self.cli("help", command, code=0).stdout
            options = set(re.findall(r"(?m)^  (--[a-z-]+)", text))
            self.assertEqual(options - set(self.bash(f"questd {command} --")), set(), command)


if __name__ == "__main__":
    unittest.main()
