# SPDX-License-Identifier: Apache-2.0
"""MCP as its older revisions have it (2024-11-05 … 2025-11-25): the handshake, sessions, streams that
are resumed, asking the client, and which fields a revision knows. Rows of the list for legacy
revisions; L12 and L14 are not wanted."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402
from mcpwire import LEGACY, Http, Peer, Stream  # noqa: E402


class Legacy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.admin = Peer(cls.server.lines())

    @classmethod
    def tearDownClass(cls):
        cls.admin.close()
        cls.server.__exit__()

    def peer(self, version="2025-11-25", capabilities=None):
        peer = Peer(self.server.lines())
        self.addCleanup(peer.close)
        peer.initialize(version, capabilities)
        return peer

    def session(self, version="2025-11-25", capabilities=None):
        http = Http(self.server)
        http.initialize(version, capabilities)
        return http

    def carriers(self, version="2025-11-25", capabilities=None):
        yield self.peer(version, capabilities)
        yield self.session(version, capabilities)


class Lines(Legacy):
    def test_the_version_is_agreed_on(self):
        """mcp-L1: the one asked for when it is spoken, else the newest that a handshake can have."""
        for make in (lambda: Peer(self.server.lines()), lambda: Http(self.server)):
            for asked, given in [(v, v) for v in LEGACY] + [("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25")]:
                peer = make()
                result = peer.initialize(asked)
                self.assertEqual(result["protocolVersion"], given)
                self.assertEqual(result["serverInfo"]["name"], "questd")
                self.assertIn("quests", result["instructions"])
                self.assertLessEqual({"tools", "resources", "prompts", "logging"}, set(result["capabilities"]))
                self.assertNotIn("tasks", result["capabilities"])
                self.assertEqual("completions" in result["capabilities"], given >= "2025-03-26")
                self.assertEqual("title" in result["serverInfo"], given >= "2025-06-18")
                self.assertEqual("icons" in result["serverInfo"], given >= "2025-11-25")
                peer.close()
        answer = self.peer().call("initialize", {"capabilities": {}})
        self.assertEqual(answer["error"]["code"], -32602)

    def test_ping(self):
        """mcp-L2: before and after the handshake."""
        peer = Peer(self.server.lines())
        self.addCleanup(peer.close)
        self.assertEqual(peer.call("ping")["result"], {})
        for carrier in self.carriers():
            self.assertEqual(carrier.call("ping")["result"], {})

    def test_each_revision_gets_the_fields_it_knows(self):
        """mcp-T4 mcp-T8: titles, annotations, structure."""
        for version in LEGACY:
            for carrier in self.carriers(version):
                tools = [t for t in carrier.call("tools/list")["result"]["tools"] if t["description"] != "conformance fixture"]
                self.assertEqual({"title" in t for t in tools}, {version >= "2025-06-18"})
                self.assertEqual({"annotations" in t for t in tools}, {version >= "2025-03-26"})
                self.assertEqual(any("_meta" in t for t in tools), version >= "2025-06-18")
                result = carrier.call("tools/call", {"name": "quests_list", "arguments": {}})["result"]
                self.assertEqual("structuredContent" in result, version >= "2025-06-18")
                text = json.loads(result["content"][0]["text"])
                self.assertEqual(text, result.get("structuredContent", text))
                self.assertNotIn("resultType", result)
                prompts = carrier.call("prompts/list")["result"]["prompts"]
                self.assertEqual(any("title" in p for p in prompts), version >= "2025-06-18")

    def test_links_are_for_those_who_know_them(self):
        """mcp-T4: from 2025-06-18 on."""
        self.peer("2025-11-25").call("tools/call", {"name": "ideas_store", "arguments": {"name": "Long tale", "content": "x" * 50000}})
        for version in LEGACY:
            for carrier in self.carriers(version):
                result = carrier.call("tools/call", {"name": "ideas_get", "arguments": {"name": "Long tale"}})["result"]
                self.assertEqual([b["type"] for b in result["content"]],
                                 ["text", "resource_link"] if version >= "2025-06-18" else ["text"])

    def test_set_level(self):
        """mcp-L9: nothing before it, from it on what is at or above; an unknown level is refused."""
        for version in LEGACY:
            peer = self.peer(version)
            peer.call("tools/call", {"name": "quests_list", "arguments": {}})
            self.assertEqual(peer.notes, [])
            self.assertEqual(peer.call("logging/setLevel", {"level": "debug"})["result"], {})
            peer.call("tools/call", {"name": "quests_list", "arguments": {}})
            self.assertEqual(peer.notes.pop()["method"], "notifications/message")
            peer.call("logging/setLevel", {"level": "emergency"})
            peer.call("tools/call", {"name": "quests_list", "arguments": {}})
            self.assertEqual(peer.notes, [])
            self.assertEqual(peer.call("logging/setLevel", {"level": "loud"})["error"]["code"], -32602)

    def test_subscriptions(self):
        """mcp-L10 mcp-L11 mcp-R1: updates of what was subscribed to, none of the rest, until it is undone."""
        quest = self.admin.content("quests_create", {"subject": "followed"})["short_id"]
        uri = f"questd://quest/{quest}"
        peer = self.peer()
        self.assertEqual(peer.call("resources/subscribe", {"uri": uri})["result"], {})
        missing = peer.call("resources/subscribe", {"uri": "questd://quest/q-99999"})["error"]
        self.assertEqual((missing["code"], missing["data"]["uri"]), (-32002, "questd://quest/q-99999"))
        self.assertEqual(peer.call("resources/read", {"uri": "questd://idea/none"})["error"]["code"], -32002)
        self.admin.tool("quests_update", {"id": quest, "priority": "low"})
        self.assertEqual(peer.note("notifications/resources/updated")["params"], {"uri": uri})
        self.assertEqual(peer.call("resources/unsubscribe", {"uri": uri})["result"], {})
        self.admin.tool("quests_update", {"id": quest, "priority": "high"})
        self.admin.tool("ideas_store", {"name": "L11", "content": "x"})
        peer.note("notifications/resources/list_changed")
        self.assertEqual([n for n in peer.notes if n["method"].endswith("updated")], [])

    def test_asking_the_client(self):
        """mcp-L8 mcp-E1: where it said that it can show a form, on the call's own stream."""
        for action, content, deleted in (("accept", {"confirm": True}, True), ("decline", None, False), ("cancel", None, False)):
            for capabilities, asks in (({"elicitation": {}}, True), ({}, False)):
                idea = self.admin.content("ideas_store", {"name": f"L8 {action} {asks}", "content": "x"})["id"]
                peer = self.peer("2025-06-18", capabilities)
                peer.send("tools/call", {"name": "ideas_delete", "arguments": {"id": idea}}, id="d")
                message = peer.wait(lambda m: m.get("id"))
                if asks:
                    self.assertEqual(message["method"], "elicitation/create")
                    self.assertNotIn("mode", message["params"])
                    peer.lines.send({"jsonrpc": "2.0", "id": message["id"], "result": {"action": action, **({"content": content} if content else {})}})
                    message = peer.answer("d")
                self.assertEqual("isError" not in message["result"], deleted and asks)
        older = self.peer("2025-03-26", {"elicitation": {}})
        self.assertTrue(older.call("tools/call", {"name": "ideas_delete", "arguments": {"id": idea}})["result"]["isError"])

    def test_batches_belong_to_one_revision(self):
        """mcp-L13: 2025-03-26 takes them, on lines and over HTTP; the others refuse."""
        batch = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/initialized"},
                 {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "quests_list", "arguments": {}}},
                 {"jsonrpc": "2.0", "id": 3, "method": "no/such"}, 7]
        peer = self.peer("2025-03-26")
        peer.lines.send(batch)
        answers = peer.wait(lambda m: isinstance(m, list))
        self.assertEqual({str(a["id"]) for a in answers}, {"1", "two", "3"})
        http = self.session("2025-03-26")
        stream = http.post(batch)
        self.assertEqual((stream.status, {str(a["id"]) for a in stream.json()}), (200, {"1", "two", "3"}))
        self.assertEqual(http.post([batch[1]]).status, 202)
        for version in ("2024-11-05", "2025-06-18", "2025-11-25"):
            self.assertEqual(self.session(version).post(batch).status, 400)
            peer = self.peer(version)
            peer.lines.send(batch)
            error = peer.read()["error"]
            self.assertEqual((error["code"], error["data"]["hint"]), (-32600, "send its messages one by one"))

    def test_cancelling_a_call(self):
        """mcp-L5: by notifications/cancelled, from any POST of the session."""
        quest = self.admin.content("quests_create", {"subject": "L5"})["id"]
        peer = self.peer()
        peer.send("tools/call", {"name": "quests_wait", "arguments": {"id": quest, "timeout_s": 40}}, id="w")
        peer.send("notifications/cancelled", {"requestId": "w"})
        self.assertEqual(peer.call("ping")["result"], {})
        self.assertEqual(peer.notes, [])


class Sessions(Legacy):
    def test_a_session_has_a_name_and_an_end(self):
        """mcp-L3: visible ASCII, asked for from then on, gone after DELETE."""
        http = self.session()
        self.assertRegex(http.session, r"^[\x21-\x7e]{16,}$")
        self.assertEqual(http.request("tools/list").status, 200)
        none = http.request("tools/list", None, None, ("Mcp-Session-Id",))
        self.assertEqual((none.status, "initialize first" in none.json()["error"]["data"]["hint"]), (400, True))
        other = http.request("tools/list", None, {"Mcp-Session-Id": "other"})
        self.assertEqual((other.status, "initialize without" in other.json()["error"]["data"]["hint"]), (404, True))
        head = http.head({})
        self.assertEqual(Stream(self.server.address, "DELETE", "/mcp", None, head).status, 200)
        for method, body in (("POST", {"jsonrpc": "2.0", "id": 1, "method": "ping"}), ("GET", None), ("DELETE", None)):
            self.assertEqual(Stream(self.server.address, method, "/mcp", body, head).status, 404)

    def test_the_version_header(self):
        """mcp-L4: absent is the session's, unknown is refused."""
        http = self.session("2025-06-18")
        self.assertEqual(http.request("ping", None, None, ("MCP-Protocol-Version",)).status, 200)
        self.assertEqual(http.request("ping", None, {"MCP-Protocol-Version": "1.0"}).status, 400)

    def test_notifications_and_responses_are_accepted(self):
        """mcp-L5: 202 and nothing."""
        http = self.session()
        for body in ({"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": "questd-1", "result": {}},
                     {"jsonrpc": "2.0", "id": 9, "error": {"code": -1, "message": "no"}}):
            stream = http.post(body)
            self.assertEqual((stream.status, stream.json()), (202, None))

    def test_a_method_header_does_not_make_it_modern(self):
        """Clients of the older era send Mcp-Method too."""
        stream = Http(self.server).post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}}, {"Mcp-Method": "initialize"})
        self.assertEqual(stream.json()["result"]["protocolVersion"], "2025-11-25")

    def test_the_stream_of_a_session_tells_of_changes(self):
        """mcp-L6 mcp-L11: what answers no request comes on GET, once."""
        http = self.session()
        quest = self.admin.content("quests_create", {"subject": "L6"})["short_id"]
        stream = http.get()
        self.addCleanup(stream.close)
        self.assertEqual((stream.status, stream.is_events), (200, True))
        http.call("resources/subscribe", {"uri": f"questd://quest/{quest}"})
        self.admin.tool("quests_update", {"id": quest, "priority": "low"})
        self.assertEqual(stream.event()[1]["params"], {"uri": f"questd://quest/{quest}"})

    def test_leaving_is_not_cancelling(self):
        """mcp-L5 mcp-L7: the call runs on, and its answer is fetched by the last event's id."""
        http = self.session()
        quest = self.admin.content("quests_create", {"subject": "L7"})
        stream = http.request("tools/call", {"name": "system_backup", "arguments": {}, "_meta": {"progressToken": "p"}})
        first = stream.event()
        self.assertEqual(first[1], "")  # the priming event
        events = []
        while (event := stream.event()) is not None:
            events.append(event)
        self.assertEqual(len({e[0] for e in events}), len(events))
        again = http.get(Last_Event_ID=first[0])
        replayed = []
        while (event := again.event()) is not None:
            replayed.append(event)
        self.assertEqual(replayed, events)
        self.assertIn("result", replayed[-1][1])
        rest = http.get(Last_Event_ID=events[-1][0])
        self.assertIsNone(rest.event())
        self.assertEqual(self.admin.content("quests_get", {"id": quest["id"]})["subject"], "L7")

    def test_a_waiting_call_survives_its_connection(self):
        """mcp-L5: disconnecting is not cancelling."""
        http = self.session("2025-11-25", {"elicitation": {}})
        idea = self.admin.content("ideas_store", {"name": "survivor", "content": "x"})["id"]
        stream = http.request("tools/call", {"name": "ideas_delete", "arguments": {"id": idea}})
        priming, asked = stream.event(), stream.event()
        stream.response.close()
        stream.close()
        again = http.get(Last_Event_ID=priming[0])
        self.addCleanup(again.close)
        self.assertEqual(again.event(), asked)
        http.post({"jsonrpc": "2.0", "id": asked[1]["id"], "result": {"action": "accept", "content": {"confirm": True}}})
        self.assertTrue(again.event()[1]["result"]["structuredContent"]["deleted"])
        self.assertIsNone(again.event())

    def test_sessions_are_their_callers_alone(self):
        """mcp-A8: another principal's session answers like one that never was; here: none but the token's exists."""
        first, second = self.session(), self.session()
        self.assertNotEqual(first.session, second.session)
        Stream(self.server.address, "DELETE", "/mcp", None, first.head({}))
        self.assertEqual(second.request("ping").status, 200)


if __name__ == "__main__":
    unittest.main()
