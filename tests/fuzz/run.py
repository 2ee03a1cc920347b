#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD [--seconds N] [TARGET ...]: libFuzzer under ASan and UBSan, two targets at a time. New inputs
stay in the build folder; what makes a target fail is left there and named."""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--seconds", type=int, default=60)
parser.add_argument("targets", nargs="*")
options = parser.parse_intermixed_args()


def run(path):
    name = os.path.basename(path).removeprefix("fuzz_")
    work = os.path.join(os.path.abspath(options.build), "fuzzing", name)
    os.makedirs(work + "/found", exist_ok=True)
    seeds = os.path.join(HERE, "corpus", name)
    command = [path, work + "/found", *([seeds] if os.path.isdir(seeds) else []), f"-max_total_time={options.seconds}",
               f"-artifact_prefix={work}/", "-print_final_stats=1", "-rss_limit_mb=2048", "-timeout=10", "-max_len=16384"]
    words = os.path.join(HERE, "corpus", name + ".dict")
    if os.path.exists(words):
        command.append("-dict=" + words)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env={**os.environ, "TMPDIR": work})
    runs = re.search(r"number_of_executed_units:\s+(\d+)", done.stderr)
    cover = re.findall(r"cov: (\d+)", done.stderr)
    return name, done, int(runs[1]) if runs else 0, cover[-1] if cover else "?"


def main():
    programs = [p for p in sorted(glob.glob(os.path.join(options.build, "tests/fuzz/fuzz_*"))) if os.access(p, os.X_OK) and os.path.isfile(p)]
    chosen = [p for p in programs if not options.targets or os.path.basename(p).removeprefix("fuzz_") in options.targets]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, done, runs, cover in pool.map(run, chosen):
            fine = done.returncode == 0 and runs > 0
            failed += not fine
            print(f"{'ok' if fine else 'not ok'} fuzz-{name} # {runs:,} inputs in {options.seconds} s, {cover} edges", flush=True)
            if not fine:
                print(done.stderr[-3000:])
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


sys.exit(main())
