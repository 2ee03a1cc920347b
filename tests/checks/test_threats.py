# SPDX-License-Identifier: Apache-2.0
"""Every threat and fault that is said to be met is the name of a test; those that are not yet are listed
with their reason in docs/threats.json."""
import json
import os
import re
import unittest

import source
import tested

WORD = re.compile(r"\b(TM-[A-Z]+-\d\d|F-\d\d|(?:tm|f)_(?:[a-z]+_)?\d\d(?=_))", re.I)


def named():
    return {word.upper().replace("_", "-") for test, said in tested.tests() for word in WORD.findall(" ".join([test, *said]))}


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
