/* SPDX-License-Identifier: Apache-2.0 */
/* system.*: what the server says of itself, and the care of its store. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/paths.h"
#include "handlers.gen.h"
#include "store/store.h"
#include "types.gen.h"
#include "verbs.gen.h"
#include "verbs/call.h"

int system_ping(struct call *call, const struct system_ping_params *p, struct system_ping_result *r)
{
	r->pong = true;
	return 0;
}

int system_info(struct call *call, const struct system_info_params *p, struct system_info_result *r)
{
	const struct call_server *s = call->server;

	return err_trace(s->info(s->data, call, &r->system_info));
}

int system_health(struct call *call, const struct system_health_params *p,
		  struct system_health_result *r)
{
	const struct call_server *s = call->server;

	return err_trace(s->health(s->data, call, &r->system_health));
}

int system_config(struct call *call, const struct system_config_params *p,
		  struct system_config_result *r)
{
	const struct call_server *s = call->server;

	return err_trace(s->config(s->data, call, &r->items));
}

/* ---- system.check: once on the loop to be moved, then in steps with a reader's snapshot each ----
 */

/* A step that had to let go, because the log could not be cut beside it, is taken again. */
#define RETRIES_MAX 10

struct check {
	struct store_check steps;
	bool has_begun;
	int n_retries;
};

static int check_end(struct call *call, const struct check *k, struct system_check_result *r)
{
	r->problems = k->steps.problems;
	r->problems.n = MIN(r->problems.n, (size_t)STORE_PROBLEMS_MAX);
	r->sound = r->problems.n == 0;
	r->stuck = k->steps.stuck;
	if (!r->sound)
		r->next = str_fmt(call->arena,
				  "questd stop%s, then questd restore%s with the newest backup",
				  store_flags(call->store), store_flags(call->store));
	else if (r->stuck.n > 0)
		r->next = STR("quests.update with the first one's id and a depends_on without the "
			      "second, or with required: false");
	return 0;
}

static int check_step(struct call *call, struct check *k, bool quick)
{
	int e = 0;

	if (!k->has_begun)
		e = store_check_begin(call->tx, quick, STORE_CHECK_WHOLE_MAX, &k->steps);
	if (e)
		return err_trace(e);
	k->has_begun = true;
	e = store_check_step(call->tx, &k->steps);
	call->progress.done = (int64_t)k->steps.n_done;
	call->progress.total = (int64_t)k->steps.n_all;
	return err_trace(e);
}

int system_check(struct call *call, const struct system_check_params *p,
		 struct system_check_result *r)
{
	struct check *k = call->state;
	int e;

	if (!k) {
		call->state = ARENA_NEW(call->arena, struct check);
		return call->state ? CALL_AGAIN : err_nomem();
	}
	if (call->is_cancelled)
		return call_fail(call, ERROR_CANCELLED, "the check was cancelled");
	e = check_step(call, k, p->quick);
	if (err_class(e) == ERR_INTERRUPT && k->n_retries++ < RETRIES_MAX) {
		err_forget();
		return CALL_AGAIN;
	}
	if (e < 0)
		return err_trace(e);
	return e == STORE_MORE ? CALL_AGAIN : check_end(call, k, r);
}

/* ---- system.backup: checked on the loop, then copied by the writer in steps ---- */

struct backup {
	char *path;
	struct store_job *job;
	int64_t n_done, n_all;
};

static int check_given_path(struct call *call, const char *path)
{
	struct stat st;
	char *slash, *folder;

	if (path[0] != '/')
		return call_fail_field(call, ERROR_INVALID_PARAMS, "path",
				       "the path must be absolute");
	if (lstat(path, &st) == 0) {
		call->failure.hint = STR("a backup replaces nothing: give another name, or none");
		return call_fail_field(call, ERROR_CONFLICT, "path", "'%s' exists already", path);
	}
	folder = str_cstr(call->arena, str_from(path));
	if (!folder)
		return err_nomem();
	slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		call->failure.hint = STR("make it first, or give no path: it goes to the backups");
		return call_fail_field(call, ERROR_NOT_FOUND, "path", "no folder '%s'", folder);
	}
	return 0;
}

static int backup_start(struct call *call, struct str path)
{
	struct backup *b = ARENA_NEW(call->arena, struct backup);
	int e;

	if (!b)
		return err_nomem();
	if (path.p) {
		b->path = str_cstr(call->arena, path);
		if (!b->path)
			return err_nomem();
		e = check_given_path(call, b->path);
	} else {
		e = call->server->backup_path(call->server->data, call, &b->path);
	}
	if (e)
		return err_trace(e);
	call->state = b;
	return CALL_AGAIN;
}

static int backup_end(struct backup *b, int e)
{
	b->job = store_backup_free(b->job);
	return e;
}

/* Without the master key the secrets in it open no more. */
static int note_key(struct call *call, struct system_backup_result *r)
{
	struct str key = call->server->vault.where(call->server->data);

	if (key.p)
		r->next = str_fmt(call->arena,
				  "%.*s; its secrets open with the master key alone, which is not "
				  "in it: keep a copy of %s elsewhere",
				  STR_ARG(r->next), paths_quote(call->arena, key).p);
	return r->next.p ? 0 : err_nomem();
}

int system_backup(struct call *call, const struct system_backup_params *p,
		  struct system_backup_result *r)
{
	struct backup *b = call->state;
	int e;

	if (!b)
		return backup_start(call, p->path);
	if (call->is_cancelled)
		return backup_end(b, call_fail(call, ERROR_CANCELLED, "the backup was cancelled"));
	if (!b->job) {
		e = store_backup_new(call->store, b->path, &b->job);
		if (e)
			return err_trace(e);
	}
	e = store_backup_step(b->job, &b->n_done, &b->n_all);
	call->progress.done = b->n_done;
	call->progress.total = b->n_all;
	if (e == STORE_MORE)
		return CALL_AGAIN;
	if (e)
		return backup_end(b, err_trace(e));
	b->job = store_backup_free(b->job);
	r->path = str_from(b->path);
	r->pages = b->n_all;
	r->next = str_fmt(call->arena, "to go back to it: questd stop%s, then questd restore%s %s",
			  store_flags(call->store), store_flags(call->store),
			  paths_quote(call->arena, r->path).p);
	return note_key(call, r);
}
