#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py QUESTD [FLAGS]: sets up where needed, serves in the foreground, and prints the lines to paste once
the server is ready."""
import json
import os
import re
import shlex
import signal
import subprocess
import sys

READY = re.compile(r"^questd ready socket=(.+) http=(\S+) pid=(\d+)")


def main():
    questd = os.path.abspath(sys.argv[1])
    flags = sys.argv[2:]
    where = [b for a, b in zip(flags, flags[1:]) if a == "--data-dir"] + [
        f.partition("=")[2] for f in flags if f.startswith("--data-dir=")]
    more = ["--data-dir", os.path.abspath(where[-1])] if where else []
    subprocess.run([questd, "setup", *more], check=True, stdout=subprocess.DEVNULL)
    paths = subprocess.run([questd, "paths", "--json", *more], check=True, capture_output=True, text=True).stdout
    paths = json.loads(paths)
    server = subprocess.Popen([questd, "serve", *flags], stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        for line in server.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            ready = READY.match(line)
            if ready:
                # by its folder, where it can be: then the client's own questd mcp starts one when this has ended
                place = ["--data-dir", paths["data_dir"]] if ready[1] == paths["socket"] else ["--socket", ready[1]]
                print_lines(questd, shlex.join(place), ready[2], paths["token"])
    except KeyboardInterrupt:
        server.terminate()
    return server.wait()


def print_lines(questd, place, address, token):
    questd, token = shlex.quote(questd), shlex.quote(token)
    print(f"""
In an MCP client:
  claude mcp add questd -- {questd} mcp {place}
From a shell:
  {questd} call quests.list {place}""")
    if address != "off":
        print(f"""Over HTTP:
  curl -s http://{address}/rpc -H "Authorization: Bearer $(cat {token})" -H 'Content-Type: application/json' """
              """-d '{"jsonrpc":"2.0","id":1,"method":"system.info"}'""")
    print("\nCtrl-C stops it.", flush=True)


sys.exit(main())
