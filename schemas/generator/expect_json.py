# SPDX-License-Identifier: Apache-2.0
"""expect.json: what the tests hold the programs to."""
import json

from . import limits, tool


def verb_entry(model, verb):
    return {
        "name": verb.name, "tool": verb.tool, "summary": verb.summary, "lane": verb.lane,
        "access": verb.access, "toolset": verb.toolset, "mcp": verb.mcp,
        "annotations": verb.annotations, "errors": verb.errors, "examples": verb.examples,
        "aliases": verb.aliases, "target": verb.target, "since": verb.since,
        "params_schema": tool.params_schema(model, verb),
        "result_schema": tool.result_schema(model, verb),
        "tool_json": json.loads(tool.entry(model, verb)),
    }


def document(model):
    toolsets = {}
    for verb in model.verbs:
        toolsets.setdefault(verb.toolset, []).append(verb.name)
    return {
        "version": model.version,
        "verbs": {v.name: verb_entry(model, v) for v in model.verbs},
        "errors": model.errors,
        "common_errors": limits.COMMON_ERRORS,
        "toolsets": toolsets,
        "roles": limits.ROLES,
        "lanes": limits.LANES,
        "types": {t.name: t.values for t in model.types.values() if t.is_enum},
        "limits": {
            "tool_name": limits.TOOL_NAME_MAX, "summary": limits.SUMMARY_MAX,
            "description": limits.DESCRIPTION_MAX,
            "param_description": limits.PARAM_DESCRIPTION_MAX,
            "tool_entry_bytes": limits.TOOL_ENTRY_MAX, "request_id": limits.REQUEST_ID_MAX,
        },
    }


def render(model):
    return json.dumps(document(model), ensure_ascii=False, indent=1) + "\n"
