/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way belongs to whoever holds it: the loop, a queue, or a thread. Steps of long
 * work (CALL_AGAIN) are items of the same queues: the writer runs them behind its batch, outside
 * its transaction, and gives them back after each step, so that the loop can tell of progress,
 * cancel, and send them again. */
#include "server/lanes.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/queue.h"
#include "server/audit.h"
#include "server/batch.h"
#include "server/dispatch.h"
#include "server/faults.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/run.h"
#include "server/server.h"
#include "verbs.gen.h"

#define BATCH_MAX   128
#define JOINS_MAX   3
#define SCRATCH_MAX ((size_t)64 * 1024 * 1024)
#define DONE_MAX    64   /* answers in one turn of the loop: others are waiting there too */
#define QUEUE_MAX   4096 /* above what quotas let in: never reached by callers */
#define N_SCANNERS  2
#define STACK_BYTES ((size_t)512 * 1024)
#define LOOK_MS     200
#define CUT_WAIT_MS 1500
#define CUT_LOOK_US 2000
#define TICK_MS     1000

struct scanner {
	struct lanes *lanes;
	struct store_reader *reader;
	struct log_limit limit;
	pthread_t thread;
	bool is_running;
	atomic_uint_least64_t serial; /* of the request it runs, 0 = none */
	atomic_int_least64_t since_ms;
	atomic_bool is_step; /* of long work */
};

struct lanes {
	struct server *server;
	struct queue writes, scans, done;
	struct loop_fd done_fd;
	struct list gathered;       /* writes of this turn, */
	struct list gathered_first; /* and those of callers who have nothing else under way */
	struct loop_task hand_over;
	struct loop_timer tick;
	size_t n_writes, n_scans;
	pthread_t writer;
	bool has_writer;
	struct log_limit limit; /* the writer's */
	struct run_writer run;
	atomic_bool is_news_lost; /* for want of memory: then everybody looks */
	struct scanner scanners[N_SCANNERS];
	atomic_uint_least64_t n_batches, n_batched;
	atomic_bool is_closing, is_fatal;
};

static struct request *request_of(struct list *l)
{
	return container_of(l, struct request, lane_link);
}

/* ---- the writer ---- */

static bool is_step(const struct request *r)
{
	return r->verb->lane == LANE_LONG && !r->is_refused;
}

/* Cancelled before it began: nothing was done, nothing will be. */
static bool is_stopped(struct request *r)
{
	if (!atomic_load_explicit(&r->is_cancelled, memory_order_relaxed))
		return false;
	request_fail(r, ERROR_CANCELLED, "the call was cancelled");
	r->outcome = CALL_FAILED;
	return true;
}

/* The transaction is gone: every call of the batch is told so, and why, once in the log. */
static void fail_all(struct lanes *l, struct list *batch, int e)
{
	struct call_failure failure = { 0 };

	list_for_each (it, tmp, batch) {
		struct request *r = request_of(it);
		struct str incident;

		r->outcome = CALL_FAILED;
		if (r->is_refused)
			continue; /* it is denied all the same */
		if (!failure.code) {
			faults_fail(r, e, STR("commit"), &l->limit);
			failure = r->call.failure;
			continue;
		}
		r->call.failure = failure;
		if (failure.n_data) {
			incident = failure.data[0].s;
			r->call.failure.data[0].s = str_dup(&r->arena, incident);
		}
	}
}

static int run_one(struct lanes *l, struct request *r)
{
	if (r->verb->lane == LANE_SERVER && !r->is_refused)
		return err_trace(batch_run_atomic(r, l->server->store, &l->limit));
	return err_trace(run_write(r, &l->run));
}

/* What the writer runs in one go. */
struct round {
	struct list calls, steps;
	size_t n_calls;
};

static void sort_in(struct round *round, struct list *items)
{
	list_for_each (it, tmp, items) {
		list_unlink(it);
		list_push_back(is_step(request_of(it)) ? &round->steps : &round->calls, it);
		round->n_calls += !is_step(request_of(it));
	}
}

/* Those from `it` on. */
static int run_from(struct lanes *l, struct round *round, struct list *it)
{
	for (; it != &round->calls; it = it->next) {
		struct request *r = request_of(it);
		int e = is_stopped(r) ? 0 : run_one(l, r);

		if (e)
			return err_trace(e);
	}
	return 0;
}

/* Who comes while others run is served with them: what the disk takes for a commit is shared by
 * all, instead of by the half that was not just answered. */
static int run_joined(struct lanes *l, struct round *round)
{
	int e = 0;

	for (int i = 0; !e && i < JOINS_MAX && round->n_calls < BATCH_MAX; i++) {
		struct list *last = round->calls.prev;
		struct list items;

		list_init(&items);
		if (!queue_take(&l->writes, &items, BATCH_MAX - round->n_calls))
			return 0;
		sort_in(round, &items);
		e = run_from(l, round, last->next);
	}
	return err_trace(e);
}

static int run_calls(struct lanes *l, struct round *round)
{
	struct store *store = l->server->store;
	int e = store_begin(store);

	if (e)
		return err_trace(e);
	e = run_from(l, round, round->calls.next);
	if (!e)
		e = run_joined(l, round);
	if (e) {
		store_rollback(store);
		return err_trace(e);
	}
	return err_trace(store_commit(store));
}

/* With the last of the batch: those that wait are told when all of it has come back. */
static void leave_news(struct lanes *l, struct request *last)
{
	const struct store_news *news = store_news(l->server->store);

	if (!news->n_ready && !news->is_more && !news->due_at && !news->wake_at)
		return;
	last->news = malloc(sizeof(*news));
	if (last->news)
		*last->news = *news;
	else
		atomic_store(&l->is_news_lost, true);
}

static void run_batch(struct lanes *l, struct round *round)
{
	int e = run_calls(l, round);

	atomic_fetch_add_explicit(&l->n_batches, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&l->n_batched, round->n_calls, memory_order_relaxed);
	if (!e) {
		leave_news(l, request_of(round->calls.prev));
		return;
	}
	if (store_is_lost(l->server->store))
		atomic_store(&l->is_fatal, true);
	fail_all(l, &round->calls, e);
}

/* The reply of an earlier try with the same request_id, or the keeping of this one's, each in a
 * transaction of its own: a step has none. */
static int step_reply(struct request *r, bool is_end, bool *out_is_over)
{
	struct store *store = r->server->store;
	struct store_tx tx;
	int e;

	*out_is_over = false;
	if (!r->request_id.p && !is_end)
		return 0;
	e = store_begin(store);
	if (e)
		return err_trace(e);
	e = store_call_begin(store, &r->arena, r->call.now_ms, &tx);
	if (!e)
		e = is_end ? run_keep_reply(r, &tx) : run_find_reply(r, &tx, out_is_over);
	if (!e && is_end)
		e = audit_add(r, &tx);
	if (!e)
		e = store_call_keep(store);
	if (e) {
		store_rollback(store);
		return err_trace(e);
	}
	return err_trace(store_commit(store));
}

static void run_step(struct lanes *l, struct request *r)
{
	bool is_over, is_first = !r->has_stepped;
	int e = 0;

	r->has_stepped = true;
	r->call.is_cancelled = atomic_load(&r->is_cancelled);
	if (is_first && !r->call.is_cancelled) {
		e = step_reply(r, false, &is_over);
		if (!e && is_over)
			return;
	}
	if (!e) {
		(void)run_verb(r, NULL, false,
			       &l->limit); /* a fault is the call's failure by then */
		if (!r->outcome)
			e = step_reply(r, true, &is_over);
	}
	if (e) {
		r->outcome = CALL_FAILED;
		faults_fail(r, e, r->verb->name, &l->limit);
	}
}

/* Back to the loop, those before the others who went before them on the way here; but not with
 * news, which must find all that waited before. */
static void give_back(struct lanes *l, struct list *items)
{
	struct list first;

	list_init(&first);
	list_for_each (it, tmp, items) {
		if (!request_of(it)->goes_first || request_of(it)->news)
			continue;
		list_unlink(it);
		list_push_back(&first, it);
	}
	queue_put_all_first(&l->done, &first);
	queue_put_all(&l->done, items);
}

static void write_round(struct lanes *l, struct list *items)
{
	struct round round = { .n_calls = 0 };

	list_init(&round.calls);
	list_init(&round.steps);
	sort_in(&round, items);
	if (round.n_calls) {
		run_batch(l, &round);
		give_back(l, &round.calls);
	}
	list_for_each (it, tmp, &round.steps)
		run_step(l, request_of(it));
	queue_put_all(&l->done, &round.steps);
}

static int64_t housekeep(struct lanes *l)
{
	struct err_report report;
	int64_t next_ms = TICK_MS;
	int e = store_housekeep(l->server->store, &next_ms);

	if (e < 0) {
		err_take(e, &report);
		log_error("the store is lost", LOG_C("error", report.text),
			  LOG_C("at", report.chain));
		atomic_store(&l->is_fatal, true);
	}
	return next_ms;
}

/* The loop learns of a fatal store by an empty wake-up. */
static void wake_loop(struct lanes *l)
{
	queue_close(&l->done);
}

static void *writer_main(void *data)
{
	struct lanes *l = data;
	struct clock *clock = &l->server->clock;
	int64_t next_ms = clock_boot_ms(clock);
	bool is_open = true;

	pthread_setname_np(pthread_self(), "writer");
	while (is_open && !atomic_load(&l->is_fatal)) {
		int64_t wait_ms = next_ms - clock_boot_ms(clock);
		struct list items;
		size_t n;

		list_init(&items);
		n = wait_ms > 0 ? queue_wait(&l->writes, &items, BATCH_MAX, (int)wait_ms)
				: queue_take(&l->writes, &items, BATCH_MAX);
		if (n)
			write_round(l, &items);
		else
			is_open = !atomic_load(&l->is_closing);
		if (!atomic_load(&l->is_fatal) && clock_boot_ms(clock) >= next_ms)
			next_ms = clock_boot_ms(clock) + housekeep(l);
	}
	wake_loop(l);
	return NULL;
}

/* ---- scanners ---- */

/* Scans that overlap without end would keep the log from ever being cut: while it is long new ones
 * wait until those that run have let go, and the writer has cut it. */
static void wait_for_cut(const struct lanes *l)
{
	static const struct timespec moment = { .tv_nsec = CUT_LOOK_US * 1000 };
	const struct clock *clock = &l->server->clock;
	int64_t until_ms = clock_boot_ms(clock) + CUT_WAIT_MS;

	while (store_is_log_long(l->server->store) && !atomic_load(&l->is_closing) &&
	       clock_boot_ms(clock) < until_ms)
		(void)nanosleep(&moment, NULL); /* cut short is fine */
}

static void run_scan(struct scanner *t, struct request *r)
{
	struct store_tx tx;
	int e;

	run_prepare(r);
	r->call.is_cancelled = atomic_load(&r->is_cancelled);
	store_reader_take_steps(t->reader, is_step(r));
	e = store_read_begin(t->reader, &r->arena, r->call.now_ms, &tx);
	if (e) {
		r->outcome = CALL_FAILED;
		faults_fail(r, e, r->verb->name, &t->limit);
		return;
	}
	(void)run_verb(r, &tx, false, &t->limit); /* a fault is the call's failure by then */
	store_read_end(t->reader);
	if (r->outcome && r->call.failure.code == ERROR_TIMEOUT && atomic_load(&r->is_cancelled))
		request_fail(r, ERROR_CANCELLED, "the call was cancelled");
	/* a snapshot kept by a thread that may sleep for hours would keep the WAL from being reset
	 */
	store_reader_idle(t->reader);
}

static void *scanner_main(void *data)
{
	struct scanner *t = data;
	struct lanes *l = t->lanes;
	struct clock *clock = &l->server->clock;

	pthread_setname_np(pthread_self(), "scanner");
	for (;;) {
		struct list one;

		list_init(&one);
		if (!queue_wait(&l->scans, &one, 1, -1))
			return NULL;
		struct request *r = request_of(one.next);
		wait_for_cut(l);
		atomic_store(&t->since_ms, clock_boot_ms(clock));
		atomic_store(&t->is_step, is_step(r));
		atomic_store(&t->serial, r->serial);
		if (!is_stopped(r))
			run_scan(t, r);
		atomic_store(&t->serial, 0);
		queue_put_all(&l->done, &one);
	}
}

static bool is_too_long(const struct lanes *l, const struct scanner *t, int64_t now)
{
	int64_t most = store_reader_age_ms(l->server->store, atomic_load(&t->is_step));

	return atomic_load(&t->serial) && now - atomic_load(&t->since_ms) > most;
}

static void on_tick(struct loop_timer *timer)
{
	struct lanes *l = container_of(timer, struct lanes, tick);
	int64_t now = clock_boot_ms(&l->server->clock);

	if (!l->n_scans)
		return;
	for (int i = 0; i < N_SCANNERS; i++) {
		if (is_too_long(l, &l->scanners[i], now))
			store_reader_interrupt(l->scanners[i].reader);
	}
	/* the heap has had room for this timer since it was armed first */
	if (loop_arm(l->server->loop, &l->tick, now + LOOK_MS, NULL))
		err_forget();
}

/* ---- the loop's side ---- */

static void on_done(struct loop_fd *f, uint32_t events)
{
	struct lanes *l = container_of(f, struct lanes, done_fd);
	struct server *s = l->server;
	static const struct store_news unknown = { .is_more = true, .due_at = 1 };
	bool has_written = false;
	struct store_news *news;
	struct list items, *it;

	if (atomic_load(&l->is_fatal)) {
		/* what the last batch came to is not known: nobody is told anything */
		loop_remove_fd(f);
		loop_stop(s->loop);
		return;
	}
	list_init(&items);
	queue_take(&l->done, &items, DONE_MAX);
	while ((it = list_pop_front(&items))) {
		struct request *r = request_of(it);

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
	if (atomic_exchange(&l->is_news_lost, false))
		dispatch_news(s, &unknown);
	dispatch_batch_over(s, has_written);
}

static void mark_running(struct list *gathered)
{
	list_for_each (it, tmp, gathered) {
		request_of(it)->is_running = true;
		request_of(it)->is_queued = false;
	}
}

static void hand_over(struct loop_task *task)
{
	struct lanes *l = container_of(task, struct lanes, hand_over);

	mark_running(&l->gathered);
	mark_running(&l->gathered_first);
	/* in this order: behind a connection's first call may come its second */
	queue_put_all_first(&l->writes, &l->gathered_first);
	queue_put_all(&l->writes, &l->gathered);
}

static bool is_alone(const struct request *r)
{
	return r->user && r->user->account.used[CHARGE_CALLS] <= 1;
}

void lanes_write(struct lanes *l, struct request *r)
{
	r->in_writer = r->is_queued = true;
	l->n_writes++;
	/* one who floods does not make the others wait; one call has no order to lose */
	r->goes_first = is_alone(r);
	list_push_back(r->goes_first ? &l->gathered_first : &l->gathered, &r->lane_link);
	loop_defer(l->server->loop, &l->hand_over, hand_over);
}

void lanes_scan(struct lanes *l, struct request *r)
{
	r->in_writer = false;
	r->is_running = true;
	if (!l->n_scans++ && loop_arm(l->server->loop, &l->tick,
				      clock_boot_ms(&l->server->clock) + LOOK_MS, on_tick))
		err_forget(); /* without the timer a scan is not cut short */
	if (queue_put(&l->scans, &r->lane_link)) {
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
	for (int i = 0; !r->in_writer && i < N_SCANNERS; i++)
		if (atomic_load(&l->scanners[i].serial) == r->serial)
			store_reader_interrupt(l->scanners[i].reader);
	return false;
}

void lanes_stats(const struct lanes *l, struct lanes_stats *out)
{
	*out = (struct lanes_stats){
		.n_writes = l->n_writes,
		.n_scans = l->n_scans,
		.n_batches = atomic_load_explicit(&l->n_batches, memory_order_relaxed),
		.n_batched = atomic_load_explicit(&l->n_batched, memory_order_relaxed),
	};
}

bool lanes_is_fatal(const struct lanes *l)
{
	return atomic_load(&l->is_fatal);
}

/* ---- life ---- */

static int start_thread(pthread_t *out, void *(*fn)(void *), void *data)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(out, &attr, fn, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!e)
		return 0;
	errno = e;
	return err_sys("cannot start a thread");
}

static int start(struct lanes *l)
{
	struct server *s = l->server;
	int e;

	for (int i = 0; i < N_SCANNERS; i++) {
		struct scanner *t = &l->scanners[i];

		t->lanes = l;
		e = store_reader_new(s->store, false, &t->reader);
		if (!e)
			e = start_thread(&t->thread, scanner_main, t);
		if (e)
			return err_trace(e);
		t->is_running = true;
	}
	e = start_thread(&l->writer, writer_main, l);
	if (e)
		return err_trace(e);
	l->has_writer = true;
	return err_trace(loop_add_fd(s->loop, &l->done_fd, queue_fd(&l->done), EPOLLIN, on_done));
}

int lanes_new(struct server *s, struct lanes **out)
{
	struct lanes *l = calloc(1, sizeof(*l));
	int e;

	if (!l)
		return err_nomem();
	l->server = s;
	l->done_fd.fd = -1;
	l->run.store = s->store;
	l->run.limit = &l->limit;
	arena_init(&l->run.scratch, SCRATCH_MAX);
	l->writes.event_fd = l->scans.event_fd = l->done.event_fd = -1;
	list_init(&l->gathered);
	list_init(&l->gathered_first);
	list_init(&l->hand_over.link);
	e = queue_init(&l->writes, QUEUE_MAX);
	if (!e)
		e = queue_init(&l->scans, QUEUE_MAX);
	if (!e)
		e = queue_init(&l->done, 0);
	if (!e)
		e = start(l);
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
	assert(list_is_empty(&l->gathered) && list_is_empty(&l->gathered_first));
	atomic_store(&l->is_closing, true);
	if (l->writes.event_fd >= 0)
		queue_close(&l->writes);
	if (l->scans.event_fd >= 0)
		queue_close(&l->scans);
	if (l->has_writer)
		pthread_join(l->writer, NULL);
	for (int i = 0; i < N_SCANNERS; i++) {
		if (l->scanners[i].is_running)
			pthread_join(l->scanners[i].thread, NULL);
		store_reader_free(l->scanners[i].reader);
	}
	loop_remove_fd(&l->done_fd);
	loop_disarm(&l->tick);
	loop_cancel_task(&l->hand_over);
	queue_deinit(&l->writes);
	queue_deinit(&l->scans);
	queue_deinit(&l->done);
	arena_deinit(&l->run.scratch);
	free(l);
	return NULL;
}
