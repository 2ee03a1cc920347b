# SPDX-License-Identifier: Apache-2.0
"""Reads the schema files into the model and refuses everything that one file alone can be wrong in."""
import json
import os

from . import limits
from .faults import At
from .load_field import load_fields
from .model import Model, Type, Verb, verb_order


class Duplicate(ValueError):
    pass


def without_duplicates(pairs):
    seen = {}
    for key, value in pairs:
        if key in seen:
            raise Duplicate(f"the key '{key}' is there twice")
        seen[key] = value
    return seen


def read_json(folder, name, faults):
    at = At(faults, f"schemas/{name}")
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            value = json.load(f, object_pairs_hook=without_duplicates)
    except OSError as e:
        at.refuse(f"cannot be read: {e.strerror}")
    except ValueError as e:
        at.refuse(f"is not JSON: {e}")
    else:
        if isinstance(value, dict):
            return value
        at.refuse("is not an object")
    return None


def keys_of(at, value, mandatory, optional):
    for key in mandatory:
        if key not in value:
            at.down(key).refuse("is missing")
    for key in value:
        if key not in mandatory and key not in optional:
            at.down(key).refuse("is no key of this file")


def text_of(at, value, most):
    if not isinstance(value, str) or not value.strip():
        at.refuse("must be a text")
        return ""
    if len(value) > most:
        at.refuse(f"has {len(value)} characters, at most {most} are allowed")
    if any(ord(c) < 32 for c in value):
        at.refuse("has control characters")
    return value


def names_of(at, value, known):
    if not isinstance(value, list) or not value:
        at.refuse("must be a list that is not empty")
        return []
    for name in value:
        if name not in known:
            at.refuse(f"'{name}' is none of {' '.join(known)}")
    if len(set(map(str, value))) != len(value):
        at.refuse("names one twice")
    return [v for v in value if v in known]


def load_errors(folder, faults):
    errors = read_json(folder, "errors.json", faults) or {}
    codes = {}
    for name, e in errors.items():
        at = At(faults, "schemas/errors.json", name)
        if not limits.WORD.match(name):
            at.refuse("is no name: [a-z][a-z0-9_]*")
        if not isinstance(e, dict):
            at.refuse("must be an object")
            continue
        keys_of(at, e, ["code", "message", "retryable", "exit", "hint"], [])
        text_of(at.down("message"), e.get("message", ""), limits.DESCRIPTION_MAX)
        text_of(at.down("hint"), e.get("hint", ""), limits.DESCRIPTION_MAX)
        code = e.get("code")
        if type(code) is not int or not (-31999 <= code <= -31000 or -32768 <= code <= -32600):
            at.down("code").refuse("must be of -31999…-31000, or JSON-RPC's own")
        elif code in codes:
            at.down("code").refuse(f"{code} is the code of '{codes[code]}'")
        codes[code] = name
        if type(e.get("retryable")) is not bool:
            at.down("retryable").refuse("must be true or false")
        if e.get("exit") not in (1, 2, 3, 4, 5, 6, 7, 130):
            at.down("exit").refuse("must be an exit code: 1…7 or 130")
    return errors


def load_type(name, value, faults):
    at = At(faults, f"schemas/types/{name}.json")
    if not limits.TYPE_NAME.match(name):
        at.refuse("the file's name is no name: [a-z][a-z0-9_]*")
    text_of(at.down("description"), value.get("description", ""), limits.DESCRIPTION_MAX)
    if "enum" not in value:
        keys_of(at, value, ["description", "type", "properties"], ["required"])
        return Type(name, value.get("description", ""), fields=load_fields(at, value, "type"))
    keys_of(at, value, ["description", "enum"], ["type"])
    if value.get("type", "string") != "string":
        at.down("type").refuse("an enum is of type string")
    values = value["enum"]
    at = at.down("enum")
    if not isinstance(values, list) or not values:
        at.refuse("must be a list that is not empty")
        values = []
    for v in values:
        if not isinstance(v, str) or not limits.ENUM_VALUE.match(v):
            at.refuse(f"{json.dumps(v)} is no value: [a-z0-9][a-z0-9_.-]*, at most 40")
    if len(set(map(str, values))) != len(values):
        at.refuse("names one twice")
    return Type(name, value.get("description", ""), values=[str(v) for v in values])


MANDATORY = ["verb", "summary", "description", "lane", "access", "toolset", "mcp", "annotations",
             "params", "result", "errors", "examples", "since"]


def load_annotations(at, value):
    if not isinstance(value, dict):
        at.refuse("must be an object")
        value = {}
    keys_of(at, value, limits.ANNOTATIONS, [])
    for key in limits.ANNOTATIONS:
        if key in value and type(value[key]) is not bool:
            at.down(key).refuse("must be true or false")
    return {key: value.get(key) is True for key in limits.ANNOTATIONS}


def load_name(at, name, value):
    if value.get("verb") != name:
        at.down("verb").refuse(f"must be '{name}', as the file is called")
    if not limits.VERB_NAME.match(name):
        at.down("verb").refuse(f"'{name}' is no name: noun.verb of [a-z][a-z0-9_]*")
    if len(name) > limits.TOOL_NAME_MAX:
        at.down("verb").refuse(f"a tool's name has at most {limits.TOOL_NAME_MAX} characters")


def load_result(at, value, verb):
    base = value.get("$ref", value.get("extends", "")) if isinstance(value, dict) else ""
    if isinstance(value, dict) and "$ref" in value and "extends" in value:
        at.refuse("has both $ref and extends, which say the same")
    if base != "" and (not isinstance(base, str) or not limits.TYPE_NAME.match(base)):
        at.refuse(f"$ref must name a type of types/, not {json.dumps(base)}")
        base = ""
    verb.result_type = base
    verb.result = load_fields(at, value, "result")


def load_verb(name, value, faults):
    at = At(faults, f"schemas/{name}.json")
    verb = Verb(name, at.file)
    load_name(at, name, value)
    keys_of(at, value, MANDATORY, ["target", "aliases"])
    verb.summary = text_of(at.down("summary"), value.get("summary", ""), limits.SUMMARY_MAX)
    if verb.summary.endswith("."):
        at.down("summary").refuse("ends with a full stop")
    verb.description = text_of(at.down("description"), value.get("description", ""),
                               limits.DESCRIPTION_MAX)
    verb.lane = value.get("lane")
    if verb.lane not in limits.LANES:
        at.down("lane").refuse(f"must be one of {' '.join(limits.LANES)}")
    verb.access = names_of(at.down("access"), value.get("access"), limits.ROLES)
    verb.toolset = value.get("toolset")
    if not isinstance(verb.toolset, str) or not limits.WORD.match(verb.toolset):
        at.down("toolset").refuse("must be a word: [a-z][a-z0-9_]*")
    verb.mcp = value.get("mcp")
    if verb.mcp not in limits.MCP or verb.mcp == 0 and verb.mcp is not False:
        at.down("mcp").refuse("must be \"default\", \"listed\" or false")
    verb.annotations = load_annotations(at.down("annotations"), value.get("annotations"))
    verb.params = load_fields(at.down("params"), value.get("params"), "params")
    load_result(at.down("result"), value.get("result"), verb)
    verb.errors = value.get("errors")
    verb.examples = value.get("examples")
    verb.target = value.get("target")
    verb.aliases = value.get("aliases", [])
    verb.since = text_of(at.down("since"), value.get("since", ""), 16)
    return verb


ACCESS_ROLE = "what a caller may call; sets of them are bits, 1u << role"


def json_files(folder):
    return sorted(f[:-5] for f in os.listdir(folder) if f.endswith(".json")) \
        if os.path.isdir(folder) else []


def load_synonyms(folder, verbs, faults):
    for key, words in (read_json(folder, "synonyms.json", faults) or {}).items():
        at = At(faults, "schemas/synonyms.json", key)
        meant = [v for v in verbs if key in (v.noun, v.action, v.name)]
        if not meant:
            at.refuse("is no noun, no action and no verb")
        if not isinstance(words, list) or not 0 < len(words) <= limits.SYNONYMS_MAX:
            at.refuse(f"must be a list of 1…{limits.SYNONYMS_MAX} words")
            continue
        for word in words:
            if not isinstance(word, str) or not limits.SYNONYM.match(word):
                at.refuse(f"{json.dumps(word)} is no word: [a-z0-9], 2…24 of them")
        if len(set(map(str, words))) != len(words):
            at.refuse("names one twice")
        for verb in meant:
            verb.synonyms += [w for w in map(str, words) if w not in verb.synonyms]


def load(folder, version, faults):
    types, verbs = {"access_role": Type("access_role", ACCESS_ROLE, values=limits.ROLES)}, []
    for name in json_files(os.path.join(folder, "types")):
        value = read_json(folder, f"types/{name}.json", faults)
        if value is not None:
            types[name] = load_type(name, value, faults)
    for name in json_files(folder):
        if name in ("errors", "synonyms"):
            continue
        value = read_json(folder, f"{name}.json", faults)
        if value is not None:
            verbs.append(load_verb(name, value, faults))
    verbs.sort(key=lambda v: verb_order(v.name))
    load_synonyms(folder, verbs, faults)
    return Model(version, types, verbs, load_errors(folder, faults))
