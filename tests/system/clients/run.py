#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD: MCP clients that others wrote, over stdio and HTTP: the Inspector's command line with
--strict in both eras, the official SDK's clients of both generations, and the MCP health commands of
Claude Code and Codex. All in a network namespace that has nothing but loopback, with a home of their
own. A line a promise; `clients: N passed, M failed` last."""
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
BIN = os.path.join(HERE, "node_modules", ".bin")
NODE = os.path.join(HERE, "node_modules", "node", "bin", "node")
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
CLIENT_S = 180


def enter_namespace():
    """This program again, alone with its loopback."""
    if os.environ.get("QUESTD_IN_NAMESPACE"):
        with socket.socket() as s:
            name = b"lo".ljust(16, b"\0")
            flags, = struct.unpack("16xH", fcntl.ioctl(s, SIOCGIFFLAGS, name + b"\0" * 2))
            fcntl.ioctl(s, SIOCSIFFLAGS, name + struct.pack("H", flags | IFF_UP))
        return
    own = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    os.environ["QUESTD_IN_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", *own, "--net", sys.executable, *sys.argv])


class Tests:
    def __init__(self, home):
        self.passed = self.failed = 0
        self.env = {"HOME": home, "PATH": os.path.dirname(NODE) + ":/usr/bin:/bin", "LANG": "C.UTF-8",
                    "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "CI": "1", "CODEX_HOME": os.path.join(home, "codex")}
        self.cwd = home
        os.makedirs(self.env["CODEX_HOME"])

    def check(self, name, is_good, why=""):
        print("ok" if is_good else "not ok", name, flush=True)
        if not is_good:
            print("\n".join("    " + line for line in str(why)[-3000:].splitlines()), flush=True)
        self.passed += bool(is_good)
        self.failed += not is_good

    def run(self, *command, stdin=None, env=None):
        try:
            return subprocess.run(command, cwd=self.cwd, env={**self.env, **(env or {})}, input=stdin or "", text=True,
                                  capture_output=True, timeout=CLIENT_S, check=False)
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(command, 124, str(late.stdout), str(late.stderr))


def inspector(tests, server, stdio, url):
    """Its --strict fails (exit 6) for what some client would refuse in a tool's schema."""
    for era in ("legacy", "modern"):
        for carrier, target in (("stdio", stdio), ("http", [url, "--header", f"Authorization: Bearer {server.token()}"])):
            def cli(*args):
                # Options first: what follows a command is the command's.
                own = ["--protocol-era", era, *args]
                return tests.run(os.path.join(BIN, "mcp-inspector"), "--cli", *(target + own if carrier == "http" else own + ["--"] + target))
            name = f"inspector-{era}-{carrier}"
            done = cli("--strict", "--method", "tools/list")
            tests.check(f"{name}-strict", done.returncode == 0 and '"quests_create"' in done.stdout, done.stderr + done.stdout[-500:])
            done = cli("--method", "tools/call", "--tool-name", "quests_create", "--tool-arg", f"subject={name}")
            tests.check(f"{name}-call", done.returncode == 0 and name in done.stdout, done.stderr + done.stdout[-500:])
            for method in ("resources/list", "prompts/list", "resources/templates/list"):
                done = cli("--method", method)
                tests.check(f"{name}-{method.replace('/', '-')}", done.returncode == 0, done.stderr + done.stdout[-500:])
            if era == "modern":
                done = cli("--verify", "--require-digests", "--method", "skills/list")
                tests.check(f"{name}-skills-verify", done.returncode == 0, done.stderr + done.stdout[-800:])


def sdk(tests, server, generation, carrier, target):
    name = f"sdk-{generation}-{carrier}"
    process = subprocess.Popen([NODE, os.path.join(HERE, "sdk.mjs"), generation, carrier, json.dumps(target)], cwd=HERE,
                               env=tests.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.alarm(CLIENT_S)
    seen = []
    for line in process.stdout:
        if line.strip() == "restart":
            server.kill()
            server.start()
            process.stdin.write("done\n")
            process.stdin.flush()
        elif line.startswith("ok "):
            seen.append(line.split()[1])
            tests.check(f"{name}-{seen[-1]}", True)
    error = process.stderr.read()
    code = process.wait()
    signal.alarm(0)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    wanted = ["connects", "lists", "calls", "progress", "elicitation", "cancel", "subscribe", "reconnect"]
    if code or seen != wanted:
        tests.check(f"{name}-after-{seen[-1] if seen else 'nothing'}", False, error)


def claude(tests, server, stdio, url):
    program = os.path.join(BIN, "claude")
    tests.run(program, "mcp", "add", "questd", "--", *stdio)
    tests.run(program, "mcp", "add", "--transport", "http", "questd-http", url, "--header", f"Authorization: Bearer {server.token()}")
    done = tests.run(program, "mcp", "list")
    for name in ("questd", "questd-http"):
        good = [line for line in done.stdout.splitlines() if line.startswith(name + ":") and "Connected" in line]
        tests.check(f"claude-code-health-{'http' if 'http' in name else 'stdio'}", len(good) == 1, done.stdout + done.stderr)


def codex(tests, server, stdio, url):
    program = os.path.join(BIN, "codex")
    env = {"QUESTD_TOKEN": server.token()}
    tests.run(program, "mcp", "add", "questd", "--", *stdio)
    tests.run(program, "mcp", "add", "questd-http", "--url", url, "--bearer-token-env-var", "QUESTD_TOKEN")
    done = tests.run(program, "mcp", "list", "--json", env=env)
    tests.check("codex-mcp-list", done.returncode == 0 and {s["name"] for s in json.loads(done.stdout)} == {"questd", "questd-http"},
                done.stdout + done.stderr)
    status = codex_status(tests, program, env)
    for name in ("questd", "questd-http"):
        found = [s for s in status if s["name"] == name]
        tests.check(f"codex-health-{'http' if 'http' in name else 'stdio'}",
                    found and "quests_create" in found[0]["tools"] and found[0]["serverInfo"]["name"] == "questd", json.dumps(status)[:2000])


def codex_status(tests, program, env):
    """What its app server says of the MCP servers that are configured."""
    process = subprocess.Popen([program, "app-server"], cwd=tests.cwd, env={**tests.env, **env}, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    signal.alarm(CLIENT_S)

    def ask(number, method, params):
        process.stdin.write(json.dumps({"id": number, "method": method, "params": params}) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            message = json.loads(line)
            if message.get("id") == number:
                return message.get("result") or {}
        return {}
    ask(1, "initialize", {"clientInfo": {"name": "tests", "title": "tests", "version": "1"}})
    process.stdin.write('{"method":"initialized"}\n')
    status = ask(2, "mcpServerStatus/list", {}).get("data", [])
    process.terminate()
    process.wait()
    signal.alarm(0)
    process.stdin.close()
    process.stdout.close()
    return status


def main():
    enter_namespace()
    build = os.path.abspath(sys.argv[1])
    os.environ["QUESTD_BUILD"] = build
    import questd  # noqa: PLC0415: it reads the environment
    # Codex refuses a home below /tmp.
    home = tempfile.mkdtemp(prefix="questd-clients-", dir=os.environ.get("HOME") or "/var/tmp")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    tests = Tests(home)
    with open(os.path.join(build, "questd-server"), "rb") as f:
        tests.check("the-program-has-no-fixtures", b"conformance fixture" not in f.read())
    try:
        with questd.Server(http=f"127.0.0.1:{port}") as server:
            stdio = [os.path.join(build, "questd"), "mcp", "--socket", server.socket_path]
            url = f"http://127.0.0.1:{port}/mcp"
            inspector(tests, server, stdio, url)
            for generation in ("1", "2-legacy", "2-modern"):
                sdk(tests, server, generation, "stdio", {"command": stdio[0], "args": stdio[1:]})
                sdk(tests, server, generation, "http", {"url": url, "token": server.token()})
            claude(tests, server, stdio, url)
            codex(tests, server, stdio, url)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"clients: {tests.passed} passed, {tests.failed} failed")
    return 1 if tests.failed else 0


sys.exit(main())
