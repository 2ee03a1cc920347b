# SPDX-License-Identifier: Apache-2.0
"""Each tool exactly as a client gets it (tests/snap/NAME.json, one line), and what the default list is
and weighs (default.json). UPDATE=1 writes the files; the diff is what reviewers read."""
import glob
import json
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import mcpwire  # noqa: E402
import questd  # noqa: E402

NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
DEFAULT_BYTES = 24000


def elements(text, key):
    """The source texts of the array's elements, exactly as sent."""
    at = text.index(f'"{key}":[') + len(key) + 4
    decoder, out = json.JSONDecoder(), []
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        out.append(text[at:end])
        at = end + (text[end] == ",")
    return out


def is_fixture(tool):
    return json.loads(tool).get("description") == "conformance fixture"


class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.lists = {}
        for name, path in (("default", "/mcp"), ("all", "/mcp/x/all,search"), ("readonly", "/mcp/readonly")):
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": mcpwire.modern()}
            _, _, text = cls.server.http("POST", path, message, {
                "MCP-Protocol-Version": mcpwire.MODERN, "Mcp-Method": "tools/list"})
            cls.lists[name] = [t for t in elements(text, "tools") if not is_fixture(t)]

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def compare(self, name, text):
        path = os.path.join(HERE, name + ".json")
        if os.environ.get("UPDATE") == "1":
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        with open(path, encoding="utf-8") as f:
            self.assertEqual(f.read(), text, f"{name}.json: UPDATE=1 rewrites it when the change is meant")

    def test_every_tool_is_as_it_was_agreed(self):
        names = []
        for tool in self.lists["all"]:
            names.append(json.loads(tool)["name"])
            self.compare(names[-1], tool + "\n")
        if os.environ.get("UPDATE") == "1":
            for path in glob.glob(os.path.join(HERE, "*.json")):
                if os.path.basename(path)[:-5] not in [*names, "default"]:
                    os.remove(path)
        known = {os.path.basename(p)[:-5] for p in glob.glob(os.path.join(HERE, "*.json"))} - {"default"}
        self.assertEqual(known, set(names))

    def test_the_default_list_is_as_it_was_agreed(self):
        names = [json.loads(t)["name"] for t in self.lists["default"]]
        self.compare("default", json.dumps(names, indent=1) + "\n")

    def test_the_default_list_is_small(self):
        self.assertLessEqual(sum(len(t.encode()) + 1 for t in self.lists["default"]), DEFAULT_BYTES)
        self.assertTrue(20 <= len(self.lists["default"]) <= 28, len(self.lists["default"]))

    def test_no_client_refuses_a_tool(self):
        """mcp-T2 mcp-T3 mcp-J1: what hosts check before they show a server's tools at all."""
        for text in self.lists["all"]:
            tool = json.loads(text)
            schema = tool["inputSchema"]
            self.assertRegex(tool["name"], NAME)
            self.assertEqual(schema["type"], "object")
            self.assertIs(schema["additionalProperties"], False)
            self.assertFalse({"allOf", "anyOf", "oneOf", "not", "if", "$defs"} & set(schema))
            self.assertNotIn('"$ref"', text)
            self.assertNotIn("outputSchema", tool)
            self.assertFalse(re.search(r'"type":\[', text))
            self.assertLessEqual(len(tool["description"]), 200)

    def test_every_tool_says_all_four_hints(self):
        """mcp-T7: directories refuse tools that leave one out."""
        for text in self.lists["all"]:
            self.assertEqual(set(json.loads(text)["annotations"]),
                             {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"})

    def test_what_removes_is_said_to_destroy(self):
        """mcp-T7: a client that asks before what destroys asks before each of these, and before no others."""
        destroying = {t["name"] for t in map(json.loads, self.lists["all"]) if t["annotations"]["destructiveHint"]}
        self.assertEqual(destroying, {"agents_delete", "channels_delete", "credentials_delete", "hooks_delete", "ideas_delete", "keys_revoke", "mailboxes_delete", "roles_delete", "schedules_delete", "system_batch", "tasks_purge",
                                      "users_delete", "verbs_destroy", "workers_remove"})

    def test_no_tool_wants_an_argument_in_a_header(self):
        """mcp-H9 mcp-H10: gateways need not read our arguments, and nothing private stands in a head. What a tool that
        did would be held to is checked with the suite's fixture (http-custom-header-server-validation)."""
        self.assertEqual([t for t in self.lists["all"] if "x-mcp-header" in t], [])

    def test_read_only_offers_nothing_that_writes(self):
        for text in self.lists["readonly"]:
            self.assertTrue(json.loads(text)["annotations"]["readOnlyHint"], text)

    def test_eight_tools_ask_to_be_at_hand_always(self):
        loaded = [t for t in self.lists["default"] if json.loads(t).get("_meta", {}).get("anthropic/alwaysLoad")]
        self.assertEqual(len(loaded), 8)


if __name__ == "__main__":
    unittest.main()
