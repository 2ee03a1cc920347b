# SPDX-License-Identifier: Apache-2.0
"""The queue of a real server: many claimers, claims that wait, kills. Names begin with the row of the promise."""
import collections
import json
import multiprocessing
import os
import random
import socket
import threading
import time
import unittest

from questd import Lines, Server


def proof(claimed):
    return {"id": claimed["short_id"], "attempt": claimed["attempt"], "token": claimed["token"]}


def counts(lines, queue="default"):
    return next(q for q in lines.ok("queues.list")["items"] if q["name"] == queue)


def all_of(*functions):
    threads = [threading.Thread(target=f) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


class Waiter:
    """A claim on its way: `answer()` is what came, `has_come()` whether anything did."""

    def __init__(self, server, **params):
        self.lines = server.lines()
        self.lines.send({"jsonrpc": "2.0", "id": 1, "method": "tasks.claim", "params": {"wait_ms": 20000, **params}})

    def answer(self):
        return json.loads(self.lines.read())["result"]["items"]

    def has_come(self):
        self.lines.socket.setblocking(False)
        try:
            return len(self.lines.socket.recv(1, socket.MSG_PEEK)) > 0
        except BlockingIOError:
            return False
        finally:
            self.lines.socket.settimeout(20)

    def close(self):
        self.lines.close()


def parked(server):
    text = server.http("GET", "/metrics")[2]
    return int(next(line for line in text.split("\n") if line.startswith("questd_waiting_claims ")).split()[1])


def until_parked(server, n):
    """The metrics page is asked until so many claims wait."""
    while parked(server) != n:
        pass


def claim_all(server, results):
    """A process of its own: what it claimed, and what was refused."""
    lines, got, refused = server.lines(), [], []
    while True:
        answer = lines.call("tasks.claim", {"max": random.choice((1, 1, 3))})
        if "error" in answer:
            refused.append(answer["error"])
        elif not answer["result"]["items"]:
            break
        else:
            got += [i["short_id"] for i in answer["result"]["items"]]
    results.put((got, refused))


class Claims(unittest.TestCase):
    def test_each_task_is_claimed_once(self):
        """ik-Q1 1,000 tasks, 16 claimers that are processes, nothing refused"""
        processes = multiprocessing.get_context("fork")
        with Server("--ballast-mb", "0", http="off") as server:
            with_tasks(server, 1000)
            results = processes.Queue()
            claimers = [processes.Process(target=claim_all, args=(server, results)) for _ in range(16)]
            for c in claimers:
                c.start()
            all_got, all_refused = zip(*[results.get(timeout=60) for _ in claimers])
            for c in claimers:
                c.join()
            got = collections.Counter(i for some in all_got for i in some)
            self.assertEqual([r for some in all_refused for r in some], [])
            self.assertEqual((len(got), set(got.values())), (1000, {1}))

    def test_exactly_one_winner_on_every_way_in(self):
        """ag-4 64 claimers over the Unix socket, /rpc and MCP, 10,000 tasks: none twice, none lost, no empty answer before the end"""
        n_tasks = 10000
        with Server("--ballast-mb", "0") as server:
            with_tasks(server, n_tasks)
            got, too_early, observer = collections.Counter(), [], server.lines()
            lock, guard = threading.Lock(), threading.Lock()

            def note(items):
                with lock:
                    got.update(i["short_id"] for i in items)
                return items

            def over_lines(params):
                lines = server.lines()
                while note(lines.ok("tasks.claim", params)["items"]):
                    pass
                lines.close()

            def over_rpc(params):
                while note(json.loads(server.http(body={"jsonrpc": "2.0", "id": 1, "method": "tasks.claim", "params": params})[2])["result"]["items"]):
                    pass

            def over_tools(params):
                lines = server.lines()
                while note(json.loads(lines.tool("tasks_claim", params)["result"]["content"][0]["text"])["items"]):
                    pass
                lines.close()

            def run(n):
                claim = (over_lines, over_rpc, over_tools)[n % 3]
                claim({"max": 1 + n % 4})
                with guard:
                    if counts(observer)["ready"]:
                        too_early.append(n)
            all_of(*[lambda n=n: run(n) for n in range(64)])
            self.assertEqual(too_early, [])
            self.assertEqual((len(got), set(got.values())), (n_tasks, {1}))

    def test_a_waiting_claim_is_woken_by_another_connection(self):
        """ik-Q4 as many as became ready, the oldest first, and nobody else"""
        with Server("--ballast-mb", "0") as server:
            lines = server.lines()
            waiters = []
            for n in range(5):
                waiters.append(Waiter(server))
                until_parked(server, n + 1)
            lines.ok("tasks.create", {"subject": "one"})
            self.assertEqual(waiters[0].answer()[0]["subject"], "one")
            lines.ok("tasks.create", {"subject": "two"})
            self.assertEqual(waiters[1].answer()[0]["subject"], "two")
            lines.ok("system.ping")
            self.assertEqual([w.has_come() for w in waiters[2:]], [False] * 3)
            self.assertEqual(parked(server), 3)

    def test_no_wake_up_is_lost(self):
        """ik-Q4 claims sent together on one connection while others make as many tasks"""
        with Server("--ballast-mb", "0", http="off") as server:
            waiter, makers = server.lines(), [server.lines() for _ in range(8)]

            def wait():
                for n in range(8):
                    waiter.send({"jsonrpc": "2.0", "id": n, "method": "tasks.claim", "params": {"wait_ms": 15000}})
            for _ in range(200):
                all_of(wait, *[lambda m=m: m.ok("tasks.create") for m in makers])
                got = [json.loads(waiter.read())["result"]["items"] for _ in range(8)]
                self.assertEqual([len(items) for items in got], [1] * 8)

    def test_a_task_wakes_who_can_do_it(self):
        with Server("--ballast-mb", "0") as server:
            lines = server.lines()
            lines.ok("tasks.create", {"queue": "default", "capabilities": ["none has it"]})
            waiters = []
            for n, params in enumerate(({"capabilities": ["a"]}, {"tags": ["t"]}, {"capabilities": ["b", "c"]}, {})):
                waiters.append(Waiter(server, **params))
                until_parked(server, n + 1)
            lines.ok("tasks.create", {"subject": "for b", "capabilities": ["b"]})
            self.assertEqual(waiters[2].answer()[0]["subject"], "for b")
            lines.ok("tasks.create", {"subject": "for t", "tags": ["t", "u"]})
            self.assertEqual(waiters[0].answer()[0]["subject"], "for t")  # it can do that too, and waits longest
            lines.ok("tasks.create", {"subject": "plain"})
            self.assertEqual(waiters[3].answer()[0]["subject"], "plain")
            self.assertFalse(waiters[1].has_come())

    def test_room_that_comes_free_wakes_one_who_waits(self):
        """ag-9 a queue's cap and a concurrency key"""
        with Server("--ballast-mb", "0") as server:
            lines = server.lines()
            lines.ok("queues.update", {"name": "capped", "max_running": 1})
            for queue, more in (("capped", {}), ("default", {"concurrency_key": "k"})):
                for _ in range(2):
                    lines.ok("tasks.create", {"queue": queue, **more})
                held = lines.ok("tasks.claim", {"queue": queue})["items"][0]
                other = Waiter(server, queue=queue, tags=["nobody"])
                until_parked(server, 1)
                waiter = Waiter(server, queue=queue)
                until_parked(server, 2)
                lines.ok("tasks.complete", proof(held))
                self.assertEqual(len(waiter.answer()), 1)
                other.close()
                until_parked(server, 0)

    def test_a_scheduled_task_wakes_who_waits(self):
        """ik-Q3"""
        with Server("--ballast-mb", "0") as server:
            lines = server.lines()
            waiter = Waiter(server)
            until_parked(server, 1)
            lines.ok("tasks.create", {"subject": "later", "delay_ms": 300})
            self.assertFalse(waiter.has_come())
            self.assertEqual(waiter.answer()[0]["subject"], "later")

    def test_a_connection_with_a_waiting_claim_goes_on(self):
        with Server("--ballast-mb", "0") as server:
            waiter = Waiter(server)
            until_parked(server, 1)
            waiter.lines.next_id = 2
            self.assertEqual(waiter.lines.ok("system.ping"), {"pong": True})
            waiter.lines.send({"jsonrpc": "2.0", "id": 9, "method": "tasks.create", "params": {"subject": "mine"}})
            answers = {waiter.lines.read().find('"items"') > 0 for _ in range(2)}
            self.assertEqual(answers, {True, False})

    def test_a_claim_that_comes_to_nothing_leaves_nothing_behind(self):
        """Neither a row of the audit nor a commit, however long an idle worker goes on asking."""
        with Server("--ballast-mb", "0", http="off") as server:
            lines = server.lines()
            lines.ok("workers.register", {"name": "w1", "heartbeat_ms": 600000})
            lines.ok("queues.update", {"name": "default"})

            def trace():
                return (len(lines.ok("audit.list", {"limit": 200})["items"]), lines.ok("system.health")["commits"],
                        os.stat(os.path.join(server.data, "questd.db-wal")).st_size)
            before = trace()
            for params in ({}, {"wait_ms": 1}, {"worker": "w1"}, {"worker": "w1", "wait_ms": 1}, {"queue": "none"}):
                for _ in range(20):
                    self.assertEqual(lines.ok("tasks.claim", params)["items"], [])
            lines.ok("system.batch", {"atomic": True, "calls": [{"method": "tasks.claim", "params": {}}] * 3})
            self.assertEqual(trace(), before)
            lines.ok("tasks.create")
            self.assertEqual(len(lines.ok("tasks.claim", {"worker": "w1"})["items"]), 1)
            self.assertEqual(trace()[0], before[0] + 2)

    def test_who_left_is_given_nothing(self):
        with Server("--ballast-mb", "0") as server:
            lines = server.lines()
            gone, stays = Waiter(server), None
            until_parked(server, 1)
            stays = Waiter(server)
            until_parked(server, 2)
            gone.close()
            until_parked(server, 1)
            lines.ok("tasks.create", {"subject": "for who stays"})
            self.assertEqual(stays.answer()[0]["subject"], "for who stays")

    def test_waiting_ends_with_the_server(self):
        server = Server("--ballast-mb", "0")
        with server:
            waiter = Waiter(server)
            until_parked(server, 1)
            server.process.terminate()
            self.assertIn("shutting_down", waiter.lines.read())

    def test_a_lapsed_lease_wakes_who_waits(self):
        """ag-6 ik-Q5 with nobody but the one who waits connected"""
        with Server("--ballast-mb", "0", http="off") as server:
            lines = server.lines()
            lines.ok("tasks.create", {"lease_ms": 200})
            first = lines.ok("tasks.claim")["items"][0]
            again = lines.ok("tasks.claim", {"wait_ms": 20000})["items"][0]
            self.assertEqual((again["short_id"], again["attempt"]), (first["short_id"], 2))
            self.assertIn("stale_attempt", str(lines.call("tasks.complete", proof(first))))


def work_until_killed(path):
    """A worker that is a process of its own."""
    lines = Lines(path)
    while items := lines.ok("tasks.claim", {"wait_ms": 20000})["items"]:
        lines.ok("tasks.heartbeat", {**proof(items[0]), "progress": {"at": 1}})
        lines.call("tasks.complete", {**proof(items[0]), "result": os.getpid()})


class Deaths(unittest.TestCase):
    def test_ik_q6_a_killed_worker_s_task_is_done_by_another_once(self):
        """ik-Q6: killed at a random moment, again and again; what a sandbox ran is its own matter."""
        n_tasks, processes = 200, multiprocessing.get_context("fork")
        with Server("--ballast-mb", "0", http="off") as server:
            lines, workers = server.lines(), []
            for i in range(n_tasks):
                lines.ok("tasks.create", {"lease_ms": 100, "retry": {"max_attempts": 100}})
            left = n_tasks
            while left:
                workers = [w for w in workers if w.is_alive()]
                while len(workers) < 4:
                    workers.append(processes.Process(target=work_until_killed, args=(server.socket_path,)))
                    workers[-1].start()
                time.sleep(random.uniform(0, .02))
                random.choice(workers).kill()
                queue = lines.ok("queues.list")["items"][0]
                left = n_tasks - queue["completed"] - queue["failed"]
            for w in workers:
                w.kill()
                w.join()
            self.assertEqual(lines.ok("queues.list")["items"][0]["completed"], n_tasks)
            told, cursor = collections.Counter(), None
            while True:
                page = lines.ok("events.list", {"kinds": ["task.completed"], "limit": 200, **({"cursor": cursor} if cursor else {})})
                told.update(e["subject"] for e in page["items"])
                cursor = page.get("next_cursor")
                if not cursor or not page["items"]:
                    break
            self.assertEqual((len(told), set(told.values())), (n_tasks, {1}))


class Quests(unittest.TestCase):
    def test_a_quest_whose_lease_is_over_is_given_back_whoever_went(self):
        """ag-2 ik-Q5 ik-Q8: its holder is killed, and the server; the quest has one outcome."""
        with Server("--ballast-mb", "0", http="off") as server:
            lines = server.lines()
            quest = lines.ok("quests.create", {"subject": "x"})["id"]
            first = lines.ok("quests.claim", {"lease_ms": 1000})
            server.kill()
            server.start()
            lines = server.lines()
            while lines.ok("quests.get", {"id": quest})["status"] != "pending":
                pass
            second = lines.ok("quests.claim", {"id": quest})
            self.assertEqual(second["attempt"], 2)
            ending = {"id": quest, "kind": "done", "summary": "s"}
            for claim, code in ((first, "stale_attempt"), (second, None), (second, "stale_attempt")):
                answer = lines.call("quests.close", {**ending, "attempt": claim["attempt"], "token": claim["token"]})
                self.assertEqual(answer.get("error", {}).get("data", {}).get("code"), code)
            told = [e["kind"] for e in lines.ok("events.list", {"kinds": ["quest.*"]})["items"]]
            self.assertEqual(sorted(told), ["quest.claimed", "quest.claimed", "quest.closed", "quest.created", "quest.lapsed"])


class Workers(unittest.TestCase):
    def test_a_dropped_connection_disconnects_and_the_task_is_kept(self):
        """ag-17"""
        with Server("--ballast-mb", "0", http="off") as server:
            own, other = server.lines(), server.lines()
            own.ok("workers.register", {"name": "w1"})
            other.ok("tasks.create")
            held = own.ok("tasks.claim", {"worker": "w1"})["items"][0]
            own.close()
            while other.ok("workers.get", {"id": "w1"})["status"] != "disconnected":
                pass
            back = server.lines()
            self.assertEqual(back.ok("workers.heartbeat", {"id": "w1"})["status"], "busy")
            self.assertEqual(back.ok("tasks.complete", proof(held))["state"], "completed")


class Halfway(unittest.TestCase):
    def test_a_call_that_fails_halfway_takes_nothing_of_its_batch_with_it(self):
        """Completions that are refused for what was to go with them, among calls that come in one piece with them."""
        rounds = 60
        with Server("--no-auth") as server:
            lines = server.lines()
            lines.ok("tasks.create", {"subject": "asked for"})
            claimed = lines.ok("tasks.claim", {"start": True})["items"][0]
            to_nobody = {**proof(claimed), "message": {"to": "nobody", "text": "done"}}
            calls = [("events.fire", {"kind": "half.first"}), ("tasks.create", {"subject": "beside it", "request_id": "r%d"}),
                     ("tasks.complete", to_nobody), ("events.fire", {"kind": "half.last"})]
            said = [json.dumps({"jsonrpc": "2.0", "id": f"{i}.{k}", "method": method, "params": params}).replace("r%d", f"r{i}")
                    for i in range(rounds) for k, (method, params) in enumerate(calls)]
            lines.send("\n".join(said))
            answers = {a["id"]: a for a in (json.loads(lines.read()) for _ in said)}
            for i in range(rounds):
                self.assertEqual(answers[f"{i}.2"]["error"]["data"]["code"], "not_found", answers[f"{i}.2"])
                for k in (0, 1, 3):
                    self.assertIn("result", answers[f"{i}.{k}"])
            self.assertEqual(len({answers[f"{i}.1"]["result"]["id"] for i in range(rounds)}), rounds)
            for kind in ("half.first", "half.last"):
                self.assertEqual(len(lines.ok("events.list", {"kinds": [kind], "limit": 100})["items"]), rounds)
            queue = counts(lines)
            self.assertEqual((queue["ready"], queue["in_progress"], queue["completed"]), (rounds, 1, 0))
            self.assertEqual(lines.ok("tasks.complete", proof(claimed))["state"], "completed")
            self.assertTrue(lines.ok("audit.verify")["sound"])
            failed = [e for e in lines.ok("audit.list", {"outcome": "failed", "limit": 100})["items"] if e["verb"] == "tasks.complete"]
            self.assertEqual(len(failed), rounds)
            self.assertTrue(lines.ok("system.check", {"quick": False})["sound"])
            lines.close()


class Once(unittest.TestCase):
    def test_one_key_is_one_task_also_at_once_and_after_a_restart(self):
        """ik-Q16"""
        with Server("--ballast-mb", "0", http="off") as server:
            ids = []

            def create():
                lines = server.lines()
                ids.append(lines.ok("tasks.create", {"key": "k", "payload": {"n": 1}})["id"])
                lines.close()
            all_of(*[create] * 20)
            server.kill()
            server.start()
            create()
            self.assertEqual(len(ids), 21)
            self.assertEqual(len(set(ids)), 1)

    def test_a_question_survives_a_restart(self):
        """ik-Q23"""
        with Server("--ballast-mb", "0", http="off") as server:
            lines = server.lines()
            lines.ok("tasks.create")
            held = lines.ok("tasks.claim")["items"][0]
            question = lines.ok("tasks.release", {**proof(held), "kind": "input", "question": "Which?"})["question_id"]
            server.kill()
            server.start()
            lines = server.lines()
            lines.ok("tasks.answer", {"id": "t-1", "question_id": question, "answer": "blue"})
            self.assertEqual(lines.ok("tasks.claim")["items"][0]["answer"], "blue")

    def test_every_change_of_the_queue_may_be_repeated(self):
        """ag-15 the same request_id: one effect, one answer; with another body: idempotency_conflict"""
        with Server("--ballast-mb", "0", http="off") as server:
            lines = server.lines()

            def twice(method, params):
                params = {**params, "request_id": f"r-{lines.next_id}"}
                first = lines.ok(method, params)
                self.assertEqual(lines.ok(method, params), first, method)
                other = dict(params)
                other["queue" if method in ("tasks.create", "tasks.claim") else next(iter(params))] = "x"
                self.assertIn("idempotency_conflict", str(lines.call(method, other)), method)
                return first
            twice("queues.update", {"name": "default", "max_running": 10})
            twice("queues.pause", {"name": "default"})
            twice("queues.resume", {"name": "default"})
            twice("workers.register", {"name": "w1", "capacity": 9})
            twice("workers.heartbeat", {"id": "w1"})
            twice("workers.drain", {"id": "w1"})
            twice("workers.resume", {"id": "w1"})
            made = [twice("tasks.create", {"queue": "default", "review": n == 0, "approval": n == 1})["short_id"] for n in range(7)]
            self.assertEqual(len(set(made)), 7)
            twice("tasks.approve", {"id": made[1], "decision": "approve"})
            held = [twice("tasks.claim", {"queue": "default", "start": False})["items"][0] for _ in range(5)]
            self.assertEqual(len({h["short_id"] for h in held}), 5)
            held = {h["short_id"]: proof(h) for h in held}
            twice("tasks.start", held[made[0]])
            twice("tasks.heartbeat", held[made[0]])
            twice("tasks.complete", held[made[0]])
            twice("tasks.review", {"id": made[0], "decision": "accept"})
            twice("tasks.fail", {**held[made[2]], "message": "no", "retryable": False})
            twice("tasks.requeue", {"id": made[2]})
            question = twice("tasks.release", {**held[made[3]], "kind": "input", "question": "?"})["question_id"]
            twice("tasks.answer", {"id": made[3], "question_id": question, "answer": 1})
            twice("tasks.reassign", {"id": made[4], "assignee": "w1"})
            twice("tasks.cancel", {"id": made[5]})
            twice("tasks.purge", {"queue": "default", "state": "cancelled", "confirm": True})
            twice("workers.remove", {"id": "w1", "confirm": True})


class Kills(unittest.TestCase):
    def test_killed_under_load_nothing_is_lost_or_done_twice(self):
        """ik-Q7 ag-8 counts by state add up, acknowledged tasks and completions are there"""
        with Server("--ballast-mb", "0", http="off") as server:
            created, completed, lock = set(), collections.Counter(), threading.Lock()

            def client(n):
                try:
                    lines = server.lines()
                    for i in range(10000):
                        task = lines.ok("tasks.create", {"subject": f"{n}-{i}", "lease_ms": 400})["short_id"]
                        with lock:
                            created.add(task)
                        for item in lines.ok("tasks.claim", {"max": 2})["items"]:
                            if "error" in lines.call("tasks.complete", proof(item)):
                                continue  # its lease was over, on a busy machine
                            with lock:
                                completed[item["short_id"]] += 1
                except (OSError, EOFError, ValueError):
                    pass  # killed
            for _ in range(4):
                goal = len(completed) + 60
                threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
                for t in threads:
                    t.start()
                while len(completed) < goal:
                    threads[0].join(.005)
                server.kill()
                for t in threads:
                    t.join()
                server.start()
            lines = server.lines()
            self.assertEqual(set(completed.values()), {1})
            for task in random.sample(sorted(completed), 50):
                self.assertEqual(lines.ok("tasks.get", {"id": task})["state"], "completed")
            for task in random.sample(sorted(created), 50):
                lines.ok("tasks.get", {"id": task})
            while item := lines.ok("tasks.claim", {"wait_ms": 1000})["items"]:
                lines.ok("tasks.complete", proof(item[0]))
            end = counts(lines)
            self.assertGreaterEqual(end["completed"], len(created))
            self.assertEqual([end[s] for s in ("pending", "ready", "claimed", "in_progress", "failed")], [0] * 5)
            self.assertTrue(lines.ok("system.check")["sound"])

    def test_a_hand_off_is_whole_or_not_at_all_wherever_it_is_cut(self):
        """ik-Q17 ik-Q21 killed before and after the commit of complete + next + event; a dependent wakes with it"""
        for point, is_done in (("store_commit_before", False), ("store_commit_after", True)):
            with self.subTest(point), Server("--ballast-mb", "0", http="off") as server:
                lines = server.lines()
                lines.ok("tasks.create")
                lines.ok("tasks.create", {"depends_on": ["t-1"]})
                held = lines.ok("tasks.claim")["items"][0]
                server.stop()
                server.env["FP"] = f"{point}:1*kill"
                server.start()
                lines = server.lines()
                try:
                    lines.call("tasks.complete", {**proof(held), "next_task": {"subject": "next"}, "event": {"kind": "was.done"}})
                except EOFError:
                    pass
                server.process.wait(20)
                server.reader.join()
                del server.env["FP"]
                server.start()
                lines = server.lines()
                state = lines.ok("tasks.get", {"id": "t-1"})["state"]
                there = [t for t in lines.ok("tasks.list")["items"] if t.get("subject") == "next"]
                told = lines.ok("events.list", {"kinds": ["was.done"]})["items"]
                woken = lines.ok("tasks.get", {"id": "t-2"})["state"]
                self.assertEqual((state, len(there), len(told), woken),
                                 ("completed", 1, 1, "ready") if is_done else ("in_progress", 0, 0, "pending"))


def with_tasks(server, n):
    lines = server.lines()
    for start in range(0, n, 50):
        lines.ok("system.batch", {"atomic": True, "calls": [
            {"method": "tasks.create", "params": {"subject": f"task {i}"}} for i in range(start, min(n, start + 50))]})
    lines.close()


if __name__ == "__main__":
    unittest.main()
