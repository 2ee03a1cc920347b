# SPDX-License-Identifier: Apache-2.0
"""Canaries: secrets are planted, then thousands of calls carry them, in every encoding, to wherever a text
may go; nothing that is kept or answered holds one. What a test of the front door and a fault share."""
import base64
import http.client
import json
import os
import random
import re
import subprocess
import tempfile
import urllib.parse

import questd

ENCODINGS = {
    "plain": lambda s: s,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64url": lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("="),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "url": lambda s: urllib.parse.quote(s, safe=""),
    "json": lambda s: json.dumps(s)[1:-1],
}
SECRETS = {
    "OPENROUTER_API_KEY": "sk-or-v1-5f1c0de5a9b87766554433221100ffeeddccbbaa99887766",
    "GITHUB_TOKEN": "ghp_Zq8rT2mWx5Kd0Pv7Hs3Lc9Ny4Bf6Jg1Ua",
    "DATABASE_URL": "postgres://keeper:h0rse/stap+le@db.example.org:5432/books?sslmode=require",
    "ODD": "p\u00e4ss \"w\\rd\"\t~100%/+&<kanarie>",
    "PEM": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----",
    "SHORT": "Zk3!q9Rt",
}


def within(rng, value):
    """The value in one of its encodings, somewhere in a longer text."""
    way = rng.choice([*ENCODINGS, "base64 inside"])
    if way == "base64 inside":
        bytes_ = b"x" * rng.randrange(1, 9) + value.encode() + b"y" * rng.randrange(1, 9)
        text = base64.b64encode(bytes_).decode()
    else:
        text = ENCODINGS[way](value)
    return rng.choice(["", "see ", "Authorization: Bearer ", "{\"key\": \""]) + text + rng.choice(["", " and so on", "\"}", "\nnext"])


def forms(value):
    """What is searched for: the value, its encodings, and of base64 within a longer text the sure part."""
    found = {name: encode(value).encode() for name, encode in ENCODINGS.items()}
    for shift in range(3):
        inner = base64.b64encode(b"\0" * shift + value.encode()).decode().rstrip("=")
        found[f"base64 at {shift}"] = inner[(8 * shift + 5) // 6:len(inner) - 1].encode()
    return found


def search(what, blob, secrets=None):
    """Where the blob holds a secret: one line a find."""
    return [f"{what} holds {name} as {way}" for name, value in (secrets or SECRETS).items()
            for way, form in forms(value).items() if form in blob]


def search_files(folder):
    problems = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if os.path.isfile(path) and os.path.getsize(path):
                with open(path, "rb") as f:
                    problems += search(os.path.relpath(path, folder), f.read())
    return problems


def search_processes():
    """ps and /proc: whatever anybody else sees of whatever runs."""
    problems = search("ps", subprocess.run(["ps", "axeww"], capture_output=True).stdout)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    problems += search(f"/proc/{pid}/{name}", f.read())
            except OSError:
                pass
    return problems


class Recorder:
    """A line connection all of whose received bytes are kept."""

    def __init__(self, lines):
        self.lines, self.seen = lines, []

    def say(self, text):
        """Sends one line; its answer, notifications in between kept too."""
        self.lines.send(text)
        while True:
            self.seen.append(self.lines.read())
            if '"method":' not in self.seen[-1][:60]:
                return self.seen[-1]

    def call(self, method, params, **more):
        answer = json.loads(self.say({"jsonrpc": "2.0", "id": len(self.seen) + 1, "method": method, "params": params, **more}))
        return answer.get("result") or {}


def plant(server, env):
    for name in ("OPENROUTER_API_KEY", "GITHUB_TOKEN", "DATABASE_URL"):
        done = subprocess.run([questd.QUESTD, "secrets", "set", name, "--data-dir", server.data], input=SECRETS[name],
                              capture_output=True, text=True, env=env)
        if done.returncode:
            raise AssertionError(done.stderr)
    lines = server.lines()
    for name in ("ODD", "PEM", "SHORT"):
        lines.ok("credentials.ingest", {"name": name, "value": SECRETS[name], "kind": "password", "request_id": "plant-" + name})
    lines.close()


def one_of(rng, n, text, ids):
    """A call of some verb, right or wrong, with the text somewhere in it."""
    some = rng.choice(ids) if ids else "q-1"
    return rng.choice([
        ("ideas.store", {"name": f"idea {n}", "content": text, "tags": ["a"], "request_id": f"r{n % 50}"}),
        ("ideas.store", {"name": text[:60].replace("\n", " ").replace("\t", " ").strip(), "content": "c", "properties": {text: text}}),
        ("ideas.search", {"query": text}),
        ("ideas.get", {"id": text}),
        ("ideas.link", {"from": text, "to": text, "type": "needs"}),
        ("quests.create", {"subject": f"quest {n}", "description": text, "acceptance": text, "labels": ["l"]}),
        ("quests.create", {"subject": [text], "priority": text, text: 1}),
        ("quests.update", {"id": some, "description": text}),
        ("quests.close", {"id": some, "kind": "done", "summary": text, "override": True}),
        ("quests.get", {"id": text}),
        ("quests.list", {"label": text, "cursor": text}),
        ("events.fire", {"kind": "build.finished", "subject": "s", "payload": {"log": text, "deep": [{"er": {text: [text]}}]}}),
        ("events.fire", {"kind": text, "payload": {}}),
        ("events.list", {"kinds": [text]}),
        ("tasks.create", {"subject": f"task {n}", "payload": {"env": {"KEY": text}}}),
        ("tasks.create", {"subject": f"task {n}", "queue": text}),
        ("tasks.fail", {"id": "t-1", "attempt": 1, "token": text, "code": "x", "message": text}),
        ("agents.spawn", {"name": f"agent {n}", "instructions": text}),
        ("agents.update", {"id": text, "instructions": text}),
        ("roles.create", {"title": f"role {n}", "type": "advisor", "description": text}),
        ("users.create", {"name": f"user {n}", "about": text}),
        ("keys.create", {"name": "k", "owner_kind": "worker", "owner": text[:40].strip(), "access": ["viewer"]}),
        ("keys.use", {"key": text}),
        ("credentials.lookup", {"name": text, "provider": text}),
        ("credentials.ingest", {"name": "SHORT", "sealed": text}),
        ("system.why_denied", {"verb": text, "target": text}),
        ("system.batch", {"atomic": True, "calls": [{"method": "events.fire", "params": {"kind": "a.b", "payload": {"x": text}}},
                                                    {"method": "quests.get", "params": {"id": text}}]}),
        ("system.batch", {"calls": [{"method": "ideas.store", "params": {"name": f"in batch {n}", "content": text}},
                                    {"method": text, "params": {}}], "request_id": f"b{n}"}),
        ("verbs.search", {"query": text}),
        ("verbs.describe", {"name": text}),
        (text, {"a": text}),
        ("tools/call", {"_meta": questd.META, "name": "ideas_store", "arguments": {"name": f"tool {n}", "content": text}}),
        ("tools/call", {"_meta": questd.META, "name": text, "arguments": {"x": text}}),
        ("resources/read", {"_meta": questd.META, "uri": "questd://ideas/" + text}),
        ("prompts/get", {"_meta": questd.META, "name": text, "arguments": {"a": text}}),
    ])


def over_http(server, rng, text, seen):
    quoted = urllib.parse.quote(text[:200])
    for method, path, body in (("GET", "/" + quoted, None), ("GET", "/events?subject=" + quoted, None),
                               ("POST", "/rpc", {"jsonrpc": "2.0", "id": text, "method": "quests.get", "params": {"id": text}}),
                               ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                                                 "params": {"_meta": questd.META, "name": text, "arguments": {}}})):
        host, _, port = server.address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=questd.PATIENCE_S)
        head = {"Authorization": "Bearer " + server.token(), "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream"}
        connection.request(method, path, questd.compact(body) if body else None, head)
        answer = connection.getresponse()
        seen.append(repr([answer.status, answer.getheaders()]))
        seen.append(answer.read1(65536).decode())  # the first piece: a stream does not end
        connection.close()


def run(n_calls, seed=1):
    """Plants, calls, ends the server without a chance to tidy up, and searches. (problems, figures)"""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="questd-canary.") as top:
        env = {**os.environ, "XDG_CONFIG_HOME": os.path.join(top, "config")}
        data = os.path.join(top, "data")
        server = questd.Server("--log-level", "debug", "--log-format", "json", "--ballast-mb", "1", data=data, env=env)
        plant(server, env)
        recorders = [Recorder(server.lines()) for _ in range(3)]
        viewer = recorders[0].call("keys.create", {"name": "v", "owner_kind": "user", "owner": "ann", "access": ["viewer"]}) \
            if recorders[0].call("users.create", {"name": "ann"}) else {}
        recorders[2].call("keys.use", {"key": viewer.get("secret", "")})
        recorders[0].seen.clear()
        ids, web, n_failed = [], [], 0
        for n in range(n_calls):
            text = within(rng, rng.choice(list(SECRETS.values())))
            recorder = recorders[n % 3]
            if n % 40 == 7:
                over_http(server, rng, text, web)
                continue
            if n % 40 == 23:
                answer = recorder.say('{"jsonrpc":"2.0","id":1,"method":"ideas.store","params":{"content":' + json.dumps(text)
                                      + rng.choice(["", "}", "}}}", ',"x":01}}', ',"content":1}}']))
            else:
                method, params = one_of(rng, n, text, ids)
                if method == "keys.use":  # the connection is closed behind it
                    recorder = Recorder(server.lines())
                    recorders.append(recorder)
                answer = recorder.say({"jsonrpc": "2.0", "id": n + 10, "method": method, "params": params})
            n_failed += '"error"' in answer
            found = re.match(r'\{"jsonrpc":"2.0","id":\d+,"result":\{"id":"[^"]*","short_id":"(q-\d+)"', answer)
            ids = (ids + [found[1]])[-20:] if found else ids
            if n % 500 == 250:
                recorders[0].call("credentials.rotate", {})
        problems = search_processes()
        problems += search("what the sockets said", "\n".join(line for r in recorders for line in r.seen).encode())
        problems += search("what HTTP said", "\n".join(web).encode())
        recorders[1].call("system.backup", {})
        n_bytes = sum(len(line) for r in recorders for line in r.seen)
        server.kill()
        problems += search("the log", server.err.encode()) + search_files(data)
        key = subprocess.run(["sh", "-c", f"cat {top}/config/questd/keys/*"], capture_output=True, text=True).stdout.split()
        if len(key) != 1 or len(key[0]) != 64:
            problems.append("there is no master key where it should be")
        return problems, {"calls": n_calls, "failed": n_failed, "answered bytes": n_bytes,
                          "redacted": sum(line.count("[redacted:") for r in recorders for line in r.seen)}
