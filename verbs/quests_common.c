/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of quests share. */
#include "verbs/quests_common.h"

#include "store/tasks_ready.h"
#include "verbs/ideas_common.h"

int quest_named(struct call *c, const char *field, struct str id, struct store_quest *out)
{
	int e = store_quest_get(c->tx, id, out);

	return e == STORE_NONE ? call_not_found(c, "quest", field, id) : err_trace(e);
}

int quest_shown(struct call *c, int64_t n, struct quest *out)
{
	struct store_quest q;
	int e = store_quest_get_n(c->tx, n, &q);

	if (e)
		return e < 0 ? err_trace(e)
			     : err_new(ERR_INTERNAL, "a quest that was there is gone");
	*out = q.quest;
	return 0;
}

bool quest_is_open(enum quest_status s)
{
	return s == QUEST_STATUS_PENDING || s == QUEST_STATUS_IN_PROGRESS ||
	       s == QUEST_STATUS_BLOCKED;
}

bool quest_is_ready(const struct quest *q)
{
	return q->status == QUEST_STATUS_PENDING && q->open_dependencies == 0;
}

struct str_list quest_short_ids(struct arena *a, const struct store_n_list *ns)
{
	struct str_list list = { ARENA_ARRAY(a, ns->n, struct str), 0 };

	for (size_t i = 0; list.v && i < ns->n; i++)
		list.v[list.n++] = store_quest_short_id(a, ns->v[i]);
	return list;
}

static bool holds(struct str_list list, struct str s)
{
	for (size_t i = 0; i < list.n; i++)
		if (str_eq(list.v[i], s))
			return true;
	return false;
}

int quest_unique(struct arena *a, struct str_list list, struct str_list *out)
{
	struct str_list unique = { ARENA_ARRAY(a, list.n, struct str), 0 };

	if (!unique.v)
		return err_nomem();
	for (size_t i = 0; i < list.n; i++)
		if (!holds(unique, list.v[i]))
			unique.v[unique.n++] = list.v[i];
	*out = unique;
	return 0;
}

int quest_need(struct call *c, struct str_list capabilities, struct quest *q)
{
	size_t others = 0;
	int e;

	q->capabilities = capabilities;
	store_words_sort(&q->capabilities);
	e = capabilities.n ? store_quest_sorts(c->tx, q->capabilities, &others) : 0;
	if (e || others < QUEST_SORTS_MAX)
		return err_trace(e);
	c->failure.hint = STR("ask for what others ask for");
	return call_fail_field(c, ERROR_CONFLICT, "capabilities",
			       "open quests ask for %d different sets of capabilities, more are "
			       "not allowed",
			       QUEST_SORTS_MAX);
}

int quest_find_idea(struct call *c, struct str text, struct str *id)
{
	struct idea_row row;
	int e = text.p ? ideas_named(c, "idea_id", text, &row) : 0;

	if (e == 0)
		*id = text.p ? row.idea.id : STR_NONE;
	return e;
}

int quest_find_ideas(struct call *c, struct str_list texts, struct str_list *ids)
{
	struct str_list found = { ARENA_ARRAY(c->arena, texts.n, struct str), 0 };
	struct idea_row row;

	if (!found.v)
		return err_nomem();
	while (found.n < texts.n) {
		int e = ideas_named(c, "idea_ids", texts.v[found.n], &row);

		if (e)
			return e;
		found.v[found.n++] = row.idea.id;
	}
	return quest_unique(c->arena, found, ids);
}

struct str quest_next_step(struct arena *a, const struct quest *q)
{
	const char *verb = q->status == QUEST_STATUS_IN_PROGRESS ? "quests.wait"
			   : quest_is_ready(q)                   ? "quests.claim"
			   : quest_is_open(q->status)            ? "quests.why_pending"
								 : NULL;

	if (quest_is_ready(q) && q->capabilities.n)
		return str_fmt(a, "quests.claim with id: %.*s and capabilities",
			       STR_ARG(q->short_id));
	return verb ? str_fmt(a, "%s with id: %.*s", verb, STR_ARG(q->short_id)) : STR_NONE;
}
