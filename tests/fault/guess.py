# SPDX-License-Identifier: Apache-2.0
"""Guessing keys: what the time of a refusal says."""
import os
import subprocess

from verdict import fault, need, scratch
import questd


@fault("TM-AUTHZ-05", "the time a wrong key takes says nothing of where it is wrong")
def tm_authz_05(long):
    with scratch() as folder:
        done = subprocess.run([os.path.join(questd.BUILD, "tests/fault/key_timing")], capture_output=True, text=True, timeout=300,
                              env={**os.environ, "TMPDIR": folder})
    need(done.returncode == 0, done.stdout[-400:] + done.stderr[-400:])
    return done.stdout.strip()
