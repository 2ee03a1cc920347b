/* SPDX-License-Identifier: Apache-2.0 */
/* ideas.link, ideas.unlink, ideas.walk: what belongs together. */
#include "handlers.gen.h"
#include "store/ideas_links.h"
#include "verbs/ideas_common.h"

static int check_type(struct call *c, struct str type)
{
	if (str_eq(type, STR("mention")) || str_eq(type, STR("embed")))
		return call_fail_field(
		    c, ERROR_INVALID_PARAMS, "type",
		    "'%.*s' comes from the content: write [[name]] or ![[name]] there",
		    STR_ARG(type));
	return 0;
}

static int tell(struct call *c, const char *kind, struct str from, struct str to, struct str type)
{
	const struct call_field fields[] = { { "to", to, 0 }, { "type", type, 0 } };

	return call_event(c, kind, from, fields, ARRAY_LEN(fields));
}

int ideas_link(struct call *c, const struct ideas_link_params *p, struct ideas_link_result *r)
{
	struct idea_row from, to;
	int e;

	if ((e = check_type(c, p->type)) || (e = ideas_named(c, "from", p->from, &from)) ||
	    (e = ideas_named(c, "to", p->to, &to)))
		return e;
	if (from.seq == to.seq)
		return call_fail_field(c, ERROR_INVALID_PARAMS, "to",
				       "an idea cannot link to itself");
	if ((e = store_idea_link(c->tx, from.seq, p->type, &to, &r->created)))
		return err_trace(e);
	r->from = from.idea.id;
	r->to = to.idea.id;
	r->type = p->type;
	return r->created ? err_trace(tell(c, "idea.linked", r->from, r->to, r->type)) : 0;
}

int ideas_unlink(struct call *c, const struct ideas_unlink_params *p, struct ideas_unlink_result *r)
{
	struct idea_row from, to;
	int e;

	if ((e = check_type(c, p->type)) || (e = ideas_named(c, "from", p->from, &from)) ||
	    (e = ideas_named(c, "to", p->to, &to)))
		return e;
	e = store_idea_unlink(c->tx, from.seq, p->type, to.idea.id);
	if (e == IDEA_LINK_NONE)
		return call_fail_field(c, ERROR_NOT_FOUND, "to",
				       "there is no link of type '%.*s' to '%.*s'",
				       STR_ARG(p->type), STR_ARG(p->to));
	if (e)
		return err_trace(e);
	r->from = from.idea.id;
	r->to = to.idea.id;
	r->type = p->type;
	r->removed = true;
	return err_trace(tell(c, "idea.unlinked", r->from, r->to, r->type));
}

int ideas_walk(struct call *c, const struct ideas_walk_params *p, struct ideas_walk_result *r)
{
	struct idea_reader reader = ideas_reader(c);
	struct idea_walk walk = { .depth = p->depth,
				  .direction = p->direction,
				  .types = &p->types,
				  .max = (size_t)p->limit,
				  .reader = &reader };
	struct idea_row start;
	int e = ideas_named(c, "id", p->id, &start);

	if (e)
		return e;
	return err_trace(store_idea_walk(c->tx, &start, &walk, &r->items, &r->cut));
}
