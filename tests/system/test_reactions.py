# SPDX-License-Identifier: Apache-2.0
"""Subscriptions and their firings, through the front door: what matches, how often it fires, with whose
authority, what stops it, and that all of it outlives the server."""
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

PING = [{"verb": "system.ping"}]
# pattern of subjects: those it matches; those it does not
SUBJECTS = {
    "bills/**/*.pdf": (["bills/a.pdf", "bills/2026/a.pdf", "bills/2026/11/a.pdf", "bills/.pdf", "bills//a.pdf"],
                       ["bills/a.txt", "bill/a.pdf", "bills.pdf", "x/bills/a.pdf", "bills/a.pdf/", "bills/a.pdf.old", "Bills/a.pdf"]),
    "bills/*.pdf": (["bills/a.pdf", "bills/.pdf", "bills/a b.pdf"], ["bills/2026/a.pdf", "bills/a.pd", "bills/"]),
    "bills/**": (["bills/a", "bills/a/b/c", "bills//"], ["bills", "bills/", "xbills/a"]),
    "**": (["a", "a/b", "anything at all"], []),
    "*": (["a", "a.b"], ["a/b", "/"]),
    "**/x": (["x", "a/x", "a/b/x"], ["xx", "a/xx", "x/"]),
    "a**z": (["az", "a/b/z", "abz"], ["a", "az/b"]),
    "a/*/c": (["a/b/c", "a//c"], ["a/c", "a/b/b/c"]),
    "*.tar.*": (["x.tar.gz", ".tar."], ["x.tar", "d/x.tar.gz"]),
    "a*b*c": (["abc", "aXbYc", "abbc"], ["ab", "acb"]),
}


class Reactions(unittest.TestCase):
    def setUp(self):
        self.server = questd.Server()
        self.lines = self.server.lines()

    def tearDown(self):
        self.lines.close()
        self.server.__exit__()

    def again(self):
        """The same company in another process."""
        self.lines.close()
        self.server.stop()
        self.server.start()
        self.lines = self.server.lines()

    def subscribe(self, kind, calls=None, lines=None, **more):
        return (lines or self.lines).ok("events.subscribe", {"kind": kind, "calls": calls or PING, **more})

    def show(self, subscription):
        return self.lines.ok("events.subscriptions", {"id": subscription["short_id"]})["items"][0]

    def fire(self, kind, subject=None, lines=None, **payload):
        return (lines or self.lines).ok("events.fire", {"kind": kind, "payload": payload, **({"subject": subject} if subject else {})})

    def until(self, is_so, what):
        """Asks until it is so."""
        end = time.monotonic() + questd.PATIENCE_S
        while not (found := is_so()):
            self.assertLess(time.monotonic(), end, what)
        return found

    def settle(self):
        """Until no firing waits."""
        def is_settled():
            queue = [q for q in self.lines.ok("queues.list")["items"] if q["name"] == "reactions"]
            return not queue or queue[0]["ready"] + queue[0]["pending"] == 0
        self.until(is_settled, "firings wait")

    def events(self, *kinds):
        return self.lines.ok("events.list", {"kinds": list(kinds), "limit": 100})["items"][::-1]

    # ---- what matches

    def test_what_not_all_may_see_is_not_read_later(self):
        for verb in ("audit.list", "keys.list", "system.config"):
            calls = [{"verb": verb}]
            for method, params in (("events.subscribe", {"kind": "bell.rang"}), ("schedules.create", {"name": "x", "cron": "@daily"})):
                said = self.lines.call(method, {**params, "calls": calls})
                self.assertEqual(said["error"]["data"]["code"], "invalid_params", said)

    def test_ik_m4_patterns_of_subjects_match_what_the_table_says(self):
        """ik-M4"""
        made = {p: self.subscribe("dropbox.create", subject=p) for p in SUBJECTS}
        self.assertGreaterEqual(sum(len(y) + len(n) for y, n in SUBJECTS.values()), 50)
        for pattern, (yes, no) in SUBJECTS.items():
            for subject in yes + no:
                before = self.show(made[pattern])["fired"]
                self.fire("dropbox.create", subject)
                with self.subTest(pattern=pattern, subject=subject):
                    self.assertEqual(self.show(made[pattern])["fired"] - before, int(subject in yes))

    def test_ik_m4_patterns_of_kinds_keep_to_words(self):
        cases = {"a.b": ["a.b"], "a.*": ["a.b", "a.c"], "a.**": ["a.b", "a.c", "a.b.c"], "**": ["a.b", "a.c", "a.b.c", "b.b"],
                 "*.b": ["a.b", "b.b"], "**.c": ["a.c", "a.b.c"], "a.*.c": ["a.b.c"], "*.*": ["a.b", "a.c", "b.b"]}
        fired = ["a.b", "a.c", "a.b.c", "b.b"]
        made = {p: self.subscribe(p, calls=[{"verb": "system.ping"}]) for p in cases}
        for kind in fired:
            before = {p: self.show(s)["fired"] for p, s in made.items()}
            self.fire(kind)
            self.assertEqual({p for p, s in made.items() if self.show(s)["fired"] > before[p]}, {p for p, k in cases.items() if kind in k}, kind)

    def test_predicates_hold_of_what_they_say(self):
        payload = {"n": 5, "x": 5.5, "t": "mid", "b": True, "z": None, "list": [1, "two", {"a": 1}], "o": {"k": {"d": 7}}, "big": 9007199254740993}
        holds = [("n", "eq", 5), ("n", "eq", 5.0), ("n", "ne", 6), ("n", "lt", 5.5), ("n", "le", 5), ("n", "gt", -1), ("n", "ge", 5), ("x", "gt", 5),
                 ("t", "eq", "mid"), ("t", "lt", "midst"), ("t", "contains", "id"), ("t", "in", ["a", "mid"]), ("n", "in", [4, 5.0]), ("b", "eq", True),
                 ("z", "eq", None), ("z", "exists", True), ("q", "exists", False), ("list", "contains", "two"), ("list", "contains", {"a": 1.0}),
                 ("list.1", "eq", "two"), ("o.k.d", "ge", 7), ("o", "contains", "k"), ("o", "eq", {"k": {"d": 7}}), ("big", "gt", 9007199254740992.0)]
        holds_not = [("n", "eq", "5"), ("n", "ne", 5), ("n", "lt", 5), ("t", "gt", 5), ("q", "ne", 1), ("q", "eq", None), ("q", "exists", True),
                     ("z", "exists", False), ("list", "contains", "tw"), ("list.3", "exists", True), ("o.k.e", "lt", 9), ("t", "in", ["a"]),
                     ("b", "eq", 1), ("o", "contains", "d"), ("big", "eq", 9007199254740992.0)]
        made = [(case, n, self.subscribe("p.q", where=[dict(zip(("path", "op", "value"), case))]))
                for n, cases in ((1, holds), (0, holds_not)) for case in cases]
        both = self.subscribe("p.q", where=[{"path": "n", "op": "eq", "value": 5}, {"path": "t", "op": "eq", "value": "no"}])
        self.fire("p.q", **payload)
        self.settle()
        for case, n, s in made:
            with self.subTest(case=case):
                self.assertEqual(self.show(s)["fired"], n)
        self.assertEqual(self.show(both)["fired"], 0)

    def test_one_subject_or_source_and_none_other(self):
        quest = self.lines.ok("quests.create", {"subject": "watched"})
        mine = self.subscribe("quest.*", subject=quest["short_id"])
        self.assertEqual(mine["subject"], quest["id"])
        other = self.subscribe("quest.*", source="user:somebody")
        self.lines.ok("quests.update", {"id": quest["id"], "priority": "high"})
        self.lines.ok("quests.create", {"subject": "another"})
        self.assertEqual((self.show(mine)["fired"], self.show(other)["fired"]), (1, 0))

    def test_events_of_before_are_not_answered(self):
        self.fire("old.one")
        s = self.subscribe("old.*")
        self.assertEqual(self.show(s)["fired"], 0)
        self.fire("old.two")
        self.assertEqual(self.show(s)["fired"], 1)

    def test_an_event_that_was_undone_is_not_answered(self):
        s = self.subscribe("half.done")
        fire = {"method": "events.fire", "params": {"kind": "half.done"}}
        answer = self.lines.call("system.batch", {"atomic": True, "calls": [fire, {"method": "quests.get", "params": {"id": "q-9"}}]})
        self.assertIn("error", answer)
        self.assertEqual(self.show(s)["fired"], 0)
        self.lines.ok("system.batch", {"atomic": True, "calls": [fire, fire]})
        self.assertEqual(self.show(s)["fired"], 2)

    def test_a_batch_that_fails_leaves_what_is_listened_for_as_it_was(self):
        """also what is remembered of it in memory, whichever of the calls looked at it"""
        s = self.subscribe("half.done")
        listed = self.lines.ok("events.subscriptions")["items"]
        fire = {"method": "events.fire", "params": {"kind": "half.done"}}
        other = {"method": "events.fire", "params": {"kind": "other.half"}}
        fails = {"method": "quests.get", "params": {"id": "q-9"}}
        ends = {"method": "events.unsubscribe", "params": {"id": s["id"]}}
        begins = {"method": "events.subscribe", "params": {"kind": "other.*", "calls": [{"verb": "events.fire", "params": {"kind": "third.one"}}]}}
        for calls in ([ends, fire, fails], [begins, other, fails], [ends, begins, fire, other, fails]):
            self.fire("half.done")
            self.fire("other.half")
            before = self.show(s)["fired"]
            answer = self.lines.call("system.batch", {"atomic": True, "calls": calls})
            self.assertEqual(answer["error"]["data"]["code"], "not_found", answer)
            self.fire("half.done")
            self.fire("other.half")
            self.settle()
            self.assertEqual(self.show(s)["fired"], before + 1)
            self.assertEqual([x["id"] for x in self.lines.ok("events.subscriptions")["items"]], [x["id"] for x in listed])
            self.assertEqual(self.events("third.one"), [])
        self.lines.ok("system.batch", {"atomic": True, "calls": [ends, begins, fire, other]})
        self.settle()
        self.assertEqual(len(self.events("third.one")), 1)

    # ---- how often

    def test_firings_come_in_the_order_of_their_events(self):
        self.subscribe("count.up", [{"verb": "events.fire", "params": {"kind": "counted.up", "payload": {"n": "{{event.payload.n}}"}}}], max_per_minute=100000)
        for n in range(200):
            self.fire("count.up", n=n)
        self.settle()
        seen, since = [], None
        while len(seen) < 200:
            page = self.lines.ok("events.list", {"kinds": ["counted.up"], "limit": 100, **({"cursor": since} if since else {})})
            seen += [e["payload"]["n"] for e in page["items"]]
            since = page.get("next_cursor")
        self.assertEqual(seen[::-1], list(range(200)))

    def test_so_many_within_a_window_and_then_anew(self):
        s = self.subscribe("door.opened", count=3, window_s=3600)
        for n in range(1, 8):
            self.fire("door.opened")
            self.assertEqual(self.show(s)["fired"], n // 3)
            if n == 2:
                self.again()
        self.assertEqual(self.show(s)["fired"], 2)

    def test_a_cooldown_holds_over_a_restart(self):
        s = self.subscribe("bell.rang", cooldown_s=3600)
        for n in range(3):
            self.fire("bell.rang")
            self.again()
            shown = self.show(s)
            self.assertEqual((shown["fired"], shown.get("suppressed", 0)), (1, n))

    def test_count_and_cooldown_hold_together_over_a_restart(self):
        """what matches within the cooldown is suppressed, and counts"""
        s = self.subscribe("bell.rang", count=2, window_s=3600, cooldown_s=3600)
        for n, wanted in enumerate(((0, 0), (1, 0), (1, 1), (1, 2), (1, 3))):
            self.fire("bell.rang")
            if n % 2:
                self.again()
            shown = self.show(s)
            self.assertEqual((shown["fired"], shown.get("suppressed", 0)), wanted)

    def test_while_firings_are_held_matches_are_counted_all_the_same(self):
        """queues.pause holds the firings, not what decides about them"""
        self.subscribe("bell.rang", [{"verb": "events.fire", "params": {"kind": "bell.heard"}}], name="first of each hour", cooldown_s=3600)
        self.subscribe("bell.rang", [{"verb": "events.fire", "params": {"kind": "bell.twice"}}], name="each second", count=2, window_s=3600)
        self.fire("bell.rang")
        self.settle()
        self.lines.ok("queues.pause", {"name": "reactions"})
        for _ in range(4):
            self.fire("bell.rang")
        self.assertEqual([(i["fired"], i.get("suppressed", 0)) for i in self.lines.ok("events.subscriptions")["items"]], [(1, 4), (2, 0)])
        self.assertEqual((len(self.events("bell.heard")), len(self.events("bell.twice"))), (1, 0))
        self.lines.ok("queues.resume", {"name": "reactions"})
        self.settle()
        self.assertEqual((len(self.events("bell.heard")), len(self.events("bell.twice"))), (1, 2))

    def test_one_in_the_place_of_another_begins_anew(self):
        how = {"name": "bell", "cooldown_s": 3600}
        self.subscribe("bell.rang", **how)
        self.fire("bell.rang")
        self.fire("bell.rang")
        new = self.subscribe("bell.rang", replace=True, **how)
        self.fire("bell.rang")
        shown = self.show(new)
        self.assertEqual((shown["fired"], shown.get("suppressed", 0)), (1, 0))

    def test_what_is_counted_while_it_may_not_fire_stays_bounded(self):
        import sqlite3
        self.subscribe("door.opened", count=3, window_s=3600, cooldown_s=3600)
        for _ in range(20):
            self.fire("door.opened")
        self.lines.close()
        self.server.stop()
        base = sqlite3.connect(os.path.join(self.server.data, "questd.db"))
        self.assertEqual(base.execute("select count(*) from subscription_hits").fetchall(), [(3,)])
        base.close()
        self.server.start()
        self.lines = self.server.lines()

    def test_one_that_fires_too_often_is_stopped_by_name(self):
        s = self.subscribe("flood.came", max_per_minute=5, name="dam")
        for _ in range(12):
            self.fire("flood.came")
        shown = self.show(s)
        self.assertEqual(shown["state"], "stopped")
        self.assertIn("more than 5 times in a minute", shown["stop_reason"])
        stopped = self.events("subscription.stopped")
        self.assertEqual([(e["subject"], e["payload"]["name"]) for e in stopped], [(s["id"], "dam")])

    def test_two_that_lead_to_each_other_are_stopped_and_named(self):
        a = self.subscribe("ping.sent", [{"verb": "events.fire", "params": {"kind": "pong.sent"}}])
        b = self.subscribe("pong.sent", [{"verb": "events.fire", "params": {"kind": "ping.sent"}}])
        first = self.fire("ping.sent")
        self.until(lambda: self.events("subscription.stopped"), "no loop was found")
        self.settle()
        stopped = self.show(a)
        self.assertEqual((stopped["state"], self.show(b)["state"]), ("stopped", "active"))
        self.assertIn(f"({' from '.join([a['short_id'], b['short_id']] * 4 + [a['short_id']])})", stopped["stop_reason"])
        trace = self.lines.ok("events.trace", {"id": first["id"]})["items"]
        self.assertEqual([t["source_id"] for t in trace if "firing" in t], [a["short_id"], b["short_id"]] * 4)
        self.assertEqual([t["depth"] for t in trace if "firing" in t], list(range(1, 9)))
        self.fire("ping.sent")
        self.assertEqual(self.show(a)["fired"], 4)

    # ---- with whose authority

    def operator(self, name, *access):
        user = self.lines.ok("users.create", {"name": name})
        key = self.lines.ok("keys.create", {"name": name, "owner_kind": "user", "owner": user["id"], "access": list(access or ["operator"])})
        lines = self.server.lines()
        lines.ok("keys.use", {"key": key["secret"]})
        return user, key, lines

    def test_calls_are_made_and_put_on_record_as_who_subscribed(self):
        user, key, ann = self.operator("ann")
        s = self.subscribe("note.left", [{"verb": "quests.create", "params": {"subject": "{{event.payload.text}}"}}], lines=ann)
        self.assertEqual(s["created_by"], "user:" + user["id"])
        self.fire("note.left", text="Water the plants")
        self.settle()
        quest = self.lines.ok("quests.list")["items"][0]
        self.assertEqual(self.lines.ok("quests.get", {"id": quest["id"]})["created_by"], "user:" + user["id"])
        rows = self.lines.ok("audit.list", {"principal": "user:" + user["id"]})["items"]
        self.assertEqual([(r["verb"], r["outcome"], r["key"]) for r in rows if r["verb"] == "quests.create"], [("quests.create", "done", key["id"])])
        ann.close()

    def test_a_key_that_was_rotated_goes_on_and_one_that_was_revoked_stops_it(self):
        user, key, ann = self.operator("ann")
        s = self.subscribe("note.left", [{"verb": "quests.create", "params": {"subject": "x"}}], lines=ann, name="notes")
        new = self.lines.ok("keys.rotate", {"id": key["id"]})
        self.fire("note.left")
        self.settle()
        self.assertEqual(self.show(s)["failed"], 0)
        self.lines.ok("keys.revoke", {"id": new["id"], "confirm": True})
        self.lines.call("keys.revoke", {"id": key["id"], "confirm": True})
        self.assertIn("has no key any more", self.show(s)["problem"])
        fired = self.fire("note.left")
        self.until(lambda: self.events("subscription.stopped"), "it goes on")
        shown = self.show(s)
        self.assertEqual((shown["state"], shown["failed"]), ("stopped", 1))
        self.assertIn("denied", shown["stop_reason"])
        failed = [t for t in self.lines.ok("events.trace", {"id": fired["id"]})["items"] if "firing" in t]
        self.assertEqual([(t["state"], t["error_code"], t["by"]) for t in failed], [("failed", "denied", "user:" + user["id"])])
        self.assertEqual(len(self.lines.ok("quests.list")["items"]), 1)
        denied = self.lines.ok("audit.list", {"principal": "user:" + user["id"]})["items"]
        self.assertIn(("quests.create", "denied"), [(r["verb"], r["outcome"]) for r in denied])
        ann.close()

    def test_a_subscriber_who_was_deleted_is_named(self):
        user, _, ann = self.operator("bob")
        s = self.subscribe("note.left", [{"verb": "quests.create", "params": {"subject": "x"}}], lines=ann)
        ann.close()
        self.assertNotIn("problem", self.show(s))
        self.lines.ok("users.delete", {"id": user["id"], "confirm": True})
        self.assertIn("user:" + user["id"], self.show(s)["problem"])
        self.fire("note.left")
        self.until(lambda: self.show(s)["state"] == "stopped", "it goes on")
        self.assertEqual(self.lines.ok("quests.list")["items"], [])

    def test_nobody_subscribes_to_more_than_he_may_nor_ends_anothers(self):
        _, _, ann = self.operator("ann")
        mine = self.subscribe("a.b")
        answer = ann.call("events.subscribe", {"kind": "a.b", "calls": [{"verb": "users.create", "params": {"name": "eve"}}]})
        self.assertEqual(answer["error"]["data"]["code"], "denied")
        self.assertEqual(answer["error"]["data"]["field"], "calls[0].verb")
        self.assertEqual(ann.call("events.unsubscribe", {"id": mine["short_id"]})["error"]["data"]["code"], "denied")
        self.subscribe("a.c", name="taken")
        taken = ann.call("events.subscribe", {"kind": "a.b", "calls": PING, "name": "taken", "replace": True})
        self.assertEqual(taken["error"]["data"]["code"], "name_taken")
        ann.close()

    # ---- what goes wrong

    def test_a_call_that_fails_is_tried_again_as_its_policy_says_and_may_be_requeued(self):
        s = self.subscribe("try.it", [{"verb": "quests.close", "params": {"id": "{{event.subject}}", "kind": "cancelled", "summary": "no need", "override": True}}],
                           retry={"kind": "fixed", "initial_ms": 1, "max_attempts": 3})
        self.fire("try.it", "q-1")
        self.until(lambda: self.show(s)["failed"] == 1, "it did not fail")
        task = self.lines.ok("tasks.list", {"queue": "reactions"})["items"][0]
        whole = self.lines.ok("tasks.get", {"id": task["short_id"]})
        self.assertEqual((whole["state"], whole["attempt"], whole["error_code"]), ("failed", 3, "not_found"))
        self.lines.ok("quests.create", {"subject": "here now"})
        self.lines.ok("tasks.requeue", {"id": task["short_id"]})
        self.until(lambda: self.lines.ok("tasks.get", {"id": task["short_id"]})["state"] == "completed", "it was not tried again")
        self.assertEqual(self.lines.ok("quests.get", {"id": "q-1"})["status"], "cancelled")

    def test_a_trace_says_what_each_call_gave_and_which_failed(self):
        """and the firing's task all of it"""
        ping = {"verb": "system.ping"}
        quest = {"verb": "quests.create", "params": {"subject": "made"}}
        self.subscribe("try.it", [quest, ping, {"verb": "events.fire", "params": {"kind": "it.made", "payload": {"quest": "{{calls.0.short_id}}"}}}], name="good")
        self.subscribe("try.it", [quest, ping, {"verb": "quests.update", "params": {"id": "q-99", "subject": "x"}}], name="bad")
        fired = self.fire("try.it")
        self.settle()
        good, bad = [t for t in self.lines.ok("events.trace", {"id": fired["id"]})["items"] if "firing" in t]
        told = self.events("it.made")[0]
        self.assertEqual((good["state"], good["gave"]), ("completed", ["q-1", "", told["id"]]))
        self.assertEqual((bad["state"], bad["error_code"], "gave" in bad), ("failed", "not_found", False))
        self.assertEqual(bad["error_message"], "calls[2] quests.update: no quest 'q-99'")
        made = self.lines.ok("tasks.get", {"id": good["firing"]})["result"]["calls"]
        self.assertEqual([(c["verb"], c["result"].get("short_id")) for c in made], [("quests.create", "q-1"), ("system.ping", None), ("events.fire", None)])
        failed = self.lines.ok("tasks.get", {"id": bad["firing"]})
        self.assertEqual([(e["attempt"], e["code"], e["message"]) for e in failed["errors"]], [(1, "not_found", bad["error_message"])])

    def test_what_is_filled_in_adds_no_structure(self):
        nasty = '"},"priority":"high","x":{"y":"{{event.id}}\u2028\n\\'
        self.subscribe("free.text", [{"verb": "events.fire", "params": {"kind": "said.it", "payload": {"all": "{{event.payload.t}}", "part": "<{{event.payload.t}}>"}}}])
        self.fire("free.text", t=nasty)
        said = self.until(lambda: self.events("said.it"), "nothing came")[0]["payload"]
        self.assertEqual(said, {"all": nasty, "part": f"<{nasty}>"})

    def test_calls_that_hand_something_out_are_refused(self):
        """a firing's results are there for all to read: no key, no token, nobody's mail"""
        for verb in ("keys.create", "keys.rotate", "hooks.create", "hooks.rotate", "credentials.ingest", "quests.claim", "tasks.claim", "mailboxes.receive"):
            answer = self.lines.call("events.subscribe", {"kind": "wanted.it", "calls": [{"verb": verb, "params": {}}]})
            fields = answer["error"]["data"]["fields"]
            self.assertIn(("calls[0].verb", verb), [(f["field"], f["got"]) for f in fields], answer)

    def test_firings_that_wait_outlive_the_server(self):
        self.subscribe("keep.it", [{"verb": "quests.create", "params": {"subject": "{{event.subject}}"}}])
        self.fire("keep.it", "first")
        self.settle()
        self.lines.ok("queues.pause", {"name": "reactions"})
        for n in range(5):
            self.fire("keep.it", f"kept {n}")
        self.again()
        self.assertEqual(len(self.lines.ok("quests.list")["items"]), 1)
        self.lines.ok("queues.resume", {"name": "reactions"})
        self.settle()
        self.assertEqual({q["subject"] for q in self.lines.ok("quests.list")["items"]}, {"first", *(f"kept {n}" for n in range(5))})

    def test_a_full_queue_keeps_events_until_there_is_room(self):
        self.subscribe("keep.it", [{"verb": "events.fire", "params": {"kind": "kept.it"}}])
        self.lines.ok("queues.update", {"name": "reactions", "max_pending": 2})
        self.lines.ok("queues.pause", {"name": "reactions"})
        for _ in range(6):
            self.fire("keep.it")
        self.again()
        self.lines.ok("queues.resume", {"name": "reactions"})
        self.until(lambda: len(self.events("kept.it")) == 6, "some were lost")

    # ---- the outbox it stands on

    def test_ik_m13_an_event_never_changes(self):
        """ik-M13: no verb changes or removes one, and the database refuses it of anybody."""
        import sqlite3
        fired = self.fire("stone.set", "here", n=1)
        verbs = [v["name"] for v in self.lines.ok("verbs.list")["items"] if v["name"].startswith("events.")]
        self.assertEqual(set(verbs), {"events.fire", "events.follow", "events.list", "events.poll", "events.subscribe", "events.subscriptions",
                                      "events.trace", "events.unsubscribe"})
        self.lines.close()
        self.server.stop()
        base = sqlite3.connect(os.path.join(self.server.data, "questd.db"))
        for change in ("kind = 'x'", "payload = '{}'", "seq = 99"):
            with self.assertRaisesRegex(sqlite3.Error, "events.never_change"):
                base.execute(f"update events set {change}")
        base.close()
        self.server.start()
        self.lines = self.server.lines()
        self.assertEqual(self.events("stone.set"), [fired])

    def test_ik_m9_each_way_of_not_being_able_to_resume_is_told_apart(self):
        """ik-M9"""
        fired = self.fire("a.b")
        generation, seq = fired["id"].split(".")
        said = {}
        for name, since in {"garbage": "x", "another generation": f"other.{seq}", "ahead": f"{generation}.{int(seq) + 9}"}.items():
            error = self.lines.call("events.poll", {"since": since})["error"]
            self.assertEqual(error["data"]["code"], "cursor_invalid")
            said[name] = error["message"].replace(since, "")
        self.assertEqual(len(set(said.values())), 3, said)
        self.lines.close()
        self.server.stop()
        self.prune(int(seq))
        self.server.start()
        self.lines = self.server.lines()
        self.fire("a.c")
        error = self.lines.call("events.poll", {"since": f"{generation}.0"})["error"]
        self.assertEqual((error["data"]["code"], error["data"]["floor"]), ("cursor_expired", f"{generation}.{int(seq) + 1}"))
        self.assertIn(f"events up to {seq} are gone", error["message"])

    def prune(self, seq):
        import sqlite3
        base = sqlite3.connect(os.path.join(self.server.data, "questd.db"))
        base.execute("delete from events where seq <= ?", (seq,))
        base.commit()
        base.close()


if __name__ == "__main__":
    unittest.main()
