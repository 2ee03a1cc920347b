/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the queue, where no verb comes by: limits of time, news, bounds, rows that are missing.
 */
#include "base/err.h"
#include "store/news.h"
#include "store/tasks_change.h"
#include "store/tasks_links.h"
#include "store/tasks_list.h"
#include "store/tasks_ready.h"
#include "store/tasks_times.h"
#include "store/workers.h"
#include "tests/unit/store/world.h"

/* A ready task of the default queue. */
static struct store_task add_task(struct store_tx *tx)
{
	struct store_queue q = { 0 };
	struct store_task t = { .begins_at = tx->steady_ms,
				.task = { .state = TASK_STATE_READY,
					  .lease_ms = 1000,
					  .on_failed = ON_FAILED_WAIT,
					  .created_by = STR("owner") } };

	CHECK_OK(store_queue_have(tx, STR("default"), &q));
	t.queue = q.n;
	t.needs = q.plain;
	CHECK_OK(store_task_enter(tx, &t));
	CHECK_OK(store_task_add(tx, &t));
	return t;
}

/* ---- times ---- */

TEST(task_of_its_limits_the_earliest_is_due_and_names_what_is_over)
{
	struct store_task t = { .task = { .state = TASK_STATE_IN_PROGRESS,
					  .started_at = 1000,
					  .heartbeat_at = 1000,
					  .lease_until = 9000 },
				.begins_at = 1000 };
	const struct {
		int64_t *limit, ms;
		enum task_reason reason;
	} steps[] = {
		{ &t.task.lease_until, 9000, TASK_REASON_LAPSED },
		{ &t.task.heartbeat_timeout_ms, 7000, TASK_REASON_HEARTBEAT },
		{ &t.task.start_to_close_ms, 6000, TASK_REASON_START_TO_CLOSE },
		{ &t.task.schedule_to_close_ms, 5000, TASK_REASON_SCHEDULE_TO_CLOSE },
		{ &t.task.cancel_at, 4000, TASK_REASON_CANCELLED },
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		bool is_time = steps[i].limit == &t.task.lease_until ||
			       steps[i].limit == &t.task.cancel_at;
		int64_t due = steps[i].ms + (is_time ? 0 : 1000);

		*steps[i].limit = steps[i].ms;
		t.task.has_cancel_at = t.task.cancel_at > 0;
		CHECK_INT(store_task_due_at(&t, 0), due);
		CHECK_INT(store_task_limit(&t, due - 1), TASK_REASON_NONE);
		CHECK_INT(store_task_limit(&t, due), steps[i].reason);
	}
}

TEST(task_that_nobody_holds_has_no_lease_and_is_not_cancelled_by_time)
{
	struct store_task t = { .task = { .state = TASK_STATE_AWAITING_INPUT,
					  .lease_until = 100,
					  .has_cancel_at = true,
					  .cancel_at = 100 } };

	CHECK_INT(store_task_due_at(&t, 0), 0);
	CHECK_INT(store_task_limit(&t, 1000), TASK_REASON_NONE);
	t.task.state = TASK_STATE_CLAIMED;
	t.task.lease_until = 2000;
	CHECK_INT(store_task_limit(&t, 99), TASK_REASON_NONE);
	CHECK_INT(store_task_limit(&t, 100), TASK_REASON_CANCELLED);
}

TEST(task_that_waits_to_be_started_is_due_by_its_own_limit)
{
	struct store_task t = {
		.ready_at = 1000, .task = { .state = TASK_STATE_READY, .schedule_to_start_ms = 500 }
	};

	CHECK_INT(store_task_due_at(&t, 0), 1500);
	CHECK_INT(store_task_limit(&t, 1500), TASK_REASON_SCHEDULE_TO_START);
	t.task.state = TASK_STATE_PENDING;
	CHECK_INT(store_task_due_at(&t, 0), 0);
	t.task.has_retry_at = true;
	t.task.retry_at = 700;
	CHECK_INT(store_task_due_at(&t, 0), 700);
	t.task.state = TASK_STATE_FAILED;
	t.keep_ms = 60;
	CHECK_INT(store_task_due_at(&t, 1000), 1060);
}

TEST(task_lists_of_what_is_due_stop_where_they_were_asked_to)
{
	WORLD_OPEN(w);
	struct store_n_list due;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	for (int i = 0; i < 3; i++) {
		struct store_task t = add_task(&tx);

		CHECK_OK(store_task_set_due(&tx, t.n, 1));
	}
	CHECK_OK(store_task_due(&tx, 2, &due));
	CHECK_INT(due.n, 2);
	CHECK_OK(store_task_due(&tx, 9, &due));
	CHECK_INT(due.n, 3);
	CHECK_OK(world_write_end(&w));
}

/* ---- news ---- */

TEST(task_news_of_one_kind_add_up_and_others_stand_apart)
{
	struct str a = STR("a"), b = STR("b");
	const struct store_task tasks[] = {
		{ .queue = 1 },
		{ .queue = 2 },
		{ .queue = 1, .assignee = 1 },
		{ .queue = 1, .task.capabilities = { &a, 1 } },
		{ .queue = 1, .task.capabilities = { &b, 1 } },
		{ .queue = 1, .task.capabilities = { &b, 1 }, .task.tags = { &a, 1 } },
	};
	struct store_news news = { 0 };
	struct store_tx tx = { .news = &news };

	for (int twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
			store_news_task(&tx, &tasks[i]);
	store_news_room(&tx, 1, 5);
	if (CHECK_INT(news.n_ready, ARRAY_LEN(tasks) + 1))
		for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
			CHECK_INT(news.ready[i].n, 2);
	CHECK_INT(news.ready[ARRAY_LEN(tasks)].n, 5);
	CHECK(!news.ready[ARRAY_LEN(tasks)].needs);
	CHECK(!news.is_more);
}

TEST(task_news_that_find_no_room_concern_anybody)
{
	static char long_word[300];
	struct str word = { long_word, sizeof(long_word) };
	struct store_news news = { 0 };
	struct store_tx tx = { .news = &news };
	struct store_task t = { .queue = 7, .task.capabilities = { &word, 1 } };

	memset(long_word, 'x', sizeof(long_word));
	store_news_task(&tx, &t);
	t = (struct store_task){ .queue = 7, .task.tags = { &word, 1 } };
	store_news_task(&tx, &t);
	CHECK_INT(news.n_ready, 1);
	CHECK(!news.ready[0].needs);
	CHECK_INT(news.ready[0].n, 2);
	for (int64_t queue = 100; queue < 100 + (int64_t)ARRAY_LEN(news.ready); queue++)
		store_news_room(&tx, queue, 1);
	CHECK_INT(news.n_ready, ARRAY_LEN(news.ready));
	CHECK(news.is_more);
}

/* ---- ids, states, pages ---- */

TEST(task_short_ids_are_numbers_without_leading_zeros)
{
	static const char *const ids[] = {
		"t-", "t-0", "t-01", "t-x", "t-:", "t-1x", "t-99999999999999999999", "x-1"
	};
	WORLD_OPEN(w);
	struct store_task t, found;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	t = add_task(&tx);
	CHECK_OK(store_task_get(&tx, t.task.short_id, &found));
	CHECK_INT(found.n, t.n);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		CHECK_INT(store_task_get(&tx, str_from(ids[i]), &found), STORE_NONE);
	CHECK_OK(world_write_end(&w));
}

TEST(task_that_is_not_as_it_was_read_is_not_written)
{
	WORLD_OPEN(w);
	struct store_task t;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	t = add_task(&tx);
	t.token = STR("token");
	t.task.claimed_by = STR("ann");
	CHECK_OK(store_task_claim(&tx, &t, false));
	t.token = STR("another");
	CHECK_INT(store_task_start(&tx, &t), STORE_STALE);
	CHECK_FAULT(store_task_claim(&tx, &t, false), ERR_INTERNAL);
	t.task.attempt = 9;
	CHECK_FAULT(store_task_set(&tx, &t, TASK_STATE_CLAIMED), ERR_INTERNAL);
	CHECK_OK(world_write_end(&w));
}

TEST(task_that_begins_in_no_first_state_is_refused)
{
	WORLD_OPEN(w);
	struct err_report report;
	struct store_task t;
	struct store_tx tx;
	int e;

	CHECK_OK(world_write_begin(&w, &tx));
	t = add_task(&tx);
	t.task.state = TASK_STATE_CLAIMED;
	e = store_task_add(&tx, &t);
	if (CHECK_INT(err_class(e), ERR_INTERNAL)) {
		err_take(e, &report);
		CHECK_HAS(str_from(report.text), "tasks.state");
	}
	CHECK_OK(world_write_end(&w));
}

TEST(task_pages_by_state_hold_those_of_the_state)
{
	static const enum task_state states[] = { TASK_STATE_READY, TASK_STATE_CLAIMED,
						  TASK_STATE_IN_PROGRESS, TASK_STATE_COMPLETED };
	WORLD_OPEN(w);
	struct task_line_list page;
	struct store_task t;
	struct store_tx tx;
	int64_t cursor;
	bool has_more;

	CHECK_OK(world_write_begin(&w, &tx));
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		t = add_task(&tx);
		t.token = STR("token");
		t.task.claimed_by = STR("ann");
		if (states[i] != TASK_STATE_READY)
			CHECK_OK(store_task_claim(&tx, &t, states[i] != TASK_STATE_CLAIMED));
		if (states[i] == TASK_STATE_COMPLETED)
			CHECK_OK(store_task_complete(&tx, &t, STR("1")));
	}
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct store_task_filter f = { .queue = t.queue, .state = states[i], .limit = 9 };

		cursor = 0;
		CHECK_OK(store_task_page(&tx, &f, &cursor, &page, &has_more));
		if (CHECK_INT(page.n, 1))
			CHECK_INT(page.v[0].state, states[i]);
		CHECK(!has_more);
	}
	CHECK_OK(world_write_end(&w));
}

/* ---- what hangs on them ---- */

TEST(task_waits_are_found_around_corners_and_not_looked_for_without_end)
{
	enum { CHAIN = 2001 };
	WORLD_OPEN(w);
	struct store_task t[5];
	struct store_tx tx;
	int64_t first = 0, last = 0;
	bool is_waiting;

	CHECK_OK(world_write_begin(&w, &tx));
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		t[i] = add_task(&tx);
	CHECK_OK(store_task_depend(&tx, t[0].n, t[1].n, true));
	CHECK_OK(store_task_depend(&tx, t[0].n, t[2].n, true));
	CHECK_OK(store_task_depend(&tx, t[1].n, t[3].n, true));
	CHECK_OK(store_task_depend(&tx, t[2].n, t[3].n, true));
	CHECK_OK(store_task_waits_for(&tx, t[0].n, t[3].n, &is_waiting));
	CHECK(is_waiting);
	CHECK_OK(store_task_waits_for(&tx, t[0].n, t[4].n, &is_waiting));
	CHECK(!is_waiting);
	for (int i = 0; i < CHAIN; i++) {
		int64_t next = add_task(&tx).n;

		if (last)
			CHECK_OK(store_task_depend(&tx, last, next, true));
		else
			first = next;
		last = next;
	}
	CHECK_INT(store_task_waits_for(&tx, first, t[4].n, &is_waiting), STORE_TOO_MANY);
	CHECK_OK(world_write_end(&w));
}

TEST(task_settled_twice_is_counted_once)
{
	WORLD_OPEN(w);
	struct store_task_brief_list open;
	struct store_task a, b, c;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	a = add_task(&tx);
	b = add_task(&tx);
	c = add_task(&tx);
	CHECK_OK(store_task_depend(&tx, c.n, a.n, true));
	CHECK_OK(store_task_depend(&tx, c.n, b.n, true));
	CHECK_OK(store_task_recount(&tx, &c));
	CHECK_INT(c.task.open_dependencies, 2);
	CHECK_OK(store_task_open_dependencies(&tx, c.n, 1, &open));
	CHECK_INT(open.n, 1);
	CHECK_OK(store_task_settle(&tx, c.n, a.n));
	CHECK_OK(store_task_settle(&tx, c.n, a.n));
	CHECK_OK(store_task_get_n(&tx, c.n, &c));
	CHECK_INT(c.task.open_dependencies, 1);
	CHECK_OK(world_write_end(&w));
}

TEST(task_keeps_the_last_fifty_of_its_attempts)
{
	WORLD_OPEN(w);
	struct task_error error = { .ended = TASK_REASON_LAPSED };
	struct task_error_list list;
	struct store_task t;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	t = add_task(&tx);
	for (t.task.attempt = 1; t.task.attempt <= 60; t.task.attempt++)
		CHECK_OK(store_task_attempt_add(&tx, &t, &error));
	CHECK_OK(store_task_attempts(&tx, t.n, &list));
	if (CHECK_INT(list.n, 50)) {
		CHECK_INT(list.v[0].attempt, 11);
		CHECK_INT(list.v[49].attempt, 60);
	}
	CHECK_OK(world_write_end(&w));
}

/* ---- rows that are missing ---- */

TEST(task_whose_queue_or_lane_is_missing_is_a_fault)
{
	WORLD_OPEN(w);
	struct store_task t, lost;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	t = add_task(&tx);
	t.task.concurrency_key = STR("k");
	t.lane = 99;
	CHECK_FAULT(store_needs_count(&tx, 99, t.needs, -1), ERR_CORRUPT);
	CHECK_FAULT(store_task_entered(&tx, &t), ERR_CORRUPT);
	CHECK_FAULT(store_task_leave(&tx, &t, 99), ERR_CORRUPT);
	lost = t;
	lost.n = 99;
	CHECK_FAULT(store_task_recount(&tx, &lost), ERR_INTERNAL);
	CHECK_OK(world_write_end(&w));
}
