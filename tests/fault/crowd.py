# SPDX-License-Identifier: Apache-2.0
"""Many callers at the same time, each with one connection to the Unix socket, on one asyncio loop."""
import asyncio
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import questd  # noqa: E402


class Caller:
    def __init__(self, path):
        self.path = path
        self.n = 0

    async def open(self):
        self.reader, self.writer = await asyncio.open_unix_connection(self.path, limit=1 << 26)
        return self

    async def call(self, method, params=None):
        self.n += 1
        self.writer.write(questd.compact({"jsonrpc": "2.0", "id": self.n, "method": method, "params": params or {}}).encode() + b"\n")
        await self.writer.drain()
        while True:
            line = await self.reader.readline()
            if not line:
                raise ConnectionError("closed")
            answer = json.loads(line)
            if answer.get("id") == self.n:
                return answer

    def close(self):
        self.writer.close()


async def fire(path, who, acked, stop, size=40):
    """Fires events until the connection breaks or stop() says so; what was acknowledged goes into acked."""
    try:
        caller = await Caller(path).open()
    except OSError:
        return
    i = 0
    try:
        while not stop():
            subject = f"{who}-{i}"
            answer = await caller.call("events.fire", {"kind": "crowd.spoke", "subject": subject, "payload": {"x": "y" * size}})
            if "result" in answer:
                acked.append((answer["result"]["seq"], subject))
            i += 1
    except (ConnectionError, OSError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        caller.close()


def crowd(path, n, seconds, label="w", size=40):
    """n callers for so many seconds, or until the server goes: what was acknowledged."""
    acked = []
    end = time.monotonic() + seconds

    async def main():
        await asyncio.gather(*(fire(path, f"{label}{i}", acked, lambda: time.monotonic() > end, size) for i in range(n)))

    asyncio.run(main())
    return acked
