/* SPDX-License-Identifier: Apache-2.0 */
/* The generated tables hold what they promise. */
#include <string.h>

#include "base/err.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"

TEST(verb_find_knows_every_name_in_every_spelling)
{
	char name[64];

	for (int id = 0; id < VERB_MAX; id++) {
		const struct verb *v = &verb_table[id];
		CHECK_INT(v->id, id);
		CHECK(verb_find(v->name) == v);
		CHECK(verb_find(v->tool) == v);
		memcpy(name, v->tool.p, v->tool.n);
		for (size_t i = 0; i < v->tool.n; i++)
			if (name[i] == '_')
				name[i] = '-';
		CHECK(verb_find((struct str){ name, v->tool.n }) == v);
		for (size_t i = 0; i < v->n_aliases; i++)
			CHECK(verb_find(v->aliases[i]) == v);
	}
}

TEST(verb_find_knows_nothing_else)
{
	char longer[300];

	memset(longer, 'a', sizeof(longer));
	CHECK(verb_find(STR_NONE) == NULL);
	CHECK(verb_find(STR("")) == NULL);
	CHECK(verb_find(STR("system.pin")) == NULL);
	CHECK(verb_find(STR("system.pingg")) == NULL);
	CHECK(verb_find(STR("SYSTEM.PING")) == NULL);
	CHECK(verb_find(STR("system ping")) == NULL);
	CHECK(verb_find((struct str){ longer, sizeof(longer) }) == NULL);
}

TEST(verb_nearest_says_what_may_have_been_meant)
{
	CHECK_STR(verb_nearest(STR("system.pong")), "system.ping");
	CHECK_STR(verb_nearest(STR("sytem.ping")), "system.ping");
	CHECK_STR(verb_nearest(STR("something.else")), NULL);
}

/* The offsets name a text and a boolean of the parameters' struct. */
TEST(verb_offsets_point_at_the_added_parameters)
{
	for (int id = 0; id < VERB_MAX; id++) {
		const struct verb *v = &verb_table[id];
		const struct shape_field *request_id = shape_find(v->params, STR("request_id"));
		const struct shape_field *confirm = shape_find(v->params, STR("confirm"));
		CHECK_INT(v->request_id_offset, request_id ? request_id->offset : UINT32_MAX);
		CHECK_INT(v->confirm_offset, confirm ? confirm->offset : UINT32_MAX);
		CHECK(!v->is_read_only == !!request_id);
		/* a batch may destroy, and its calls ask for themselves */
		CHECK((v->is_destructive && v->lane != LANE_SERVER) == !!confirm);
	}
}

static void check_json(struct arena *a, struct str text)
{
	struct json json;

	CHECK_OK(json_parse(a, text, &json, NULL));
	CHECK_INT(json.type, JSON_OBJECT);
}

TEST(verb_texts_are_json)
{
	struct arena a;

	arena_init(&a, 0);
	check_json(&a, openrpc_json);
	for (int id = 0; id < VERB_MAX; id++) {
		const struct verb *v = &verb_table[id];
		check_json(&a, v->tool_json);
		check_json(&a, v->params_schema);
		check_json(&a, v->result_schema);
		for (size_t i = 0; i < v->n_examples; i++) {
			check_json(&a, v->examples[i].params);
			if (v->examples[i].result.p)
				check_json(&a, v->examples[i].result);
		}
		arena_reset(&a);
	}
	arena_deinit(&a);
}

TEST(verb_core_nouns_come_first)
{
	size_t n = 0;

	while (n < VERB_MAX && (str_starts(verb_table[n].name, STR("agents.")) ||
				str_starts(verb_table[n].name, STR("quests.")) ||
				str_starts(verb_table[n].name, STR("ideas.")) ||
				str_starts(verb_table[n].name, STR("events."))))
		n++;
	for (size_t i = n; i + 1 < VERB_MAX; i++)
		CHECK(str_cmp(verb_table[i].name, verb_table[i + 1].name) < 0);
	CHECK_STR(verb_lane_text(verb_find(STR("system.ping"))->lane), "read");
}

TEST(error_table_has_a_row_for_every_code)
{
	for (int i = 1; i < ERROR_MAX; i++) {
		CHECK_INT(error_find(error_table[i].name), i);
		CHECK(error_table[i].code <= -31000 && error_table[i].code >= -32768);
		CHECK(error_table[i].message.n && error_table[i].hint.n && error_table[i].exit);
		/* what a hint sends to must be shown: data is not, on a terminal */
		CHECK(!str_contains(error_table[i].hint, STR("data.")));
	}
	CHECK_INT(error_find(STR("nope")), ERROR_NONE);
	CHECK_INT(error_find(STR_NONE), ERROR_NONE);
}

TEST(enums_are_found_by_their_text)
{
	CHECK_INT(quest_status_find(STR("in_progress")), QUEST_STATUS_IN_PROGRESS);
	CHECK_INT(quest_status_find(STR("In_progress")), QUEST_STATUS_NONE);
	CHECK_INT(quest_status_find(STR_NONE), QUEST_STATUS_NONE);
	CHECK_STR(quest_status_text(QUEST_STATUS_CANCELLED), "cancelled");
	CHECK_STR(quest_status_text(QUEST_STATUS_NONE), NULL);
	CHECK_STR(access_role_text(ACCESS_ROLE_ORG_ADMIN), "org_admin");
}
