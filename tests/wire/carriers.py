# SPDX-License-Identifier: Apache-2.0
"""The ways a transcript's lines can reach questd. Each carrier sends one line and gives back the `n`
lines that answer it."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402

LEGACY = "2025-11-25"


class Memory:
    """The server's library fed from a program of the tests: no socket, no second process."""

    def __init__(self, folder):
        self.process = subprocess.Popen([os.path.join(questd.BUILD, "tests/wire-memory"), folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = questd.Lines(process=self.process)

    def exchange(self, text, n):
        self.lines.send(text)
        return [self.lines.read() for _ in range(n)]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait(20)
        text = self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        if code:
            raise AssertionError(f"wire-memory ended with {code}: {text}")


class Unix:
    def __init__(self, folder):
        self.server = questd.Server(data=folder, http="off")
        self.lines = self.server.lines()

    exchange = Memory.exchange

    def close(self):
        self.lines.close()
        self.server.stop()


class Stdio(Unix):
    def __init__(self, folder):
        self.server = questd.Server(data=folder, http="off")
        self.relay = questd.Relay("--socket", self.server.socket_path)
        self.lines = self.relay.lines

    def close(self):
        self.relay.close()
        self.server.stop()


class Rpc:
    def __init__(self, folder):
        self.server = questd.Server("--no-auth", data=folder)

    def exchange(self, text, n):
        _, _, body = self.server.http("POST", "/rpc", text.encode(), token=False)
        answers = [body] if body else []
        if len(answers) != n:
            raise AssertionError(f"wanted {n} answers, got {answers}")
        return answers

    def close(self):
        self.server.stop()


class Tools:
    """Every call of a verb that MCP has becomes tools/call; what comes back is put into the form that the
    plain call would have had. What is no such call goes as it is."""

    def __init__(self, folder, tools, is_modern):
        self.unix = Unix(folder)
        self.tools, self.is_modern = tools, is_modern
        self.n_calls = 0
        if not is_modern:
            self.unix.lines.ok("initialize", {"protocolVersion": LEGACY, "capabilities": {},
                                              "clientInfo": {"name": "wire", "version": "1"}})
            self.unix.lines.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def exchange(self, text, n):
        try:
            message = json.loads(text, object_pairs_hook=once_each)
        except ValueError:
            message = None
        tool = self.tools.get(message.get("method")) if isinstance(message, dict) else None
        params = message.get("params", {}) if isinstance(message, dict) else {}
        if not tool or n != 1 or "\\ud8" in text or type(message.get("id")) not in (int, str) or not isinstance(params, dict) \
                or message.get("jsonrpc") != "2.0":
            self.unix.lines.send(text)
            return [self.read() for _ in range(n)]
        self.n_calls += 1
        meta = '"_meta":' + questd.compact(questd.META) + "," if self.is_modern else ""
        self.unix.lines.send(f'{{"jsonrpc":"2.0","id":{json.dumps(message["id"])},"method":"tools/call",'
                             f'"params":{{{meta}"name":"{tool}","arguments":{as_written(text, "params")}}}}}')
        return [self.plain(message["id"], self.read())]

    def read(self):
        answer = self.unix.lines.read()
        while '"method":"notifications/' in answer[:80]:  # lists that changed, which MCP clients are told of
            answer = self.unix.lines.read()
        return answer

    def plain(self, id_, text):
        answer = json.loads(text)
        result = answer.get("result")
        if result is None:
            return text
        content = result["content"][0]["text"]
        if result.get("isError"):
            return questd.compact({"jsonrpc": "2.0", "id": id_, "tool_error": json.loads(content)})
        if questd.compact(result["structuredContent"]) != questd.compact(json.loads(content)):
            raise AssertionError("structuredContent and its text differ: " + text)
        return f'{{"jsonrpc":"2.0","id":{json.dumps(id_, ensure_ascii=False)},"result":{content}}}'

    def close(self):
        self.unix.close()


def once_each(pairs):
    if len({k for k, _ in pairs}) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def as_written(text, member):
    """The text of a top-level member's value; {} when it is absent."""
    mark = f'"{member}":'
    at = text.find(mark)
    if at < 0:
        return "{}"
    at += len(mark)
    at += len(text[at:]) - len(text[at:].lstrip())
    return text[at:json.JSONDecoder().raw_decode(text, at)[1]]


def as_tool_error(text):
    """A plain error as Tools.plain() would show it, for comparing; None when it is none."""
    answer = json.loads(text)
    if not isinstance(answer, dict) or "error" not in answer or "code" not in answer["error"].get("data", {}):
        return None
    return answer["error"]["data"]["code"]
