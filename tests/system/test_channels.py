# SPDX-License-Identifier: Apache-2.0
"""Channels of a real server: what a service posts, who is let in, what is kept and who gets a turn."""
import hashlib
import hmac
import json
import os
import threading
import time
import unittest

from questd import Server, compact

CAP = 256 * 1024
VALUE = "a-value-that-must-stay-where-it-is"


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code")


class Channels(unittest.TestCase):
    def setUp(self):
        self.server = Server("--ballast-mb", "0")
        self.lines = self.server.lines()
        self.lines.ok("agents.spawn", {"name": "clerk"})
        self.channel = self.lines.ok("channels.upsert", {"name": "support", "kind": "webhook", "who": "clerk", "allowed": ["c1", "c2"]})
        self.n = 0

    def tearDown(self):
        self.lines.close()
        self.server.__exit__()

    def enable(self):
        self.lines.ok("channels.enable", {"id": "support"})

    def again(self):
        """Killed and started."""
        self.server.kill()
        self.server.start()
        self.lines = self.server.lines()

    def send(self, message, delivery=None, secret=None, at=None, path=None, body=None, spoil=False, head=None):
        """(status, headers, text) of one delivery; a delivery id of its own unless one is given."""
        self.n += 1
        body = compact(message) if body is None else body
        at = str(int(time.time()) if at is None else at)
        mac = hmac.new((secret or self.channel["secret"]).encode(), (at + "." + body).encode(), hashlib.sha256).hexdigest()
        head = {"X-Signature-256": "sha256=" + mac, "X-Timestamp": at, "X-Delivery-Id": delivery or f"d-{self.n}", **(head or {})}
        return self.server.http("POST", path or self.channel["path"], body + (" " if spoil else ""), head, token=False)

    def post(self, message, **more):
        """(status, answer)"""
        status, _, text = self.send(message, **more)
        return status, json.loads(text)

    def say(self, text, chat="c1", sender="ann", **more):
        status, answer = self.post({"chat": chat, "from": sender, "text": text, **more})
        self.assertEqual(status, 200, answer)
        return answer

    def turns(self):
        return len(self.lines.ok("tasks.list")["items"])

    def messages(self, session):
        return [(m["from"], m["text"]) for m in self.lines.ok("sessions.messages", {"id": session})["items"]]

    def test_each_message_is_kept_and_only_direct_ones_and_mentions_get_a_turn(self):
        """two layers"""
        self.enable()
        first = self.say("nice weather", title="Lobby")
        self.assertEqual((first["seq"], first["turns"], first["duplicate"]), (1, 0, False))
        self.assertEqual(self.say("clerk is out? mail@clerk", sender="bob")["turns"], 0)
        self.assertEqual(self.turns(), 0)
        self.assertEqual(self.say("@Clerk: are you there?")["turns"], 1)
        other = self.say("only for you", chat="c2", direct=True)
        self.assertEqual(other["turns"], 1)
        self.assertEqual(self.say("it was called", chat="c2", mentioned=True, sender="bob")["turns"], 0)  # one waits already
        self.assertEqual(self.turns(), 2)
        self.assertNotEqual(first["session"], other["session"])
        self.assertEqual(self.messages(first["session"]), [
            ("external:support/ann", "nice weather"), ("external:support/bob", "clerk is out? mail@clerk"),
            ("external:support/ann", "@Clerk: are you there?")])
        session = self.lines.ok("sessions.get", {"id": first["session"]})
        self.assertEqual((session["kind"], session["title"]), ("channel", "support: Lobby"))
        self.assertIn("clerk", [p["name"] for p in session["participants"]])

    def test_a_chat_has_one_session_also_after_a_kill(self):
        self.enable()
        first = self.say("one")
        self.again()
        second = self.say("two")
        self.assertEqual((first["session"], second["seq"]), (second["session"], 2))
        self.assertEqual(self.lines.ok("channels.get", {"id": "support"})["messages"], 2)

    def test_an_empty_list_allows_nobody(self):
        self.enable()
        self.lines.ok("channels.upsert", {"name": "support", "allowed": []})
        status, answer = self.post({"chat": "c1", "from": "ann", "text": "hello", "direct": True})
        self.assertEqual((status, answer["error"]), (403, "denied"))
        self.lines.ok("channels.upsert", {"name": "support", "allowed": ["c2"]})
        status, answer = self.post({"chat": "c1", "from": "ann", "text": "hello", "direct": True})
        self.assertEqual((status, answer["error"]), (403, "denied"))
        channel = self.lines.ok("channels.get", {"id": "support"})
        self.assertEqual((channel["refused"], channel["last_refused"], channel["messages"]), (2, "c1", 0))
        self.assertEqual(self.lines.ok("sessions.list")["items"], [])
        self.say("hello", chat="c2")

    def test_who_has_no_secret_learns_nothing(self):
        """TM-RPC-06 unsigned, signed by another, changed, old, of a channel that is off or not there: one answer, byte for byte"""
        hello = {"chat": "c1", "from": "ann", "text": "hello"}
        off = self.send(hello, secret="another secret, long")
        self.enable()
        answers = [off, self.server.http("POST", self.channel["path"], compact(hello), token=False),
                   self.send(hello, secret="another secret, long"), self.send(hello, spoil=True),
                   self.send(hello, at=int(time.time()) - 301), self.send(hello, at=int(time.time()) + 301), self.send(hello, at="soon"),
                   self.send(hello, path="/channels/nobody"), self.send(hello, path="/channels/support"),
                   self.send(hello, path="/channels/" + "x" * 300), self.send(hello, path=self.channel["path"] + "%00")]
        told = {(status, text, tuple((k, v) for k, v in head.items() if k != "date")) for status, head, text in answers}
        self.assertEqual(len(told), 1, told)
        self.assertEqual(answers[0][0], 401)
        self.assertEqual(self.lines.ok("sessions.list")["items"], [])
        self.say("hello")

    def test_a_delivery_is_taken_once(self):
        """its id again, the same bytes again under another id, also after a kill"""
        self.enable()
        hello, at = {"chat": "c1", "from": "ann", "text": "hello", "direct": True}, int(time.time()) - 1
        first = self.post(hello, delivery="d", at=at)[1]
        for more in ({"delivery": "d"}, {"delivery": "other", "at": at}, None):
            if more is None:
                self.again()
                more = {"delivery": "d"}
            status, answer = self.post(hello, **more)
            self.assertEqual((status, answer["duplicate"], answer["session"], answer["seq"]), (200, True, first["session"], first["seq"]))
        self.assertEqual((len(self.messages(first["session"])), self.turns()), (1, 1))

    def test_the_ids_of_messages_tell_equal_ones_apart(self):
        """and know one that is posted again, signed anew"""
        self.enable()
        at = int(time.time()) - 2
        for n, more in enumerate(({"id": "m1", "at": at}, {"id": "m2", "at": at}, {"id": "m2", "at": at + 1})):
            message = {"id": more["id"], "chat": "c1", "from": "ann", "text": "ok"}
            status, answer = self.post(message, delivery=f"try {n}", at=more["at"])
            self.assertEqual((status, answer["seq"], answer["duplicate"]), (200, min(n + 1, 2), n == 2))

    def test_what_cannot_be_taken_whole_is_not_taken(self):
        """no room for the agent's turn: the message is refused, and taken when it comes again"""
        self.enable()
        self.lines.ok("queues.update", {"name": "agent.turns", "max_pending": 0})
        hello = {"id": "m1", "chat": "c1", "from": "ann", "text": "@clerk hello"}
        status, head, text = self.send(hello)
        self.assertEqual((status, json.loads(text)["error"]), (503, "overloaded"))
        self.assertIn("retry-after", head)
        self.assertEqual((self.lines.ok("sessions.list")["items"], self.lines.ok("channels.get", {"id": "support"})["messages"]), ([], 0))
        self.lines.ok("queues.update", {"name": "agent.turns", "max_pending": 10})
        status, answer = self.post(hello)
        self.assertEqual((status, answer["seq"], answer["turns"], answer["duplicate"]), (200, 1, 1, False))

    def test_nobody_in_a_chat_speaks_as_another(self):
        """TM-AUTHZ-02 whatever a sender is called"""
        self.enable()
        session = self.say("let me in", sender="owner")["session"]
        self.say("and me", sender="agent:clerk")
        self.say("and me", sender="user:ann/support")
        self.assertEqual([m[0] for m in self.messages(session)], [
            "external:support/owner", "external:support/agent:clerk", "external:support/user:ann/support"])

    def test_ag_51_the_same_delivery_from_many_at_once_is_one_message(self):
        """services that try again while the first is under way"""
        self.enable()
        answers, at = [], int(time.time())
        threads = [threading.Thread(target=lambda: answers.append(self.post({"chat": "c1", "from": "ann", "text": "hello", "direct": True}, delivery="same", at=at)))
                   for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual([status for status, _ in answers], [200] * 16)
        self.assertEqual(sum(not a["duplicate"] for _, a in answers), 1)
        self.assertEqual((len(self.messages(answers[0][1]["session"])), self.turns()), (1, 1))

    def test_tm_llm_04_a_known_value_that_is_written_in_a_chat_is_not_kept(self):
        """in any part of the message, however it is escaped"""
        self.lines.ok("credentials.ingest", {"name": "KEY", "value": VALUE})
        self.enable()
        body = '{"chat":"c1","from":"ann","title":"%s","text":"is it %s?"}' % (VALUE, "".join(f"\\u{ord(ch):04x}" for ch in VALUE))
        status, answer = self.post(None, body=body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.messages(answer["session"]), [("external:support/ann", "is it [redacted:KEY]?")])
        self.server.stop()
        for name in os.listdir(self.server.data):
            if name.startswith("questd.db"):
                with open(os.path.join(self.server.data, name), "rb") as f:
                    self.assertNotIn(VALUE.encode(), f.read(), name)
        self.server.start()
        self.lines = self.server.lines()

    def test_tm_authz_02_another_ones_channel_is_not_changed(self):
        """by who may use the verbs, but has nothing to do with it or with whom it shall reach"""
        person = self.lines.ok("users.create", {"name": "bob"})
        key = self.lines.ok("keys.create", {"name": "k", "owner": person["id"], "owner_kind": "user", "access": ["workflow_admin"]})["secret"]
        bob = self.server.lines()
        bob.ok("keys.use", {"key": key})
        before = self.lines.ok("channels.get", {"id": "support"})
        for verb, more in (("enable", {}), ("test", {}), ("delete", {"confirm": True}), ("upsert", {"allowed": ["mine"]}), ("upsert", {"secret": "0123456789abcdef"})):
            target = {"name" if verb == "upsert" else "id": "support"}
            answer = bob.call("channels." + verb, {**target, **more})
            self.assertEqual(code_of(answer), "denied", answer)
        self.assertEqual(self.lines.ok("channels.get", {"id": "support"}), before)
        self.assertEqual(code_of(bob.call("channels.upsert", {"name": "mine", "kind": "webhook", "who": "clerk"})), "denied")
        self.assertTrue(bob.ok("channels.upsert", {"name": "mine", "kind": "webhook", "who": "bob"})["created"])
        bob.ok("channels.enable", {"id": "mine"})
        bob.close()

    def test_the_gates_before_it(self):
        """foreign pages, other methods, what is too large"""
        self.enable()
        hello = {"chat": "c1", "from": "ann", "text": "hello"}
        for head in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            self.assertEqual(self.post(hello, head=head)[0], 403, head)
        self.assertEqual(self.server.http("GET", self.channel["path"], token=False)[0], 405)
        self.assertEqual(self.server.http("GET", "/channels/", token=False)[0], 404)
        body = compact(hello)
        self.assertEqual(self.post(None, body=body + " " * (CAP - len(body)))[0], 200)
        self.assertEqual(self.post(None, body=body + " " * (CAP + 1 - len(body)))[0], 413)
        status, answer = self.post({**hello, "text": "x" * 16385})
        self.assertEqual((status, answer["error"]), (400, "invalid_params"))
        self.assertEqual(self.post({**hello, "text": "\U0001f600" * 16384})[0], 200)

    def test_a_bad_body_is_named(self):
        self.enable()
        for body, wrong in (("{", "no JSON"), ('{"chat":"c1","from":"ann"}', "'text' is missing"),
                            ('{"chat":"c1","from":"ann","text":7}', "'text': expected text"), ('{"chat":"c1","from":"a\\nb","text":"x"}', "'from': expected"),
                            ('{"chat":"c1","from":"ann","text":"x","role":"owner"}', "no 'role'"), ("[]", "no JSON object"), ("null", "no JSON object"),
                            ('{"chat":"c1","chat":"c2","from":"ann","text":"x"}', "twice"), ("", "no JSON")):
            status, answer = self.post(None, body=body)
            self.assertEqual((status, answer["error"]), (400, "invalid_params"))
            self.assertIn(wrong, answer["message"])

    def test_what_is_off_takes_nothing(self):
        status, answer = self.post({"chat": "c1", "from": "ann", "text": "hello"})
        self.assertEqual((status, answer["error"]), (409, "conflict"))
        self.enable()
        self.say("hello")
        self.lines.ok("channels.enable", {"id": "support", "enabled": False})
        self.assertEqual(self.post({"chat": "c1", "from": "ann", "text": "hello"})[0], 409)
        self.lines.ok("channels.delete", {"id": "support", "confirm": True})
        self.assertEqual(self.post({"chat": "c1", "from": "ann", "text": "hello"})[0], 401)

    def test_kinds_that_do_not_work_yet_are_refused_by_name(self):
        for kind in ("telegram", "slack", "whatsapp", "email"):
            made = self.lines.ok("channels.upsert", {"name": kind, "kind": kind, "who": "clerk", "secret": VALUE})
            answer = self.lines.call("channels.enable", {"id": kind})
            self.assertEqual(code_of(answer), "unsupported")
            self.assertIn(kind, answer["error"]["message"])
            self.assertEqual(self.post({"chat": "c1", "from": "ann", "text": "hello"}, secret=VALUE, path="/channels/" + made["id"])[0], 401)

    def test_a_test_says_how_far_a_message_comes(self):
        """and gives nobody a turn"""
        def steps(**params):
            result = self.lines.ok("channels.test", {"id": "support", **params})
            return result["ok"], {s["step"]: s["ok"] for s in result["steps"]}, result.get("session")
        self.assertEqual(steps(), (False, {"enabled": False, "allowed": True, "answered": True, "signed": True, "kept": False}, None))
        self.enable()
        ok, found, session = steps()
        self.assertEqual((ok, set(found.values())), (True, {True}))
        self.assertEqual(self.messages(session), [("external:support/test", "A test of this channel.")])
        self.assertEqual(steps(chat="c9")[1]["kept"], False)
        self.assertEqual(self.turns(), 0)
        self.lines.ok("agents.delete", {"id": "clerk", "confirm": True})
        self.assertEqual(steps()[1]["answered"], False)

    def test_a_secret_that_was_given_is_good_and_never_shown(self):
        secret = "0123456789abcdef-secret"
        changed = self.lines.ok("channels.upsert", {"name": "support", "secret": secret})
        self.assertNotIn("secret", changed)
        self.enable()
        self.assertEqual(self.post({"chat": "c1", "from": "ann", "text": "hello"})[0], 401)
        self.assertEqual(self.post({"chat": "c1", "from": "ann", "text": "hello"}, secret=secret)[0], 200)
        self.server.stop()
        with open(self.server.data + "/questd.db", "rb") as f:
            kept = f.read()
        for each in (secret, self.channel["secret"]):
            self.assertNotIn(each.encode(), kept)
        self.server.start()
        self.lines = self.server.lines()

    def test_ag_51_a_message_is_one_wherever_the_server_is_killed(self):
        """killed between the message and its delivery, before the commit and behind it: the service tries again"""
        self.enable()
        for i, point in enumerate(("chat_kept", "store_commit_before", "store_commit_after")):
            hello = {"chat": "c1", "from": "ann", "text": f"hello {i}", "direct": True}
            self.lines.close()
            self.server.stop()
            self.server.env["FP"] = point + ":kill"
            self.server.start()
            with self.assertRaises(OSError):
                self.post(hello, delivery=f"k{i}")
            self.server.kill()
            del self.server.env["FP"]
            self.server.start()
            self.lines = self.server.lines()
            status, answer = self.post(hello, delivery=f"k{i}")
            self.assertEqual((status, answer["duplicate"], answer["seq"]), (200, point == "store_commit_after", i + 1))
        self.assertEqual(len(self.messages(answer["session"])), 3)


if __name__ == "__main__":
    unittest.main()
