/* SPDX-License-Identifier: Apache-2.0 */
/* Firings as rows beside their tasks. */
#include "store/firings.h"

#include "base/err.h"
#include "base/json.h"
#include "store/db.h"
#include "store/news.h"
#include "store/pack.h"
#include "store/rows.h"
#include "store/tasks_change.h"
#include "store/tasks_links.h"
#include "store/tasks_ready.h"

#define LEASE_MS 60000 /* never looked at: a claim ends in the savepoint in which it began */

/* What the table's numbers stand for. */
_Static_assert(FIRING_SOURCE_SUBSCRIPTION == 1 && FIRING_SOURCE_SCHEDULE == 2 &&
		   FIRING_SOURCE_HOOK == 3 && FIRING_SOURCE_CHANNEL == 4,
	       "firings.source");
_Static_assert(PRINCIPAL_KIND_OWNER == 1 && PRINCIPAL_KIND_ANONYMOUS == 2 &&
		   PRINCIPAL_KIND_USER == 3 && PRINCIPAL_KIND_AGENT == 4 &&
		   PRINCIPAL_KIND_WORKER == 5 && PRINCIPAL_KIND_PLATFORM == 6,
	       "firings.by_kind");

/* ---- adding ---- */

/* The event with which it began: that of the firing that made this one's event, if there is one. */
static int find_root(struct store_tx *tx, int64_t event, int64_t *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_FIRING_ROOT_OF_EVENT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, event);
	e = row_i64(s, out);
	if (e == 0 && *out == 0)
		*out = event;
	return err_trace(e);
}

static int describe(struct store_tx *tx, const struct store_firing *f, int64_t root,
		    struct str *out)
{
	struct firing_trace trace = {
		.id = str_fmt(tx->arena, "%.*s.%lld", STR_ARG(tx->generation), (long long)root),
		.source = f->source,
		.source_id = f->source_id,
		.event_seq = f->event,
		.depth = f->depth,
	};
	struct firing firing = { .calls = *f->calls, .by = f->by, .trace = &trace };

	return trace.id.p ? err_trace(pack_object(tx->arena, &firing_shape, &firing, out))
			  : err_nomem();
}

/* With on_failed run it is over however it ended. */
static int add_task(struct store_tx *tx, struct store_task *t, int64_t after, int64_t at_ms)
{
	bool is_later = at_ms > tx->now_ms;
	int e = 0;

	t->task.state = is_later || after ? TASK_STATE_PENDING : TASK_STATE_READY;
	t->wake_at = t->task.scheduled_for = is_later ? at_ms : 0;
	t->task.has_scheduled_for = is_later;
	t->dependencies = t->task.open_dependencies = after != 0;
	t->task.has_open_dependencies = after != 0;
	if (t->task.state == TASK_STATE_READY)
		e = store_task_enter(tx, t);
	if (e == 0)
		e = store_task_add(tx, t);
	if (e == 0)
		e = store_task_entered(tx, t);
	if (e || !after)
		return err_trace(e);
	return err_trace(store_task_depend(tx, t->n, after, true));
}

static int add_row(struct store_tx *tx, const struct store_firing *f, int64_t task, int64_t root)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_FIRING_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, task);
	db_bind_i64(s, 2, f->source);
	db_bind_str(s, 3, f->source_id);
	db_bind_i64(s, 4, f->event);
	db_bind_i64(s, 5, root);
	db_bind_i64(s, 6, f->depth);
	db_bind_i64(s, 7, f->by_kind);
	db_bind_str(s, 8, f->by);
	db_bind_str(s, 9, f->by_key);
	return err_trace(row_run(tx, s));
}

int store_firing_add(struct store_tx *tx, struct store_firing *f, int64_t at_ms)
{
	struct store_queue q;
	struct store_task t;
	struct str payload;
	int64_t root;
	int e = store_queue_have_own(tx, FIRINGS_QUEUE, &q);

	if (e == 0 && store_queue_waiting(&q) >= q.queue.max_pending)
		return STORE_TOO_MANY;
	if (e == 0)
		e = find_root(tx, f->event, &root);
	if (e == 0)
		e = describe(tx, f, root, &payload);
	if (e)
		return err_trace(e);
	t = (struct store_task){ .queue = q.n,
				 .needs = q.plain,
				 .begins_at = tx->steady_ms,
				 .keep_ms = q.queue.keep_ms,
				 .ageing_ms = q.queue.ageing_ms,
				 .task = { .queue = q.queue.name,
					   .subject = f->subject,
					   .payload = payload,
					   .on_failed = ON_FAILED_RUN,
					   .lease_ms = LEASE_MS,
					   .retry = (struct task_retry *)f->retry,
					   .created_by = f->by } };
	e = add_task(tx, &t, f->after, at_ms);
	if (e)
		return err_trace(e);
	tx->news->has_firings = true;
	f->n = t.n;
	f->root = root;
	return err_trace(add_row(tx, f, t.n, root));
}

/* ---- reading ---- */

int store_firing_get(struct store_tx *tx, int64_t task, struct store_firing *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_FIRING_GET, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, task);
	e = db_step(s);
	if (e != DB_ROW)
		return e ? err_trace(e) : STORE_NONE;
	*out = (struct store_firing){
		.source = (enum firing_source)db_i64(s, 0),
		.source_id = db_str_dup(s, 1, tx->arena),
		.event = db_i64(s, 2),
		.root = db_i64(s, 3),
		.depth = db_i64(s, 4),
		.by_kind = (enum principal_kind)db_i64(s, 5),
		.by = db_str_dup(s, 6, tx->arena),
		.by_key = db_str_dup(s, 7, tx->arena),
		.n = task,
	};
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_firing_calls(struct store_tx *tx, struct store_task *t, struct store_firing *out)
{
	void *firing;
	int e = store_task_payload(tx, t);

	if (e == 0)
		e = unpack_object(tx->arena, &firing_shape, t->task.payload, &firing);
	if (e == 0 && !firing)
		e = err_new(ERR_CORRUPT, "a firing has no payload");
	if (e == 0)
		out->calls = &((struct firing *)firing)->calls;
	return err_trace(e);
}

/* Results may be long: what is not told is not kept in `a`. */
int store_firing_gave(struct arena *a, struct str result, struct str_list *out)
{
	CLEANUP(arena_deinit) struct arena scratch;
	const struct json *calls;
	struct json v;
	int e;

	arena_init(&scratch, 0);
	e = json_parse(&scratch, result, &v, NULL);
	calls = e ? NULL : json_get(&v, STR("calls"));
	if (e < 0 || !calls || calls->type != JSON_ARRAY)
		return e < 0 ? err_trace(e) : 0;
	*out = (struct str_list){ ARENA_ARRAY(a, calls->n + 1, struct str), 0 };
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; i < calls->n; i++) {
		const struct json *given = json_get(&calls->items[i], STR("result"));
		struct str id = json_get_str(given, STR("short_id"));

		if (!id.p)
			id = json_get_str(given, STR("id"));
		out->v[out->n++] = id.p ? str_dup(a, str_utf8_prefix(id, 64)) : STR("");
	}
	return 0;
}

int store_firing_next(struct store_tx *tx, struct store_firing *out, struct store_task *out_task)
{
	const struct store_offer nothing = { .worker = 0 };
	struct store_queue q;
	int64_t n;
	int e = store_queue_get(tx, FIRINGS_QUEUE, &q);

	if (e || q.queue.paused)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = store_task_next(tx, &q, &nothing, &n);
	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = store_task_get_n(tx, n, out_task);
	if (e == 0)
		e = store_firing_get(tx, n, out);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a firing is missing");
	return err_trace(store_firing_calls(tx, out_task, out));
}

static int list(struct store_tx *tx, enum sql_id id, int64_t n, size_t max,
		struct store_n_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, (int64_t)max);
	return err_trace(row_i64_list(tx, s, max, out));
}

int store_firings_of_event(struct store_tx *tx, int64_t seq, size_t max, struct store_n_list *out)
{
	return err_trace(list(tx, SQL_FIRINGS_OF_EVENT, seq, max, out));
}

int store_events_of_firing(struct store_tx *tx, int64_t task, size_t max, struct store_n_list *out)
{
	return err_trace(list(tx, SQL_EVENTS_OF_FIRING, task, max, out));
}

int store_firings_queue(struct store_tx *tx, int64_t *out)
{
	struct store_queue q;
	int e = store_queue_get(tx, FIRINGS_QUEUE, &q);

	*out = e == 0 ? q.n : 0;
	return e < 0 ? err_trace(e) : 0;
}

int store_firings_wait(struct store_tx *tx, bool *out)
{
	struct store_queue q;
	int e = store_queue_get(tx, FIRINGS_QUEUE, &q);

	*out = e == 0 && q.queue.ready && !q.queue.paused;
	return e < 0 ? err_trace(e) : 0;
}

int store_firings_have_room(struct store_tx *tx, bool *out)
{
	struct store_queue q;
	int e = store_queue_get(tx, FIRINGS_QUEUE, &q);

	*out = e || store_queue_waiting(&q) < q.queue.max_pending;
	return e < 0 ? err_trace(e) : 0;
}

int store_firing_is_open(struct store_tx *tx, int64_t task, bool *out)
{
	struct store_task t;
	int e = task ? store_task_get_n(tx, task, &t) : STORE_NONE;

	*out = e == 0 && !store_task_is_over(t.task.state);
	return e < 0 ? err_trace(e) : 0;
}
