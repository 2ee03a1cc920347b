# SPDX-License-Identifier: Apache-2.0
"""Quests against a model: random verbs through the Unix socket, each answer foretold by forty lines of
Python; the server is killed in between. And claims of eight clients at once, whose history must be one
that a single queue could have had."""
import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

SEEDS = int(os.environ.get("QUESTD_MODEL_SEEDS", "6"))
STEPS = int(os.environ.get("QUESTD_MODEL_STEPS", "400"))
WAYS = {"pending": {"in_progress", "blocked", "cancelled"}, "in_progress": {"done", "failed", "blocked", "cancelled", "pending"},
        "done": set(), "failed": {"pending"}, "blocked": {"pending", "failed", "cancelled"}, "cancelled": set()}
OPEN, OVER = {"pending", "in_progress", "blocked"}, {"done", "cancelled"}
KINDS = {"done": "done", "failed": "failed", "blocked": "blocked", "cancelled": "cancelled", "handoff": "pending"}
PRIORITIES = ["low", "normal", "high", "critical"]


class Quest:
    def __init__(self, n, priority, agent, parent, required, deps, labels):
        self.n, self.priority, self.agent, self.parent, self.required = n, priority, agent, parent, required
        self.deps, self.labels, self.status, self.attempt, self.token, self.by = set(deps), set(labels), "pending", 0, None, None


class Model:
    """What the server should hold. A method that foretells gives the set of errors that may come; none:
    it succeeds, and the model has followed."""

    def __init__(self):
        self.quests, self.agents = {}, {}  # n -> Quest, name -> [status, most]

    def undone(self, q):
        return [d for d in q.deps if self.quests[d].status != "done"]

    def lost(self, deps):
        return [d for d in deps if self.quests[d].status in ("failed", "cancelled")]

    def is_ready(self, q):
        return q.status == "pending" and not self.undone(q)

    def children(self, q):
        return [c for c in self.quests.values() if c.parent == q.n and c.required and c.status in OPEN]

    def busy(self, name):
        return sum(q.agent == name and q.status == "in_progress" for q in self.quests.values())

    def reaches(self, start, goal):
        seen, todo = set(), [start]
        while todo:
            n = todo.pop()
            if n == goal:
                return True
            if n not in seen:
                seen.add(n)
                todo += [*self.quests[n].deps, *self.awaited_children(n)]
        return False

    def awaited_children(self, n):
        """Those it cannot be done without, now or when they are tried again."""
        q = self.quests[n]
        return [c.n for c in self.quests.values() if c.parent == n and c.required and {c.status, q.status}.isdisjoint(OVER)]

    def ancestors(self, n):
        while n:
            yield n
            n = self.quests[n].parent

    def create(self, priority, agent, parent, required, deps, labels):
        wrong = set()
        if agent and self.agents[agent][0] == "retired":
            wrong.add("conflict")
        if parent and self.quests[parent].status in OVER:
            wrong.add("conflict")
        if parent and required and not wrong and any(self.reaches(d, parent) for d in deps):
            wrong.add("cycle")
        if not wrong:
            q = self.quests[len(self.quests) + 1] = Quest(len(self.quests) + 1, priority, agent, parent, required, deps, labels)
            if self.lost(deps):
                q.status, q.by = "blocked", "dependency"
        return wrong

    def move(self, q, to):
        """The change itself, and what follows for those that wait."""
        was, q.status, q.by = q.status, to, None
        q.token = None
        for d in self.quests.values():
            if q.n not in d.deps:
                continue
            if to in ("failed", "cancelled") and d.status == "pending":
                d.status, d.by = "blocked", "dependency"
            elif was == "failed" and d.status == "blocked" and d.by == "dependency" and not self.lost(d.deps):
                d.status, d.by = "pending", None

    def against(self, q, to):
        """What stands against a change of status."""
        if to not in WAYS[q.status]:
            return {"illegal_transition"}
        if to == "done" and self.children(q):
            return {"conflict"}
        if to == "pending" and self.lost(q.deps):
            return {"conflict"}
        if q.status == "failed" and q.required and q.parent and self.quests[q.parent].status in OVER:
            return {"conflict"}
        return set()

    def close(self, q, kind, token, override):
        if override:
            wrong = set()
        elif q.status == "in_progress":
            wrong = set() if token == q.token else {"stale_attempt"}
        else:
            wrong = {"stale_attempt"} if token else set()
        wrong = wrong or self.against(q, KINDS[kind])
        if not wrong:
            self.move(q, KINDS[kind])
            if kind == "blocked":
                q.by = "hand"
        return wrong

    def hold(self, q, status):
        wrong = {"conflict"} if q.status == "in_progress" else self.against(q, status)
        if not wrong:
            self.move(q, status)
            q.by = "hand" if status == "blocked" else None
        return wrong

    def depend(self, q, deps):
        if q.status in ("in_progress", "done", "cancelled"):
            return {"conflict"}
        if any(self.reaches(d, q.n) for d in deps if d not in q.deps):
            return {"cycle"}
        q.deps = set(deps)
        if q.status == "pending" and self.lost(deps):
            q.status, q.by = "blocked", "dependency"
        elif q.status == "blocked" and q.by == "dependency" and not self.lost(deps):
            q.status, q.by = "pending", None
        return set()

    def place(self, q, parent, required):
        if parent and q.n in self.ancestors(parent):
            return {"cycle"}
        if parent and q.status in OPEN and self.quests[parent].status in OVER and \
                (parent != q.parent or required and not q.required):
            return {"conflict"}
        if parent and required and {q.status, self.quests[parent].status}.isdisjoint(OVER) and self.reaches(q.n, parent):
            return {"cycle"}
        q.parent, q.required = parent, required
        return set()

    def assign(self, q, agent):
        if agent and self.agents[agent][0] == "retired" or q.status == "in_progress" or q.status in OVER:
            return {"conflict"}
        q.agent = agent
        return set()

    def queue(self, agent, label):
        found = [q for q in self.quests.values() if self.is_ready(q) and q.agent in (None, agent) and (not label or label in q.labels)]
        return sorted(found, key=lambda q: (-PRIORITIES.index(q.priority), q.n))

    def claim(self, q, agent):
        """q None: the next one found none."""
        wrong = set()
        if agent and (self.agents[agent][0] != "active" or self.busy(agent) >= self.agents[agent][1]):
            wrong.add("conflict")
        if q is None:
            return wrong or {"not_found"}
        if q.status != "pending":
            wrong.add("illegal_transition")
        elif self.undone(q) or q.agent not in (None, agent):
            wrong.add("conflict")
        if not wrong:
            q.status, q.agent, q.attempt = "in_progress", q.agent or agent, q.attempt + 1
        return wrong


class Play:
    """One sequence: chooses, calls, compares."""

    def __init__(self, test, server, seed):
        self.test, self.server, self.dice, self.model = test, server, random.Random(seed), Model()
        self.line, self.seed, self.step = server.lines(), seed, 0

    def check(self, held, what):
        self.test.assertTrue(held, f"seed {self.seed}, step {self.step}: {what}")

    def say(self, method, params, wrong):
        """The result; None when it was refused as foretold."""
        answer = self.line.call(method, params)
        code = answer.get("error", {}).get("data", {}).get("code")
        self.check(code in wrong if wrong else code is None, f"{method} {params}: foretold {wrong or 'success'}, came {answer}")
        return answer.get("result")

    def pick(self):
        return self.model.quests[self.dice.randint(1, len(self.model.quests))]

    def some(self, most):
        return [q.n for q in {self.pick() for _ in range(self.dice.randint(0, most))}] if self.model.quests else []

    def agent(self):
        return self.dice.choice([None, *self.model.agents])

    def create(self):
        agent, deps, labels = self.agent(), self.some(3), self.dice.sample(["a", "b", "c"], self.dice.randint(0, 2))
        parent = self.pick().n if self.model.quests and self.dice.random() < .4 else None
        priority, required = self.dice.choice(PRIORITIES), self.dice.random() < .7
        params = {"subject": f"step {self.step}", "priority": priority, "required": required, "labels": labels,
                  "depends_on": [f"q-{d}" for d in deps], **({"assignee": agent} if agent else {}),
                  **({"parent": f"q-{parent}"} if parent else {})}
        made = self.say("quests.create", params, self.model.create(priority, agent, parent, required, deps, labels))
        if made:
            self.check(made["short_id"] == f"q-{len(self.model.quests)}", made)

    def claim(self):
        agent, label = self.agent(), self.dice.choice([None, None, "a", "b"])
        if self.dice.random() < .4 and self.model.quests:
            q, params = self.pick(), {}
            params["id"] = f"q-{q.n}"
        else:
            queue = self.model.queue(agent, label)
            q, params = queue[0] if queue else None, {"label": label} if label else {}
        got = self.say("quests.claim", {**params, **({"agent": agent} if agent else {})}, self.model.claim(q, agent))
        if got:
            self.check((got["short_id"], got["attempt"]) == (f"q-{q.n}", q.attempt), got)
            q.token = got["token"]

    def close(self):
        held = [q for q in self.model.quests.values() if q.status == "in_progress"]
        q = self.dice.choice(held) if held and self.dice.random() < .7 else self.pick()
        token = self.dice.choice([q.token, q.token, q.token, None, "01234567-0123-4123-8123-0123456789ab"])
        kind, override = self.dice.choice([*KINDS, "done", "done"]), self.dice.random() < .2
        params = {"id": f"q-{q.n}", "kind": kind, "summary": f"step {self.step}", "override": override,
                  **({"token": token} if token else {})}
        got = self.say("quests.close", params, self.model.close(q, kind, token, override))
        if got:
            self.check(got["outcome"] == {"kind": kind, "summary": f"step {self.step}"}, got)

    def hold(self):
        q, status = self.pick(), self.dice.choice(["pending", "pending", "blocked"])
        self.say("quests.update", {"id": f"q-{q.n}", "status": status}, self.model.hold(q, status))

    def depend(self):
        q, deps = self.pick(), self.some(3)
        self.say("quests.update", {"id": f"q-{q.n}", "depends_on": [f"q-{d}" for d in deps]}, self.model.depend(q, deps))

    def place(self):
        q, required = self.pick(), self.dice.random() < .7
        parent = self.pick().n if self.dice.random() < .7 else None
        where = {"parent": f"q-{parent}"} if parent else {"clear": ["parent"]}
        self.say("quests.update", {"id": f"q-{q.n}", "required": required, **where}, self.model.place(q, parent, required))

    def assign(self):
        q, agent = self.pick(), self.agent()
        if agent:
            self.say("quests.assign", {"id": f"q-{q.n}", "assignee": agent}, self.model.assign(q, agent))
        else:
            self.say("quests.update", {"id": f"q-{q.n}", "clear": ["assignee"]}, self.model.assign(q, None))

    def label(self):
        q, priority, labels = self.pick(), self.dice.choice(PRIORITIES), self.dice.sample(["a", "b", "c"], self.dice.randint(0, 2))
        self.say("quests.update", {"id": f"q-{q.n}", "priority": priority, "labels": labels}, set())
        q.priority, q.labels = priority, set(labels)

    def staff(self):
        name = self.dice.choice(["ann", "bob", "cyd"])
        status, most = self.dice.choice(["active", "active", "active", "paused", "retired"]), self.dice.randint(1, 4)
        if name not in self.model.agents:
            self.say("agents.spawn", {"name": name, "max_concurrent": most}, set())
            status = "active"
        else:
            self.say("agents.update", {"id": name, "status": status, "max_concurrent": most}, set())
        self.model.agents[name] = [status, most]

    def crash(self):
        self.line.close()
        self.server.kill()
        self.server.start()
        self.line = self.server.lines()

    def compare(self, q):
        got = self.line.ok("quests.get", {"id": f"q-{q.n}"})
        want = {"status": q.status, "priority": q.priority, "assignee": q.agent, "parent": q.parent and f"q-{q.parent}",
                "depends_on": sorted(q.deps), "open_dependencies": len(self.model.undone(q)) or None,
                "open_children": len(self.model.children(q)) or None, "attempt": q.attempt or None, "labels": q.labels,
                "is_blocked_by": q.status == "blocked" and q.by == "dependency"}
        seen = {k: got.get(k) for k in want}
        seen.update(depends_on=sorted(int(d[2:]) for d in got.get("depends_on", [])), labels=set(got.get("labels", [])),
                    is_blocked_by="blocked_by" in got)
        self.check(seen == want, f"q-{q.n} is {seen}, foretold {want}")
        if "blocked_by" in got:
            self.check(int(got["blocked_by"][2:]) in self.model.lost(q.deps), got)

    def pages(self, **filters):
        found, cursor = [], {}
        while True:
            page = self.line.ok("quests.list", {**filters, "limit": self.dice.choice([1, 7, 200]), **cursor})
            found += [int(q["short_id"][2:]) for q in page["items"]]
            if "next_cursor" not in page:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def compare_all(self):
        for q in self.model.quests.values():
            self.compare(q)
        for name, (status, _) in self.model.agents.items():
            got = self.line.ok("agents.get", {"id": name})
            self.check((got["status"], got["in_progress"]) == (status, self.model.busy(name)), got)
        ready = sorted((q for q in self.model.quests.values() if self.model.is_ready(q)),
                       key=lambda q: (-PRIORITIES.index(q.priority), q.n))
        self.check(self.pages(ready=True) == [q.n for q in ready], "the ready ones")
        self.check(self.pages(ready=True, label="a") == [q.n for q in ready if "a" in q.labels], "the ready ones of a label")
        self.check(self.pages() == sorted(self.model.quests, reverse=True), "all")

    def run(self, steps):
        ways = [(self.create, 20), (self.claim, 25), (self.close, 25), (self.hold, 8), (self.depend, 8), (self.place, 6),
                (self.assign, 6), (self.label, 4), (self.staff, 4), (self.crash, .5)]
        self.staff(), self.create(), self.create()
        for self.step in range(steps):
            self.dice.choices([w for w, _ in ways], [n for _, n in ways])[0]()
            self.compare(self.pick())
            if self.step % 100 == 99:
                self.compare_all()
        self.compare_all()
        self.line.close()


class Crowd:
    """Eight clients that claim and close, and what each saw when."""

    def __init__(self, server, clients, quests):
        self.server, self.history, self.lock, self.left = server, [], threading.Lock(), quests
        self.faults = []
        line = server.lines()
        self.priority = {}
        for i in range(quests):
            made = line.ok("quests.create", {"subject": f"{i}", "priority": PRIORITIES[i * 7 % 4]})
            self.priority[made["short_id"]] = i * 7 % 4
        line.close()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(clients)]

    def note(self, *entry):
        with self.lock:
            self.history.append(entry)

    def work(self, i):
        try:
            self.claims(self.server.lines(), random.Random(i))
        except Exception as fault:  # told by the test, not lost with the thread
            self.faults.append(repr(fault))

    def claims(self, line, dice):
        while self.left > 0:
            begun = time.monotonic()
            answer = line.call("quests.claim")
            ended = time.monotonic()
            if "error" in answer:
                self.note("none", begun, ended, None, 0)
                assert answer["error"]["data"]["code"] == "not_found", answer
                continue
            got = answer["result"]
            self.note("claim", begun, ended, got["short_id"], got["attempt"])
            kind = "handoff" if dice.random() < .3 else "done"
            begun = time.monotonic()
            line.ok("quests.close", {"id": got["id"], "kind": kind, "summary": "s", "attempt": got["attempt"], "token": got["token"]})
            self.note(kind, begun, time.monotonic(), got["short_id"], got["attempt"])
            if kind == "done":
                with self.lock:
                    self.left -= 1
        line.close()

    def run(self):
        for t in self.threads:
            t.start()
        for t in self.threads:
            t.join(60)

    def spans(self):
        """(quest, surely ready from, surely ready to): between an answer that made it so and the call that took it."""
        claims = {(e[3], e[4]): e for e in self.history if e[0] == "claim"}
        ends = {(e[3], e[4]): e for e in self.history if e[0] == "handoff"}
        for (quest, attempt), claim in claims.items():
            since = ends[quest, attempt - 1][2] if attempt > 1 else 0
            yield quest, since, claim[1]


class Quests(unittest.TestCase):
    def test_quests_do_what_the_model_foretells_also_when_killed(self):
        for seed in range(SEEDS):
            with questd.Server(http="off") as server:
                Play(self, server, seed).run(STEPS)

    def test_a_wait_is_answered_when_the_quest_moves(self):
        """Each kind of wait, parked before the change that ends it; a lost wake-up would show as reached: false."""
        with questd.Server(http="off") as server:
            line = server.lines()
            line.ok("quests.create", {"subject": "first"})
            line.ok("quests.create", {"subject": "second", "depends_on": ["q-1"]})
            waiters = {}
            for quest, until in (("q-1", "started"), ("q-1", "settled"), ("q-1", "closed"), ("q-2", "ready")):
                waiters[quest, until] = server.lines()
                waiters[quest, until].send({"jsonrpc": "2.0", "id": 1, "method": "quests.wait",
                                            "params": {"id": quest, "until": until, "timeout_s": 15}})
                waiters[quest, until].send({"jsonrpc": "2.0", "id": 2, "method": "system.ping"})
                self.assertIn('"id":2', waiters[quest, until].read())  # the wait before it is parked
            token = line.ok("quests.claim", {"id": "q-1"})["token"]
            self.assertIn('"reached":true', waiters["q-1", "started"].read())
            line.ok("quests.close", {"id": "q-1", "kind": "done", "summary": "s", "token": token})
            for waiter in (("q-1", "settled"), ("q-1", "closed"), ("q-2", "ready")):
                self.assertIn('"reached":true', waiters[waiter].read(), waiter)
            for waiter in (line, *waiters.values()):
                waiter.close()

    def test_claims_of_eight_clients_are_those_of_one_queue(self):
        with questd.Server(http="off") as server:
            crowd = Crowd(server, 8, 300)
            crowd.run()
        self.assertEqual(crowd.faults, [])
        claims = [e for e in crowd.history if e[0] == "claim"]
        keys = [(e[3], e[4]) for e in claims]
        self.assertEqual(len(keys), len(set(keys)), "an attempt was given twice")
        for quest in crowd.priority:
            attempts = sorted(k[1] for k in keys if k[0] == quest)
            self.assertEqual(attempts, list(range(1, len(attempts) + 1)), quest)
        closes = {(e[3], e[4]): e for e in crowd.history if e[0] in ("handoff", "done")}
        self.assertEqual(set(closes), set(keys))
        for _, begun, ended, quest, attempt in claims:
            if attempt > 1:
                self.assertGreaterEqual(ended, closes[quest, attempt - 1][1], "claimed before it was handed back")
        spans = list(crowd.spans())
        for kind, begun, ended, quest, _ in crowd.history:
            if kind not in ("claim", "none"):
                continue
            passed = [s for s in spans if s[1] < begun and s[2] > ended and
                      (kind == "none" or crowd.priority[s[0]] > crowd.priority[quest])]
            self.assertEqual(passed, [], f"{kind} {quest} passed over a quest that was ready all the time")


if __name__ == "__main__":
    unittest.main()
