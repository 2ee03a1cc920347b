/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way belongs to whoever holds it: the loop, a queue, or a thread. */
#include "server/lanes.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/queue.h"
#include "server/dispatch.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/scanners.h"
#include "server/server.h"
#include "server/writer.h"
#include "verbs.gen.h"

/* Answers in one turn of the loop. Who is answered calls again, and in the next turn is read: so
 * many make it as long as a caller may wait who calls in between. */
#define DONE_MAX 32
#define LOOK_MS  200

struct lanes {
	struct server *server;
	struct writer *writer;
	struct scanners *scanners;
	struct queue done;
	struct loop_fd done_fd;
	struct list gathered; /* writes of this turn */
	struct loop_task hand_over;
	struct loop_timer tick;
	size_t n_writes, n_scans;
};

static void on_tick(struct loop_timer *timer)
{
	struct lanes *l = container_of(timer, struct lanes, tick);

	if (!l->n_scans)
		return;
	scanners_look(l->scanners);
	/* the heap has had room for this timer since it was armed first */
	if (loop_arm(l->server->loop, &l->tick, clock_boot_ms(&l->server->clock) + LOOK_MS, NULL))
		err_forget();
}

static void on_done(struct loop_fd *f, uint32_t events)
{
	struct lanes *l = container_of(f, struct lanes, done_fd);
	struct server *s = l->server;
	static const struct store_news unknown = { .is_more = true, .due_at = 1 };
	bool has_written = false;
	struct store_news *news;
	struct list items, *it;

	if (writer_is_fatal(l->writer)) {
		/* what the last batch came to is not known: nobody is told anything */
		loop_remove_fd(f);
		loop_stop(s->loop);
		return;
	}
	list_init(&items);
	queue_take(&l->done, &items, DONE_MAX);
	while ((it = list_pop_front(&items))) {
		struct request *r = request_in_lane(it);

		r->is_running = false;
		if (r->in_writer) {
			l->n_writes--;
			has_written = true;
		} else {
			l->n_scans--;
		}
		news = TAKE_PTR(r->news);
		dispatch_returned(r);
		if (news)
			dispatch_news(s, news);
		free(news);
	}
	if (writer_has_lost_news(l->writer))
		dispatch_news(s, &unknown);
	dispatch_batch_over(s, has_written);
}

static void mark_running(struct request *r)
{
	r->is_running = true;
	r->is_queued = false;
}

static void hand_over(struct loop_task *task)
{
	struct lanes *l = container_of(task, struct lanes, hand_over);

	list_for_each (it, tmp, &l->gathered)
		mark_running(request_in_lane(it));
	writer_put(l->writer, &l->gathered);
}

static bool is_alone(const struct request *r)
{
	return r->user && r->user->account.used[CHARGE_CALLS] <= 1;
}

void lanes_write(struct lanes *l, struct request *r)
{
	r->in_writer = r->is_queued = true;
	l->n_writes++;
	r->goes_first = !r->round && is_alone(r); /* rounds of our own are in no haste */
	if (r->goes_first) {
		mark_running(r);
		writer_put_lone(l->writer, &r->lane_link);
		return;
	}
	list_push_back(&l->gathered, &r->lane_link);
	loop_defer(l->server->loop, &l->hand_over, hand_over);
}

void lanes_scan(struct lanes *l, struct request *r)
{
	r->in_writer = false;
	r->is_running = true;
	if (!l->n_scans++ && loop_arm(l->server->loop, &l->tick,
				      clock_boot_ms(&l->server->clock) + LOOK_MS, on_tick))
		err_forget(); /* without the timer a scan is not cut short */
	if (scanners_put(l->scanners, &r->lane_link)) {
		l->n_scans--;
		r->is_running = false;
		r->outcome = CALL_FAILED;
		request_fail(r, ERROR_OVERLOADED, "too many scans are waiting");
		dispatch_finish(r);
	}
}

bool lanes_cancel(struct lanes *l, struct request *r)
{
	if (r->is_queued && !r->has_stepped) { /* one that has goes on, to tidy up */
		list_unlink(&r->lane_link);
		r->is_queued = false;
		l->n_writes--;
		return true;
	}
	if (!r->in_writer)
		scanners_cancel(l->scanners, r);
	return false;
}

void lanes_stats(const struct lanes *l, struct lanes_stats *out)
{
	*out = (struct lanes_stats){ .n_writes = l->n_writes, .n_scans = l->n_scans };
	writer_count(l->writer, &out->n_batches, &out->n_batched);
}

bool lanes_is_fatal(const struct lanes *l)
{
	return writer_is_fatal(l->writer);
}

/* ---- life ---- */

int lanes_new(struct server *s, struct lanes **out)
{
	struct lanes *l = calloc(1, sizeof(*l));
	int e;

	if (!l)
		return err_nomem();
	l->server = s;
	l->done_fd.fd = -1;
	list_init(&l->gathered);
	list_init(&l->hand_over.link);
	e = queue_init(&l->done, 0);
	if (!e)
		e = scanners_new(s, &l->done, &l->scanners);
	if (!e)
		e = writer_new(s, &l->done, &l->writer);
	if (!e)
		e = loop_add_fd(s->loop, &l->done_fd, queue_fd(&l->done), EPOLLIN, on_done);
	if (e) {
		lanes_free(l);
		return err_trace(e);
	}
	*out = l;
	return 0;
}

struct lanes *lanes_free(struct lanes *l)
{
	if (!l)
		return NULL;
	assert(list_is_empty(&l->gathered));
	l->writer = writer_free(l->writer);
	l->scanners = scanners_free(l->scanners);
	loop_remove_fd(&l->done_fd);
	loop_disarm(&l->tick);
	loop_cancel_task(&l->hand_over);
	queue_deinit(&l->done);
	free(l);
	return NULL;
}
