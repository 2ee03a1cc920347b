/* SPDX-License-Identifier: Apache-2.0 */
/* F-13 and F-08 for verbs: each statement, each row and each piece of memory that a call asks for
 * fails once. The call then says so, what it did is undone, and the same call works when nothing
 * fails. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "handlers.gen.h"
#include "schemas/shape.h"
#include "tests/unit/verbs/world.h"
#include "verbs.gen.h"

/* "$3" in params stands for the id of the third step's result. */
struct step {
	const char *verb, *params;
};

static const struct step company[] = {
	{ "agents.spawn",
	  "{'name': 'ann', 'instructions': 'work', 'model': 'fast', 'grants':"
	  " {'egress': ['a.org'], 'tools_allow': ['quests.*'], 'may_spawn': true}}" },
	{ "agents.spawn", "{'name': 'bob', 'parent': 'ann'}" },
	{ "agents.update", "{'id': 'bob', 'name': 'bobby', 'instructions': 'rest'}" },
	{ "agents.get", "{'id': 'ann'}" },
	{ "agents.list", "{'limit': 1}" },
	{ "ideas.store", "{'name': 'house', 'content': 'a house of [[wood]] and stone, ![[stone]]',"
			 " 'tags': ['build', 'home'], 'kind': 'note'}" },
	{ "ideas.store", "{'name': 'wood', 'content': 'wood grows on trees, 東京 and all'}" },
	{ "ideas.store", "{'name': 'stone', 'content': 'a house of wood and stone'}" },
	{ "ideas.link", "{'from': '$6', 'to': '$7', 'type': 'needs'}" },
	{ "ideas.get", "{'id': '$6'}" },
	{ "ideas.list", "{'tag': 'build'}" },
	{ "ideas.search", "{'query': 'house wood', 'explain': true}" },
	{ "ideas.search", "{'query': '東京'}" },
	{ "ideas.walk", "{'id': '$6', 'depth': 3}" },
	{ "ideas.update", "{'id': '$6', 'name': 'home', 'content': 'a [[home]] of [[wood]]',"
			  " 'tags': ['new']}" },
	{ "ideas.unlink", "{'from': '$6', 'to': '$7', 'type': 'needs'}" },
	{ "quests.create", "{'subject': 'build', 'labels': ['site', 'big'], 'assignee': 'ann',"
			   " 'idea_ids': ['$7'], 'description': 'all of it'}" },
	{ "quests.create",
	  "{'subject': 'dig', 'parent': 'q-1', 'required': true, 'priority': 'high'}" },
	{ "quests.create", "{'subject': 'pour', 'parent': 'q-1', 'depends_on': ['q-2']}" },
	{ "quests.create", "{'subject': 'roof', 'depends_on': ['q-3', 'q-2']}" },
	{ "quests.update", "{'id': 'q-4', 'subject': 'the roof', 'labels': ['site'],"
			   " 'depends_on': ['q-3']}" },
	{ "quests.update", "{'id': 'q-2', 'depends_on': ['q-4']}" }, /* a cycle */
	{ "quests.assign", "{'id': 'q-2', 'assignee': 'bobby'}" },
	{ "quests.list", "{'ready': true}" },
	{ "quests.list", "{'label': 'site', 'limit': 1}" },
	{ "quests.list", "{'status': 'pending', 'assignee': 'ann'}" },
	{ "quests.why_pending", "{'id': 'q-4'}" },
	{ "quests.claim", "{'id': 'q-2', 'agent': 'bobby'}" },
	{ "quests.close", "{'id': 'q-2', 'kind': 'done', 'summary': 'dug', 'override': true}" },
	{ "quests.claim", "{}" },
	{ "quests.get", "{'id': 'q-3'}" },
	{ "quests.close",
	  "{'id': 'q-3', 'kind': 'failed', 'summary': 'it rained', 'reason': 'rain',"
	  " 'override': true}" },
	{ "quests.get", "{'id': 'q-4'}" },
	{ "quests.list", "{'subject': 'b', 'limit': 1}" },
	{ "quests.list", "{'ready': true, 'assignee': 'ann', 'parent': 'q-1'}" },
	{ "quests.list", "{'assignee': 'ann'}" },
	{ "quests.update", "{'id': 'q-4', 'depends_on': [], 'clear': ['labels', 'assignee']}" },
	{ "quests.update",
	  "{'id': 'q-4', 'depends_on': ['q-3'], 'parent': 'q-2', 'required': false}" },
	{ "quests.update", "{'id': 'q-4', 'status': 'pending'}" },
	{ "quests.update", "{'id': 'q-3', 'status': 'pending', 'parent': 'q-4'}" },
	{ "quests.why_pending", "{'id': 'q-1'}" },
	{ "quests.claim", "{'label': 'big', 'agent': 'ann'}" },
	{ "quests.close", "{'id': 'q-1', 'kind': 'done', 'summary': 'no', 'override': true}" },
	{ "agents.delete", "{'id': 'ann', 'erase': true, 'confirm': true}" },
	{ "quests.close",
	  "{'id': 'q-1', 'kind': 'handoff', 'summary': 'later', 'override': true}" },
	{ "quests.claim", "{'label': 'big', 'agent': 'bobby'}" },
	{ "events.fire", "{'kind': 'rain.fell', 'payload': {'mm': 7}}" },
	{ "events.list", "{'kinds': ['quest.*'], 'limit': 5}" },
	{ "events.poll", "{}" },
	{ "quests.wait", "{'id': 'q-1'}" },
	{ "ideas.delete", "{'id': '$8', 'confirm': true}" },
	{ "agents.delete", "{'id': 'bobby', 'confirm': true}" },
	{ "agents.spawn", "{'name': 'zed'}" },
	{ "agents.delete", "{'id': 'zed', 'erase': true, 'confirm': true}" },
	{ "quests.create", "{'subject': 'read', 'idea_id': '$6', 'idea_ids': ['$7']}" },
	{ "quests.create", "{'subject': 'write', 'depends_on': ['q-5']}" },
	{ "quests.get", "{'id': 'q-6'}" },
	{ "verbs.search", "{'query': 'quest'}" },
	{ "users.create", "{'name': 'eve', 'addresses': ['mailto:eve'], 'about': 'x'}" },
	{ "users.create", "{'name': 'dan'}" },
	{ "users.update", "{'id': 'eve', 'name': 'eva', 'clear': ['about']}" },
	{ "roles.create", "{'title': 'top', 'type': 'director', 'occupant': 'eva'}" },
	{ "roles.create",
	  "{'title': 'mid', 'type': 'operational', 'parents': ['r-1'], 'description': 'x'}" },
	{ "roles.create", "{'title': 'low', 'type': 'operational', 'parents': ['r-1', 'r-2']}" },
	{ "roles.update", "{'id': 'r-1', 'parents': ['r-3']}" },
	{ "roles.update", "{'id': 'r-3', 'parents': ['r-2'], 'title': 'lower'}" },
	{ "roles.assign", "{'id': 'r-2', 'occupant': 'dan'}" },
	{ "roles.assign", "{'id': 'r-3', 'occupant': 'eva'}" },
	{ "roles.get", "{'id': 'r-1'}" },
	{ "roles.list", "{'limit': 2}" },
	{ "roles.list", "{'occupant': 'eva'}" },
	{ "roles.tree", "{}" },
	{ "users.get", "{'id': 'eva'}" },
	{ "users.list", "{'limit': 1}" },
	{ "roles.unassign", "{'id': 'r-3'}" },
	{ "keys.create", "{'name': 'k', 'owner_kind': 'user', 'owner': 'eva', 'access': "
			 "['operator'], 'scopes': ['quests.*']}" },
	{ "keys.create",
	  "{'name': 'k', 'owner_kind': 'worker', 'owner': 'w', 'access': ['viewer']}" },
	{ "keys.list", "{'limit': 1}" },
	{ "keys.rotate", "{'id': '$76'}" },
	{ "keys.revoke", "{'id': '$77'}" },
	{ "principals.me", "{}" },
	{ "system.why_denied", "{'verb': 'quests.close', 'target': 'q-6', 'key': '$76'}" },
	{ "audit.list", "{}" },
	{ "audit.list", "{'reads': true}" },
	{ "users.delete", "{'id': 'eva'}" },
	{ "roles.delete", "{'id': 'r-3'}" },
};

enum { SWALLOWED = 1000 };

static const char *const points[] = { "db_stmt", "db_step", "arena_alloc" };

static struct str ids[ARRAY_LEN(company)];

/* Quotes and ids put in. */
static const char *params_of(struct world *w, const char *text)
{
	char *out = arena_zalloc(&w->arena, 1024);
	size_t n = 0;

	for (const char *p = text; *p && CHECK(n < 900); p++) {
		if (*p == '$') {
			struct str id = ids[strtol(p + 1, (char **)&p, 10) - 1];

			memcpy(out + n, id.p, id.n);
			n += id.n;
			p--;
		} else {
			out[n++] = *p;
		}
	}
	return out;
}

/* Runs the call with the n-th hit of a point failing, and undoes it. What it returned. */
static int attempt(struct world *w, const struct verb *v, void *params, const char *point, int n)
{
	struct arena arena;
	char fp[64];
	struct store_tx tx;
	struct call c = { .verb = v,
			  .principal = &w->principal,
			  .arena = &arena,
			  .tx = &tx,
			  .store = w->store,
			  .server = &w->server,
			  .now_ms = clock_wall_ms(&w->clock) };
	void *result;
	int e;

	arena_init(&arena, 0);
	result = arena_zalloc(&arena, v->result->size);
	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &arena, c.now_ms, &tx));
	snprintf(fp, sizeof(fp), "%s:%d*return", point, n);
	fail_points_set(fp);
	e = verb_functions[v->id](&c, params, result);
	if (fail_points_have_acted() && e == 0)
		e = arena.is_out ? -ERR_NOMEM : SWALLOWED; /* the server asks the arena too */
	else if (!fail_points_have_acted())
		e = 0;
	fail_points_set(NULL);
	err_forget();
	CHECK_OK(store_call_undo(w->store));
	store_rollback(w->store);
	arena_deinit(&arena);
	return e;
}

static void *decode(struct world *w, const struct verb *v, const char *text)
{
	void *params = arena_zalloc(&w->arena, v->params->size);
	char *copy = str_cstr(&w->arena, str_from(text));
	struct shape_faults faults = { .n = 0 };
	struct json *value = ARENA_NEW(&w->arena, struct json);

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	CHECK_INT(json_parse(&w->arena, str_from(copy), value, NULL), 0);
	if (!CHECK_INT(shape_decode(v->params, value, &w->arena, params, &faults), 0))
		printf("  %s: %.*s\n", text, STR_ARG(faults.v[0].field));
	return params;
}

static int fail_each(struct world *w, const struct verb *v, const char *text, const char *point)
{
	enum { N_MAX = 2000 };
	void *params = decode(w, v, text);
	int n;

	for (n = 1; CHECK(n < N_MAX); n++) {
		int e = attempt(w, v, params, point, n);

		if (e == 0)
			break;
		if (!CHECK(e < 0 || e == CALL_FAILED))
			printf("  %s: %s %d is swallowed\n", v->name.p, point, n);
	}
	return n;
}

TEST(f_13_every_verb_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	for (size_t i = 0; i < ARRAY_LEN(company); i++) {
		const struct verb *v = verb_find(str_from(company[i].verb));
		const char *text = params_of(&w, company[i].params);

		if (!CHECK(v))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(points); k++)
			CHECK(fail_each(&w, v, text, points[k]) > 0);
		ids[i] = world_text(world_say(&w, company[i].verb, "%s", text), "id");
	}
}
