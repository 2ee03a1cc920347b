#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""valgrind.py BUILD: the transcripts, over every way in, against the real questd-server under memcheck: no
error, no block that is definitely lost when it has ended. A folder beside the build stands in for it, in
which questd-server is a script. `questd` itself is not run so: valgrind replaces no malloc in a static
program; its parts are in unit-cli."""
import glob
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SERVERS_MIN = 30  # six transcripts on five ways in
OPTIONS = ["--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]


def stand_in(build, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in ("schemas", "tests"):
        os.symlink(os.path.join(build, name), os.path.join(folder, name))
    shutil.copy2(os.path.join(build, "questd"), folder)  # it looks for the server beside itself
    script = os.path.join(folder, "questd-server")
    with open(script, "w") as f:
        f.write(f'#!/bin/sh\nexec valgrind {" ".join(OPTIONS)} --log-file={folder}/%p.log {build}/questd-server "$@"\n')
    os.chmod(script, 0o755)


def main():
    build = os.path.abspath(sys.argv[1])
    folder = os.path.join(build, "under-valgrind")
    stand_in(build, folder)
    done = subprocess.run([sys.executable, os.path.join(TOP, "tests/wire/run.py"), folder], cwd=TOP,
                          env={**os.environ, "QUESTD_UNDER_VALGRIND": "1"})
    logs = glob.glob(os.path.join(folder, "*.log"))
    fine = len(logs) >= SERVERS_MIN
    for log in logs:
        with open(log, errors="replace") as f:
            text = f.read().strip()
        if text:
            fine = False
            print(text[:4000])
    print(f"{'ok' if fine else 'not ok'} memcheck-of-the-server # {len(logs)} servers ran", flush=True)
    return 0 if fine and done.returncode == 0 else 1


sys.exit(main())
