# SPDX-License-Identifier: Apache-2.0
"""malloc fails, once at each place, in every verb."""
import os
import subprocess

from verdict import fault, need, scratch
import questd


@fault("F-13", "malloc fails at the n-th call of each verb")
def f_13(long):
    program = os.path.join(questd.BUILD, "tests/fault/no_memory")
    with scratch() as folder:
        done = subprocess.run([program, os.path.join(questd.BUILD, "schemas/expect.json"), "3000" if long else "60"], capture_output=True,
                              text=True, timeout=3600 if long else 240, env={**os.environ, "TMPDIR": folder})
    need(done.returncode == 0, done.stdout[-800:] + done.stderr[-800:])
    return done.stdout.strip().split("\n")[-1].removeprefix("F-13 ")
