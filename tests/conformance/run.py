#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD: the official MCP conformance suite against questd.

BUILD is a build folder with -Dfixtures=true. The suite speaks HTTP only; for stdio and the Unix socket
the same scenarios run through bridge.py, and what is about HTTP itself is counted and named; every
other check that HTTP passed must pass there too. No baseline file. Exit 1 when a check fails, warns or
did not run."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.path.join(HERE, "node_modules/node/bin/node")
SUITE = os.path.join(HERE, "node_modules/@modelcontextprotocol/conformance/dist/index.js")
CHECKS = 384
VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
SKILLS = ["sep-2640-skills-enumeration", "sep-2640-skills-manifest", "sep-2640-skills-directory"]
TASKS = ["tasks-lifecycle", "tasks-capability-negotiation", "tasks-wire-fields", "tasks-request-state-removal",
         "tasks-mrtr-input", "tasks-request-headers", "tasks-dispatch-and-envelope", "tasks-status-notifications",
         "tasks-required-task-error", "tasks-mrtr-composition"]
# The suite skips this one for every server until its harness reads subscriptions/listen.
SKIPPED_BY_SUITE = {"tasks-status-notifications"}
# About HTTP itself: heads, sessions, streams that are cut and resumed, DNS rebinding.
HTTP_ONLY = {"dns-rebinding-protection", "http-header-validation", "http-custom-header-server-validation",
             "server-session-lifecycle", "server-sse-polling", "server-sse-multiple-streams", "tasks-request-headers"}
# Checks of other scenarios that look at HTTP's status or at the session's header.
HTTP_CHECKS = ("http", "session-id")


class Server:
    """questd-server on a folder of its own, without a token, on a free port."""

    def __init__(self, build, folder):
        self.process = subprocess.Popen(
            [os.path.join(build, "questd-server"), "--data-dir", folder, "--http", "127.0.0.1:0", "--no-auth"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.fields = {}
        for line in self.process.stderr:
            if line.startswith("questd ready "):
                self.fields = dict(f.split("=", 1) for f in line.split()[2:])
                break
        if "http" not in self.fields:
            sys.exit("the server did not become ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.process.stderr.close()


class Bridge:
    """bridge.py: HTTP on one side, lines on the other."""

    def __init__(self, *target):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "bridge.py"), *target],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


def suite(url, out, *options):
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "log"), "a", encoding="utf-8") as log:
        subprocess.run([NODE, SUITE, "server", "--url", url, "-o", out, *options], stdout=log, stderr=log,
                       stdin=subprocess.DEVNULL, timeout=300, check=False)


def run_all(url, out):
    for version in VERSIONS:
        suite(url, os.path.join(out, version), "--suite", "all", "--spec-version", version)
    for scenario in TASKS:
        suite(url, os.path.join(out, "tasks"), "--scenario", scenario)
    for scenario in SKILLS:
        suite(url, os.path.join(out, "skills"), "--scenario", scenario)


def checks(out):
    """(group, scenario, id, how often before) -> check, of all that ran and counts."""
    found = {}
    for path in sorted(glob.glob(os.path.join(out, "*", "server-*", "checks.json"))):
        group, folder = path.split(os.sep)[-3:-1]
        scenario = folder[len("server-"):-len("-2026-01-01T00-00-00-000Z")]
        with open(path, encoding="utf-8") as f:
            for check in json.load(f):
                if check["status"] == "INFO" or (check["status"] == "SKIPPED" and scenario in SKIPPED_BY_SUITE):
                    continue
                n = sum(key[:3] == (group, scenario, check["id"]) for key in found)
                found[group, scenario, check["id"], n] = check
    return found


def tell_failed(found, keys):
    """Prints what did not succeed; how many."""
    failed = [k for k in keys if k not in found or found[k]["status"] != "SUCCESS"]
    for k in failed:
        check = found.get(k, {"status": "did not run"})
        print(f"  {k[0]} {k[1]} {k[2]}: {check['status']}: {check.get('errorMessage')}"[:400])
    return len(failed)


def is_about_http(key):
    return key[1] in HTTP_ONLY or any(word in key[2] for word in HTTP_CHECKS)


def over_lines(name, out, known, *target):
    """What HTTP passed, again over lines; how many failed."""
    with Bridge(*target) as bridge:
        run_all(f"http://127.0.0.1:{bridge.port}/mcp", out)
    apart = [k for k in known if is_about_http(k)]
    n_failed = tell_failed(checks(out), [k for k in known if not is_about_http(k)])
    names = [f"{scenario}: {n}" for scenario, n in sorted(Counter(k[1] for k in apart).items())]
    print(f"conformance {name}: {len(known) - len(apart) - n_failed} passed, {n_failed} failed, "
          f"{len(apart)} not applicable ({', '.join(names)})", flush=True)
    return n_failed


def main():
    build = os.path.abspath(sys.argv[1])
    work = tempfile.mkdtemp(prefix="questd-conformance-")
    with Server(build, os.path.join(work, "data")) as server:
        run_all(f"http://{server.fields['http']}/mcp", os.path.join(work, "http"))
        found = checks(os.path.join(work, "http"))
        n_failed = over_lines("stdio", os.path.join(work, "stdio"), found, "stdio", os.path.join(build, "questd"), "mcp",
                              "--socket", server.fields["socket"])
        n_failed += over_lines("unix", os.path.join(work, "unix"), found, "unix", server.fields["socket"])
    n_failed_http = tell_failed(found, found)
    passed = Counter(k[0] for k in found if found[k]["status"] == "SUCCESS")
    for group in [*VERSIONS, "tasks", "skills"]:
        print(f"  {group}: {passed[group]}")
    # a scenario that writes no result fails nothing: there are as many as this version of the suite has
    if sum(passed.values()) != CHECKS:
        print(f"not all {CHECKS} checks of the suite were seen")
    print(f"conformance: {sum(passed.values())} passed, {n_failed_http} failed")
    if n_failed or n_failed_http or sum(passed.values()) != CHECKS or any(not passed[g] for g in [*VERSIONS, "tasks", "skills"]):
        print(f"the suite's own words are in {work}", file=sys.stderr)
        return 1
    shutil.rmtree(work)
    return 0


sys.exit(main())
