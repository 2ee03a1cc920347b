# SPDX-License-Identifier: Apache-2.0
"""types.gen.h: structs and enums of types/, error codes, access roles."""
from .c_text import HEAD, enumerator, members, upper


def enum(name, values, prefix=None):
    prefix = prefix or upper(name)
    lines = [f"\t{prefix}_NONE,\n"] + [f"\t{enumerator(prefix, v)},\n" for v in values]
    return f"enum {name} {{\n{''.join(lines)}\t{prefix}_MAX,\n}};\n"


def enum_type(t):
    return (f"\n/* {t.description} */\n" + enum(t.name, t.values)
            + f"struct {t.name}_list {{\n\tenum {t.name} *v;\n\tsize_t n;\n}};\n"
            + f"struct str {t.name}_text(enum {t.name} value); /* NONE for 0 */\n"
            + f"enum {t.name} {t.name}_find(struct str text);    /* 0 when unknown */\n"
            + f"extern const struct shape_enum {t.name}_values;\n")


def object_type(t):
    return (f"\n/* {t.description} */\nstruct {t.name} {{\n{members(t.fields)}}};\n"
            + f"extern const struct shape {t.name}_shape;\n")


ERRORS = """
struct error_info {
	struct str name;
	int code;
	struct str message, hint;
	bool is_retryable;
	int exit; /* of `questd` */
};
extern const struct error_info error_table[ERROR_MAX]; /* [ERROR_NONE] is empty */
enum error_code error_find(struct str name); /* ERROR_NONE when unknown */
"""


def render(model):
    types = list(model.types.values())
    objects = [t for t in types if not t.is_enum]
    out = [HEAD, "#pragma once\n\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n"
           "#include \"base/str.h\"\n\nstruct shape;\nstruct shape_enum;\n\n"]
    out.append(enum("error_code", model.errors, "ERROR") + ERRORS)
    out += [enum_type(t) for t in types if t.is_enum]
    out.append("\n")
    for t in objects:
        out.append(f"struct {t.name};\nstruct {t.name}_list {{\n\tstruct {t.name} *v;\n\tsize_t n;\n}};\n")
    out += [object_type(t) for t in objects]
    return "".join(out)
