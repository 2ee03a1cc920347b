# SPDX-License-Identifier: Apache-2.0
"""What the generator writes: that it compiles, agrees with itself, and is what clients can use."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from folder import TOP, FolderTest, GENERATE  # noqa: E402

COMPILER = shutil.which("gcc") or shutil.which("cc")


def real_outputs(folder):
    subprocess.run([sys.executable, GENERATE, "--schemas", os.path.join(TOP, "schemas"), "--out", folder,
                    "--version", "1.2.3"], check=True)


def keys_in(value):
    if isinstance(value, dict):
        for k, v in value.items():
            yield k
            yield from keys_in(v)
    elif isinstance(value, list):
        for v in value:
            yield from keys_in(v)


class Made(FolderTest):
    def test_every_output_is_there(self):
        names = {"types.gen.h", "verbs.gen.h", "handlers.gen.h", "shapes.gen.c", "verbs.gen.c", "handlers.gen.c",
                 "openrpc.json", "verbs.md", "matrix.md", "expect.json", "questd.bash", "_questd", "questd.fish"}
        self.assertEqual(set(self.accepted()), names)

    def test_same_schemas_same_outputs(self):
        self.assertEqual(self.accepted(), self.accepted())

    def test_structs_hold_what_the_readme_says(self):
        self.params["score"] = {"type": "number", "minimum": 0, "maximum": 1, "default": None, "description": "x"}
        self.params["due_at"] = {"type": "string", "format": "date-time", "description": "x"}
        self.params["default"] = {"type": "boolean", "default": True, "description": "x"}
        self.create["annotations"]["destructive"] = True
        out = self.accepted()
        start = out["verbs.gen.h"].index("struct quests_create_params {")
        struct = out["verbs.gen.h"][start:out["verbs.gen.h"].index("};", start)]
        members = [line.split(";")[0].strip() for line in struct.split("\n")[1:-1]]
        self.assertEqual(members, [
            "struct str subject", "enum colour colour", "int64_t limit", "struct str_list labels",
            "struct repo *repo", "double score", "bool has_score", "int64_t due_at", "bool has_due_at",
            "bool default_", "struct str request_id", "bool confirm"])
        self.assertIn("struct quests_create_result {\n\tstruct quest quest;", out["verbs.gen.h"])
        self.assertIn("enum colour {\n\tCOLOUR_NONE,\n\tCOLOUR_RED,\n\tCOLOUR_GREEN,\n\tCOLOUR_MAX,\n};",
                      out["types.gen.h"])
        self.assertIn("int64_t depth;\n\tbool has_depth;", out["types.gen.h"])

    def test_enum_values_none_and_max_are_told_from_the_bounds(self):
        self.folder.colour["enum"] += ["none", "max"]
        self.assertIn("\tCOLOUR_NONE_,\n\tCOLOUR_MAX_,\n\tCOLOUR_MAX,\n", self.accepted()["types.gen.h"])

    def test_verb_of_lane_server_has_no_function(self):
        self.get["lane"] = "server"
        self.get["annotations"].update(readOnly=False, destructive=True)
        out = self.accepted()
        self.assertNotIn("quests_get(", out["handlers.gen.h"])
        self.assertNotIn("VERB_QUESTS_GET", out["handlers.gen.c"])
        self.assertIn("int quests_create(struct call *call, const struct quests_create_params *params",
                      out["handlers.gen.h"])

    def test_verb_without_its_function_is_a_link_error_that_names_it(self):
        if not COMPILER:
            self.skipTest("there is no C compiler here")
        with tempfile.TemporaryDirectory() as folder:
            for name, text in self.accepted().items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                    f.write(text)
            with open(os.path.join(folder, "main.c"), "w") as f:
                f.write("#include \"handlers.gen.h\"\nint quests_create(struct call *c, const struct "
                        "quests_create_params *p, struct quests_create_result *r) { return 0; }\n"
                        "int main(void) { return verb_functions[0] == 0; }\n")
            done = subprocess.run([COMPILER, "-D_GNU_SOURCE", "-I", TOP, "-I", folder, os.path.join(folder, "main.c"),
                                   os.path.join(folder, "handlers.gen.c"), "-o", os.path.join(folder, "out")],
                                  capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "undefined reference to .quests_get'")
        self.assertNotRegex(done.stderr, "undefined reference to .quests_create'")

    def test_matrix_has_a_row_a_verb(self):
        matrix = self.accepted()["matrix.md"]
        self.assertIn("| `quests.create` |  | ✓ |  |  | ✓ |\n", matrix)
        self.assertIn("| `quests.get` | ✓ |  |  |  |  |\n", matrix)

    def test_reference_shows_each_example_as_command_and_json(self):
        text = self.accepted()["verbs.md"]
        self.assertIn("questd quests create --subject 'Fix it'", text)
        self.assertIn('{"jsonrpc":"2.0","id":1,"method":"quests.create","params":{"subject":"Fix it"}}', text)
        self.assertIn("| `conflict` | there is one already |", text)

    def test_several_lines_and_quotes_survive_in_c(self):
        self.create["description"] = 'Say "a\\b" when é, 東 or \\n is meant.'
        self.create["examples"][0]["params"]["subject"] = 'a "b" \\ é'
        out = self.accepted()
        self.assertIn('Say \\"a\\\\b\\" when é, 東 or \\\\n is meant.', out["verbs.gen.c"])


class Real(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        real_outputs(cls.folder)
        with open(os.path.join(cls.folder, "expect.json"), encoding="utf-8") as f:
            cls.expect = json.load(f)

    def test_tools_are_flat_and_hide_nothing(self):
        for verb in self.expect["verbs"].values():
            tool = verb["tool_json"]
            self.assertEqual(list(tool), ["name", "title", "description", "inputSchema", "annotations"])
            self.assertLessEqual({"$ref", "$defs", "allOf", "anyOf", "oneOf", "not"} & set(keys_in(tool)), set())
            self.assertIs(tool["inputSchema"]["additionalProperties"], False)
            self.assertEqual(list(tool["annotations"]),
                             ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"])
            self.assertRegex(tool["name"], "^[a-z][a-z0-9_]{0,39}$")

    def test_default_list_is_small(self):
        tools = [v["tool_json"] for v in self.expect["verbs"].values() if v["mcp"] == "default"]
        text = json.dumps(tools, ensure_ascii=False, separators=(",", ":"))
        self.assertLessEqual(len(text.encode()), 24000)
        self.assertGreater(len(tools), 0)

    def test_all_compiles_without_a_warning(self):
        if not COMPILER:
            self.skipTest("there is no C compiler here")
        for name in ("shapes.gen.c", "verbs.gen.c", "handlers.gen.c"):
            done = subprocess.run(
                [COMPILER, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wshadow",
                 "-Wmissing-prototypes", "-Wno-missing-field-initializers", "-fsyntax-only", "-I", TOP, "-I",
                 self.folder, os.path.join(self.folder, name)], capture_output=True, text=True)
            self.assertEqual((name, done.stderr), (name, ""))

    def test_openrpc_names_every_verb_once(self):
        with open(os.path.join(self.folder, "openrpc.json"), encoding="utf-8") as f:
            document = json.load(f)
        self.assertEqual([m["name"] for m in document["methods"]], list(self.expect["verbs"]))
        self.assertNotIn("$ref", set(keys_in([m["params"] for m in document["methods"]])))

    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = (f"source {self.folder}/questd.bash\nquestd() {{ [[ $1 == complete-ids ]] && "
                  "printf '%s\\tabout\\n' id-of-$2-1 id-of-$2-2; }\n"
                  'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n_questd\nprintf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_commands_nouns_and_verbs(self):
        self.assertIn("quests", self.complete("questd", "qu"))
        self.assertIn("doctor", self.complete("questd", ""))
        self.assertEqual(self.complete("questd", "system", "pi"), ["ping"])
        self.assertEqual(self.complete("questd", "call", "system.pi"), ["system.ping"])

    def test_bash_completes_options_and_enum_values(self):
        self.assertEqual(self.complete("questd", "quests", "create", "--subj"), ["--subject"])
        self.assertEqual(self.complete("questd", "quests", "create", "--jso"), ["--json"])
        self.assertEqual(self.complete("questd", "quests", "create", "--priority", "h"), ["high"])

    def test_bash_completes_live_ids(self):
        self.assertEqual(self.complete("questd", "quests", "get", ""), ["id-of-quest-1", "id-of-quest-2"])
        self.assertEqual(self.complete("questd", "quests", "get", "--id", "id-of-quest-2"), ["id-of-quest-2"])

    def test_zsh_completes(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        script = ("questd() { [[ $1 == complete-ids ]] && printf '%s\\tof %s\\n' id-1 $2 }\n"
                  "_describe() { print -rl -- ${(P)4} }\n_files() { }\n"
                  f"words=(\"$@\") CURRENT=$# PREFIX=$words[-1]\nsource {self.folder}/_questd")

        def complete(*words):
            done = subprocess.run(["zsh", "-fc", script, "zsh", *words], capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            return done.stdout.split("\n")
        self.assertIn("ping:Ask whether the server answers", complete("questd", "system", "p"))
        self.assertIn("high", complete("questd", "quests", "create", "--priority", ""))
        self.assertIn("id-1:of quest", complete("questd", "quests", "get", ""))

    def test_fish_completes(self):
        if not shutil.which("fish"):
            self.skipTest("fish is not installed")
        script = (f"source {self.folder}/questd.fish\nfunction questd; printf '%s\\tof %s\\n' id-1 $argv[2]; end\n"
                  "complete -C $argv[1]")

        def complete(line):
            done = subprocess.run(["fish", "-c", script, line], capture_output=True, text=True,
                                  env=dict(os.environ, HOME=self.folder))
            self.assertEqual(done.stderr, "")
            return done.stdout.split("\n")
        self.assertIn("ping\tAsk whether the server answers", complete("questd system p"))
        self.assertIn("high", [c.split("\t")[0] for c in complete("questd quests create --priority ")])
        self.assertIn("id-1\tof quest", complete("questd quests get "))


if __name__ == "__main__":
    unittest.main()
