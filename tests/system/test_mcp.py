# SPDX-License-Identifier: Apache-2.0
"""MCP against the real programs: what holds on every transport, over the Unix socket, through `questd
mcp` and over HTTP. Tests are named after the rows of the requirements they answer (mcp-B1 …). What is
HTTP's own is in test_mcp_http.py, what only the older revisions have in test_mcp_legacy.py."""
import base64
import hashlib
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import mcpwire  # noqa: E402
import questd  # noqa: E402
from mcpwire import LEVEL, SERVER_INFO, SUBSCRIPTION, TASKS, Http, Peer, modern  # noqa: E402

ELICITS = {"elicitation": {}}


class Carriers(unittest.TestCase):
    """Each test runs over all three transports against one server."""

    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.relay = questd.Relay("--socket", cls.server.socket_path)
        cls.carriers = {"unix": Peer(cls.server.lines()), "stdio": Peer(cls.relay.lines), "http": Http(cls.server)}
        cls.unix = cls.carriers["unix"]

    @classmethod
    def tearDownClass(cls):
        cls.unix.close()
        cls.relay.close()
        cls.server.__exit__()

    def everywhere(self):
        for name, carrier in self.carriers.items():
            with self.subTest(name):
                yield carrier

    def lines(self):
        """A connection of the test's own."""
        peer = Peer(self.server.lines())
        self.addCleanup(peer.close)
        return peer

    def error(self, answer, code):
        self.assertIn("error", answer)
        self.assertEqual(answer["error"]["code"], code, answer)
        return answer["error"]


class Base(Carriers):
    def test_ids_come_back_as_they_were(self):
        """mcp-B1: strings and integers, 0 and the empty string too; notifications get nothing."""
        for wanted in (0, "", "server-discover-probe-1", "listen:0", 9007199254740993, -1):
            peer = self.lines()
            peer.send("notifications/unheard-of", {})
            peer.send("server/discover", modern(), id=wanted)
            answer = peer.read()
            self.assertEqual((answer["id"], type(answer["id"])), (wanted, type(wanted)))
        for wrong in (None, 1.5, [], {}):
            peer.lines.send({"jsonrpc": "2.0", "id": wrong, "method": "server/discover", "params": modern()})
            self.error(peer.read(), -32600)

    def test_results_say_their_type(self):
        """mcp-B2: every modern result has resultType."""
        for carrier in self.everywhere():
            for method, params in (("server/discover", {}), ("tools/list", {}), ("resources/list", {}), ("prompts/list", {}),
                                   ("resources/templates/list", {}), ("skills/list", {}),
                                   ("tools/call", {"name": "quests_list", "arguments": {}})):
                self.assertEqual(carrier.modern(method, params)["result"]["resultType"], "complete")

    def test_error_codes_stay_in_their_ranges(self):
        """mcp-B3: the protocol's own codes with their own meaning, ours outside its range."""
        seen = []
        for carrier in self.everywhere():
            seen += [carrier.modern(m, p)["error"]["code"] for m, p in (
                ("resources/read", {"uri": "questd://quest/q-9999"}), ("tools/call", {"name": "nothing"}),
                ("no/such", {}), ("prompts/get", {"name": "nothing"}), ("tasks/get", {"taskId": "x"}))]
        self.assertTrue(all(c in (-32602, -32601, -32021) for c in seen), seen)

    def test_errors_say_what_to_do(self):
        """mcp-B3 mcp-T5: each has data with a code, a hint, and whether to repeat it."""
        for carrier in self.everywhere():
            for method, params in (("no/such", {}), ("prompts/get", {"name": "nothing"}), ("prompts/list", {"cursor": "x"}),
                                   ("tools/call", {"name": "nothing"}), ("tools/call", {}), ("tools/list", {"cursor": "x"}),
                                   ("resources/read", {}), ("resources/read", {"uri": "questd://quest/q-9999"}),
                                   ("resources/list", {"cursor": "x"}), ("skills/list", {"cursor": "x"}),
                                   ("skills/get", {"uri": "skill://x"}), ("completion/complete", {}),
                                   ("subscriptions/listen", {"notifications": 1})):
                with self.subTest(method, params=params):
                    data = carrier.modern(method, params)["error"].get("data", {})
                    self.assertLessEqual({"code", "hint", "retryable"}, set(data))

    def test_a_modern_request_says_version_and_client(self):
        """mcp-B4: without either it is refused; clientInfo is not needed."""
        peer = self.lines()
        for meta in ({}, {mcpwire.VERSION: "2026-07-28"}, {mcpwire.CLIENT: {}}):
            error = self.error(peer.call("server/discover", {"_meta": meta}), -32602)
            self.assertIn("io.modelcontextprotocol/", error["message"])
        self.assertIn("result", peer.call("server/discover", modern()))

    def test_nothing_is_remembered_between_modern_requests(self):
        """mcp-B5: what one request declared does not count for the next, lists are the same for all."""
        peer = self.lines()
        idea = peer.content("ideas_store", {"name": "B5", "content": "x"})["id"]
        self.assertEqual(peer.tool("ideas_delete", {"id": idea}, ELICITS)["result"]["resultType"], "input_required")
        self.assertTrue(peer.tool("ideas_delete", {"id": idea})["result"]["isError"])
        lists = [c.modern("tools/list")["result"]["tools"] for c in self.everywhere()]
        self.assertEqual(lists[0], lists[1])
        self.assertEqual(lists[0], lists[2])

    def test_results_say_who_answers(self):
        """mcp-B6: serverInfo in the _meta of every modern result."""
        for carrier in self.everywhere():
            info = carrier.modern("tools/list")["result"]["_meta"][SERVER_INFO]
            self.assertEqual(info["name"], "questd")
            self.assertTrue(info["version"])

    def test_discovery_shows_what_a_client_can_show(self):
        """mcp-T8 mcp-B6: title, description and an icon that every client can show; the other results stay short."""
        for carrier in self.everywhere():
            info = carrier.modern("server/discover")["result"]["_meta"][SERVER_INFO]
            self.assertEqual(set(info), {"name", "version", "title", "description", "icons"})
            icon = info["icons"][0]
            self.assertEqual((icon["mimeType"], icon["sizes"]), ("image/png", ["48x48"]))
            kind, data = icon["src"].split(",")
            self.assertEqual(kind, "data:image/png;base64")
            self.assertEqual(base64.b64decode(data, validate=True)[:8], b"\x89PNG\r\n\x1a\n")
            self.assertLess(len(icon["src"]), 1400)
            short = carrier.modern("tools/list")["result"]["_meta"][SERVER_INFO]
            self.assertEqual(set(short), {"name", "version"})

    def test_what_the_client_cannot_is_not_asked_of_it(self):
        """mcp-B7 mcp-P2: no input_required without elicitation, nor with url elicitation alone; tasks need their extension."""
        idea = self.unix.content("ideas_store", {"name": "B7", "content": "x"})["id"]
        for carrier in self.everywhere():
            for client in ({}, {"elicitation": {"url": {}}}, {"sampling": {}}):
                self.assertTrue(carrier.tool("ideas_delete", {"id": idea}, client)["result"]["isError"])
            error = self.error(carrier.modern("tasks/get", {"taskId": "x"}), -32021)
            self.assertEqual(error["data"]["requiredCapabilities"], TASKS)

    def test_unknown_meta_is_let_be(self):
        """mcp-B8: keys of others."""
        more = {"claudecode/toolUseId": "t1", "tracestate": "a=b", "baggage": "x=y", "traceparent": "nonsense"}
        for carrier in self.everywhere():
            self.assertIn("result", carrier.modern("tools/list", None, None, **more))

    def test_the_log_says_of_which_trace_a_call_is_part(self):
        """mcp-B9: each line about a call has the id of its trace, from _meta or from the header; a malformed one is none."""
        def parent(n):
            return f"00-{n:032x}-b7ad6b7169203331-01"
        with questd.Server("--log-level", "debug", env={"FP": "store_commit_before:2*return"}) as server:
            http, peer = Http(server), Peer(server.lines())
            self.addCleanup(peer.close)
            peer.tool("quests_list", {}, None, traceparent=parent(0xa1))
            http.tool("ideas_list", {}, None, traceparent=parent(0xa2))
            peer.tool("agents_list", {}, None, traceparent=parent(0))
            server.http("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": "events.list", "params": {}}, {"traceparent": parent(0xa3)})
            failed = [peer.tool("events_fire", {"kind": "a.b"}, None, traceparent=parent(0xa4)) for _ in range(3)]
            incidents = [json.loads(f["result"]["content"][0]["text"]).get("incident") for f in failed if f["result"].get("isError")]
            server.stop()
            log = server.err.splitlines()
        traced = {f"{n:032x}": [line for line in log if f'{n:032x}' in line] for n in (0xa1, 0xa2, 0xa3, 0xa4)}
        for trace, verb in zip(traced, ("quests.list", "ideas.list", "events.list", "events.fire")):
            self.assertTrue(any(f'verb="{verb}"' in line for line in traced[trace]), log)
        self.assertEqual(len(incidents), 1, failed)
        self.assertTrue(any(incidents[0] in line for line in traced[f"{0xa4:032x}"]), log)
        self.assertFalse([line for line in log if 'verb="agents.list"' in line and "trace=" in line])

    def test_a_modern_connection_gets_no_requests(self):
        """mcp-B10: only answers and notifications, even for what must be confirmed."""
        peer = self.lines()
        idea = peer.content("ideas_store", {"name": "B10", "content": "x"})["id"]
        peer.tool("ideas_delete", {"id": idea}, ELICITS)
        self.assertEqual([n for n in peer.notes if "id" in n], [])

    def test_client_info_decides_nothing(self):
        """mcp-B11: any name, and none, gets the same."""
        meta = {"io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2"}}
        self.assertEqual(self.unix.modern("tools/list", None, None, **meta)["result"], self.unix.modern("tools/list")["result"])


class Discovery(Carriers):
    def test_discover_says_what_there_is(self):
        """mcp-V1 mcp-V4 mcp-V5 mcp-V6: and every capability it names works."""
        for carrier in self.everywhere():
            r = carrier.modern("server/discover")["result"]
            self.assertEqual(r["supportedVersions"], ["2026-07-28"])
            self.assertEqual(set(r["capabilities"]), {"tools", "prompts", "resources", "logging", "completions", "extensions"})
            self.assertEqual(r["capabilities"]["extensions"], {
                "io.modelcontextprotocol/tasks": {}, "io.modelcontextprotocol/skills": {"directoryRead": True}})
            self.assertLessEqual(len(r["instructions"]), 2000)
            self.assertIsInstance(r["ttlMs"], int)
            self.assertIn(r["cacheScope"], ("public", "private"))
            for method in ("tools/list", "prompts/list", "resources/list", "skills/list"):
                self.assertIn("result", carrier.modern(method))

    def test_other_versions_are_named(self):
        """mcp-V2 mcp-V3: an unknown version in _meta, and the way back."""
        for carrier in (self.unix, self.carriers["stdio"]):
            for version in ("2099-01-01", "2025-06-18", ""):
                error = self.error(carrier.call("server/discover", {"_meta": {
                    mcpwire.VERSION: version, mcpwire.CLIENT: {}}}), -32022)
                self.assertEqual(error["data"], {"supported": ["2026-07-28"], "requested": version})

    def test_removed_methods_are_gone(self):
        """mcp-L2 mcp-H11: initialize, ping, setLevel and subscribe do not exist for modern requests."""
        for carrier in self.everywhere():
            for method in ("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list"):
                self.error(carrier.modern(method), -32601)

    def test_before_a_handshake_a_claimless_request_is_told_what_it_lacks(self):
        error = self.error(self.lines().call("tools/list"), -32602)
        self.assertIn("initialize", error["message"])


class StdIo(Carriers):
    def test_one_message_a_line_and_nothing_else(self):
        """mcp-S1: text with newlines stays one line, on both kinds of pipes."""
        text = "first\nsecond\n\nthird\u2028 \t\\n"
        for carrier in (self.unix, self.carriers["stdio"]):
            self.assertEqual(carrier.content("ideas_store", {"name": "S1", "content": text})["content"], text)
        pretty = json.dumps({"a": {"b": [1, 2]}}, indent=4)
        body = '{"jsonrpc":"2.0","id":1,"method":"events.fire","params":{"kind":"s1.pretty","payload":%s}}' % pretty
        self.assertEqual(self.server.http(body=body)[0], 200)
        items = self.unix.content("events_list", {"kinds": ["s1.*"]})["items"]
        self.assertEqual(items[0]["payload"], {"a": {"b": [1, 2]}})

    def test_the_relay_ends_with_its_input(self):
        """mcp-S2"""
        relay = questd.Relay("--socket", self.server.socket_path)
        Peer(relay.lines).modern("tools/list")
        self.assertEqual(relay.close(), 0)

    def test_cancelled_is_silence(self):
        """mcp-S3: nothing more for that id; unknown and finished ids are ignored."""
        quest = self.unix.content("quests_create", {"subject": "S3"})["id"]
        for carrier in (self.unix, self.carriers["stdio"]):
            carrier.send("tools/call", modern({"name": "quests_wait", "arguments": {"id": quest, "timeout_s": 40}}), id="w")
            for wanted in ("w", "w", 12345):
                carrier.send("notifications/cancelled", {"requestId": wanted, "reason": "test"})
            carrier.send("notifications/cancelled", {})
            self.assertIn("result", carrier.modern("tools/list"))
            self.assertEqual([n for n in carrier.notes if n.get("id") == "w"], [])

    def test_eras_share_a_pipe(self):
        """mcp-S8: a legacy handshake, modern requests and native methods on one connection."""
        peer = self.lines()
        self.assertEqual(peer.initialize("2025-06-18")["protocolVersion"], "2025-06-18")
        self.assertEqual(peer.call("tools/call", {"name": "quests_list", "arguments": {}})["result"].get("resultType"), None)
        self.assertEqual(peer.tool("quests_list")["result"]["resultType"], "complete")
        self.assertEqual(peer.call("system.ping")["result"], {"pong": True})
        self.assertEqual(peer.call("ping")["result"], {})

    def test_the_socket_knows_its_peer(self):
        """mcp-S6 mcp-S7: by uid, without a token."""
        self.assertEqual(self.unix.content("quests_create", {"subject": "S6"})["created_by"], f"uid:{os.getuid()}")


class Patterns(Carriers):
    def test_progress_only_where_it_was_asked_for(self):
        """mcp-P1: tokens 0 and "" are tokens; values rise; without a token nothing comes."""
        for carrier in (self.unix, self.carriers["stdio"]):
            for token, tool in ((0, "system_backup"), ("", "system_check"), ("a-b", "system_backup")):
                carrier.notes.clear()
                self.assertIn("result", carrier.tool(tool, {}, None, progressToken=token))
                values = [n["params"]["progress"] for n in carrier.notes if n["method"] == "notifications/progress"]
                tokens = {repr(n["params"]["progressToken"]) for n in carrier.notes if n["method"] == "notifications/progress"}
                self.assertEqual(tokens, {repr(token)})
                self.assertEqual(values, sorted(set(values)))
            carrier.notes.clear()
            carrier.tool("system_backup")
            self.assertEqual(carrier.notes, [])

    def test_a_wait_tells_what_it_waits_for(self):
        """mcp-P1: quests_wait says how the quest stands, at first and after each change, on every transport."""
        for begin in (self.wait_on_lines, self.wait_on_lines_legacy, self.wait_on_http):
            with self.subTest(begin.__name__):
                first = self.unix.content("quests_create", {"subject": "P1 first"})["short_id"]
                quest = self.unix.content("quests_create", {"subject": "P1", "depends_on": [first]})["short_id"]
                note, answer = begin({"name": "quests_wait", "arguments": {"id": quest}})
                self.assertEqual(note(), {"progressToken": "w", "progress": 0, "message": f"{quest} is pending and waits for 1 other"})
                self.finish(first)
                self.assertEqual(note(), {"progressToken": "w", "progress": 1, "message": f"{quest} is pending: it can be claimed"})
                self.finish(quest, lambda: self.assertEqual(
                    note(), {"progressToken": "w", "progress": 2,
                             "message": f"{quest} is in_progress: claimed by uid:{os.getuid()}, attempt 1"}))
                self.assertEqual(answer()["result"]["structuredContent"]["reached"], True)

    def finish(self, quest, meanwhile=lambda: None):
        token = self.unix.content("quests_claim", {"id": quest})["token"]
        meanwhile()
        self.unix.content("quests_close", {"id": quest, "kind": "done", "summary": "s", "token": token})

    def wait_on_lines(self, params):
        peer = self.lines()
        peer.send("tools/call", modern(params, progressToken="w"), id="w")
        return lambda: peer.note("notifications/progress")["params"], lambda: peer.answer("w")

    def wait_on_lines_legacy(self, params):
        peer = self.lines()
        peer.initialize("2025-06-18")
        peer.send("tools/call", {**params, "_meta": {"progressToken": "w"}}, id="w")
        return lambda: peer.note("notifications/progress")["params"], lambda: peer.answer("w")

    def wait_on_http(self, params):
        stream = self.carriers["http"].request("tools/call", modern(params, progressToken="w"))
        self.addCleanup(stream.close)
        return lambda: stream.event()[1]["params"], stream.answer

    def confirm(self, carrier, idea, **answer):
        first = carrier.tool("ideas_delete", {"id": idea}, ELICITS)["result"]
        request = first["inputRequests"]["confirm"]
        self.assertEqual(request["method"], "elicitation/create")
        return first, carrier.modern("tools/call", {
            "name": "ideas_delete", "arguments": {"id": idea}, "requestState": first["requestState"],
            "inputResponses": {"confirm": answer, "extra": {"action": "accept"}}}, ELICITS)

    def test_what_cannot_be_undone_asks_the_user(self):
        """mcp-E1 mcp-P2: accept carries it out, decline and cancel leave all as it is."""
        for carrier in self.everywhere():
            idea = carrier.tool("ideas_store", {"name": "E1", "content": "x"})["result"]["structuredContent"]["id"]
            for action in ("decline", "cancel"):
                _, refused = self.confirm(carrier, idea, action=action)
                self.assertTrue(refused["result"]["isError"])
                self.assertIn("confirmation_required", refused["result"]["content"][0]["text"])
            _, unsure = self.confirm(carrier, idea, action="accept", content={"confirm": False})
            self.assertTrue(unsure["result"]["isError"])
            _, done = self.confirm(carrier, idea, action="accept", content={"confirm": True})
            self.assertTrue(done["result"]["structuredContent"]["deleted"])

    def test_a_form_asks_for_flat_fields(self):
        """mcp-E1: one object of primitives."""
        idea = self.unix.content("ideas_store", {"name": "form", "content": "x"})["id"]
        first, _ = self.confirm(self.unix, idea, action="decline")
        params = first["inputRequests"]["confirm"]["params"]
        self.assertEqual(params["mode"], "form")
        self.assertEqual({p["type"] for p in params["requestedSchema"]["properties"].values()}, {"boolean"})

    def test_request_state_is_sealed(self):
        """mcp-P3: changed, of other arguments, or of another caller it is refused."""
        idea = self.unix.content("ideas_store", {"name": "P3", "content": "x"})["id"]
        state = self.unix.tool("ideas_delete", {"id": idea}, ELICITS)["result"]["requestState"]
        yes = {"confirm": {"action": "accept", "content": {"confirm": True}}}
        changed = state[:-2] + ("A" if state[-2] != "A" else "B") + state[-1]
        for name, arguments, wrong in (("ideas_delete", {"id": idea}, changed), ("ideas_delete", {"id": idea}, ""),
                                       ("ideas_delete", {"id": "other"}, state), ("agents_delete", {"id": idea}, state),
                                       ("ideas_delete", {"id": idea}, 7)):
            self.error(self.unix.modern("tools/call", {"name": name, "arguments": arguments, "requestState": wrong,
                                                       "inputResponses": yes}, ELICITS), -32602)
        other = self.carriers["http"].modern("tools/call", {
            "name": "ideas_delete", "arguments": {"id": idea}, "requestState": state, "inputResponses": yes}, ELICITS)
        self.error(other, -32602)
        self.assertEqual(self.unix.content("ideas_get", {"id": idea})["name"], "P3")

    def test_missing_answers_are_asked_for_again(self):
        """mcp-P4: no key, a wrong key, a number where an object belongs."""
        idea = self.unix.content("ideas_store", {"name": "P4", "content": "x"})["id"]
        state = self.unix.tool("ideas_delete", {"id": idea}, ELICITS)["result"]["requestState"]
        for responses in ({}, {"other": {}}, {"confirm": 7}, {"confirm": {"action": "accept"}},
                          {"confirm": {"action": "accept", "content": {"confirm": "yes"}}}):
            answer = self.unix.modern("tools/call", {"name": "ideas_delete", "arguments": {"id": idea}, "requestState": state,
                                                     "inputResponses": responses}, ELICITS)
            self.assertEqual(answer["result"]["resultType"], "input_required")

    def test_listen_acknowledges_first_and_tags_all(self):
        """mcp-P5 mcp-P6 mcp-P7 mcp-S4: per subscription, ids of their type, never what was not asked for."""
        quest = self.unix.content("quests_create", {"subject": "P5"})
        peer = self.lines()
        for wanted in ("listen:0", 7):
            peer.send("subscriptions/listen", modern({"notifications": {
                "toolsListChanged": wanted == 7, "resourceSubscriptions": [f"questd://quest/{quest['short_id']}", "questd://quest/q-99999",
                                                                          "https://example.org/"]}}), id=wanted)
            ack = peer.read()
            self.assertEqual(ack["method"], "notifications/subscriptions/acknowledged")
            self.assertEqual(ack["params"]["_meta"][SUBSCRIPTION], wanted)
            self.assertEqual(ack["params"]["notifications"], {
                **({"toolsListChanged": True} if wanted == 7 else {}),
                "resourceSubscriptions": [f"questd://quest/{quest['short_id']}"]})
        self.unix.tool("quests_update", {"id": quest["id"], "priority": "low"})
        notes = [peer.read(), peer.read()]
        self.assertEqual({n["params"]["_meta"][SUBSCRIPTION] for n in notes}, {"listen:0", 7})
        self.assertEqual({n["method"] for n in notes}, {"notifications/resources/updated"})
        peer.send("notifications/cancelled", {"requestId": 7})
        self.unix.tool("quests_create", {"subject": "P5 other"})
        self.assertIn("result", peer.modern("tools/list"))
        self.assertEqual(peer.notes, [])

    def test_new_objects_change_the_list(self):
        peer = self.lines()
        peer.send("subscriptions/listen", modern({"notifications": {"resourcesListChanged": True}}), id=1)
        peer.note("notifications/subscriptions/acknowledged")
        self.unix.tool("ideas_store", {"name": "list change", "content": "x"})
        self.assertEqual(peer.read()["method"], "notifications/resources/list_changed")

    def test_a_bad_filter_is_refused(self):
        for params in ({}, {"notifications": []}, {"notifications": {"resourceSubscriptions": "x"}},
                       {"notifications": {"resourceSubscriptions": ["questd://quest/q-1"] * 65}}):
            self.error(self.unix.modern("subscriptions/listen", params), -32602)
        self.error(self.unix.modern("subscriptions/listen", {"notifications": {"taskIds": ["x"]}}), -32021)


class Shutdown(unittest.TestCase):
    def test_the_end_of_the_server_closes_a_listen(self):
        """mcp-S5: on lines the cancelled notification, then the closing result."""
        with questd.Server() as server:
            peer = Peer(server.lines())
            peer.send("subscriptions/listen", modern({"notifications": {"toolsListChanged": True}}), id="l")
            peer.note("notifications/subscriptions/acknowledged")
            server.stop()
            first, second = peer.read(), peer.read()
            peer.close()
        self.assertEqual((first["method"], first["params"]["requestId"]), ("notifications/cancelled", "l"))
        self.assertEqual(second["result"]["_meta"][SUBSCRIPTION], "l")
        self.assertEqual(second["result"]["resultType"], "complete")


class Features(Carriers):
    def test_lists_are_stable_and_say_how_long_they_hold(self):
        """mcp-T1 mcp-G1: one page, one order, ttlMs and cacheScope; a cursor that is none is refused."""
        for carrier in self.everywhere():
            first, second = (carrier.modern("tools/list")["result"] for _ in range(2))
            self.assertEqual([t["name"] for t in first["tools"]], [t["name"] for t in second["tools"]])
            self.assertNotIn("nextCursor", first)
            for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "skills/list"):
                r = carrier.modern(method)["result"]
                self.assertGreaterEqual(r["ttlMs"], 0)
                self.assertIn(r["cacheScope"], ("public", "private"))
            for cursor in ("", "x", "quest:bad", 7):
                for method in ("tools/list", "resources/list", "prompts/list", "skills/list"):
                    self.error(carrier.modern(method, {"cursor": cursor}), -32602)

    def test_a_long_list_comes_in_pages(self):
        """mcp-G1: each resource once, over all kinds."""
        for i in range(60):
            self.unix.tool("ideas_store", {"name": f"page {i}", "content": f"text number {i} about nothing else"})
        for carrier in self.everywhere():
            uris, cursor = [], {}
            while True:
                r = carrier.modern("resources/list", cursor)["result"]
                uris += [x["uri"] for x in r["resources"]]
                if "nextCursor" not in r:
                    break
                cursor = {"cursor": r["nextCursor"]}
            self.assertEqual(len(uris), len(set(uris)))
            self.assertGreaterEqual(len([u for u in uris if u.startswith("questd://idea/")]), 60)

    def test_structure_and_text_are_the_same(self):
        """mcp-T4: clients show the model one or the other."""
        for carrier in self.everywhere():
            r = carrier.tool("system_info")["result"]
            self.assertEqual(json.loads(r["content"][0]["text"]), r["structuredContent"])
            self.assertEqual(len(r["content"]), 1)

    def test_what_is_too_long_to_be_shown_says_where_it_is(self):
        """mcp-T4: over 40 kB a link to the object stands behind its text, and reads it whole; nothing is left out of either."""
        text = "# Long\n\n" + "a line of text\n" * 4000
        idea = self.unix.content("ideas_store", {"name": "Long house", "content": text})["id"]
        for carrier in self.everywhere():
            result = carrier.tool("ideas_get", {"id": idea})["result"]
            self.assertEqual([b["type"] for b in result["content"]], ["text", "resource_link"])
            self.assertEqual(json.loads(result["content"][0]["text"]), result["structuredContent"])
            link = result["content"][1]
            self.assertEqual((link["name"], link["mimeType"], link["size"]), ("Long house", "text/markdown", len(text)))
            read = carrier.modern("resources/read", {"uri": link["uri"]})["result"]["contents"][0]
            self.assertEqual(read["text"], text)
            self.assertEqual(len(carrier.tool("ideas_list")["result"]["content"]), 1)
        self.unix.tool("ideas_update", {"id": idea, "content": "short"})
        self.assertEqual(len(self.unix.tool("ideas_get", {"id": idea})["result"]["content"]), 1)

    def test_wrong_calls(self):
        """mcp-T5 mcp-T6: an unknown tool is the protocol's error, a wrong argument the model's to mend."""
        for carrier in self.everywhere():
            error = self.error(carrier.tool("quests_lst"), -32602)
            self.assertEqual(error["data"]["nearest"], "quests_list")
            if carrier is not self.carriers["http"]:  # there its header is missing first
                self.error(carrier.modern("tools/call", {"arguments": {}}), -32602)
            self.error(carrier.modern("tools/call", {"name": "quests_list", "arguments": []}), -32602)
            r = carrier.tool("quests_create", {"priority": "urgent", "subjct": "x"})["result"]
            self.assertTrue(r["isError"])
            self.assertNotIn("structuredContent", r)
            told = json.loads(r["content"][0]["text"])
            self.assertEqual((told["error"], told["retryable"]), ("invalid_params", False))
            self.assertEqual({f["field"] for f in told["fields"]}, {"subject", "priority", "subjct"})
            self.assertEqual(json.loads(carrier.tool("quests_get", {"id": "q-99999"})["result"]["content"][0]["text"])["error"], "not_found")

    def test_names_have_aliases_that_are_never_listed(self):
        """mcp-T2: dots and dashes are accepted in a call."""
        for carrier in self.everywhere():
            for name in ("quests.list", "quests-list", "quests_list"):
                self.assertIn("structuredContent", carrier.tool(name)["result"])
            names = [t["name"] for t in carrier.modern("tools/list")["result"]["tools"]]
            self.assertEqual([n for n in names if not re.match(r"^[a-z][a-z0-9_]{0,47}$", n)], [])

    def test_no_reference_is_fetched(self):
        """mcp-J2 mcp-J3: nothing that a caller sends makes the server open a connection."""
        r = self.unix.tool("events_fire", {"kind": "j2.x", "payload": {"$ref": "http://127.0.0.1:1/x", "$schema": "http://x/"}})
        self.assertEqual(r["result"]["structuredContent"]["payload"]["$ref"], "http://127.0.0.1:1/x")

    def test_resources_are_read(self):
        """mcp-R1 mcp-R4: by id, short id or name; what is not there is named."""
        quest = self.unix.content("quests_create", {"subject": "read me"})
        idea = self.unix.content("ideas_store", {"name": "Straße & 東京/x?", "content": "# so\n"})
        agent = self.unix.content("agents_spawn", {"name": "reader"})
        event = self.unix.content("events_list", {"limit": 1})["items"][0]
        for carrier in self.everywhere():
            for uri, part in ((f"questd://quest/{quest['short_id']}", "read me"), (f"questd://quest/{quest['id']}", "read me"),
                              (f"questd://idea/{idea['id']}", "# so\n"), (f"questd://agent/{agent['id']}", "reader"),
                              ("questd://agent/reader", "reader"), (f"questd://event/{event['id']}", event["kind"])):
                c = carrier.modern("resources/read", {"uri": uri})["result"]["contents"]
                self.assertEqual((len(c), c[0]["uri"]), (1, uri))
                self.assertIn(part, c[0]["text"])
            for uri in ("questd://quest/q-99999", "questd://idea/none", "questd://event/x.1", "questd://event/1", "questd://nothing/1",
                        "file:///etc/passwd", "questd://quest/%2e%2e%2fx", "questd://quest/%zz", "questd://quest/a/b", "questd://quest/", ""):
                error = self.error(carrier.modern("resources/read", {"uri": uri}), -32602)
                self.assertEqual(error["data"]["uri"], uri)

    def test_an_idea_is_read_by_its_name(self):
        """mcp-R2: percent-encoded, any script."""
        self.unix.tool("ideas_store", {"name": "Straße & 東京?", "content": "here"})
        for carrier in (self.unix, self.carriers["stdio"]):
            r = carrier.modern("resources/read", {"uri": "questd://idea/Stra%C3%9Fe%20%26%20%E6%9D%B1%E4%BA%AC%3F"})
            self.assertEqual(r["result"]["contents"][0]["text"], "here")

    def test_templates_and_their_completion(self):
        """mcp-R3 mcp-C1: ids and names, at most 100."""
        quest = self.unix.content("quests_create", {"subject": "complete me"})["short_id"]
        self.unix.tool("agents_spawn", {"name": "completer"})
        for carrier in self.everywhere():
            uris = {t["uriTemplate"] for t in carrier.modern("resources/templates/list")["result"]["resourceTemplates"]}
            self.assertLessEqual({f"questd://{k}/{{id}}" for k in ("quest", "idea", "agent", "event")}, uris)
            for ref, name, value, wanted in (
                    ({"type": "ref/resource", "uri": "questd://quest/{id}"}, "id", "q-", quest),
                    ({"type": "ref/resource", "uri": "questd://agent/{id}"}, "id", "comp", "completer"),
                    ({"type": "ref/prompt", "name": "write_outcome"}, "quest", "complete", quest),
                    ({"type": "ref/prompt", "name": "take_next_quest"}, "agent", "", "completer")):
                c = carrier.modern("completion/complete", {"ref": ref, "argument": {"name": name, "value": value}})["result"]["completion"]
                self.assertIn(wanted, c["values"])
                self.assertLessEqual(len(c["values"]), 100)
            for ref, name in (({"type": "ref/prompt", "name": "nothing"}, "x"), ({"type": "ref/else"}, "x"),
                              ({"type": "ref/prompt", "name": "write_outcome"}, "other")):
                self.error(carrier.modern("completion/complete", {"ref": ref, "argument": {"name": name, "value": ""}}), -32602)
            self.error(carrier.modern("completion/complete", {"ref": {"type": "ref/prompt", "name": "plan_work"}}), -32602)

    def test_prompts_show_the_present_state(self):
        """mcp-PR1: all four; what is missing, unknown or wrong is refused."""
        quest = self.unix.content("quests_create", {"subject": "Paint the fence", "priority": "high"})["short_id"]
        self.unix.tool("agents_spawn", {"name": "painter"})
        for carrier in self.everywhere():
            names = [p["name"] for p in carrier.modern("prompts/list")["result"]["prompts"]]
            self.assertLessEqual({"plan_work", "take_next_quest", "write_outcome", "daily_review"}, set(names))
            for name, arguments, parts in (
                    ("plan_work", {"goal": 'a "new" {fence}'}, ['a "new" {fence}', "painter", quest]),
                    ("take_next_quest", {}, [quest, "Paint the fence", "quests_claim"]),
                    ("take_next_quest", {"agent": "painter"}, ["painter", quest]),
                    ("write_outcome", {"quest": quest}, ["Paint the fence", "quest.created", "quests_close"]),
                    ("daily_review", {}, [quest, "painter", "quest.created"])):
                message = carrier.modern("prompts/get", {"name": name, "arguments": arguments})["result"]["messages"][0]
                self.assertEqual(message["role"], "user")
                for part in parts:
                    self.assertIn(part, message["content"]["text"])
            for name, arguments in (("none", {}), ("plan_work", {}), ("plan_work", {"goal": 7}), ("plan_work", {"goal": "x", "y": "z"}),
                                    ("write_outcome", {"quest": "q-99999"}), ("plan_work", [])):
                self.error(carrier.modern("prompts/get", {"name": name, "arguments": arguments}), -32602)

    def test_log_messages_only_where_they_were_asked_for(self):
        """mcp-L1 mcp-D1: by this request, at or above its level; a level that is none is refused."""
        for carrier in (self.unix, self.carriers["stdio"]):
            carrier.notes.clear()
            carrier.tool("quests_list")
            carrier.tool("quests_list", {}, None, **{LEVEL: "error"})
            self.assertEqual(carrier.notes, [])
            carrier.tool("quests_list", {}, None, **{LEVEL: "debug"})
            note = carrier.notes.pop()
            self.assertEqual((note["method"], note["params"]["level"]), ("notifications/message", "debug"))
            self.assertEqual(note["params"]["data"], {"verb": "quests.list"})
            self.error(carrier.tool("quests_list", {}, None, **{LEVEL: "loud"}), -32602)


class BesideASecret(Carriers):
    """What a server that keeps secrets looks for in all that comes in is in none of this: nothing changes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        owner = cls.server.lines()
        owner.ok("credentials.ingest", {"name": "GATE", "value": "sk-kept-0123456789", "kind": "password"})
        owner.close()
        cls.quest = cls.unix.content("quests_create", {"subject": "Paint the fence"})["short_id"]
        cls.agent = cls.unix.content("agents_spawn", {"name": "painter"})["name"]
        cls.unix.content("ideas_store", {"name": "Colour", "content": "green\n"})
        cls.event = cls.unix.content("events_list", {"limit": 1})["items"][0]["id"]

    def methods(self):
        uri = f"questd://quest/{self.quest}"
        yield "resources/list", {}, self.quest
        yield "resources/templates/list", {}, "questd://quest/{id}"
        for read, part in ((uri, "Paint"), ("questd://idea/Colour", "green"), (f"questd://agent/{self.agent}", self.agent),
                           (f"questd://event/{self.event}", self.event)):
            yield "resources/read", {"uri": read}, part
        for ref, name, value in (({"type": "ref/resource", "uri": "questd://quest/{id}"}, "id", "q-"),
                                 ({"type": "ref/prompt", "name": "write_outcome"}, "quest", "q-")):
            yield "completion/complete", {"ref": ref, "argument": {"name": name, "value": value}}, self.quest
        for prompt, arguments in (("daily_review", {}), ("take_next_quest", {"agent": self.agent}), ("write_outcome", {"quest": self.quest}),
                                  ("plan_work", {"goal": "a green fence"})):
            yield "prompts/get", {"name": prompt, "arguments": arguments}, ""
        for method in ("tools/list", "prompts/list"):
            yield method, {}, ""
        yield "tools/call", {"name": "quests_get", "arguments": {"id": self.quest}}, "Paint"

    def test_mcp_r1_mcp_c1_every_modern_method_answers(self):
        """mcp-R1 mcp-C1: resources, completion, prompts and tools."""
        for carrier in self.everywhere():
            for method, params, part in self.methods():
                answer = carrier.modern(method, params)
                self.assertIn(part, json.dumps(answer.get("result", answer["id"])), (method, params, answer))
                self.assertNotIn("error", answer, (method, params))
        peer = self.lines()
        peer.send("subscriptions/listen", modern({"notifications": {"resourceSubscriptions": [f"questd://quest/{self.quest}"]}}), id=1)
        taken = peer.note("notifications/subscriptions/acknowledged")["params"]["notifications"]
        self.assertEqual(taken["resourceSubscriptions"], [f"questd://quest/{self.quest}"])
        self.unix.tool("quests_update", {"id": self.quest, "priority": "high"})
        self.assertEqual(peer.note("notifications/resources/updated")["params"]["uri"], f"questd://quest/{self.quest}")

    def test_mcp_r1_mcp_c1_every_legacy_method_answers(self):
        """mcp-R1 mcp-C1: the same with subscriptions to resources."""
        relay = questd.Relay("--socket", self.server.socket_path)
        self.addCleanup(relay.close)
        for name, carrier in (("unix", self.lines()), ("stdio", Peer(relay.lines)), ("http", Http(self.server))):
            carrier.initialize("2025-06-18")
            more = [("resources/subscribe", {"uri": f"questd://quest/{self.quest}"}, ""),
                    ("resources/unsubscribe", {"uri": f"questd://quest/{self.quest}"}, "")]
            for method, params, part in [*self.methods(), *more]:
                with self.subTest(name, method=method):
                    answer = carrier.call(method, params)
                    self.assertNotIn("error", answer, params)
                    self.assertIn(part, json.dumps(answer["result"]), params)

    def test_tm_llm_04_what_is_asked_for_is_cleaned_too(self):
        """TM-LLM-04: a value in a URI becomes a name in what the server makes of it, and comes back in no answer."""
        for carrier in self.everywhere():
            answer = carrier.modern("resources/read", {"uri": "questd://idea/sk-kept-0123456789"})
            self.error(answer, -32602)
            self.assertNotIn("sk-kept", json.dumps(answer))


class Toolsets(Carriers):
    def names(self, carrier):
        return {t["name"] for t in carrier.modern("tools/list")["result"]["tools"] if t["description"] != "conformance fixture"}

    def relayed(self, *flags):
        relay = questd.Relay("--socket", self.server.socket_path, *flags)
        self.addCleanup(relay.close)
        return Peer(relay.lines)

    def test_flags_and_paths_choose_alike(self):
        for path, flags, wanted in (("/mcp/x/agents", ["--toolsets", "agents"], {"agents_get", "agents_list", "agents_spawn",
                                                                                "agents_update", "agents_delete"}),
                                    ("/mcp/x/search", ["--toolsets", "search"], {"verbs_search", "verbs_describe", "verbs_read",
                                                                                "verbs_write", "verbs_destroy"})):
            self.assertEqual(self.names(Http(self.server, path)), wanted)
            self.assertEqual(self.names(self.relayed(*flags)), wanted)
        self.assertEqual(self.names(Http(self.server, "/mcp/readonly")), self.names(self.relayed("--read-only")))

    def test_what_was_not_chosen_is_not_called(self):
        for carrier in (Http(self.server, "/mcp/x/ideas"), self.relayed("--toolsets", "ideas")):
            self.error(carrier.tool("quests_list"), -32602)
            self.assertIn("result", carrier.tool("ideas_list"))
        for carrier in (Http(self.server, "/mcp/readonly"), self.relayed("--read-only")):
            self.error(carrier.tool("quests_create", {"subject": "x"}), -32602)
            self.assertIn("result", carrier.tool("quests_list"))

    def test_what_was_left_out_says_how_to_get_it(self):
        """mcp-T5: a tool that exists is not called unknown."""
        for carrier, tool, message, hint in (
                (Http(self.server, "/mcp/x/ideas"), "quests_list", "is in the toolset 'quests'", "/mcp/x/LIST,quests"),
                (self.relayed("--toolsets", "ideas"), "quests.list", "is in the toolset 'quests'", "--toolsets LIST,quests"),
                (Http(self.server, "/mcp/readonly"), "quests_create", "for reading only", "/mcp"),
                (self.relayed("--read-only"), "quests_create", "for reading only", "without --read-only"),
                (self.relayed("--read-only", "--toolsets", "ideas"), "quests_list", "is in the toolset 'quests'", "quests"),
                (self.relayed("--read-only", "--toolsets", "search"), "verbs_destroy", "for reading only", "/mcp"),
                (self.unix, "verbs_read", "is in the toolset 'search'", "search"),
                (self.unix, "events_follow", "is no tool of MCP", "/rpc")):
            with self.subTest(tool, message=message):
                error = self.error(carrier.tool(tool), -32602)
                self.assertEqual((error["data"]["code"], error["data"]["tool"]), ("tool_not_offered", tool))
                self.assertIn(message, error["message"])
                self.assertIn(hint, error["data"]["hint"])
                self.assertNotIn("nearest", error["data"])
        error = self.error(Http(self.server, "/mcp/x/ideas").tool("ideas_serch"), -32602)
        self.assertEqual((error["data"]["code"], error["data"]["nearest"]), ("unknown_tool", "ideas_search"))

    def test_an_unknown_toolset_is_named(self):
        error = self.error(Http(self.server, "/mcp/x/quests,qests").modern("tools/list"), -32602)
        self.assertIn("'qests'", error["message"])
        self.assertEqual((error["data"]["nearest"], error["data"]["hint"]), ("quests", "did you mean quests?"))
        error = self.error(Http(self.server, "/mcp/x/zzzzzzzz").modern("tools/list"), -32602)
        self.assertNotIn("nearest", error["data"])
        self.assertIn("/mcp/x/LIST", error["data"]["hint"])

    def test_wrong_parameters_say_what_the_method_takes(self):
        for method, params, hint in (("tools/call", {}, "tools/list"), ("tools/list", {"cursor": "x"}, "leave params.cursor out"),
                                     ("prompts/get", {"name": "none"}, "prompts/list"), ("resources/read", {}, "resources/list"),
                                     ("completion/complete", {}, "ref is")):
            self.assertIn(hint, self.error(self.unix.modern(method, params), -32602)["data"]["hint"])

    def test_search_reaches_every_verb_by_class(self):
        carrier = self.relayed("--toolsets", "search")
        made = carrier.tool("verbs_write", {"method": "quests.create", "params": {"subject": "through search"}})
        quest = made["result"]["structuredContent"]["short_id"]
        got = carrier.tool("verbs_read", {"method": "quests.get", "params": {"id": quest}})
        self.assertEqual(got["result"]["structuredContent"]["subject"], "through search")
        for tool, method in (("verbs_read", "quests.create"), ("verbs_write", "ideas.delete"), ("verbs_read", "nothing.at_all"),
                             ("verbs_write", "events.follow")):
            self.assertTrue(carrier.tool(tool, {"method": method, "params": {}})["result"]["isError"])
        idea = carrier.tool("verbs_write", {"method": "ideas.store", "params": {"name": "go", "content": "x"}})["result"]["structuredContent"]
        gone = carrier.tool("verbs_destroy", {"method": "ideas.delete", "params": {"id": idea["id"], "confirm": True}})
        self.assertTrue(gone["result"]["structuredContent"]["deleted"])

    def test_a_tool_for_all_verbs_says_what_is_wrong_with_its_own_arguments(self):
        """mcp-T5: the field, not the verb that it could have been."""
        carrier = self.relayed("--toolsets", "search")
        for arguments, error, field, message in (
                ({"name": "quests.list"}, "invalid_params", "name", "unknown field 'name'"),
                ({"method": "quests.list", "arguments": {}}, "invalid_params", "arguments", "unknown field 'arguments'"),
                ({}, "invalid_params", "method", "method is missing"),
                ({"method": 7}, "invalid_params", "method", "method must be a string"),
                ({"method": "quests.list", "params": []}, "invalid_params", "params", "params must be an object"),
                ({"method": "keys.create"}, "method_not_found", "method", "'keys.create' is no tool of MCP"),
                ({"method": "quests.create"}, "invalid_params", "method", "quests.create is not a verb for this tool"),
                ({"method": 'quests.lst"'}, "method_not_found", "method", "no such verb: 'quests.lst\"'")):
            said = json.loads(carrier.tool("verbs_read", arguments)["result"]["content"][0]["text"])
            self.assertEqual((said["error"], said["field"], said["message"]), (error, field, message))
        self.assertEqual(said["nearest"], "quests.list")

    def test_a_batch_runs_what_its_client_may_call_alone(self):
        """mcp-T5: the client's toolset holds within a batch, whichever way the batch is called."""
        def said(answer):
            return json.loads(answer["result"]["content"][0]["text"])

        ping, quests = {"method": "system.ping"}, {"method": "quests.list"}
        for carrier in (Http(self.server, "/mcp/x/system"), self.relayed("--toolsets", "system")):
            self.assertEqual(said(carrier.tool("system_batch", {"calls": [ping]}))["failed"], 0)
            refused = said(carrier.tool("system_batch", {"calls": [ping, quests]}))
            self.assertEqual((refused["error"], refused["index"]), ("unsupported", 1))
            self.assertEqual(refused["reason"], "its toolset 'quests' was not chosen")
            self.assertIn("--toolsets LIST,quests", refused["hint"])
        for carrier in (Http(self.server, "/mcp/x/search"), self.relayed("--toolsets", "search")):
            def batch(*calls):
                return said(carrier.tool("verbs_destroy", {"method": "system.batch", "params": {"calls": list(calls)}}))
            self.assertEqual(batch(ping, quests)["failed"], 0)
            refused = batch({"method": "keys.create", "params": {"name": "x"}})
            self.assertEqual((refused["error"], refused["reason"]), ("unsupported", "it is no tool of MCP"))
        for carrier in self.everywhere():
            self.assertEqual(said(carrier.tool("system_batch", {"calls": [ping, quests, {"method": "keys.list"}]}))["failed"], 0)


class Tasks(Carriers):
    def until(self, carrier, task, over=("completed", "failed", "cancelled")):
        while True:
            r = carrier.modern("tasks/get", {"taskId": task}, TASKS)["result"]
            if r["status"] in over:
                return r

    def test_long_verbs_become_tasks(self):
        """quests.wait, system.backup and system.check, where the client knows tasks, and not where it does not."""
        for carrier in self.everywhere():
            for name, arguments in (("system_check", {}), ("system_backup", {})):
                made = carrier.tool(name, arguments, TASKS)["result"]
                self.assertEqual(made["resultType"], "task")
                self.assertFalse({"task", "result", "error", "ttl", "pollInterval", "requestState"} & set(made))
                done = self.until(carrier, made["taskId"])
                self.assertEqual((done["resultType"], done["status"]), ("complete", "completed"))
                self.assertIn("structuredContent", done["result"])
                self.assertEqual(carrier.tool(name, arguments)["result"]["resultType"], "complete")

    def test_a_task_ends_with_its_verb(self):
        quest = self.unix.content("quests_create", {"subject": "awaited"})["id"]
        for carrier in self.everywhere():
            made = carrier.tool("quests_wait", {"id": "q-99999"}, TASKS)["result"]
            done = self.until(carrier, made["taskId"])
            self.assertEqual((done["status"], done["result"]["isError"]), ("completed", True))
        made = self.unix.tool("quests_wait", {"id": quest, "timeout_s": 45}, TASKS)["result"]
        self.assertEqual(self.unix.modern("tasks/get", {"taskId": made["taskId"]}, TASKS)["result"]["status"], "working")
        peer = self.lines()
        peer.send("subscriptions/listen", modern({"notifications": {"taskIds": [made["taskId"], "other"]}}, TASKS), id=1)
        ack = peer.note("notifications/subscriptions/acknowledged")
        self.assertEqual(ack["params"]["notifications"], {"taskIds": [made["taskId"]]})
        self.unix.tool("quests_close", {"id": quest, "kind": "cancelled", "summary": "enough"})
        note = peer.note("notifications/tasks")["params"]
        self.assertEqual((note["taskId"], note["status"], note["_meta"][SUBSCRIPTION]), (made["taskId"], "completed", 1))
        self.assertEqual(note["result"]["structuredContent"]["status"], "cancelled")

    def test_a_task_is_cancelled_once_and_for_all(self):
        quest = self.unix.content("quests_create", {"subject": "never"})["id"]
        for carrier in self.everywhere():
            task = carrier.tool("quests_wait", {"id": quest, "timeout_s": 45}, TASKS)["result"]["taskId"]
            for _ in range(2):
                ack = carrier.modern("tasks/cancel", {"taskId": task}, TASKS)["result"]
                self.assertEqual(set(ack), {"resultType", "_meta"})
            self.assertEqual(self.until(carrier, task)["status"], "cancelled")
            self.assertEqual(set(carrier.modern("tasks/update", {"taskId": task, "inputResponses": {}}, TASKS)["result"]),
                             {"resultType", "_meta"})

    def test_a_task_is_its_callers_alone(self):
        """mcp-A8: a foreign id answers like one that never was."""
        task = self.unix.tool("system_check", {}, TASKS)["result"]["taskId"]
        self.assertRegex(task, r"^[a-z0-9]{26}$")
        missing = self.error(self.carriers["http"].modern("tasks/get", {"taskId": "x" * 26}, TASKS), -32602)
        foreign = self.error(self.carriers["http"].modern("tasks/get", {"taskId": task}, TASKS), -32602)
        self.assertEqual(missing, foreign)
        for method in ("tasks/result", "tasks/list"):
            self.error(self.unix.modern(method, {"taskId": task}, TASKS), -32601)


class Skills(Carriers):
    def test_three_skills_that_check_out(self):
        """The digests and sizes are those of what is read; the frontmatter is the file's."""
        for carrier in self.everywhere():
            skills = carrier.modern("skills/list")["result"]["skills"]
            self.assertEqual(len(skills), 3)
            for skill in skills:
                self.assertEqual(carrier.modern("skills/get", {"uri": skill["uri"]})["result"]["skill"], skill)
                self.assertEqual(skill["uri"], f"skill://{skill['frontmatter']['name']}/SKILL.md")
                for file in skill["resources"]:
                    text = carrier.modern("resources/read", {"uri": file["uri"]})["result"]["contents"][0]["text"].encode()
                    self.assertEqual((len(text), "sha256:" + hashlib.sha256(text).hexdigest()), (file["size"], file["digest"]))

    def test_folders_are_walked(self):
        for carrier in self.everywhere():
            seen, todo = [], ["skill://keep-knowledge"]
            while todo:
                r = carrier.modern("resources/directory/read", {"uri": todo.pop()})["result"]
                for child in r["resources"]:
                    (todo if child["mimeType"] == "inode/directory" else seen).append(child["uri"])
            self.assertEqual(sorted(seen), ["skill://keep-knowledge/SKILL.md", "skill://keep-knowledge/examples/decision.md"])
            for uri in ("skill://keep-knowledge/SKILL.md", "skill://nothing", "skill://", "file:///", ""):
                self.error(carrier.modern("resources/directory/read", {"uri": uri}), -32602)
            self.error(carrier.modern("skills/get", {"uri": "skill://nothing/SKILL.md"}), -32602)


class Texts(unittest.TestCase):
    def test_what_is_embedded_is_what_is_written(self):
        """The program's instructions are the file's."""
        path = os.path.join(questd.TOP, "server", "instructions.md")
        with open(path, encoding="utf-8") as f, questd.Server() as server:
            peer = Peer(server.lines())
            self.assertEqual(peer.modern("server/discover")["result"]["instructions"], f.read().strip())
            peer.close()


if __name__ == "__main__":
    unittest.main()
