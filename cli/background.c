/* SPDX-License-Identifier: Apache-2.0 */
/* start, stop, restart. */
#include "cli/background.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/backup.h"
#include "cli/peer.h"
#include "cli/print.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/running.h"
#include "cli/say.h"
#include "cli/start.h"
#include "cli/where.h"

#define START_MS  30000
#define STOP_MS   20000 /* the server drains for at most 10 s */
#define FLAGS_MAX 48
#define CHECK_MS  3000
#define TRIES     3 /* while others start servers of theirs */

/* For help: they are the server's, which reads them itself. */
const struct args_option background_start_options[] = {
	{ "http", ARGS_TEXT, 0, "ADDR:PORT", "where HTTP listens, or off; default 127.0.0.1:8400" },
	{ "config", ARGS_TEXT, 0, "FILE", "settings; default DIR/questd.toml" },
	{ "workers", ARGS_TEXT, 0, "N", "workers to keep" },
	{ "no-auth", ARGS_FLAG, 0, NULL, "let anybody on a loopback address in" },
	{ "read-only", ARGS_FLAG, 0, NULL, "change nothing: reads only" },
	{ "idle-exit", ARGS_TEXT, 0, "SECONDS", "end after so long without a client" },
	{ "log-level", ARGS_TEXT, 0, "LEVEL", "debug, info, warn or error" },
};
const size_t background_n_start_options = ARRAY_LEN(background_start_options);

/* Global options are ours, all else is handed on as it stands. */
static int take_flags(struct cli *c, struct args *a, char **flags)
{
	struct arg o;
	size_t n = 0;

	for (args_next(a, &o); o.kind != ARGS_END; args_next(a, &o)) {
		int e = o.kind == ARGS_OPTION ? args_take_global(c, a, &o) : ARGS_UNKNOWN;

		if (e == ARGS_BAD)
			return EXIT_USAGE;
		if (e == 0)
			continue;
		if (n == FLAGS_MAX) {
			say_error("more than %d flags", FLAGS_MAX);
			return EXIT_USAGE;
		}
		flags[n++] = (char *)o.text;
	}
	flags[n] = NULL;
	return 0;
}

/* "socket=PATH http=ADDR:PORT pid=N (NOTE)"; the note is there when HTTP is off unasked, and a path
 * may hold blanks and brackets, so it is read from its end. */
struct ready {
	struct str socket, http, pid, note;
};

/* What stands behind the last `key`, which is taken away with it. */
static struct str cut_last(struct str *text, struct str key)
{
	struct str value;

	for (size_t at = text->n; at >= key.n; at--) {
		if (!str_eq(str_slice(*text, at - key.n, at), key))
			continue;
		value = str_slice(*text, at, text->n);
		*text = str_slice(*text, 0, at - key.n);
		return value;
	}
	return STR_NONE;
}

static struct ready ready_of(struct str line)
{
	struct ready r = { .pid = cut_last(&line, STR(" pid=")) };

	r.note = r.pid;
	r.pid = str_cut(&r.note, ' ');
	if (r.note.n > 2)
		r.note = str_slice(r.note, 1, r.note.n - 1);
	r.http = cut_last(&line, STR(" http="));
	(void)str_cut(&line, '='); /* "socket" */
	r.socket = line;
	return r;
}

static void put_started(struct json_out *w, const struct ready *r, pid_t replaced)
{
	int64_t pid = 0;

	json_begin_object(w);
	JSON_KV_STR(w, "state", STR("started"));
	JSON_KV_STR(w, "socket", r->socket);
	JSON_KV_STR(w, "http", r->http);
	if (r->note.n)
		JSON_KV_STR(w, "http_note", r->note);
	if (str_to_i64(r->pid, &pid))
		JSON_KV_INT(w, "pid", pid);
	if (replaced)
		JSON_KV_INT(w, "replaced", replaced);
	json_end_object(w);
}

/* `replaced`: the process whose place it took, or 0. */
static int say_started(struct cli *c, const struct paths *paths, const struct start_report *report,
		       pid_t replaced)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w = json_out(&b);
	struct ready r = ready_of(str_from(report->text));

	if (r.note.n)
		say_note("questd: note: HTTP is off: %.*s; a free port: questd restart%s "
			 "--http 127.0.0.1:0",
			 STR_ARG(r.note), paths->flags);
	buf_init(&b, 0);
	if (print_is_json(c)) {
		put_started(&w, &r, replaced);
		return print_own(c, &b);
	}
	buf_fmt(&b, "%s\n", report->text);
	if (replaced)
		buf_fmt(&b, "it took the place of the one (pid %d) that a questd mcp had started\n",
			(int)replaced);
	return say_out(&b);
}

static int say_state(struct cli *c, const char *state, const char *text, pid_t pid)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w = json_out(&b);

	buf_init(&b, 0);
	if (!print_is_json(c)) {
		buf_fmt(&b, "%s\n", text);
		return say_out(&b);
	}
	json_begin_object(&w);
	JSON_KV_STR(&w, "state", str_from(state));
	if (pid)
		JSON_KV_INT(&w, "pid", pid);
	json_end_object(&w);
	return print_own(c, &b);
}

static int say_running(struct cli *c, const struct paths *paths, const struct running *r,
		       char *const *flags)
{
	struct str all = STR("");

	for (char *const *f = flags; *f; f++)
		all = str_fmt(&c->arena, "%.*s %.*s", STR_ARG(all),
			      STR_ARG(paths_word(&c->arena, str_from(*f))));
	if (all.n > 0 && r->origin == PEER_FOREIGN)
		say_note(
		    "questd: note: the server has other flags; they are given where it is run");
	else if (all.n > 0)
		say_note("questd: note: the server keeps the flags it has; to change them: questd "
			 "restart%s%.*s",
			 paths->flags, STR_ARG(all));
	struct str text = str_fmt(&c->arena, "a server runs already; questd status%s shows it",
				  paths->flags);

	return say_state(c, "running", text.p ? text.p : "a server runs already", r->pid);
}

static int say_private(const struct paths *paths, pid_t pid)
{
	say_error("a private server (pid %d) of questd mcp --private has '%s'", (int)pid,
		  paths->data_dir);
	say_hint("it ends with its client; another folder is free: --data-dir DIR");
	return EXIT_CONFLICT;
}

static int say_failed(const struct paths *paths, const struct start_report *r)
{
	say_error("the server did not start: %s", r->text);
	say_hint("questd doctor%s looks for the reason; questd logs%s shows what the server said",
		 paths->flags, paths->flags);
	return r->code;
}

/* Is it the running server itself that has the port of which "http.listen: 'ADDR:PORT' is taken"
 * tells? Another address with its port counts too: only its end tells more. */
static bool is_own_port(struct cli *c, const struct running *r, struct str said)
{
	struct answer answer = { 0 };
	struct json info;

	if (!r->is_reached || ask(c, STR("system.info"), STR_NONE, &answer) || !answer.result.p ||
	    json_parse(&c->arena, answer.result, &info, NULL))
		return false;
	struct str port = json_get_str(&info, STR("http"));

	while (port.n > 0 && str_find(port, ':', 0) < port.n)
		(void)str_cut(&port, ':');
	struct str end = str_fmt(&c->arena, ":%.*s' is taken", STR_ARG(port));

	for (size_t at = 0; end.p && at + end.n <= said.n; at++)
		if (str_starts(str_slice(said, at, said.n), end))
			return true;
	return false;
}

/* Before a server is stopped for another to take its place: would that one start? 0 or an exit code
 * (said). Where nobody can tell, the start itself does. */
static int check_settings(struct cli *c, const struct paths *paths, const struct running *r,
			  char *const *flags)
{
	char *args[FLAGS_MAX + 3] = { NULL };
	struct program_said answer;
	size_t n = 0;

	while (flags[n]) {
		args[n] = flags[n];
		n++;
	}
	args[n++] = (char *)"--check";
	args[n] = (char *)"listen";
	program_ask(&c->arena, paths->data_dir, args, CHECK_MS, &answer);
	if (answer.code != EXIT_USAGE &&
	    (answer.code != EXIT_CONFLICT || is_own_port(c, r, str_from(answer.said))))
		return 0;
	say_error("%s", answer.said);
	say_hint("the server that runs was left as it is");
	return answer.code;
}

/* Begins a start and waits for the report. */
static int start_and_wait(struct cli *c, const struct start *s, struct start_report *report)
{
	int64_t ms = c->globals.timeout_ms ? c->globals.timeout_ms : START_MS;
	struct start_handle handle;
	struct progress progress;
	int e = start_begin(&c->arena, s, &handle);

	if (e == START_NO_PROGRAM) {
		say_error("questd-server is not installed beside questd, nor in libexec");
		say_hint("install it again, both programs of one build");
		return EXIT_USAGE;
	}
	if (e)
		return say_fault(e, NULL);
	progress_begin(&progress, c, STR("starting the server"));
	struct pollfd p = { handle.report_fd, POLLIN, 0 };

	e = poll(&p, 1, (int)MIN(ms, 600000));
	if (e > 0)
		start_finish(&handle.report_fd, report);
	progress_end(&progress);
	fd_close(&handle.report_fd);
	if (e > 0)
		return 0;
	say_error("the server is not ready after %lld s; it may still become so",
		  (long long)(ms / 1000));
	say_hint("questd logs%s shows what it does", s->paths->flags);
	return EXIT_TIMEOUT;
}

/* Ends what runs. 0, or an exit code (said). */
static int stop_running(struct cli *c, const struct paths *paths, const struct running *r)
{
	int64_t ms = c->globals.timeout_ms ? c->globals.timeout_ms : STOP_MS;
	struct progress progress;

	if (r->pid == 0) {
		say_error("the lock of '%s' is held by a process that does not say its number",
			  paths->data_dir);
		return EXIT_FAILED;
	}
	progress_begin(&progress, c, STR("stopping the server"));
	int e = running_stop(paths, r, ms);

	progress_end(&progress);
	if (e == RUNNING_STILL) {
		say_error("the server (pid %d) still runs after %lld s", (int)r->pid,
			  (long long)(ms / 1000));
		say_hint("it finishes calls that are under way; kill -9 %d ends it at once and "
			 "loses nothing "
			 "that was acknowledged",
			 (int)r->pid);
		return EXIT_TIMEOUT;
	}
	return e ? say_fault(e, NULL) : 0;
}

/* What runs keeps its place, but for a server that a client's questd mcp started: that one would
 * end by itself, and has that client's environment and no flags. Its calls are finished, and
 * windows do not notice. *was_faster: somebody else began one meanwhile. */
static int start_once(struct cli *c, const struct paths *paths, char **flags, bool *was_faster)
{
	struct start s = { .paths = paths, .flags = flags, .origin = PEER_STARTED, .lock_fd = -1 };
	CLEANUP(fd_close) int lock_fd = -1;
	struct start_report report = { 0 };
	struct running r;
	int e = running_find(paths, &r);

	if (!e && r.origin == PEER_TEMPORARY) {
		e = start_lock(&c->arena, paths, &lock_fd);
		s.lock_fd = lock_fd;
		if (!e)
			e = running_find(paths, &r);
	}
	if (e)
		return say_fault(e, NULL);
	if (r.origin == PEER_PRIVATE)
		return say_private(paths, r.pid);
	if (r.is_reached && r.origin != PEER_TEMPORARY)
		return say_running(c, paths, &r, flags);
	if (r.origin == PEER_TEMPORARY)
		e = check_settings(c, paths, &r, flags);
	if (!e && r.origin == PEER_TEMPORARY)
		e = stop_running(c, paths, &r);
	if (!e)
		e = start_and_wait(c, &s, &report);
	if (e)
		return e;
	*was_faster = report.verdict == START_RUNNING;
	if (report.verdict == START_FAILED)
		return say_failed(paths, &report);
	return *was_faster ? 0
			   : say_started(c, paths, &report, r.origin == PEER_TEMPORARY ? r.pid : 0);
}

int background_start(struct cli *c, struct args *a)
{
	char *flags[FLAGS_MAX + 1];
	struct paths paths;
	int e;

	if (restore_is_meant(a))
		return restore_run_flag(c, a);
	e = take_flags(c, a, flags);
	if (!e)
		e = where_own_paths(c, &paths);
	for (int i = 0; !e && i < TRIES; i++) {
		bool was_faster = false;

		e = start_once(c, &paths, flags, &was_faster);
		if (e || !was_faster)
			return e;
	}
	if (!e)
		say_error("servers come and go on '%s'", paths.data_dir);
	return e ? e : EXIT_CONFLICT;
}

int background_stop(struct cli *c, struct args *a)
{
	struct args_spec spec = { 0 };
	struct running r;
	struct paths paths;
	int e = args_parse(c, a, &spec);

	if (!e)
		e = where_paths(c, &paths);
	if (e)
		return e;
	e = running_find(&paths, &r);
	if (e)
		return say_fault(e, NULL);
	if (!r.is_reached && !r.is_locked) {
		say_error("no server runs on '%s'", paths.data_dir);
		return EXIT_NOT_RUNNING;
	}
	e = stop_running(c, &paths, &r);
	return e ? e : say_state(c, "stopped", "the server has stopped", r.pid);
}

/* The flags that the running one was started with, without those that start.c gives. */
static void flags_of(struct cli *c, const struct running *r, char **flags)
{
	char **argv = peer_arguments(&c->arena, r->pid);
	size_t n = 0;

	for (size_t i = 1; argv && argv[i] && n < FLAGS_MAX; i++) {
		if (strcmp(argv[i], "--data-dir") == 0 || strcmp(argv[i], "--socket") == 0 ||
		    (r->origin == PEER_TEMPORARY && strcmp(argv[i], "--idle-exit") == 0)) {
			i += argv[i + 1] != NULL;
			continue;
		}
		flags[n++] = argv[i];
	}
	flags[n] = NULL;
}

/* The one that was stopped gets its place back when the one that was to have it does not start. */
static int start_former(struct cli *c, const struct start *failed, struct start former,
			const struct start_report *why)
{
	struct start_report report = { 0 };
	int code = say_failed(failed->paths, why);

	if (start_and_wait(c, &former, &report) == 0 && report.verdict != START_FAILED)
		say_note("questd: note: a server runs again with the flags that it had: %s",
			 report.text);
	else
		say_error("no server runs now: with its former flags it did not start again: %s",
			  report.text);
	return code;
}

static int restart(struct cli *c, const struct running *r, const struct start *asked)
{
	struct start_report report = { 0 };
	char *former_flags[FLAGS_MAX + 1] = { NULL };
	struct start now = *asked, former = *asked, *s = &now;
	bool is_there = r->is_reached || r->is_locked;
	int e = 0;

	if (r->origin == PEER_PRIVATE)
		return say_private(s->paths, r->pid);
	if (r->pid && r->origin == PEER_FOREIGN) {
		say_error("the server (pid %d) was not started by questd start", (int)r->pid);
		say_hint(
		    "restart it where it is run: with systemd, systemctl --user restart questd");
		return EXIT_CONFLICT;
	}
	former.origin = r->origin;
	former.flags = former_flags;
	if (r->pid)
		flags_of(c, r, former_flags);
	if (r->pid && !asked->flags[0]) {
		s->origin = r->origin;
		s->flags = former_flags;
	}
	if (is_there)
		e = check_settings(c, s->paths, r, s->flags);
	if (!e && is_there)
		e = stop_running(c, s->paths, r);
	if (!e)
		e = start_and_wait(c, s, &report);
	if (e)
		return e;
	if (report.verdict == START_FAILED && is_there && r->pid && now.flags == asked->flags)
		return start_former(c, s, former, &report);
	return report.verdict == START_FAILED ? say_failed(s->paths, &report)
					      : say_started(c, s->paths, &report, 0);
}

int background_restart(struct cli *c, struct args *a)
{
	CLEANUP(fd_close) int lock_fd = -1;
	char *flags[FLAGS_MAX + 1];
	struct running r;
	struct paths paths;
	int e;

	if (restore_is_meant(a))
		return restore_run_flag(c, a);
	e = take_flags(c, a, flags);
	if (!e)
		e = where_own_paths(c, &paths);
	if (e)
		return e;
	/* Held over both halves, or a relay would start a server of its own in between. */
	e = start_lock(&c->arena, &paths, &lock_fd);
	if (!e)
		e = running_find(&paths, &r);
	if (e)
		return say_fault(e, NULL);
	struct start s = {
		.paths = &paths, .flags = flags, .origin = PEER_STARTED, .lock_fd = lock_fd
	};

	return restart(c, &r, &s);
}
