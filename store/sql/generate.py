#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py --store DIR --out DIR: sql.gen.h and sql.gen.c from sql/*.sql and migrations/*.sql.

A statement begins with `-- name: quest_get` and ends before the next name; it becomes SQL_QUEST_GET.
`-- may scan: why` under the name lets its plan read a whole table. Other comments are left out.
Parameters are written $1, $2, … and become ?1, ?2, … here: SQLite numbers $-names by appearance."""
import argparse
import pathlib
import re
import sys

NAME = re.compile(r"^--\s*name:\s*(\S.*)$")
SCAN = re.compile(r"^--\s*may scan:\s*(\S.*)$")
LITERAL = re.compile(r"'(?:[^']|'')*'")
MIGRATION = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


class Bad(Exception):
    pass


def outside_literals(text, change):
    """Applies change() to what lies between the quoted strings of a statement."""
    parts, at = [], 0
    for m in LITERAL.finditer(text):
        parts += [change(text[at:m.start()]), m.group()]
        at = m.end()
    return "".join(parts) + change(text[at:])


def check_statement(where, text):
    bare = LITERAL.sub("''", text)
    if not bare.strip():
        raise Bad(f"{where}: no statement")
    if ";" in bare:
        raise Bad(f"{where}: more than one statement under one name")
    if re.search(r"\bselect\s+\*|,\s*\*|\.\*|returning\s+\*", bare):
        raise Bad(f"{where}: columns are named, never *")
    if re.search(r"^\s*[A-Z]{2,}\b", bare, re.M):
        raise Bad(f"{where}: keywords are lower case")
    if "?" in bare:
        raise Bad(f"{where}: parameters are written $1, $2, …")
    numbers = {int(n) for n in re.findall(r"\$(\d+)", bare)}
    if numbers != set(range(1, len(numbers) + 1)):
        raise Bad(f"{where}: parameters must be $1 … ${len(numbers)} without a gap")


def statements_of(path):
    name, scan, lines, found = None, False, [], []

    def finish():
        if name is not None:
            text = "\n".join(lines).strip().rstrip(";").strip()
            check_statement(f"{path.name}: {name}", text)
            found.append((name, scan, outside_literals(text, lambda s: re.sub(r"\$(\d+)", r"?\1", s))))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        named = NAME.match(line)
        if named:
            finish()
            name, scan, lines = named.group(1), False, []
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise Bad(f"{path.name}:{number}: '{name}' is no name")
        elif SCAN.match(line):
            scan = True
        elif not line.lstrip().startswith("--"):
            if name is None and line.strip():
                raise Bad(f"{path.name}:{number}: a statement without `-- name:`")
            lines.append(line.rstrip())
    finish()
    return found


def migrations_of(folder):
    found = {}
    for path in sorted(folder.glob("*.sql")):
        m = MIGRATION.match(path.name)
        if not m:
            raise Bad(f"{path.name}: a migration is named 0001_words.sql")
        version = int(m.group(1))
        if version < 1 or version in found:
            raise Bad(f"{path.name}: version {version} is zero or used twice")
        found[version] = (path.stem, path.read_text(encoding="utf-8"))
    return sorted(found.items())


def literal(text):
    lines = [l.replace("\\", "\\\\").replace('"', '\\"') for l in text.strip().split("\n")]
    return "\n".join(f'\t\t"{l}\\n"' for l in lines)


def header(statements):
    ids = "".join(f"\tSQL_{name.upper()},\n" for name, _, _ in statements)
    return f"""/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from store/sql and store/migrations. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum sql_id {{
{ids}\tSQL_ID_MAX,
}};

struct sql_statement {{
	const char *name;
	const char *text;
	bool may_scan;
}};

struct sql_migration {{
	int version;
	const char *name;
	const char *text;
}};

extern const struct sql_statement sql_table[SQL_ID_MAX];
extern const struct sql_migration sql_migrations[]; /* by version, ascending */
extern const size_t sql_n_migrations;
"""


def source(statements, migrations):
    rows = "".join(f'\t[SQL_{name.upper()}] = {{ "{name}",\n{literal(text)},\n\t\t{"true" if scan else "false"} }},\n'
                   for name, scan, text in statements)
    steps = "".join(f'\t{{ {version}, "{name}",\n{literal(text)} }},\n'
                    for version, (name, text) in migrations)
    return f"""/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from store/sql and store/migrations. */
#include "sql.gen.h"

const struct sql_statement sql_table[SQL_ID_MAX] = {{
{rows}}};

const struct sql_migration sql_migrations[] = {{
{steps}}};

const size_t sql_n_migrations = sizeof(sql_migrations) / sizeof(sql_migrations[0]);
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    args = parser.parse_args()
    statements, seen = [], {}
    for path in sorted((args.store / "sql").glob("*.sql")):
        for name, scan, text in statements_of(path):
            if name in seen:
                raise Bad(f"{path.name}: {name} is also in {seen[name]}")
            seen[name] = path.name
            statements.append((name, scan, text))
    migrations = migrations_of(args.store / "migrations")
    (args.out / "sql.gen.h").write_text(header(statements), encoding="utf-8")
    (args.out / "sql.gen.c").write_text(source(statements, migrations), encoding="utf-8")


try:
    main()
except Bad as bad:
    sys.exit(f"sql: {bad}")
