/* SPDX-License-Identifier: Apache-2.0 */
/* channels.*: what bounds them, and messages on their way into sessions. */
#include "store/store_state.h"
#include "tests/unit/verbs/world.h"
#include "verbs/channels_take.h"

/* What a service posts, as the server hands it on. */
static struct channel_taken take(struct world *w, const struct chat_message *m, const char *key)
{
	struct principal who = { .id = STR("channel:x"), .kind = PRINCIPAL_KIND_PLATFORM };
	struct str keys[] = { str_from(key) };
	struct channel_arrival a = { .message = *m, .keys = { keys, ARRAY_LEN(keys) } };
	struct channel_taken taken = { 0 };
	struct store_channel channel;
	struct store_tx tx;
	struct call c = { .principal = &who,
			  .arena = &w->arena,
			  .tx = &tx,
			  .store = w->store,
			  .now_ms = clock_wall_ms(&w->clock) };

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, c.now_ms, &tx));
	CHECK_OK(store_channel_find(&tx, STR("c"), &channel));
	CHECK_INT(channel_take(&c, &channel, &a, false, &taken), 0);
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
	return taken;
}

static void make(struct world *w, const char *who)
{
	world_say(w, "channels.upsert",
		  "{'name': 'c', 'kind': 'webhook', 'who': '%s', 'allowed': ['a']}", who);
	world_say(w, "channels.enable", "{'id': 'c'}");
}

TEST(channels_call_by_name_whoever_takes_part)
{
	static const struct {
		struct str text;
		bool direct, mentioned;
		int64_t turns;
	} said[] = {
		{ STR("hello"), false, false, 0 },
		{ STR("mail@kim"), false, false, 0 },
		{ STR("@kimberley"), false, false, 0 },
		{ STR("@ki"), false, false, 0 },
		{ STR("ask @KIM, please"), false, false, 1 },
		{ STR("hello"), true, false, 1 },
		{ STR("hello"), false, true, 1 },
		{ STR("@"), false, false, 0 },
	};

	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	make(&w, "agent:kim");
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct chat_message m = { .chat = str_fmt(&w.arena, "a%zu", i),
					  .from = STR("x"),
					  .text = said[i].text,
					  .direct = said[i].direct,
					  .mentioned = said[i].mentioned };

		world_say(&w, "channels.upsert", "{'name': 'c', 'allowed': ['%s']}", m.chat.p);
		CHECK_INT(take(&w, &m, m.chat.p).turns, said[i].turns);
	}
}

TEST(channels_of_a_role_reach_who_sits_there)
{
	WORLD_OPEN(w);
	struct chat_message m = {
		.chat = STR("a"), .from = STR("x"), .text = STR("hello"), .direct = true
	};
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	world_say(&w, "roles.create", "{'title': 'Clerk', 'type': 'operational'}");
	make(&w, "role:r-1");
	CHECK_INT(take(&w, &m, "k1").turns, 0);
	r = world_say(&w, "channels.test", "{'id': 'c'}");
	CHECK_INT(world_int(r, "ok"), 0);
	CHECK_STR(world_text(r, "steps.2.detail"), "nobody sits in the role 'Clerk'");
	world_say(&w, "roles.assign", "{'id': 'r-1', 'occupant': 'kim'}");
	take(&w, &m, "k2");
	CHECK_INT(world_count(world_say(&w, "tasks.list", "{'queue': 'agent.turns'}"), "items"), 1);
	CHECK_INT(world_int(world_say(&w, "channels.test", "{'id': 'c'}"), "ok"), 1);
}

TEST(channels_a_test_names_the_step_that_fails)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	make(&w, "kim");
	w.echo_fault = STR("its secret is lost");
	r = world_say(&w, "channels.test", "{'id': 'c'}");
	CHECK_INT(world_int(r, "ok"), 0);
	CHECK_INT(world_count(r, "steps"), 4);
	CHECK_STR(world_text(r, "steps.3.detail"), "its secret is lost");
	w.echo_fault = STR_NONE;
	world_say(&w, "channels.upsert", "{'name': 'c', 'allowed': []}");
	r = world_say(&w, "channels.test", "{'id': 'c'}");
	CHECK_INT(world_count(r, "steps"), 5);
	CHECK_INT(world_int(r, "steps.1.ok"), 0);
	CHECK_INT(world_int(r, "steps.4.ok"), 0);
}

/* As with hooks: longer than any service tries. */
TEST(channels_know_deliveries_for_thirty_days)
{
	const int64_t day_ms = (int64_t)24 * 3600 * 1000;
	struct chat_message m = { .chat = STR("a"), .from = STR("x"), .text = STR("hello") };
	bool has_more = false;

	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	make(&w, "kim");
	CHECK_INT(take(&w, &m, "k1").outcome, CHAT_TAKEN);
	clock_advance(&w.clock, day_ms);
	CHECK_INT(take(&w, &m, "k2").outcome, CHAT_TAKEN);
	clock_advance(&w.clock, 29 * day_ms);
	CHECK_OK(store_prune(w.store, &has_more));
	CHECK_INT(take(&w, &m, "k1").outcome, CHAT_KNOWN);
	clock_advance(&w.clock, 1);
	CHECK_OK(store_prune(w.store, &has_more));
	CHECK_INT(take(&w, &m, "k2").outcome, CHAT_KNOWN);
	CHECK_INT(take(&w, &m, "k1").outcome, CHAT_TAKEN);
}

TEST(channels_keep_what_is_said_where_there_is_no_more_room)
{
	WORLD_OPEN(w);
	struct channel_taken taken = { 0 };

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	make(&w, "kim");
	for (int i = 0; i < 110; i++) {
		struct chat_message m = { .chat = STR("a"),
					  .from = str_fmt(&w.arena, "x%d", i),
					  .text = STR("hello"),
					  .mentioned = i == 109 };

		taken = take(&w, &m, m.from.p);
		CHECK_INT(taken.seq, i + 1);
	}
	CHECK_INT(taken.turns, 1);
	CHECK_INT(world_count(world_say(&w, "sessions.get", "{'id': 's-1'}"), "participants"), 100);
}

/* Nothing signs for it, so there is nothing to show. */
TEST(channels_of_other_kinds_have_no_secret_until_one_is_given)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	r = world_say(&w, "channels.upsert", "{'name': 'p', 'kind': 'telegram', 'who': 'kim'}");
	CHECK_INT(world_int(r, "secret_shown"), 0);
	CHECK(!world_text(r, "path").p);
	CHECK_INT(world_rows(&w, "select 1 from channels where secret is null").n, 1);
	world_say(&w, "channels.upsert", "{'name': 'p', 'secret': '0123456789abcdef'}");
	CHECK_STR(world_rows(&w, "select secret from channels").v[0], "sealed 0123456789abcdef");
}

TEST(channels_are_bounded)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	for (int i = 0; i < CHANNELS_MAX; i++)
		world_say(&w, "channels.upsert", "{'name': 'c%d', 'kind': 'webhook', 'who': 'kim'}",
			  i);
	CHECK_ERROR(world_say(&w, "channels.upsert",
			      "{'name': 'more', 'kind': 'webhook', 'who': 'kim'}"),
		    "overloaded");
}
