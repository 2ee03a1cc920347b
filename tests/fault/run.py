#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py BUILD [--long] [F-01 ...]: makes things go wrong, one line a fault with its figure."""
import os
import sys
import time
import traceback

arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
os.environ["QUESTD_BUILD"] = os.path.abspath(arguments[0])
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import verdict  # noqa: E402
import all_or_nothing, canaries, clock, crash, disk, guess, limits, memory, peers, queue_kills, reactions  # noqa: E402,E401,F401


def main():
    long, wanted = "--long" in sys.argv, arguments[1:]
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    for name, what, function in sorted(verdict.FAULTS, key=lambda f: f[0]):
        if wanted and name not in wanted:
            continue
        begun = time.monotonic()
        try:
            word, said = "ok", function(long)
        except verdict.Skipped as why:
            word, said = "skip", str(why)
        except verdict.Failed as why:
            word, said = "not ok", str(why)
        except Exception:
            word, said = "not ok", traceback.format_exc()
        counts[word] += 1
        print(f"{word} {name} # {what}: {said} ({time.monotonic() - begun:.1f} s)", flush=True)
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
