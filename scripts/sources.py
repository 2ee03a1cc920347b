#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sources.py DIR [PATTERN ...]: the files of a folder (not below it), one a line, sorted.

Meson asks this instead of carrying lists, so that a new verb is a new file and nothing else; `./dev`
configures again when the answer changes."""
import fnmatch
import os
import sys

folder, patterns = sys.argv[1], sys.argv[2:] or ["*.c"]
for name in sorted(os.listdir(folder)):
    if any(fnmatch.fnmatch(name, p) for p in patterns):
        print(name)
