/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store: folder, lock, file, migrations, soundness, identity; and closing it. Whatever
 * stops it leaves the files as they were. */
#include "store/store_state.h"

#include <assert.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static int open_writer(struct store *s, struct store_problem *p)
{
	int e = db_open(s->o.database, DB_WRITER, &s->writer);

	if (!e)
		e = store_migrate(s, p);
	return e < 0 ? store_problem_of(s, e, p) : e;
}

/* Without a log nothing can change under us, so that no lock and no shared memory are needed: a
 * read-only file system has neither. With one, SQLite reads it through its own side files. */
static int open_read_only(struct store *s, bool is_log_missing, struct db **out,
			  struct store_problem *p)
{
	struct db *db;
	int64_t version = 0;
	int e;

	s->read_flags = is_log_missing ? DB_READER | DB_IMMUTABLE : DB_READER;
	e = db_open(s->o.database, s->read_flags, &db);
	if (e)
		return store_problem_of(s, e, p);
	e = store_version_check(db, s->o.database, &version, p);
	if (!e && version < store_schema_version())
		e = store_problem_set(
		    p, STORE_NO_ACCESS,
		    "database '%s' has schema %lld and must be brought to %d first: start "
		    "once without --read-only",
		    s->o.database, (long long)version, store_schema_version());
	if (e) {
		db_close(db);
		return e < 0 ? store_problem_of(s, e, p) : e;
	}
	*out = db;
	return 0;
}

static int check_soundness(struct store *s, struct db *db, struct store_problem *p)
{
	struct stat st;
	int e;

	if (stat(s->o.database, &st) != 0)
		return store_problem_of(s, err_sys("cannot look at '%s'", s->o.database), p);
	s->device = st.st_dev;
	s->inode = st.st_ino;
	if (st.st_size > s->o.check_bytes) {
		store_warn(s,
			   "the database has %lld MiB: the quick check at start was left out; run "
			   "questd call system.check",
			   (long long)st.st_size >> 20);
		return 0;
	}
	e = store_verify(db);
	return e ? store_problem_damaged(s, e, p) : 0;
}

/* The file is there, ours as far as its header tells, and the lock is held. */
static int open_file(struct store *s, bool is_log_missing, struct store_problem *p)
{
	struct db *reader = NULL;
	int e = s->o.read_only ? open_read_only(s, is_log_missing, &reader, p) : open_writer(s, p);

	if (!e)
		e = check_soundness(s, s->writer ? s->writer : reader, p);
	if (!e)
		e = store_identify(s, s->writer ? s->writer : reader, is_log_missing);
	db_close(reader);
	return e < 0 ? store_problem_of(s, e, p) : e;
}

static int open_all(struct store *s, struct store_problem *p)
{
	enum store_file file = 0;
	bool is_log_missing;
	int e = s->o.read_only ? 0 : fd_mkdir_all(s->folder, 0700);

	if (!e)
		e = store_lock_take(s, p);
	if (!e)
		e = store_file_access(s, p);
	if (!e)
		e = store_file_look(s, s->o.database, &file, p);
	if (!e && !s->o.read_only)
		store_file_drop_index(s);
	if (e)
		return e < 0 ? store_problem_of(s, e, p) : e;
	if (file == STORE_FILE_MISSING && s->o.read_only)
		return store_problem_set(p, STORE_NO_ACCESS,
					 "there is no database at '%s' to be read", s->o.database);
	is_log_missing = s->o.read_only ? !store_file_exists(s->log) : access(s->log, F_OK) != 0;
	if (file == STORE_FILE_MISSING) {
		e = store_create(s);
		is_log_missing = false; /* there was none to miss */
	}
	if (!e)
		e = open_file(s, is_log_missing, p);
	return e < 0 ? store_problem_of(s, e, p) : e;
}

int store_open(const struct store_options *o, struct store **out, struct store_problem *problem)
{
	struct store *s;
	int e;

	*problem = (struct store_problem){ 0 };
	e = store_new(o, &s);
	if (e)
		return err_trace(e);
	e = open_all(s, problem);
	if (err_class(e) == ERR_FULL && store_file_exists(s->ballast)) {
		/* What the reserve is for: a full disk must not keep the store from being opened.
		 */
		store_ballast_release(s);
		db_close(TAKE_PTR(s->writer));
		fd_close(&s->lock_fd);
		e = open_all(s, problem);
	}
	if (e) {
		store_free(s);
		return err_trace(e);
	}
	if (s->o.read_only)
		atomic_store(&s->state, STORE_READ_ONLY);
	else
		store_ballast_make(s);
	*out = s;
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	assert(atomic_load(&s->n_readers) == 0);
	if (s->writer && !atomic_load(&s->is_lost)) {
		db_rollback(s->writer);
		/* What fails here is found, or made up for, at the next start. */
		if (store_count(s, true) < 0)
			err_forget();
	}
	return store_free(s);
}
