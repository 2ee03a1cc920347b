/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/verbs/task_words.h"

struct str task_state(struct world *w, const char *id)
{
	return world_text(world_say(w, "tasks.get", "{'id': '%s'}", id), "state");
}

struct str task_reason(struct world *w, const char *id)
{
	return world_text(world_say(w, "tasks.get", "{'id': '%s'}", id), "reason");
}

const struct json *task_create(struct world *w, const char *params)
{
	const struct json *r = world_say(w, "tasks.create", "{%s}", params);

	CHECK_ERROR(r, NULL);
	return r;
}

/* The first of what is claimed, or NULL. */
const struct json *task_claim(struct world *w, const char *params)
{
	const struct json *r = world_say(w, "tasks.claim", "{%s}", params);

	CHECK_ERROR(r, NULL);
	return world_at(r, "items.0");
}

struct str task_claimed(struct world *w, const char *params)
{
	return world_text(task_claim(w, params), "short_id");
}

/* "'id': 't-1', 'attempt': 1, 'token': '…'" of what was claimed. */
const char *task_proof(struct world *w, const struct json *c)
{
	return str_fmt(&w->arena, "'id': '%.*s', 'attempt': %lld, 'token': '%.*s'",
		       STR_ARG(world_text(c, "short_id")), (long long)world_int(c, "attempt"),
		       STR_ARG(world_text(c, "token")))
	    .p;
}

const struct json *task_complete(struct world *w, const struct json *c)
{
	return world_say(w, "tasks.complete", "{%s}", task_proof(w, c));
}

const struct json *task_fail(struct world *w, const struct json *c, const char *code)
{
	return world_say(w, "tasks.fail", "{%s, 'message': 'no', 'code': '%s'}", task_proof(w, c),
			 code);
}

size_t task_events(struct world *w, const char *kind)
{
	return world_count(world_say(w, "events.list", "{'kinds': ['%s'], 'limit': 200}", kind),
			   "items");
}
