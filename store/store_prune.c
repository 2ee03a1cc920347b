/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: events, replies and messages go from the front, by age or beyond so many, so that the
 * outbox keeps one floor; automatic backups go oldest first. */
#include "store/store_state.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/rows.h"

enum { PRUNE_ROWS = 500 /* at a time */, BACKUPS_MAX = 1000 };

/* So long a delivery to a hook or channel is known again: longer than any sender tries. */
#define KEEP_DELIVERIES_MS ((int64_t)30 * 24 * 3600 * 1000)

struct prune {
	enum sql_id front, delete;
	int64_t keep_ms;
	enum sql_id anchor; /* before the rows go: what hangs on them, or what they leave */
	bool has_anchor;
	int64_t keep_rows; /* 0 = any number */
	enum sql_id head;  /* the newest row's key: keys are dense */
};

/* Rows go that are older, or whose key is at most this. */
struct limit {
	int64_t before_ms, key;
};

/* The longest run of rows from the front that go: adds their number and gives the last one's key.
 */
static int find_front(struct store *s, enum sql_id id, const struct limit *limit, int64_t *last,
		      size_t *n)
{
	struct db_stmt *q;
	int e = db_stmt(s->writer, id, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, PRUNE_ROWS);
	while ((e = db_step(q)) == DB_ROW &&
	       (db_i64(q, 1) < limit->before_ms || db_i64(q, 0) <= limit->key)) {
		*last = db_i64(q, 0);
		++*n;
	}
	db_reset(q);
	return e == DB_ROW ? 0 : err_trace(e);
}

static int run_with(struct store *s, enum sql_id id, int64_t last)
{
	struct db_stmt *q;
	int e = db_stmt(s->writer, id, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, last);
	return err_trace(db_run_sure(q));
}

static int delete_front(struct store *s, const struct prune *p, int64_t last)
{
	int e = db_begin(s->writer, true);

	if (e)
		return err_trace(e);
	if (p->has_anchor)
		e = run_with(s, p->anchor, last);
	if (!e)
		e = run_with(s, p->delete, last);
	if (!e)
		e = db_commit(s->writer);
	if (e) {
		db_rollback(s->writer);
		return err_trace(e);
	}
	atomic_fetch_add(&s->n_commits, 1);
	atomic_fetch_add(&s->version, 1);
	return 0;
}

static int find_limit(struct store *s, const struct prune *p, struct limit *out)
{
	int64_t head = 0;
	struct db_stmt *q;
	int e;

	*out = (struct limit){ 0 };
	if (p->keep_ms > 0)
		out->before_ms = clock_wall_ms(s->o.clock) - p->keep_ms;
	if (p->keep_rows <= 0)
		return 0;
	e = db_stmt(s->writer, p->head, &q);
	if (e == 0)
		e = row_i64(q, &head);
	out->key = head - p->keep_rows;
	return err_trace(e);
}

static int prune_one(struct store *s, const struct prune *p, bool *has_more)
{
	struct limit limit;
	int64_t last = 0;
	size_t n = 0;
	int e = find_limit(s, p, &limit);

	if (e == 0)
		e = find_front(s, p->front, &limit, &last, &n);
	if (e || n == 0)
		return err_trace(e);
	*has_more |= n == PRUNE_ROWS;
	return err_trace(delete_front(s, p, last));
}

int store_prune(struct store *s, bool *has_more)
{
	const struct prune kinds[] = {
		{ .front = SQL_EVENT_FRONT,
		  .delete = SQL_EVENT_PRUNE,
		  .keep_ms = s->o.keep_events_ms,
		  .keep_rows = s->o.keep_events_rows,
		  .head = SQL_EVENT_HEAD },
		{ SQL_REPLY_FRONT, SQL_REPLY_PRUNE, s->o.keep_replies_ms },
		{ SQL_AUDIT_FRONT, SQL_AUDIT_PRUNE, s->o.keep_audit_ms, SQL_AUDIT_ANCHOR, true },
		{ SQL_AUDIT_READS_FRONT, SQL_AUDIT_READS_PRUNE, s->o.keep_audit_ms },
		{ .front = SQL_MESSAGE_FRONT,
		  .delete = SQL_MESSAGE_PRUNE,
		  .anchor = SQL_MESSAGE_WORDS_PRUNE,
		  .has_anchor = true,
		  .keep_ms = s->o.keep_messages_ms,
		  .keep_rows = s->o.keep_messages_rows,
		  .head = SQL_MESSAGE_HEAD },
		{ SQL_HOOK_DELIVERY_FRONT, SQL_HOOK_DELIVERY_PRUNE, KEEP_DELIVERIES_MS },
		{ SQL_CHANNEL_DELIVERY_FRONT, SQL_CHANNEL_DELIVERY_PRUNE, KEEP_DELIVERIES_MS },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int e = prune_one(s, &kinds[i], has_more);

		if (e)
			return err_trace(e);
	}
	return 0;
}

static int by_name_descending(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*y, *x);
}

/* Automatic backups beyond the newest keep_backups; their names rise with time. */
void store_prune_backups(struct store *s)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	struct str_list names;
	struct dirent *entry;
	DIR *d = s->o.backups ? opendir(s->o.backups) : NULL;

	if (!d)
		return;
	arena_init(&a, 1 << 20);
	names = (struct str_list){ ARENA_ARRAY(&a, BACKUPS_MAX, struct str), 0 };
	while (names.v && names.n < BACKUPS_MAX && (entry = readdir(d))) {
		struct str name = str_from(entry->d_name);

		if (str_starts(name, STR("auto-")) && str_ends(name, STR(".db")))
			names.v[names.n++] = str_dup(&a, name);
	}
	if (names.n > 1 && !a.is_out)
		qsort(names.v, names.n, sizeof(names.v[0]), by_name_descending);
	for (size_t i = (size_t)MAX(s->o.keep_backups, 1); i < names.n && !a.is_out; i++)
		(void)unlinkat(dirfd(d), names.v[i].p, 0); /* tried again in an hour */
	(void)closedir(d);                                 /* only read */
}
