# SPDX-License-Identifier: Apache-2.0
"""The faults' register, and what they say of the outcome."""
import contextlib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FAULTS = []


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def fault(name, what):
    def take(function):
        FAULTS.append((name, what, function))
        return function
    return take


def need(condition, why):
    if not condition:
        raise Failed(why)


def code_of(answer):
    """The name of an answer's error, or None."""
    return answer.get("error", {}).get("data", {}).get("code")


def tries(measure, n=3):
    """What compares times may be disturbed by others on the machine: the first of n tries that holds."""
    for i in range(1, n + 1):
        try:
            return measure() + (f" (try {i})" if i > 1 else "")
        except Failed:
            if i == n:
                raise
    return None


@contextlib.contextmanager
def scratch():
    folder = tempfile.mkdtemp(prefix="questd-fault.")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
