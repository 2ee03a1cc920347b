/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines. MHD knows only inactivity, which one byte a second defeats; these are absolute and end
 * with the socket shut. All connections of a phase have the same time, so each phase is a queue in
 * the order of expiry, entering and leaving costs a few pointers, and one timer serves them all.
 *
 * Bodies and answers get their grace and then a second for each KiB that moved, and must keep
 * moving: after the grace they are looked at once a second. */
#include "transport/http_internal.h"

#include <linux/tcp.h>

#include "base/err.h"

#define CHECK_MS     1000
#define BYTES_PER_MS 1 /* 1 KiB/s, roughly: 1,000 bytes */

static void http_deadlines_arm(struct http_server *s);

/* What the kernel knows of a connection; false when it does not say. */
static bool http_tcp_info(int fd, struct tcp_info *out)
{
	socklen_t n = sizeof(*out);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, out, &n) &&
	       n >= offsetof(struct tcp_info, tcpi_bytes_received) +
			sizeof(out->tcpi_bytes_received);
}

/* Bytes the client has acknowledged, ever; -1 when the kernel does not say. */
static int64_t http_acked(int fd)
{
	struct tcp_info info = { 0 };

	return http_tcp_info(fd, &info) ? (int64_t)info.tcpi_bytes_acked : -1;
}

int64_t http_n_received(int fd)
{
	struct tcp_info info = { 0 };

	return http_tcp_info(fd, &info) ? (int64_t)info.tcpi_bytes_received : -1;
}

static int64_t http_grace(const struct http_conn *c)
{
	return c->server->queue_ms[c->phase];
}

static void http_phase_queue(struct http_conn *c, enum http_phase queue)
{
	struct http_server *s = c->server;

	c->due_ms = loop_now_ms(s->loop) + s->queue_ms[queue];
	list_push_back(&s->queues[queue], &c->phase_link);
	if (!s->deadline.slot || s->deadline.at_ms > c->due_ms)
		http_deadlines_arm(s);
}

/* An answer's progress is the kernel's to know; a stream's and a body's pass through our hands. */
static void http_phase_sample(struct http_conn *c)
{
	int64_t n;

	if (c->phase != HTTP_PHASE_WRITE || c->acked_at_start < 0)
		return;
	n = http_acked(c->fd) - c->acked_at_start;
	if (n > c->n_moved)
		http_phase_moved(c, (size_t)(n - c->n_moved));
}

static void http_phase_expire(struct http_conn *c)
{
	int64_t now = loop_now_ms(c->server->loop);

	list_unlink(&c->phase_link);
	if (c->phase == HTTP_PHASE_BODY || c->phase == HTTP_PHASE_WRITE) {
		http_phase_sample(c);
		if (now - c->moved_ms < http_grace(c) &&
		    now - c->since_ms < http_grace(c) + c->n_moved / BYTES_PER_MS) {
			http_phase_queue(c, HTTP_PHASE_CHECK);
			return;
		}
	}
	c->server->stats.n_timeouts++;
	http_conn_cut(c);
}

static void http_on_deadline(struct loop_timer *t)
{
	struct http_server *s = container_of(t, struct http_server, deadline);
	int64_t now = loop_now_ms(s->loop);

	for (size_t i = 0; i < HTTP_PHASE_MAX; i++)
		list_for_each (it, tmp, &s->queues[i]) {
			struct http_conn *c = list_entry(it, struct http_conn, phase_link);

			if (c->due_ms > now)
				break;
			http_phase_expire(c);
		}
	http_deadlines_arm(s);
}

/* At the first of the queues' heads. */
static void http_deadlines_arm(struct http_server *s)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < HTTP_PHASE_MAX; i++)
		if (!list_is_empty(&s->queues[i]))
			at = MIN(at, list_entry(s->queues[i].next, struct http_conn, phase_link)
					 ->due_ms);
	if (at != INT64_MAX && loop_arm(s->loop, &s->deadline, at, http_on_deadline))
		err_forget(); /* out of memory: the next connection arms it */
}

void http_deadlines_init(struct http_server *s)
{
	for (size_t i = 0; i < HTTP_PHASE_MAX; i++)
		list_init(&s->queues[i]);
	s->queue_ms[HTTP_PHASE_HEAD] = s->options.head_ms;
	s->queue_ms[HTTP_PHASE_IDLE] = s->options.idle_ms;
	s->queue_ms[HTTP_PHASE_BODY] = s->options.body_ms;
	s->queue_ms[HTTP_PHASE_WRITE] = s->options.write_ms;
	s->queue_ms[HTTP_PHASE_LEFT] = CHECK_MS;
	s->queue_ms[HTTP_PHASE_CHECK] = CHECK_MS;
}

void http_phase_set(struct http_conn *c, enum http_phase phase)
{
	list_unlink(&c->phase_link);
	c->phase = phase;
	if (phase == HTTP_PHASE_NONE)
		return;
	c->since_ms = c->moved_ms = loop_now_ms(c->server->loop);
	c->n_moved = 0;
	c->acked_at_start = -1;
	http_phase_queue(c, phase);
}

void http_phase_moved(struct http_conn *c, size_t n)
{
	c->n_moved += (int64_t)n;
	c->moved_ms = loop_now_ms(c->server->loop);
}

void http_phase_mark_start(struct http_conn *c)
{
	c->acked_at_start = http_acked(c->fd);
}
