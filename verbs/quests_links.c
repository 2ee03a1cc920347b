/* SPDX-License-Identifier: Apache-2.0 */
/* What a quest hangs on. */
#include "verbs/quests_links.h"

#include "store/quests_path.h"
#include "verbs/authority.h"
#include "verbs/quests_common.h"
#include "verbs/quests_states.h"

#define CYCLE_NAMED_MAX 100

/* ---- cycles ---- */

/* `way` leads from the quest back to it and ends with it; of a very long one the first members are
 * named. A new quest is not: refused, it never has the id. */
static int refuse_cycle(struct call *c, const char *field, const struct store_quest *q, bool is_new,
			const struct store_n_list *way)
{
	int64_t members[CYCLE_NAMED_MAX] = { q->n };
	struct store_n_list ns = { members, MIN(way->n + 1, (size_t)CYCLE_NAMED_MAX) };
	struct str_list names, between;
	struct str by;

	memcpy(members + 1, way->v, (ns.n - 1) * sizeof(*members));
	names = quest_short_ids(c->arena, &ns);
	if (!names.v)
		return err_nomem();
	between = (struct str_list){ names.v + 1, MIN(way->n - 1, (size_t)CYCLE_NAMED_MAX - 1) };
	by = call_listed(c->arena, between, way->n - 1);
	call_data_strs(c, "cycle", is_new ? between : names);
	return call_fail_field(c, ERROR_CYCLE, field, "%.*s would wait for itself%s%.*s",
			       STR_ARG(is_new ? STR("the new quest") : q->quest.short_id),
			       between.n ? " by way of " : "", STR_ARG(by));
}

int quest_check_cycle(struct call *c, const struct store_quest *q, const char *field, bool is_new)
{
	struct str who = is_new ? STR("the new quest") : q->quest.short_id;
	struct store_n_list way;
	int e = store_quest_cycle(c->tx, q->n, &way);

	if (e == STORE_NONE)
		return 0;
	if (e == STORE_TOO_FAR) {
		call_data_int(c, "limit", QUEST_WALK_MAX);
		return call_fail_field(
		    c, ERROR_CONFLICT, field,
		    "more than %d quests wait for %.*s: whether it would wait for one of them "
		    "cannot be known",
		    QUEST_WALK_MAX, STR_ARG(who));
	}
	return e ? err_trace(e) : refuse_cycle(c, field, q, is_new, &way);
}

/* ---- dependencies ---- */

static bool has_dependency(const struct quest_dependencies *d, int64_t n)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].n == n)
			return true;
	return false;
}

int quest_find_dependencies(struct call *c, struct str_list ids, struct quest_dependencies *out)
{
	out->n = out->n_open = 0;
	out->failed = 0;
	for (size_t i = 0; i < ids.n; i++) {
		struct store_quest_key key;
		int e = store_quest_key(c->tx, ids.v[i], &key);

		if (e)
			return e == STORE_NONE ? call_not_found(c, "quest", "depends_on", ids.v[i])
					       : err_trace(e);
		if (has_dependency(out, key.n))
			continue;
		out->v[out->n++] = key;
		out->n_open += key.status != QUEST_STATUS_DONE;
		if (key.status == QUEST_STATUS_FAILED || key.status == QUEST_STATUS_CANCELLED)
			out->failed = key.n;
	}
	return 0;
}

static int add_dependency(struct call *c, int64_t quest, const struct store_quest_key *on)
{
	struct str id;

	if (on->dependents < QUEST_DEPENDENTS_MAX)
		return err_trace(store_quest_dependency_add(c->tx, quest, on->n));
	id = store_quest_short_id(c->arena, on->n);
	call_data_int(c, "limit", QUEST_DEPENDENTS_MAX);
	c->failure.hint = STR("put a quest between: let it depend on that one, and these on it");
	return call_fail_field(c, ERROR_CONFLICT, "depends_on", "%d quests depend on %.*s already",
			       QUEST_DEPENDENTS_MAX, STR_ARG(id));
}

int quest_add_dependencies(struct call *c, int64_t n, const struct quest_dependencies *d)
{
	int e = 0;

	for (size_t i = 0; i < d->n && e == 0; i++)
		e = add_dependency(c, n, &d->v[i]);
	return e;
}

/* The edges that go and those that come; whether any comes. */
static int replace_edges(struct call *c, const struct store_quest *q,
			 const struct quest_dependencies *now, bool *grows)
{
	int64_t old[QUEST_DEPENDENCIES_MAX];
	size_t n_old;
	int e = store_quest_dependencies(c->tx, q->n, old, &n_old);

	for (size_t i = 0; i < n_old && e == 0; i++)
		if (!has_dependency(now, old[i]))
			e = store_quest_dependency_remove(c->tx, q->n, old[i]);
	if (e)
		return err_trace(e);
	for (size_t i = 0; i < now->n && e == 0; i++) {
		bool is_new = true;

		for (size_t k = 0; k < n_old; k++)
			is_new = is_new && old[k] != now->v[i].n;
		*grows = *grows || is_new;
		if (is_new)
			e = add_dependency(c, q->n, &now->v[i]);
	}
	return e;
}

/* Pending with a failed one becomes blocked; blocked by one that is no more becomes pending. */
static int settle(struct call *c, struct store_quest *q, int64_t failed)
{
	struct quest_change change = { .to = QUEST_STATUS_BLOCKED, .blocked_by = failed };

	if (q->quest.status == QUEST_STATUS_PENDING && failed)
		return quest_become(c, q, &change);
	if (q->quest.status != QUEST_STATUS_BLOCKED || !q->blocked_by || q->blocked_by == failed)
		return 0;
	if (!failed)
		change.to = QUEST_STATUS_PENDING;
	if (change.to == QUEST_STATUS_PENDING)
		return quest_become(c, q, &change);
	q->blocked_by = failed;
	return err_trace(
	    store_quest_set_status(c->tx, q->n,
				   &(struct store_quest_status){ .status = QUEST_STATUS_BLOCKED,
								 .blocked_by = failed }));
}

int quest_replace_dependencies(struct call *c, struct store_quest *q, struct str_list ids,
			       bool *grows)
{
	struct quest_dependencies now;
	int e;

	if (q->quest.status == QUEST_STATUS_IN_PROGRESS || q->quest.status == QUEST_STATUS_DONE ||
	    q->quest.status == QUEST_STATUS_CANCELLED) {
		c->failure.hint = STR(
		    "dependencies change while a quest is pending, blocked or failed");
		return call_fail_field(c, ERROR_CONFLICT, "depends_on", "%.*s is %.*s",
				       STR_ARG(q->quest.short_id),
				       STR_ARG(quest_status_text(q->quest.status)));
	}
	e = quest_find_dependencies(c, ids, &now);
	if (e == 0)
		e = replace_edges(c, q, &now, grows);
	if (e)
		return e;
	q->dependencies = (int64_t)now.n;
	q->quest.open_dependencies = (int64_t)now.n_open;
	e = store_quest_count_dependencies(c->tx, q->n, q->dependencies,
					   q->quest.open_dependencies);
	return e ? err_trace(e) : settle(c, q, now.failed);
}

/* ---- parents ---- */

static int refuse_levels(struct call *c)
{
	call_data_int(c, "limit", QUEST_LEVELS_MAX);
	return call_fail_field(c, ERROR_CONFLICT, "parent", "there are %d levels above it already",
			       QUEST_LEVELS_MAX);
}

/* The parent's key and the way up from it. */
static int find_parent(struct call *c, struct str id, struct store_quest_key *out,
		       struct store_n_list *up)
{
	int e = store_quest_key(c->tx, id, out);

	if (e)
		return e == STORE_NONE ? call_not_found(c, "quest", "parent", id) : err_trace(e);
	e = store_quest_ancestors(c->tx, out->n, up);
	return e == STORE_TOO_FAR ? refuse_levels(c) : err_trace(e);
}

static int refuse_closed(struct call *c, const struct store_quest_key *parent)
{
	struct str id = store_quest_short_id(c->arena, parent->n);

	return call_fail_field(c, ERROR_CONFLICT, "parent", "%.*s is %.*s", STR_ARG(id),
			       STR_ARG(quest_status_text(parent->status)));
}

static bool is_closed_for_good(enum quest_status s)
{
	return s == QUEST_STATUS_DONE || s == QUEST_STATUS_CANCELLED;
}

int quest_find_parent(struct call *c, struct str id, struct store_quest_key *out)
{
	struct store_n_list up = { NULL, 0 };
	int e = find_parent(c, id, out, &up);

	if (e)
		return e;
	if (is_closed_for_good(out->status))
		return refuse_closed(c, out);
	return up.n == QUEST_LEVELS_MAX ? refuse_levels(c) : 0;
}

/* Does the way up from the new parent lead through the quest itself? */
static int check_way_up(struct call *c, const struct store_quest *q, const struct store_n_list *up)
{
	for (size_t i = 0; i < up->n; i++) {
		struct store_n_list way = { up->v, i + 1 };

		if (up->v[i] == q->n)
			return refuse_cycle(c, "parent", q, false, &way);
	}
	return up->n == QUEST_LEVELS_MAX ? refuse_levels(c) : 0;
}

int quest_move(struct call *c, struct store_quest *q, struct str parent, bool is_required,
	       bool *grows)
{
	struct store_quest_key to = { 0 };
	struct store_n_list up = { NULL, 0 };
	bool is_open = quest_is_open(q->quest.status);
	int e = 0;

	if (parent.p) {
		e = find_parent(c, parent, &to, &up);
		if (e == 0)
			e = check_way_up(c, q, &up);
		if (e == 0 && is_open && is_closed_for_good(to.status) &&
		    (to.n != q->parent || (is_required && !q->quest.required)))
			e = refuse_closed(c, &to);
	}
	*grows = to.n && is_required && (to.n != q->parent || !q->quest.required);
	if (e == 0 && *grows)
		e = authority_over_quest(c, to.n == q->parent ? "required" : "parent", parent);
	if (e == 0 && is_open && q->parent && q->quest.required)
		e = store_quest_count_open_children(c->tx, q->parent, -1);
	if (e == 0 && is_open && to.n && is_required)
		e = store_quest_count_open_children(c->tx, to.n, 1);
	if (e)
		return e;
	q->parent = to.n;
	q->quest.parent = store_quest_short_id(c->arena, to.n);
	q->quest.required = is_required;
	return 0;
}
