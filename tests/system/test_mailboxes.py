# SPDX-License-Identifier: Apache-2.0
"""Mailboxes of a real server: whose they are, receives that wait, kills. Names begin with the row of the promise."""
import json
import threading
import unittest

from questd import Lines, Server
from test_queue import all_of, until_parked


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code")


def serve():
    return Server("--ballast-mb", "0")


class Receiver:
    """A receive on its way; `answer()` is what came."""

    def __init__(self, server, box="box", **params):
        self.lines = server.lines()
        self.lines.send({"jsonrpc": "2.0", "id": 1, "method": "mailboxes.receive", "params": {"id": box, "wait_ms": 20000, **params}})

    def answer(self):
        answer = json.loads(self.lines.read())
        self.lines.close()
        return answer

    def mail(self):
        return self.answer()["result"]["items"]


class Mailboxes(unittest.TestCase):
    def key(self, server, kind, owner, *access):
        made = server.lines().ok("keys.create", {"name": "test", "owner_kind": kind, "owner": owner, "access": list(access)})
        lines = server.lines()
        lines.ok("keys.use", {"key": made["secret"]})
        return lines

    def test_only_the_owner_receives(self):
        """ik-M1 and who has authority over it; anybody who may send does"""
        with serve() as server:
            owner = server.lines()
            for name in ("ann", "bob"):
                owner.ok("agents.spawn", {"name": name})
            ann, bob = (self.key(server, "agent", name, "operator") for name in ("ann", "bob"))
            shop, viewer = self.key(server, "platform", "shop", "org_admin"), self.key(server, "platform", "page", "viewer")
            ann.ok("mailboxes.create", {"name": "ann's"})
            for sender in (bob, shop, owner):
                sender.ok("mailboxes.send", {"id": "ann's", "payload": 1})
            self.assertEqual(code_of(viewer.call("mailboxes.send", {"id": "ann's", "payload": 1})), "denied")
            for other in (bob, shop):
                for method, params in (("receive", {"wait_ms": 20000}), ("ack", {"receipts": ["1-0"]}), ("delete", {"confirm": True})):
                    self.assertEqual(code_of(other.call("mailboxes." + method, {"id": "ann's", **params})), "denied")
            why = bob.ok("system.why_denied", {"verb": "mailboxes.receive", "target": "ann's"})
            self.assertEqual([i["gate"] for i in why["items"]], ["authority"])
            self.assertEqual(why["items"][0]["reason"], "it neither owns 'ann's' nor has authority over its owner")
            self.assertTrue(bob.ok("system.why_denied", {"verb": "mailboxes.send", "target": "ann's"})["allowed"])
            mail = ann.ok("mailboxes.receive", {"id": "ann's", "max": 10})["items"]
            self.assertEqual([(m["seq"], m["from"].split(":")[0]) for m in mail], [(1, "agent"), (2, "platform"), (3, "uid")])
            self.assertEqual(owner.ok("mailboxes.ack", {"id": "ann's", "receipts": [m["receipt"] for m in mail]})["acked"], 3)

    def test_why_denied_of_a_mailbox_for_another_says_what_the_call_does(self):
        with serve() as server:
            owner = server.lines()
            for name in ("ann", "bob"):
                owner.ok("agents.spawn", {"name": name})
            bob, shop = self.key(server, "agent", "bob", "operator"), self.key(server, "platform", "shop", "operator")
            for i, (lines, whose) in enumerate((l, w) for l in (owner, bob, shop)
                                               for w in ("ann", "bob", "agent:ann", "uid:77", "nobody", l.ok("principals.me")["id"])):
                why = lines.call("system.why_denied", {"verb": "mailboxes.create", "target": whose})
                code = code_of(lines.call("mailboxes.create", {"name": f"box-{i}", "owner": whose}))
                said = code_of(why) or (None if why["result"]["allowed"] else why["result"]["items"][0]["gate"])
                self.assertEqual(said, {"denied": "authority"}.get(code, code), whose)
            none = bob.call("system.why_denied", {"verb": "mailboxes.list", "target": "ann"})
            self.assertEqual(code_of(none), "invalid_params")
            self.assertEqual(none["error"]["message"], "no rule of mailboxes.list is about one target")

    def test_mail_of_each_sender_is_in_order_and_survives_a_restart(self):
        """ik-M1 ik-M7 eight senders at once, killed behind them: numbers without a gap, each sender's in its order"""
        with serve() as server:
            server.lines().ok("mailboxes.create", {"name": "box", "max_mail": 1000})

            def send(n):
                lines = server.lines()
                for i in range(50):
                    lines.ok("mailboxes.send", {"id": "box", "payload": [n, i]})
                lines.close()
            all_of(*[lambda n=n: send(n) for n in range(8)])
            server.kill()
            server.start()
            lines, mail = server.lines(), []
            while items := lines.ok("mailboxes.receive", {"id": "box", "max": 64})["items"]:
                mail += items
            self.assertEqual([m["seq"] for m in mail], list(range(1, 401)))
            for n in range(8):
                self.assertEqual([m["payload"][1] for m in mail if m["payload"][0] == n], list(range(50)))

    def test_killed_between_receive_and_ack_it_comes_again(self):
        """ik-M2 deliveries 2, and the receipt of the first is stale; what was acknowledged never comes again"""
        with serve() as server:
            lines = server.lines()
            lines.ok("mailboxes.create", {"name": "box", "visibility_ms": 300})
            for n in range(2):
                lines.ok("mailboxes.send", {"id": "box", "payload": n})
            done, first = lines.ok("mailboxes.receive", {"id": "box", "max": 2})["items"]
            lines.ok("mailboxes.ack", {"id": "box", "receipts": [done["receipt"]]})
            server.kill()
            server.start()
            again = Receiver(server).mail()
            self.assertEqual([(m["payload"], m["deliveries"]) for m in again], [(1, 2)])
            lines = server.lines()
            self.assertEqual(code_of(lines.call("mailboxes.ack", {"id": "box", "receipts": [first["receipt"]]})), "stale_attempt")
            lines.ok("mailboxes.ack", {"id": "box", "receipts": [again[0]["receipt"]]})
            server.kill()
            server.start()
            box = server.lines().ok("mailboxes.list")["items"][0]
            self.assertEqual((box["waiting"], box["in_flight"], box["sent"]), (0, 0, 2))
            self.assertTrue(server.lines().ok("system.check")["sound"])

    def test_what_a_dead_consumer_had_wakes_who_waits(self):
        """ik-M2 with nobody else asking"""
        with serve() as server:
            lines, dead = server.lines(), server.lines()
            lines.ok("mailboxes.create", {"name": "box", "visibility_ms": 200})
            lines.ok("mailboxes.send", {"id": "box", "payload": "x"})
            self.assertEqual(len(dead.ok("mailboxes.receive", {"id": "box"})["items"]), 1)
            dead.close()
            self.assertEqual(lines.ok("mailboxes.receive", {"id": "box", "wait_ms": 20000})["items"][0]["deliveries"], 2)

    def test_a_full_mailbox_refuses_and_drops_nothing(self):
        """ik-M3 quota 100, 200 sends at once: 100 refused by name"""
        with serve() as server:
            server.lines().ok("mailboxes.create", {"name": "box", "max_mail": 100})
            kept, refused, lock = [], [], threading.Lock()

            def send(n):
                lines = server.lines()
                for i in range(20):
                    answer = lines.call("mailboxes.send", {"id": "box", "payload": n * 20 + i})
                    with lock:
                        if "result" in answer:
                            kept.append(n * 20 + i)
                        else:
                            refused.append(code_of(answer))
                lines.close()
            all_of(*[lambda n=n: send(n) for n in range(10)])
            self.assertEqual((len(kept), refused), (100, ["mailbox_full"] * 100))
            mail = server.lines().ok("mailboxes.receive", {"id": "box", "max": 100})["items"]
            self.assertEqual(sorted(m["payload"] for m in mail), sorted(kept))

    def test_sent_again_with_the_same_request_id_it_is_there_once(self):
        """ik-M2 also after a kill"""
        with serve() as server:
            lines = server.lines()
            lines.ok("mailboxes.create", {"name": "box"})
            sent = {"id": "box", "payload": {"n": 1}, "request_id": "a"}
            first = lines.ok("mailboxes.send", sent)
            self.assertEqual(lines.ok("mailboxes.send", sent), first)
            server.kill()
            server.start()
            lines = server.lines()
            self.assertEqual(lines.ok("mailboxes.send", sent), first)
            self.assertEqual(code_of(lines.call("mailboxes.send", {**sent, "payload": 2})), "idempotency_conflict")
            self.assertEqual(lines.ok("mailboxes.list")["items"][0]["waiting"], 1)

    def test_as_many_are_woken_as_there_is_mail_the_oldest_first(self):
        """ik-M2 nobody polls, and others stay asleep"""
        with serve() as server:
            lines = server.lines()
            for name in ("box", "other"):
                lines.ok("mailboxes.create", {"name": name})
            waiting = []
            for n, box in enumerate(("other", "box", "box", "box")):
                waiting.append(Receiver(server, box))
                until_parked(server, n + 1)
            lines.ok("mailboxes.send", {"id": "box", "payload": 1})
            self.assertEqual([m["payload"] for m in waiting[1].mail()], [1])
            until_parked(server, 3)
            lines.ok("system.batch", {"atomic": True, "calls": [
                {"method": "mailboxes.send", "params": {"id": "box", "payload": n}} for n in (2, 3)]})
            got = [m["payload"] for r in waiting[2:] for m in r.mail()]
            self.assertEqual(sorted(got), [2, 3])
            until_parked(server, 1)
            lines.ok("mailboxes.send", {"id": "other", "payload": 4})
            self.assertEqual([m["payload"] for m in waiting[0].mail()], [4])

    def test_who_waits_at_a_mailbox_that_goes_is_told(self):
        with serve() as server:
            lines = server.lines()
            lines.ok("mailboxes.create", {"name": "box"})
            waiting = [Receiver(server) for _ in range(20)]
            until_parked(server, 20)
            lines.ok("mailboxes.delete", {"id": "box", "confirm": True})
            self.assertEqual([code_of(r.answer()) for r in waiting], ["not_found"] * 20)

    def test_who_is_no_owner_any_more_is_given_nothing(self):
        """ik-M1 the seat was handed over while its occupant waited"""
        with serve() as server:
            owner = server.lines()
            for name in ("ann", "bob"):
                owner.ok("users.create", {"name": name})
            owner.ok("roles.create", {"title": "Clerk", "type": "operational", "occupant": "ann"})
            owner.ok("mailboxes.create", {"name": "box", "owner": "role:r-1"})
            ann = self.key(server, "user", "ann", "operator")
            ann.send({"jsonrpc": "2.0", "id": "w", "method": "mailboxes.receive", "params": {"id": "box", "wait_ms": 20000}})
            until_parked(server, 1)
            owner.ok("roles.assign", {"id": "r-1", "occupant": "bob"})
            owner.ok("mailboxes.send", {"id": "box", "payload": 1})
            self.assertEqual(code_of(json.loads(ann.read())), "denied")
            self.assertEqual(owner.ok("mailboxes.list")["items"][0]["waiting"], 1)

    def test_thousands_wait_at_their_own_mailboxes(self):
        """ik-M2 2,000 receives at 2,000 mailboxes: each gets its mail"""
        n = 2000
        with Server("--ballast-mb", "0") as server:
            maker = server.lines()
            for start in range(0, n, 50):
                maker.ok("system.batch", {"atomic": True, "calls": [
                    {"method": "mailboxes.create", "params": {"name": f"m{i}"}} for i in range(start, start + 50)]})
            lines = [Lines(server.socket_path) for _ in range(20)]
            for i in range(n):
                lines[i % 20].send({"jsonrpc": "2.0", "id": i, "method": "mailboxes.receive", "params": {"id": f"m{i}", "wait_ms": 60000}})
            until_parked(server, n)
            for start in range(0, n, 100):
                maker.ok("system.batch", {"calls": [
                    {"method": "mailboxes.send", "params": {"id": f"m{i}", "payload": i}} for i in range(start, start + 100)]})
            got = {}
            for line in lines:
                for _ in range(n // 20):
                    answer = json.loads(line.read())
                    got[answer["id"]] = [m["payload"] for m in answer["result"]["items"]]
            self.assertEqual(got, {i: [i] for i in range(n)})


if __name__ == "__main__":
    unittest.main()
