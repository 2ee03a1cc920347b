/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/verbs/faults.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "handlers.gen.h"
#include "schemas/shape.h"
#include "verbs.gen.h"

#define STEPS_MAX 120

const char *const fault_points[FAULT_POINTS] = { "db_stmt", "db_step", "arena_alloc" };

static struct str ids[STEPS_MAX], tokens[STEPS_MAX]; /* of the steps' results */

/* Quotes and ids put in. */
static const char *params_of(struct world *w, const char *text)
{
	char *out = arena_zalloc(&w->arena, 1024);
	size_t n = 0;

	for (const char *p = text; *p && CHECK(n < 900); p++) {
		if (*p == '$' || *p == '#') {
			const struct str *from = *p == '$' ? ids : tokens;
			struct str id = from[strtol(p + 1, (char **)&p, 10) - 1];

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
		e = arena.is_out ? -ERR_NOMEM : FAULT_SWALLOWED; /* the server asks the arena too */
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

void faults_each(struct world *w, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n && CHECK(i < STEPS_MAX); i++) {
		const struct verb *v = verb_find(str_from(steps[i].verb));
		const char *text = params_of(w, steps[i].params);
		const struct json *r;

		if (!CHECK(v))
			continue;
		for (size_t k = 0; k < FAULT_POINTS; k++)
			CHECK(fail_each(w, v, text, fault_points[k]) > 0);
		r = world_say(w, steps[i].verb, "%s", text);
		ids[i] = world_text(r, "id");
		tokens[i] = world_text(r, "items.0.token");
		if (!tokens[i].p)
			tokens[i] = world_text(r, "items.0.receipt");
		if (!tokens[i].p)
			tokens[i] = world_text(r, "token");
	}
}
