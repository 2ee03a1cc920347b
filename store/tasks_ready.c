/* SPDX-License-Identifier: Apache-2.0 */
/* Which ready task a claim gets. */
#include "store/tasks_ready.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "store/pack.h"
#include "store/rows.h"

/* Without ageing a step of priority is worth more than any wait: 2^43 ms are 278 years. */
#define STEP_MS ((int64_t)1 << 43)

/* ---- words ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void store_words_sort(struct str_list *list)
{
	size_t n = 0;

	if (list->n > 1)
		qsort(list->v, list->n, sizeof(*list->v), by_text);
	for (size_t i = 0; i < list->n; i++)
		if (!n || !str_eq(list->v[n - 1], list->v[i]))
			list->v[n++] = list->v[i];
	list->n = n;
}

bool store_words_within(struct str_list part, struct str_list whole)
{
	size_t i = 0;

	for (size_t k = 0; k < part.n; k++) {
		while (i < whole.n && str_cmp(whole.v[i], part.v[k]) < 0)
			i++;
		if (i == whole.n || !str_eq(whole.v[i], part.v[k]))
			return false;
	}
	return true;
}

/* ---- needs ---- */

static bool is_plain(const struct store_needs *needs)
{
	return !needs->assignee && needs->capabilities.n == 0 && needs->tags.n == 0;
}

static struct str or_empty(struct str s)
{
	return s.p ? s : STR("");
}

static int find_needs(struct store_tx *tx, int64_t queue, struct store_needs *needs,
		      const struct str packed[2])
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_NEEDS_BY_TEXT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, queue);
	db_bind_i64(s, 2, needs->assignee);
	db_bind_str(s, 3, or_empty(packed[0]));
	db_bind_str(s, 4, or_empty(packed[1]));
	e = db_step(s);
	if (e == DB_ROW)
		needs->n = db_i64(s, 0);
	db_reset(s);
	return e < 0 ? err_trace(e) : e == DB_ROW ? 0 : STORE_NONE;
}

static int add_needs(struct store_tx *tx, struct store_queue *q, struct store_needs *needs,
		     const struct str packed[2])
{
	struct db_stmt *s;
	int e;

	if (q->n_needs >= QUEUE_NEEDS_MAX)
		return STORE_TOO_MANY;
	e = db_stmt(tx->db, SQL_TASK_NEEDS_ADD, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, q->n);
	row_bind_key(s, 2, needs->assignee);
	db_bind_str(s, 3, packed[0]);
	db_bind_str(s, 4, packed[1]);
	e = row_insert_sure(tx, s, &needs->n);
	if (e)
		return err_trace(e);
	q->n_needs++;
	return err_trace(row_set(tx, SQL_QUEUE_COUNT_NEEDS, q->n, 1));
}

int store_needs_have(struct store_tx *tx, struct store_queue *q, struct store_needs *needs)
{
	struct str packed[2];
	int e;

	if (is_plain(needs)) {
		needs->n = q->plain;
		return 0;
	}
	store_words_sort(&needs->capabilities);
	store_words_sort(&needs->tags);
	packed[0] = pack_lines(tx->arena, needs->capabilities);
	packed[1] = pack_lines(tx->arena, needs->tags);
	if (tx->arena->is_out)
		return err_nomem();
	e = find_needs(tx, q->n, needs, packed);
	return e == STORE_NONE ? add_needs(tx, q, needs, packed) : err_trace(e);
}

int store_needs_count(struct store_tx *tx, int64_t queue, int64_t needs, int64_t more)
{
	struct store_queue q;
	struct db_stmt *s;
	int e = store_queue_get_n(tx, queue, &q);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a task's queue is missing");
	if (needs == q.plain)
		return 0;
	e = row_set(tx, SQL_TASK_NEEDS_COUNT, needs, more);
	if (e || more > 0)
		return err_trace(e);
	e = db_stmt(tx->db, SQL_TASK_NEEDS_DROP, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, needs);
	e = row_run(tx, s);
	if (e == 0 && db_changes(tx->db))
		e = row_set(tx, SQL_QUEUE_COUNT_NEEDS, queue, -1);
	return err_trace(e);
}

/* ---- concurrency keys ---- */

struct key_row {
	int64_t cap, running, lanes;
};

static int get_key(struct store_tx *tx, const struct store_task *t, struct key_row *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_KEY_GET, &s);

	*out = (struct key_row){ .cap = t->task.concurrency_limit };
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->queue);
	db_bind_str(s, 2, t->task.concurrency_key);
	e = db_step(s);
	if (e == DB_ROW)
		*out = (struct key_row){ db_i64(s, 0), db_i64(s, 1), db_i64(s, 2) };
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

static int put_key(struct store_tx *tx, const struct store_task *t, const struct key_row *k)
{
	bool is_used = k->running || k->lanes;
	struct db_stmt *s;
	int e = db_stmt(tx->db, is_used ? SQL_TASK_KEY_PUT : SQL_TASK_KEY_DROP, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->queue);
	db_bind_str(s, 2, t->task.concurrency_key);
	if (is_used) {
		db_bind_i64(s, 3, k->cap);
		db_bind_i64(s, 4, k->running);
		db_bind_i64(s, 5, k->lanes);
	}
	return err_trace(row_run(tx, s));
}

static int set_open(struct store_tx *tx, const struct store_task *t, bool is_open)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_LANES_SET_OPEN, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->queue);
	db_bind_str(s, 2, t->task.concurrency_key);
	db_bind_i64(s, 3, is_open);
	return err_trace(row_run(tx, s));
}

/* The key as it is to be; its lanes open or close with it. */
static int change_key(struct store_tx *tx, const struct store_task *t, const struct key_row *was,
		      const struct key_row *is)
{
	bool was_open = was->running < was->cap, is_open = is->running < is->cap;
	int e = put_key(tx, t, is);

	if (e == 0 && was_open != is_open && is->lanes)
		e = set_open(tx, t, is_open);
	if (e == 0 && is_open && is->running < was->running)
		store_news_room(tx, t->queue, 1);
	return err_trace(e);
}

int store_task_count_key(struct store_tx *tx, const struct store_task *t, int64_t more)
{
	struct key_row was, is;
	int e;

	if (!t->task.concurrency_key.p)
		return 0;
	e = get_key(tx, t, &was);
	if (e)
		return err_trace(e);
	is = was;
	is.running += more;
	return err_trace(change_key(tx, t, &was, &is));
}

int store_task_key_room(struct store_tx *tx, const struct store_task *t, bool *out)
{
	struct key_row k;
	int e;

	*out = true;
	if (!t->task.concurrency_key.p)
		return 0;
	e = get_key(tx, t, &k);
	*out = k.running < k.cap;
	return err_trace(e);
}

int store_task_key_holder(struct store_tx *tx, const struct store_task *t, int64_t *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_RUNNING_OF_KEY, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->queue);
	db_bind_str(s, 2, t->task.concurrency_key);
	e = db_step(s);
	if (e == DB_ROW)
		*out = db_i64(s, 0);
	db_reset(s);
	return e < 0 ? err_trace(e) : e == DB_ROW ? 0 : STORE_NONE;
}

/* ---- lanes ---- */

struct lane {
	int64_t n, ready, best_rank, best;
};

static int find_lane(struct store_tx *tx, const struct store_task *t, struct lane *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_LANE_BY_KEY, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->queue);
	db_bind_str(s, 2, t->task.concurrency_key);
	db_bind_i64(s, 3, t->needs);
	e = db_step(s);
	if (e == DB_ROW)
		*out = (struct lane){ db_i64(s, 0), db_i64(s, 1), db_i64(s, 2), db_i64(s, 3) };
	db_reset(s);
	return e < 0 ? err_trace(e) : e == DB_ROW ? 0 : STORE_NONE;
}

static int set_lane(struct store_tx *tx, const struct lane *l)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_LANE_SET, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, l->n);
	db_bind_i64(s, 2, l->ready);
	db_bind_i64(s, 3, l->best_rank);
	db_bind_i64(s, 4, l->best);
	return err_trace(row_run(tx, s));
}

static int add_lane(struct store_tx *tx, const struct store_task *t, struct lane *out)
{
	struct key_row was, is;
	struct db_stmt *s;
	int e = get_key(tx, t, &was);

	if (e)
		return err_trace(e);
	is = was;
	is.lanes++;
	is.cap = t->task.concurrency_limit; /* the newest says */
	e = change_key(tx, t, &was, &is);
	if (e == 0)
		e = db_stmt(tx->db, SQL_TASK_LANE_ADD, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->needs);
	db_bind_i64(s, 2, t->queue);
	db_bind_str(s, 3, t->task.concurrency_key);
	db_bind_i64(s, 4, is.running < is.cap);
	db_bind_i64(s, 5, INT64_MIN);
	*out = (struct lane){ .best_rank = INT64_MIN };
	e = row_insert_sure(tx, s, &out->n);
	if (e)
		return err_trace(e);
	return err_trace(row_set(tx, SQL_QUEUE_COUNT_LANES, t->queue, 1));
}

static int drop_lane(struct store_tx *tx, const struct store_task *t, int64_t lane)
{
	struct key_row was, is;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_LANE_DROP, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, lane);
	e = row_run(tx, s);
	if (e == 0)
		e = row_set(tx, SQL_QUEUE_COUNT_LANES, t->queue, -1);
	if (e == 0)
		e = get_key(tx, t, &was);
	if (e)
		return err_trace(e);
	is = was;
	is.lanes--;
	return err_trace(change_key(tx, t, &was, &is));
}

int store_task_enter(struct store_tx *tx, struct store_task *t)
{
	struct lane lane;
	int e;

	t->ready_at = tx->steady_ms;
	t->rank = t->task.priority * (t->ageing_ms ? t->ageing_ms : STEP_MS) - t->ready_at;
	store_news_task(tx, t);
	if (!t->task.concurrency_key.p)
		return 0;
	e = find_lane(tx, t, &lane);
	if (e == STORE_NONE)
		e = add_lane(tx, t, &lane);
	if (e)
		return err_trace(e);
	t->lane = lane.n;
	return t->n ? err_trace(store_task_entered(tx, t)) : 0;
}

int store_task_entered(struct store_tx *tx, const struct store_task *t)
{
	struct lane lane;
	int e;

	if (!t->lane)
		return 0;
	e = find_lane(tx, t, &lane);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a task's lane is missing");
	lane.ready++;
	if (!lane.best || t->rank > lane.best_rank ||
	    (t->rank == lane.best_rank && t->n < lane.best)) {
		lane.best_rank = t->rank;
		lane.best = t->n;
	}
	return err_trace(set_lane(tx, &lane));
}

struct candidate {
	int64_t n, rank;
};

static int first_of(struct store_tx *tx, enum sql_id id, int64_t owner, struct candidate *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, owner);
	e = db_step(s);
	*out = e == DB_ROW ? (struct candidate){ db_i64(s, 0), db_i64(s, 1) }
			   : (struct candidate){ 0, 0 };
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int store_task_leave(struct store_tx *tx, const struct store_task *t, int64_t lane)
{
	struct candidate first;
	struct lane l;
	int e;

	if (!lane)
		return 0;
	e = find_lane(tx, t, &l);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a task's lane is missing");
	if (l.ready == 1)
		return err_trace(drop_lane(tx, t, lane));
	l.ready--;
	e = first_of(tx, SQL_TASK_FIRST_OF_LANE, lane, &first);
	if (e)
		return err_trace(e);
	l.best = first.n;
	l.best_rank = first.rank;
	return err_trace(set_lane(tx, &l));
}

/* ---- the next ---- */

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	return a->n && (!b->n || a->rank > b->rank || (a->rank == b->rank && a->n < b->n));
}

/* The lane's own columns are n, best, best_rank. */
static int best_of_lanes(struct store_tx *tx, int64_t needs, struct candidate *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_LANE_BEST, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, needs);
	e = db_step(s);
	*out = e == DB_ROW ? (struct candidate){ db_i64(s, 1), db_i64(s, 2) }
			   : (struct candidate){ 0, 0 };
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

static int look_at(struct store_tx *tx, const struct store_queue *q, int64_t needs,
		   struct candidate *best)
{
	struct candidate c;
	int e = first_of(tx, SQL_TASK_FIRST, needs, &c);

	if (e)
		return err_trace(e);
	if (is_better(&c, best))
		*best = c;
	if (!q->n_lanes)
		return 0;
	e = best_of_lanes(tx, needs, &c);
	if (e == 0 && is_better(&c, best))
		*best = c;
	return err_trace(e);
}

static int read_needs(struct store_tx *tx, struct db_stmt *s, struct store_needs *out)
{
	struct arena *a = tx->arena;
	int e;

	*out = (struct store_needs){ .n = db_i64(s, 0), .assignee = db_i64(s, 1) };
	e = unpack_lines(a, db_str_dup(s, 2, a), &out->capabilities);
	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, 3, a), &out->tags);
	return err_trace(e);
}

static bool is_met(const struct store_needs *needs, const struct store_offer *offer)
{
	if (needs->assignee && needs->assignee != offer->worker)
		return false;
	return store_words_within(needs->capabilities, offer->capabilities) &&
	       store_words_within(offer->tags, needs->tags);
}

static int look_at_all(struct store_tx *tx, const struct store_queue *q,
		       const struct store_offer *offer, struct candidate *best)
{
	struct store_needs needs;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_NEEDS_OF_QUEUE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, q->n);
	while ((e = db_step(s)) == DB_ROW) {
		e = read_needs(tx, s, &needs);
		if (e == 0 && is_met(&needs, offer))
			e = look_at(tx, q, needs.n, best);
		if (e)
			break;
	}
	db_reset(s);
	return err_trace(e);
}

int store_task_next(struct store_tx *tx, const struct store_queue *q,
		    const struct store_offer *offer, int64_t *out)
{
	struct candidate best = { 0, 0 };
	int e;

	if (!q->queue.ready)
		return STORE_NONE;
	if (q->n_needs == 1)
		e = offer->tags.n ? 0 : look_at(tx, q, q->plain, &best);
	else
		e = look_at_all(tx, q, offer, &best);
	if (e)
		return err_trace(e);
	*out = best.n;
	return best.n ? 0 : STORE_NONE;
}
