#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py BUILD: runs the suites on a build that counts, and holds what was reached against the
floors: lines 90 % overall, branches 95 % in the store, the JSON codec, frames and access."""
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["base", "schemas", "store", "transport", "verbs", "server", "cli"]
BRANCHES = {
    "store": lambda p: p.startswith("store/"),
    "json": lambda p: p.startswith("base/json"),
    "frames": lambda p: p in ("transport/line.c", "transport/sse.c"),
    "access": lambda p: p == "server/access.c",
}


def share(files, kind):
    covered = sum(f[f"{kind}_covered"] for f in files)
    total = sum(f[f"{kind}_total"] for f in files)
    return covered, total, 100.0 * covered / total if total else 100.0


def main():
    build = os.path.join(TOP, sys.argv[1])
    subprocess.run([sys.executable, "tests/run.py", "--build", build], cwd=TOP)
    out = os.path.join(build, "coverage.json")
    subprocess.run(["gcovr", "--root", TOP, "--object-directory", build, "--json-summary", out, "--exclude-throw-branches",
                    "--exclude-unreachable-branches", "--gcov-ignore-parse-errors",
                    *[x for f in FOLDERS for x in ("--filter", f + "/")]], cwd=TOP, check=True, stderr=subprocess.DEVNULL)
    with open(out) as f:
        files = json.load(f)["files"]
    worst = sorted(files, key=lambda f: f["line_percent"] or 0)[:12]
    for f in worst:
        print(f"  {f['filename']:34s} lines {f['line_percent']:5.1f} %  branches {f['branch_percent'] or 100:5.1f} %")
    fine = True
    covered, total, percent = share(files, "line")
    print(f"lines overall: {covered} of {total}, {percent:.1f} % (at least 90)")
    fine &= percent >= 90
    for name, chosen in BRANCHES.items():
        covered, total, percent = share([f for f in files if chosen(f["filename"])], "branch")
        print(f"branches in {name}: {covered} of {total}, {percent:.1f} % (at least 95)")
        fine &= percent >= 95
    return 0 if fine else 1


sys.exit(main())
