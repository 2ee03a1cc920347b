# SPDX-License-Identifier: Apache-2.0
"""Every threat and fault that is said to be met is the name of a test; those that are not yet are listed
with their reason in docs/threats.json."""
import json
import os
import re
import unittest

import source

WORD = re.compile(r"\b(TM-[A-Z]+-\d\d|F-\d\d|(?:tm|f)_(?:[a-z]+_)?\d\d(?=_))", re.I)


def named():
    """The ids that occur in the name or docstring of a test."""
    ids = set()
    for root, _, names in os.walk(os.path.join(source.TOP, "tests")):
        if "node_modules" in root or "checks" in root:
            continue
        for name in names:
            if not name.endswith((".c", ".py", ".test", ".mjs")):
                continue
            for word in WORD.findall(source.text(os.path.relpath(os.path.join(root, name), source.TOP))):
                ids.add(word.upper().replace("_", "-"))
    return ids


class Threats(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(source.TOP, "docs/threats.json")) as f:
            self.rows = json.load(f)

    def test_every_row_has_a_test_or_a_reason(self):
        have = named()
        self.assertEqual([r["id"] for r in self.rows if "later" not in r and r["id"] not in have], [])

    def test_no_test_names_an_id_that_is_not_listed(self):
        self.assertEqual(sorted(named() - {r["id"] for r in self.rows}), [])

    def test_a_row_is_whole(self):
        wrong = [r.get("id") for r in self.rows if not r.get("threat") or not (r.get("answer") or r.get("later"))]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
