/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions as rows. */
#include "store/subscriptions.h"

#include "base/err.h"
#include "store/db.h"
#include "store/interest.h"
#include "store/pack.h"
#include "store/rows.h"

#define PREFIX    "s-"
#define PATHS_MAX 32 /* ways to tell the subscriptions of a key apart */

/* What the table's numbers stand for. */
_Static_assert(SUBSCRIPTION_STATE_ACTIVE == 1 && SUBSCRIPTION_STATE_STOPPED == 2,
	       "subscriptions.state");

/* Columns of subscription_by_n. */
enum {
	COL_N,
	COL_ID,
	COL_NAME,
	COL_STATE,
	COL_STOP_REASON,
	COL_KIND,
	COL_SUBJECT,
	COL_SOURCE,
	COL_RULE,
	COL_COUNT,
	COL_WINDOW,
	COL_COOLDOWN,
	COL_MAX_PER_MINUTE,
	COL_PATH,
	COL_VALUE,
	COL_SINCE,
	COL_BY_KIND,
	COL_BY,
	COL_BY_KEY,
	COL_CREATED_AT,
	COL_UPDATED_AT,
	COL_FIRED,
	COL_FAILED,
	COL_SUPPRESSED,
	COL_FIRED_AT,
	COL_MINUTE,
	COL_IN_MINUTE,
	COL_LAST_ERROR
};

struct str store_subscription_short_id(struct arena *a, int64_t n)
{
	return n ? str_fmt(a, PREFIX "%lld", (long long)n) : STR_NONE;
}

/* ---- reading ---- */

static void read_counts(struct db_stmt *s, struct arena *a, struct subscription *out)
{
	out->fired = db_i64(s, COL_FIRED);
	out->failed = db_i64(s, COL_FAILED);
	out->suppressed = db_i64(s, COL_SUPPRESSED);
	out->has_suppressed = out->suppressed > 0;
	out->fired_at = db_i64(s, COL_FIRED_AT);
	out->has_fired_at = !db_is_null(s, COL_FIRED_AT);
	out->last_error = db_str_dup(s, COL_LAST_ERROR, a);
}

static void read_limits(struct db_stmt *s, struct subscription *out)
{
	out->count = db_i64(s, COL_COUNT);
	out->has_count = out->count > 1;
	out->window_s = db_i64(s, COL_WINDOW) / 1000;
	out->has_window_s = out->window_s > 0;
	out->cooldown_s = db_i64(s, COL_COOLDOWN) / 1000;
	out->has_cooldown_s = out->cooldown_s > 0;
	out->max_per_minute = db_i64(s, COL_MAX_PER_MINUTE);
	out->has_max_per_minute = true;
}

static int read_rule(struct store_tx *tx, struct str text, struct subscription *out)
{
	struct subscription_rule *rule;
	void *p = NULL;
	int e = unpack_object(tx->arena, &subscription_rule_shape, text, &p);

	rule = p;
	if (e || !rule)
		return e ? err_trace(e) : err_nomem();
	out->where = rule->where;
	out->calls = rule->calls;
	out->retry = rule->retry;
	return 0;
}

static int read_row(struct store_tx *tx, struct db_stmt *s, struct store_subscription *out)
{
	struct arena *a = tx->arena;
	struct subscription *u = &out->subscription;

	*out = (struct store_subscription){
		.n = db_i64(s, COL_N),
		.key = { db_str_dup(s, COL_PATH, a), db_str_dup(s, COL_VALUE, a) },
		.since = db_i64(s, COL_SINCE),
		.by_kind = (enum principal_kind)db_i64(s, COL_BY_KIND),
		.by_key = db_str_dup(s, COL_BY_KEY, a),
		.minute = db_i64(s, COL_MINUTE),
		.in_minute = db_i64(s, COL_IN_MINUTE),
	};
	*u = (struct subscription){
		.id = db_str_dup(s, COL_ID, a),
		.short_id = store_subscription_short_id(a, out->n),
		.name = db_str_dup(s, COL_NAME, a),
		.state = (enum subscription_state)db_i64(s, COL_STATE),
		.stop_reason = db_str_dup(s, COL_STOP_REASON, a),
		.kind = db_str_dup(s, COL_KIND, a),
		.subject = db_str_dup(s, COL_SUBJECT, a),
		.source = db_str_dup(s, COL_SOURCE, a),
		.created_by = db_str_dup(s, COL_BY, a),
		.created_at = db_i64(s, COL_CREATED_AT),
		.updated_at = db_i64(s, COL_UPDATED_AT),
	};
	read_limits(s, u);
	read_counts(s, a, u);
	return err_trace(read_rule(tx, db_str_dup(s, COL_RULE, a), u));
}

int store_subscription_get_n(struct store_tx *tx, int64_t n, struct store_subscription *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	e = db_step(s);
	if (e != DB_ROW)
		return e ? err_trace(e) : STORE_NONE;
	e = read_row(tx, s, out);
	db_reset(s);
	if (e)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

static int find_n(struct store_tx *tx, enum sql_id id, struct str text, int64_t *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, text);
	return err_trace(row_i64(s, out));
}

static int64_t short_id_n(struct str id)
{
	int64_t n = 0;

	if (!str_starts(id, STR(PREFIX)) || !str_to_i64(str_slice(id, 2, id.n), &n) || n < 1)
		return 0;
	return n;
}

int store_subscription_find(struct store_tx *tx, struct str who, struct store_subscription *out)
{
	int64_t n = short_id_n(who);
	int e = n ? 0 : find_n(tx, SQL_SUBSCRIPTION_N_OF_ID, who, &n);

	if (e == 0 && !n)
		e = find_n(tx, SQL_SUBSCRIPTION_N_OF_NAME, who, &n);
	if (e)
		return err_trace(e);
	return n ? store_subscription_get_n(tx, n, out) : STORE_NONE;
}

static enum sql_id page_of(enum subscription_state state)
{
	if (state == SUBSCRIPTION_STATE_STOPPED)
		return SQL_SUBSCRIPTION_PAGE_STOPPED;
	return state == SUBSCRIPTION_STATE_ACTIVE ? SQL_SUBSCRIPTION_PAGE_ACTIVE
						  : SQL_SUBSCRIPTION_PAGE;
}

int store_subscription_page(struct store_tx *tx, const struct store_subscription_filter *f,
			    struct store_subscription **out, size_t *out_n, int64_t *out_after)
{
	struct store_n_list ns;
	struct db_stmt *s;
	int e = db_stmt(tx->db, page_of(f->state), &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, f->after);
	db_bind_i64(s, 2, (int64_t)f->limit + 1);
	e = row_i64_list(tx, s, f->limit + 1, &ns);
	if (e)
		return err_trace(e);
	*out_n = MIN(ns.n, f->limit);
	*out_after = ns.n > f->limit ? ns.v[f->limit - 1] : 0;
	*out = ARENA_ARRAY(tx->arena, f->limit, struct store_subscription);
	if (!*out)
		return err_nomem();
	for (size_t i = 0; e == 0 && i < *out_n; i++)
		e = store_subscription_get_n(tx, ns.v[i], &(*out)[i]);
	return e > 0 ? err_new(ERR_CORRUPT, "a subscription is missing") : err_trace(e);
}

/* ---- writing ---- */

/* Numbers are given in order, so that they need not be counted until so many were given. */
static int check_room(struct store_tx *tx)
{
	int64_t n = 0;
	int e = row_first_i64(tx, SQL_SUBSCRIPTION_NEWEST, &n);

	if (e == 0 && n >= SUBSCRIPTIONS_MAX)
		e = row_first_i64(tx, SQL_SUBSCRIPTION_NUMBER, &n);
	return e ? err_trace(e) : n >= SUBSCRIPTIONS_MAX ? STORE_TOO_MANY : 0;
}

/* A key whose subscriptions are told apart in very many ways would cost each of its events as many
 * looks: those of further ways are looked at with each event. */
static int limit_paths(struct store_tx *tx, struct str key, struct store_interest_key *wanted)
{
	struct str path = STR("");
	int n = 0, e = 0;

	while (n < PATHS_MAX && (e = store_interest_next_path(tx, key, path, &path)) == 0) {
		if (str_eq(path, wanted->path))
			return 0;
		n++;
	}
	if (n == PATHS_MAX)
		*wanted = (struct store_interest_key){ STORE_INTEREST_ANY, STR("") };
	return e == STORE_NONE ? 0 : err_trace(e);
}

static int bind_new(struct store_tx *tx, struct db_stmt *s, const struct store_subscription *new)
{
	const struct subscription *u = &new->subscription;
	struct subscription_rule rule = { .where = u->where, .calls = u->calls, .retry = u->retry };
	struct str text = STR_NONE;
	int e = pack_object(tx->arena, &subscription_rule_shape, &rule, &text);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, u->id);
	db_bind_str(s, 2, u->name);
	db_bind_str(s, 3, u->kind);
	db_bind_str(s, 4, u->subject);
	db_bind_str(s, 5, u->source);
	db_bind_str(s, 6, text);
	db_bind_i64(s, 7, u->count);
	db_bind_i64(s, 8, u->window_s * 1000);
	db_bind_i64(s, 9, u->cooldown_s * 1000);
	db_bind_i64(s, 10, u->max_per_minute);
	db_bind_str(s, 11, store_interest_key_of(u->kind));
	db_bind_str(s, 12, new->key.path);
	db_bind_str(s, 13, new->key.value);
	db_bind_i64(s, 14, new->since);
	db_bind_i64(s, 15, new->by_kind);
	db_bind_str(s, 16, u->created_by);
	db_bind_str(s, 17, new->by_key);
	db_bind_i64(s, 18, u->created_at);
	return 0;
}

static int insert(struct store_tx *tx, struct store_subscription *new)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_ADD, &s);

	if (e == 0)
		e = bind_new(tx, s, new);
	if (e == 0)
		e = row_insert(tx, s, &new->n);
	if (e == DB_CONSTRAINT)
		return STORE_SUBSCRIPTION_NAMED;
	if (e == 0)
		e = row_run_one(tx, SQL_SUBSCRIPTION_COUNTS_ADD, new->n);
	return err_trace(e);
}

int store_subscription_add(struct store_tx *tx, struct store_subscription *new)
{
	struct subscription *u = &new->subscription;
	int64_t floor;
	int e = check_room(tx);

	if (e)
		return e;
	u->id = row_new_id(tx);
	if (!u->id.p)
		return err_nomem();
	u->state = SUBSCRIPTION_STATE_ACTIVE;
	u->created_at = u->updated_at = tx->now_ms;
	e = store_event_bounds(tx, &floor, &new->since);
	if (e == 0)
		e = limit_paths(tx, store_interest_key_of(u->kind), &new->key);
	if (e == 0)
		e = insert(tx, new);
	if (e)
		return err_trace(e);
	store_interest_changed(tx->interest);
	return store_subscription_get_n(tx, new->n, new);
}

int store_subscription_delete(struct store_tx *tx, int64_t n)
{
	store_interest_changed(tx->interest);
	return err_trace(row_run_one(tx, SQL_SUBSCRIPTION_DELETE, n));
}

int store_subscription_stop(struct store_tx *tx, int64_t n, struct str reason)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_STOP, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, reason);
	db_bind_i64(s, 3, tx->now_ms);
	store_interest_changed(tx->interest);
	return err_trace(row_run(tx, s));
}

/* ---- what they did ---- */

int store_subscription_count(struct store_tx *tx, const struct store_subscription *u)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_COUNT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, u->n);
	db_bind_i64(s, 2, u->subscription.fired);
	db_bind_i64(s, 3, u->subscription.suppressed);
	row_bind_time(s, 4, u->subscription.has_fired_at, u->subscription.fired_at);
	db_bind_i64(s, 5, u->minute);
	db_bind_i64(s, 6, u->in_minute);
	return err_trace(row_run(tx, s));
}

int store_subscription_failed(struct store_tx *tx, int64_t n, struct str error)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_FAILED, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, error);
	return err_trace(row_run(tx, s));
}

static int add_hit(struct store_tx *tx, int64_t n, const struct event *event)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_HIT_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, event->seq);
	db_bind_i64(s, 3, event->time);
	return err_trace(row_run(tx, s));
}

static int forget_far_hits(struct store_tx *tx, int64_t n, int64_t time_ms, int64_t window_ms)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_HITS_FAR, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, time_ms - window_ms);
	db_bind_i64(s, 3, time_ms + window_ms);
	return err_trace(row_run(tx, s));
}

int store_subscription_hit(struct store_tx *tx, int64_t n, const struct event *event,
			   int64_t window_ms, int64_t *out)
{
	struct db_stmt *s;
	int e = add_hit(tx, n, event);

	if (e == 0)
		e = forget_far_hits(tx, n, event->time, window_ms);
	if (e == 0)
		e = db_stmt(tx->db, SQL_SUBSCRIPTION_HITS_NUMBER, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(row_i64(s, out));
}

int store_subscription_drop_hit(struct store_tx *tx, int64_t n)
{
	return err_trace(row_run_one(tx, SQL_SUBSCRIPTION_HITS_DROP_FIRST, n));
}

int store_subscription_forget_hits(struct store_tx *tx, int64_t n)
{
	return err_trace(row_run_one(tx, SQL_SUBSCRIPTION_HITS_FORGET, n));
}

/* ---- events that are to be held against them ---- */

int store_match_first(struct store_tx *tx, struct store_match *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_MATCH_FIRST, &s);

	if (e)
		return err_trace(e);
	e = db_step(s);
	if (e == DB_ROW)
		*out = (struct store_match){ db_i64(s, 0), db_i64(s, 1), db_i64(s, 2) };
	db_reset(s);
	if (e == 0)
		store_interest_matched(tx->interest);
	return e == DB_ROW ? 0 : e ? err_trace(e) : STORE_NONE;
}

int store_matches_wait(struct store_tx *tx, bool *out)
{
	int64_t seq;
	int e = row_first_i64(tx, SQL_MATCH_FIRST, &seq);

	*out = e == 0 && seq;
	return err_trace(e);
}

int store_match_go_on(struct store_tx *tx, int64_t seq, int64_t after)
{
	return err_trace(row_set(tx, SQL_MATCH_GO_ON, seq, after));
}

int store_match_end(struct store_tx *tx, int64_t seq)
{
	return err_trace(row_run_one(tx, SQL_MATCH_END, seq));
}

struct gathering {
	struct store_tx *tx;
	int64_t after;
	size_t max;
	struct store_n_list all; /* sorted, at most max */
};

/* Both are sorted, and none is in both: a subscription has one key. */
static int merge(struct gathering *g, const struct store_n_list *more)
{
	struct store_n_list old = g->all;
	size_t i = 0, k = 0;

	if (!more->n)
		return 0;
	g->all = (struct store_n_list){ ARENA_ARRAY(g->tx->arena, g->max, int64_t), 0 };
	if (!g->all.v)
		return err_nomem();
	while (g->all.n < g->max && (i < old.n || k < more->n)) {
		bool is_old = k == more->n || (i < old.n && old.v[i] < more->v[k]);

		g->all.v[g->all.n++] = is_old ? old.v[i++] : more->v[k++];
	}
	return 0;
}

static int gather(struct gathering *g, struct str key, struct str path, struct str value)
{
	struct store_n_list more;
	struct db_stmt *s;
	int e = db_stmt(g->tx->db, SQL_SUBSCRIPTION_CANDIDATES, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, key);
	db_bind_str(s, 2, path);
	db_bind_str(s, 3, value);
	db_bind_i64(s, 4, g->after);
	db_bind_i64(s, 5, (int64_t)g->max);
	e = row_i64_list(g->tx, s, g->max, &more);
	return e ? err_trace(e) : err_trace(merge(g, &more));
}

int store_match_candidates(struct store_tx *tx, const struct event *event,
			   const struct json *payload, int64_t after, size_t max,
			   struct store_n_list *out)
{
	struct gathering g = { .tx = tx, .after = after, .max = max };
	struct str keys[STORE_KEYS_MAX];
	size_t n = store_interest_keys(event->kind, keys);
	int e = 0;

	for (size_t i = 0; i < n && e >= 0; i++) {
		struct str path = STR("");

		while ((e = store_interest_next_path(tx, keys[i], path, &path)) == 0) {
			struct str value = store_interest_value(tx->arena, path, event->subject,
								payload);

			if (value.p && (e = gather(&g, keys[i], path, value)))
				break;
		}
	}
	*out = g.all;
	return e < 0 ? err_trace(e) : 0;
}
