/* SPDX-License-Identifier: Apache-2.0 */
/* Who reads an idea, and finding one by its id or name. */
#include "verbs/ideas_common.h"

#include "base/id.h"

/* Agents own ideas by their bare id, and call as "agent:<id>". */
struct idea_reader ideas_reader_of(const struct principal *p)
{
	const struct str agent = STR("agent:");
	bool is_agent = str_starts(p->id, agent);

	return (struct idea_reader){ .id = is_agent ? str_slice(p->id, agent.n, p->id.n) : p->id,
				     .sees_all = p->is_owner };
}

struct idea_reader ideas_reader(const struct call *c)
{
	return ideas_reader_of(c->principal);
}

int ideas_refuse_ambiguous(struct call *c, const char *field, struct str name, struct str_list ids)
{
	struct str shown = str_utf8_prefix(name, 64), text = call_listed(c->arena, ids, ids.n);

	call_data_strs(c, "candidates", ids);
	return call_fail_field(c, ERROR_AMBIGUOUS, field, "several ideas are called '%.*s': %.*s",
			       STR_ARG(shown), STR_ARG(text));
}

int ideas_named(struct call *c, const char *field, struct str text, struct idea_row *out)
{
	struct idea_reader reader = ideas_reader(c);
	struct str_list ids = { 0 };
	int e = id_is_valid(text) ? store_idea_get(c->tx, text, out) : IDEA_NONE;

	if (e == 0 && !idea_is_visible(&reader, out->idea.scope, out->idea.owner))
		e = IDEA_NONE;
	if (e == IDEA_NONE)
		e = store_idea_named(c->tx, text, &reader, out, &ids);
	if (e == IDEA_AMBIGUOUS)
		return ideas_refuse_ambiguous(c, field, text, ids);
	return e == IDEA_NONE ? call_not_found(c, "idea", field, text) : err_trace(e);
}
