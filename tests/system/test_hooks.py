# SPDX-License-Identifier: Apache-2.0
"""Webhooks in: signed deliveries of other services become events, each once."""
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

CAP = 256 * 1024


def sign(secret, *parts):
    return hmac.new(secret.encode(), b"".join(p if isinstance(p, bytes) else p.encode() for p in parts), hashlib.sha256).hexdigest()


def github(secret, body, delivery, event="push"):
    return {"X-Hub-Signature-256": "sha256=" + sign(secret, body), "X-GitHub-Delivery": delivery, "X-GitHub-Event": event}


def slack(secret, body, at=None):
    at = str(int(at or time.time()))
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + sign(secret, f"v0:{at}:", body)}


def stripe(secret, body, at=None):
    at = str(int(at or time.time()))
    return {"Stripe-Signature": f"t={at},v1={sign(secret, at + '.', body)},v0=00"}


class Hooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.lines = cls.server.lines()

    @classmethod
    def tearDownClass(cls):
        cls.lines.close()
        cls.server.__exit__()

    def make(self, name, kind, **more):
        return self.lines.ok("hooks.create", {"name": name, "kind": kind, **more})

    def post(self, hook, body, headers=None):
        status, head, text = self.server.http("POST", hook["path"], body, headers, token=False)
        return status, head, text

    def events(self, name):
        return self.lines.ok("events.list", {"kinds": ["hook." + name], "limit": 100})["items"]

    def take(self, hook, body, headers, duplicate=False):
        status, _, text = self.post(hook, body, headers)
        self.assertEqual(status, 200, text)
        answer = json.loads(text)
        self.assertEqual(answer["duplicate"], duplicate)
        return answer["event"]

    def test_ag_51_a_signed_git_event_is_one_event(self):
        """deliveries are known again by their id, and by what was signed under another id"""
        hook = self.make("repo", "github")
        body = '{"ref":"refs/heads/main",\n "commits":[{"id":"c1"}]}'
        first = self.take(hook, body, github(hook["secret"], body, "d-1"))
        self.assertEqual(self.take(hook, body, github(hook["secret"], body, "d-1"), duplicate=True), first)
        self.assertEqual(self.take(hook, body, github(hook["secret"], body, "d-2"), duplicate=True), first)
        other = '{"ref":"refs/heads/next"}'
        self.take(hook, other, github(hook["secret"], other, "d-1"), duplicate=True)
        self.take(hook, other, github(hook["secret"], other, "d-3"))
        items = self.events("repo")
        self.assertEqual(len(items), 2)
        self.assertEqual(items[1]["payload"], {"hook": "repo", "event": "push", "delivery": "d-1",
                                               "body": {"ref": "refs/heads/main", "commits": [{"id": "c1"}]}})
        self.assertEqual((items[1]["id"], items[1]["subject"], items[1]["source"]), (first, hook["id"], "hook:" + hook["id"]))
        listed = [h for h in self.lines.ok("hooks.list", {"limit": 200})["items"] if h["name"] == "repo"][0]
        self.assertEqual(listed["deliveries"], 2)
        self.assertNotIn("secret", listed)

    def test_every_kind_of_sender(self):
        gitlab, chat = self.make("lab", "gitlab"), self.make("chat", "slack", secret="the signing secret")
        pay, own = self.make("pay", "stripe", secret="whsec_of_theirs"), self.make("own", "hmac", timestamp_header="X-At")
        self.assertNotIn("secret", chat)
        body = '{"id":"evt_1","event_id":"Ev1","n":1}'
        self.take(gitlab, body, {"X-Gitlab-Token": gitlab["secret"], "X-Gitlab-Event": "Push Hook", "Idempotency-Key": "k"})
        self.take(gitlab, '{"n":2}', {"X-Gitlab-Token": gitlab["secret"], "Idempotency-Key": "k"}, duplicate=True)
        self.take(chat, body, slack("the signing secret", body))
        self.take(chat, body, slack("the signing secret", body, time.time() - 20), duplicate=True)  # tried again, signed anew
        self.take(pay, body, stripe("whsec_of_theirs", body))
        self.take(pay, body, stripe("whsec_of_theirs", body, time.time() - 30), duplicate=True)
        at = str(int(time.time()))
        digest = base64.b64encode(bytes.fromhex(sign(own["secret"], at + ".", body))).decode()
        self.take(own, body, {"X-Signature-256": digest, "X-At": at, "X-Delivery-Id": "7"})
        form = "token=x&command=%2Fquest"
        self.take(chat, form, {**slack("the signing secret", form), "Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(self.events("chat")[0]["payload"], {"hook": "chat", "text": form})
        for name in ("lab", "pay", "own"):
            self.assertEqual(len(self.events(name)), 1, name)

    def test_slack_is_answered_when_it_asks_whether_somebody_is_there(self):
        hook = self.make("asking", "slack", secret="12345678")
        body = '{"type":"url_verification","challenge":"3eZbrw1aB","token":"x"}'
        status, head, text = self.post(hook, body, slack("12345678", body))
        self.assertEqual((status, head["content-type"].split(";")[0], text), (200, "text/plain", "3eZbrw1aB"))
        self.assertEqual(self.post(hook, body, slack("87654321", body))[0], 401)
        self.assertEqual(self.events("asking"), [])

    def test_ag_51_who_has_no_secret_learns_nothing(self):
        """unknown, unsigned, signed by another, and too old are one answer, byte for byte"""
        hook = self.make("closed", "stripe", secret="12345678")
        body, before = '{"id":"evt_1"}', self.lines.ok("events.list", {"limit": 1})["items"][0]["id"]
        old = time.time() - 400
        answers = [self.post({"path": "/hooks/nobody"}, body, stripe("12345678", body)),
                   self.post({"path": "/hooks/" + "x" * 300}, body, stripe("12345678", body)),
                   self.post({"path": "/hooks/closed"}, body, stripe("12345678", body)),
                   self.post({"path": hook["path"] + "%00"}, body, stripe("12345678", body)),
                   self.post(hook, body), self.post(hook, "", {}), self.post(hook, body, stripe("87654321", body)),
                   self.post(hook, body + " ", stripe("12345678", body)), self.post(hook, body, {"Stripe-Signature": "t=x,v1=y"}),
                   self.post(hook, body, stripe("12345678", body, old)), self.post(hook, body, stripe("12345678", body, time.time() + 400))]

        def told(answer):
            return answer[0], answer[2], {k: v for k, v in answer[1].items() if k != "date"}
        for answer in answers:
            self.assertEqual(told(answer), told(answers[0]))
        self.assertEqual(answers[0][0], 401)
        self.assertEqual(self.lines.ok("events.list", {"limit": 1})["items"][0]["id"], before)

    def test_a_new_secret_and_the_one_before(self):
        hook = self.make("turning", "github")
        second = self.lines.ok("hooks.rotate", {"id": "turning"})
        for i, secret in enumerate((hook["secret"], second["secret"])):
            self.take(hook, f'{{"n":{i}}}', github(secret, f'{{"n":{i}}}', f"a{i}"))
        third = self.lines.ok("hooks.rotate", {"id": "turning", "overlap_s": 0})
        self.assertNotIn("old_secret_until", third)
        for secret in (hook["secret"], second["secret"]):
            self.assertEqual(self.post(hook, "{}", github(secret, "{}", "b"))[0], 401)
        self.take(hook, "{}", github(third["secret"], "{}", "c"))
        self.lines.ok("hooks.delete", {"id": "turning", "confirm": True})
        self.assertEqual(self.post(hook, "{}", github(third["secret"], "{}", "d"))[0], 401)

    def test_a_secret_is_shown_once_and_lies_sealed(self):
        hook = self.lines.ok("hooks.create", {"name": "sealed", "kind": "github", "request_id": "once"})
        again = self.lines.ok("hooks.create", {"name": "sealed", "kind": "github", "request_id": "once"})
        self.assertTrue(hook["secret_shown"])
        self.assertEqual((again["id"], again["secret_shown"], "secret" in again), (hook["id"], False, False))
        given = "the-secret-of-their-own"
        self.make("sealed2", "slack", secret=given)
        for folder, _, names in os.walk(self.server.data):
            for name in names:
                path = os.path.join(folder, name)
                content = open(path, "rb").read() if os.path.isfile(path) else b""
                for secret in (hook["secret"], given):
                    self.assertNotIn(secret.encode(), content, name)

    def test_the_gates_before_it(self):
        hook = self.make("gated", "github")
        body, head = "{}", github(hook["secret"], "{}", "1")
        self.assertEqual(self.post(hook, body, {**head, "Host": "evil.example"})[0], 403)
        self.assertEqual(self.post(hook, body, {**head, "Origin": "http://evil.example"})[0], 403)
        self.assertEqual(self.server.http("GET", hook["path"], token=False)[0], 405)
        self.assertEqual(self.server.http("GET", "/hooks/", token=False)[0], 404)
        large = json.dumps({"x": "y" * (CAP - 9)})
        self.assertEqual(len(large), CAP)
        self.take(hook, large, github(hook["secret"], large, "2"))
        self.assertEqual(self.post(hook, large + " ", github(hook["secret"], large + " ", "3"))[0], 413)

    def test_ag_51_the_same_delivery_from_many_at_once_is_one_event(self):
        """senders that try again while the first is under way"""
        hook, body, answers = self.make("racing", "github"), '{"n":1}', []
        threads = [threading.Thread(target=lambda: answers.append(self.post(hook, body, github(hook["secret"], body, "same"))))
                   for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        told = [json.loads(text) for _, _, text in answers]
        self.assertEqual(sum(not t["duplicate"] for t in told), 1)
        self.assertEqual(len({t["event"] for t in told}), 1)
        self.assertEqual(len(self.events("racing")), 1)


class Killed(unittest.TestCase):
    def test_ag_51_a_delivery_is_one_event_wherever_the_server_is_killed(self):
        """killed between the event and its delivery, before the commit and behind it: the sender tries again"""
        with questd.Server() as server:
            lines = server.lines()
            for i, point in enumerate(("hook_told", "store_commit_before", "store_commit_after")):
                hook = lines.ok("hooks.create", {"name": f"repo{i}", "kind": "github"})
                lines.close()
                server.stop()
                server.env["FP"] = point + ":kill"
                server.start()
                body = json.dumps({"n": i})
                head = github(hook["secret"], body, "d")
                with self.assertRaises(OSError):
                    server.http("POST", hook["path"], body, head, token=False)
                server.kill()
                del server.env["FP"]
                server.start()
                status, _, text = server.http("POST", hook["path"], body, head, token=False)
                self.assertEqual((status, json.loads(text)["duplicate"]), (200, point == "store_commit_after"))
                lines = server.lines()
                self.assertEqual(len(lines.ok("events.list", {"kinds": [f"hook.repo{i}"]})["items"]), 1)
            lines.close()


if __name__ == "__main__":
    unittest.main()
