# SPDX-License-Identifier: Apache-2.0
"""Random sequences of calls against a small model of the queue, the server killed in between."""
import collections
import json
import os
import random
import threading
import unittest

from questd import Server

SEQUENCES, AT_ONCE, STEPS = int(os.environ.get("QUESTD_SEQUENCES", "500")), 25, 30
LIVE = ("pending", "ready", "claimed", "in_progress", "awaiting_approval", "awaiting_input", "output_pending_review")
ENDED = ("completed", "failed", "cancelled")
HELD = ("claimed", "in_progress")
HOUR = 3600000


class Task:
    def __init__(self, made, state, review, attempts_max):
        self.id, self.state, self.review, self.attempts_max = made["short_id"], state, review, attempts_max
        self.priority = made["priority"]
        self.attempt = self.tries = 0
        self.proofs, self.question, self.is_cancelled = [], None, False

    def end_claim(self, state):
        self.state, self.is_cancelled = state, False


class Model:
    """What the queue must do, in one place: every step says what is to come and changes what is known."""

    def __init__(self, lines, queue, seed):
        self.lines, self.queue, self.seed = lines, queue, seed
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
        attempts_max = self.rng.randrange(1, 4)
        state = "pending" if delay else "awaiting_approval" if approval else "ready"
        made = self.expect("tasks.create", {
            "queue": self.queue, "priority": self.rng.randrange(3), "approval": approval, "review": review, "lease_ms": HOUR,
            "delay_ms": delay, "retry": {"kind": "fixed", "initial_ms": HOUR, "max_ms": HOUR, "max_attempts": attempts_max}}, state)
        self.tasks.append(Task(made, state, review, attempts_max))

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
            task.state = "in_progress" if is_started else "claimed"
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
            task.state = "in_progress"

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
        if asks:
            task.is_cancelled = True
        elif state == "cancelled":
            task.end_claim(state)

    def requeue(self):
        task = self.any_task()
        is_legal = task.state == "failed"
        self.expect("tasks.requeue", {"id": task.id}, "ready" if is_legal else "illegal_transition")
        if is_legal:
            task.state, task.tries = "ready", 0

    def step(self):
        if not self.tasks or self.rng.random() < .2:
            return self.create()
        steps = [self.claim] * 4 + [self.holder_says] * 8
        return self.rng.choice(steps + [self.answer, self.approve, self.review, self.cancel, self.requeue])()

    def run(self):
        for _ in range(STEPS // 2):
            self.step()

    # ---- afterwards ----

    def compare(self):
        got = {t["short_id"]: (t["state"], t["attempt"]) for t in self.lines.ok("tasks.list", {"queue": self.queue, "limit": 100})["items"]}
        assert got == {t.id: (t.state, t.attempt) for t in self.tasks}, self.log
        queue, page = None, {}
        while not queue:
            page = self.lines.ok("queues.list", {"limit": 100, **({"cursor": page["next_cursor"]} if page else {})})
            queue = next((q for q in page["items"] if q["name"] == self.queue), None)
        counts = collections.Counter(t.state for t in self.tasks)
        assert {s: queue[s] for s in LIVE + ENDED} == {s: counts[s] for s in LIVE + ENDED}, self.log


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

    def test_random_sequences_do_as_the_model(self):
        """ag-1 ag-2 with refusals, stale proofs, and the server killed in the middle of every second group"""
        with Server("--ballast-mb", "0", http="off") as server:
            for first in range(0, SEQUENCES, AT_ONCE):
                models = [Model(server.lines(), f"m{first + n}", random.randrange(1 << 32)) for n in range(AT_ONCE)]
                self.at_once(models, Model.run)
                if first // AT_ONCE % 2:
                    server.kill()
                    server.start()
                    for m in models:
                        m.lines.close()
                        m.lines = server.lines()
                self.at_once(models, Model.run)
                self.at_once(models, Model.compare)
                for m in models:
                    m.lines.close()
            lines = server.lines()
            self.assertTrue(lines.ok("system.check")["sound"])
            lines.close()


if __name__ == "__main__":
    unittest.main()
