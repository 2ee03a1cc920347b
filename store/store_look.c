/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a database that no server has open: is it there, ours, not newer, and sound? It takes
 * no lock, so that it never stands in a server's way, and changes nothing: whoever asks makes sure
 * that no server has begun to write meanwhile before believing what is found. */
#include "store/store_state.h"

static int look_inside(struct store *s, struct store_problem *p)
{
	unsigned flags = store_file_exists(s->log) ? DB_READER : DB_READER | DB_IMMUTABLE;
	struct db *db;
	int64_t version;
	int e = db_open(s->o.database, flags, &db);

	if (e)
		return err_trace(e);
	e = store_version_check(db, s->o.database, &version, p);
	if (!e)
		e = store_verify(db);
	db_close(db);
	return e < 0 ? err_trace(e) : e;
}

int store_look(const struct store_options *o, bool *is_there, struct store_problem *problem)
{
	enum store_file file = 0;
	struct store *s;
	int e;

	*problem = (struct store_problem){ 0 };
	e = store_new(o, &s);
	if (e)
		return err_trace(e);
	e = store_file_access(s, problem);
	if (!e)
		e = store_file_look(s, s->o.database, &file, problem);
	*is_there = file == STORE_FILE_THERE;
	if (!e && *is_there)
		e = look_inside(s, problem);
	if (e < 0)
		e = store_problem_of(s, e, problem);
	store_free(s);
	return e < 0 ? err_trace(e) : e;
}

int64_t store_look_keys(const struct store_options *o)
{
	struct store *s;
	struct db *db = NULL;
	int64_t n = 0;

	if (store_new(o, &s)) {
		err_forget();
		return 0;
	}
	unsigned flags = store_file_exists(s->log) ? DB_READER : DB_READER | DB_IMMUTABLE;
	int e = db_open(s->o.database, flags, &db);

	if (!e)
		e = db_exec_i64(db, "select count(*) from keys where revoked_at is null", &n);
	if (e) /* an older database has no such table */
		err_forget();
	db_close(db);
	store_free(s);
	return e ? 0 : n;
}
