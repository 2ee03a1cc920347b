/* SPDX-License-Identifier: Apache-2.0 */
/* Making a database and bringing an older one up to date. The version is the number of the last
 * migration, kept where a migration's own transaction writes it: each is whole or not there. */
#include "store/store_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/fd.h"

int store_schema_version(void)
{
	return sql_migrations[sql_n_migrations - 1].version;
}

int store_version_check(struct db *db, const char *path, int64_t *out_version,
			struct store_problem *p)
{
	int64_t version, application;
	int e = db_exec_i64(db, "pragma application_id", &application);

	if (!e)
		e = db_exec_i64(db, "pragma user_version", &version);
	if (e)
		return err_trace(e);
	if (application != STORE_APPLICATION_ID || version < 1)
		return store_problem_set(p, STORE_FOREIGN,
					 "'%s' is not a questd database (application id 0x%08llx)",
					 path, (unsigned long long)application);
	if (version > store_schema_version())
		return store_problem_set(
		    p, STORE_NEWER,
		    "database '%s' was written by a newer questd (schema %lld, this one "
		    "knows up to %d); install that questd, or restore a backup from before",
		    path, (long long)version, store_schema_version());
	*out_version = version;
	return 0;
}

static int after_statement(void)
{
	return FAIL_POINT("store_migrate_statement");
}

/* Rebuilding a table needs foreign keys off, which only works outside a transaction; they are
 * checked as a whole before the commit instead. */
static int run_migration(struct db *db, const struct sql_migration *m)
{
	int64_t n_broken;
	char text[64];
	int e = db_exec_each(db, m->text, after_statement);

	(void)snprintf(text, sizeof(text), "pragma user_version = %d", m->version);
	if (!e)
		e = db_exec(db, text);
	if (!e)
		e = db_exec_i64(db, "select count(*) from pragma_foreign_key_check", &n_broken);
	if (e)
		return err_trace(e);
	if (n_broken > 0)
		return err_new(ERR_CORRUPT, "migration %s leaves %lld broken references", m->name,
			       (long long)n_broken);
	return FAIL_POINT("store_migrate_before");
}

static int migrate_from(struct db *db, int64_t version)
{
	int e = db_exec(db, "pragma foreign_keys = off");

	if (e)
		return err_trace(e);
	for (size_t i = 0; i < sql_n_migrations; i++) {
		if (sql_migrations[i].version <= version)
			continue;
		e = db_begin(db, true);
		if (!e)
			e = run_migration(db, &sql_migrations[i]);
		if (!e)
			e = db_commit(db);
		if (e) {
			db_rollback(db);
			return err_trace(e);
		}
	}
	return err_trace(db_exec(db, "pragma foreign_keys = on"));
}

static int fill(struct db *db)
{
	char generation[STORE_NAME_MAX], text[96];
	int e;

	/* nobody relies on it before put_in_place() has synced all of it */
	(void)snprintf(text, sizeof(text), "pragma synchronous = off; pragma application_id = %d",
		       STORE_APPLICATION_ID);
	id_random_text(generation, 8);
	e = db_exec(db, text);
	if (!e)
		e = migrate_from(db, 0);
	return e ? err_trace(e) : err_trace(store_mint(db, 1, str_from(generation)));
}

static int put_in_place(struct store *s, const char *temp)
{
	CLEANUP(fd_close) int fd = open(temp, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_sys("cannot sync '%s'", temp);
	if (rename(temp, s->o.database) != 0)
		return err_sys("cannot rename '%s' to '%s'", temp, s->o.database);
	return err_trace(fd_sync_dir(s->folder));
}

int store_create(struct store *s)
{
	const char *temp = s->fresh;
	struct db *db = NULL;
	int e;

	store_file_remove(temp); /* of a start that was cut off */
	e = db_open(temp, DB_WRITER | DB_CREATE, &db);
	if (!e)
		e = fill(db);
	if (!e)
		e = db_fold_log(db);
	db_close(db);
	if (!e)
		e = put_in_place(s, temp);
	if (e)
		store_file_remove(temp);
	return err_trace(e);
}

static int backup_before(struct store *s)
{
	char stamp[CLOCK_RFC3339_MAX], name[64];
	const char *path;
	int e;

	if (!s->o.backups)
		return 0;
	clock_format(stamp, clock_wall_ms(s->o.clock));
	(void)snprintf(name, sizeof(name), "/auto-%.4s%.2s%.2sT%.2s%.2s%.2s%.3sZ-before-v%d.db",
		       stamp, stamp + 5, stamp + 8, stamp + 11, stamp + 14, stamp + 17, stamp + 20,
		       store_schema_version());
	path = store_path(&s->arena, s->o.backups, name);
	if (!path)
		return err_nomem();
	e = fd_mkdir_all(s->o.backups, 0700);
	if (!e)
		e = store_backup_now(s, path);
	if (!e)
		store_prune_backups(
		    s); /* a start that fails again and again must not fill the disk */
	return err_trace(e);
}

static const struct {
	enum sql_id twins;
	const char *are, *verb;
} named[] = {
	{ SQL_IDEA_TWINS, "ideas", "ideas.update" },
	{ SQL_USER_TWINS, "users", "users.update" },
	{ SQL_AGENT_TWINS, "agents", "agents.update" },
};

/* Names that a migration found to be one: their owners stay, somebody has to choose. */
static int tell_twins(struct store *s)
{
	int e = 0;

	for (size_t i = 0; !e && i < ARRAY_LEN(named); i++) {
		struct db_stmt *q;

		e = db_stmt(s->writer, named[i].twins, &q);
		while (!e && (e = db_step(q)) == DB_ROW) {
			store_warn(s,
				   "%s '%.*s' and '%.*s' differ only in case or accents' encoding: "
				   "rename one of them (%s) or delete it",
				   named[i].are, STR_ARG(db_str(q, 0)), STR_ARG(db_str(q, 1)),
				   named[i].verb);
			e = 0;
		}
	}
	return err_trace(e);
}

int store_migrate(struct store *s, struct store_problem *p)
{
	int64_t version = 0;
	int e = store_version_check(s->writer, s->o.database, &version, p);

	if (e || version == store_schema_version())
		return err_trace(e);
	e = backup_before(s);
	if (!e)
		e = migrate_from(s->writer, version);
	return e ? err_trace(e) : err_trace(tell_twins(s));
}
