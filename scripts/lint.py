#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py BUILD: floors, style and threats (as `./dev test` has them), then clang-format over all C files,
cppcheck and clang-tidy over what is shipped. Ends with one line a tool; exit 1 when any has something to
say. clang-tidy is most of it: about two minutes on two cores."""
import concurrent.futures
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["base", "schemas", "store", "transport", "verbs", "server", "cli"]
JOBS = 2
FAMILIES = ["bugprone-*", "cert-*", "clang-analyzer-*"]
NOT_WANTED = {
    "bugprone-assignment-in-if-condition": "`if ((e = …))` is how a chain of steps stays short",
    "bugprone-easily-swappable-parameters": "half of all functions take two sizes or two texts",
    "bugprone-implicit-widening-of-multiplication-result": "products of constants, which the compiler checks",
    "bugprone-macro-parentheses": "TAKE and its like put types and statements into a macro",
    "bugprone-narrowing-conversions": "char and int meet in every parser",
    "bugprone-not-null-terminated-result": "text is a pointer and a length here",
    "bugprone-reserved-identifier": "_GNU_SOURCE",
    "bugprone-sizeof-expression": "sizeof of a pointer is meant in arrays of pointers",
    "cert-dcl03-c": "static_assert where assert depends on a value",
    "cert-dcl37-c": "bugprone-reserved-identifier again",
    "cert-dcl51-cpp": "bugprone-reserved-identifier again",
    "cert-env33-c": "no shell is started anywhere; a test of style looks for system() and popen()",
    "cert-err33-c": "snprintf into a buffer of known size needs no second look",
    "clang-analyzer-optin.performance.Padding": "fields stand in the order that a reader wants",
    "clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling": "wants memcpy_s, which glibc has not",
    "clang-analyzer-unix.Malloc": "takes a link popped off a list for one still in it; ASan and valgrind look for these",
    "clang-analyzer-valist.Uninitialized": "does not know __builtin_va_start of gcc's headers",
}


def sources(folders, endings):
    for folder in folders:
        for root, _, names in os.walk(os.path.join(TOP, folder)):
            if "node_modules" not in root:
                yield from (os.path.join(root, n) for n in sorted(names) if n.endswith(endings))


def output(command):
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def tell(name, results):
    """One line a tool, and before it what its runs had to say."""
    bad = [text for code, text in results if code]
    for text in bad:
        print(text[-6000:])
    print(f"{name}: {'see above' if bad else 'clean'}", flush=True)
    return not bad


def tidy(build, path):
    checks = ["-*", *FAMILIES, *("-" + check for check in NOT_WANTED)]
    return output(["clang-tidy", "--quiet", "-p", build, "--warnings-as-errors=*", "--checks=" + ",".join(checks),
                   # the compile commands are gcc's; clang 14 wants to be begged for this one
                   "--extra-arg=-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang", path])


def main():
    build = os.path.join(TOP, sys.argv[1])
    fine = True
    for check in ("floors", "style", "threats"):
        fine &= tell(check, [output([sys.executable, "tests/tap.py", f"tests/checks/test_{check}.py"])])
    fine &= tell("clang-format", [output(["clang-format", "--dry-run", "--Werror", *sources([*FOLDERS, "tests"], (".c", ".h"))])])
    fine &= tell("cppcheck", [output([
        "cppcheck", "--quiet", f"-j{JOBS}", "--enable=warning,portability", "--inline-suppr", "--error-exitcode=1",
        "--suppress=missingIncludeSystem", "-I", TOP, "-I", build + "/schemas", "-I", build + "/store",
        *(os.path.join(TOP, f) for f in FOLDERS)])])
    with concurrent.futures.ThreadPoolExecutor(max_workers=JOBS) as pool:
        fine &= tell("clang-tidy", pool.map(lambda path: tidy(build, path), sources(FOLDERS, (".c",))))
    return 0 if fine else 1


sys.exit(main())
