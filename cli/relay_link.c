/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, starting and finding again the relay's server. */
#include "cli/relay_link.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/user.h"
#include "cli/exits.h"
#include "cli/peer.h"
#include "transport/client.h"

#define GRACE_MS       1000  /* for whoever runs the lost server to start it again */
#define PATIENCE_MS    5000  /* how long a client waits for a server that we may not start */
#define CONTEST_MS     11000 /* and for one that ends, which may take 10 s, to leave the folder */
#define AGAIN_MS       500   /* between a failure and the next try */
#define BACKOFF_MIN_MS 10
#define BACKOFF_MAX_MS 1000

void relay_link_init(struct relay_link *l, struct arena *a, const struct paths *p, bool may_start,
		     bool is_private)
{
	*l = (struct relay_link){
		.arena = a,
		.paths = p,
		.may_start = may_start,
		.is_private = is_private,
		.ends = { -1, -1 },
		.starting = { -1, -1 },
		.backoff_ms = BACKOFF_MIN_MS,
	};
}

void relay_link_deinit(struct relay_link *l)
{
	pipe_pair_close(&l->ends);
	fd_close(&l->starting.report_fd);
	fd_close(&l->starting.life_fd);
}

static void fail(struct relay_link *l, int64_t now_ms, int code, const char *text)
{
	l->failure.at_ms = now_ms;
	l->failure.code = code;
	snprintf(l->failure.text, sizeof(l->failure.text), "%s", text);
}

static void fail_with_fault(struct relay_link *l, int64_t now_ms, int e)
{
	struct err_report why;

	err_take(e, &why);
	fail(l, now_ms, EXIT_FAILED, why.text);
}

static void back_off(struct relay_link *l, int64_t now_ms)
{
	l->next_try_ms = now_ms + l->backoff_ms;
	l->backoff_ms = MIN(2 * l->backoff_ms, BACKOFF_MAX_MS);
}

/* The server of a questd mcp --private is that one's alone. */
static void refuse_private(struct relay_link *l, int64_t now_ms, pid_t pid)
{
	char text[600];

	snprintf(text, sizeof(text), "a private server (pid %d) of questd mcp --private has '%s'",
		 (int)pid, l->paths->data_dir);
	fail(l, now_ms, EXIT_CONFLICT, text);
}

static void refuse_anothers(struct relay_link *l, int64_t now_ms, uid_t uid)
{
	struct user_text owner;
	char text[600];

	user_text(uid, &owner);
	snprintf(text, sizeof(text),
		 "the server at '%s' belongs to %s, who alone may use its socket", l->paths->socket,
		 owner.who);
	fail(l, now_ms, EXIT_DENIED, text);
}

/* Pipes, unless the last connection failed with them: then its server may know nothing of them. One
 * that does not even take the offer has said why on the socket. */
static int take_ends(struct relay_link *l, int *fd)
{
	int e;

	if (!l->is_plain) {
		if (!pipes_offer(*fd, &l->ends))
			return 0;
		err_forget();
		l->is_plain = true;
	}
	e = fd_set_nonblock(*fd, true);
	if (e)
		return err_trace(e);
	l->ends.out = fcntl(*fd, F_DUPFD_CLOEXEC, 3); /* epoll watches each by itself */
	if (l->ends.out < 0)
		return err_sys("cannot duplicate a socket");
	l->ends.in = TAKE_FD(*fd);
	return 0;
}

/* True when connected. */
static bool try_connect(struct relay_link *l, int64_t now_ms)
{
	CLEANUP(fd_close) int fd = -1;
	int e = client_connect_unix(l->paths->socket, &fd);
	pid_t pid = e ? 0 : peer_pid(fd);
	enum peer_origin origin = e ? PEER_FOREIGN : peer_origin(pid);
	uid_t uid;

	if (!e && peer_is_another(fd, &uid)) {
		refuse_anothers(l, now_ms, uid);
		return false;
	}
	if (!e && origin == PEER_PRIVATE && !l->is_private) {
		refuse_private(l, now_ms, pid);
		return false;
	}
	if (!e)
		e = take_ends(l, &fd);
	if (!e) {
		l->was_foreign = origin == PEER_FOREIGN;
		l->failure.at_ms = l->contested_ms = 0;
		l->is_proven = l->is_suspect = false;
		return true;
	}
	if (e < 0)
		fail_with_fault(l, now_ms, e);
	back_off(l, now_ms);
	return false;
}

static void begin_start(struct relay_link *l, int64_t now_ms)
{
	struct start s = {
		.paths = l->paths,
		.origin = l->is_private ? PEER_PRIVATE : PEER_TEMPORARY,
		.lock_fd = -1,
	};

	fd_close(&l->starting.life_fd);
	arena_reset(l->arena);
	int e = start_begin(l->arena, &s, &l->starting);

	if (e == START_NO_PROGRAM)
		fail(l, now_ms, EXIT_USAGE, "questd-server is not installed beside questd");
	else if (e)
		fail_with_fault(l, now_ms, e);
}

/* What to do when nobody listens. */
static void go_without(struct relay_link *l, int64_t now_ms)
{
	bool is_first = l->lost_ms == 0;

	if (!l->may_start) {
		char text[600];

		if (!is_first && now_ms - l->lost_ms < PATIENCE_MS)
			return;
		snprintf(text, sizeof(text), "no server listens on '%s'", l->paths->socket);
		fail(l, now_ms, EXIT_NOT_RUNNING, text);
		return;
	}
	if (is_first || l->is_private || !l->was_foreign || now_ms - l->lost_ms >= GRACE_MS)
		begin_start(l, now_ms);
}

enum relay_link_state relay_link_step(struct relay_link *l, int64_t now_ms, bool is_wanted)
{
	if (relay_link_is_up(l))
		return LINK_UP;
	if (l->starting.report_fd >= 0)
		return LINK_WAITING;
	if (l->failure.at_ms && now_ms - l->failure.at_ms < AGAIN_MS)
		return is_wanted && !l->is_private && try_connect(l, now_ms) ? LINK_UP
									     : LINK_FAILED;
	l->failure.at_ms = 0;
	if (now_ms < l->next_try_ms)
		return LINK_WAITING;
	/* A private relay never takes a server that is there: its own is. */
	if (!l->is_private && try_connect(l, now_ms))
		return LINK_UP;
	if (is_wanted && !l->failure.at_ms)
		go_without(l, now_ms);
	return l->failure.at_ms ? LINK_FAILED : LINK_WAITING;
}

/* Another server has the folder. Mostly it is one that ends, or somebody else was faster: then
 * there is one to connect to in a moment. */
static bool is_contested(struct relay_link *l, int64_t now_ms, const struct start_report *report)
{
	if (report->code != EXIT_CONFLICT || l->is_private)
		return false;
	if (l->contested_ms == 0)
		l->contested_ms = now_ms;
	return now_ms - l->contested_ms < CONTEST_MS;
}

void relay_link_on_report(struct relay_link *l, int64_t now_ms)
{
	struct start_report report;

	start_finish(&l->starting.report_fd, &report);
	if (report.verdict == START_FAILED) {
		if (is_contested(l, now_ms, &report))
			back_off(l, now_ms);
		else
			fail(l, now_ms, report.code, report.text);
		return;
	}
	l->next_try_ms = 0;
	l->backoff_ms = BACKOFF_MIN_MS;
	if (!try_connect(l, now_ms) && !l->failure.at_ms && TAKE(l->is_suspect, true))
		fail(l, now_ms, EXIT_FAILED, "the server ended as soon as it was started");
}

void relay_link_end_output(struct relay_link *l)
{
	if (l->is_plain)
		(void)shutdown(l->ends.out, SHUT_WR); /* broken: seen by reading */
	fd_close(&l->ends.out);
}

void relay_link_proved(struct relay_link *l)
{
	l->is_proven = true;
	l->backoff_ms = BACKOFF_MIN_MS;
}

void relay_link_lost(struct relay_link *l, int64_t now_ms)
{
	pipe_pair_close(&l->ends);
	if (!l->is_proven) {
		l->is_plain = !l->is_plain;
		back_off(l, now_ms);
		return;
	}
	l->lost_ms = now_ms;
	l->next_try_ms = 0;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->is_proven = false;
}
