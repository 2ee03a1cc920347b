/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and messages as rows: dense numbers, history that is shared and not copied, retention.
 */
#include <stdio.h>

#include "base/err.h"
#include "store/db.h"
#include "store/messages_search.h"
#include "tests/unit/store/world.h"

static struct store_session new_session(struct store_tx *tx, enum session_kind kind, struct str key)
{
	struct store_session s = { .key = key,
				   .session = { .kind = kind, .created_by = STR("p") } };

	CHECK_OK(store_session_add(tx, &s));
	return s;
}

static int64_t say(struct store_tx *tx, struct store_session *s, const char *text)
{
	struct store_message m = { .message = { .kind = MESSAGE_KIND_TEXT,
						.from = STR("user:u"),
						.text = str_from(text) } };

	CHECK_OK(store_message_add(tx, s, &m));
	return m.message.seq;
}

static const struct store_message_filter everything = { .kinds = 0xff, .limit = 200 };

/* "1 2 3": the seqs that a page holds. */
static struct str seqs(struct world *w, const struct message_list *list)
{
	struct str text = STR("");

	for (size_t i = 0; i < list->n; i++)
		text = str_fmt(&w->arena, "%.*s%s%lld", STR_ARG(text), i ? " " : "",
			       (long long)list->v[i].seq);
	return text;
}

TEST(sessions_have_one_of_each_key_and_any_number_of_groups)
{
	WORLD_OPEN(w);
	struct store_session found;
	struct store_tx tx;
	struct str pair;

	CHECK_INT(world_write_begin(&w, &tx), 0);
	pair = store_session_pair(&w.arena, STR("user:b"), STR("agent:a"));
	CHECK_STR(pair, "agent:a user:b");
	CHECK(str_eq(pair, store_session_pair(&w.arena, STR("agent:a"), STR("user:b"))));
	new_session(&tx, SESSION_KIND_DIRECT, pair);
	new_session(&tx, SESSION_KIND_GROUP, STR_NONE);
	new_session(&tx, SESSION_KIND_GROUP, STR_NONE);
	CHECK_OK(store_session_by_key(&tx, SESSION_KIND_DIRECT, pair, &found));
	CHECK_STR(found.session.short_id, "s-1");
	CHECK_INT(store_session_by_key(&tx, SESSION_KIND_IDEA, pair, &found), STORE_NONE);
	CHECK_INT(store_session_find(&tx, STR("s-0"), &found), STORE_NONE);
	CHECK_INT(store_session_find(&tx, STR("s-x"), &found), STORE_NONE);
	CHECK_OK(store_session_find(&tx, STR("s-3"), &found));
	CHECK_INT(world_write_end(&w), 0);
}

TEST(m7_messages_are_dense_and_read_in_order_both_ways)
{
	WORLD_OPEN(w);
	struct message_list page;
	struct store_session s;
	struct store_tx tx;
	int64_t next;
	bool has_more;

	CHECK_INT(world_write_begin(&w, &tx), 0);
	s = new_session(&tx, SESSION_KIND_GROUP, STR_NONE);
	for (int i = 1; i <= 7; i++)
		CHECK_INT(say(&tx, &s, "x"), i);
	struct store_message_filter f = { .kinds = 0xff, .limit = 3 };

	CHECK_OK(store_message_after(&tx, &s, &f, 0, &page, &next, &has_more));
	CHECK_STR(seqs(&w, &page), "1 2 3");
	CHECK_INT(next, 3);
	CHECK(has_more);
	CHECK_OK(store_message_after(&tx, &s, &f, 6, &page, &next, &has_more));
	CHECK_STR(seqs(&w, &page), "7");
	CHECK_INT(next, 7);
	CHECK(!has_more);
	CHECK_OK(store_message_after(&tx, &s, &f, 9, &page, &next, &has_more));
	CHECK_INT(next, 9);
	CHECK_OK(store_message_before(&tx, &s, &f, 0, &page, &next));
	CHECK_STR(seqs(&w, &page), "5 6 7");
	CHECK_INT(next, 5);
	CHECK_OK(store_message_before(&tx, &s, &f, 5, &page, &next));
	CHECK_STR(seqs(&w, &page), "2 3 4");
	CHECK_OK(store_message_before(&tx, &s, &f, next, &page, &next));
	CHECK_STR(seqs(&w, &page), "1");
	CHECK_INT(next, 0);
	CHECK_INT(world_write_end(&w), 0);
}

TEST(c7_a_fork_shares_its_history_however_deep)
{
	WORLD_OPEN(w);
	struct message_list page;
	struct store_session s, last;
	struct store_message m;
	struct store_tx tx;
	int64_t next, rows = 0;
	bool has_more;

	CHECK_INT(world_write_begin(&w, &tx), 0);
	s = new_session(&tx, SESSION_KIND_GROUP, STR_NONE);
	for (int i = 0; i < 3; i++)
		say(&tx, &s, "of the first");
	last = s;
	for (int i = 1; i <= SESSION_DEPTH_MAX; i++) {
		struct store_session child = { .parent = last.n,
					       .depth = i,
					       .forked = last.session.last - 1,
					       .session = { .kind = SESSION_KIND_GROUP,
							    .created_by = STR("p") } };

		CHECK_OK(store_session_add(&tx, &child));
		say(&tx, &child, "of a later one");
		say(&tx, &child, "of a later one too");
		last = child;
	}
	CHECK_OK(store_message_after(&tx, &last, &everything, 0, &page, &next, &has_more));
	CHECK_INT(page.n, last.session.last);
	for (size_t i = 0; i < page.n; i++)
		CHECK_INT(page.v[i].seq, (int64_t)i + 1);
	CHECK_STR(page.v[1].text, "of the first");
	CHECK_STR(page.v[2].text, "of a later one");
	CHECK_OK(store_message_before(&tx, &last, &everything, 4, &page, &next));
	CHECK_STR(seqs(&w, &page), "1 2 3");
	CHECK_OK(store_message_get(&tx, &last, 1, &m));
	CHECK_STR(m.message.text, "of the first");
	CHECK_INT(store_message_get(&tx, &last, 0, &m), STORE_NONE);
	CHECK_INT(store_message_get(&tx, &last, last.session.last + 1, &m), STORE_NONE);
	CHECK_OK(store_message_floor(&tx, &last, &next));
	CHECK_INT(next, 1);
	CHECK_OK(db_exec_i64(tx.db, "select count(*) from session_messages", &rows));
	CHECK_INT(rows, 3 + 2 * SESSION_DEPTH_MAX);
	CHECK_INT(world_write_end(&w), 0);
}

TEST(messages_never_change)
{
	WORLD_OPEN(w);
	struct store_session s;
	struct store_tx tx;

	CHECK_INT(world_write_begin(&w, &tx), 0);
	s = new_session(&tx, SESSION_KIND_GROUP, STR_NONE);
	say(&tx, &s, "as it was said");
	CHECK(db_exec(tx.db, "update session_messages set text = 'another'") < 0);
	err_forget();
	store_rollback(w.store);
}

struct searching {
	size_t n_asked;
};

static int may_all(void *data, int64_t session, bool *out, struct str *title)
{
	struct searching *s = data;

	s->n_asked++;
	*out = true;
	*title = STR("t");
	return 0;
}

static size_t n_found(struct store_tx *tx, const char *text, const struct store_session *s)
{
	struct searching data = { 0 };
	struct store_message_query q = {
		.text = str_from(text), .session = s, .max = 50, .may = may_all, .data = &data
	};
	struct store_message_found found;

	CHECK_OK(store_message_search(tx, &q, &found));
	return found.hits.n;
}

static void housekeep(struct world *w)
{
	int64_t next = 0;

	do
		CHECK_OK(store_housekeep(w->store, &next));
	while (next < 100);
	clock_advance(&w->clock, 1500);
}

TEST(m12_messages_go_by_age_or_beyond_so_many_and_their_words_with_them)
{
	WORLD(w);
	struct store_session s;
	struct str_list wrong;
	struct store_tx tx;
	int64_t floor;

	w.o.keep_messages_rows = 100;
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_INT(world_write_begin(&w, &tx), 0);
	s = new_session(&tx, SESSION_KIND_GROUP, STR_NONE);
	say(&tx, &s, "東京 in the beginning");
	for (int i = 0; i < 149; i++)
		say(&tx, &s, "later");
	CHECK_INT(n_found(&tx, "beginning", &s), 1);
	CHECK_INT(n_found(&tx, "東京", NULL), 1);
	CHECK_INT(world_write_end(&w), 0);
	housekeep(&w);
	CHECK_INT(world_write_begin(&w, &tx), 0);
	CHECK_OK(store_message_floor(&tx, &s, &floor));
	CHECK_INT(floor, 51);
	CHECK_INT(n_found(&tx, "beginning", &s), 0);
	CHECK_INT(n_found(&tx, "東京", NULL), 0);
	CHECK_INT(n_found(&tx, "later", &s), 50);
	CHECK_INT(world_write_end(&w), 0);
	clock_advance(&w.clock, w.o.keep_messages_ms + 2000);
	housekeep(&w);
	CHECK_INT(world_write_begin(&w, &tx), 0);
	CHECK_OK(store_message_floor(&tx, &s, &floor));
	CHECK_INT(floor, 151);
	CHECK_INT(n_found(&tx, "later", NULL), 0);
	CHECK_INT(say(&tx, &s, "dense all the same"), 151);
	CHECK_OK(store_check(&tx, false, &wrong));
	CHECK_INT(wrong.n, 0);
	CHECK_INT(world_write_end(&w), 0);
}

TEST(m12_events_go_beyond_so_many_whatever_their_age)
{
	WORLD(w);

	w.o.keep_events_rows = 100;
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_INT(world_fill(&w, 700, 10), 0);
	housekeep(&w);
	CHECK_INT(world_head(&w), 700);
	CHECK_INT(world_floor(&w), 601);
}
