# SPDX-License-Identifier: Apache-2.0
"""handlers.gen.c: the table of functions; a verb without its function is a link error."""
from .c_text import HEAD, upper


def render(model):
    out = [HEAD, "#include \"handlers.gen.h\"\n"]
    verbs = [v for v in model.verbs if v.lane != "server"]
    for v in verbs:
        out.append(f"\nstatic int run_{v.c_name}(struct call *call, const void *params, void *result)\n"
                   f"{{\n\treturn {v.c_name}(call, params, result);\n}}\n")
    out.append("\nverb_fn *const verb_functions[VERB_MAX] = {\n")
    out += [f"\t[VERB_{upper(v.c_name)}] = run_{v.c_name},\n" for v in verbs]
    out.append("};\n")
    return "".join(out)
