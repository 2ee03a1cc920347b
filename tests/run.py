#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suites and adds them up: `N passed, M failed, K skipped` is the last line.

A suite is a list of jobs; a job is a command that prints `ok NAME`, `not ok NAME` or
`skip NAME # reason` a test, whatever else it prints, and exits 0 when none failed. A job that fails
without naming a test counts as one failed test of its own name. Two jobs run at a time."""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINE = re.compile(r"^(ok|not ok|skip) (\S+)(?: # (.*))?")
JOB_SECONDS = 900
SLOW_JOB_SECONDS = 3600  # under TSan or valgrind


def executables(build, pattern):
    return sorted(p for p in glob.glob(os.path.join(build, pattern)) if os.access(p, os.X_OK) and os.path.isfile(p))


def units(build):
    return [(os.path.basename(p), [p]) for p in executables(build, "tests/unit/unit-*")]


# Each runs its scenario some thousand times over; ASan, which sees the same and more, runs them all.
TOO_LONG_FOR_VALGRIND = ("faults_while_", "f_24_faults_", "f_25_faults_", "f_13_every_verb_")


def units_under_valgrind(build):
    wrap = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite"]
    jobs = []
    for name, command in units(build):
        tests = subprocess.run([*command, "--list"], capture_output=True, text=True, check=True).stdout.split()
        jobs.append((name, [*wrap, *command, *(t for t in tests if not t.startswith(TOO_LONG_FOR_VALGRIND))]))
    return jobs


def corpora(build):
    jobs = []
    for path in executables(build, "tests/fuzz/fuzz_*"):
        name = os.path.basename(path)
        corpus = os.path.join(TOP, "tests/fuzz/corpus", name.removeprefix("fuzz_"))
        files = sorted(glob.glob(os.path.join(corpus, "*")))
        if files:
            jobs.append(("corpus-" + name.removeprefix("fuzz_"), [path, *files]))
    return jobs


def python_tests(folder):
    tap = os.path.join(TOP, "tests/tap.py")
    return [(os.path.relpath(p, TOP), [sys.executable, tap, p]) for p in sorted(glob.glob(os.path.join(TOP, folder, "test_*.py")))]


def suites(options):
    build, asan = os.path.join(TOP, "build-test"), os.path.join(TOP, "build-asan")
    if options.tsan:
        build = os.path.join(TOP, "build-tsan")
    if options.build:
        build = asan = options.build
    wire = [("wire", [sys.executable, os.path.join(TOP, "tests/wire/run.py"), build])]
    if options.tsan:
        return {"unit": units(build), "wire": wire}
    if options.valgrind:
        return {"unit": units_under_valgrind(build),
                "wire": [("wire-valgrind", [sys.executable, os.path.join(TOP, "tests/valgrind.py"), build])]}
    return {
        "unit": units(asan),
        "corpus": corpora(asan),
        "gen": python_tests("tests/gen"),
        "checks": python_tests("tests/checks"),
        "snap": python_tests("tests/snap"),
        "wire": wire,
        "system": python_tests("tests/system"),
    }


def run(job):
    name, command, programs, limit = job
    env = dict(os.environ, QUESTD_BUILD=programs, PYTHONDONTWRITEBYTECODE="1",
               ASAN_OPTIONS="detect_leaks=1:abort_on_error=0", UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
               TSAN_OPTIONS="halt_on_error=1")
    begun = time.monotonic()
    try:
        done = subprocess.run(command, cwd=TOP, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit)
        code, text = done.returncode, (done.stdout + done.stderr).decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        code, text = 124, ((late.stdout or b"") + (late.stderr or b"")).decode(errors="replace") + f"\nno end after {limit} s"
    found = [m.groups() for m in map(LINE.match, text.splitlines()) if m]
    counts = {kind: sum(1 for f in found if f[0] == kind) for kind in ("ok", "not ok", "skip")}
    if code and not counts["not ok"]:
        counts["not ok"] = 1
        found.append(("not ok", name, f"exit code {code}"))
    if not found:
        counts["not ok"] = 1
        found.append(("not ok", name, "no test ran"))
    return name, code, counts, found, text, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tsan", action="store_true")
    parser.add_argument("--valgrind", action="store_true")
    parser.add_argument("--build", help="take programs and units from this build folder")
    parser.add_argument("-v", action="store_true", help="print the output of every job")
    parser.add_argument("names", nargs="*", help="suites, or parts of jobs' names")
    options = parser.parse_args()
    jobs, programs = [], options.build or os.path.join(TOP, "build-tsan" if options.tsan else "build-test")
    limit = SLOW_JOB_SECONDS if options.tsan or options.valgrind else JOB_SECONDS
    if options.valgrind:
        os.environ["QUESTD_UNDER_VALGRIND"] = "1"  # tests/unit/test.h
    for suite, members in suites(options).items():
        jobs += [(*j, programs, limit) for j in members if not options.names or suite in options.names or any(n in j[0] for n in options.names)]
    total, failures, skips = {"ok": 0, "not ok": 0, "skip": 0}, [], []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, code, counts, found, text, seconds in pool.map(run, jobs):
            for kind in total:
                total[kind] += counts[kind]
            print(f"{name}: {counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped ({seconds:.1f} s)", flush=True)
            if counts["not ok"] or options.v:
                print("\n".join("    " + line for line in text.splitlines()[-400:]), flush=True)
            failures += [f"{name}: {test}" + (f" ({why})" if why else "") for kind, test, why in found if kind == "not ok"]
            skips += [f"{test}: {why or 'no reason given'}" for kind, test, why in found if kind == "skip"]
    for line in skips:
        print("skipped", line)
    for line in failures:
        print("failed", line)
    print(f"{total['ok']} passed, {total['not ok']} failed, {total['skip']} skipped")
    return 1 if total["not ok"] or not total["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
