# SPDX-License-Identifier: Apache-2.0
"""Random sequences of calls against a small model of the queue, the server killed and the clocks moved in between;
and histories of claims, looked at for what no queue could have said."""
import collections
import json
import os
import random
import shutil
import tempfile
import threading
import time
import unittest

import questd
from questd import Server

SEQUENCES, AT_ONCE, PHASES, STEPS = int(os.environ.get("QUESTD_SEQUENCES", "500")), 25, 4, 8
OF_A_SERVER = 500  # it keeps no more than 1,000 queues
LIVE = ("pending", "ready", "claimed", "in_progress", "awaiting_approval", "awaiting_input", "output_pending_review")
ENDED = ("completed", "failed", "cancelled")
HELD = ("claimed", "in_progress")
HOUR = 3600000
RECLAIMS_MAX = 3


class Task:
    def __init__(self, made, state, review, approval, attempts_max):
        self.id, self.state, self.review, self.attempts_max = made["short_id"], state, review, attempts_max
        self.priority, self.approval = made["priority"], approval
        self.attempt = self.tries = self.reclaims = 0
        self.has_progressed = False
        self.wakes_at = self.due_at = None  # of the wall's clock, and of the steady one
        self.proofs, self.question, self.is_cancelled = [], None, False

    def end_claim(self, state):
        self.state, self.is_cancelled, self.due_at = state, False, None

    def lapse(self):
        """Its lease is over."""
        self.tries += 1
        self.reclaims = 0 if self.has_progressed else self.reclaims + 1
        is_last = self.reclaims >= RECLAIMS_MAX or self.tries >= self.attempts_max
        self.end_claim("cancelled" if self.is_cancelled else "failed" if is_last else "ready")

    def look(self, clocks):
        """What time has done to it."""
        if self.is_cancelled and self.cancel_at <= clocks.steady:
            self.end_claim("cancelled")
        if self.due_at is not None and self.due_at <= clocks.steady:
            if self.state in HELD:
                self.lapse()
            else:
                self.state, self.due_at = "ready", None
        if self.wakes_at is not None and self.wakes_at <= clocks.wall and self.state == "pending":
            self.state, self.wakes_at = "awaiting_approval" if self.approval else "ready", None


class Clocks:
    """Hours that the server's clocks are ahead; the steady one goes by the wall's from a start of the server on."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "offset")
        self.wall = self.boot = self.steady = 0
        self.put()

    def env(self):
        return {"LD_PRELOAD": os.path.join(questd.BUILD, "tests/fault/bad_clock.so"), "BAD_CLOCK": self.path}

    def put(self):
        with open(self.path + ".new", "w") as f:
            f.write(f"{self.wall * 3600} {self.boot * 3600}")
        os.rename(self.path + ".new", self.path)

    def sleep(self, hours):
        """The machine does: both clocks go on."""
        self.wall, self.boot, self.steady = self.wall + hours, self.boot + hours, self.steady + hours
        self.put()

    def set_back(self, hours):
        """Somebody does: leases do not care."""
        self.wall -= hours
        self.put()

    def restart(self):
        self.steady = self.wall


class Model:
    """What the queue must do, in one place: every step says what is to come and changes what is known."""

    def __init__(self, lines, queue, seed, clocks):
        self.lines, self.queue, self.seed, self.clocks = lines, queue, seed, clocks
        self.rng, self.tasks, self.log = random.Random(seed), [], []

    def ask(self, method, params):
        answer = self.lines.call(method, params)
        self.log.append((method, params, answer.get("result", answer.get("error"))))
        return answer

    def expect(self, method, params, state):
        """state: a task state, or the code of a refusal."""
        answer = self.ask(method, params)
        got = answer["result"]["state"] if "result" in answer else answer["error"]["data"]["code"]
        assert got == state, f"{method} {params}: {got}, not {state}\n" + json.dumps(self.log, indent=1)
        return answer.get("result", {})

    def any_task(self):
        return self.rng.choice(self.tasks)

    # ---- steps ----

    def create(self):
        approval, review = self.rng.random() < .2, self.rng.random() < .3
        delay = HOUR if self.rng.random() < .1 else 0
        attempts_max = self.rng.randrange(1, 6)
        state = "pending" if delay else "awaiting_approval" if approval else "ready"
        made = self.expect("tasks.create", {
            "queue": self.queue, "priority": self.rng.randrange(3), "approval": approval, "review": review, "lease_ms": HOUR,
            "delay_ms": delay, "retry": {"kind": "fixed", "initial_ms": HOUR, "max_ms": HOUR, "max_attempts": attempts_max}}, state)
        task = Task(made, state, review, approval, attempts_max)
        task.wakes_at = self.clocks.wall + 1 if delay else None
        self.tasks.append(task)

    def claim(self):
        is_started = self.rng.random() < .7
        items = self.ask("tasks.claim", {"queue": self.queue, "start": is_started})["result"]["items"]
        ready = [t for t in self.tasks if t.state == "ready"]
        assert len(items) == min(1, len(ready)), (items, [t.id for t in ready], self.log)
        for item in items:
            task = next(t for t in ready if t.id == item["short_id"])
            assert task.priority == max(t.priority for t in ready), self.log
            task.attempt += 1
            assert item["attempt"] == task.attempt, self.log
            task.state, task.has_progressed = "in_progress" if is_started else "claimed", False
            task.due_at = self.clocks.steady + 1
            task.proofs.append({"id": task.id, "attempt": task.attempt, "token": item["token"]})

    def holder_says(self):
        """With the proof of this attempt, of an earlier one, or with another token."""
        task = self.any_task()
        if not task.proofs:
            return
        proof = dict(self.rng.choice(task.proofs + task.proofs[-1:] * 4))
        is_right = proof == task.proofs[-1] and task.state in HELD
        if self.rng.random() < .1:
            proof["token"], is_right = "0" * 32, False
        says = self.rng.choice((self.start, self.beat, self.complete, self.fail, self.release, self.ask_for))
        says(task, proof, is_right)

    def start(self, task, proof, is_right):
        self.expect("tasks.start", proof, "in_progress" if is_right else "stale_attempt")
        if is_right:
            task.state = "in_progress"

    def beat(self, task, proof, is_right):
        got = self.expect("tasks.heartbeat", {**proof, "progress": {"n": 1}}, "in_progress" if is_right else "stale_attempt")
        if is_right:
            assert ("cancel_at" in got) == task.is_cancelled, self.log
            task.state, task.has_progressed, task.reclaims = "in_progress", True, 0
            task.due_at = self.clocks.steady + 1

    def complete(self, task, proof, is_right):
        state = "output_pending_review" if task.review else "completed"
        self.expect("tasks.complete", {**proof, "result": [1]}, state if is_right else "stale_attempt")
        if is_right:
            task.end_claim(state)

    def fail(self, task, proof, is_right):
        is_final = self.rng.random() < .3
        task.tries += is_right
        state = ("cancelled" if task.is_cancelled else
                 "failed" if is_final or task.tries >= task.attempts_max else "pending")
        self.expect("tasks.fail", {**proof, "message": "no", "retryable": not is_final}, state if is_right else "stale_attempt")
        if is_right:
            task.end_claim(state)
            task.due_at = self.clocks.steady + 1 if state == "pending" else None

    def release(self, task, proof, is_right):
        state = "cancelled" if task.is_cancelled else "ready"
        self.expect("tasks.release", proof, state if is_right else "stale_attempt")
        if is_right:
            task.end_claim(state)

    def ask_for(self, task, proof, is_right):
        kind = self.rng.choice(("input", "approval"))
        got = self.expect("tasks.release", {**proof, "kind": kind, "question": "?"}, "awaiting_" + kind if is_right else "stale_attempt")
        if is_right:
            task.end_claim("awaiting_" + kind)
            task.question = got["question_id"]

    def answer(self):
        task = self.any_task()
        is_right = self.rng.random() < .8
        state = ("illegal_transition" if task.state != "awaiting_input" else "ready" if is_right else "conflict")
        question = task.question if is_right and task.question else "0" * 8 + "-0000-7000-8000-" + "0" * 12
        self.expect("tasks.answer", {"id": task.id, "question_id": question, "answer": 1}, state)
        if state == "ready":
            task.state, task.question = "ready", None

    def approve(self):
        task, is_yes = self.any_task(), self.rng.random() < .7
        state = "illegal_transition" if task.state != "awaiting_approval" else "ready" if is_yes else "failed"
        self.expect("tasks.approve", {"id": task.id, "decision": "approve" if is_yes else "reject"}, state)
        if state != "illegal_transition":
            task.state = state

    def review(self):
        task = self.any_task()
        decision, state = self.rng.choice((("accept", "completed"), ("rework", "ready"), ("reject", "failed")))
        is_legal = task.state == "output_pending_review"
        self.expect("tasks.review", {"id": task.id, "decision": decision}, state if is_legal else "illegal_transition")
        if is_legal:
            task.state = state

    def cancel(self):
        task, is_forced = self.any_task(), self.rng.random() < .3
        asks = task.state in HELD and not is_forced
        state = (task.state if asks else "illegal_transition" if task.state in ("completed", "failed") else "cancelled")
        self.expect("tasks.cancel", {"id": task.id, "force": is_forced, "grace_ms": HOUR}, state)
        if asks and not task.is_cancelled:
            task.is_cancelled, task.cancel_at = True, self.clocks.steady + 1
        if state == "cancelled":
            task.end_claim(state)

    def requeue(self):
        task = self.any_task()
        is_legal = task.state == "failed"
        self.expect("tasks.requeue", {"id": task.id}, "ready" if is_legal else "illegal_transition")
        if is_legal:
            task.state, task.tries, task.reclaims = "ready", 0, 0

    def step(self):
        if not self.tasks or self.rng.random() < .2:
            return self.create()
        steps = [self.claim] * 4 + [self.holder_says] * 8
        return self.rng.choice(steps + [self.answer, self.approve, self.review, self.cancel, self.requeue])()

    def run(self):
        for _ in range(STEPS):
            self.step()

    # ---- afterwards ----

    def look(self):
        for task in self.tasks:
            task.look(self.clocks)

    def compare(self):
        """As soon as the server has looked at what is due."""
        want, late = {t.id: (t.state, t.attempt) for t in self.tasks}, time.monotonic() + questd.PATIENCE_S
        got = None
        while got != want:
            assert time.monotonic() < late, ({i: (got.get(i), want[i]) for i in want if got.get(i) != want[i]}, self.log)
            got = {t["short_id"]: (t["state"], t["attempt"])
                   for t in self.lines.ok("tasks.list", {"queue": self.queue, "limit": 100})["items"]}
        queue, page = None, {}
        while not queue:
            page = self.lines.ok("queues.list", {"limit": 100, **({"cursor": page["next_cursor"]} if page else {})})
            queue = next((q for q in page["items"] if q["name"] == self.queue), None)
        counts = collections.Counter(t.state for t in self.tasks)
        wrong = {s: (queue[s], counts[s]) for s in LIVE + ENDED if queue[s] != counts[s]}
        assert not wrong, (wrong, self.log)


class QueueModel(unittest.TestCase):
    def at_once(self, models, step):
        """One thread a model; the first that goes wrong is told with its seed, which brings it about again."""
        wrong = []

        def run(model):
            try:
                step(model)
            except Exception as e:
                wrong.append(f"seed {model.seed}: {e!r:.3000}")
        threads = [threading.Thread(target=run, args=(m,)) for m in models]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong[:1], [])

    def kill(self, server, clocks, models):
        server.kill()
        server.start()
        clocks.restart()
        for m in models:
            m.lines.close()
            m.lines = server.lines()

    def test_random_sequences_do_as_the_model(self):
        """ag-1 ag-2 with refusals, stale proofs, leases that lapse; in the middle of a group the server is killed, the
        wall's clock set back a day, the machine asleep for two hours, or each of these."""
        for first in range(0, SEQUENCES, OF_A_SERVER):
            self.sequences(range(first, min(first + OF_A_SERVER, SEQUENCES), AT_ONCE))

    def sequences(self, groups):
        folder = tempfile.mkdtemp(prefix="questd-test.")
        self.addCleanup(shutil.rmtree, folder)
        clocks = Clocks(folder)
        with Server("--ballast-mb", "0", http="off", env=clocks.env()) as server:
            for first in groups:
                self.group(server, clocks, first)
            lines = server.lines()
            self.assertTrue(lines.ok("system.check")["sound"])
            lines.close()

    def group(self, server, clocks, first):
        models = [Model(server.lines(), f"m{first + n}", random.randrange(1 << 32), clocks) for n in range(AT_ONCE)]
        number = first // AT_ONCE
        for phase in range(PHASES):
            self.at_once(models, Model.run)
            if number % 2 and phase == 1:
                self.kill(server, clocks, models)
            if number % 4 > 1 and phase == 1:
                clocks.set_back(24)
            if number % 8 > 3:
                clocks.sleep(2)
            self.at_once(models, Model.look)
            self.at_once(models, Model.compare)
        for m in models:
            m.lines.close()


class Histories(unittest.TestCase):
    """A history of a queue is linearizable when no value comes twice or before it was put in, none overtakes another
    that was there before it, and nobody finds nothing while something was there all the time."""
    CLIENTS, STEPS = 8, 150

    def client(self, server, seed, history):
        rng, lines = random.Random(seed), server.lines()
        for _ in range(self.STEPS):
            is_put = rng.random() < .5
            begun = time.monotonic_ns()
            if is_put:
                got = lines.ok("tasks.create")["short_id"]
            else:
                items = lines.ok("tasks.claim", {"lease_ms": HOUR})["items"]
                got = items[0]["short_id"] if items else None
            history.append((is_put, got, begun, time.monotonic_ns()))
        lines.close()

    def check_order(self, put, taken):
        order = sorted(put, key=lambda task: put[task][1])
        never = (float("inf"), float("inf"))
        for i, a in enumerate(order):
            for b in order[i + 1:]:
                if put[a][1] < put[b][0]:  # a was there before b was given in
                    self.assertFalse(taken.get(b, never)[1] < taken.get(a, never)[0], (a, b))

    def check_empty(self, begun, ended, put, taken):
        """Is there a moment of it at which nothing was there for sure?"""
        at = begun
        for since, until in sorted((put[t][1], taken.get(t, (float("inf"),))[0]) for t in put):
            if since <= at < until:
                at = until
        self.assertLess(at, ended, "something was there from the first moment to the last")

    def test_ag_4_histories_of_claims_are_those_of_a_queue(self):
        """ag-4: what eight clients were told, in which order, could have been told by one after the other."""
        history, seeds = [], [random.randrange(1 << 32) for _ in range(self.CLIENTS)]
        with Server("--ballast-mb", "0", http="off") as server:
            threads = [threading.Thread(target=self.client, args=(server, s, history)) for s in seeds]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        put = {got: (begun, ended) for is_put, got, begun, ended in history if is_put}
        claims = [(got, begun, ended) for is_put, got, begun, ended in history if not is_put]
        taken = {got: (begun, ended) for got, begun, ended in claims if got}
        self.assertEqual(len(history), self.CLIENTS * self.STEPS, seeds)
        self.assertEqual(len(taken), sum(1 for c in claims if c[0]), "one was claimed twice")
        for task, (_, ended) in taken.items():
            self.assertLess(put[task][0], ended, f"{task} was claimed before it was made")
        self.check_order(put, taken)
        for got, begun, ended in claims:
            if not got:
                self.check_empty(begun, ended, put, taken)


if __name__ == "__main__":
    unittest.main()
