# SPDX-License-Identifier: Apache-2.0
"""The promises of the company that are met: each has a test whose name, or whose first words, begin with it, so
that none loses its last test unnoticed. Whoever meets one more adds it: t6 and ik_q17 are rows of one table, 52
and ag_9 of another (where both have a row of that name, its prefix is written)."""
import re
import unittest

import tested

MET = {
    "who may what": "t1 t2 t3 t4 t5 t6 t10 52 54 55",
    "tasks": "ik_q1 ik_q2 ik_q3 ik_q4 ik_q5 ik_q6 ik_q7 ik_q8 ik_q9 ik_q10 ik_q11 ik_q12 ik_q13 ik_q14 ik_q15 ik_q16 ik_q17 ik_q19 ik_q20 ik_q21 ik_q23"
             " ag_1 ag_2 ag_3 ag_4 ag_7 ag_8 ag_9 ag_15",
    "events": "ik_m4 ik_m5 ik_m6 ik_m9 ik_m10 ik_m13",
    "talk": "m7 m11 m12",
    "time and others": "ik_q22 ag_51",
    "workers": "ik_q24 ag_5 ag_6 ag_17 ag_18 ag_19",
    "secrets": "ik_f7 ik_f8 ik_f9",
    "mail": "ik_m1 ik_m2 ik_m3",
}
BEGIN = re.compile(r"(?:(?:tm_[a-z]+_\d+|f_\d+|mcp_[a-z]\d+|(?:ik_|ag_)?[qmtf]?\d+)_)+")
ID = re.compile(r"(?:ik_|ag_)?[qmtf]?\d+(?=_)")


def named():
    ids = set()
    for test, said in tested.tests():
        begin = BEGIN.match(test + "_")
        ids |= set(ID.findall(begin[0])) if begin else set()
        for text in said:  # "ik-Q7 ag-8 counts by state": here with the table's prefix alone
            begin = BEGIN.match(re.sub(r"\W+", "_", text[:60]).lower() + "_")
            ids |= {i for i in ID.findall(begin[0]) if "_" in i} if begin else set()
    return ids


class Promises(unittest.TestCase):
    def test_each_promise_that_is_met_has_a_test(self):
        have = named()
        self.assertEqual([(what, i) for what, ids in MET.items() for i in ids.split() if i not in have], [])


if __name__ == "__main__":
    unittest.main()
