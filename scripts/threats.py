#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the threat model as Markdown: docs/threats.json, and beside each row the tests that bear its id."""
import json
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tests_of(ids):
    found = {i: set() for i in ids}
    for root, _, names in os.walk(os.path.join(TOP, "tests")):
        if "node_modules" in root or "checks" in root:
            continue
        for name in names:
            if not name.endswith((".c", ".py", ".test", ".mjs")):
                continue
            path = os.path.join(root, name)
            with open(path, errors="replace") as f:
                text = f.read().upper().replace("_", "-")
            for i in ids:
                if re.search(rf"\b{re.escape(i)}\b", text):
                    found[i].add(os.path.relpath(path, TOP))
    return found


def main():
    with open(os.path.join(TOP, "docs/threats.json")) as f:
        rows = json.load(f)
    found = tests_of([r["id"] for r in rows])
    print("# Threats and faults\n\nWhat can go wrong, what questd does about it, and the tests that say so.\n")
    for title, prefix in (("Threats", "TM-"), ("Faults", "F-")):
        print(f"## {title}\n\n| id | what | answer | tests |\n| --- | --- | --- | --- |")
        for r in rows:
            if r["id"].startswith(prefix):
                answer = r.get("answer") or "not yet: " + r["later"]
                print(f"| {r['id']} | {r['threat']} | {answer} | {' '.join(sorted(found[r['id']])) if 'later' not in r else ''} |")
        print()


main()
