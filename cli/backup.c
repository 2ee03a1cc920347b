/* SPDX-License-Identifier: Apache-2.0 */
/* backup and restore. */
#include "cli/backup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/confirm.h"
#include "cli/invoke.h"
#include "cli/progress.h"
#include "cli/running.h"
#include "cli/say.h"
#include "cli/start.h"
#include "cli/where.h"
#include "verbs.gen.h"

/* The server has another working directory. */
static struct str absolute(struct arena *a, const char *path)
{
	char here[PATH_MAX];

	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return str_from(path);
	return str_fmt(a, "%s/%s", here, path);
}

int backup_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf params;
	struct args_spec spec = { .max_words = 1 };
	struct json_out w = json_out(&params);
	int e = args_parse(c, a, &spec);

	if (e)
		return e;
	buf_init(&params, 0);
	json_begin_object(&w);
	if (spec.n_words > 0)
		JSON_KV_STR(&w, "path", absolute(&c->arena, spec.words[0]));
	json_end_object(&w);
	return invoke(c, verb_find(STR("system.backup")), STR("system.backup"), buf_str(&params));
}

/* No server may run, and none may be started meanwhile: the start lock is ours until we end. */
static int check_alone(struct cli *c, const struct paths *paths, int *lock_fd)
{
	struct running r;
	int e = start_lock(&c->arena, paths, lock_fd);

	if (!e)
		e = running_find(paths, &r);
	if (e)
		return say_fault(e, NULL);
	if (!r.is_reached && !r.is_locked)
		return 0;
	say_error("a server (pid %d) runs on '%s'", (int)r.pid, paths->data_dir);
	say_hint("stop it first: questd stop%s", paths->flags);
	return EXIT_CONFLICT;
}

static int run_restore(struct cli *c, const struct paths *paths, struct str file)
{
	char *program = paths_program(&c->arena, "questd-server");
	char *argv[] = { program,
			 (char *)"--data-dir",
			 paths->data_dir,
			 (char *)"--restore",
			 str_cstr(&c->arena, file),
			 NULL };
	struct progress progress;
	int status;

	if (!program) {
		say_error("questd-server is not installed beside questd, nor in libexec");
		return EXIT_USAGE;
	}
	pid_t pid = fork();

	if (pid == 0) {
		execv(program, argv);
		_exit(EXIT_FAILED);
	}
	if (pid < 0)
		return say_fault(err_sys("cannot start a process"), NULL);
	progress_begin(&progress, c, STR("restoring"));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	progress_end(&progress);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

static int restore(struct cli *c, const char *file)
{
	CLEANUP(fd_close) int lock_fd = -1;
	struct paths paths;
	int e = where_own_paths(c, &paths);

	if (e)
		return e;
	if (access(file, R_OK)) {
		say_error("cannot read '%s': %s", file, strerror(errno));
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	e = check_alone(c, &paths, &lock_fd);
	if (e)
		return e;
	if (!confirm_asked(c, "Put '%s' in the place of what '%s' holds now?", file,
			   paths.data_dir)) {
		say_error("nothing was restored: it replaces what '%s' holds", paths.data_dir);
		say_hint("repeat it with --yes; the present database is kept beside the new one");
		return EXIT_USAGE;
	}
	return run_restore(c, &paths, absolute(&c->arena, file));
}

int restore_run(struct cli *c, struct args *a)
{
	struct args_spec spec = { .min_words = 1, .max_words = 1 };
	int e = args_parse(c, a, &spec);

	return e ? e : restore(c, spec.words[0]);
}

bool restore_is_meant(const struct args *a)
{
	struct args rest = *a;
	struct arg o;

	for (args_next(&rest, &o); o.kind != ARGS_END; args_next(&rest, &o))
		if (o.kind == ARGS_OPTION && args_name_is(o.name, STR("restore")))
			return true;
	return false;
}

int restore_run_flag(struct cli *c, struct args *a)
{
	static const struct args_option option = { "restore", ARGS_TEXT, 0, "FILE", "" };
	const char *file = NULL;
	struct args_spec spec = { .options = &option, .n_options = 1, .into = &file };
	int e = args_parse(c, a, &spec);

	if (!e)
		e = restore(c, file);
	if (!e)
		say_hint("the server is not started: repeat it without --restore");
	return e;
}
