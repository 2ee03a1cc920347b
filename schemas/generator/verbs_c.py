# SPDX-License-Identifier: Apache-2.0
"""verbs.gen.c: the table of verbs and the way from a name to its row."""
import re

from . import limits, openrpc, tool
from .c_text import HEAD, text, truth, upper


def hash_of(name, seed):
    """The function of FIND, below."""
    h = seed
    for c in name.encode():
        h = ((h ^ c) * 16777619) & 0xffffffff
    return h ^ (h >> 15)


def perfect(names):
    """A seed and a table size (a power of two) with which no two names meet."""
    size = 1
    while size < 2 * len(names):
        size *= 2
    while True:
        for seed in range(1, 20000):
            slots = {hash_of(n, seed) & (size - 1) for n in names}
            if len(slots) == len(names):
                return seed, size
        size *= 2


FIND = """
static char folded(char c)
{
	return c == '.' || c == '-' ? '_' : c;
}

static bool is_name(struct str name, struct str known)
{
	if (name.n != known.n)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (folded(name.p[i]) != known.p[i])
			return false;
	return true;
}

const struct verb *verb_find(struct str name)
{
	uint32_t h = SEED;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)folded(name.p[i])) * 16777619u;
	const struct slot *slot = &slots[(h ^ (h >> 15)) & (ARRAY_LEN(slots) - 1)];
	return is_name(name, slot->name) ? &verb_table[slot->id] : NULL;
}

struct str verb_nearest(struct str name)
{
	return str_nearest(name, verb_names, ARRAY_LEN(verb_names));
}

struct str verb_lane_text(enum verb_lane lane)
{
	assert((size_t)lane < ARRAY_LEN(lanes));
	return lanes[lane];
}
"""


def finder(model):
    ids = {v.tool: v for v in model.verbs}
    for v in model.verbs:
        ids.update({alias.replace(".", "_"): v for alias in v.aliases})
    seed, size = perfect(list(ids))
    rows = "".join(f"\t[{hash_of(n, seed) & (size - 1)}] = {{ {text(n)}, VERB_{upper(v.c_name)} }},\n"
                   for n, v in ids.items())
    names = "".join(f"\t{text(v.name)},\n" for v in model.verbs)
    lanes = "".join(f"\t[LANE_{upper(lane)}] = {text(lane)},\n" for lane in limits.LANES)
    find = FIND.replace("SEED", f"{seed}u").replace("NAME_MAX_BYTES", str(limits.TOOL_NAME_MAX))
    return ("\n/* Names, '_' for '.', each in the slot of its hash: no two share one. */\n"
            f"static const struct slot {{\n\tstruct str name;\n\tenum verb_id id;\n}} slots[{size}] = {{\n"
            f"{rows}}};\n\nstatic const struct str verb_names[] = {{\n{names}}};\n\n"
            f"static const struct str lanes[] = {{\n{lanes}}};\n{find}")


def keywords(verb):
    words = " ".join([verb.summary, verb.description] + [f.name for f in verb.params]).lower()
    return " ".join(dict.fromkeys(re.findall(r"[a-z0-9]+", words)))


def arrays(verb):
    """The lists a row points to, as definitions."""
    out, name = "", verb.c_name
    if verb.errors:
        rows = "".join(f"\t{{ ERROR_{upper(e)}, {text(when)} }},\n" for e, when in verb.errors.items())
        out += f"\nstatic const struct verb_error errors_{name}[] = {{\n{rows}}};\n"
    rows = ""
    for e in verb.examples:
        result = tool.compact(e["result"]) if "result" in e else None
        rows += (f"\t{{\n\t\t{text(e['title'])},\n\t\t{text(tool.compact(e['params']), 2 * chr(9))},\n"
                 f"\t\t{text(result, 2 * chr(9))},\n\t\t{text(e.get('error'))},\n\t}},\n")
    out += f"\nstatic const struct verb_example examples_{name}[] = {{\n{rows}}};\n"
    if verb.aliases:
        rows = "".join(f"\t{text(a)},\n" for a in verb.aliases)
        out += f"\nstatic const struct str aliases_{name}[] = {{\n{rows}}};\n"
    return out


def offset(verb, field, there):
    return f"offsetof(struct {verb.c_name}_params, {field})" if there else "UINT32_MAX"


def listed(name, verb, values):
    return f"\t\t.{name} = {name}_{verb.c_name}, .n_{name} = {len(values)},\n" if values else ""


def row(model, verb):
    t, deep, notes = (verb.target or {}), 2 * chr(9), verb.annotations
    access = " | ".join(f"1u << ACCESS_ROLE_{upper(r)}" for r in verb.access)
    return "".join([
        f"\t[VERB_{upper(verb.c_name)}] = {{\n\t\t.id = VERB_{upper(verb.c_name)},\n",
        f"\t\t.name = {text(verb.name)}, .tool = {text(verb.tool)},\n",
        f"\t\t.summary = {text(verb.summary, deep)},\n",
        f"\t\t.description = {text(verb.description, deep)},\n",
        f"\t\t.toolset = {text(verb.toolset)}, .lane = LANE_{upper(verb.lane)}, ",
        f".mcp = VERB_MCP_{limits.MCP[verb.mcp]},\n\t\t.access = {access},\n",
        f"\t\t.is_read_only = {truth(notes['readOnly'])}, .is_destructive = {truth(notes['destructive'])},\n",
        f"\t\t.is_idempotent = {truth(notes['idempotent'])}, .is_open_world = {truth(notes['openWorld'])},\n",
        f"\t\t.params = &{verb.c_name}_params_shape, .result = &{verb.c_name}_result_shape,\n",
        f"\t\t.request_id_offset = {offset(verb, 'request_id', verb.has_request_id)},\n",
        f"\t\t.confirm_offset = {offset(verb, 'confirm', verb.has_confirm)},\n",
        listed("errors", verb, verb.errors), listed("examples", verb, verb.examples),
        listed("aliases", verb, verb.aliases),
        f"\t\t.since = {text(verb.since)},\n",
        f"\t\t.target_param = {text(t.get('param'))}, .target_type = {text(t.get('type'))},\n",
        f"\t\t.tool_json = {text(tool.entry(model, verb), deep)},\n",
        f"\t\t.params_schema = {text(tool.compact(tool.params_schema(model, verb)), deep)},\n",
        f"\t\t.result_schema = {text(tool.compact(tool.result_schema(model, verb)), deep)},\n",
        f"\t\t.synonyms = {text(' '.join(verb.synonyms), deep)},\n",
        f"\t\t.keywords = {text(keywords(verb), deep)},\n\t}},\n",
    ])


def render(model):
    out = [HEAD, "#include \"verbs.gen.h\"\n\n#include <assert.h>\n\n#include \"base/macros.h\"\n"
           "#include \"schemas/shape.h\"\n"]
    out += [arrays(v) for v in model.verbs]
    out.append("\nconst struct verb verb_table[VERB_MAX] = {\n")
    out += [row(model, v) for v in model.verbs]
    out.append("};\n" + finder(model))
    out.append(f"\nconst struct str openrpc_json = {text(openrpc.compact(model))};\n")
    return "".join(out)
