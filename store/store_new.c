/* SPDX-License-Identifier: Apache-2.0 */
/* The store's struct, its defaults, and how what goes wrong with it is told. */
#include "store/store_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "store/interest.h"

void store_options_init(struct store_options *o)
{
	enum { DAY_MS = 86400000 };

	*o = (struct store_options){
		.ballast_bytes = 64 << 20,
		.keep_events_ms = 30 * (int64_t)DAY_MS,
		.keep_audit_ms = 365 * (int64_t)DAY_MS,
		.keep_messages_ms = 3650 * (int64_t)DAY_MS,
		.keep_events_rows = 10000000,
		.keep_messages_rows = 10000000,
		.keep_replies_ms = DAY_MS,
		.keep_backups = 7,
		.check_bytes = 64 << 20,
	};
}

int store_problem_set(struct store_problem *p, enum store_problem_kind kind, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(p->text, sizeof(p->text), fmt, args); /* cut is fine */
	va_end(args);
	p->kind = kind;
	return (int)kind;
}

int store_problem_of(struct store *s, int e, struct store_problem *p)
{
	enum store_problem_kind kind;
	struct err_report report;

	switch (err_class(e)) {
	case ERR_CORRUPT:
		return store_problem_damaged(s, e, p);
	case ERR_READONLY:
	case ERR_SYS:
		kind = STORE_NO_ACCESS;
		break;
	default:
		return e;
	}
	err_take(e, &report);
	return store_problem_set(p, kind, "database '%s' cannot be used: %s", s->o.database,
				 report.text);
}

const char *store_flags(const struct store *s)
{
	return s->o.flags ? s->o.flags : "";
}

void store_warn(struct store *s, const char *fmt, ...)
{
	char text[1536];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* cut is fine */
	va_end(args);
	if (s->n_warnings == STORE_WARNINGS_MAX)
		return;
	s->warnings[s->n_warnings] = str_dup(&s->arena, str_from(text));
	if (s->warnings[s->n_warnings].p)
		s->n_warnings++;
}

struct str_list store_warnings(const struct store *s)
{
	return (struct str_list){ (struct str *)s->warnings, s->n_warnings };
}

const char *store_folder_of(struct arena *a, const char *path)
{
	struct str folder = str_from(path);

	while (folder.n > 0 && folder.p[folder.n - 1] != '/')
		folder.n--;
	if (folder.n == 0)
		folder = STR(".");
	else if (folder.n > 1)
		folder.n--;
	return str_dup(a, folder).p;
}

static int copy_paths(struct store *s)
{
	const char **paths[] = { &s->o.database, &s->o.lock, &s->o.backups, &s->o.instance };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		*paths[i] = str_dup(&s->arena, str_from(*paths[i])).p;
	s->folder = store_folder_of(&s->arena, s->o.database);
	if (!s->folder)
		return err_nomem();
	s->sidecar = store_path(&s->arena, s->folder, "/questd.generation");
	s->ballast = store_path(&s->arena, s->folder, "/questd.ballast");
	s->log = store_path(&s->arena, s->o.database, "-wal");
	s->index = store_path(&s->arena, s->o.database, "-shm");
	s->fresh = store_path(&s->arena, s->o.database, ".new");
	s->restored = store_path(&s->arena, s->o.database, ".restored");
	return s->arena.is_out ? err_nomem() : 0;
}

int store_new(const struct store_options *o, struct store **out)
{
	enum { PATHS_BYTES = 1 << 20 };
	struct store *s = calloc(1, sizeof(*s));
	int e;

	if (!s)
		return err_nomem();
	arena_init(&s->arena, PATHS_BYTES);
	s->o = *o;
	s->lock_fd = -1;
	if (o->clock)
		s->steady_offset_ms = clock_wall_ms(o->clock) - clock_boot_ms(o->clock);
	atomic_store(&s->reader_age_ms, STORE_READER_AGE);
	atomic_store(&s->step_age_ms, STORE_STEP_AGE);
	s->interest = store_interest_new();
	e = s->interest ? copy_paths(s) : err_nomem();
	if (e) {
		store_free(s);
		return err_trace(e);
	}
	*out = s;
	return 0;
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;
	db_close(s->writer);
	fd_close(&s->lock_fd); /* last: it tells others that the database is free */
	store_interest_free(s->interest);
	arena_deinit(&s->arena);
	free(s);
	return NULL;
}
