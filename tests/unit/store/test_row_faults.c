/* SPDX-License-Identifier: Apache-2.0 */
/* F-08 and F-13 for what the server asks of rows by itself, with no verb between: each statement,
 * each row and each piece of memory fails once; the caller is told, what was done is undone, and
 * the same works when nothing fails. */
#include <stdio.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "store/agents.h"
#include "store/audit.h"
#include "store/events.h"
#include "store/firings.h"
#include "store/keys.h"
#include "store/quests.h"
#include "store/quests_graph.h"
#include "store/roles_graph.h"
#include "store/tasks_change.h"
#include "store/tasks_links.h"
#include "store/tasks_ready.h"
#include "store/tasks_times.h"
#include "store/workers.h"
#include "tests/unit/store/world.h"

static const char no_id[] = "01890000-0000-7000-8000-000000000000";

/* ---- the queue: 2 waits for 1 and 3 for 2 no more, 2 failed once and was completed then ---- */

static void add_task(struct store_tx *tx)
{
	struct store_queue q = { 0 };
	struct store_task t = { .begins_at = tx->steady_ms,
				.token = STR("token"),
				.task = { .state = TASK_STATE_READY,
					  .lease_ms = 1000,
					  .on_failed = ON_FAILED_WAIT,
					  .claimed_by = STR("ann"),
					  .created_by = STR("owner") } };

	CHECK_OK(store_queue_have(tx, STR("default"), &q));
	t.queue = q.n;
	t.needs = q.plain;
	CHECK_OK(store_task_enter(tx, &t));
	CHECK_OK(store_task_add(tx, &t));
	if (t.n > 1)
		CHECK_OK(store_task_depend(tx, t.n, t.n - 1, false));
	CHECK_OK(store_task_recount(tx, &t));
	if (t.n != 2)
		return;
	CHECK_OK(store_task_claim(tx, &t, true));
	CHECK_OK(store_task_attempt_add(tx, &t, &(struct task_error){ .ended = 1 }));
	CHECK_OK(store_task_complete(tx, &t, STR("1")));
}

static void add_audit(struct store_tx *tx)
{
	struct audit_entry row = { .principal = STR("ann"),
				   .verb = STR("a.b"),
				   .seq = 8,
				   .hash = STR("h"),
				   .outcome = AUDIT_OUTCOME_DONE };

	CHECK_OK(store_meta_set(tx, STR("audit_floor"), STR("7 hash")));
	CHECK_OK(store_audit_add(tx, &row));
	row.seq++;
	CHECK_OK(store_audit_add(tx, &row));
	CHECK_OK(store_audit_reads_add(tx, 1, STR("ann"), 1));
	CHECK_OK(store_audit_reads_add(tx, 1, STR("bob"), 1));
}

static int add_firing(struct store_tx *tx)
{
	struct action call = { .verb = STR("quests.create"), .params = STR("{}") };
	const struct action_list calls = { &call, 1 };
	struct store_event_new event = { STR("a.b"), STR("ann"), STR_NONE, STR("{}") };
	struct store_firing f = { .calls = &calls,
				  .by_kind = PRINCIPAL_KIND_OWNER,
				  .by = STR("uid:1"),
				  .source = FIRING_SOURCE_SUBSCRIPTION,
				  .source_id = STR("01890000-0000-7000-8000-000000000001"),
				  .depth = 1 };
	int e = store_event_add(tx, &event, &f.event);

	return e ? e : store_firing_add(tx, &f, tx->steady_ms);
}

static bool make_company(struct world *w)
{
	struct store_role r = { .role = { .title = STR("seat"),
					  .type = ROLE_TYPE_OPERATIONAL,
					  .created_by = STR("owner") } };
	struct store_tx tx;

	if (!CHECK_OK(world_write_begin(w, &tx)))
		return false;
	for (int i = 0; i < 3; i++)
		add_task(&tx);
	CHECK_OK(store_role_add(&tx, &r));
	CHECK_OK(add_firing(&tx));
	add_audit(&tx);
	return CHECK_OK(world_write_end(w));
}

/* ---- what is asked ---- */

static int ask_times(struct store_tx *tx)
{
	int64_t due = -7, wake = -7;
	int e = store_task_next_times(tx, &due, &wake);

	if (e)
		CHECK(due == -7 && wake == -7);
	return e;
}

static int ask_work(struct store_tx *tx)
{
	bool has_work = true;
	int e = store_queue_has_work(tx, &has_work);

	CHECK(has_work); /* so it is, and so it stays where it cannot be read */
	return e;
}

static int ask_firing(struct store_tx *tx)
{
	struct store_firing f;
	struct store_task t;
	int e = store_firing_next(tx, &f, &t);

	if (e == 0)
		e = store_firing_get(tx, f.n, &f);
	return e ? e : store_firing_calls(tx, &t, &f);
}

static int ask_firings(struct store_tx *tx)
{
	struct store_n_list list;
	int64_t queue;
	bool is_it = false;
	int e = store_firings_queue(tx, &queue);

	if (e == 0)
		e = store_firings_of_event(tx, 1, 5, &list);
	if (e == 0)
		e = store_events_of_firing(tx, 4, 5, &list);
	if (e == 0)
		e = store_firings_have_room(tx, &is_it);
	if (e == 0)
		e = store_firing_is_open(tx, 4, &is_it);
	return e ? e : store_firings_wait(tx, &is_it);
}

static int ask_connections(struct store_tx *tx)
{
	bool has_any = true;
	int e = store_worker_has_connection(tx, &has_any);

	CHECK_INT(has_any, e != 0);
	return e ? e : store_worker_forget_connections(tx);
}

static int ask_removal(struct store_tx *tx)
{
	struct store_task t;
	int e = store_task_get_n(tx, 2, &t);

	return e ? e : store_task_remove(tx, &t);
}

static int ask_links(struct store_tx *tx)
{
	struct store_task_brief_list open;
	struct task_error_list errors;
	struct store_n_list ns;
	bool is_waiting;
	int e = store_task_waits_for(tx, 3, 1, &is_waiting);

	if (!e)
		e = store_task_open_dependencies(tx, 3, 5, &open);
	if (!e)
		e = store_task_attempts(tx, 2, &errors);
	if (!e)
		e = store_task_dependents(tx, 1, &ns);
	if (!e)
		e = store_task_settle(tx, 3, 2);
	return e ? e : store_task_look_soon(tx, 3, TASK_REASON_DEPENDENCY);
}

static int ask_audit(struct store_tx *tx)
{
	struct store_audit_head head;
	struct audit_entry row = { .principal = STR("ann"),
				   .verb = STR("a.b"),
				   .outcome = AUDIT_OUTCOME_DONE };
	int e = store_audit_head(tx, &head);

	row.seq = head.seq + 1;
	row.hash = STR("hash");
	if (!e)
		e = store_audit_add(tx, &row);
	if (!e)
		e = store_audit_floor(tx, &head);
	return e ? e : store_audit_reads_add(tx, 1, STR("ann"), 1);
}

static int ask_audit_pages(struct store_tx *tx)
{
	struct store_audit_filter f = { .limit = 1 };
	struct audit_entry_list page;
	int64_t after;
	int e = store_audit_page(tx, &f, &page, &after);

	return e ? e : store_audit_reads_page(tx, 0, STR(""), 1, &page);
}

static int ask_authority(struct store_tx *tx)
{
	struct role_node_list tree;
	bool is_above;
	int e = store_seat_above_role(tx, STR("ann"), 1, &is_above);

	if (!e)
		e = store_seat_above_occupant(tx, STR("ann"), STR("bob"), &is_above);
	if (!e)
		e = store_agent_is_below(tx, 1, str_from(no_id), &is_above);
	if (!e)
		e = store_key_is_live(tx, 1, &is_above);
	return e ? e : store_role_tree(tx, 0, 5, &tree, &is_above);
}

/* Nothing of the kind is there: that is an answer, not a fault. */
static int none_is_fine(int e)
{
	return e == STORE_NONE ? 0 : e;
}

static int ask_quests(struct store_tx *tx)
{
	struct store_dependent_list dependents;
	struct store_quest_key key;
	struct store_quest q;
	int64_t failed;
	int e = none_is_fine(store_quest_get(tx, str_from(no_id), &q));

	if (!e)
		e = none_is_fine(store_quest_key(tx, str_from(no_id), &key));
	if (!e)
		e = none_is_fine(store_quest_failed_dependency(tx, 1, &failed));
	return e ? e : store_quest_dependents(tx, 1, &dependents);
}

static const struct {
	const char *name;
	int (*ask)(struct store_tx *tx);
} questions[] = {
	{ "times", ask_times },
	{ "work", ask_work },
	{ "a firing", ask_firing },
	{ "firings", ask_firings },
	{ "one more firing", add_firing },
	{ "connections", ask_connections },
	{ "removal", ask_removal },
	{ "links", ask_links },
	{ "audit", ask_audit },
	{ "audit pages", ask_audit_pages },
	{ "authority", ask_authority },
	{ "quests", ask_quests },
};

/* ---- each place fails once ---- */

enum { SWALLOWED = 1000 };

/* Asks with the n-th hit of a point failing, and undoes it; 0: there was no n-th, and all went
 * well. */
static int attempt(struct world *w, size_t question, const char *point, int n)
{
	struct store_tx tx;
	char fp[64];
	bool has_failed;
	int e;

	arena_reset(&w->arena);
	CHECK_OK(world_write_begin(w, &tx));
	snprintf(fp, sizeof(fp), "%s:%d*return", point, n);
	fail_points_set(fp);
	e = questions[question].ask(&tx);
	has_failed = fail_points_have_acted();
	fail_points_set(NULL);
	if (has_failed && e == 0) /* who asks looks at the arena too */
		e = tx.arena->is_out ? -ERR_NOMEM : SWALLOWED;
	else if (!has_failed)
		e = CHECK_OK(e) ? 0 : SWALLOWED;
	err_forget();
	store_rollback(w->store);
	return e;
}

TEST(f_13_what_the_server_asks_of_rows_says_what_fails_and_works_the_next_time)
{
	static const char *const points[] = { "db_stmt", "db_step", "arena_alloc" };
	enum { N_MAX = 500 };
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	if (!make_company(&w))
		return;
	for (size_t q = 0; q < ARRAY_LEN(questions); q++)
		for (size_t k = 0; k < ARRAY_LEN(points); k++) {
			int n = 1, e;

			for (; CHECK(n < N_MAX) && (e = attempt(&w, q, points[k], n)) != 0; n++)
				if (!CHECK(e < 0)) {
					printf("  %s: %s %d: %d\n", questions[q].name, points[k], n,
					       e);
					break;
				}
		}
}
