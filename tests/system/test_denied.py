# SPDX-License-Identifier: Apache-2.0
"""What each verb refuses by itself, beyond access roles, scopes and grants: its schema names `denied`, and it is
answered. That no other verb does so is looked at wherever tests call one (questd.check_named)."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

EVE = [{"verb": "users.create", "params": {"name": "eve"}}]  # a call that none of them may make
PING = [{"verb": "system.ping"}]


class Denied(unittest.TestCase):
    def setUp(self):
        self.server = questd.Server()
        self.owner = self.server.lines()
        self.open = [self.owner]
        for name in ("me", "admin", "theirs"):
            self.owner.ok("agents.spawn", {"name": name, "grants": {"may_spawn": True, "depth": 1, "children": 1}})
        self.owner.ok("roles.create", {"title": "Theirs", "type": "director", "occupant": "theirs"})
        self.me = self.lines("agent", "me", "operator", "agent_admin")
        self.admin = self.lines("agent", "admin", "workflow_admin")
        self.keeper = self.lines("platform", "keeper", "org_admin", scopes=["keys.*"])
        self.wide = self.key("platform", "wide", "org_admin")["id"]

    def tearDown(self):
        for lines in self.open:
            lines.close()
        self.server.__exit__()

    def key(self, kind, owner, *access, **more):
        return self.owner.ok("keys.create", {"name": "k", "owner_kind": kind, "owner": owner, "access": list(access), **more})

    def lines(self, kind, owner, *access, **more):
        lines = self.server.lines()
        self.open.append(lines)
        lines.ok("keys.use", {"key": self.key(kind, owner, *access, **more)["secret"]})
        return lines

    def held(self, lines, verb, params):
        has = lines.ok(verb, params)
        has = has["items"][0] if "items" in has else has
        return {"id": has["id"], "attempt": has["attempt"], "token": has["token"]}

    def refused(self):
        """verb -> who calls it, with what; all of it is theirs."""
        me, admin = self.me, self.admin
        quest = self.owner.ok("quests.create", {"subject": "theirs", "assignee": "theirs"})["short_id"]
        claim = self.held(self.owner, "quests.claim", {"id": quest, "agent": "theirs"})
        self.owner.ok("message_to", {"to": quest, "text": "whoever reads the quest reads this"})
        about = self.owner.ok("sessions.list")["items"][0]["short_id"]
        self.owner.ok("mailboxes.create", {"name": "box", "owner": "agent:theirs"})
        self.owner.ok("schedules.create", {"name": "daily", "cron": "@daily", "calls": PING})
        self.owner.ok("events.subscribe", {"name": "bell", "kind": "bell.rang", "calls": PING})
        self.owner.ok("hooks.create", {"name": "bell", "kind": "github"})
        self.owner.ok("channels.upsert", {"name": "chat", "kind": "webhook", "who": "theirs"})
        self.owner.ok("queues.update", {"name": "q", "max_pending": 9})
        me.ok("tasks.create", {"queue": "q"})
        task = self.held(me, "tasks.claim", {"queue": "q"})
        mine = me.ok("sessions.create", {"title": "mine"})["short_id"]
        idea = me.ok("ideas.store", {"name": "mine", "content": "x"})["id"]
        domain = {"scope": "domain", "owner": "theirs"}
        role, yes, id_ = {"id": "r-1"}, {"confirm": True}, {"id": task["id"]}
        return {
            "agents.spawn": (me, {"name": "x", "parent": "theirs"}),
            "agents.update": (me, {"id": "theirs", "instructions": "x"}),
            "agents.delete": (me, {"id": "theirs", **yes}),
            "roles.create": (me, {"title": "x", "type": "director"}),
            "roles.update": (me, {**role, "title": "x"}),
            "roles.delete": (me, {**role, **yes}),
            "roles.assign": (me, {**role, "occupant": "me"}),
            "roles.unassign": (me, role),
            "quests.create": (me, {"subject": "x", "parent": quest}),
            "quests.assign": (me, {"id": quest, "assignee": "me"}),
            "quests.claim": (me, {"agent": "theirs"}),
            "quests.heartbeat": (me, claim),
            "quests.release": (me, claim),
            "quests.close": (me, {**claim, "kind": "done", "summary": "x"}),
            "quests.update": (me, {"id": quest, "subject": "x"}),
            "queues.pause": (me, {"name": "q"}),
            "queues.resume": (me, {"name": "q"}),
            "queues.update": (me, {"name": "q", "max_pending": 1}),
            "tasks.requeue": (me, {"id": me.ok("tasks.create", {"queue": "later", "approval": True})["id"]}),
            "tasks.approve": (me, {**id_, "decision": "approve"}),
            "tasks.review": (me, {**id_, "decision": "accept"}),
            "tasks.answer": (me, {**id_, "question_id": task["id"], "answer": "x"}),
            "tasks.complete": (me, {**task, "message": {"to": mine, "text": "x", "from": "theirs"}}),
            "ideas.store": (me, {"name": "x", "content": "x", **domain}),
            "ideas.update": (me, {"id": idea, **domain}),
            "mailboxes.create": (me, {"name": "x", "owner": "agent:theirs"}),
            "mailboxes.receive": (me, {"id": "box"}),
            "mailboxes.ack": (me, {"id": "box", "receipts": ["1-x"]}),
            "mailboxes.delete": (me, {"id": "box", **yes}),
            "schedules.create": (me, {"name": "x", "cron": "@daily", "calls": EVE}),
            "schedules.update": (me, {"id": "daily", "cron": "@hourly"}),
            "schedules.run": (me, {"id": "daily"}),
            "schedules.delete": (me, {"id": "daily", **yes}),
            "events.subscribe": (me, {"kind": "bell.rang", "calls": EVE}),
            "events.unsubscribe": (me, {"id": "bell"}),
            "hooks.rotate": (admin, {"id": "bell"}),
            "hooks.delete": (admin, {"id": "bell", **yes}),
            "channels.upsert": (admin, {"name": "chat", "allowed": ["c"]}),
            "channels.enable": (admin, {"id": "chat"}),
            "channels.test": (admin, {"id": "chat"}),
            "channels.delete": (admin, {"id": "chat", **yes}),
            "message_to": (me, {"to": mine, "text": "x", "from": "theirs"}),
            "mention": (me, {"session": mine, "who": "theirs"}),
            "add_participant": (me, {"session": mine, "who": "theirs"}),
            "sessions.create": (me, {"participants": ["theirs"]}),
            "sessions.fork": (me, {"id": mine, "participants": ["theirs"]}),
            "sessions.close": (me, {"id": about}),
            "inbox.list": (me, {"whose": "theirs"}),
            "inbox.answer": (me, {"id": mine, "text": "x", "from": "theirs"}),
            "inbox.dismiss": (me, {"id": mine, "whose": "theirs"}),
            "credentials.list": (me, {}),
            "credentials.lookup": (me, {"name": "X"}),
            "keys.create": (self.owner, {"name": "x", "owner_kind": "agent", "owner": "me", "access": ["org_admin"]}),
            "keys.rotate": (self.keeper, {"id": self.wide}),
            "system.why_denied": (me, {"verb": "quests.close", "key": self.wide}),
        }

    def test_each_verb_that_refuses_by_itself_says_so_and_does(self):
        refused = self.refused()
        self.assertEqual(set(refused), {name for name, v in questd.verbs().items() if "denied" in v["errors"]})
        for verb, (lines, params) in refused.items():
            answer = lines.call(verb, params)
            with self.subTest(verb=verb):
                self.assertTrue(questd.refuses_itself(answer), answer)


if __name__ == "__main__":
    unittest.main()
