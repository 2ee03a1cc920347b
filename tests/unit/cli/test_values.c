/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line as typed JSON. */
#include "base/arena.h"
#include "cli/values.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"

struct world {
	struct values values;
	struct arena arena;
	struct buf out;
};

static void world_init(struct world *w, const char *verb)
{
	const struct verb *v = verb_find(str_from(verb));

	arena_init(&w->arena, 0);
	buf_init(&w->out, 0);
	w->values =
	    (struct values){ .arena = &w->arena, .shape = v ? v->params : NULL, .now_ms = 1000 };
}

static int add(struct world *w, const char *key, const char *text)
{
	return values_add(&w->values, str_from(key), str_from(text), false);
}

static struct str written(struct world *w)
{
	buf_clear(&w->out);
	values_write(&w->values, &w->out);
	return buf_str(&w->out);
}

static void world_deinit(struct world *w)
{
	buf_deinit(&w->out);
	arena_deinit(&w->arena);
}

TEST(values_have_the_type_of_their_field)
{
	struct world w;

	world_init(&w, "quests.create");
	CHECK_OK(add(&w, "subject", "7"));
	CHECK_OK(add(&w, "required", "no"));
	CHECK_OK(add(&w, "due-at", "+2s"));
	CHECK_STR(written(&w),
		  "{\"subject\":\"7\",\"required\":false,\"due_at\":\"1970-01-01T00:00:03.000Z\"}");
	world_deinit(&w);
	world_init(&w, "quests.list");
	CHECK_OK(add(&w, "limit", "5"));
	CHECK_STR(written(&w), "{\"limit\":5}");
	world_deinit(&w);
}

/* What a caller gave never goes unused unsaid. */
TEST(values_that_are_given_twice_are_refused)
{
	static const char *const pairs[][5] = {
		{ "quests.list", "limit", "5", "limit", "6" },
		{ "quests.list", "limit", "5", "limit", "5" },
		{ "quests.list", "nonsense", "5", "nonsense", "6" },
		{ "no.verb", "x", "5", "x", "6" },
		{ "quests.create", "due-at", "+1h", "due_at", "+2h" },
		{ "quests.create", "labels", "[\"a\"]", "labels", "b" },
		{ "quests.create", "labels", "b", "labels", "[\"a\"]" },
		{ "agents.spawn", "grants.depth", "1", "grants.depth", "2" },
		{ "agents.spawn", "grants.depth", "1", "grants", "{}" },
		{ "agents.spawn", "grants", "{}", "grants.depth", "1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct world w;

		world_init(&w, pairs[i][0]);
		CHECK_OK(add(&w, pairs[i][1], pairs[i][2]));
		CHECK_INT(add(&w, pairs[i][3], pairs[i][4]), VALUES_TWICE);
		CHECK_INT(w.values.n, 1);
		world_deinit(&w);
	}
}

TEST(values_lists_gather_from_commas_and_repetition)
{
	struct world w;

	world_init(&w, "quests.create");
	CHECK_OK(add(&w, "labels", "a, b"));
	CHECK_OK(add(&w, "subject", "s"));
	CHECK_OK(add(&w, "labels", "c"));
	CHECK_STR(written(&w), "{\"labels\":[\"a\",\"b\",\"c\"],\"subject\":\"s\"}");
	world_deinit(&w);
	world_init(&w, "quests.create");
	CHECK_OK(add(&w, "labels", "[\"a,b\"]"));
	CHECK_STR(written(&w), "{\"labels\":[\"a,b\"]}");
	world_deinit(&w);
}

TEST(values_that_are_wrong_go_to_the_server_as_text)
{
	struct world w;

	world_init(&w, "quests.list");
	CHECK_OK(add(&w, "limit", "many"));
	CHECK_OK(add(&w, "ready", "perhaps"));
	CHECK_OK(add(&w, "nonsense", "[1"));
	CHECK_OK(add(&w, "number", "12"));
	CHECK_STR(written(&w),
		  "{\"limit\":\"many\",\"ready\":\"perhaps\",\"nonsense\":\"[1\",\"number\":12}");
	world_deinit(&w);
}

TEST(values_of_objects_are_json_or_parts)
{
	struct world w;

	world_init(&w, "agents.spawn");
	CHECK_OK(add(&w, "name", "a"));
	CHECK_OK(add(&w, "grants.may_spawn", "yes"));
	CHECK_OK(add(&w, "grants.models", "haiku,sonnet"));
	CHECK_STR(
	    written(&w),
	    "{\"name\":\"a\",\"grants\":{\"may_spawn\":true,\"models\":[\"haiku\",\"sonnet\"]}}");
	CHECK_INT(add(&w, "grants", "not json"), VALUES_NOT_JSON);
	world_deinit(&w);
	world_init(&w, "agents.spawn");
	CHECK_OK(add(&w, "grants", "{\"depth\":1}"));
	CHECK_STR(written(&w), "{\"grants\":{\"depth\":1}}");
	world_deinit(&w);
}

TEST(values_of_any_json_are_no_text_in_disguise)
{
	struct world w;

	world_init(&w, "tasks.answer");
	CHECK_INT(add(&w, "answer", "yes"), VALUES_NOT_JSON);
	CHECK_INT(add(&w, "answer", "-"), VALUES_NOT_JSON);
	CHECK_INT(add(&w, "answer", "{\"half\":"), VALUES_NOT_JSON);
	CHECK_OK(add(&w, "answer", "\"yes\""));
	CHECK_STR(written(&w), "{\"answer\":\"yes\"}");
	world_deinit(&w);
}

TEST(values_of_json_are_written_on_one_line)
{
	struct world w;

	world_init(&w, "tasks.create");
	CHECK_OK(add(&w, "payload", "{\n\"a\":\n1.50}"));
	CHECK_OK(add(&w, "capabilities", "[\"x\",\n\"y\"]"));
	CHECK_STR(written(&w), "{\"payload\":{ \"a\": 1.50},\"capabilities\":[\"x\", \"y\"]}");
	world_deinit(&w);
}

TEST(values_are_bounded)
{
	struct world w;

	world_init(&w, "quests.create");
	for (int i = 0; i < VALUES_MAX; i++)
		CHECK_OK(add(&w, "labels", "x"));
	CHECK_INT(add(&w, "labels", "x"), VALUES_TOO_MANY);
	world_deinit(&w);
}
