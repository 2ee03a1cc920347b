#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py BUILD [NAME ...]: runs the suites (or those that are named) on a build that counts, and holds
what was reached against the floors: lines 90 % overall, branches 95 % in the store, the JSON codec, frames
and access. Units, transcripts, the programs' tests all count; a program that is killed takes its counts with
it. Exit 1 below a floor, and when a test fails."""
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["base", "schemas", "store", "transport", "verbs", "server", "cli"]
LINES_MIN, BRANCHES_MIN = 90, 95
BRANCHES = {
    "store": lambda p: p.startswith("store/"),
    "json": lambda p: p.startswith("base/json"),
    "frames": lambda p: p in ("transport/line.c", "transport/sse.c"),
    "access": lambda p: p == "server/access.c",
}


def forget_counts(build):
    """What an earlier run counted is not this one's."""
    for root, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcda"):
                os.unlink(os.path.join(root, name))


def count(build):
    out = os.path.join(build, "coverage.json")
    subprocess.run(["gcovr", "--root", TOP, "--object-directory", build, "--json-summary", out, "--exclude-throw-branches",
                    "--exclude-unreachable-branches", "--gcov-ignore-parse-errors",
                    # one way out of an assertion is never taken, or there is a bug
                    "--exclude-branches-by-pattern", r"\s*assert\(.*",
                    *[x for f in FOLDERS for x in ("--filter", f + "/")],
                    # the tests' own objects, and what is left of files that have gone, are of no interest
                    *[os.path.join(build, f) for f in (*FOLDERS, "questd.p", "questd-server.p")]], cwd=TOP, check=True, stderr=subprocess.DEVNULL)
    with open(out) as f:
        return json.load(f)["files"]


def share(files, kind):
    covered = sum(f[f"{kind}_covered"] for f in files)
    total = sum(f[f"{kind}_total"] for f in files)
    return covered, total, 100.0 * covered / total if total else 100.0


def row(name, files):
    line, branch = share(files, "line"), share(files, "branch")
    return f"  {name:34s} lines {line[2]:5.1f} %  branches {branch[2]:5.1f} %"


def is_reached(what, files, kind, least):
    covered, total, percent = share(files, kind)
    print(f"{what}: {covered} of {total}, {percent:.1f} % (at least {least})")
    return percent >= least


def main():
    build = os.path.join(TOP, sys.argv[1])
    forget_counts(build)
    tests = subprocess.run([sys.executable, "tests/run.py", "--build", build, *sys.argv[2:]], cwd=TOP)
    files = count(build)
    print("the least covered:")
    for f in sorted(files, key=lambda f: f["line_percent"] or 0)[:12]:
        print(row(f["filename"], [f]))
    print("by folder:")
    for folder in FOLDERS:
        print(row(folder, [f for f in files if f["filename"].startswith(folder + "/")]))
    fine = is_reached("lines overall", files, "line", LINES_MIN)
    for name, chosen in BRANCHES.items():
        fine &= is_reached(f"branches in {name}", [f for f in files if chosen(f["filename"])], "branch", BRANCHES_MIN)
    return 0 if fine and tests.returncode == 0 else 1


sys.exit(main())
