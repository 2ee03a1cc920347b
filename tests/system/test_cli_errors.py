# SPDX-License-Identifier: Apache-2.0
"""Errors as a person at a terminal reads them: what is wrong, what belongs to it, what to do."""
import json
import os
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import Folder  # noqa: E402


class Errors(Folder):
    def refused(self, error, *args, code):
        """stderr of a call that a server of our own refuses with `error`."""
        path = os.path.join(self.top, "fake.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()

            def answer():
                peer = server.accept()[0]
                with peer, peer.makefile("rwb") as lines:
                    lines.readline()
                    lines.write(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode() + b"\n")
                    lines.flush()
            thread = threading.Thread(target=answer)
            thread.start()
            done = self.cli(*args, "--socket", path, code=code)
            thread.join(10)
        os.remove(path)
        return done.stderr

    def test_what_belongs_to_an_error_is_shown(self):
        shown = self.refused({"code": -31995, "message": "q-1 would wait for itself", "data": {
            "code": "cycle", "field": "depends_on", "hint": "leave one out", "retryable": False,
            "cycle": ["q-1", "q-2", "q-1"], "open_children": ["q-7", "q-8"], "limit": 500, "who": {"id": "a", "n": 2},
            "candidates": [{"id": "q-3", "subject": "x"}, {"id": "q-4"}]}}, "quests", "update", "q-1", code=4)
        self.assertEqual(shown.splitlines(), [
            "questd: q-1 would wait for itself (cycle)", "  field: depends_on", "  cycle: q-1 -> q-2 -> q-1",
            "  open children: q-7, q-8", "  limit: 500", "  who: id a, n 2", "  candidates: id q-3, subject x; id q-4",
            "  hint: leave one out"])

    def test_what_the_message_says_is_not_said_twice(self):
        shown = self.refused({"code": -31997, "message": "q-1 is pending and becomes only blocked, cancelled", "data": {
            "code": "illegal_transition", "hint": "claim it", "from": "pending", "allowed": ["blocked", "cancelled"],
            "to": "done"}}, "quests", "update", "q-1", code=4)
        self.assertEqual(shown.splitlines()[1:], ["  to: done", "  hint: claim it"])

    def test_a_long_list_and_hostile_text_are_cut_and_escaped(self):
        shown = self.refused({"code": -31995, "message": "no", "data": {
            "code": "cycle", "hint": "h", "names": ["\x1b[31mq\u202e"] + [f"name-{i}" for i in range(500)]}},
            "quests", "update", "q-1", code=4)
        self.assertNotIn("\x1b", shown)
        self.assertNotIn("\u202e", shown)
        self.assertIn("name-5, ", shown)
        self.assertRegex(shown, r"and \d+ more")
        self.assertLess(len(shown), 1000)

    def test_when_to_come_again_and_the_nearest_are_said(self):
        shown = self.refused({"code": -31989, "message": "too much", "data": {
            "code": "overloaded", "hint": "wait", "retryable": True, "retry_after_ms": 1500}}, "quests", "list", code=1)
        self.assertIn("  again in: 1500 ms", shown)
        shown = self.refused({"code": -32601, "message": "no method 'x.y'", "data": {
            "code": "method_not_found", "hint": "verbs.list names all methods", "nearest": "x.z"}}, "call", "x.y", code=2)
        self.assertIn("  hint: did you mean x.z?", shown)

    def test_a_verbs_own_hint_is_not_hidden(self):
        shown = self.refused({"code": -32602, "message": "the attempt is over", "data": {
            "code": "invalid_params", "field": "attempt", "hint": "quests.get shows the attempt"}},
            "quests", "close", "q-1", "--kind", "done", code=2)
        self.assertIn("  field: attempt", shown)
        self.assertIn("  hint: quests.get shows the attempt", shown)

    def test_wrong_fields_beyond_those_named_are_counted(self):
        fields = [{"field": f"f{i}", "expected": "a number", "got": "\"x\"", "allowed": ["1", "2"]} for i in range(3)]
        shown = self.refused({"code": -32602, "message": "parameters are wrong", "data": {
            "code": "invalid_params", "fields": fields, "n_wrong": 40, "hint": "verbs.describe shows the schema"}},
            "quests", "list", code=2)
        self.assertIn("  f2: expected a number, got \"x\"", shown)
        self.assertIn("  and 37 more", shown)
        self.assertIn("questd help quests.list", shown)

    def test_hidden_commands_are_no_suggestions(self):
        for word in ("keep", "complete-ids", "keeep"):
            self.assertNotRegex(self.cli("help", word, code=2).stderr, "mean '(keep|complete-ids)")

    def test_a_hint_for_other_callers_is_put_in_our_words(self):
        self.start()
        quest = self.ok("quests", "create", "s")["short_id"]
        self.assertIn("hint: questd help quests.update shows all fields", self.cli("quests", "update", quest, code=2).stderr)


if __name__ == "__main__":
    unittest.main()
