#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py --schemas DIR --out DIR --version V: everything that must agree with the schemas.

Reads DIR/*.json, DIR/types/*.json, DIR/errors.json and DIR/synonyms.json as README.md there says,
refuses what it does not allow (exit 1, a line a fault: `schemas/x.json: params.subject: …`), and
writes the outputs, one module of generator/ each. Standard library only."""
import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from generator import (check, completion_bash, completion_fish, completion_zsh, expect_json,  # noqa: E402
                       handlers_c, handlers_h, load, matrix_md, openrpc, shapes_c, types_h,
                       verbs_c, verbs_h, verbs_md)
from generator.faults import Faults  # noqa: E402

OUTPUTS = {
    "types.gen.h": types_h,
    "verbs.gen.h": verbs_h,
    "handlers.gen.h": handlers_h,
    "shapes.gen.c": shapes_c,
    "verbs.gen.c": verbs_c,
    "handlers.gen.c": handlers_c,
    "openrpc.json": openrpc,
    "verbs.md": verbs_md,
    "matrix.md": matrix_md,
    "expect.json": expect_json,
    "questd.bash": completion_bash,
    "_questd": completion_zsh,
    "questd.fish": completion_fish,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schemas", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--version", required=True)
    options = parser.parse_args()

    faults = Faults()
    model = load.load(options.schemas, options.version, faults)
    if not faults.lines:
        check.check(model, faults)
    if faults.lines:
        sys.stderr.write("".join(f"{line}\n" for line in faults.lines))
        return 1
    os.makedirs(options.out, exist_ok=True)
    for name, module in OUTPUTS.items():
        with open(os.path.join(options.out, name), "w", encoding="utf-8") as out:
            out.write(module.render(model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
