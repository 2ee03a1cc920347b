# SPDX-License-Identifier: Apache-2.0
"""The floors of the house: a folder includes only itself and what stands below it."""
import re
import unittest

import source

GENERATED = {"types.gen.h": "schemas", "verbs.gen.h": "schemas", "handlers.gen.h": "schemas", "sql.gen.h": "store"}
MAY = {
    "base": {"base"},
    "schemas": {"base", "schemas"},
    # shape.h: what is kept as JSON is written and read by the tables of its type
    "store": {"base", "store", "types.gen.h", "schemas/shape.h"},
    "transport": {"base", "transport"},
    "verbs": {"base", "store", "verbs", "types.gen.h", "verbs.gen.h", "handlers.gen.h"},
    "server": {"base", "schemas", "store", "transport", "verbs", "server"},
    "cli": {"base", "schemas", "cli", "transport/client.h", "transport/pipes.h"},
}
NOT = {("verbs", "base/json.h"), ("verbs", "store/db.h"), ("verbs", "sql.gen.h"), ("server", "store/db.h"), ("server", "sql.gen.h")}
# Each library is named in one folder, behind our header.
LIBRARIES = {"sqlite3.h": ("store", {"store/db_sqlite.h"}), "microhttpd.h": ("transport", None), "sodium.h": ("server", None),
             "gnutls": ("server", None), "jansson.h": ("tests", None)}


def is_allowed(floor, name):
    if (floor, name) in NOT:
        return False
    home = GENERATED.get(name) or (name.split("/")[0] if "/" in name else None)
    if home is None:
        return name.endswith(".gen.h")
    return bool({home, name} & MAY[floor])


class Floors(unittest.TestCase):
    def test_no_include_points_upward(self):
        wrong = [f"{path}: {name}" for path in source.files() for own, name in source.includes(path)
                 if own and not is_allowed(path.split("/")[0], name)]
        self.assertEqual(wrong, [])

    def test_a_library_is_named_in_one_folder(self):
        wrong = []
        for path in source.files():
            for own, name in source.includes(path):
                for library, (folder, only) in LIBRARIES.items():
                    if not own and name.startswith(library) and (path.split("/")[0] != folder or (only and path not in only)):
                        wrong.append(f"{path}: {name}")
        self.assertEqual(wrong, [])

    def test_sql_stands_in_store_only(self):
        sql = re.compile(r'"\s*(select |insert into|update \w+ set|delete from|create table|pragma )', re.I)
        wrong = [path for path in source.files() if not path.startswith("store/") and sql.search(source.text(path))]
        self.assertEqual(wrong, [])

    def test_threads_meet_only_in_queue_and_log(self):
        mutex = re.compile(r"\bpthread_mutex_|\bpthread_cond_")
        wrong = [path for path in source.files() if path not in ("base/queue.c", "base/queue.h", "base/log.c")
                 and mutex.search(source.bare(source.text(path)))]
        self.assertEqual(wrong, [])

    def test_verbs_know_no_wire(self):
        word = re.compile(r"\b(socket|pthread_\w+|json_\w+|db_\w+)\s*\(")
        wrong = [f"{path}: {m[0]}" for path in source.files("verbs") if (m := word.search(source.bare(source.text(path))))]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
