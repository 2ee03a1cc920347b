# SPDX-License-Identifier: Apache-2.0
"""Refuses what only all files together can be wrong in: references, names, examples, sizes."""
import re

from . import limits, tool
from .added import all_params
from .example import Checker
from .faults import At
from .load import keys_of, text_of


def resolve(at, f, types):
    """Turns the kinds `ref` and `ref_list` into those of the type that is meant."""
    if f.kind not in ("ref", "ref_list"):
        return
    target = types.get(f.ref)
    if target is None:
        if f.ref:
            at.refuse(f"there is no type '{f.ref}' in types/")
        return
    if not f.description:
        f.description = target.description
    f.kind = ("enum" if target.is_enum else "object") + ("s" if f.kind == "ref_list" else "")
    if f.has_default and (f.kind != "enum" or f.default not in target.values):
        at.refuse(f"the default is no value of '{f.ref}'")


def check_default(at, f):
    if not f.has_default or f.kind in ("enum", "ref"):
        return
    problem = Checker({}).value(f, f.default)
    if problem:
        at.refuse(f"the default is wrong: {problem}")


def resolve_all(model, faults):
    for t in model.types.values():
        for f in t.fields or []:
            at = At(faults, f"schemas/types/{t.name}.json", f.name)
            resolve(at, f, model.types)
            check_default(at, f)
    for verb in model.verbs:
        for part, fields in (("params", verb.params), ("result", verb.result)):
            for f in fields:
                at = At(faults, verb.file, f"{part}.{f.name}")
                resolve(at, f, model.types)
                check_default(at, f)


def check_recursion(model, faults):
    """A type that holds itself cannot be written out without $ref."""
    done = set()

    def walk(name, path):
        if name in path:
            cycle = path[path.index(name):] + [name]
            At(faults, f"schemas/types/{name}.json").refuse(
                f"is recursive ({' > '.join(cycle)}): clients cannot be told without $ref")
            done.update(cycle)
        if name in done:
            return
        for f in model.types[name].fields or []:
            if f.kind in ("object", "objects"):
                walk(f.ref, path + [name])
        done.add(name)

    for name in sorted(model.types):
        walk(name, [])


def types_below(model, fields, seen):
    for f in fields:
        if f.kind in ("object", "objects") and f.ref not in seen:
            seen.add(f.ref)
            types_below(model, model.types[f.ref].fields, seen)
    return seen


def check_sizes(model, faults):
    def check_size(file, path, fields):
        if len(fields) > limits.FIELDS_MAX:
            At(faults, file, path).refuse(f"has {len(fields)} fields, at most {limits.FIELDS_MAX} "
                                          "are allowed")

    for t in model.types.values():
        check_size(f"schemas/types/{t.name}.json", "", t.fields or [])
    for verb in model.verbs:
        check_size(verb.file, "params", all_params(verb))
        check_size(verb.file, "result", model.result_fields(verb))


def check_params(model, verb, faults):
    at = At(faults, verb.file, "params")
    for f in verb.params:
        if not f.description:
            at.down(f.name).refuse("has no description")
        if f.name in ("request_id", "confirm"):
            at.down(f.name).refuse("is added by the generator, not by the schema")
    for name in sorted(types_below(model, verb.params, set())):
        for f in model.types[name].fields:
            if f.kind in ("int", "number") and (f.min is None or f.max is None):
                At(faults, f"schemas/types/{name}.json", f.name).refuse(
                    f"a number without both bounds, and {verb.name} takes it as a parameter")


def check_result(model, verb, faults):
    at = At(faults, verb.file, "result")
    if not verb.result_type:
        return
    t = model.types.get(verb.result_type)
    if t is None or t.is_enum:
        at.refuse(f"there is no object type '{verb.result_type}' in types/")
        verb.result_type = ""
        return
    names = {f.name for f in t.fields}
    for f in verb.result:
        if f.name in names:
            at.down(f.name).refuse(f"is a field of '{t.name}' already")


def check_consistency(verb, faults):
    at = At(faults, verb.file)
    notes = verb.annotations
    if notes["readOnly"] and notes["destructive"]:
        at.down("annotations").refuse("says readOnly and destructive")
    if verb.lane == "write" and notes["readOnly"]:
        at.down("annotations.readOnly").refuse("is true in lane write")
    if verb.lane in ("read", "scan", "stream") and not notes["readOnly"]:
        at.down("annotations.readOnly").refuse(f"is false in lane {verb.lane}")
    if verb.name.split(".")[-1] in limits.REMOVING and not notes["destructive"]:
        at.down("annotations.destructive").refuse("is false, and the verb removes")
    if verb.lane == "server" and verb.mcp is not False and not notes["destructive"]:
        at.down("annotations.destructive").refuse("is false, and any call may be in a batch")
    if verb.lane == "stream" and verb.mcp is not False:
        at.down("mcp").refuse("a stream stays out of MCP: false")


def check_target(model, verb, faults):
    if verb.target is None:
        return
    at = At(faults, verb.file, "target")
    if not isinstance(verb.target, dict):
        at.refuse("must be an object")
        verb.target = None
        return
    keys_of(at, verb.target, ["param", "type"], [])
    params = {f.name: f for f in verb.params}
    param = params.get(verb.target.get("param"))
    if param is None or param.kind != "string":
        at.down("param").refuse("names no text parameter of this verb")
    t = model.types.get(verb.target.get("type"))
    if t is None or t.is_enum:
        at.down("type").refuse("names no object type of types/")


def check_errors(model, verb, faults):
    at = At(faults, verb.file, "errors")
    if not isinstance(verb.errors, dict):
        at.refuse("must be an object (empty: none but those of every verb)")
        verb.errors = {}
    for name, when in verb.errors.items():
        if name not in model.errors:
            at.down(name).refuse("is not in errors.json")
        text_of(at.down(name), when, limits.DESCRIPTION_MAX)


def check_names(model, faults):
    owner = {}
    for verb in model.verbs:
        at = At(faults, verb.file)
        if verb.tool in owner:
            at.down("verb").refuse(f"the tool's name '{verb.tool}' is that of '{owner[verb.tool]}'")
        owner.setdefault(verb.tool, verb.name)
    for verb in model.verbs:
        at = At(faults, verb.file, "aliases")
        if not isinstance(verb.aliases, list):
            at.refuse("must be a list of names")
            verb.aliases = []
        for alias in verb.aliases:
            if not isinstance(alias, str) or not limits.VERB_NAME.match(alias) \
                    or len(alias) > limits.TOOL_NAME_MAX:
                at.refuse(f"{alias!r} is no verb's name")
                continue
            tool_name = alias.replace(".", "_")
            if tool_name in owner:
                at.refuse(f"'{alias}' is taken by '{owner[tool_name]}'")
            owner[tool_name] = verb.name


def check_given(model, checker, at, given):
    if not isinstance(given, list):
        at.refuse("must be a list of calls")
        return
    verbs = {v.name: v for v in model.verbs}
    for i, call in enumerate(given):
        here = At(at.faults, at.file, f"{at.path}[{i}]")
        if not isinstance(call, dict):
            here.refuse("must be an object")
            continue
        keys_of(here, call, ["verb", "params"], ["as"])
        verb = verbs.get(call.get("verb"))
        if verb is None:
            here.refuse(f"there is no verb '{call.get('verb')}'")
            continue
        for problem in checker.object(all_params(verb), call.get("params"), True):
            here.down("params").refuse(problem)


def check_example(model, checker, at, verb, example):
    if not isinstance(example, dict):
        at.refuse("must be an object")
        return
    keys_of(at, example, ["title", "params"], ["result", "error", "given", "as"])
    text_of(at.down("title"), example.get("title", ""), limits.SUMMARY_MAX)
    has_both = "result" in example and "error" in example
    if has_both or "result" not in example and "error" not in example and verb.lane != "stream":
        at.refuse("has either a result or an error")
    error = example.get("error")
    if error is not None and error not in verb.errors and error not in limits.COMMON_ERRORS:
        at.down("error").refuse(f"'{error}' is none of this verb's errors")
    if error != "invalid_params":
        for problem in checker.object(all_params(verb), example.get("params"), True):
            at.down("params").refuse(problem)
    if "result" in example:
        for problem in checker.object(model.result_fields(verb), example["result"], False):
            at.down("result").refuse(problem)
    if "given" in example:
        check_given(model, checker, at.down("given"), example["given"])


def check_examples(model, verb, faults):
    at = At(faults, verb.file, "examples")
    if not isinstance(verb.examples, list) or not verb.examples:
        at.refuse("there is none")
        verb.examples = []
        return
    checker = Checker(model.types)
    for i, example in enumerate(verb.examples):
        check_example(model, checker, At(faults, verb.file, f"examples[{i}]"), verb, example)
    if not any(isinstance(e, dict) and "error" not in e for e in verb.examples):
        at.refuse("there is none that succeeds")


def check_tool(model, verb, faults):
    if verb.mcp is False:
        return
    at = At(faults, verb.file)
    entry = tool.entry(model, verb)
    size = len(entry.encode())
    most = limits.TOOL_ENTRY_MAX[verb.mcp]
    if size > most:
        at.refuse(f"its tool entry has {size} bytes, at most {most} are allowed")
    found = re.search(r'"(\$ref|%s)":' % "|".join(limits.COMBINATORS), entry)
    if found:
        at.refuse(f"its tool entry has {found.group(1)}, which clients cannot use")


def check_default_list(model, faults):
    size = sum(len(tool.entry(model, v).encode()) + 1 for v in model.verbs if v.mcp == "default")
    if size > limits.DEFAULT_LIST_MAX:
        At(faults, "schemas").refuse(f"the tools of the default list have {size} bytes together, "
                                     f"at most {limits.DEFAULT_LIST_MAX} are allowed")


def check(model, faults):
    for name in limits.COMMON_ERRORS:
        if model.errors and name not in model.errors:
            At(faults, "schemas/errors.json", name).refuse("is missing: every verb may answer it")
    resolve_all(model, faults)
    if faults.lines:
        return
    check_recursion(model, faults)
    if faults.lines:
        return
    check_names(model, faults)
    for verb in model.verbs:
        check_params(model, verb, faults)
        check_result(model, verb, faults)
        check_consistency(verb, faults)
        check_target(model, verb, faults)
        check_errors(model, verb, faults)
    check_sizes(model, faults)
    for verb in model.verbs:
        check_examples(model, verb, faults)
        check_tool(model, verb, faults)
    check_default_list(model, faults)
