#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bridge.py stdio COMMAND ARG... | bridge.py unix SOCKET: MCP's Streamable HTTP in front of lines.

For the conformance suite, which speaks HTTP only. A legacy session is one connection (a process of
its own, or a connection to the socket); a modern request has a connection for itself, whose end is
its cancellation. Prints the port. It checks nothing: what questd says goes through as it is."""
import json
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
MODERN = "2026-07-28"
ANSWER_S = 60


class Lines:
    """A connection to questd; messages in, messages out."""

    def __init__(self, target):
        self.process = None
        if target[0] == "stdio":
            self.process = subprocess.Popen(target[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.out, self.input = self.process.stdin, self.process.stdout
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(target[1])
            self.out, self.input = self.socket.makefile("wb"), self.socket.makefile("rb")
        self.lock = threading.Lock()
        self.open = {}  # id as JSON -> queue of its request
        self.is_over = False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.input:
            message = json.loads(line)
            with self.lock:
                if "method" not in message and json.dumps(message.get("id")) in self.open:
                    self.open.pop(json.dumps(message["id"])).put(message)
                elif self.open:  # about the request that came last: the suite sends one at a time
                    list(self.open.values())[-1].put(message)
        with self.lock:
            for waiting in self.open.values():
                waiting.put(None)

    def send(self, message):
        """The queue where what belongs to the message comes out; None for what gets no answer."""
        waiting = None
        with self.lock:
            if "method" in message and "id" in message:
                waiting = self.open[json.dumps(message["id"])] = queue.Queue()
            self.out.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
            self.out.flush()
        return waiting

    def close(self):
        if self.process:
            self.out.close()
            self.process.wait(20)
        else:
            self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = None
    sessions = {}

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionResetError:  # the client left, as it may
            pass

    def reply(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def pass_on(self, waiting, headers=()):
        """One answer, or an event stream that ends with it."""
        first = waiting.get(timeout=ANSWER_S)
        if first is None or "method" not in first:
            self.reply(200, first, headers)
            return
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        message = first
        while message is not None:
            data = json.dumps(message, ensure_ascii=False)
            self.wfile.write(f"event: message\ndata: {data}\n\n".encode())
            self.wfile.flush()
            if "method" not in message:
                return
            message = self.next_message(waiting)

    def next_message(self, waiting):
        """Waits for one, and for the client's leaving."""
        while True:
            try:
                return waiting.get(timeout=0.1)
            except queue.Empty:
                self.connection.setblocking(False)
                try:
                    if self.connection.recv(1, socket.MSG_PEEK) == b"":
                        return None
                except BlockingIOError:
                    pass
                finally:
                    self.connection.setblocking(True)

    def do_modern(self, message):
        lines = Lines(self.target)
        try:
            waiting = lines.send(message)
            if waiting:
                self.pass_on(waiting)
            else:
                self.reply(202)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            lines.close()

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        params = message.get("params") or {}
        claim = (params.get("_meta") or {}).get(VERSION_KEY)
        if claim or self.headers.get("MCP-Protocol-Version") == MODERN:
            self.do_modern(message)
            return
        session = self.headers.get("Mcp-Session-Id")
        headers = ()
        if message.get("method") == "initialize":
            session = secrets.token_hex(16)
            self.sessions[session] = Lines(self.target)
            headers = (("Mcp-Session-Id", session),)
        if session not in self.sessions:
            self.reply(404)
            return
        waiting = self.sessions[session].send(message)
        if waiting:
            self.pass_on(waiting, headers)
        else:
            self.reply(202)

    def do_DELETE(self):
        lines = self.sessions.pop(self.headers.get("Mcp-Session-Id"), None)
        if lines:
            lines.close()
        self.reply(200 if lines else 404)

    def do_GET(self):
        self.reply(405)


def main():
    Handler.target = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    for lines in Handler.sessions.values():
        lines.close()


main()
