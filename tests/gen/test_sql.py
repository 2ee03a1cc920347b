# SPDX-License-Identifier: Apache-2.0
"""What store/sql/generate.py refuses, and what it makes of statements and migrations."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GENERATE = os.path.join(TOP, "store", "sql", "generate.py")
GET = "-- name: quest_get\nselect id\nfrom quests\nwhere id = $1\n"


class Sql(unittest.TestCase):
    def generate(self, sql, migrations=None):
        """(exit code, stderr, header, source) of files by name."""
        with tempfile.TemporaryDirectory() as top:
            folder = pathlib.Path(top)
            for name in ("sql", "migrations", "out"):
                (folder / name).mkdir()
            for name, text in sql.items():
                (folder / "sql" / name).write_text(text)
            for name, text in (migrations or {"0001_core.sql": "create table t (a);\n"}).items():
                (folder / "migrations" / name).write_text(text)
            done = subprocess.run([sys.executable, GENERATE, "--store", top, "--out", str(folder / "out")],
                                  capture_output=True, text=True)
            made = [(folder / "out" / n) for n in ("sql.gen.h", "sql.gen.c")]
            return done.returncode, done.stderr.strip(), *[m.read_text() if m.exists() else "" for m in made]

    def refused(self, sql, why, migrations=None):
        code, said, header, _ = self.generate({"a.sql": sql} if isinstance(sql, str) else sql, migrations)
        self.assertEqual((code, said, header), (1, why, ""))

    def test_a_statement_becomes_an_id_and_its_text(self):
        code, said, header, source = self.generate({"a.sql": "-- What quests need.\n" + GET})
        self.assertEqual((code, said), (0, ""))
        self.assertIn("SQL_QUEST_GET,", header)
        self.assertIn("where id = ?1", source)
        self.assertNotIn("What quests need", source)

    def test_numbers_inside_texts_are_left_alone(self):
        _, _, _, source = self.generate({"a.sql": GET + "and a <> '$2; * ?'\n"})
        self.assertIn("and a <> '$2; * ?'", source)

    def test_scan_must_be_allowed_with_a_reason(self):
        scan = GET.replace("get\n", "get\n-- may scan: it is small\n", 1)
        self.assertIn("true }", self.generate({"a.sql": scan})[3])
        self.assertIn("false }", self.generate({"a.sql": GET})[3])

    def test_migrations_come_in_order(self):
        code, _, _, source = self.generate({"a.sql": GET}, {"0002_b.sql": "create table b (b);",
                                                            "0001_a.sql": "create table a (a);"})
        self.assertEqual(code, 0)
        self.assertLess(source.index('{ 1, "0001_a"'), source.index('{ 2, "0002_b"'))

    def test_name_used_twice(self):
        self.refused({"a.sql": GET, "b.sql": GET}, "sql: b.sql: quest_get is also in a.sql")

    def test_upper_case_keywords(self):
        self.refused(GET.replace("from", "FROM"), "sql: a.sql: quest_get: keywords are lower case")

    def test_star(self):
        self.refused(GET.replace("select id", "select *"), "sql: a.sql: quest_get: columns are named, never *")
        self.refused(GET.replace("select id", "select q.*"), "sql: a.sql: quest_get: columns are named, never *")

    def test_two_statements_under_one_name(self):
        self.refused(GET + ";\ndelete from quests;\n", "sql: a.sql: quest_get: more than one statement under one name")

    def test_name_without_a_statement(self):
        self.refused("-- name: quest_get\n", "sql: a.sql: quest_get: no statement")

    def test_statement_without_a_name(self):
        self.refused("select 1\n", "sql: a.sql:1: a statement without `-- name:`")

    def test_bad_name(self):
        self.refused("-- name: questGet\nselect 1\n", "sql: a.sql:1: 'questGet' is no name")

    def test_gap_in_the_parameters(self):
        self.refused(GET + "and a = $3\n", "sql: a.sql: quest_get: parameters must be $1 … $2 without a gap")

    def test_parameter_without_number(self):
        self.refused(GET + "and a = ?\n", "sql: a.sql: quest_get: parameters are written $1, $2, …")

    def test_migration_with_a_bad_name(self):
        self.refused(GET, "sql: core.sql: a migration is named 0001_words.sql", {"core.sql": "create table t (a);"})

    def test_migrations_with_one_number(self):
        self.refused(GET, "sql: 0001_b.sql: version 1 is zero or used twice",
                     {"0001_a.sql": "create table a (a);", "0001_b.sql": "create table b (b);"})


if __name__ == "__main__":
    unittest.main()
