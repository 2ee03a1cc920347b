# SPDX-License-Identifier: Apache-2.0
"""Schedules against the real server: due times that come while it runs, while it is killed, while it is down."""
import datetime
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

QUEST = {"verb": "quests.create", "params": {"subject": "Due at {{event.payload.due_at}}"}}
POINTS = ["schedule_tick_before", "schedule_told", "schedule_fired", "schedule_tick_after", "firing_claimed", "firing_call_before",
          "firing_complete_before"]


def soon(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make(lines, name, seconds, **more):
    """Due once in so many seconds, and not again while a test runs."""
    return lines.ok("schedules.create", {"name": name, "cron": "every 1h", "start_at": soon(seconds), "calls": [QUEST], **more})


def wait_for(lines, kind, n=1):
    """The events of this kind, when there are so many."""
    since = None
    while True:
        items = lines.ok("events.list", {"kinds": [kind], "limit": 100})["items"]
        if len(items) >= n:
            return items
        since = lines.ok("events.poll", {"kinds": [kind], "timeout_s": 20, **({"since": since} if since else {})})["since"]


class Schedules(unittest.TestCase):
    def test_ik_q22_a_due_time_is_one_event_and_its_calls(self):
        """by the server's own timer, in time"""
        with questd.Server() as server:
            lines = server.lines()
            made = make(lines, "soon", 1)
            quest, = wait_for(lines, "quest.created")
            tick, = wait_for(lines, "schedule.tick")
            self.assertEqual((tick["subject"], tick["payload"]["late_ms"] < 60000), (made["id"], True))
            self.assertEqual(tick["payload"]["due_at"], made["next_at"])
            subject = lines.ok("quests.get", {"id": quest["subject"]})["subject"]
            self.assertEqual(subject, "Due at " + made["next_at"])
            now = lines.ok("schedules.get", {"id": "soon"})
            self.assertEqual((now["runs"], now["last_due_at"]), (1, made["next_at"]))
            lines.close()

    def test_a_due_time_has_one_run_wherever_the_server_is_killed(self):
        """F-11 TM-COST-02 killed at each point of a tick and of the calls that follow"""
        with questd.Server() as server:
            lines = server.lines()
            for i, point in enumerate(POINTS, 1):
                lines.close()
                server.stop()
                server.env["FP"] = point + ":kill"
                server.start()
                lines = server.lines()
                made = make(lines, f"s{i}", .5)
                server.process.wait(questd.PATIENCE_S)
                lines.close()
                server._close()
                del server.env["FP"]
                server.start()
                lines = server.lines()
                self.assertEqual(len(wait_for(lines, "quest.created", i)), i, point)
                ticks = [e for e in wait_for(lines, "schedule.tick", i) if e["subject"] == made["id"]]
                self.assertEqual(len(ticks), 1, point)
                self.assertEqual(lines.ok("schedules.get", {"id": f"s{i}"})["runs"], 1, point)
                self.assertEqual(sum(q["failed"] for q in lines.ok("queues.list")["items"]), 0)
            self.assertTrue(lines.ok("system.check")["sound"])
            lines.close()

    def test_ik_q22_a_due_time_while_it_is_down_is_made_up_for_once(self):
        """TM-COST-02"""
        with questd.Server() as server:
            lines = server.lines()
            make(lines, "down", .3)
            lines.close()
            server.stop()
            server.start()
            lines = server.lines()
            wait_for(lines, "quest.created")
            self.assertEqual(len(wait_for(lines, "schedule.tick")), 1)
            lines.close()

    def test_calls_that_hand_something_out_are_refused(self):
        """as a subscription's are: what comes of a run is there for all to read"""
        with questd.Server() as server:
            lines = server.lines()
            lines.ok("schedules.create", {"name": "bare", "cron": "@daily"})
            for verb in ("keys.create", "hooks.create", "hooks.rotate", "tasks.claim", "mailboxes.receive"):
                calls = [{"verb": verb, "params": {}}]
                for method, params in (("schedules.create", {"name": "x", "cron": "@daily"}), ("schedules.update", {"id": "bare"})):
                    fields = lines.call(method, {**params, "calls": calls})["error"]["data"]["fields"]
                    self.assertIn(("calls[0].verb", verb), [(f["field"], f["got"]) for f in fields], method)
            self.assertEqual(lines.ok("schedules.get", {"id": "bare"})["calls"], [])
            lines.close()

    def test_without_zone_files_it_says_what_is_missing(self):
        with questd.Server(env={"TZDIR": "/nonexistent"}) as server:
            lines = server.lines()
            error = lines.call("schedules.create", {"name": "x", "cron": "@daily", "zone": "Europe/Berlin"})["error"]
            self.assertEqual((error["data"]["code"], error["data"]["field"]), ("unsupported", "zone"))
            self.assertIn("tzdata", error["data"]["hint"])
            lines.ok("schedules.create", {"name": "x", "cron": "@daily"})
            lines.close()


if __name__ == "__main__":
    unittest.main()
