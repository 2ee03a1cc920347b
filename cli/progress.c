/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line: drawn by a thread of its own, since the one that waits is blocked. */
#include "cli/progress.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/command.h"

#define FIRST_MS 500
#define EVERY_MS 120

static const char *const turns[] = { "|", "/", "-", "\\" };

static void draw(const struct progress *p, unsigned turn)
{
	int64_t ms = clock_boot_ms(&(struct clock){ 0 }) - p->started_ms;
	char line[160];
	int n = snprintf(line, sizeof(line), "\r%s %s  %lld.%lld s\033[K",
			 turns[turn % ARRAY_LEN(turns)], p->what, (long long)(ms / 1000),
			 (long long)(ms % 1000 / 100));

	(void)!write(STDERR_FILENO, line, (size_t)n);
}

static void *run(void *data)
{
	const struct progress *p = data;
	struct pollfd ends[] = { { p->stop_fd, POLLIN, 0 }, { p->signal_fd, POLLIN, 0 } };
	unsigned turn = 0;

	for (int wait = FIRST_MS; poll(ends, ARRAY_LEN(ends), wait) == 0; wait = EVERY_MS)
		draw(p, turn++);
	if (turn > 0)
		(void)!write(STDERR_FILENO, "\r\033[K", 4);
	if (ends[1].revents)
		_exit(EXIT_INTERRUPTED);
	return NULL;
}

static void close_all(struct progress *p)
{
	fd_close(&p->stop_fd);
	fd_close(&p->signal_fd);
	pthread_sigmask(SIG_SETMASK, &p->mask, NULL);
}

void progress_begin(struct progress *p, const struct cli *c, struct str what)
{
	const char *term = getenv("TERM");

	sigset_t interrupt;

	*p = (struct progress){ .stop_fd = -1,
				.signal_fd = -1,
				.started_ms = clock_boot_ms(&(struct clock){ 0 }) };
	if (!c->is_tty_err || !term || strcmp(term, "dumb") == 0)
		return;
	snprintf(p->what, sizeof(p->what), "%.*s", STR_ARG(what));
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	pthread_sigmask(SIG_BLOCK, &interrupt, &p->mask);
	p->signal_fd = signalfd(-1, &interrupt, SFD_CLOEXEC);
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (p->signal_fd < 0 || p->stop_fd < 0 || pthread_create(&p->thread, NULL, run, p))
		close_all(p);
}

void progress_end(struct progress *p)
{
	if (p->stop_fd < 0)
		return;
	(void)!write(p->stop_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	pthread_join(p->thread, NULL);
	close_all(p);
}
