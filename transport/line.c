/* SPDX-License-Identifier: Apache-2.0 */
/* Lines over a connected stream. A round trip costs epoll_wait, one read and one write: what is
 * ready is read once, all its whole lines are handed out, and the answers go out together at the
 * end of the loop's turn; EPOLLOUT is asked for only when the peer did not take everything.
 *
 * Edge-triggered, for epoll would otherwise look at the socket again before it sleeps. A read that
 * leaves something asks to be told again; so does one that is not made because the connection is
 * held, by taking EPOLLIN away and giving it back. */
#include "transport/line.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "transport/pipes.h"

#define ROOM_MIN 4096
#define ROOM_MAX 65536

/* An idle connection keeps no more than this of each buffer. */
static void line_give_back(struct buf *b)
{
	size_t limit = b->limit;

	if (buf_len(b))
		return;
	if (b->cap <= ROOM_MIN) {
		buf_clear(b);
		return;
	}
	buf_deinit(b);
	buf_init(b, limit);
}

/* Who does not read its answers is not asked for more lines. */
static bool line_is_held(const struct line_conn *c)
{
	return c->is_paused || c->is_closing || buf_len(&c->out) > c->out_max / 4;
}

static void line_watch_for(struct loop_fd *f, uint32_t events)
{
	if (loop_change_fd(f, events | (uint32_t)EPOLLET))
		err_forget(); /* a descriptor that is in epoll can be changed */
}

/* Readiness we want to hear of; hanging up is told in any case. */
static void line_watch(struct line_conn *c)
{
	uint32_t in = line_is_held(c) || c->is_eof ? 0 : EPOLLIN | EPOLLRDHUP;
	uint32_t out = c->stalled_since_ms ? EPOLLOUT : 0;

	if (c->is_closed)
		return;
	if (c->has_pipes)
		line_watch_for(&c->watch_out, out);
	line_watch_for(&c->watch, c->has_pipes ? in : in | out);
}

static void line_end(struct line_conn *c, enum line_close why)
{
	if (c->is_closed)
		return;
	c->is_closed = true;
	loop_remove_fd(&c->watch);
	loop_remove_fd(&c->watch_out);
	loop_cancel_task(&c->turn_end);
	c->ops->on_close(c, why);
}

/* A read or write failed: nothing for now, or the end. */
static void line_failed(struct line_conn *c, int error)
{
	if (error == EPIPE || error == ECONNRESET)
		line_end(c, LINE_EOF);
	else if (error != EAGAIN)
		line_end(c, LINE_ERROR);
}

static void line_hand_out(struct line_conn *c, size_t len)
{
	struct str line = str_slice(buf_str(&c->in), 0, len);

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n && !c->is_skipping)
		c->ops->on_line(c, line);
	c->is_skipping = false;
	buf_eat(&c->in, len + 1);
	c->scanned = 0;
}

static void line_skip(struct line_conn *c)
{
	if (!c->is_skipping) {
		c->is_skipping = true;
		c->ops->on_too_long(c);
	}
	buf_eat(&c->in, buf_len(&c->in));
	c->scanned = 0;
}

/* All whole lines that are there, unless the connection is held in between. */
static void line_hand_out_all(struct line_conn *c)
{
	while (!line_is_held(c)) {
		struct str s = buf_str(&c->in);
		const char *nl = c->scanned < s.n ? memchr(s.p + c->scanned, '\n', s.n - c->scanned)
						  : NULL;

		if (!nl) {
			c->scanned = s.n;
			if (s.n > c->line_max || c->is_skipping)
				line_skip(c);
			break;
		}
		if ((size_t)(nl - s.p) > c->line_max && !c->is_skipping) {
			c->is_skipping = true;
			c->ops->on_too_long(c);
		}
		line_hand_out(c, (size_t)(nl - s.p));
	}
	line_give_back(&c->in);
}

/* Only when all that came before it was handed out, which a slow reader of the answers may hold. */
static void line_tell_eof(struct line_conn *c)
{
	if (!c->is_eof || c->is_closed || line_is_held(c) || TAKE(c->has_told_eof, true))
		return;
	c->ops->on_eof(c);
}

static void line_got_eof(struct line_conn *c, bool peer_is_gone)
{
	if (peer_is_gone || !c->ops->on_eof) {
		line_end(c, LINE_EOF);
		return;
	}
	c->is_eof = true;
	line_watch(c);
	line_hand_out_all(c);
	line_tell_eof(c);
}

static ssize_t line_write_some(struct line_conn *c, struct str s)
{
	return c->has_pipes ? write(c->out_fd, s.p, s.n) : send(c->fd, s.p, s.n, MSG_NOSIGNAL);
}

/* One write of what is there. False: the connection is over. */
static bool line_write_out(struct line_conn *c)
{
	struct str s = buf_str(&c->out);
	ssize_t n = line_write_some(c, s);

	if (n >= 0)
		buf_eat(&c->out, (size_t)n);
	else
		line_failed(c, errno);
	if (n > 0 || !c->stalled_since_ms)
		c->stalled_since_ms = loop_now_ms(c->loop) + 1; /* never 0 */
	return !c->is_closed;
}

static void line_write(struct line_conn *c)
{
	bool was_held = line_is_held(c);

	if (c->out.failed) {
		line_end(c, LINE_SLOW);
		return;
	}
	if (buf_len(&c->out) && !line_write_out(c))
		return;
	if (!buf_len(&c->out)) {
		c->stalled_since_ms = 0;
		line_give_back(&c->out);
		if (c->is_closing) {
			line_end(c, LINE_CLOSED_BY_US);
			return;
		}
	}
	line_watch(c);
	if (was_held && !line_is_held(c) && (buf_len(&c->in) || c->is_eof))
		line_conn_flush_later(c);
}

/* The reader of our pipe has gone, or has taken something. */
static void line_on_out_ready(struct loop_fd *f, uint32_t events)
{
	struct line_conn *c = container_of(f, struct line_conn, watch_out);

	if (events & (EPOLLERR | EPOLLHUP))
		line_end(c, LINE_EOF);
	else
		line_write(c);
}

static int line_move(struct line_conn *c, struct pipe_pair *pipes)
{
	loop_fd_fn *fn = c->watch.fn;

	loop_remove_fd(&c->watch);
	fd_close(&c->fd);
	c->fd = pipes->in;
	c->out_fd = pipes->out;
	c->has_pipes = true;
	int e = FAIL_POINT("line_move");

	if (!e)
		e = loop_add_fd(c->loop, &c->watch, c->fd, EPOLLIN | EPOLLRDHUP | EPOLLET, fn);
	if (!e)
		e = loop_add_fd(c->loop, &c->watch_out, c->out_fd, EPOLLET, line_on_out_ready);
	return err_trace(e);
}

/* The first bytes of a connection may bring its pipes. Negative: as read(2). */
static ssize_t line_read_first(struct line_conn *c, char *p, size_t room)
{
	struct pipe_pair pipes;
	ssize_t n = pipes_read_first(c->fd, p, room, &pipes);

	c->has_read = true;
	if (pipes.in < 0)
		return n;
	if (line_move(c, &pipes)) {
		err_forget();
		errno = EIO;
		return -1;
	}
	return n;
}

static void line_read(struct line_conn *c, uint32_t events)
{
	/* descriptors that come along end a read before all is read */
	bool has_more = !c->has_read || events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	size_t room = c->room;
	char *p;
	ssize_t n;

	p = buf_reserve(&c->in, room);
	if (!p) {
		line_end(c, LINE_ERROR);
		return;
	}
	n = c->has_read ? read(c->fd, p, room) : line_read_first(c, p, room);
	if (n < 0) {
		line_failed(c, errno);
		return;
	}
	if (n == 0) {
		line_got_eof(c, events & EPOLLHUP && !c->has_pipes);
		return;
	}
	c->in.tail += (size_t)n;
	c->room = (size_t)n == room ? MIN(room * 2, (size_t)ROOM_MAX)
				    : MAX(room / 2, (size_t)ROOM_MIN);
	if (((size_t)n == room || has_more) && loop_rearm_fd(&c->watch))
		err_forget(); /* as in line_watch() */
	line_hand_out_all(c);
}

static void line_on_turn_end(struct loop_task *t)
{
	struct line_conn *c = container_of(t, struct line_conn, turn_end);

	line_hand_out_all(c); /* what a pause held back */
	line_tell_eof(c);
	if (!c->stalled_since_ms || c->out.failed)
		line_write(c);
	else
		line_watch(c);
}

static void line_on_ready(struct loop_fd *f, uint32_t events)
{
	struct line_conn *c = container_of(f, struct line_conn, watch);
	uint32_t in = EPOLLIN, gone = EPOLLHUP | EPOLLERR;

	if (c->has_pipes) { /* a pipe without a writer has an end to be read */
		in |= EPOLLHUP;
		gone = 0;
	}
	if (events & EPOLLOUT)
		line_write(c);
	if (c->is_closed)
		return;
	if (events & in && !line_is_held(c) && !c->is_eof)
		line_read(c, events);
	else if (events & gone)
		line_end(c, LINE_EOF);
	else
		line_watch(c);
}

int line_conn_init(struct line_conn *c, struct loop *l, int fd, const struct line_ops *ops)
{
	int e;

	*c = (struct line_conn){ .loop = l,
				 .ops = ops,
				 .fd = fd,
				 .watch = { .fd = -1 },
				 .watch_out = { .fd = -1 },
				 .out_fd = fd,
				 .room = ROOM_MIN,
				 .line_max = LINE_MAX_DEFAULT,
				 .out_max = LINE_OUT_MAX_DEFAULT };
	list_init(&c->turn_end.link);
	buf_init(&c->in, 0);
	buf_init(&c->out, LINE_OUT_MAX_DEFAULT);
	e = fd_set_nonblock(fd, true);
	if (!e)
		e = loop_add_fd(l, &c->watch, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, line_on_ready);
	return err_trace(e);
}

void line_conn_deinit(struct line_conn *c)
{
	c->is_closed = true;
	loop_cancel_task(&c->turn_end);
	loop_remove_fd(&c->watch);
	loop_remove_fd(&c->watch_out);
	if (c->has_pipes)
		fd_close(&c->out_fd);
	fd_close(&c->fd);
	buf_deinit(&c->in);
	buf_deinit(&c->out);
}

struct buf *line_conn_out(struct line_conn *c)
{
	c->out.limit = c->out_max;
	return &c->out;
}

void line_conn_flush_later(struct line_conn *c)
{
	if (!c->is_closed)
		loop_defer(c->loop, &c->turn_end, line_on_turn_end);
}

void line_conn_flush_now(struct line_conn *c)
{
	struct str s = buf_str(&c->out);

	if (!c->is_closed)
		(void)!line_write_some(c, s);
}

void line_conn_pause(struct line_conn *c, bool on)
{
	if (c->is_closed || c->is_paused == on)
		return;
	c->is_paused = on;
	if (on)
		line_watch(c);
	else
		loop_defer(c->loop, &c->turn_end, line_on_turn_end);
}

void line_conn_close(struct line_conn *c)
{
	if (c->is_closed)
		return;
	c->is_closing = true;
	loop_defer(c->loop, &c->turn_end, line_on_turn_end);
}
