# SPDX-License-Identifier: Apache-2.0
"""MCP as a client speaks it in either era, for the tests: over lines, over a relay's pipes, over HTTP
with event streams."""
import http.client
import json

import questd

VERSION = "io.modelcontextprotocol/protocolVersion"
CLIENT = "io.modelcontextprotocol/clientCapabilities"
LEVEL = "io.modelcontextprotocol/logLevel"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
TASKS = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
MODERN = "2026-07-28"
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId",
            "tasks/update": "taskId", "tasks/cancel": "taskId"}


def modern(params=None, client=None, **meta):
    """The params of a modern request."""
    return {**(params or {}), "_meta": {VERSION: MODERN, CLIENT: client or {}, **meta}}


class Peer:
    """Lines with ids that count up; what is no answer is kept in `notes`."""

    def __init__(self, lines):
        self.lines, self.next_id, self.notes = lines, 1, []

    def send(self, method, params=None, **more):
        self.lines.send({"jsonrpc": "2.0", "method": method, "params": params or {}, **more})

    def read(self):
        return json.loads(self.lines.read())

    def wait(self, is_it):
        while True:
            message = self.read()
            if is_it(message):
                return message
            self.notes.append(message)

    def note(self, method):
        """The next notification of that method, perhaps one that came already."""
        for i, n in enumerate(self.notes):
            if n.get("method") == method:
                return self.notes.pop(i)
        return self.wait(lambda m: m.get("method") == method)

    def answer(self, to):
        return self.wait(lambda m: m.get("id") == to and "method" not in m)

    def call(self, method, params=None):
        mine, self.next_id = self.next_id, self.next_id + 1
        self.send(method, params, id=mine)
        return self.answer(mine)

    def modern(self, method, params=None, client=None, **meta):
        return self.call(method, modern(params, client, **meta))

    def tool(self, name, arguments=None, client=None, **meta):
        return self.modern("tools/call", {"name": name, "arguments": arguments or {}}, client, **meta)

    def content(self, name, arguments=None):
        return self.tool(name, arguments)["result"]["structuredContent"]

    def initialize(self, version, capabilities=None):
        answer = self.call("initialize", {"protocolVersion": version, "capabilities": capabilities or {},
                                          "clientInfo": {"name": "tests", "version": "1"}})
        self.send("notifications/initialized")
        return answer["result"]

    def close(self):
        self.lines.close()


class Stream:
    """An exchange whose answer is read as it comes: events of (id, message), or one JSON body."""

    def __init__(self, address, method, path, body, headers, timeout=20):
        host, _, port = address.rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        data = None if body is None else body if isinstance(body, bytes) else questd.compact(body).encode()
        self.connection.request(method, path, data, headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.headers = {k.lower(): v for k, v in self.response.getheaders()}
        self.is_events = self.headers.get("content-type", "").startswith("text/event-stream")

    def json(self):
        text = self.response.read().decode()
        return json.loads(text) if text else None

    def event(self):
        """(id, data as JSON or "") of the next event; None at the end. Comments are skipped."""
        name, data = None, None
        for raw in self.response:
            line = raw.decode().rstrip("\n")
            if line.startswith("id: "):
                name = line[4:]
            elif line.startswith("data:"):
                data = line[5:].strip()
            elif not line and data is not None:
                return name, json.loads(data) if data else ""
        return None

    def answer(self):
        """The answer, whichever way it came; notifications before it in self.notes."""
        if not self.is_events:
            return self.json()
        self.notes = []
        while True:
            event = self.event()
            if event is None or (event[1] and "method" not in event[1]):
                return event and event[1]
            self.notes.append(event[1])

    def close(self):
        self.connection.close()


class Http:
    """A client of /mcp."""

    def __init__(self, server, path="/mcp"):
        self.server, self.path, self.session, self.version = server, path, None, None
        self.next_id = 1

    def head(self, message, extra=None, drop=()):
        head = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                "Authorization": "Bearer " + self.server.token()}
        params = message.get("params") or {} if isinstance(message, dict) else {}
        if VERSION in (params.get("_meta") or {}):
            head |= {"MCP-Protocol-Version": params["_meta"][VERSION], "Mcp-Method": message.get("method", "")}
            name = NAMED_BY.get(message.get("method"))
            if name and isinstance(params.get(name), str):
                head["Mcp-Name"] = params[name]
        elif self.session:
            head |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.version}
        head |= extra or {}
        return {k: v for k, v in head.items() if k not in drop}

    def post(self, message, extra=None, drop=()):
        return Stream(self.server.address, "POST", self.path, message, self.head(message, extra, drop))

    def request(self, method, params=None, extra=None, drop=()):
        mine, self.next_id = self.next_id, self.next_id + 1
        return self.post({"jsonrpc": "2.0", "id": mine, "method": method, "params": params or {}}, extra, drop)

    def get(self, **extra):
        return Stream(self.server.address, "GET", self.path, None, {
            **self.head({}), "Accept": "text/event-stream", **{k.replace("_", "-"): v for k, v in extra.items()}})

    def call(self, method, params=None):
        return self.request(method, params).answer()

    def modern(self, method, params=None, client=None, **meta):
        return self.call(method, modern(params, client, **meta))

    def tool(self, name, arguments=None, client=None, **meta):
        return self.modern("tools/call", {"name": name, "arguments": arguments or {}}, client, **meta)

    def initialize(self, version, capabilities=None):
        stream = self.request("initialize", {"protocolVersion": version, "capabilities": capabilities or {},
                                             "clientInfo": {"name": "tests", "version": "1"}})
        result = stream.json()["result"]
        self.session, self.version = stream.headers["mcp-session-id"], result["protocolVersion"]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    def close(self):
        pass
