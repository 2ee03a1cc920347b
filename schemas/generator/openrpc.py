# SPDX-License-Identifier: Apache-2.0
"""openrpc.json: the OpenRPC 1.3 document, self-contained."""
import json

from . import tool
from .added import all_params
from .json_schema import Projection


def param(model, f):
    schema = Projection(model).field(f)
    schema.pop("description", None)
    return {"name": f.name, "description": f.description, "required": f.required, "schema": schema}


def pairing(verb, example):
    out = {"name": example["title"],
           "params": [{"name": k, "value": v} for k, v in example["params"].items()]}
    if "result" in example:
        out["result"] = {"name": "result", "value": example["result"]}
    return out


def method(model, verb):
    errors = [{"code": model.errors[name]["code"], "message": model.errors[name]["message"],
               "data": {"code": name, "when": when}} for name, when in verb.errors.items()]
    return {
        "name": verb.name,
        "summary": verb.summary,
        "description": verb.description,
        "tags": [{"name": verb.toolset}],
        "paramStructure": "by-name",
        "params": [param(model, f) for f in sorted(all_params(verb), key=lambda f: not f.required)],
        "result": {"name": "result", "schema": tool.result_schema(model, verb)},
        "errors": errors,
        "examples": [pairing(verb, e) for e in verb.examples],
        "x-access": verb.access,
        "x-lane": verb.lane,
    }


def document(model):
    return {
        "openrpc": "1.3.2",
        "info": {"title": "questd", "version": model.version, "license": {"name": "Apache-2.0"}},
        "methods": [method(model, v) for v in model.verbs],
    }


def compact(model):
    return tool.compact(document(model))


def render(model):
    return json.dumps(document(model), ensure_ascii=False, indent=2) + "\n"
