# SPDX-License-Identifier: Apache-2.0
"""What of the C style a script can see. Reading is left to people."""
import os
import re
import unittest

import source

BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|tmpnam|mktemp|strtok|atoi|atol|system|popen|rand|srand|alloca)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|not implemented|unimplemented)\b")
HANDLERS = ("verbs/", "server/fixtures/")


class Style(unittest.TestCase):
    def setUp(self):
        self.functions = [f for path in source.files() if path.endswith(".c") for f in source.functions(path)]

    def test_no_function_over_100_lines(self):
        self.assertEqual([f"{f}: {f.n_lines}" for f in self.functions if f.n_lines > 100], [])

    def test_at_most_6_percent_of_functions_over_60_lines(self):
        long = [f"{f}: {f.n_lines}" for f in self.functions if f.n_lines > 60]
        self.assertLessEqual(len(long), 0.06 * len(self.functions), long)

    def test_at_most_5_parameters(self):
        # err.c's makers carry the place of the caller beside what the caller said
        wrong = [f"{f}: {f.n_params}" for f in self.functions if f.n_params > 5 and not f.name.startswith("err_make")]
        self.assertLessEqual(len(wrong), 0.05 * len(self.functions), wrong)
        self.assertEqual([w for w in wrong if int(w.rsplit(" ", 1)[1]) > 8], [])

    def test_no_file_over_1000_lines(self):
        self.assertEqual([(p, n) for p in source.files() if (n := source.text(p).count("\n")) > 1000], [])

    def test_every_source_has_its_header(self):
        wrong = []
        for path in source.files():
            if not path.endswith(".c") or path.startswith(HANDLERS) or os.path.basename(path) == "main.c":
                continue
            own = [name for is_own, name in source.includes(path) if is_own][:1]
            folder = os.path.dirname(path)
            if not own or not (own[0].startswith(folder + "/") or own[0].endswith(".gen.h")):
                wrong.append(f"{path}: first include is {own}")
        self.assertEqual(wrong, [])

    def test_every_file_says_its_licence(self):
        wrong = [p for p in source.files(*source.FLOORS, "tests", "scripts", endings=(".c", ".h", ".py", ".sh"))
                 if "SPDX-License-Identifier: Apache-2.0" not in source.text(p)[:200] and "node_modules" not in p]
        self.assertEqual(wrong, [])

    def test_no_banned_function(self):
        wrong = [f"{p}: {m[0]}" for p in source.files() if (m := BANNED.search(source.bare(source.text(p))))]
        self.assertEqual(wrong, [])

    def test_nothing_is_left_unfinished(self):
        wrong = [f"{p}: {m[0]}" for p in source.files(*source.FLOORS, endings=(".c", ".h", ".py", ".json", ".sql", ".md"))
                 if (m := UNFINISHED.search(source.text(p)))]
        self.assertEqual(wrong, [])

    def test_lines_are_at_most_100_columns(self):
        wrong = [f"{p}:{i}" for p in source.files() for i, line in enumerate(source.text(p).split("\n"), 1)
                 if len(line.expandtabs(8)) > 100]
        self.assertEqual(wrong, [])

    def test_descriptors_are_closed_on_exec(self):
        calls = {"open(": "O_CLOEXEC", "socket(": "SOCK_CLOEXEC", "accept4(": "SOCK_CLOEXEC", "eventfd(": "EFD_CLOEXEC",
                 "epoll_create1(": "EPOLL_CLOEXEC", "pipe2(": "O_CLOEXEC", "socketpair(": "SOCK_CLOEXEC"}
        wrong = []
        for path in source.files():
            code = source.bare(source.text(path))
            for call, flag in calls.items():
                for m in re.finditer(r"(?<![\w.>])" + re.escape(call), code):
                    statement = code[m.start():code.find(";", m.start())]
                    if flag not in statement:
                        wrong.append(f"{path}: {' '.join(statement.split())[:80]}")
            if re.search(r"(?<!\w)(pipe|accept|dup|creat)\s*\(", code):
                wrong.append(f"{path}: pipe, accept, dup or creat without CLOEXEC")
        self.assertEqual(wrong, [])


    def test_what_is_cleaned_up_is_set_before_a_way_out(self):
        """gcc's -ftrivial-auto-var-init hides it: without it a way out frees what lies on the stack."""
        wrong = []
        for path in source.files():
            lines = source.text(path).split("\n")
            for i, line in enumerate(lines):
                declared = re.match(r"\s+CLEANUP\(\w+\) [\w ]+?[ *](\w+)(\[.*\])?;", line)
                for later in lines[i + 1:] if declared else ():
                    if later.startswith("}") or re.search(rf"\b{declared[1]}\b", later):
                        break
                    if re.search(r"\breturn\b", later):
                        wrong.append(f"{path}:{i + 1}: {line.strip()}")
                        break
        self.assertEqual(wrong, [])

    def test_commands_that_are_printed_name_the_data_directory(self):
        """paths.flags stands behind each; help, which is about none, and a process's name are not pasted"""
        wrong = []
        for path in source.files("base", "cli", "server", "store", "verbs"):
            if path in ("cli/main.c", "cli/help.c", "cli/peer.c"):
                continue
            joined = re.sub(r'"\s*\n?\s*"', "", re.sub(r"/\*.*?\*/", "", source.text(path), flags=re.S))
            for m in re.finditer(r'questd (?:start|stop|restore|restart|doctor|logs|setup)\b(?!%)', joined):
                if not joined[:m.start()].endswith("was not started by "):
                    wrong.append(f"{path}: {joined[m.start():m.end() + 40]}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
