# SPDX-License-Identifier: Apache-2.0
"""verbs.gen.h: parameter and result structs, struct verb and its table."""
from . import limits
from .added import all_params
from .c_text import HEAD, members, upper

VERB = """
struct verb_error {
	enum error_code code;
	struct str when; /* this verb answers so */
};

struct verb_example {
	struct str title, params, result, error; /* JSON texts and an error's name; NONE when absent */
};

struct verb {
	enum verb_id id;
	struct str name, tool; /* quests.create, quests_create */
	struct str summary, description, toolset;
	enum verb_lane lane;
	enum verb_mcp mcp;
	uint32_t access; /* bits of enum access_role: 1u << role */
	bool is_read_only, is_destructive, is_idempotent, is_open_world;
	const struct shape *params, *result;
	uint32_t request_id_offset, confirm_offset; /* in the params' struct; UINT32_MAX: has none */
	const struct verb_error *errors;
	size_t n_errors;
	const struct verb_example *examples;
	size_t n_examples;
	const struct str *aliases;
	size_t n_aliases;
	struct str since;
	struct str target_param, target_type; /* which parameter names an object; NONE */
	struct str tool_json;     /* the entry in tools/list, ready to send */
	struct str params_schema; /* JSON Schema, self-contained */
	struct str result_schema;
	struct str synonyms; /* words said for those of the name, for verbs.search */
	struct str keywords; /* what summary, description and parameters hold, in lower case */
};

/* Core verbs first (agents, quests, ideas, events), then by name. */
extern const struct verb verb_table[VERB_MAX];
extern const struct str openrpc_json; /* the answer to rpc.discover */

/* By name, tool name or alias; '-' and '.' are as good as '_'. NULL when unknown. */
const struct verb *verb_find(struct str name);
/* The name of the verb that may have been meant, or NONE. */
struct str verb_nearest(struct str name);
/* "read", "scan", … */
struct str verb_lane_text(enum verb_lane lane);
"""


def struct(name, body):
    return f"\nstruct {name} {{\n{body}}};\nextern const struct shape {name}_shape;\n"


def result_body(verb):
    if not verb.result_type:
        return members(verb.result)
    first = f"\tstruct {verb.result_type} {verb.result_type}; /* its fields are the result's */\n"
    return first + (members(verb.result) if verb.result else "")


def render(model):
    out = [HEAD, "#pragma once\n\n#include \"schemas/shape.h\"\n#include \"types.gen.h\"\n\n"]
    ids = "".join(f"\tVERB_{upper(v.c_name)},\n" for v in model.verbs)
    out.append(f"enum verb_id {{\n{ids}\tVERB_MAX,\n}};\n\n")
    lanes = "".join(f"\tLANE_{upper(lane)}{' = 1' if i == 0 else ''},\n"
                    for i, lane in enumerate(limits.LANES))
    out.append(f"enum verb_lane {{\n{lanes}}};\n\n")
    out.append("enum verb_mcp {\n\tVERB_MCP_NO,\n\tVERB_MCP_LISTED,  /* only when its toolset is asked for */\n"
               "\tVERB_MCP_DEFAULT, /* in the default list */\n};\n")
    out.append(VERB)
    for verb in model.verbs:
        out.append(struct(f"{verb.c_name}_params", members(all_params(verb))))
        out.append(struct(f"{verb.c_name}_result", result_body(verb)))
    return "".join(out)
