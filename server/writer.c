/* SPDX-License-Identifier: Apache-2.0 */
/* A batch is up to 128 calls. One who floods does not make the others wait: the call of somebody
 * who has nothing else under way joins the batch that runs, before all that waits, and that batch
 * ends when it is worth its commit. Steps of long work (CALL_AGAIN) are items of the same queue:
 * they are run behind a batch, outside its transaction, and given back after each step, so that the
 * loop can tell of progress, cancel, and send them again. */
#include "server/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/thread.h"
#include "server/audit.h"
#include "server/batch.h"
#include "server/faults.h"
#include "server/matching.h"
#include "server/request.h"
#include "server/run.h"
#include "server/server.h"
#include "verbs.gen.h"

#define BATCH_MAX   128
#define CAREFUL     100 /* batches */
#define JOINS_MAX   3
#define HASTE_CALLS 32  /* so many make a commit worth it while a lone caller waits for it */
#define MATCH_MAX   256 /* subscriptions that a batch's events are held against */
#define SCRATCH_MAX ((size_t)64 * 1024 * 1024)
#define QUEUE_MAX   4096 /* above what quotas let in: never reached by callers */
#define TICK_MS     1000

struct writer {
	struct server *server;
	struct queue todo, *done;
	atomic_bool has_lone; /* in `todo` is a lone caller's call */
	/* Taken from there and not begun; lone is who has nothing else under way. */
	struct list lone, rest, steps;
	pthread_t thread;
	bool is_running;
	struct log_limit limit;
	struct run_writer run;
	int n_careful; /* batches to come whose calls have savepoints */
	atomic_bool is_news_lost;
	atomic_uint_least64_t n_batches, n_batched;
	atomic_bool is_closing, is_fatal;
};

/* The transaction is gone: every call of the batch is told so, and why, once in the log. */
static void fail_all(struct writer *w, struct list *batch, int e)
{
	struct call_failure failure = { 0 };

	list_for_each (it, tmp, batch) {
		struct request *r = request_in_lane(it);
		struct str incident;

		r->outcome = CALL_FAILED;
		if (r->is_refused)
			continue; /* it is denied all the same */
		if (!failure.code) {
			faults_fail(r, e, STR("commit"), &w->limit);
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

static int run_one(struct writer *w, struct request *r)
{
	if (!run_can_redo(r))
		w->run.is_bare = false; /* nor may those behind it undo it */
	if (r->verb->lane == LANE_SERVER && !r->is_refused)
		return err_trace(batch_run_atomic(r, w->server->store, &w->limit));
	return err_trace(run_write(r, &w->run));
}

/* What the writer runs in one go. */
struct round {
	struct list calls;
	size_t n_calls;
	int n_joins;
	bool has_lone;
};

static void sort_in(struct writer *w, struct list *items)
{
	list_for_each (it, tmp, items) {
		const struct request *r = request_in_lane(it);

		list_unlink(it);
		if (run_is_step(r))
			list_push_back(&w->steps, it);
		else
			list_push_back(r->goes_first ? &w->lone : &w->rest, it);
	}
}

static void take_in(struct writer *w)
{
	struct list items;

	list_init(&items);
	atomic_store(&w->has_lone, false);
	queue_take(&w->todo, &items, QUEUE_MAX);
	sort_in(w, &items);
}

/* Who comes while others run is served with them: what the disk takes for a commit is shared by
 * all, instead of by the half that was not just answered. */
static struct list *next_of_rest(struct writer *w, struct round *round)
{
	if (round->has_lone && round->n_calls >= HASTE_CALLS)
		return NULL;
	if (list_is_empty(&w->rest) && round->n_joins++ < JOINS_MAX)
		take_in(w);
	return list_pop_front(&w->rest);
}

/* A lone caller's call is the next to run, and its batch soon ends. */
static struct list *next_of(struct writer *w, struct round *round)
{
	struct list *it;

	if (atomic_load_explicit(&w->has_lone, memory_order_relaxed))
		take_in(w);
	it = list_pop_front(&w->lone);
	if (!it)
		return next_of_rest(w, round);
	round->has_lone = true;
	return it;
}

/* The last call has failed halfway, and no call has a savepoint: all is undone, and what was done
 * before it is done again. It takes a fault, or a caller who means it: for a while then each call
 * has one. */
static int redo(struct writer *w, struct round *round)
{
	struct store *store = w->server->store;
	int e;

	w->run.is_bare = false;
	w->n_careful = CAREFUL;
	store_rollback(store);
	e = store_begin_soon(store);
	list_for_each (it, tmp, &round->calls) {
		if (!e)
			e = run_redo(request_in_lane(it), &w->run);
	}
	return err_trace(e);
}

static int run_all(struct writer *w, struct round *round)
{
	struct list *it;

	while (round->n_calls < BATCH_MAX && (it = next_of(w, round))) {
		struct request *r = request_in_lane(it);
		int e;

		list_push_back(&round->calls, it);
		round->n_calls++;
		e = run_is_stopped(r) ? 0 : run_one(w, r);
		if (e == RUN_SPOILT)
			e = redo(w, round);
		if (e)
			return err_trace(e);
	}
	return 0;
}

/* What does not fit goes on with the next batch, which comes soon. */
static int match(struct writer *w)
{
	int e = matching_run(&w->run, clock_wall_ms(&w->server->clock), MATCH_MAX);

	return e < 0 ? err_trace(e) : 0;
}

static int run_calls(struct writer *w, struct round *round)
{
	struct store *store = w->server->store;
	int e;

	w->run.is_bare = w->n_careful == 0;
	w->n_careful -= !w->run.is_bare;
	if (atomic_load(&w->has_lone))
		take_in(w);
	/* moving the log is left to a batch for which no lone caller waits, when one will come */
	if (list_is_empty(&w->lone) || list_is_empty(&w->rest))
		e = store_begin(store);
	else
		e = store_begin_soon(store);
	if (e) {
		list_splice_back(&round->calls, &w->lone);
		list_splice_back(&round->calls, &w->rest);
		return err_trace(e);
	}
	e = run_all(w, round);
	if (!e && store_has_matches(store))
		e = match(w);
	if (e) {
		store_rollback(store);
		return err_trace(e);
	}
	return err_trace(store_commit(store));
}

/* With the last of the batch: those that wait are told when all of it has come back. */
static void leave_news(struct writer *w, struct request *last)
{
	const struct store_news *news = store_news(w->server->store);

	if (!news->n_ready && !news->is_more && !news->has_firings && !news->due_at &&
	    !news->wake_at)
		return;
	last->news = malloc(sizeof(*news));
	if (last->news)
		*last->news = *news;
	else
		atomic_store(&w->is_news_lost, true);
}

static void run_batch(struct writer *w, struct round *round)
{
	int e = run_calls(w, round);

	atomic_fetch_add_explicit(&w->n_batches, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->n_batched, round->n_calls, memory_order_relaxed);
	if (!e) {
		leave_news(w, request_in_lane(round->calls.prev));
		return;
	}
	if (store_is_lost(w->server->store))
		atomic_store(&w->is_fatal, true);
	fail_all(w, &round->calls, e);
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

static void run_step(struct writer *w, struct request *r)
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
			       &w->limit); /* a fault is the call's failure by then */
		if (!r->outcome)
			e = step_reply(r, true, &is_over);
	}
	if (e) {
		r->outcome = CALL_FAILED;
		faults_fail(r, e, r->verb->name, &w->limit);
	}
}

/* Back to the loop, those before the others who went before them on the way here; but not with
 * news, which must find all that waited before. */
static void give_back(struct writer *w, struct list *items)
{
	struct list first;

	list_init(&first);
	list_for_each (it, tmp, items) {
		if (!request_in_lane(it)->goes_first || request_in_lane(it)->news)
			continue;
		list_unlink(it);
		list_push_back(&first, it);
	}
	queue_put_all_first(w->done, &first);
	queue_put_all(w->done, items);
}

/* One batch, then one step of long work. */
static void write_round(struct writer *w)
{
	struct round round = { .n_calls = 0 };
	struct list *step;

	list_init(&round.calls);
	if (!list_is_empty(&w->lone) || !list_is_empty(&w->rest)) {
		run_batch(w, &round);
		give_back(w, &round.calls);
	}
	step = list_pop_front(&w->steps);
	if (step) {
		run_step(w, request_in_lane(step));
		list_push_back(&round.calls, step);
		queue_put_all(w->done, &round.calls);
	}
}

static int64_t housekeep(struct writer *w)
{
	struct err_report report;
	int64_t next_ms = TICK_MS;
	int e = store_housekeep(w->server->store, &next_ms);

	if (e < 0) {
		err_take(e, &report);
		log_error("the store is lost", LOG_C("error", report.text),
			  LOG_C("at", report.chain));
		atomic_store(&w->is_fatal, true);
	}
	return next_ms;
}

/* The loop learns of a fatal store by an empty wake-up. */
static void wake_loop(struct writer *w)
{
	queue_close(w->done);
}

static bool has_work(const struct writer *w)
{
	return !list_is_empty(&w->lone) || !list_is_empty(&w->rest) || !list_is_empty(&w->steps);
}

static void wait_for_work(struct writer *w, int64_t until_ms)
{
	int64_t wait_ms = until_ms - clock_boot_ms(&w->server->clock);
	struct list items;

	list_init(&items);
	if (wait_ms > 0)
		queue_wait(&w->todo, &items, QUEUE_MAX, (int)wait_ms);
	else
		queue_take(&w->todo, &items, QUEUE_MAX);
	sort_in(w, &items);
}

static void *writer_main(void *data)
{
	struct writer *w = data;
	struct clock *clock = &w->server->clock;
	int64_t next_ms = clock_boot_ms(clock);
	bool is_open = true;

	pthread_setname_np(pthread_self(), "writer");
	while (is_open && !atomic_load(&w->is_fatal)) {
		if (!has_work(w))
			wait_for_work(w, next_ms);
		if (has_work(w))
			write_round(w);
		else
			is_open = !atomic_load(&w->is_closing);
		if (!atomic_load(&w->is_fatal) && clock_boot_ms(clock) >= next_ms)
			next_ms = clock_boot_ms(clock) + housekeep(w);
	}
	wake_loop(w);
	return NULL;
}

int writer_new(struct server *s, struct queue *done, struct writer **out)
{
	struct writer *w = calloc(1, sizeof(*w));
	int e;

	if (!w)
		return err_nomem();
	w->server = s;
	w->done = done;
	list_init(&w->lone);
	list_init(&w->rest);
	list_init(&w->steps);
	w->run.store = s->store;
	w->run.limit = &w->limit;
	arena_init(&w->run.scratch, SCRATCH_MAX);
	e = queue_init(&w->todo, QUEUE_MAX);
	if (!e)
		e = thread_start(&w->thread, writer_main, w);
	if (e) {
		writer_free(w);
		return err_trace(e);
	}
	w->is_running = true;
	*out = w;
	return 0;
}

struct writer *writer_free(struct writer *w)
{
	if (!w)
		return NULL;
	atomic_store(&w->is_closing, true);
	if (w->todo.event_fd >= 0)
		queue_close(&w->todo);
	if (w->is_running)
		pthread_join(w->thread, NULL);
	queue_deinit(&w->todo);
	arena_deinit(&w->run.scratch);
	free(w);
	return NULL;
}

void writer_put(struct writer *w, struct list *items)
{
	queue_put_all(&w->todo, items);
}

void writer_put_lone(struct writer *w, struct list *item)
{
	struct list items;

	list_init(&items);
	list_push_back(&items, item);
	queue_put_all(&w->todo, &items);
	atomic_store(&w->has_lone, true);
}

bool writer_has_lost_news(struct writer *w)
{
	return atomic_exchange(&w->is_news_lost, false);
}

bool writer_is_fatal(const struct writer *w)
{
	return atomic_load(&w->is_fatal);
}

void writer_count(const struct writer *w, uint64_t *out_batches, uint64_t *out_batched)
{
	*out_batches = atomic_load_explicit(&w->n_batches, memory_order_relaxed);
	*out_batched = atomic_load_explicit(&w->n_batched, memory_order_relaxed);
}
