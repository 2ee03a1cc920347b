#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py BUILD: floors, style and threats (as `./dev test` has them), then clang-format, cppcheck and
clang-tidy over what is ours. Ends with one line a tool; exit 1 when any has something to say."""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["base", "schemas", "store", "transport", "verbs", "server", "cli"]


def sources(endings):
    for folder in FOLDERS:
        for root, _, names in os.walk(os.path.join(TOP, folder)):
            yield from (os.path.join(root, n) for n in sorted(names) if n.endswith(endings))


def run(name, command):
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    text = (done.stdout + done.stderr).strip()
    if done.returncode:
        print(text[-6000:])
    print(f"{name}: {'clean' if done.returncode == 0 else 'see above'}", flush=True)
    return done.returncode == 0


def main():
    build = os.path.join(TOP, sys.argv[1])
    fine = True
    for check in ("floors", "style", "threats"):
        fine &= run(check, [sys.executable, "tests/tap.py", f"tests/checks/test_{check}.py"])
    fine &= run("clang-format", ["clang-format", "--dry-run", "--Werror", *sources((".c", ".h"))])
    fine &= run("cppcheck", ["cppcheck", "--quiet", "--enable=warning,portability", "--inline-suppr", "--error-exitcode=1",
                             "--suppress=missingIncludeSystem", "-I", TOP, "-I", build + "/schemas", "-I", build + "/store",
                             *[os.path.join(TOP, f) for f in FOLDERS]])
    fine &= run("clang-tidy", ["clang-tidy", "--quiet", "-p", build, "--warnings-as-errors=*",
                               # the compile commands are gcc's; clang 14 wants to be begged for this one
                               "--extra-arg=-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang",
                               "--checks=-*,bugprone-*,cert-*,clang-analyzer-*,-bugprone-easily-swappable-parameters,"
                               "-bugprone-reserved-identifier,-cert-dcl37-c,-cert-dcl51-cpp,-bugprone-assignment-in-if-condition,"
                               "-bugprone-narrowing-conversions,-cert-err33-c,-bugprone-macro-parentheses,"
                               "-bugprone-sizeof-expression,-cert-dcl03-c,-cert-env33-c,-clang-analyzer-valist.Uninitialized,"
                               "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling",
                               *[s for s in sources((".c",)) if "/fixtures/" not in s]])
    return 0 if fine else 1


sys.exit(main())
