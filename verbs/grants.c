/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent may use, against what its parent may. Sound rather than complete: an entry is
 * covered when it is surely within one of the parent's, else it is an excess. */
#include "verbs/grants.h"

#include "base/arena.h"
#include "base/err.h"

typedef bool covers_fn(struct str wide, struct str narrow);

static bool is_same(struct str wide, struct str narrow)
{
	return str_eq(wide, narrow);
}

bool grants_cover_tool(struct str wide, struct str narrow)
{
	if (str_eq(wide, STR("*")))
		return true;
	if (str_ends(wide, STR(".*")))
		return str_starts(narrow, str_slice(wide, 0, wide.n - 1));
	return str_eq(wide, narrow);
}

/* "*" covers all, "*.debian.org" what ends with ".debian.org" */
static bool covers_host(struct str wide, struct str narrow)
{
	struct str tail;

	if (str_eq(wide, STR("*")))
		return true;
	if (!str_starts(wide, STR("*.")))
		return str_eq_nocase(wide, narrow);
	tail = str_slice(wide, 1, wide.n);
	return narrow.n >= tail.n &&
	       str_eq_nocase(str_slice(narrow, narrow.n - tail.n, narrow.n), tail);
}

/* A path covers itself and all below it. */
static bool covers_path(struct str wide, struct str narrow)
{
	if (str_eq(wide, STR("/")) || str_eq(wide, narrow))
		return true;
	return narrow.n > wide.n && str_starts(narrow, wide) && narrow.p[wide.n] == '/';
}

struct list_rule {
	const char *field;
	size_t offset;
	covers_fn *covers;
	bool is_open; /* absent permits all, and is taken over by a child that leaves it out */
	size_t also;  /* offset of a second list of the parent that covers; 0 = none */
};

#define AT(member) offsetof(struct agent_grants, member)
static const struct list_rule lists[] = {
	{ "grants.egress", AT(egress), covers_host, false, 0 },
	{ "grants.files_read", AT(files_read), covers_path, false, AT(files_write) },
	{ "grants.files_write", AT(files_write), covers_path, false, 0 },
	{ "grants.tools_allow", AT(tools_allow), grants_cover_tool, true, 0 },
	{ "grants.own_tools", AT(own_tools), is_same, false, 0 },
	{ "grants.models", AT(models), is_same, true, 0 },
	{ "grants.secrets", AT(secrets), is_same, false, 0 },
	{ "grants.repos", AT(repos), is_same, false, 0 },
	{ "grants.contracts", AT(contracts), is_same, false, 0 },
};

/* An int64_t and, beside it, its bool has_x. */
struct amount_rule {
	const char *field;
	size_t offset, has;
};

static const struct amount_rule amounts[] = {
	{ "grants.tokens_per_request", AT(tokens_per_request), AT(has_tokens_per_request) },
	{ "grants.tokens_per_hour", AT(tokens_per_hour), AT(has_tokens_per_hour) },
	{ "grants.money_micros", AT(money_micros), AT(has_money_micros) },
};

static const struct agent_grants nothing;

static const struct str_list *list_at(const struct agent_grants *g, size_t offset)
{
	return (const struct str_list *)(const void *)((const char *)g + offset);
}

static const int64_t *amount_at(const struct agent_grants *g, size_t offset)
{
	return (const int64_t *)(const void *)((const char *)g + offset);
}

static bool has_at(const struct agent_grants *g, size_t offset)
{
	return *(const bool *)((const char *)g + offset);
}

static bool is_plain_path(struct str path)
{
	struct str rest = path;

	if (path.n == 0 || path.p[0] != '/')
		return false;
	if (path.n == 1)
		return true;
	(void)str_cut(&rest, '/');
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return false;
	}
	return true;
}

struct grants_excess grants_malformed(const struct agent_grants *g)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct str_list *list = list_at(g, lists[i].offset);

		for (size_t k = 0; lists[i].covers == covers_path && k < list->n; k++)
			if (!is_plain_path(list->v[k]))
				return (struct grants_excess){ lists[i].field, list->v[k] };
	}
	return (struct grants_excess){ NULL, STR_NONE };
}

static bool has_entry(const struct str_list *list, struct str entry, covers_fn *covers)
{
	for (size_t i = 0; i < list->n; i++)
		if (covers(list->v[i], entry))
			return true;
	return false;
}

static int inherit_denials(struct arena *a, const struct str_list *parent, struct str_list *child)
{
	struct str_list all = { ARENA_ARRAY(a, parent->n + child->n, struct str), child->n };

	if (!all.v)
		return err_nomem();
	for (size_t i = 0; i < child->n; i++)
		all.v[i] = child->v[i];
	for (size_t i = 0; i < parent->n; i++)
		if (!has_entry(child, parent->v[i], is_same))
			all.v[all.n++] = parent->v[i];
	*child = all;
	return 0;
}

int grants_inherit(struct arena *a, const struct agent_grants *parent, struct agent_grants *child)
{
	if (!parent)
		return 0;
	if (!child->sandbox)
		child->sandbox = parent->sandbox;
	if (!child->tools_allow.v)
		child->tools_allow = parent->tools_allow;
	if (!child->models.v)
		child->models = parent->models;
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		const struct amount_rule *r = &amounts[i];

		if (!has_at(parent, r->has) || has_at(child, r->has))
			continue;
		*(int64_t *)(void *)((char *)child + r->offset) = *amount_at(parent, r->offset);
		*(bool *)((char *)child + r->has) = true;
	}
	return parent->tools_deny.n ? inherit_denials(a, &parent->tools_deny, &child->tools_deny)
				    : 0;
}

static struct grants_excess list_beyond(const struct list_rule *r,
					const struct agent_grants *parent,
					const struct agent_grants *child)
{
	const struct str_list *wide = list_at(parent, r->offset), *list = list_at(child, r->offset);

	if (r->is_open && !wide->v)
		return (struct grants_excess){ NULL, STR_NONE };
	if (r->is_open && !list->v)
		return (struct grants_excess){ r->field, STR("*") };
	for (size_t i = 0; i < list->n; i++) {
		bool is_covered = has_entry(wide, list->v[i], r->covers) ||
				  (r->also &&
				   has_entry(list_at(parent, r->also), list->v[i], r->covers));

		if (!is_covered)
			return (struct grants_excess){ r->field, list->v[i] };
	}
	return (struct grants_excess){ NULL, STR_NONE };
}

/* Of a limit that the parent has, the child has as much or less. */
static bool amount_is_beyond(const struct amount_rule *r, const struct agent_grants *parent,
			     const struct agent_grants *child)
{
	if (!has_at(parent, r->has))
		return false;
	return !has_at(child, r->has) ||
	       *amount_at(child, r->offset) > *amount_at(parent, r->offset);
}

/* Of what only counts when it is given. */
static const char *spawning_beyond(const struct agent_grants *parent,
				   const struct agent_grants *child)
{
	if (child->may_spawn && !parent->may_spawn)
		return "grants.may_spawn";
	if (child->depth > 0 && child->depth >= parent->depth)
		return "grants.depth";
	if (child->children > parent->children)
		return "grants.children";
	return child->sandbox && child->sandbox != parent->sandbox ? "grants.sandbox" : NULL;
}

struct grants_excess grants_beyond(const struct agent_grants *parent,
				   const struct agent_grants *child)
{
	struct grants_excess found = { NULL, STR_NONE };

	if (!child)
		return found;
	if (!parent)
		parent = &nothing;
	for (size_t i = 0; i < ARRAY_LEN(lists) && !found.field; i++)
		found = list_beyond(&lists[i], parent, child);
	for (size_t i = 0; i < ARRAY_LEN(amounts) && !found.field; i++)
		if (amount_is_beyond(&amounts[i], parent, child))
			found.field = amounts[i].field;
	if (!found.field)
		found.field = spawning_beyond(parent, child);
	return found;
}
