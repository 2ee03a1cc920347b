# SPDX-License-Identifier: Apache-2.0
"""shapes.gen.c: the tables that shape.c walks, the names of enums, the table of errors."""
from . import tool
from .added import all_params
from .c_text import HEAD, integer, text, truth, upper

FORMATS = {"line": "SHAPE_LINE", "text": "SHAPE_TEXT", "id": "SHAPE_ID", "name": "SHAPE_NAME",
           "cursor": "SHAPE_CURSOR"}


def enum_table(name, values):
    rows = "".join(f"\t{text(v)},\n" for v in values)
    return (f"\nstatic const struct str {name}_texts[] = {{\n\t{text(None)},\n{rows}}};\n"
            f"const struct shape_enum {name}_values = {{\n\t{text(name)}, {name}_texts, "
            f"{len(values) + 1},\n}};\n\n"
            f"struct str {name}_text(enum {name} value)\n{{\n"
            f"\treturn shape_enum_text(&{name}_values, (int)value);\n}}\n\n"
            f"enum {name} {name}_find(struct str text)\n{{\n"
            f"\treturn (enum {name})shape_enum_find(&{name}_values, text);\n}}\n")


def default(model, f):
    """Of an enum: its index; `raw` says it as the schema does."""
    if f.kind == "bool":
        value = ".type = JSON_BOOL, .b = " + truth(f.default)
    elif f.kind == "int":
        value = ".type = JSON_INT, .i = " + integer(f.default)
    elif f.kind == "number":
        value = ".type = JSON_DOUBLE, .d = " + repr(float(f.default))
    elif f.kind == "enum":
        value = f".type = JSON_INT, .i = {model.types[f.ref].values.index(f.default) + 1}"
    else:
        value = ".type = JSON_STRING, .s = " + text(f.default)
    return "{ %s, .raw = %s }" % (value, text(tool.compact(f.default)))


def flags(f):
    out = ["SHAPE_REQUIRED"] if f.required else []
    if f.has:
        out.append("SHAPE_HAS")
    if f.has_default:
        out.append("SHAPE_DEFAULT")
    if f.is_secret:
        out.append("SHAPE_SECRET")
    return " | ".join(out) or "0"


def bounds(f):
    if f.kind == "number":
        low = "-DBL_MAX" if f.min is None else repr(float(f.min))
        high = "DBL_MAX" if f.max is None else repr(float(f.max))
        return f".number_min = {low}, .number_max = {high}, "
    low = "INT64_MIN" if f.min is None else integer(f.min)
    high = "INT64_MAX" if f.max is None else integer(f.max)
    out = f".min = {low}, .max = {high}, "
    items = f".item_min = {f.item_min}, .item_max = {f.item_max}, " if f.item_max else ""
    return out + items


def row(model, f, struct, path):
    kind = "SHAPE_" + f.kind.upper()
    quoted = text('"' + f.name + '":')
    out = [f"\t{{\n\t\t.name = {text(f.name)}, .quoted = {quoted}, .kind = {kind},\n"
           f"\t\t.format = {FORMATS[f.format]},\n",
           f"\t\t.flags = {flags(f)}, .offset = offsetof(struct {struct}, {path}{f.c_name}),\n"]
    if f.has:
        out.append(f"\t\t.has_offset = offsetof(struct {struct}, {path}has_{f.name}),\n")
    out.append(f"\t\t{bounds(f)}\n".replace(", \n", ",\n"))
    if f.kind in ("object", "objects"):
        out.append(f"\t\t.object = &{f.ref}_shape,\n")
    if f.kind in ("enum", "enums"):
        out.append(f"\t\t.values = &{f.ref}_values,\n")
    if f.description:
        out.append(f"\t\t.description = {text(f.description, 2 * chr(9))},\n")
    if f.has_default:
        out.append(f"\t\t.default_value = {default(model, f)},\n")
    return "".join(out) + "\t},\n"


def shape(name, rows, fields):
    """`fields`: what the rows are of."""
    out = ""
    if rows:
        out = f"\nstatic const struct shape_field {name}_fields[] = {{\n{''.join(rows)}}};\n"
    table = f"{name}_fields" if rows else "NULL"
    cursor = next((f"&{table}[{i}]" for i, f in enumerate(fields) if f.kind == "string" and f.format == "cursor"), "NULL")
    return (out + f"const struct shape {name}_shape = {{\n\t{text(name)}, sizeof(struct {name}), "
            f"{table}, {len(rows)},\n\t{cursor},\n}};\n")


def errors_table(errors):
    out = ["\nconst struct error_info error_table[ERROR_MAX] = {\n"]
    for name, e in errors.items():
        out.append(f"\t[ERROR_{upper(name)}] = {{\n\t\t{text(name)}, {e['code']},\n"
                   f"\t\t{text(e['message'], 2 * chr(9))},\n\t\t{text(e['hint'], 2 * chr(9))},\n"
                   f"\t\t{truth(e['retryable'])}, {e['exit']},\n\t}},\n")
    out.append("};\n\nenum error_code error_find(struct str name)\n{\n"
               "\tfor (int i = 1; i < ERROR_MAX; i++)\n"
               "\t\tif (str_eq(error_table[i].name, name))\n\t\t\treturn (enum error_code)i;\n"
               "\treturn ERROR_NONE;\n}\n")
    return "".join(out)


def render(model):
    out = [HEAD, "#include <float.h>\n\n#include \"schemas/shape.h\"\n#include \"types.gen.h\"\n"
           "#include \"verbs.gen.h\"\n"]
    out.append(errors_table(model.errors))
    types = list(model.types.values())
    out += [enum_table(t.name, t.values) for t in types if t.is_enum]
    for t in types:
        if not t.is_enum:
            out.append(shape(t.name, [row(model, f, t.name, "") for f in t.fields], t.fields))
    for v in model.verbs:
        name = f"{v.c_name}_params"
        out.append(shape(name, [row(model, f, name, "") for f in all_params(v)], all_params(v)))
        name, inner = f"{v.c_name}_result", model.types[v.result_type].fields if v.result_type else []
        rows = [row(model, f, name, f"{v.result_type}.") for f in inner]
        rows += [row(model, f, name, "") for f in v.result]
        out.append(shape(name, rows, [*inner, *v.result]))
    return "".join(out)
