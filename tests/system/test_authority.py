# SPDX-License-Identifier: Apache-2.0
"""On what a caller may act: agents with identities of their own, seats and what lies below them, and what is
kept on record of it all."""
import json
import os
import random
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402


EXPECT = json.load(open(os.path.join(questd.BUILD, "schemas/expect.json")))
VERBS = EXPECT["verbs"]


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code")


class Company(unittest.TestCase):
    def setUp(self):
        self.server = questd.Server()
        self.owner = self.server.lines()
        self.open = []

    def tearDown(self):
        for lines in [self.owner, *self.open]:
            lines.close()
        self.server.__exit__()

    def lines(self, owner_kind, owner, *access, **more):
        key = self.owner.ok("keys.create", {"name": "test", "owner_kind": owner_kind, "owner": owner, "access": list(access),
                                            "reads_per_minute": 1000000, "writes_per_minute": 1000000, **more})
        lines = self.server.lines()
        lines.ok("keys.use", {"key": key["secret"]})
        self.open.append(lines)
        return lines

    def agent(self, name, *access, grants=None, **more):
        params = {"name": name, **more, **({"grants": grants} if grants else {})}
        self.owner.ok("agents.spawn", params)
        return self.lines("agent", name, *(access or ["operator"]))

    def denied(self, lines, method, params, field=None):
        answer = lines.call(method, params)
        self.assertEqual(code_of(answer), "denied", (method, params, answer))
        if field:
            self.assertEqual(answer["error"]["data"].get("field"), field)
        return answer["error"]["data"]

    # ---- agents

    def test_tm_authz_04_an_agent_does_not_touch_the_quests_of_others(self):
        """TM-AUTHZ-04: whatever it knows of them, their token even."""
        ann, bob = self.agent("ann"), self.agent("bob")
        mine = self.owner.ok("quests.create", {"subject": "ann's", "assignee": "ann"})
        theirs = self.owner.ok("quests.create", {"subject": "bob's", "assignee": "bob"})
        free = self.owner.ok("quests.create", {"subject": "anybody's"})
        for method, params in (("quests.close", {"kind": "done", "summary": "x"}), ("quests.update", {"subject": "x"}),
                               ("quests.assign", {"assignee": "ann"})):
            for quest in (theirs, free):
                said = self.denied(ann, method, {"id": quest["id"], **params}, "id")
                self.assertEqual(said["gate"], "authority")
            missing = ann.call(method, {"id": "q-999", **params})
            self.assertEqual(code_of(missing), "not_found")
        claim = bob.ok("quests.claim", {"id": theirs["id"]})
        self.denied(ann, "quests.close", {"id": theirs["id"], "kind": "done", "summary": "x",
                                          "attempt": claim["attempt"], "token": claim["token"]})
        self.assertEqual(ann.ok("quests.claim")["id"], mine["id"])
        self.assertEqual(self.owner.ok("quests.get", {"id": theirs["id"]})["status"], "in_progress")
        why = ann.ok("system.why_denied", {"verb": "quests.close", "target": theirs["id"]})
        self.assertEqual([i["gate"] for i in why["items"]], ["authority"])

    def test_tm_authz_04_who_lost_a_quest_hears_that_the_attempt_has_ended(self):
        """TM-AUTHZ-04: as long as nobody has it, and when another agent has; and it gets nothing else by that."""
        ann, bob, cy = self.agent("ann"), self.agent("bob"), self.agent("cy")
        quest = self.owner.ok("quests.create", {"subject": "anybody's"})
        had = ann.ok("quests.claim", {"id": quest["id"]})
        proof = {"id": quest["id"], "attempt": had["attempt"], "token": had["token"]}
        spoken = (("quests.heartbeat", proof), ("quests.release", proof), ("quests.close", {**proof, "kind": "done", "summary": "x"}),
                  ("quests.close", {"id": quest["id"], "kind": "done", "summary": "x"}))
        self.owner.ok("quests.close", {"id": quest["id"], "kind": "handoff", "summary": "on", "override": True})
        self.owner.ok("quests.assign", {"id": quest["id"], "assignee": "bob"})
        for taker in (None, bob):
            has = taker and taker.ok("quests.claim", {"id": quest["id"]})
            for method, params in spoken if taker else spoken[:3]:
                said = ann.call(method, params)
                self.assertEqual(code_of(said), "stale_attempt", said)
                self.assertEqual(code_of(cy.call(method, params)), "denied")
        for method, params in (("quests.update", {"subject": "x"}), ("quests.assign", {"assignee": "ann"})):
            self.denied(ann, method, {"id": quest["id"], **params}, "id")
        why = ann.ok("system.why_denied", {"verb": "quests.close", "target": quest["short_id"]})
        self.assertEqual(why["items"][0]["reason"], f"its attempt of '{quest['short_id']}' has ended")
        bob.ok("quests.close", {**proof, "attempt": has["attempt"], "token": has["token"], "kind": "done", "summary": "x"})
        self.assertEqual(code_of(ann.call("quests.close", spoken[2][1])), "stale_attempt")

    def test_an_agent_reads_the_ideas_of_its_own_domain_and_nobody_elses(self):
        ann, bob = self.agent("ann"), self.agent("bob")
        me = ann.ok("principals.me")["id"].removeprefix("agent:")
        idea = ann.ok("ideas.store", {"name": "key", "content": "where the spare key lies", "scope": "domain", "owner": me})
        for reader, n in ((ann, 1), (bob, 0), (self.owner, 1)):
            self.assertEqual("result" in reader.call("ideas.get", {"id": idea["id"]}), n == 1)
            for method, params in (("ideas.list", {"owner": me}), ("ideas.search", {"query": "spare key"})):
                self.assertEqual([i["id"] for i in reader.ok(method, params)["items"]], [idea["id"]] * n, method)
        ann.ok("message_to", {"to": idea["id"], "text": "it has moved"})
        self.assertEqual(code_of(bob.call("message_to", {"to": idea["id"], "text": "has it?"})), "not_found")

    def test_an_agents_own_ideas_are_written_by_it_and_who_is_over_it(self):
        victim, bob = self.agent("victim"), self.agent("bob")
        me, his = (who.ok("principals.me")["id"].removeprefix("agent:") for who in (victim, bob))
        plan = {"name": "Plan", "scope": "domain", "owner": me}
        idea = victim.ok("ideas.store", {**plan, "content": "private"})
        own = bob.ok("ideas.store", {**plan, "content": "bob's", "owner": his})
        worker = self.server.lines()
        worker.ok("keys.use", {"key": self.owner.ok("keys.create", {
            "name": "k", "owner_kind": "worker", "owner": "w", "access": ["operator"]})["secret"]})
        for who in (bob, worker):
            for name in ("Plan", "PLAN", "Free"):
                self.denied(who, "ideas.store", {**plan, "name": name, "content": "pwned"}, "owner")
        for name in ("Plan", "Free"):
            self.denied(bob, "ideas.update", {"id": own["id"], "owner": me, "name": name}, "owner")
        self.assertEqual(code_of(bob.call("ideas.update", {"id": idea["id"], "content": "pwned"})), "not_found")
        for who in (bob, self.owner):
            said = who.call("ideas.store", {**plan, "owner": "nobody", "content": "x"})
            self.assertEqual((code_of(said), said["error"]["data"]["field"]), ("not_found", "owner"), said)
        lead = self.agent("lead")
        self.owner.ok("roles.create", {"title": "Lead", "type": "operational", "occupant": "lead"})
        self.owner.ok("roles.create", {"title": "Hand", "type": "operational", "parents": ["r-1"], "occupant": "victim"})
        lead.ok("ideas.store", {**plan, "name": "Advice", "content": "rest"})
        self.assertEqual(victim.ok("ideas.get", {"id": "Advice"})["content"], "rest")
        mine = lead.ok("ideas.store", {"name": "Common", "content": "x"})
        for method, params in (("ideas.store", {**plan, "content": "x"}), ("ideas.store", {**plan, "name": "PLAN", "content": "x"}),
                               ("ideas.update", {**plan, "id": mine["id"]})):
            said = lead.call(method, params)
            self.assertEqual(code_of(said), "name_taken", said)
            self.assertNotIn(idea["id"], str(said), "what it does not read is not told")
        self.assertEqual(victim.ok("ideas.get", {"id": "Plan"})["content"], "private")
        said = [e for e in bob.ok("events.list", {"limit": 200})["items"] if e["subject"] == idea["id"]]
        self.assertEqual([e.get("payload", {}) for e in said], [{}], "an event of it says its id alone")

    def test_what_runs_with_the_owners_authority_is_not_workflow_admins(self):
        self.owner.ok("schedules.create", {"name": "own", "cron": "@daily", "calls": [{"verb": "users.create", "params": {"name": "x"}}]})
        self.owner.ok("events.subscribe", {"name": "bell", "kind": "bell.rang", "calls": [{"verb": "system.ping"}]})
        self.owner.ok("hooks.create", {"name": "h", "kind": "github"})
        self.owner.ok("users.create", {"name": "cy"})
        admins = [self.lines(kind, name, "workflow_admin") for kind, name in (("user", "cy"), ("worker", "w"), ("platform", "p"))]
        for admin in [*admins, self.agent("wfx", "workflow_admin")]:
            for method, params in (("schedules.run", {"id": "own"}), ("schedules.update", {"id": "own", "enabled": False}),
                                   ("schedules.delete", {"id": "own", "confirm": True}), ("events.unsubscribe", {"id": "bell"}),
                                   ("hooks.delete", {"id": "h", "confirm": True})):
                self.assertEqual(code_of(admin.call(method, params)), "denied", method)
        self.assertEqual([u["name"] for u in self.owner.ok("users.list")["items"]], ["cy"])

    def test_turns_are_an_agents_own(self):
        robot = self.agent("robot")
        self.owner.ok("message_to", {"to": "robot", "text": "hello"})
        other, worker = self.lines("platform", "p", "operator"), self.lines("worker", "w", "workflow_admin")
        for who in (other, worker):
            self.assertEqual(code_of(who.call("tasks.claim", {"queue": "agent.turns"})), "conflict")
        me = robot.ok("principals.me")["id"]
        for who in (other, worker, robot, self.owner):
            self.assertEqual(code_of(who.call("tasks.create", {"queue": "agent.turns", "tags": [me]})), "conflict")
        turn = robot.ok("tasks.claim", {"queue": "agent.turns"})["items"][0]
        self.assertEqual(code_of(robot.call("tasks.complete", {
            "id": turn["id"], "attempt": 1, "token": turn["token"], "next_task": {"tags": [me]}})), "conflict")

    def test_a_name_that_is_taken_is_shown_as_it_is_written_there(self):
        at = {"cron": "@daily", "calls": [{"verb": "system.ping"}]}
        for create, params, what in (("agents.spawn", {}, "an agent"), ("users.create", {}, "a person"), ("mailboxes.create", {}, "a mailbox"),
                                     ("schedules.create", at, "a schedule"), ("hooks.create", {"kind": "hmac"}, "a hook")):
            name = "taken" if what == "a hook" else "Taken-One"  # a hook's is in lower case
            there = self.owner.ok(create, {"name": name, **params})
            said = self.owner.call(create, {"name": name.replace("Taken-One", "tAKEN-oNE"), **params})
            self.assertEqual(code_of(said), "name_taken", said)
            self.assertEqual(said["error"]["message"], f"there is {what} '{name}' already")
            self.assertEqual(said["error"]["data"]["id"], there["id"])

    def test_54_an_agent_claims_as_itself_only(self):
        ann, _ = self.agent("ann"), self.agent("bob")
        self.owner.ok("quests.create", {"subject": "bob's", "assignee": "bob"})
        self.denied(ann, "quests.claim", {"agent": "bob"}, "agent")
        self.assertEqual(code_of(ann.call("quests.claim")), "not_found")
        self.owner.ok("quests.create", {"subject": "anybody's"})
        self.assertEqual(ann.ok("quests.claim")["assignee"], "ann")

    def test_tm_authz_04_grants_are_checked_on_every_call(self):
        ann = self.agent("ann", grants={"tools_allow": ["quests.*"], "tools_deny": ["quests.assign"]})
        self.assertIn("items", ann.ok("quests.list"))
        quest = ann.ok("quests.create", {"subject": "x"})
        said = self.denied(ann, "ideas.store", {"name": "x", "content": "x"})
        self.assertEqual((said["gate"], said["needs"]), ("grant", ["ideas.store"]))
        self.denied(ann, "quests.assign", {"id": quest["id"], "assignee": "ann"})
        why = ann.ok("system.why_denied", {"verb": "ideas.store"})
        self.assertEqual([i["gate"] for i in why["items"]], ["grant"])
        # wider from the next call on, and narrower; a tools/list follows
        self.owner.ok("agents.update", {"id": "ann", "grants": {"tools_allow": ["ideas.*"]}})
        ann.ok("ideas.store", {"name": "x", "content": "x"})
        self.denied(ann, "quests.list", {})
        tools = [t["name"] for t in ann.call("tools/list", {"_meta": questd.META})["result"]["tools"]]
        self.assertIn("ideas_store", tools)
        self.assertNotIn("quests_list", tools)

    def test_tm_authz_04_a_paused_agent_does_nothing_and_a_retired_one_is_unknown(self):
        ann = self.agent("ann")
        self.owner.ok("agents.update", {"id": "ann", "status": "paused"})
        self.assertEqual(self.denied(ann, "quests.list", {})["gate"], "status")
        self.assertEqual(ann.ok("system.why_denied", {"verb": "quests.list"})["items"][0]["gate"], "status")
        self.owner.ok("agents.delete", {"id": "ann", "confirm": True})
        with self.assertRaises(EOFError):
            ann.read()

    def test_tm_authz_04_an_agent_is_never_org_admin_and_never_acts_as_the_server(self):
        self.owner.ok("agents.spawn", {"name": "ann"})
        answer = self.owner.call("keys.create", {"name": "x", "owner_kind": "agent", "owner": "ann", "access": ["org_admin"]})
        self.assertEqual(code_of(answer), "denied")
        ann = self.lines("agent", "ann", "agent_admin", "operator")
        self.denied(ann, "agents.update", {"id": "ann", "grants": {"may_spawn": True, "depth": 9, "children": 9}})
        quest = self.owner.ok("quests.create", {"subject": "x", "assignee": "ann"})
        self.owner.ok("quests.claim", {"id": quest["id"], "agent": "ann"})
        self.assertEqual(code_of(ann.call("quests.close", {"id": quest["id"], "kind": "done", "summary": "x", "override": True})),
                         "denied")

    def test_tm_authz_03_a_key_is_never_more_than_its_maker_s_whatever_its_agent_is_doing(self):
        """TM-AUTHZ-03: paused or with few grants now, an agent may have more tomorrow, with the key that it got today."""
        self.owner.ok("users.create", {"name": "ann"})
        lim = self.lines("user", "ann", "org_admin", scopes=["keys.*"])
        few = {"tools_allow": ["quests.list"]}
        for name, change in (("active", None), ("paused", {"status": "paused"}), ("bound", {"grants": few})):
            self.owner.ok("agents.spawn", {"name": name})
            if change:
                self.owner.ok("agents.update", {"id": name, **change})
            wide = {"name": "e", "owner_kind": "agent", "owner": name, "access": ["workflow_admin"]}
            self.denied(lim, "keys.create", wide, "access")
            there = self.owner.ok("keys.create", wide)
            self.denied(lim, "keys.rotate", {"id": there["id"]}, "access")
            lim.ok("keys.create", {**wide, "scopes": ["keys.list"]})

    def test_tm_authz_04_an_agent_does_not_make_the_quest_of_others_wait(self):
        """TM-AUTHZ-04: by a required child; who made it, has it or is over who does may, and optional ones are everybody's."""
        ann, bob = self.agent("ann"), self.agent("bob")
        parent = self.owner.ok("quests.create", {"subject": "ann's", "assignee": "ann"})["short_id"]
        had = ann.ok("quests.claim", {"id": parent})
        self.assertEqual(self.denied(bob, "quests.create", {"subject": "x", "parent": parent}, "parent")["gate"], "authority")
        child = bob.ok("quests.create", {"subject": "x", "parent": parent, "required": False})
        self.denied(bob, "quests.update", {"id": child["id"], "required": True}, "required")
        self.denied(bob, "quests.update", {"id": bob.ok("quests.create", {"subject": "y"})["id"], "parent": parent}, "parent")
        part = ann.ok("quests.create", {"subject": "a part", "parent": parent})
        close = {"id": parent, "kind": "done", "summary": "x", "attempt": had["attempt"], "token": had["token"]}
        self.assertEqual(code_of(ann.call("quests.close", close)), "conflict")
        ann.ok("quests.update", {"id": part["id"], "required": False})
        ann.ok("quests.close", close)
        own = bob.ok("quests.create", {"subject": "bob made it", "assignee": "ann"})
        bob.ok("quests.create", {"subject": "x", "parent": own["id"]})

    def test_t10_spawning_stops_at_its_depth_and_its_number(self):
        """TM-AUTHZ-03: an agent spawns below itself, as deep and as many as its grants say."""
        grants = {"may_spawn": True, "depth": 2, "children": 2, "money_micros": 1000}
        lead = self.agent("lead", "agent_admin", grants=grants)
        child = lead.ok("agents.spawn", {"name": "child", "grants": {"may_spawn": True, "depth": 1, "children": 1, "money_micros": 400}})
        self.assertEqual(child["parent"], self.owner.ok("agents.get", {"id": "lead"})["id"])
        lead.ok("agents.spawn", {"name": "second"})
        self.assertEqual(code_of(lead.call("agents.spawn", {"name": "third"})), "conflict")
        kid = self.lines("agent", "child", "agent_admin")
        self.denied(kid, "agents.spawn", {"name": "wider", "grants": {"money_micros": 401}})
        kid.ok("agents.spawn", {"name": "grandchild"})
        grandchild = self.lines("agent", "grandchild", "agent_admin")
        self.denied(grandchild, "agents.spawn", {"name": "too deep"})
        self.denied(kid, "agents.spawn", {"name": "aside", "parent": "second"}, "parent")
        lead.ok("agents.update", {"id": "grandchild", "instructions": "below me, at any depth"})
        self.denied(kid, "agents.update", {"id": "second", "instructions": "beside me"})

    def test_tm_authz_03_effective_rights_never_grow_on_the_way_down(self):
        """Random trees of grants: whatever a child may call its parent may."""
        chance = random.Random(7)
        verbs = ["quests.*", "ideas.*", "quests.list", "ideas.get", "agents.*", "*"]
        names = []
        for i in range(40):
            parent = chance.choice(names) if names and chance.random() < 0.8 else None
            grants = {"may_spawn": True, "depth": chance.randrange(4), "children": 5}
            if chance.random() < 0.7:
                grants["tools_allow"] = chance.sample(verbs, chance.randrange(1, 4))
            if chance.random() < 0.4:
                grants["tools_deny"] = chance.sample(verbs[:4], 1)
            answer = self.owner.call("agents.spawn", {"name": f"a{i}", "grants": grants, **({"parent": parent} if parent else {})})
            if "result" in answer:
                names.append(f"a{i}")
        agents = {a["id"]: a for a in (self.owner.ok("agents.get", {"id": n}) for n in names)}
        self.assertTrue(any(a.get("parent") for a in agents.values()))
        keys = {i: self.owner.ok("keys.create", {"name": "x", "owner_kind": "agent", "owner": i, "access": ["agent_admin", "operator"]})["id"]
                for i in agents}

        def may(id_, verb):
            return self.owner.ok("system.why_denied", {"verb": verb, "key": keys[id_]})["allowed"]
        for id_, a in agents.items():
            for verb in ("quests.list", "quests.get", "ideas.get", "ideas.store", "agents.list", "events.list"):
                if a.get("parent") and may(id_, verb):
                    self.assertTrue(may(a["parent"], verb), (a["name"], verb))

    # ---- seats

    def test_authority_is_what_lies_below_a_seat(self):
        for name in ("ann", "bob"):
            self.owner.ok("users.create", {"name": name})
        for title, kind, parents, who in (("Director", "director", [], "ann"), ("Research", "operational", ["r-1"], "bob"),
                                          ("Tests", "operational", ["r-1"], None), ("Desk", "operational", ["r-2"], None)):
            self.owner.ok("roles.create", {"title": title, "type": kind, "parents": parents, **({"occupant": who} if who else {})})
        ann, bob = self.lines("user", "ann", "agent_admin"), self.lines("user", "bob", "agent_admin")
        self.owner.ok("agents.spawn", {"name": "robot"})
        self.owner.ok("agents.spawn", {"name": "tester"})
        self.denied(bob, "roles.assign", {"id": "r-3", "occupant": "tester"}, "id")
        self.denied(bob, "roles.update", {"id": "r-1", "title": "Mine"}, "id")
        self.denied(bob, "roles.update", {"id": "r-2", "title": "Mine"}, "id")
        self.denied(bob, "roles.create", {"title": "Top", "type": "director"}, "parents")
        self.denied(bob, "roles.create", {"title": "Aside", "type": "advisor", "parents": ["r-3"]}, "parents")
        self.denied(bob, "agents.update", {"id": "robot", "instructions": "x"}, "id")
        self.denied(bob, "roles.assign", {"id": "r-4", "occupant": "robot"}, "occupant")
        self.owner.ok("roles.assign", {"id": "r-4", "occupant": "robot"})
        bob.ok("agents.update", {"id": "robot", "instructions": "you are mine now"})
        bob.ok("roles.create", {"title": "Bench", "type": "operational", "parents": ["r-2"]})
        self.denied(ann, "roles.assign", {"id": "r-3", "occupant": "tester"}, "occupant")
        ann.ok("roles.assign", {"id": "r-3", "occupant": "robot"})
        ann.ok("agents.update", {"id": "robot", "instructions": "and mine"})
        self.denied(bob, "agents.update", {"id": "tester", "instructions": "x"})
        self.assertEqual([r["short_id"] for r in bob.ok("principals.me")["roles"]], ["r-2"])
        # whoever leaves the seat leaves what it gave
        self.owner.ok("roles.assign", {"id": "r-2", "occupant": "ann"})
        self.denied(bob, "agents.update", {"id": "robot", "instructions": "x"})

    def seats(self, *rows):
        """Made by the one who runs the server."""
        for title, parents, who in rows:
            self.owner.ok("roles.create", {"title": title, "type": "operational", "parents": parents, **({"occupant": who} if who else {})})

    def test_tm_authz_03_04_nobody_seats_below_himself_whom_he_is_not_over(self):
        """TM-AUTHZ-04: neither an agent nor a person comes to be over somebody by giving him a seat; who was his stays so."""
        rogue = self.agent("rogue", "agent_admin", grants={"may_spawn": True, "depth": 1, "children": 2})
        self.owner.ok("agents.spawn", {"name": "victim"})
        for name in ("ann", "mal"):
            self.owner.ok("users.create", {"name": name})
        ann, mal, admin = self.lines("user", "ann", "org_admin"), self.lines("user", "mal", "agent_admin"), self.lines("user", "ann", "org_admin")
        self.seats(("Rogue's", [], "rogue"), ("Mal's", [], "mal"), ("Below", ["r-1"], None), ("Under", ["r-2"], None))
        self.assertEqual(mal.ok("agents.spawn", {"name": "own"})["name"], "own")
        rogue.ok("agents.spawn", {"name": "child"})
        ann.ok("schedules.create", {"name": "s", "cron": "@daily", "calls": [{"verb": "users.create", "params": {"name": "made"}}]})
        for lines, seat, mine, empty in ((rogue, "r-1", "child", "r-3"), (mal, "r-2", "own", "r-4")):
            for who in ("ann", "victim", "mal" if lines is rogue else "rogue"):
                below = {"title": "B", "type": "operational", "parents": [seat], "occupant": who}
                self.assertEqual(self.denied(lines, "roles.create", below, "occupant")["gate"], "authority")
                self.denied(lines, "roles.assign", {"id": empty, "occupant": who}, "occupant")
            self.denied(lines, "agents.update", {"id": "victim", "instructions": "obey"})
            # a vacant one is made freely, and whom he spawned he seats
            new = lines.ok("roles.create", {"title": "C", "type": "operational", "parents": [seat]})
            lines.ok("roles.assign", {"id": new["id"], "occupant": mine})
            lines.ok("roles.assign", {"id": empty, "occupant": mine})
            lines.ok("roles.update", {"id": new["id"], "parents": [empty]})
        self.denied(mal, "schedules.run", {"id": "s"})
        self.assertEqual(self.owner.ok("roles.list", {"occupant": "ann"})["items"], [])
        # org_admin seats whom he likes
        admin.ok("roles.assign", {"id": "r-3", "occupant": "victim"})
        rogue.ok("agents.update", {"id": "victim", "instructions": "you were given to me"})

    def test_tm_authz_03_04_no_seat_comes_below_who_is_not_over_those_in_it(self):
        """TM-AUTHZ-04: whoever made a role, but sits not above it, neither moves it below himself with others in it or
        below it, nor sits down above them, nor puts them out."""
        mal = self.lines("user", self.owner.ok("users.create", {"name": "mal"})["name"], "agent_admin")
        self.owner.ok("agents.spawn", {"name": "victim"})
        self.seats(("Mal's", [], "mal"), ("Other", [], None))
        made = [mal.ok("roles.create", {"title": t, "type": "operational", "parents": ["r-1"]})["id"] for t in ("full", "above", "vacant")]
        for id_ in made:
            self.owner.ok("roles.update", {"id": id_, "parents": ["r-2"]})
        self.owner.ok("roles.assign", {"id": made[0], "occupant": "victim"})
        self.owner.ok("roles.create", {"title": "low", "type": "operational", "parents": [made[1]], "occupant": "victim"})
        for id_ in made[:2]:
            self.denied(mal, "roles.update", {"id": id_, "parents": ["r-1"]}, "parents")
            self.denied(mal, "roles.assign", {"id": id_, "occupant": "mal"}, "id")
        self.denied(mal, "roles.unassign", {"id": made[0]}, "id")
        self.denied(mal, "agents.update", {"id": "victim", "instructions": "obey"})
        mal.ok("roles.update", {"id": made[2], "parents": ["r-1"]})
        mal.ok("roles.update", {"id": made[1], "title": "it is still his to name"})

    def test_a_role_graph_counts_its_ways_right_whatever_is_done_to_it(self):
        """Random moves of roles against a walk over all of them; cycles are refused, each naming a real way round."""
        chance, parents = random.Random(11), {}

        def below(n, seen=None):
            seen = set() if seen is None else seen
            for child in (c for c, p in parents.items() if n in p):
                if child not in seen:
                    seen.add(child)
                    below(child, seen)
            return seen
        for i in range(1, 25):
            self.owner.ok("roles.create", {"title": f"role {i}", "type": "operational"})
            parents[f"r-{i}"] = set()
        for _ in range(150):
            one = chance.choice(list(parents))
            wanted = set(chance.sample(list(parents), chance.randrange(4)))
            answer = self.owner.call("roles.update", {"id": one, "parents": sorted(wanted)})
            if "error" in answer:
                way = answer["error"]["data"]["cycle"]
                self.assertEqual(way[0], one)
                self.assertIn(way[-1], wanted)
                # on the way the edges are those of now; those of the same update may be among them
                for a, b in zip(way, way[1:]):
                    self.assertIn(a, parents[b] | (wanted if b == one else set()))
                continue
            self.assertFalse(any(p == one or p in below(one) for p in wanted))
            parents[one] = wanted
        for one in parents:
            self.assertEqual(self.owner.ok("roles.get", {"id": one})["below"], len(below(one)), one)
        self.assertTrue(self.owner.ok("system.check", {"quick": False})["sound"])

    # ---- every verb on what is somebody else's

    def foreign(self):
        """An object of each type that has an owner, which is none of who asks."""
        theirs = self.owner.ok("agents.spawn", {"name": "theirs"})
        person = self.owner.ok("users.create", {"name": "them"})
        role = self.owner.ok("roles.create", {"title": "Theirs", "type": "director", "occupant": person["id"], "occupant_kind": "human"})
        quest = self.owner.ok("quests.create", {"subject": "x", "assignee": theirs["id"]})
        key = self.owner.ok("keys.create", {"name": "k", "owner_kind": "worker", "owner": "w", "access": ["viewer"]})
        return {"agent": theirs["id"], "user": person["id"], "role": role["short_id"], "quest": quest["short_id"], "key": key["id"]}

    def params(self, verb, id_):
        """Those of a call that would go well, about this one."""
        def meant(value):
            return id_ if isinstance(value, str) and value.startswith("$") else value
        good = next((e for e in VERBS[verb]["examples"] if "error" not in e and e["params"]), {"params": {}})
        return {k: [meant(i) for i in v] if isinstance(v, list) else meant(v) for k, v in good["params"].items()} | {
            VERBS[verb]["target"]["param"]: id_}

    def test_t1_tm_authz_01_every_verb_by_every_role_on_what_is_anothers_is_as_the_schemas_say(self):
        """TM-AUTHZ-01: an agent reads what its roles let it read, and changes nothing of others, on three transports;
        of people, who share quests, org_admin alone changes the rest."""
        foreign = self.foreign()
        about = {v: i for v, i in VERBS.items() if i.get("target") and i["target"]["type"] in foreign}
        self.assertEqual({i["target"]["type"] for i in about.values()}, set(foreign))
        relay = questd.Relay("--socket", self.server.socket_path)
        self.owner.ok("users.create", {"name": "someone"})
        wide = {"reads_per_minute": 1000000, "writes_per_minute": 1000000}
        for role in EXPECT["roles"]:
            person = self.lines("user", "someone", role)
            for verb, info in about.items():
                id_ = foreign[info["target"]["type"]]
                may = role in info["access"] and (info["annotations"]["readOnly"] or role == "org_admin" or info["target"]["type"] == "quest")
                said = person.ok("system.why_denied", {"verb": verb, "target": id_})
                self.assertEqual(said["allowed"], may, (verb, role, said))
            if role == "org_admin":
                continue  # an agent never is
            self.owner.ok("agents.spawn", {"name": role})
            key = self.owner.ok("keys.create", {"name": "x", "owner_kind": "agent", "owner": role, "access": [role], **wide})["secret"]
            lines = self.server.lines()
            self.open.append(lines)
            lines.ok("keys.use", {"key": key})
            relay.close()
            relay = questd.Relay("--socket", self.server.socket_path)
            relay.lines.ok("keys.use", {"key": key})

            def over_http(method, params):
                return json.loads(self.server.http("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
                                                   {"Authorization": "Bearer " + key}, token=False)[2])
            for verb, info in about.items():
                gate = "access" if role not in info["access"] else None if info["annotations"]["readOnly"] else "authority"
                params = self.params(verb, foreign[info["target"]["type"]])
                if verb == "quests.wait":
                    params["timeout_s"] = 0
                for call in (lines.call, relay.lines.call, over_http):
                    answer = call(verb, params)
                    self.assertEqual(answer.get("error", {}).get("data", {}).get("gate"), gate, (verb, role, params, answer))
        relay.close()
        for method, type_ in (("agents.get", "agent"), ("users.get", "user"), ("roles.get", "role"), ("quests.get", "quest")):
            self.owner.ok(method, {"id": foreign[type_]})
        self.assertEqual([k["status"] for k in self.owner.ok("keys.list", {"owner": "w"})["items"]], ["active"])

    # ---- on record

    def records(self, **more):
        return self.owner.ok("audit.list", {"limit": 200, **more})["items"]

    def test_t6_every_change_is_on_record_before_it_is_answered(self):
        quest = self.owner.ok("quests.create", {"subject": "x"})
        self.assertEqual([(r["verb"], r["target"], r["outcome"]) for r in self.records()],
                         [("quests.create", quest["id"], "done")])
        self.owner.call("quests.close", {"id": "q-99", "kind": "done", "summary": "x"})
        self.owner.ok("system.batch", {"atomic": True, "calls": [
            {"method": "ideas.store", "params": {"name": "a", "content": "x"}}, {"method": "quests.list", "params": {}},
            {"method": "ideas.store", "params": {"name": "b", "content": "x"}}]})
        self.owner.call("system.batch", {"atomic": True, "calls": [
            {"method": "ideas.store", "params": {"name": "c", "content": "x"}}, {"method": "quests.close", "params": {
                "id": "q-99", "kind": "done", "summary": "x"}}]})
        self.owner.ok("system.backup", {"path": os.path.join(self.server.data, "b.db")})
        self.assertEqual([(r["verb"], r["outcome"], r.get("reason")) for r in self.records()], [
            ("quests.create", "done", None), ("quests.close", "failed", "not_found"), ("ideas.store", "done", None),
            ("ideas.store", "done", None), ("system.batch", "failed", "not_found"), ("system.backup", "done", None)])
        self.assertTrue(self.owner.ok("audit.verify")["sound"])

    def test_t6_a_repeated_request_is_on_record_once(self):
        for _ in range(3):
            self.owner.ok("quests.create", {"subject": "x", "request_id": "again"})
        self.assertEqual(len(self.records()), 1)

    def test_55_every_denial_is_on_record_whoever_asked_and_however(self):
        viewer = self.lines("platform", "p", "viewer")
        before = len(self.records())
        self.denied(viewer, "quests.create", {"subject": "x"})
        self.denied(viewer, "keys.list", {})
        self.denied(viewer, "quests.close", {"id": "q-5", "kind": "done", "summary": "x"})
        viewer.tool("quests_create", {"subject": "x"})
        self.denied(viewer, "system.why_denied", {"verb": "quests.close", "key": "00000000"})
        refused = self.records()[before:]
        self.assertEqual([(r["principal"], r["verb"], r["outcome"], r["reason"]) for r in refused],
                         [("platform:p", v, "denied", "denied") for v in
                          ("quests.create", "keys.list", "quests.close", "quests.create", "system.why_denied")])
        self.assertEqual(refused[2]["target"], "q-5")
        self.assertEqual(refused, self.records(outcome="denied"))
        self.assertTrue(all(len(r["key"]) == 8 for r in refused))

    def test_55_reads_that_were_allowed_are_counted(self):
        viewer = self.lines("worker", "reader", "viewer")
        for _ in range(7):
            viewer.ok("quests.list")
        viewer.close()
        self.open.remove(viewer)
        self.owner.close()
        self.server.stop()
        self.server.start()
        self.owner = self.server.lines()
        counted = {r["principal"]: r["reads"] for r in self.records(reads=True)}
        self.assertEqual(counted["worker:reader"], 7)
        key = [k for k in self.owner.ok("keys.list")["items"] if k["owner"] == "reader"][0]
        self.assertIn("used_at", key)
        self.assertNotIn("used_at", self.owner.ok("keys.rotate", {"id": key["id"]}), "nobody used the new one")

    def test_t6_tampering_is_found_and_named(self):
        """A row changed, one taken out, one put in between: the first that is wrong is named."""
        for i in range(5):
            self.owner.ok("ideas.store", {"name": f"i{i}", "content": "x"})
        head = self.owner.ok("audit.verify")["head"]
        self.assertEqual(questd.cli("audit", "verify", data=self.server.data).returncode, 0)
        self.assertEqual(head, self.records()[-1]["hash"])
        self.owner.close()
        self.server.stop()
        path = os.path.join(self.server.data, "questd.db")
        with open(path, "rb") as f:
            good = f.read()
        for change, broken in (("update audit set principal = 'nobody' where seq = 3", 3),
                               ("update audit set outcome = 3 where seq = 2", 2),
                               ("update audit set at_ms = at_ms + 1 where seq = 5", 5),
                               ("update audit set reason = '' where seq = 1", 1),
                               ("delete from audit where seq = 4", 4),
                               ("delete from audit where seq = 1", 1)):
            with open(path, "wb") as f:
                f.write(good)
            db = sqlite3.connect(path)
            with self.assertRaises(sqlite3.IntegrityError):  # not by a statement, as long as the trigger is there
                db.execute("update audit set principal = 'x'")
            db.executescript("drop trigger audit_never_changes;" + change)
            db.close()
            self.server.start()
            lines = self.server.lines()
            answer = lines.ok("audit.verify")
            self.assertEqual((answer["sound"], answer.get("broken_at")), (False, broken), change)
            done = questd.cli("audit", "verify", data=self.server.data)
            self.assertEqual((done.returncode, json.loads(done.stdout)), (1, answer))
            self.assertIn(f"not sound, {broken} is the first", done.stderr)
            lines.close()
            self.server.stop()
        with open(path, "wb") as f:
            f.write(good)
        self.server.start()
        self.owner = self.server.lines()


if __name__ == "__main__":
    unittest.main()
