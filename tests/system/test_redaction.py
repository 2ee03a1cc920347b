# SPDX-License-Identifier: Apache-2.0
"""Values of credentials in what is cut, and in what others deliver: half a value would not be found any more,
so all that is said back or kept is cleaned before it is cut."""
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

VALUE = "sk-or-v1-5f1c0de5a9b87766554433221100ffeeddccbbaa99887766"
PIECE = 10  # of the value: no answer holds so much of it in a row


def pieces_in(text):
    return [VALUE[i:i + PIECE] for i in range(len(VALUE) - PIECE + 1) if VALUE[i:i + PIECE] in text]


def sign(secret, body, delivery, event="push"):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest(),
            "X-GitHub-Delivery": delivery, "X-GitHub-Event": event}


def memory_of(pid):
    """All that it may write to; None: not ours to read."""
    found = []
    try:
        with open(f"/proc/{pid}/mem", "rb", 0) as mem, open(f"/proc/{pid}/maps") as maps:
            for line in maps:
                begin, end = (int(x, 16) for x in line.split()[0].split("-"))
                if "rw" in line.split()[1] and end - begin < 1 << 28:
                    try:
                        mem.seek(begin)
                        found.append(mem.read(end - begin))
                    except OSError:
                        continue  # a guard page, or memory that was never touched
    except PermissionError:
        return None
    return b"".join(found)


class Redaction(unittest.TestCase):
    def test_tm_llm_04_what_mcp_says_back_is_cleaned_before_it_is_cut(self):
        """TM-LLM-04 names of tools, prompts, resources, arguments and toolsets"""
        with questd.Server("--ballast-mb", "0") as server:
            lines = server.lines()
            lines.ok("credentials.ingest", {"name": "OPENROUTER_API_KEY", "value": VALUE})
            n_refused = 0
            for before in range(0, 136, 3):
                name = "x" * before + VALUE
                for method, params in (
                        ("tools/call", {"name": name, "arguments": {}}),
                        ("prompts/get", {"name": name}),
                        ("prompts/get", {"name": "standup", "arguments": {name: "x"}}),
                        ("resources/read", {"uri": name}),
                        ("resources/read", {"uri": "skill://" + name}),
                        ("resources/read", {"uri": "questd://quests/" + name}),
                        ("skills/get", {"uri": name}),
                        ("completion/complete", {"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": "x", "value": "y"}}),
                        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "plan"}, "argument": {"name": name, "value": "y"}}),
                        (name, {})):
                    answer = lines.call(method, {"_meta": questd.META, **params})
                    n_refused += "error" in answer
                    self.assertEqual(pieces_in(json.dumps(answer)), [], (method[:20], before, answer))
            self.assertGreater(n_refused, 9 * 46, "hardly anything was refused")
            status, _, text = server.http("POST", "/mcp/x/" + "y" * 30 + VALUE, {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": questd.META}},
                                          {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"})
            self.assertEqual((status >= 400 or "error" in text, pieces_in(text)), (True, []), text)
            lines.close()

    def test_tm_llm_04_what_a_hook_delivers_is_kept_without_values(self):
        """TM-LLM-04 body, event and id, as JSON and as text"""
        with questd.Server("--ballast-mb", "0") as server:
            lines = server.lines()
            lines.ok("credentials.ingest", {"name": "OPENROUTER_API_KEY", "value": VALUE})
            hook = lines.ok("hooks.create", {"name": "repo", "kind": "github"})
            bodies = [json.dumps({"a": ["see " + VALUE, {VALUE: 1}], "b": "kept"}), "a=b&key=" + VALUE,
                      "{\"a\": \"" + "".join(f"\\u{ord(c):04x}" for c in VALUE) + "\"}"]
            for n, body in enumerate(bodies):
                status, _, text = server.http("POST", hook["path"], body, sign(hook["secret"], body, "d" * (170 + n) + VALUE, "e" * 180 + VALUE), token=False)
                self.assertEqual(status, 200, text)
            items = lines.ok("events.list", {"kinds": ["hook.repo"]})["items"]
            self.assertEqual(len(items), 3)
            self.assertEqual(items[2]["payload"]["body"]["b"], "kept")
            self.assertIn("see [redacted:OPENROUTER_API_KEY]", items[2]["payload"]["body"]["a"])
            lines.close()
            server.stop()
            base = sqlite3.connect(os.path.join(server.data, "questd.db"))
            kept = "\n".join(map(str, base.execute("select payload from events where kind = 'hook.repo'").fetchall()))
            base.close()
            self.assertEqual(pieces_in(kept), [], kept)

    @unittest.skipIf("cov" in os.path.basename(questd.BUILD), "code that is not optimised leaves words that it read on its stack")
    def test_tm_cry_03_a_message_with_a_value_is_wiped_when_it_was_taken(self):
        """TM-CRY-03 of a value that is too short to be looked for, nothing stays in the server's memory"""
        with questd.Server("--ballast-mb", "0") as server:
            lines = server.lines()
            lines.ok("events.fire", {"kind": "a.b", "payload": {"x": "#canary-of-events#"}})
            lines.ok("credentials.ingest", {"name": "SHORT", "value": "vAl7#z"})
            message = {"jsonrpc": "2.0", "id": 1, "method": "credentials.ingest", "params": {"name": "OTHER", "value": "vAl8#z"}}
            self.assertEqual(server.http(body=message)[0], 200)
            lines.ok("system.batch", {"calls": [{"method": "credentials.ingest", "params": {"name": "THIRD", "value": "vAl9#z"}}]})
            memory = memory_of(server.pid)
            if memory is None:
                self.skipTest("this user may not read another program's memory")
            self.assertIn(b"#canary-of-events#", memory, "memory is not what was read")
            for value in (b"vAl7#z", b"vAl8#z", b"vAl9#z"):
                at = memory.find(value)
                self.assertEqual(at, -1, memory[max(at - 60, 0):at + 30])
            lines.close()


if __name__ == "__main__":
    unittest.main()
