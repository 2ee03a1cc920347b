# SPDX-License-Identifier: Apache-2.0
"""malloc fails, once at each place, in every verb."""
import concurrent.futures
import os
import re
import subprocess

from verdict import fault, need, scratch
import questd

PARTS = 2


def run_part(part, folder, long):
    program = os.path.join(questd.BUILD, "tests/fault/no_memory")
    return subprocess.run([program, os.path.join(questd.BUILD, "schemas/expect.json"), "3000" if long else "60", f"{part}/{PARTS}"],
                          capture_output=True, text=True, timeout=3600 if long else 240, env={**os.environ, "TMPDIR": folder})


@fault("F-13", "malloc fails at the n-th call of each verb")
def f_13(long):
    """A server starts for nearly each try, which takes the time: one half of the verbs beside the other."""
    with scratch() as folder, concurrent.futures.ThreadPoolExecutor(PARTS) as pool:
        parts = list(pool.map(lambda part: run_part(part, folder, long), range(PARTS)))
    for done in parts:
        need(done.returncode == 0, done.stdout[-800:] + done.stderr[-800:])
    said = [done.stdout.strip().split("\n")[-1].removeprefix("F-13 ") for done in parts]
    sums = iter([sum(column) for column in zip(*([int(n) for n in re.findall(r"\d+", line)] for line in said))])
    return re.sub(r"\d+", lambda _: str(next(sums)), said[0])
