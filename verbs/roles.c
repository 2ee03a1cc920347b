/* SPDX-License-Identifier: Apache-2.0 */
/* roles.*: seats, who is above whom, and who sits there. */
#include "store/roles_graph.h"

#include "handlers.gen.h"
#include "verbs/authority.h"
#include "verbs/people_common.h"
#include "verbs/talk_say.h"

static int tell(struct call *c, const char *kind, const struct role *r)
{
	struct call_field fields[] = { { "role", r->short_id, 0 }, { "title", r->title, 0 } };

	return err_trace(call_event(c, kind, r->id, fields, ARRAY_LEN(fields)));
}

/* ---- its place ---- */

static int refuse_cycle(struct call *c, int64_t parent, int64_t child)
{
	struct str_list way;
	int e = store_role_way(c->tx, child, parent, &way);

	if (e)
		return err_trace(e);
	call_data_strs(c, "cycle", way);
	c->failure.hint = STR(
	    "a role cannot be above one that is above it: leave one of these out");
	return call_fail_field(c, ERROR_CYCLE, "parents", "r-%lld would be above itself",
			       (long long)child);
}

static int put_below(struct call *c, int64_t parent, int64_t child)
{
	int e = store_role_edge_add(c->tx, parent, child);

	if (e == STORE_CYCLE)
		return refuse_cycle(c, parent, child);
	if (e == STORE_TOO_MANY_WAYS) {
		c->failure.hint = STR("give the role fewer roles above it");
		return call_fail_field(c, ERROR_CONFLICT, "parents",
				       "too many roles would lie above and below it");
	}
	return err_trace(e);
}

static bool has(const struct store_role_ns *ns, int64_t n)
{
	for (size_t i = 0; i < ns->n; i++)
		if (ns->v[i] == n)
			return true;
	return false;
}

/* The roles that `ids` name, each once, all of them in the caller's reach. */
static int find_parents(struct call *c, const struct str_list *ids, struct store_role_ns *out)
{
	out->n = 0;
	for (size_t i = 0; i < ids->n; i++) {
		struct store_role parent;
		int e = role_named(c, "parents", ids->v[i], &parent);

		if (e == 0)
			e = authority_over_seat(c, "parents", &parent);
		if (e)
			return e;
		if (!has(out, parent.n))
			out->v[out->n++] = parent.n;
	}
	return 0;
}

static int set_parents(struct call *c, int64_t n, const struct str_list *ids)
{
	struct store_role_ns now, wanted;
	int e = find_parents(c, ids, &wanted);

	if (e == 0)
		e = store_role_parents(c->tx, n, &now);
	for (size_t i = 0; e == 0 && i < now.n; i++)
		if (!has(&wanted, now.v[i]))
			e = store_role_edge_remove(c->tx, now.v[i], n);
	for (size_t i = 0; e == 0 && i < wanted.n; i++)
		if (!has(&now, wanted.v[i]))
			e = put_below(c, wanted.v[i], n);
	return e;
}

/* ---- who sits there ---- */

/* The hand-over of a seat is an event of its own: who left, who came. */
static int seat(struct call *c, struct store_role *r, const struct occupant *o)
{
	struct role *role = &r->role;
	struct call_field fields[4] = { { "role", role->short_id, 0 },
					{ "title", role->title, 0 } };
	struct talk_seat before = { .role = role->id,
				    .title = role->title,
				    .before_kind = role->occupant_kind == OCCUPANT_KIND_AGENT
						       ? TALK_AGENT
						       : TALK_USER,
				    .before = role->occupant,
				    .before_name = role->occupant_name };
	size_t n = 2;
	int e;

	if (role->occupant.p)
		fields[n++] = (struct call_field){ "from", role->occupant_name, 0 };
	if (o)
		fields[n++] = (struct call_field){ "to", o->name, 0 };
	role->occupant_kind = o ? o->kind : OCCUPANT_KIND_NONE;
	role->occupant = o ? o->id : STR_NONE;
	role->occupant_name = o ? o->name : STR_NONE;
	role->has_occupied_at = o != NULL;
	role->occupied_at = c->now_ms;
	e = store_role_set_occupant(c->tx, r);
	if (e)
		return err_trace(e);
	e = call_event(c, o ? "role.assigned" : "role.vacated", role->id, fields, n);
	return e ? err_trace(e) : talk_hand_over(c, &before);
}

static int check_occupant(struct call *c, const struct occupant *o)
{
	const char *kind = o->kind == OCCUPANT_KIND_AGENT ? "agent" : "user";
	struct str who = str_fmt(c->arena, "%s:%.*s", kind, STR_ARG(o->id));

	return who.p ? authority_over_owner(c, "occupant", who) : err_nomem();
}

/* Who is above the role comes to be above the occupant, and the occupant above who is below it. */
static int seat_named(struct call *c, struct store_role *r, struct str who, enum occupant_kind kind)
{
	struct occupant o;
	int e = occupant_named(c, who, kind, &o);

	if (e || (r->role.occupant.p && str_eq(r->role.occupant, o.id)))
		return e;
	e = check_occupant(c, &o);
	if (e == 0)
		e = authority_over_seated(c, "id", r);
	return e ? e : seat(c, r, &o);
}

/* ---- the verbs ---- */

static int check_room(struct call *c)
{
	int64_t n;
	int e = store_role_count(c->tx, &n);

	if (e || n < ROLES_MAX)
		return err_trace(e);
	call_data_int(c, "limit", ROLES_MAX);
	return call_fail(c, ERROR_CONFLICT, "there are %d roles already", ROLES_MAX);
}

int roles_create(struct call *call, const struct roles_create_params *p,
		 struct roles_create_result *r)
{
	struct store_role role = { .role = { .title = p->title,
					     .type = p->type,
					     .description = p->description,
					     .created_by = call->principal->id } };
	int e = check_room(call);

	if (e == 0 && !p->parents.n)
		e = authority_over_all(call, "parents");
	if (e == 0)
		e = store_role_add(call->tx, &role);
	if (e == 0)
		e = set_parents(call, role.n, &p->parents);
	if (e == 0)
		e = tell(call, "role.created", &role.role);
	if (e == 0 && p->occupant.p)
		e = seat_named(call, &role, p->occupant, p->occupant_kind);
	if (e == 0)
		e = store_role_place(call->tx, &role);
	r->role = role.role;
	if (!role.role.occupant.p)
		r->next = str_fmt(call->arena, "roles.assign with id: %.*s and occupant",
				  STR_ARG(role.role.short_id));
	return e;
}

/* The role as the caller gets it to see. */
static int show(struct call *c, struct store_role *r, struct role *out)
{
	int e = store_role_place(c->tx, r);

	*out = r->role;
	return err_trace(e);
}

int roles_get(struct call *call, const struct roles_get_params *p, struct roles_get_result *r)
{
	struct store_role role;
	int e = role_named(call, "id", p->id, &role);

	return e ? e : show(call, &role, &r->role);
}

static int number_in(struct str cursor, int64_t *out)
{
	*out = 0;
	if (cursor.p && !str_to_i64(cursor, out))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	return 0;
}

int roles_list(struct call *call, const struct roles_list_params *p, struct roles_list_result *r)
{
	struct store_role_filter f = { .type = p->type,
				       .is_vacant = p->vacant,
				       .limit = (size_t)p->limit };
	int64_t after;
	int e = number_in(p->cursor, &f.after);

	if (e == 0 && p->occupant.p) {
		struct occupant o;

		e = occupant_named(call, p->occupant, 0, &o);
		if (e == 0)
			f.occupant = o.id;
	}
	if (e == 0)
		e = store_role_page(call->tx, &f, &r->items, &after);
	if (e == 0 && after) {
		r->next_cursor = str_fmt(call->arena, "%lld", (long long)after);
		e = r->next_cursor.p ? 0 : err_nomem();
	}
	return e;
}

int roles_tree(struct call *call, const struct roles_tree_params *p, struct roles_tree_result *r)
{
	struct store_role from = { .n = 0 };
	int e = p->id.p ? role_named(call, "id", p->id, &from) : 0;

	if (e)
		return e;
	return err_trace(store_role_tree(call->tx, from.n, (size_t)p->limit, &r->items, &r->cut));
}

static int clear_fields(struct call *c, const struct roles_update_params *p, struct store_role *r,
			bool *clears_parents)
{
	for (size_t i = 0; i < p->clear.n; i++) {
		bool is_parents = p->clear.v[i] == ROLE_CLEAR_PARENTS;

		if (is_parents ? p->parents.v != NULL : p->description.p != NULL)
			return call_fail_field(c, ERROR_CONFLICT,
					       is_parents ? "parents" : "description",
					       "it is both set and cleared");
		*clears_parents |= is_parents;
		if (!is_parents)
			r->role.description = STR_NONE;
	}
	return 0;
}

static int move(struct call *c, const struct roles_update_params *p, const struct store_role *r,
		bool clears_parents)
{
	int e;

	if (!p->parents.v && !clears_parents)
		return 0;
	e = p->parents.n ? authority_over_seated(c, "parents", r)
			 : authority_over_all(c, "parents");
	return e ? e : set_parents(c, r->n, &p->parents);
}

int roles_update(struct call *call, const struct roles_update_params *p,
		 struct roles_update_result *r)
{
	struct store_role role;
	bool clears_parents = false;
	int e;

	if (!p->title.p && !p->type && !p->description.p && !p->parents.v && !p->clear.n)
		return call_fail(call, ERROR_INVALID_PARAMS,
				 "nothing to change: name at least one field");
	e = role_named(call, "id", p->id, &role);
	if (e == 0)
		e = clear_fields(call, p, &role, &clears_parents);
	if (e)
		return e;
	if (p->title.p)
		role.role.title = p->title;
	if (p->type)
		role.role.type = p->type;
	if (p->description.p)
		role.role.description = p->description;
	e = store_role_set(call->tx, &role);
	if (e == 0)
		e = move(call, p, &role, clears_parents);
	if (e == 0)
		e = tell(call, "role.updated", &role.role);
	return e ? e : show(call, &role, &r->role);
}

int roles_delete(struct call *call, const struct roles_delete_params *p,
		 struct roles_delete_result *r)
{
	struct store_role role;
	int e = role_named(call, "id", p->id, &role);

	if (e == 0)
		e = store_role_place(call->tx, &role);
	if (e)
		return e;
	if (role.role.children) {
		call_data_int(call, "children", role.role.children);
		call->failure.hint = STR("roles.tree with its id shows them: move or delete them");
		return call_fail_field(call, ERROR_CONFLICT, "id", "%.*s has %lld roles below it",
				       STR_ARG(role.role.short_id), (long long)role.role.children);
	}
	e = set_parents(call, role.n, &(struct str_list){ NULL, 0 });
	if (e == 0)
		e = store_role_remove(call->tx, role.n);
	r->id = role.role.id;
	r->short_id = role.role.short_id;
	r->title = role.role.title;
	return e ? e : tell(call, "role.deleted", &role.role);
}

int roles_assign(struct call *call, const struct roles_assign_params *p,
		 struct roles_assign_result *r)
{
	struct store_role role;
	int e = role_named(call, "id", p->id, &role);

	if (e == 0)
		e = seat_named(call, &role, p->occupant, p->occupant_kind);
	return e ? e : show(call, &role, &r->role);
}

int roles_unassign(struct call *call, const struct roles_unassign_params *p,
		   struct roles_unassign_result *r)
{
	struct store_role role;
	int e = role_named(call, "id", p->id, &role);

	if (e == 0 && role.role.occupant.p)
		e = authority_over_seated(call, "id", &role);
	if (e == 0 && role.role.occupant.p)
		e = seat(call, &role, NULL);
	return e ? e : show(call, &role, &r->role);
}
