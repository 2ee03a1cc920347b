# SPDX-License-Identifier: Apache-2.0
"""handlers.gen.h: a prototype a verb, and the table of functions."""
from .c_text import HEAD


def render(model):
    out = [HEAD, "#pragma once\n\n#include \"verbs.gen.h\"\n\nstruct call;\n\n"
           "typedef int verb_fn(struct call *call, const void *params, void *result);\n"
           "/* NULL for the verbs of lane server. */\n"
           "extern verb_fn *const verb_functions[VERB_MAX];\n\n"]
    for v in model.verbs:
        if v.lane != "server":
            out.append(f"int {v.c_name}(struct call *call, const struct {v.c_name}_params *params,\n"
                       f"\tstruct {v.c_name}_result *result);\n")
    return "".join(out)
