/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of a server in the background. */
#include "cli/keep.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/paths.h"
#include "cli/log_file.h"
#include "cli/start.h"
#include "transport/client.h"

#define READY    "questd ready "
#define DRAIN_MS 12000 /* the server's own limit is 10 s */
#define HEAD_MAX 8192  /* of what the server says until it is ready */

struct keep {
	struct log_file log;
	char head[HEAD_MAX]; /* the server's words until the report is out */
	size_t n_head;
	int report_fd, life_fd, lock_fd, pipe_fd, signal_fd;
	pid_t server;
	int64_t kill_at_ms; /* 0 = never */
	bool is_private;
};

struct keep_options {
	const char *origin; /* a mark for peer.c */
	int64_t report_fd, life_fd, lock_fd;
};

static const struct args_option keep_options[] = {
	{ "for", ARGS_TEXT, offsetof(struct keep_options, origin), "COMMAND", "" },
	{ "report-fd", ARGS_INT, offsetof(struct keep_options, report_fd), "N", "" },
	{ "life-fd", ARGS_INT, offsetof(struct keep_options, life_fd), "N", "" },
	{ "lock-fd", ARGS_INT, offsetof(struct keep_options, lock_fd), "N", "" },
};

static void report(struct keep *k, const char *fmt, ...) printf_like(2, 3);
static void report(struct keep *k, const char *fmt, ...)
{
	char line[2000];
	va_list args;

	if (k->report_fd < 0)
		return;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	size_t len = MIN((size_t)MAX(n, 0), sizeof(line) - 2);

	line[len] = '\n';
	if (fd_write_all(k->report_fd, line, len + 1))
		err_forget(); /* whoever asked has gone */
	fd_close(&k->report_fd);
	fd_close(&k->lock_fd);
}

static void become_server(struct keep *k, char **argv, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (k->is_private) {
		pid_t keeper = getppid();

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != keeper)
			_exit(EXIT_FAILED);
	}
	if (dup2(out, STDERR_FILENO) < 0)
		_exit(EXIT_FAILED);
	execv(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot run '%s': %s\n", argv[0], strerror(errno));
	_exit(EXIT_FAILED);
}

static int start_server(struct keep *k, char **argv)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC))
		return err_sys("cannot make a pipe");
	k->pipe_fd = pair[0];
	k->server = fork();
	if (k->server == 0)
		become_server(k, argv, pair[1]);
	close(pair[1]);
	if (k->server < 0)
		return err_sys("cannot start a process");
	return err_trace(fd_set_nonblock(k->pipe_fd, true));
}

/* Until the report is out, looks for the ready line among the server's words. */
static void look_for_ready(struct keep *k, const char *p, size_t n)
{
	n = MIN(n, sizeof(k->head) - 1 - k->n_head);
	memcpy(k->head + k->n_head, p, n);
	k->n_head += n;
	k->head[k->n_head] = '\0';
	for (char *line = k->head; *line;) {
		char *end = strchr(line, '\n');

		if (!end)
			return;
		if (strncmp(line, READY, strlen(READY)) == 0) {
			report(k, "ready %.*s", (int)(end - line), line);
			return;
		}
		line = end + 1;
	}
}

/* False at the end of the pipe. */
static bool copy_log(struct keep *k)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(k->pipe_fd, chunk, sizeof(chunk))) > 0) {
		log_file_write(&k->log, chunk, (size_t)n);
		if (k->report_fd >= 0)
			look_for_ready(k, chunk, (size_t)n);
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* The last line the server wrote, without what logging puts before it. */
static const char *last_words(struct keep *k)
{
	while (k->n_head > 0 && k->head[k->n_head - 1] == '\n')
		k->head[--k->n_head] = '\0';
	char *last = strrchr(k->head, '\n');
	const char *text = last ? last + 1 : k->head;

	if (strncmp(text, "questd: ", 8) == 0)
		text += 8;
	return *text ? text : "it ended without a word";
}

static void note_end(struct keep *k, int status)
{
	char at[CLOCK_RFC3339_MAX], line[160];
	int n;

	clock_format(at, clock_wall_ms(&(struct clock){ 0 }));
	if (WIFSIGNALED(status))
		n = snprintf(line, sizeof(line), "%s error server was killed by signal %d\n", at,
			     WTERMSIG(status));
	else
		n = snprintf(line, sizeof(line), "%s info server ended with code %d\n", at,
			     WEXITSTATUS(status));
	log_file_write(&k->log, line, (size_t)n);
	if (WIFSIGNALED(status))
		report(k, "failed 1 the server was killed by signal %d while it started",
		       WTERMSIG(status));
	else
		report(k, "failed %d %s", WEXITSTATUS(status) ? WEXITSTATUS(status) : 1,
		       last_words(k));
}

static void end_server(struct keep *k)
{
	if (k->kill_at_ms == 0)
		k->kill_at_ms = clock_boot_ms(&(struct clock){ 0 }) + DRAIN_MS;
	kill(k->server, SIGTERM);
}

/* True when the server has ended. */
static bool handle_signal(struct keep *k)
{
	struct signalfd_siginfo info;
	int status;

	if (read(k->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGCHLD) {
		end_server(k);
		return false;
	}
	if (waitpid(k->server, &status, WNOHANG) != k->server)
		return false;
	copy_log(k);
	note_end(k, status);
	return true;
}

static void watch(struct keep *k)
{
	for (;;) {
		struct pollfd p[] = { { k->signal_fd, POLLIN, 0 },
				      { k->pipe_fd, POLLIN, 0 },
				      { k->life_fd, POLLIN, 0 } };
		int64_t left = k->kill_at_ms ? k->kill_at_ms - clock_boot_ms(&(struct clock){ 0 })
					     : -1;

		if (k->kill_at_ms && left <= 0) {
			kill(k->server, SIGKILL);
			k->kill_at_ms = 0;
			left = -1;
		}
		if (poll(p, ARRAY_LEN(p), (int)left) < 0)
			continue;
		if (p[1].revents && !copy_log(k))
			fd_close(&k->pipe_fd);
		if (p[2].revents) {
			fd_close(&k->life_fd);
			end_server(k);
		}
		if (p[0].revents && handle_signal(k))
			return;
	}
}

/* With the start lock: is there a server by now? Else starts it. True when there is one to watch.
 */
static bool begin(struct keep *k, struct cli *c, const struct paths *paths, char **argv)
{
	struct err_report why;
	int fd = -1, e = 0;

	if (k->lock_fd < 0)
		e = start_lock(&c->arena, paths, &k->lock_fd);
	if (!e && client_connect_unix(paths->socket, &fd) == 0) {
		fd_close(&fd);
		if (k->is_private)
			report(k, "failed %d another server runs on '%s'", EXIT_CONFLICT,
			       paths->data_dir);
		else
			report(k, "running");
		return false;
	}
	err_forget();
	if (!e)
		e = start_server(k, argv);
	if (!e)
		return true;
	err_take(e, &why);
	report(k, "failed %d %s", EXIT_FAILED, why.text);
	return false;
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&set, (int[]){ SIGCHLD, SIGTERM, SIGINT, SIGHUP }[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void keep_close(struct keep *k)
{
	fd_close(&k->report_fd);
	fd_close(&k->life_fd);
	fd_close(&k->lock_fd);
	fd_close(&k->pipe_fd);
	fd_close(&k->signal_fd);
	log_file_deinit(&k->log);
}

int keep_run(struct cli *c, struct args *a)
{
	struct keep_options o = { NULL, -1, -1, -1 };
	struct args_spec spec = {
		.options = keep_options,
		.n_options = ARRAY_LEN(keep_options),
		.into = &o,
		.min_words = 1,
		.max_words = ARGS_WORDS_MAX - 1,
	};
	struct paths paths;

	if (args_parse(c, a, &spec) ||
	    paths_find(&c->arena, c->globals.data_dir, c->globals.socket, &paths) < 0)
		return EXIT_USAGE;
	struct keep k = {
		.report_fd = (int)o.report_fd,
		.life_fd = (int)o.life_fd,
		.lock_fd = (int)o.lock_fd,
		.pipe_fd = -1,
		.signal_fd = watch_signals(),
		.is_private = o.life_fd >= 0,
	};

	for (size_t i = 0; i < 3; i++) {
		int fd = (int[]){ k.report_fd, k.life_fd, k.lock_fd }[i];

		if (fd >= 0)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	(void)!chdir("/");
	log_file_init(&k.log, paths.log, LOG_FILE_MAX);
	if (begin(&k, c, &paths, (char **)spec.words))
		watch(&k);
	keep_close(&k);
	return EXIT_OK;
}
