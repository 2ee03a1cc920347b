/* SPDX-License-Identifier: Apache-2.0 */
/* ideas.get, ideas.list, ideas.search: reading ideas. */
#include "handlers.gen.h"
#include "store/ideas_links.h"
#include "store/ideas_search.h"
#include "verbs/ideas_common.h"

static int find_by_name(struct call *c, struct str owner, struct str name, struct idea_row *out)
{
	struct idea_reader reader = ideas_reader(c);
	struct str_list ids;
	int e = store_idea_find(c->tx, owner, name, out, &ids);

	if (e < 0)
		return err_trace(e);
	if (e == IDEA_NONE || !idea_is_visible(&reader, out->idea.scope, out->idea.owner))
		return call_not_found(c, "idea", "name", name);
	return e == IDEA_AMBIGUOUS ? ideas_refuse_ambiguous(c, "name", name, ids) : 0;
}

int ideas_get(struct call *c, const struct ideas_get_params *p, struct ideas_get_result *r)
{
	struct idea_reader reader = ideas_reader(c);
	struct idea_row row;
	int e;

	if (!p->id.p == !p->name.p)
		return call_fail_field(c, ERROR_INVALID_PARAMS, "id", "give either id or name");
	e = p->id.p ? ideas_named(c, "id", p->id, &row) : find_by_name(c, p->owner, p->name, &row);
	if (e)
		return e;
	if ((e = store_idea_links_of(c->tx, &row, &reader, &r->links)) ||
	    (e = store_idea_links_to(c->tx, &row, &reader, &r->backlinks)))
		return err_trace(e);
	r->idea = row.idea;
	return 0;
}

int ideas_list(struct call *c, const struct ideas_list_params *p, struct ideas_list_result *r)
{
	struct idea_filter filter = { p->kind, p->tag, p->owner, p->scope, p->injection_mode };
	struct idea_reader reader = ideas_reader(c);
	int64_t before = INT64_MAX, next;
	int e;

	if (p->cursor.p && (!str_to_i64(p->cursor, &before) || before < 1))
		return call_fail_field(c, ERROR_CURSOR_INVALID, "cursor",
				       "this is no cursor of ideas.list");
	if ((e = store_idea_list(c->tx, &filter, &reader, before, (size_t)p->limit, &r->items,
				 &next)))
		return err_trace(e);
	if (next) {
		r->next_cursor = str_fmt(c->arena, "%lld", (long long)next);
		if (!r->next_cursor.p)
			return err_nomem();
	}
	return 0;
}

int ideas_search(struct call *c, const struct ideas_search_params *p, struct ideas_search_result *r)
{
	struct idea_reader reader = ideas_reader(c);
	struct idea_query query = { .text = p->query,
				    .kind = p->kind,
				    .tag = p->tag,
				    .half_life_days = p->half_life_days,
				    .max = (size_t)p->limit,
				    .explain = p->explain,
				    .reader = &reader };
	struct idea_found found;
	int e = store_idea_search(c->tx, &query, &found);

	if (e)
		return err_trace(e);
	r->items = found.hits;
	r->words = found.words;
	r->match = found.is_any ? STR("any") : STR("all");
	r->cut = found.is_cut;
	if (found.hits.n)
		r->next = STR("ideas.get shows one whole, ideas.walk what is linked to it");
	else if (!found.words.n)
		r->next = STR("the query has no words: use letters or digits, or ideas.list");
	else
		r->next = STR("nothing has these words: try others, or ideas.list");
	return 0;
}
