/* SPDX-License-Identifier: Apache-2.0 */
#include "server/scanners.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/thread.h"
#include "server/faults.h"
#include "server/request.h"
#include "server/run.h"
#include "server/server.h"
#include "verbs.gen.h"

#define N_SCANNERS  2
#define QUEUE_MAX   4096 /* above what quotas let in: never reached by callers */
#define CUT_WAIT_MS 1500
#define CUT_LOOK_US 2000

struct scanner {
	struct scanners *all;
	struct store_reader *reader;
	struct log_limit limit;
	pthread_t thread;
	bool is_running;
	atomic_uint_least64_t serial; /* of the request it runs, 0 = none */
	atomic_int_least64_t since_ms;
	atomic_bool is_step; /* of long work */
};

struct scanners {
	struct server *server;
	struct queue todo, *done;
	struct scanner each[N_SCANNERS];
	atomic_bool is_closing;
};

/* Scans that overlap without end would keep the log from ever being cut: while it is long new ones
 * wait until those that run have let go, and the writer has cut it. */
static void wait_for_cut(const struct scanners *t)
{
	static const struct timespec moment = { .tv_nsec = CUT_LOOK_US * 1000 };
	const struct clock *clock = &t->server->clock;
	int64_t until_ms = clock_boot_ms(clock) + CUT_WAIT_MS;

	while (store_is_log_long(t->server->store) && !atomic_load(&t->is_closing) &&
	       clock_boot_ms(clock) < until_ms)
		(void)nanosleep(&moment, NULL); /* cut short is fine */
}

static void run_scan(struct scanner *t, struct request *r)
{
	struct store_tx tx;
	int e;

	run_prepare(r);
	r->call.is_cancelled = atomic_load(&r->is_cancelled);
	store_reader_take_steps(t->reader, run_is_step(r));
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
	struct scanners *all = t->all;
	struct clock *clock = &all->server->clock;

	pthread_setname_np(pthread_self(), "scanner");
	for (;;) {
		struct list one;

		list_init(&one);
		if (!queue_wait(&all->todo, &one, 1, -1))
			return NULL;
		struct request *r = request_in_lane(one.next);
		wait_for_cut(all);
		atomic_store(&t->since_ms, clock_boot_ms(clock));
		atomic_store(&t->is_step, run_is_step(r));
		atomic_store(&t->serial, r->serial);
		if (!run_is_stopped(r))
			run_scan(t, r);
		atomic_store(&t->serial, 0);
		queue_put_all(all->done, &one);
	}
}

static bool is_too_long(const struct scanner *t, int64_t now)
{
	int64_t most = store_reader_age_ms(t->all->server->store, atomic_load(&t->is_step));

	return atomic_load(&t->serial) && now - atomic_load(&t->since_ms) > most;
}

void scanners_look(struct scanners *t)
{
	int64_t now = clock_boot_ms(&t->server->clock);

	for (int i = 0; i < N_SCANNERS; i++) {
		if (is_too_long(&t->each[i], now))
			store_reader_interrupt(t->each[i].reader);
	}
}

int scanners_put(struct scanners *t, struct list *item)
{
	return queue_put(&t->todo, item) ? QUEUE_FULL : 0;
}

void scanners_cancel(struct scanners *t, const struct request *r)
{
	for (int i = 0; i < N_SCANNERS; i++)
		if (atomic_load(&t->each[i].serial) == r->serial)
			store_reader_interrupt(t->each[i].reader);
}

static int start(struct scanners *all)
{
	for (int i = 0; i < N_SCANNERS; i++) {
		struct scanner *t = &all->each[i];
		int e;

		t->all = all;
		e = store_reader_new(all->server->store, false, &t->reader);
		if (!e)
			e = thread_start(&t->thread, scanner_main, t);
		if (e)
			return err_trace(e);
		t->is_running = true;
	}
	return 0;
}

int scanners_new(struct server *s, struct queue *done, struct scanners **out)
{
	struct scanners *t = calloc(1, sizeof(*t));
	int e;

	if (!t)
		return err_nomem();
	t->server = s;
	t->done = done;
	e = queue_init(&t->todo, QUEUE_MAX);
	if (!e)
		e = start(t);
	if (e) {
		scanners_free(t);
		return err_trace(e);
	}
	*out = t;
	return 0;
}

struct scanners *scanners_free(struct scanners *t)
{
	if (!t)
		return NULL;
	atomic_store(&t->is_closing, true);
	if (t->todo.event_fd >= 0)
		queue_close(&t->todo);
	for (int i = 0; i < N_SCANNERS; i++) {
		if (t->each[i].is_running)
			pthread_join(t->each[i].thread, NULL);
		store_reader_free(t->each[i].reader);
	}
	queue_deinit(&t->todo);
	free(t);
	return NULL;
}
