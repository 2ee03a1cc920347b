# SPDX-License-Identifier: Apache-2.0
"""On whose tasks and workers a caller may act: every verb by everybody who has, or has not, to do with one."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

PROOF = ("tasks.start", "tasks.heartbeat", "tasks.complete", "tasks.fail", "tasks.release")
DECISIONS = ("tasks.approve", "tasks.review", "tasks.answer")
CHANGES = ("tasks.cancel", "tasks.reassign")
REQUEUE = ("tasks.requeue",)
TASK_VERBS = PROOF + DECISIONS + CHANGES + REQUEUE
WORKER_VERBS = ("workers.heartbeat", "workers.drain", "workers.resume", "workers.remove")
YES = TASK_VERBS  # whose it is, whatever is done
# who -> what he may do with a task that `maker` made, `holder` has, and that is given to the worker of `given`
MAY = {
    "owner": YES, "maker": YES, "given": YES, "above": YES, "lead": YES, "boss": YES, "admin": YES,
    "holder": PROOF + CHANGES, "former": PROOF, "other": (), "person": (), "platform": (), "worker": (),
}


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code")


class Work(unittest.TestCase):
    n_queues = 0

    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.owner = cls.server.lines()
        cls.who, cls.keys = {"owner": cls.owner}, {}
        grants = {"may_spawn": True, "depth": 3, "children": 9}
        for name, more in (("lead", {"grants": grants}), ("maker", {"parent": "lead"}), ("holder", {}), ("given", {}), ("above", {}),
                           ("former", {}), ("other", {"grants": grants}), ("admin", {})):
            cls.owner.ok("agents.spawn", {"name": name, **more})
            cls.let_in(name, "agent", *(["workflow_admin"] if name == "admin" else ["operator"]))
        for name in ("person", "boss"):
            cls.owner.ok("users.create", {"name": name})
            cls.let_in(name, "user", "operator")
        cls.let_in("platform", "platform", "operator")
        cls.let_in("worker", "worker", "operator")
        for title, parents, occupant in (("Top", [], "boss"), ("Middle", ["r-1"], "above"), ("Low", ["r-2"], "maker"),
                                         ("Aside", [], "other"), ("Desk", ["r-4"], "person")):
            cls.owner.ok("roles.create", {"title": title, "type": "operational", "parents": parents, "occupant": occupant})
        cls.who["given"].ok("workers.register", {"name": "gpu"})

    @classmethod
    def tearDownClass(cls):
        for lines in cls.who.values():
            lines.close()
        cls.server.__exit__()

    @classmethod
    def let_in(cls, name, kind, *access):
        key = cls.owner.ok("keys.create", {"name": "k", "owner_kind": kind, "owner": name, "access": list(access),
                                           "reads_per_minute": 1000000, "writes_per_minute": 1000000})
        cls.who[name], cls.keys[name] = cls.server.lines(), key["id"]
        cls.who[name].ok("keys.use", {"key": key["secret"]})

    def task(self, verb):
        """One in the state that the verb is for: its id and the parameters that go with it."""
        Work.n_queues += 1
        queue = f"q{Work.n_queues}"
        made = self.who["maker"].ok("tasks.create", {"queue": queue, "review": verb == "tasks.review", "retry": {"initial_ms": 0},
                                                     "lease_ms": 600000})
        first = self.who["former"].ok("tasks.claim", {"queue": queue})["items"][0]
        self.who["former"].ok("tasks.fail", {"id": first["id"], "attempt": first["attempt"], "token": first["token"], "code": "x", "message": "x"})
        has = self.who["holder"].ok("tasks.claim", {"queue": queue, "start": verb != "tasks.start", "wait_ms": 10000})["items"][0]
        self.assertEqual(has["id"], made["id"])
        proof = {"id": has["id"], "attempt": has["attempt"], "token": has["token"]}
        if verb in PROOF:
            return {**proof, **({"code": "x", "message": "x"} if verb == "tasks.fail" else {})}
        question = {}
        if verb == "tasks.review":
            self.who["holder"].ok("tasks.complete", proof)
        if verb in ("tasks.answer", "tasks.approve"):
            kind = "input" if verb == "tasks.answer" else "approval"
            question = self.who["holder"].ok("tasks.release", {**proof, "kind": kind, "question": "?"})
        if verb == "tasks.requeue":
            self.who["holder"].ok("tasks.fail", {**proof, "code": "x", "message": "x", "retryable": False})
        return {"id": has["id"], **{"tasks.approve": {"decision": "approve"}, "tasks.review": {"decision": "accept"},
                                    "tasks.answer": {"question_id": question.get("question_id"), "answer": 1},
                                    "tasks.reassign": {"assignee": "gpu"}}.get(verb, {})}

    def give(self, task):
        """To the worker of `given`, wherever that may be done."""
        self.owner.call("tasks.reassign", {"id": task, "assignee": "gpu"})

    def raw(self, name, method, params):
        lines = self.who[name]
        lines.send({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        return lines.read()

    def check(self, name, method, params, may):
        why = {"verb": method, "target": params["id"], **({"key": self.keys[name]} if name in self.keys else {})}
        self.assertEqual(self.owner.ok("system.why_denied", why)["allowed"], may, (name, method))
        if may:
            self.assertNotIn(code_of(self.who[name].call(method, params)), ("not_found", "denied"), (name, method))
            return
        audit = self.owner.ok("audit.list", {"outcome": "denied", "principal": self.owner_of(name), "limit": 200})["items"]
        self.assertEqual(self.owner.ok("system.why_denied", why)["items"][0]["gate"], "authority")
        if name == "holder" and method in DECISIONS:
            self.assertEqual(code_of(self.who[name].call(method, params)), "denied")
            return
        missing = "0192f0c1-2222-7333-8444-555566667777"
        self.assertEqual(self.raw(name, method, params).replace(params["id"], missing),
                         self.raw(name, method, {**params, "id": missing}), (name, method))
        if name != "owner":
            about = [self.raw(name, "system.why_denied", {"verb": method, "target": i}) for i in (params["id"], missing)]
            self.assertEqual(about[0].replace(params["id"], missing), about[1], (name, method))
            self.assertIn('"not_found"', about[1])
        after = self.owner.ok("audit.list", {"outcome": "denied", "principal": self.owner_of(name), "limit": 200})["items"]
        self.assertEqual([(r["verb"], r["target"]) for r in after[len(audit):]], [(method, params["id"])])

    def owner_of(self, name):
        return self.who[name].ok("principals.me")["id"]

    def test_tm_authz_04_nobody_acts_on_the_tasks_of_others(self):
        """TM-AUTHZ-04: each verb × each relation; ids of others are answered as ids that never were."""
        for name, verbs in MAY.items():
            for verb in TASK_VERBS:
                params = self.task(verb)
                if name == "given":
                    if verb in PROOF or verb in CHANGES or verb == "tasks.requeue":
                        continue  # a task is given anew by taking it from who has it
                    self.give(params["id"])
                self.check(name, verb, params, verb in verbs)

    def test_tm_authz_04_a_task_that_is_given_to_a_worker_is_its_owner_s_too(self):
        made = self.who["maker"].ok("tasks.create", {"queue": "given", "assignee": "gpu"})
        self.check("other", "tasks.cancel", {"id": made["id"]}, False)
        self.check("given", "tasks.cancel", {"id": made["id"]}, True)

    def test_tm_authz_04_who_lost_its_attempt_is_told_so(self):
        """A late answer of the first attempt is stale, not unknown, whoever has the second."""
        params = self.task("tasks.complete")
        self.assertEqual(code_of(self.who["former"].call("tasks.complete", {**params, "attempt": 1})), "stale_attempt")
        self.assertEqual(code_of(self.who["other"].call("tasks.complete", params)), "not_found")
        self.who["holder"].ok("tasks.complete", params)
        self.assertEqual(code_of(self.who["holder"].call("tasks.complete", params)), "stale_attempt")

    def test_tm_authz_04_nobody_decides_about_an_attempt_of_his_own(self):
        """But the one who runs the server, who may be alone."""
        for name, code in (("admin", "denied"), ("maker", "denied"), ("owner", None)):
            lines = self.who[name]
            lines.ok("tasks.create", {"queue": "own", "review": True})
            has = lines.ok("tasks.claim", {"queue": "own"})["items"][0]
            lines.ok("tasks.complete", {"id": has["id"], "attempt": 1, "token": has["token"]})
            self.assertEqual(code_of(lines.call("tasks.review", {"id": has["id"], "decision": "accept"})), code, name)

    def test_tm_authz_04_nobody_approves_what_he_asked_for_himself(self):
        """But the one who runs the server; whoever is above may, and what was rejected is not tried again by who asked."""
        for name, code in (("admin", "denied"), ("maker", "denied"), ("person", "denied"), ("owner", None)):
            lines = self.who[name]
            for decision in ("reject", "approve"):
                made = lines.ok("tasks.create", {"queue": "asked", "approval": True})
                said = lines.call("tasks.approve", {"id": made["id"], "decision": decision})
                self.assertEqual(code_of(said), code, (name, said))
                why = {"verb": "tasks.approve", "target": made["id"], **({"key": self.keys[name]} if name in self.keys else {})}
                self.assertEqual(self.owner.ok("system.why_denied", why)["allowed"], code is None)
        made = self.who["maker"].ok("tasks.create", {"queue": "asked", "approval": True})
        self.who["above"].ok("tasks.approve", {"id": made["id"], "decision": "reject"})
        self.assertEqual(code_of(self.who["maker"].call("tasks.requeue", {"id": made["id"]})), "denied")
        self.assertEqual(self.who["above"].ok("tasks.requeue", {"id": made["id"]})["state"], "ready")
        made = self.who["maker"].ok("tasks.create", {"queue": "asked", "approval": True})
        self.assertEqual(self.who["above"].ok("tasks.approve", {"id": made["id"], "decision": "approve"})["state"], "ready")

    def test_a_decision_that_is_not_awaited_points_to_the_one_that_is(self):
        made = self.owner.ok("tasks.create", {"queue": "points", "approval": True})["id"]
        for method, more, wanted in (("tasks.review", {"decision": "accept"}, "output_pending_review"),
                                     ("tasks.answer", {"question_id": "x", "answer": 1}, "awaiting_input")):
            said = self.owner.call(method, {"id": made, **more})["error"]
            self.assertTrue(said["message"].endswith(f"is awaiting_approval, not {wanted}"), said)
            self.assertEqual((said["data"]["hint"], said["data"]["needs"]), ("tasks.approve decides about it", wanted))
        yes = {"id": made, "decision": "approve"}
        self.owner.ok("tasks.approve", yes)
        said = self.owner.call("tasks.approve", yes)["error"]
        self.assertTrue(said["message"].endswith("is ready, not awaiting_approval"), said)
        self.assertEqual((said["data"]["from"], "allowed" in said["data"]), ("ready", False))

    def test_tm_authz_04_nobody_acts_on_the_workers_of_others(self):
        """TM-AUTHZ-04: each verb by who registered it, by who sits above him, and by others."""
        may = {"maker": True, "above": True, "lead": True, "boss": True, "admin": True, "owner": True,
               "other": False, "person": False, "platform": False, "worker": False}
        for name, allowed in may.items():
            for verb in WORKER_VERBS:
                worker = self.who["maker"].ok("workers.register", {"name": "of-maker"})
                params = {"id": worker["id"], **({"confirm": True} if verb == "workers.remove" else {})}
                self.check(name, verb, params, allowed)

    def test_54_nobody_claims_as_the_worker_of_another(self):
        self.who["maker"].ok("workers.register", {"name": "mine"})
        self.who["maker"].ok("tasks.create", {"queue": "self"})
        for name in ("other", "platform"):
            foreign, missing = (self.raw(name, "tasks.claim", {"queue": "self", "worker": w}) for w in ("Mine", "Nobody"))
            self.assertEqual(foreign.replace("Mine", "Nobody"), missing)
        self.assertEqual(len(self.who["maker"].ok("tasks.claim", {"queue": "self", "worker": "mine"})["items"]), 1)

    def test_tm_authz_04_an_agent_does_not_change_queues(self):
        self.owner.ok("tasks.create", {"queue": "line"})
        for verb in ("queues.pause", "queues.resume", "queues.update"):
            self.assertEqual(code_of(self.who["other"].call(verb, {"name": "line"})), "denied")
            self.assertNotIn("error", self.who["admin"].call(verb, {"name": "line"}))
            self.assertNotIn("error", self.who["person"].call(verb, {"name": "line"}))


if __name__ == "__main__":
    unittest.main()
