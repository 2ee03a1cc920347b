/* SPDX-License-Identifier: Apache-2.0 */
/* Restore, while no server runs: the backup is copied beside the database and checked there, what
 * is in its place gets a second name, and one rename puts the copy in. A crash at any point leaves
 * either database whole under the name. */
#include "store/store_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/fd.h"

static int unusable(struct store_problem *p, const char *backup, int e)
{
	struct err_report report;

	if (err_class(e) == ERR_NOMEM || err_class(e) == ERR_FULL)
		return e;
	err_take(e, &report);
	return store_problem_set(p, err_class(e) == ERR_CORRUPT ? STORE_DAMAGED : STORE_NO_ACCESS,
				 "backup '%s' cannot be used: %s; nothing was changed", backup,
				 report.text);
}

static int copy_all(struct db *from, const char *temp)
{
	enum { PAGES = 10000 };
	struct db_backup *copy;
	int64_t done, all;
	int e;

	store_file_remove(temp);
	e = db_backup_new(from, temp, &copy);
	if (e)
		return err_trace(e);
	do
		e = db_backup_step(copy, PAGES, &done, &all);
	while (e == DB_BACKUP_MORE);
	db_backup_free(copy);
	return err_trace(e);
}

/* From the backup, looked at as closely as a start would, into temp. */
static int copy_backup(struct store *s, const char *backup, const char *temp,
		       struct store_problem *p)
{
	const char *log = store_path(&s->arena, backup, "-wal");
	enum store_file file = STORE_FILE_MISSING;
	struct db *db = NULL;
	int64_t version;
	int e = log ? store_file_look(s, backup, &file, p) : err_nomem();

	if (e)
		return err_trace(e);
	if (file == STORE_FILE_MISSING)
		return store_problem_set(p, STORE_NO_ACCESS, "there is no backup at '%s'", backup);
	e = db_open(backup, store_file_exists(log) ? DB_READER : DB_READER | DB_IMMUTABLE, &db);
	if (!e)
		e = store_version_check(db, backup, &version, p);
	if (!e)
		e = store_verify(db);
	if (!e)
		e = copy_all(db, temp);
	db_close(db);
	return e < 0 ? unusable(p, backup, e) : e;
}

/* New numbers for a new future; a counter above all that was here. */
static int renew(const char *temp, char generation[STORE_NAME_MAX], int64_t counter)
{
	struct db *db = NULL;
	int e = db_open(temp, DB_WRITER, &db);

	id_random_text(generation, 8);
	if (!e)
		e = store_mint(db, counter, str_from(generation));
	if (!e)
		e = db_fold_log(db);
	db_close(db);
	return err_trace(e);
}

/* A sound database takes its log in before it is put aside, so that it is one file. */
static void fold_log(const struct store *s)
{
	struct db *db = NULL;

	if (db_open(s->o.database, DB_WRITER, &db) || db_fold_log(db))
		err_forget(); /* damaged: its log goes aside with it */
	db_close(db);
}

static int sync_file(const char *path)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || fsync(fd) != 0 ? err_sys("cannot sync '%s'", path) : 0;
}

static const char *name_aside(struct store *s)
{
	char stamp[CLOCK_RFC3339_MAX];

	clock_format(stamp, clock_wall_ms(s->o.clock));
	return str_fmt(&s->arena, "%s.replaced-%.4s%.2s%.2sT%.2s%.2s%.2s%.3sZ", s->o.database,
		       stamp, stamp + 5, stamp + 8, stamp + 11, stamp + 14, stamp + 17, stamp + 20)
	    .p;
}

static int put_aside(struct store *s)
{
	const char *aside = name_aside(s);
	const char *log_aside = aside ? store_path(&s->arena, aside, "-wal") : NULL;

	if (!log_aside)
		return err_nomem();
	fold_log(s);
	if (link(s->o.database, aside) != 0 && errno != ENOENT)
		return err_sys("cannot keep '%s' as '%s'", s->o.database, aside);
	/* An old log beside the new database would be taken for its own. */
	if (rename(s->log, log_aside) != 0 && errno != ENOENT)
		return err_sys("cannot keep '%s' as '%s'", s->log, log_aside);
	if (unlink(s->index) != 0 && errno != ENOENT)
		return err_sys("cannot remove '%s'", s->index);
	return err_trace(fd_sync_dir(s->folder));
}

static int swap(struct store *s, const char *temp)
{
	int e = sync_file(temp);

	if (!e)
		e = put_aside(s);
	if (!e)
		e = FAIL_POINT("store_restore_before");
	if (e)
		return err_trace(e);
	if (rename(temp, s->o.database) != 0)
		return err_sys("cannot put '%s' in place", s->o.database);
	return err_trace(fd_sync_dir(s->folder));
}

static int restore(struct store *s, const char *backup, struct store_problem *p)
{
	const char *temp = s->restored;
	int e = fd_mkdir_all(s->folder, 0700);

	if (!e)
		e = store_lock_take(s, p);
	if (!e)
		e = copy_backup(s, backup, temp, p);
	if (e)
		return e < 0 ? store_problem_of(s, e, p) : e;
	e = store_sidecar_counter(s, &s->counter);
	if (!e)
		e = renew(temp, s->generation, ++s->counter);
	if (!e)
		e = swap(s, temp);
	if (!e)
		e = store_sidecar_write(s, true);
	if (e)
		store_file_remove(temp);
	return e < 0 ? store_problem_of(s, e, p) : e;
}

int store_restore(const struct store_options *o, const char *backup, struct store_problem *problem)
{
	struct store *s;
	int e;

	*problem = (struct store_problem){ 0 };
	e = store_new(o, &s);
	if (e)
		return err_trace(e);
	e = restore(s, backup, problem);
	store_free(s);
	return err_trace(e);
}
