/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/authority.h"

#include "tests/unit/verbs/world.h"
#include "verbs.gen.h"

static bool has(const struct verb_set *set, const char *verb)
{
	struct principal p = { .verbs = *set };

	return authority_has(&p, verb_find(str_from(verb)));
}

TEST(authority_of_roles_is_what_the_schemas_say)
{
	for (int role = 1; role < ACCESS_ROLE_MAX; role++) {
		struct verb_set set = authority_verbs_of(1u << role);
		struct principal p = { .verbs = set };

		for (size_t i = 0; i < VERB_MAX; i++)
			CHECK(authority_has(&p, &verb_table[i]) ==
			      ((verb_table[i].access & 1u << role) != 0));
	}
}

TEST(authority_of_who_runs_the_server_is_every_verb_and_no_other)
{
	struct principal all = authority_all(STR("uid:1"), PRINCIPAL_KIND_OWNER);
	struct verb_set same = authority_verbs_of(all.roles);

	for (size_t i = 0; i < VERB_MAX; i++)
		CHECK(authority_has(&all, &verb_table[i]));
	CHECK(!memcmp(&all.verbs, &same, sizeof(same)));
}

TEST(authority_of_two_roles_is_both)
{
	struct verb_set set = authority_verbs_of(1u << ACCESS_ROLE_VIEWER |
						 1u << ACCESS_ROLE_AGENT_ADMIN);

	CHECK(has(&set, "agents.spawn") && has(&set, "quests.list"));
	CHECK(!has(&set, "keys.create"));
}

/* A key's rights, worked out in a world where its owner is there. */
static struct authority of(struct world *w, struct store_key k)
{
	struct authority a = { 0 };
	struct store_tx tx;

	if (CHECK_OK(store_begin(w->store)) &&
	    CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx)))
		CHECK_INT(authority_of_key(&tx, &k, &a), 0);
	store_rollback(w->store);
	return a;
}

static struct authority of_limited(struct world *w)
{
	static struct str scope[] = { { "quests.*", 8 }, { "ideas_get", 9 } };

	return of(w, (struct store_key){ .key = { .id = STR("k"),
						  .owner = STR("w"),
						  .owner_kind = KEY_OWNER_WORKER,
						  .scopes = { scope, 2 } },
					 .n = 1,
					 .access = 1u << ACCESS_ROLE_OPERATOR });
}

TEST(t3_scopes_take_away_but_for_what_one_may_always_ask)
{
	WORLD_OPEN(w);
	struct authority a = of_limited(&w);
	const struct verb_set *set = &a.principal.verbs;

	CHECK_STR(a.principal.id, "worker:w");
	CHECK(has(set, "quests.close") && has(set, "ideas.get"));
	CHECK(!has(set, "ideas.list") && !has(set, "agents.spawn"));
	CHECK(has(set, "principals.me") && has(set, "system.why_denied"));
}

/* What the first gate says to this key's owner. */
static struct call refusal(struct world *w, const struct authority *a, const char *verb)
{
	struct call c = { .arena = &w->arena };

	CHECK_INT(authority_check_verb(&c, &a->principal, verb_find(str_from(verb))), CALL_FAILED);
	CHECK_INT(c.failure.code, ERROR_DENIED);
	CHECK_STR(str_from(c.failure.data[0].key), "gate");
	return c;
}

TEST(a_refusal_names_the_gate_that_it_was)
{
	WORLD_OPEN(w);
	struct authority a = of_limited(&w);
	struct call c = refusal(&w, &a, "ideas.list");

	CHECK_STR(c.failure.message,
		  "worker:w may not call ideas.list: its key's scopes do not name that");
	CHECK_STR(c.failure.data[0].s, "scope");
	CHECK_STR(c.failure.data[1].list.v[0], "ideas.list");
	c = refusal(&w, &a, "system.config");
	CHECK_STR(c.failure.message, "worker:w may not call system.config: that needs org_admin");
	CHECK_STR(c.failure.data[0].s, "access");
	CHECK_INT(c.failure.data[1].list.n, 1);
	a.principal.status = AGENT_STATUS_PAUSED;
	a.principal.verbs = (struct verb_set){ { 0 } };
	c = refusal(&w, &a, "quests.list");
	CHECK_STR(c.failure.message, "worker:w may not call quests.list: the agent is paused");
	CHECK_STR(c.failure.data[0].s, "status");
	CHECK_INT(c.failure.n_data, 1);
}

TEST(a_refusal_is_one_when_memory_is_out)
{
	const struct principal nobody = { .id = STR("v") };
	struct arena arena;
	struct call c = { .arena = &arena };

	arena_init(&arena, 1);
	CHECK_INT(authority_check_verb(&c, &nobody, verb_find(STR("system.config"))), CALL_FAILED);
	CHECK_INT(c.failure.code, ERROR_DENIED);
	CHECK(arena.is_out);
	arena_deinit(&arena);
}

TEST(authority_of_a_key_whose_owner_is_gone_is_none)
{
	WORLD_OPEN(w);
	struct store_key k = { .key = { .owner = STR("0192f0c1-2222-7333-8444-555566667777") } };
	struct authority a;
	struct store_tx tx;

	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
	k.key.owner_kind = KEY_OWNER_USER;
	CHECK_INT(authority_of_key(&tx, &k, &a), STORE_NONE);
	k.key.owner_kind = KEY_OWNER_AGENT;
	CHECK_INT(authority_of_key(&tx, &k, &a), STORE_NONE);
	store_rollback(w.store);
}
