/* SPDX-License-Identifier: Apache-2.0 */
/* users.*: people, who sit in roles and own keys. */
#include "store/users.h"

#include "handlers.gen.h"
#include "store/keys.h"
#include "store/roles.h"
#include "verbs/authority.h"
#include "verbs/people_common.h"
#include "verbs/talk_say.h"

#define SEATS_SHOWN_MAX 100

static int refuse_name(struct call *c, struct str name)
{
	struct store_user there;
	int e = user_named(c, "name", name, &there);

	return e ? e : call_name_taken(c, "a person", there.user.id, there.user.name);
}

static int tell(struct call *c, const char *kind, const struct user *u)
{
	struct call_field fields[] = { { "name", u->name, 0 } };

	return err_trace(call_event(c, kind, u->id, fields, ARRAY_LEN(fields)));
}

int users_create(struct call *call, const struct users_create_params *p,
		 struct users_create_result *r)
{
	struct store_user u = { .user = { .name = p->name,
					  .addresses = p->addresses,
					  .about = p->about,
					  .created_by = call->principal->id } };
	int e = store_user_add(call->tx, &u);

	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == 0)
		e = tell(call, "user.created", &u.user);
	r->user = u.user;
	r->next = str_fmt(call->arena,
			  "roles.assign gives them a seat, keys.create with owner: %.*s a key",
			  STR_ARG(p->name));
	return err_trace(e);
}

int users_list(struct call *call, const struct users_list_params *p, struct users_list_result *r)
{
	return err_trace(
	    store_user_page(call->tx, p->cursor, (size_t)p->limit, &r->items, &r->next_cursor));
}

int users_get(struct call *call, const struct users_get_params *p, struct users_get_result *r)
{
	struct store_role_filter f = { .limit = SEATS_SHOWN_MAX };
	struct store_user u;
	int64_t more;
	int e = user_named(call, "id", p->id, &u);

	if (e)
		return e;
	r->user = u.user;
	f.occupant = u.user.id;
	return err_trace(store_role_page(call->tx, &f, &r->roles, &more));
}

static int clear_fields(struct call *c, const struct users_update_params *p, struct user *u)
{
	for (size_t i = 0; i < p->clear.n; i++) {
		bool is_about = p->clear.v[i] == USER_CLEAR_ABOUT;

		if (is_about ? p->about.p != NULL : p->addresses.v != NULL)
			return call_fail_field(c, ERROR_CONFLICT, is_about ? "about" : "addresses",
					       "it is both set and cleared");
		if (is_about)
			u->about = STR_NONE;
		else
			u->addresses = (struct str_list){ NULL, 0 };
	}
	return 0;
}

int users_update(struct call *call, const struct users_update_params *p,
		 struct users_update_result *r)
{
	struct store_user u;
	int e;

	if (!p->name.p && !p->addresses.v && !p->about.p && !p->clear.n)
		return call_fail(call, ERROR_INVALID_PARAMS,
				 "nothing to change: name at least one field");
	e = user_named(call, "id", p->id, &u);
	if (e == 0)
		e = clear_fields(call, p, &u.user);
	if (e)
		return e;
	if (p->name.p)
		u.user.name = p->name;
	if (p->addresses.v)
		u.user.addresses = p->addresses;
	if (p->about.p)
		u.user.about = p->about;
	e = store_user_set(call->tx, &u);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == 0)
		e = tell(call, "user.updated", &u.user);
	r->user = u.user;
	return err_trace(e);
}

int users_delete(struct call *call, const struct users_delete_params *p,
		 struct users_delete_result *r)
{
	struct talk_seats seats;
	struct store_user u;
	int e = user_named(call, "id", p->id, &u);

	if (e)
		return e;
	r->id = u.user.id;
	r->name = u.user.name;
	e = talk_seats_of(call, TALK_USER, u.user.id, u.user.name, &seats);
	if (e == 0)
		e = store_roles_vacate(call->tx, u.user.id, &r->vacated);
	if (e == 0)
		e = talk_hand_over_all(call, &seats);
	if (e == 0)
		e = store_keys_revoke_of(call->tx, u.user.id, &r->revoked);
	if (e == 0)
		e = store_user_delete(call->tx, u.n);
	if (e == 0)
		authority_changed(call, KEY_OWNER_USER, u.user.id);
	return e ? err_trace(e) : tell(call, "user.deleted", &u.user);
}
