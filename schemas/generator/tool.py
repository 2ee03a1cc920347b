# SPDX-License-Identifier: Apache-2.0
"""A verb's entry in MCP's tools/list, and its schemas as text."""
import json

from .added import all_params
from .json_schema import Projection


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def params_schema(model, verb):
    return Projection(model).object(all_params(verb))


def result_schema(model, verb):
    return Projection(model).object(model.result_fields(verb))


def entry(model, verb):
    notes = verb.annotations
    return compact({
        "name": verb.tool,
        "title": verb.summary,
        "description": verb.description,
        "inputSchema": Projection(model, brief=True).object(all_params(verb)),
        "annotations": {
            "readOnlyHint": notes["readOnly"],
            "destructiveHint": notes["destructive"],
            "idempotentHint": notes["idempotent"],
            "openWorldHint": notes["openWorld"],
        },
    })
