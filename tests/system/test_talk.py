# SPDX-License-Identifier: Apache-2.0
"""Sessions of a real server: order under many writers, privacy between keys, waiting for what comes, what a kill
leaves, retention. Names begin with the row of the promise."""
import json
import sqlite3
import threading
import unittest

from questd import Server

PLENTY = {"reads_per_minute": 1000000, "writes_per_minute": 1000000}


def code_of(answer):
    return answer.get("error", {}).get("data", {}).get("code")


def let_in(server, owner, kind, name, *access):
    """Lines of somebody who comes with a key."""
    owner.ok("users.create" if kind == "user" else "agents.spawn", {"name": name})
    key = owner.ok("keys.create", {"name": "test", "owner_kind": kind, "owner": name, "access": list(access or ["operator"]), **PLENTY})
    lines = server.lines()
    lines.ok("keys.use", {"key": key["secret"]})
    return lines


def all_of(functions):
    threads = [threading.Thread(target=f) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


class Talk(unittest.TestCase):
    def test_m7_concurrent_writers_are_one_dense_order_to_every_reader(self):
        """ik-M7 8 writers, one session: 1…N without gaps, and a reader never sees n+1 before n"""
        n_each, writers = 50, 8
        with Server("--ballast-mb", "0", http="off") as server:
            owner = server.lines()
            owner.ok("sessions.create", {"title": "all"})
            seqs, stop, wrong = [[] for _ in range(writers)], threading.Event(), []

            def write(n):
                lines = server.lines()
                for i in range(n_each):
                    seqs[n].append(lines.ok("message_to", {"to": "s-1", "text": f"{n}.{i}"})["seq"])
                lines.close()

            def read():
                lines, since = server.lines(), 0
                while not stop.is_set() or since < writers * n_each:
                    page = lines.ok("sessions.messages", {"id": "s-1", "since": since, "limit": 200})
                    for m in page["items"]:
                        if m["seq"] != since + 1:
                            wrong.append((since, m["seq"]))
                        since = m["seq"]
                lines.close()
            reader = threading.Thread(target=read)
            reader.start()
            all_of([lambda n=n: write(n) for n in range(writers)])
            stop.set()
            reader.join()
            self.assertEqual(wrong, [])
            self.assertEqual(sorted(s for one in seqs for s in one), list(range(1, writers * n_each + 1)))
            for one in seqs:
                self.assertEqual(one, sorted(one))

    def test_m11_filters_choose_and_an_unknown_kind_is_told_the_allowed_ones(self):
        """ik-M11"""
        with Server("--ballast-mb", "0", http="off") as server:
            owner = server.lines()
            ann = let_in(server, owner, "user", "ann")
            owner.ok("message_to", {"to": "ann", "text": "Is it ready?", "question": True})
            ann.ok("message_to", {"to": "owner", "text": "Nearly."})
            owner.ok("message_to", {"to": "ann", "text": "Good."})

            def seqs(**params):
                return [m["seq"] for m in owner.ok("sessions.messages", {"id": "s-1", **params})["items"]]
            times = [m["at"] for m in owner.ok("sessions.messages", {"id": "s-1"})["items"]]
            self.assertEqual(seqs(kinds=["question", "answer"]), [1, 2])
            self.assertEqual(seqs(exclude=["question"]), [2, 3])
            self.assertEqual(seqs(**{"from": "ann"}), [2])
            self.assertEqual(seqs(text="READY"), [1])
            self.assertEqual(seqs(after=times[0], before="2020-01-01T00:00:00Z"), [])
            self.assertEqual(seqs(after=times[0]), [1, 2, 3])
            self.assertEqual(seqs(since=1, limit=1), [2])
            error = owner.call("sessions.messages", {"id": "s-1", "kinds": ["shout"]})["error"]
            self.assertEqual(error["data"]["code"], "invalid_params")
            for kind in ("text", "question", "answer", "system", "handoff"):
                self.assertIn(kind, json.dumps(error))

    def test_m12_retention_by_rows_alone_and_by_age_alone(self):
        """ik-M12 of messages and of events; a reader is told what it missed"""
        server = Server("--ballast-mb", "0", "--keep-messages-rows", "100", "--keep-events-rows", "100", http="off")
        with server:
            owner = server.lines()
            owner.ok("sessions.create", {"title": "all"})
            for i in range(130):
                owner.ok("message_to", {"to": "s-1", "text": f"number {i}"})
            page = owner.ok("sessions.messages", {"id": "s-1", "since": 0, "limit": 1})
            while page.get("lost") != 30:  # retention looks once a second
                page = owner.ok("sessions.messages", {"id": "s-1", "since": 0, "limit": 1})
            self.assertEqual(page["items"][0]["seq"], 31)
            self.assertEqual(owner.ok("sessions.search", {"query": "0"})["items"], [])
            expired = owner.call("events.poll", {"since": owner.ok("events.poll", {"timeout_s": 0})["head"].split(".")[0] + ".1", "timeout_s": 0})
            while code_of(expired) != "cursor_expired":
                expired = owner.call("events.poll", {"since": owner.ok("events.poll", {"timeout_s": 0})["head"].split(".")[0] + ".1", "timeout_s": 0})
            owner.close()
            folder = server.data
            server.stop()
            db = sqlite3.connect(f"{folder}/questd.db")
            db.execute("drop trigger session_messages_never_change")
            db.execute("update session_messages set at_ms = at_ms - 4000 * 86400000 where seq <= 120")
            db.execute("create trigger session_messages_never_change before update on session_messages begin "
                       "select raise(abort, 'session_messages.never_change'); end")
            db.commit()
            db.close()
            server.start()
            owner = server.lines()
            while page.get("lost") != 120:
                page = owner.ok("sessions.messages", {"id": "s-1", "since": 0, "limit": 1})
            self.assertEqual(owner.ok("message_to", {"to": "s-1", "text": "goes on"})["seq"], 131)
            self.assertEqual(owner.ok("system.check")["problems"], [])

    def test_a_foreign_session_is_answered_byte_for_byte_like_a_missing_one(self):
        """TM-RPC-06"""
        with Server("--ballast-mb", "0", http="off") as server:
            owner = server.lines()
            ann, bob = (let_in(server, owner, "user", n) for n in ("ann", "bob"))
            robot = let_in(server, owner, "agent", "robot")
            ann.ok("message_to", {"to": "owner", "text": "between us"})
            calls = [("sessions.get", "id"), ("sessions.messages", "id"), ("sessions.close", "id"), ("sessions.fork", "id"),
                     ("inbox.dismiss", "id"), ("inbox.answer", "id"), ("sessions.search", "session"), ("mention", "session"),
                     ("add_participant", "session"), ("message_to", "to")]
            more = {"inbox.answer": {"text": "x"}, "sessions.search": {"query": "x"}, "mention": {"who": "bob"},
                    "add_participant": {"who": "bob"}, "message_to": {"text": "x"}}
            for lines in (bob, robot):
                for method, field in calls:
                    foreign, missing = (json.dumps(lines.call(method, {field: s, **more.get(method, {})})["error"]) for s in ("s-1", "s-9"))
                    self.assertEqual(foreign, missing.replace("s-9", "s-1"), method)
                self.assertEqual(lines.ok("sessions.list")["items"], [])
                self.assertEqual(lines.ok("sessions.search", {"query": "between"})["items"], [])
            self.assertEqual(len(ann.ok("sessions.list")["items"]), 1)
            self.assertNotIn("between", json.dumps(bob.ok("events.list", {"kinds": ["session.*"]})))

    def test_an_answer_given_for_somebody_is_given_from_the_seat_that_was_asked(self):
        """the owner answers in ann's name what waits for whoever directs"""
        with Server("--ballast-mb", "0", http="off") as server:
            owner = server.lines()
            owner.ok("users.create", {"name": "ann"})
            owner.ok("users.create", {"name": "bob"})
            owner.ok("roles.create", {"title": "Director", "type": "director", "occupant": "ann"})
            writer = let_in(server, owner, "agent", "writer")
            asked = writer.ok("message_to", {"to": "r-1", "text": "Which month?", "question": True})
            self.assertEqual([i["id"] for i in owner.ok("inbox.list", {"whose": "ann"})["items"]], [asked["session"]])
            refused = owner.call("inbox.answer", {"id": asked["session"], "text": "May.", "from": "bob"})
            self.assertEqual(code_of(refused), "conflict")
            owner.ok("inbox.answer", {"id": asked["session"], "text": "October.", "from": "ann"})
            said = writer.ok("sessions.messages", {"id": asked["session"]})["items"][-1]
            self.assertEqual((said["kind"], said["name"], said["role"], said["text"]), ("answer", "ann", "r-1", "October."))
            self.assertEqual(owner.ok("inbox.list", {"whose": "ann"})["items"], [])

    def test_who_waits_for_a_message_is_woken_by_it(self):
        with Server("--ballast-mb", "0", http="off") as server:
            owner, other = server.lines(), server.lines()
            owner.ok("sessions.create", {"title": "all"})
            since = owner.ok("events.poll", {"timeout_s": 0})["head"]
            owner.send({"jsonrpc": "2.0", "id": 1, "method": "events.poll", "params": {"subject": "s-1", "since": since, "timeout_s": 20}})
            other.ok("message_to", {"to": "s-1", "text": "here"})
            items = json.loads(owner.read())["result"]["items"]
            self.assertEqual([(i["kind"], i["payload"]["seq"]) for i in items], [("session.message", 1)])

    def test_ik_q17_an_agents_turn_ends_with_its_answer_or_not_at_all(self):
        """ik-Q17 the message's half: the turn is over and its answer said, or neither"""
        with Server("--ballast-mb", "0", http="off") as server:
            owner = server.lines()
            robot, other = (let_in(server, owner, "agent", n) for n in ("robot", "other"))
            owner.ok("message_to", {"to": "robot", "text": "What is the time?", "question": True})
            self.assertEqual(other.ok("tasks.claim", {"queue": "agent.turns"})["items"], [])
            turn = robot.ok("tasks.claim", {"queue": "agent.turns"})["items"][0]
            proof = {"id": turn["short_id"], "attempt": turn["attempt"], "token": turn["token"]}
            refused = robot.call("tasks.complete", {**proof, "message": {"to": "s-9", "text": "x"}})
            self.assertEqual((code_of(refused), refused["error"]["data"]["field"]), ("not_found", "message.to"))
            self.assertEqual(robot.ok("tasks.get", {"id": proof["id"]})["state"], "in_progress")
            done = robot.ok("tasks.complete", {**proof, "message": {"to": turn["payload"]["session"], "text": "Noon."}})
            self.assertEqual((done["state"], done["message_seq"]), ("completed", 2))
            said = owner.ok("sessions.messages", {"id": "s-1"})["items"][1]
            self.assertEqual((said["kind"], said["name"], said["reply_to"]), ("answer", "robot", 1))

    def test_a_kill_leaves_a_message_with_all_that_follows_from_it_or_nothing(self):
        """ik-M5 of messages: as many events as messages, a turn for who was written to, nobody waited for who answered"""
        with Server("--ballast-mb", "0", http="off") as server:
            owner = server.lines()
            owner.ok("agents.spawn", {"name": "robot"})
            said = 0
            for _ in range(5):
                writers = [server.lines() for _ in range(4)]
                for n, lines in enumerate(writers):
                    for i in range(30):
                        lines.send({"jsonrpc": "2.0", "id": i, "method": "message_to",
                                    "params": {"to": "robot", "text": f"{n}.{i}", "question": i % 2 == 0}})
                said = json.loads(writers[0].read())["result"]["seq"]
                server.kill()
                server.start()
                owner = server.lines()
                last = owner.ok("sessions.get", {"id": "s-1"})["last"]
                self.assertGreaterEqual(last, said)
                self.assertEqual(owner.ok("system.check")["problems"], [])
                with sqlite3.connect(f"file:{server.data}/questd.db?mode=ro", uri=True) as db:
                    events = db.execute("select count(*) from events where kind = 'session.message'").fetchone()[0]
                    turns = db.execute("select count(*) from tasks where state in (1, 2)").fetchone()[0]
                    words = db.execute("select count(*) from message_words").fetchone()[0]
                self.assertEqual((events, turns, words), (last, 1, last))


if __name__ == "__main__":
    unittest.main()
