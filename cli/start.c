/* SPDX-License-Identifier: Apache-2.0 */
/* Forking a keeper off and hearing from it. */
#include "cli/start.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define IDLE_EXIT_SECONDS "300"
#define FLAGS_MAX         64

/* The keeper's command line: its own flags, then the server's behind `--`. */
struct keeper {
	char *argv[FLAGS_MAX];
	size_t n;
	char report[12], life[12], lock[12];
};

static void add(struct keeper *k, const char *flag, char *value)
{
	if (k->n + 3 >= FLAGS_MAX)
		return;
	k->argv[k->n++] = (char *)flag;
	if (value)
		k->argv[k->n++] = value;
}

static void fill(struct keeper *k, const struct start *s, char *program)
{
	add(k, "questd", NULL);
	add(k, "keep", NULL);
	add(k, "--for", (char *)peer_origin_names[s->origin]); /* for peer.c, which reads it */
	add(k, "--data-dir", s->paths->data_dir);
	add(k, "--socket", s->paths->socket);
	add(k, "--report-fd", k->report);
	if (s->origin == PEER_PRIVATE)
		add(k, "--life-fd", k->life);
	if (s->lock_fd >= 0)
		add(k, "--lock-fd", k->lock);
	add(k, "--", program);
	add(k, "--data-dir", s->paths->data_dir);
	add(k, "--socket", s->paths->socket);
	if (s->origin == PEER_TEMPORARY)
		add(k, "--idle-exit", IDLE_EXIT_SECONDS);
	if (s->origin == PEER_PRIVATE)
		add(k, "--http", "off");
	for (char *const *f = s->flags; f && *f; f++)
		add(k, *f, NULL);
}

/* In the grandchild: nothing of ours is left to it but the descriptors it is told of. */
static void become_keeper(const struct keeper *k, const int *keep, size_t n)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	/* Whatever our own parent leaked into us must not live on in a server. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < n; i++)
		if (keep[i] >= 0)
			fcntl(keep[i], F_SETFD, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(1);
	execv("/proc/self/exe", k->argv);
	_exit(1);
}

/* Two forks: the keeper is nobody's child that somebody would have to wait for. */
static int fork_keeper(const struct keeper *k, const int *keep, size_t n)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys("cannot start a process");
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			become_keeper(k, keep, n);
		_exit(pid < 0);
	}
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys("cannot wait for a process");
	return status == 0 ? 0 : err_new(ERR_SYS, "cannot start a process");
}

int start_begin(struct arena *a, const struct start *s, struct start_handle *out)
{
	CLEANUP(fd_close) int read_end = -1;
	CLEANUP(fd_close) int write_end = -1;
	CLEANUP(fd_close) int life_read = -1;
	CLEANUP(fd_close) int life_write = -1;
	struct keeper k = { 0 };
	int pair[2];
	char *program = paths_program(a, "questd-server");

	if (!program)
		return START_NO_PROGRAM;
	int e = fd_mkdir_all(s->paths->data_dir, 0700);

	if (e)
		return err_trace(e);
	if (pipe2(pair, O_CLOEXEC))
		return err_sys("cannot make a pipe");
	read_end = pair[0];
	write_end = pair[1];
	if (s->origin == PEER_PRIVATE) {
		if (pipe2(pair, O_CLOEXEC))
			return err_sys("cannot make a pipe");
		life_read = pair[0];
		life_write = pair[1];
	}
	snprintf(k.report, sizeof(k.report), "%d", write_end);
	snprintf(k.life, sizeof(k.life), "%d", life_read);
	snprintf(k.lock, sizeof(k.lock), "%d", s->lock_fd);
	fill(&k, s, program);
	e = fork_keeper(&k, (int[]){ write_end, life_read, s->lock_fd }, 3);
	if (e)
		return err_trace(e);
	*out = (struct start_handle){ TAKE_FD(read_end), TAKE_FD(life_write) };
	return 0;
}

void start_finish(int *report_fd, struct start_report *out)
{
	size_t n = 0;

	*out = (struct start_report){ .verdict = START_FAILED, .code = 1 };
	while (n < sizeof(out->text) - 1) {
		ssize_t got = read(*report_fd, out->text + n, sizeof(out->text) - 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
		if (memchr(out->text, '\n', n))
			break;
	}
	fd_close(report_fd);
	out->text[n] = '\0';
	out->text[strcspn(out->text, "\n")] = '\0';
	char *rest = out->text;

	if (strncmp(rest, "ready ", 6) == 0) {
		out->verdict = START_READY;
		rest += 6;
	} else if (strncmp(rest, "running", 7) == 0) {
		out->verdict = START_RUNNING;
	} else if (strncmp(rest, "failed ", 7) == 0) {
		out->code = (int)strtol(rest + 7, &rest, 10);
		rest += *rest == ' ';
	} else {
		snprintf(out->text, sizeof(out->text),
			 "the process that starts the server has ended without a word");
	}
	memmove(out->text, rest, strlen(rest) + 1);
}

int start_lock(struct arena *a, const struct paths *p, int *out_fd)
{
	CLEANUP(fd_close) int fd = -1;
	struct str path = str_fmt(a, "%s/questd.start", p->data_dir);

	if (!path.p)
		return err_nomem();
	int e = fd_mkdir_all(p->data_dir, 0700);

	if (e)
		return err_trace(e);
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys("cannot open '%s'", path.p);
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return err_sys("cannot lock '%s'", path.p);
	*out_fd = TAKE_FD(fd);
	return 0;
}
