#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tap.py FILE [PATTERN ...]: runs a file of unittest tests and prints a line a test, as tests/run.py
wants them. A test is called by its method's name without `test_`, or by the id in its docstring's first
word when that begins with TM-, F- or mcp-."""
import fnmatch
import importlib.util
import os
import re
import sys
import traceback
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ID = re.compile(r"^((?:TM|F|mcp|ik|ag|rs)-[\w-]+)")


def label(test):
    if not hasattr(test, "_testMethodName"):
        return re.sub(r"\s+", "_", str(test))
    name = test._testMethodName.removeprefix("test_")
    words = ID.match((getattr(test, test._testMethodName).__doc__ or "").strip())
    return f"{words[1]}:{name}" if words else name


class Lines(unittest.TestResult):
    def addSuccess(self, test):
        print("ok", label(test), flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print("not ok", label(test), flush=True)
        print("".join(traceback.format_exception(*err)), flush=True)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.failures.append((subtest, ""))
            print("not ok", label(test), "#", subtest._subDescription(), flush=True)
            print("".join(traceback.format_exception(*err)), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print("skip", label(test), "#", reason, flush=True)


def chosen(suite, patterns):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, patterns)
        elif not patterns or any(fnmatch.fnmatch(test.id(), f"*{p}*") for p in patterns):
            yield test


def main():
    path = os.path.abspath(sys.argv[1])
    sys.path[:0] = [os.path.dirname(path), os.path.join(TOP, "tests")]
    spec = importlib.util.spec_from_file_location(os.path.basename(path).removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    result = Lines()
    suite = unittest.TestSuite(chosen(unittest.defaultTestLoader.loadTestsFromModule(module), sys.argv[2:]))
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
