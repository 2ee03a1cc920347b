# SPDX-License-Identifier: Apache-2.0
"""What the tests say they test: names and first words, not what is written elsewhere in their files."""
import ast
import os
import re

import source

C_TEST = re.compile(r"^TEST\((\w+)\)", re.M)


def of_python(text):
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef):
            continue
        faults = [d for d in node.decorator_list if isinstance(d, ast.Call) and getattr(d.func, "id", "") == "fault"]
        if faults or node.name.startswith("test_"):
            words = [a.value for d in faults for a in d.args if isinstance(a, ast.Constant)]
            yield node.name.removeprefix("test_"), [*words, ast.get_docstring(node) or ""]


def tests():
    """Of each test its name and what it says of itself: a docstring, a fault's id. Transcripts and the clients'
    scripts say all of their text: they are nothing but tests."""
    for root, _, names in os.walk(os.path.join(source.TOP, "tests")):
        if "node_modules" in root or "checks" in root:
            continue
        for name in names:
            if not name.endswith((".c", ".py", ".test", ".mjs")):
                continue
            text = source.text(os.path.relpath(os.path.join(root, name), source.TOP))
            if name.endswith(".py"):
                yield from of_python(text)
            elif name.endswith(".c"):
                yield from ((test, []) for test in C_TEST.findall(text))
            else:
                yield "", [text]
