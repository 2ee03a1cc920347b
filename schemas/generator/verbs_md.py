# SPDX-License-Identifier: Apache-2.0
"""verbs.md: the reference of all verbs for people."""
import json
import shlex

from . import limits, tool
from .added import all_params


def item_text(model, f):
    if f.kind == "strings":
        return "ids" if f.format == "id" else f"texts ≤ {f.item_max}"
    if f.kind == "enums":
        return "of " + " ".join(f"`{v}`" for v in model.types[f.ref].values)
    return f"[{f.ref}](#type-{f.ref})"


def kind_text(model, f):
    if f.kind == "string" and f.format in ("id", "cursor"):
        return f.format
    if f.kind == "string":
        return {"line": "text", "text": "text, several lines"}.get(f.format, f.format) + f" ≤ {f.max}"
    if f.kind in ("int", "number"):
        low = "" if f.min is None else f" {f.min} …"
        high = "" if f.max is None else f"{' …' if f.min is None else ''} {f.max}"
        return ("integer" if f.kind == "int" else "number") + low + high
    if f.kind == "enum":
        return " ".join(f"`{v}`" for v in model.types[f.ref].values)
    if f.kind in ("strings", "enums", "objects"):
        return f"≤ {f.max} {item_text(model, f)}"
    if f.kind == "object":
        return f"[{f.ref}](#type-{f.ref})"
    return {"time": "time", "bool": "boolean", "raw": f"any object ≤ {f.max} bytes",
            "raw_any": f"any value ≤ {f.max} bytes"}[f.kind]


def cell(text):
    return text.replace("|", "\\|")


def presence(f, is_input):
    if f.required:
        return "required" if is_input else "always"
    return f"`{json.dumps(f.default)}`" if f.has_default else ""


def table(model, fields, title, is_input=False):
    if not fields:
        return f"**{title}**: none.\n\n"
    head = "default" if is_input else "there"
    out = [f"**{title}**\n\n| name | holds | {head} | |\n| --- | --- | --- | --- |\n"]
    for f in fields:
        out.append(f"| `{f.name}` | {cell(kind_text(model, f))} | {presence(f, is_input)} | "
                   f"{cell(f.description)} |\n")
    return "".join(out) + "\n"


def option_value(value):
    is_plain_list = isinstance(value, list) and value and all(
        isinstance(v, str) and "," not in v for v in value)
    if is_plain_list:
        return ",".join(value)
    return value if isinstance(value, str) else tool.compact(value)


def command(name, params):
    """The call as somebody would type it."""
    words = ["questd", *name.split(".")]
    for key, value in params.items():
        if key == "confirm":
            words.append("--yes")
        elif value is True:
            words.append(f"--{key}")
        else:
            words += [f"--{key}", shlex.quote(option_value(value))]
    return " ".join(words)


def response(model, e):
    answer = {"jsonrpc": "2.0", "id": 1}
    if "result" in e:
        answer["result"] = e["result"]
    else:
        error = model.errors[e["error"]]
        answer["error"] = {"code": error["code"], "data": {"code": e["error"]}}
    return tool.compact(answer)


def example(model, verb, e):
    commands = [command(g["verb"], g["params"]) for g in e.get("given", [])]
    commands.append(command(verb.name, e["params"]))
    request = {"jsonrpc": "2.0", "id": 1, "method": verb.name, "params": e["params"]}
    lines = [tool.compact(request)]
    if "result" in e or "error" in e:
        lines.append(response(model, e))
    return "*{}*\n\n```\n{}\n```\n```json\n{}\n```\n\n".format(
        e["title"], "\n".join(commands), "\n".join(lines))


def section(model, v):
    notes = [words for key, words in (("readOnly", "changes nothing"),
                                      ("destructive", "cannot be undone: asks for `confirm`" if v.has_confirm
                                       else "may hold what cannot be undone"),
                                      ("idempotent", "may be repeated"),
                                      ("openWorld", "reaches outside")) if v.annotations[key]]
    out = [f"## {v.name}\n\n{v.summary}. {v.description}\n\n",
           f"Access: {', '.join(v.access)}. Lane: {v.lane}. Toolset: {v.toolset}",
           "" if v.mcp is False else f", tool `{v.tool}`", f". {'; '.join(notes).capitalize()}.\n\n"
           if notes else ".\n\n", table(model, all_params(v), "Parameters", is_input=True),
           table(model, model.result_fields(v), "Result")]
    if v.errors:
        rows = "".join(f"| `{name}` | {cell(when)} |\n" for name, when in v.errors.items())
        out.append(f"**Errors**\n\n| name | when |\n| --- | --- |\n{rows}\n")
    out += [example(model, v, e) for e in v.examples]
    return "".join(out)


def type_section(model, t):
    return f"### type {t.name}\n\n{t.description.capitalize()}.\n\n" + table(model, t.fields, "Fields")


def errors_section(model):
    rows = "".join(f"| `{name}` | {e['code']} | {e['exit']} | {'yes' if e['retryable'] else 'no'} | "
                   f"{cell(e['message'])}; {cell(e['hint'])} |\n" for name, e in model.errors.items())
    common = ", ".join(f"`{n}`" for n in limits.COMMON_ERRORS)
    return ("## Errors\n\nAny verb may answer " + common + "; the others are named with their verbs.\n\n"
            "| name | code | exit | retry | meaning and what to do |\n| --- | --- | --- | --- | --- |\n" + rows)


def render(model):
    out = [f"# Verbs of questd {model.version}\n\nGenerated from the schemas. Each is a JSON-RPC method, "
           "an MCP tool of the same name with `_` for `.`, and a command.\n\nIn examples `$0.id` stands "
           "for the id that the first call answered, `<id>` and `<time>` for any; answers show what "
           "matters of them. Each example is run as a test.\n\n"]
    out += [section(model, v) for v in model.verbs]
    out.append("## Types\n\n")
    out += [type_section(model, t) for t in model.types.values() if not t.is_enum]
    out.append(errors_section(model))
    return "".join(out)
