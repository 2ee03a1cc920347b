# SPDX-License-Identifier: Apache-2.0
"""MCP's Streamable HTTP of 2026-07-28: heads, statuses, streams, cancelling by leaving."""
import base64
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import mcpwire  # noqa: E402
import questd  # noqa: E402
from mcpwire import Http, Peer, Stream, modern  # noqa: E402


class Modern(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = questd.Server()
        cls.http = Http(cls.server)
        cls.unix = Peer(cls.server.lines())

    @classmethod
    def tearDownClass(cls):
        cls.unix.close()
        cls.server.__exit__()

    def post(self, body, extra=None, drop=()):
        """(status, answer) of a POST that is answered at once."""
        stream = self.http.post(body, extra, drop)
        return stream.status, stream.json()

    def refused(self, body, status, code, extra=None, drop=()):
        got, answer = self.post(body, extra, drop)
        self.assertEqual((got, answer["error"]["code"]), (status, code), answer)
        return answer

    def message(self, method="tools/list", params=None, client=None, **meta):
        return {"jsonrpc": "2.0", "id": "x-1", "method": method, "params": modern(params, client, **meta)}

    def test_one_endpoint_one_message(self):
        """mcp-H1 mcp-H12: requests 200, notifications 202 and empty, batches none, other methods 405."""
        self.assertEqual(self.post(self.message())[0], 200)
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": modern({"requestId": 1})}
        self.assertEqual(self.post(note), (202, None))
        self.refused([self.message()], 400, -32600)
        for method in ("GET", "DELETE", "PUT", "PATCH"):
            stream = Stream(self.server.address, method, "/mcp", None, {"Authorization": "Bearer " + self.server.token()})
            self.assertEqual((stream.status, stream.headers["allow"]), (405, "POST"))

    def test_session_headers_mean_nothing(self):
        """mcp-H12: neither asked for nor given."""
        stream = self.http.post(self.message(), {"Mcp-Session-Id": "nothing", "Last-Event-ID": "1-1"})
        self.assertEqual(stream.status, 200)
        self.assertNotIn("mcp-session-id", stream.headers)

    def test_what_is_no_message(self):
        """mcp-H11: not JSON, no request, the wrong type of body."""
        token = {"Authorization": "Bearer " + self.server.token(), "MCP-Protocol-Version": mcpwire.MODERN}
        for body, status, code in ((b"{", 400, -32700), (b"", 400, -32700), (b"\xff", 400, -32700), (b"7", 400, -32600),
                                   (b"null", 400, -32600), (b"[]", 400, -32600), (b'{"a":1,"a":2}', 400, -32600)):
            stream = Stream(self.server.address, "POST", "/mcp", body, {**token, "Content-Type": "application/json"})
            answer = stream.json()
            self.assertEqual((stream.status, answer["error"]["code"]), (status, code), body)
            self.assertNotIn("id", answer)
        stream = Stream(self.server.address, "POST", "/mcp", b"{}", {**token, "Content-Type": "text/plain"})
        self.assertEqual(stream.status, 415)

    def test_a_message_is_refused_as_it_is_at_rpc(self):
        """The same code, place, limit and hint, under the same id."""
        token = {"Authorization": "Bearer " + self.server.token(), "Content-Type": "application/json"}
        for body in (b'{"jsonrpc":"2.0","id":1,"method":"ping","id":2}', b"[" * 70 + b"]" * 70, b'{"a":tru}', b'{"a":"\xff"}',
                     b'{"jsonrpc":"2.0","id":"big","method":"ping","params":{"x":99999999999999999999}}',
                     b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":1e400}}',
                     b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","params":{"x":1e400},"method":"ping"}'):
            rpc, mcp = (Stream(self.server.address, "POST", path, body, token) for path in ("/rpc", "/mcp"))
            answer = mcp.json()
            self.assertEqual((mcp.status, answer), (rpc.status, rpc.json()), body)
            self.assertIn("at", answer["error"]["data"])

    def test_an_id_that_cannot_be_repeated_is_not(self):
        """At most 256 bytes, text or a number; what is no id of MCP is refused under it all the same."""
        for id_, under in (("x" * 300, None), ({}, None), (1.5, 1.5), (None, None)):
            answer = self.refused({**self.message(), "id": id_}, 400, -32600)
            self.assertEqual(answer["id"], under)

    def test_foreign_hosts_and_origins(self):
        """mcp-H2: before anything else."""
        for extra in ({"Host": "evil.example.com"}, {"Origin": "http://evil.example.com"}):
            self.assertEqual(self.http.post(self.message(), extra).status, 403)
        port = self.server.address.rpartition(":")[2]
        self.assertEqual(self.post(self.message(), {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"})[0], 200)

    def test_the_default_address_is_loopback(self):
        """mcp-H3"""
        self.assertTrue(self.server.address.startswith("127.0.0.1:"))

    def test_a_token_is_needed(self):
        """mcp-A1 mcp-A4 mcp-A7: in the header, never in the query; 401 says how, and whether the one given was wrong."""
        for drop, extra, path in ((("Authorization",), {}, "/mcp"), ((), {"Authorization": "Bearer wrong"}, "/mcp"),
                                  (("Authorization",), {}, "/mcp?access_token=" + self.server.token())):
            stream = Stream(self.server.address, "POST", path, self.message(), self.http.head(self.message(), extra, drop))
            self.assertEqual(stream.status, 401)
            challenge = stream.headers["www-authenticate"]
            self.assertTrue(challenge.startswith("Bearer "))
            self.assertEqual('error="invalid_token"' in challenge, bool(extra))

    def test_well_known_paths_are_plain_404s(self):
        """mcp-A9: clients probe them before they connect."""
        for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp",
                     "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/mcp/other", "/mcpx"):
            stream = Stream(self.server.address, "GET", path, None, {})
            self.assertEqual((stream.status, stream.headers["content-type"].split(";")[0]), (404, "application/json"))
            self.assertTrue(stream.json())

    def test_headers_repeat_the_body(self):
        """mcp-H7: missing or different is -32020; names in any case, blanks around values."""
        read = self.message("resources/read", {"uri": "questd://quest/q-1"})
        for body, extra, drop in (
                (self.message(), {}, ("Mcp-Method",)), (self.message(), {"Mcp-Method": "tools/call"}, ()),
                (self.message(), {"Mcp-Method": "TOOLS/LIST"}, ()), (self.message(), {}, ("MCP-Protocol-Version",)),
                (self.message(), {"MCP-Protocol-Version": "2025-11-25"}, ()), (read, {}, ("Mcp-Name",)),
                (read, {"Mcp-Name": "questd://quest/q-2"}, ()),
                (self.message("tasks/get", {"taskId": "a"}, mcpwire.TASKS), {"Mcp-Name": "b"}, ())):
            self.assertEqual(self.refused(body, 400, -32020, extra, drop)["id"], "x-1")
        head = self.http.head(self.message())
        odd = {("mCp-MeThOd" if k == "Mcp-Method" else k): (f"  {v}  " if k == "Mcp-Method" else v) for k, v in head.items()}
        self.assertEqual(Stream(self.server.address, "POST", "/mcp", self.message(), odd).status, 200)

    def test_names_may_be_base64(self):
        """mcp-H8: strictly; what only looks like it is taken literally."""
        self.unix.tool("ideas_store", {"name": "東京", "content": "here"})
        uri = "questd://idea/東京"
        read = self.message("resources/read", {"uri": uri})

        def name(text):
            return {"Mcp-Name": f"=?base64?{text}?="}
        good = base64.b64encode(uri.encode()).decode()
        status, answer = self.post(read, name(good))
        self.assertEqual((status, answer["result"]["contents"][0]["text"]), (200, "here"))
        for wrong in (good[:-1], good + "=", good.replace("c", "*", 1), "", good + "\u0000"[:0] + "AAA"):
            self.refused(read, 400, -32020, name(wrong))
        self.refused(read, 400, -32020, {"Mcp-Name": f"=?base64?{good}"})

    def test_errors_have_their_status(self):
        """mcp-H11: 404 for methods, 400 for what is malformed, 200 for all that came after."""
        self.refused(self.message("no/such"), 404, -32601)
        self.refused(self.message("initialize"), 404, -32601)
        bad = self.message()
        bad["params"]["_meta"][mcpwire.VERSION] = "2099-01-01"
        error = self.refused(bad, 400, -32022, {"MCP-Protocol-Version": "2099-01-01"})["error"]
        self.assertEqual(error["data"], {"supported": ["2026-07-28"], "requested": "2099-01-01"})
        lacking = {"jsonrpc": "2.0", "id": "x-1", "method": "tools/list", "params": {}}
        self.refused(lacking, 400, -32602, {"MCP-Protocol-Version": mcpwire.MODERN, "Mcp-Method": "tools/list"})
        self.refused(self.message("tasks/get", {"taskId": "t"}), 400, -32021)
        for body in (self.message("tools/call", {"name": "nothing"}), self.message("resources/read", {"uri": "questd://quest/q-99999"}),
                     self.message("prompts/get", {"name": "nothing"})):
            self.refused(body, 200, -32602)
        for id_ in (None, 1.5, True):
            self.refused({**self.message(), "id": id_}, 400, -32600)

    def test_a_stream_carries_its_own_notes_then_the_answer(self):
        """mcp-H4 mcp-H5 mcp-H13 mcp-P1: progress first, no event ids, nothing behind the answer."""
        stream = self.http.request("tools/call", modern({"name": "system_backup", "arguments": {}}, None, progressToken=0))
        self.assertTrue(stream.is_events)
        self.assertEqual(stream.headers["x-accel-buffering"], "no")
        events = []
        while (event := stream.event()) is not None:
            events.append(event)
        self.assertEqual({e[0] for e in events}, {None})
        self.assertEqual({e[1]["method"] for e in events[:-1]}, {"notifications/progress"})
        self.assertIn("result", events[-1][1])

    def test_a_client_that_reads_no_streams_gets_json(self):
        """mcp-H4"""
        stream = self.http.request("tools/call", modern({"name": "system_backup", "arguments": {}}, None, progressToken=0),
                                   {"Accept": "application/json"})
        self.assertFalse(stream.is_events)
        self.assertIn("result", stream.json())

    def streams_open(self):
        return [s for s in self.unix.content("streams_list")["items"]]

    def test_leaving_cancels(self):
        """mcp-H6: a listen is gone when its client is."""
        quest = self.unix.content("quests_create", {"subject": "watch"})["short_id"]
        before = len(self.streams_open())
        stream = self.http.request("subscriptions/listen", modern({"notifications": {
            "resourceSubscriptions": [f"questd://quest/{quest}"]}}))
        self.assertEqual(stream.event()[1]["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(len(self.streams_open()), before + 1)
        stream.response.close()
        stream.close()
        poll = {"since": None, "tries": 0}
        while len(self.streams_open()) > before:
            poll["tries"] += 1
            self.unix.tool("events_poll", {"timeout_s": 1, "kinds": ["never.comes"]})
            self.assertLess(poll["tries"], 20)

    def test_a_listen_over_http_is_told(self):
        """mcp-P5: on its stream, tagged, the change itself and no other."""
        quest = self.unix.content("quests_create", {"subject": "watch me"})["short_id"]
        stream = self.http.request("subscriptions/listen", modern({"notifications": {
            "resourceSubscriptions": [f"questd://quest/{quest}"]}}))
        self.addCleanup(stream.close)
        ack = stream.event()[1]
        self.unix.tool("quests_create", {"subject": "another"})
        self.unix.tool("quests_update", {"id": quest, "priority": "low"})
        note = stream.event()[1]
        self.assertEqual((note["method"], note["params"]["uri"]), ("notifications/resources/updated", f"questd://quest/{quest}"))
        self.assertEqual(note["params"]["_meta"], ack["params"]["_meta"])

    def test_many_at_once(self):
        answers = []

        def work(n):
            for i in range(10):
                answers.append(Http(self.server).tool("quests_create", {"subject": f"many {n} {i}"})["result"]["structuredContent"]["short_id"])
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(set(answers)), 80)


if __name__ == "__main__":
    unittest.main()
