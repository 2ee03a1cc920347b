/* SPDX-License-Identifier: Apache-2.0 */
#include "server/scheduler.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "server/claims.h"
#include "server/lanes.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/server.h"
#include "store/channels.h"
#include "store/hooks.h"
#include "store/mail.h"
#include "store/queues.h"
#include "store/schedules.h"
#include "store/tasks_times.h"
#include "store/workers.h"
#include "verbs.gen.h"
#include "verbs/schedules_due.h"
#include "verbs/tasks_due.h"

#define ROUND_MAX 200  /* tasks of a kind, or mails, a round: a few ms of the writer */
#define GAP_MS    2    /* between rounds */
#define AGAIN_MS  1000 /* after a round that failed */
#define FAR_MS    ((int64_t)24 * 3600 * 1000)
#define GONE_MAX  256 /* connections a round; of others the beats tell */

struct scheduler {
	struct server *server;
	struct quota_user *user;
	struct principal principal;
	struct loop_timer timer;
	struct loop_fd wall; /* readable when the wall clock was set */
	int wall_fd;
	int64_t due_at, wake_at; /* steady and wall; 0 = never */
	uint64_t gone[GONE_MAX];
	size_t n_gone;
	bool is_running, is_first, is_stopped;
	/* the round's, the writer's while it runs */
	uint64_t round_gone[GONE_MAX];
	size_t n_round_gone;
	bool has_more;
	int64_t next_due, next_wake;
};

/* What rounds are called in logs and measurements. */
static const struct verb round_verb = { .name = { "tasks.timers", 12 }, .lane = LANE_WRITE };

static void begin(struct scheduler *c);

static void on_timer(struct loop_timer *t)
{
	begin(container_of(t, struct scheduler, timer));
}

/* In how many ms the earlier of both comes; at most FAR_MS, as wall clocks and steady ones part. */
static int64_t wait_ms(const struct scheduler *c)
{
	int64_t ms = FAR_MS;

	if (c->due_at)
		ms = MIN(ms, c->due_at - store_steady_ms(c->server->store));
	if (c->wake_at)
		ms = MIN(ms, c->wake_at - clock_wall_ms(&c->server->clock));
	return MAX(ms, GAP_MS);
}

static void arm_in(struct scheduler *c, int64_t ms)
{
	if (loop_arm(c->server->loop, &c->timer, clock_boot_ms(&c->server->clock) + ms, on_timer))
		err_forget(); /* memory is out: the next batch's news arm it */
}

static void arm(struct scheduler *c)
{
	if (!c->is_running && !c->is_stopped && (c->due_at || c->wake_at))
		arm_in(c, wait_ms(c));
}

static bool is_earlier(int64_t at, int64_t than)
{
	return at && (!than || at < than);
}

/* When the store has something next, of all that time does. */
static int next_times(struct store_tx *tx, int64_t *out_due, int64_t *out_wake)
{
	int64_t mail = 0, schedule = 0;
	int e = store_task_next_times(tx, out_due, out_wake);

	if (e == 0)
		e = store_mail_next_time(tx, &mail);
	if (e == 0)
		e = store_schedule_next(tx, &schedule);
	if (e == 0 && is_earlier(mail, *out_due))
		*out_due = mail;
	if (e == 0 && is_earlier(schedule, *out_wake))
		*out_wake = schedule;
	return err_trace(e);
}

/* ---- a round ---- */

static int run_round(struct request *r, struct store_tx *tx)
{
	struct scheduler *c = r->owner;
	struct call *call = &r->call;
	int e = 0;

	if (c->is_first)
		e = workers_gone(call, 0);
	for (size_t i = 0; !e && i < c->n_round_gone; i++)
		e = workers_gone(call, c->round_gone[i]);
	if (!e)
		e = tasks_tick(call, ROUND_MAX, &c->has_more);
	if (!e)
		e = store_mail_tick(tx, ROUND_MAX, &c->has_more);
	if (!e)
		e = schedules_tick(call, ROUND_MAX, &c->has_more);
	if (!e)
		e = next_times(tx, &c->next_due, &c->next_wake);
	return err_trace(e);
}

static void on_round_over(struct request *r)
{
	struct scheduler *c = r->owner;
	bool has_failed = r->call.failure.code != 0;

	request_free(r);
	c->is_running = false;
	if (c->is_stopped)
		return;
	if (has_failed) {
		arm_in(c, AGAIN_MS);
		return;
	}
	c->is_first = false;
	c->due_at = c->next_due;
	c->wake_at = c->next_wake;
	if (c->has_more || c->n_gone)
		arm_in(c, GAP_MS);
	else
		arm(c);
}

static const struct request_ops ops = { .done = on_round_over };

static void begin(struct scheduler *c)
{
	struct server *s = c->server;
	struct request *r;

	if (c->is_running || c->is_stopped)
		return;
	r = pool_take(s, &ops, c, &c->principal, c->user);
	if (!r) {
		arm_in(c, AGAIN_MS);
		return;
	}
	r->call.arena = &r->arena;
	r->verb = &round_verb;
	r->job = run_round;
	for (size_t i = 0; i < c->n_gone; i++)
		c->round_gone[i] = c->gone[i];
	c->n_round_gone = TAKE(c->n_gone, 0);
	c->is_running = true;
	lanes_write(s->lanes, r);
}

/* ---- what others tell ---- */

void scheduler_tell(struct scheduler *c, const struct store_news *news)
{
	bool is_due = is_earlier(news->due_at, c->due_at);
	bool is_wake = is_earlier(news->wake_at, c->wake_at);

	if (is_due)
		c->due_at = news->due_at;
	if (is_wake)
		c->wake_at = news->wake_at;
	if (is_due || is_wake)
		arm(c);
}

void scheduler_connection_gone(struct scheduler *c, uint64_t connection)
{
	if (!c || c->is_stopped || c->n_gone == GONE_MAX)
		return;
	c->gone[c->n_gone++] = connection;
	if (!c->is_running)
		arm_in(c, 0);
}

void scheduler_stop(struct scheduler *c)
{
	if (!c)
		return;
	c->is_stopped = true;
	loop_disarm(&c->timer);
}

bool scheduler_has_work(const struct scheduler *c)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	bool has_work = true; /* where it cannot be read */
	struct store_tx tx;
	int64_t next = 0;

	if (!c)
		return false;
	arena_init(&a, 0);
	if (store_read_begin(c->server->reader, &a, clock_wall_ms(&c->server->clock), &tx)) {
		err_forget();
		return true;
	}
	if (store_queue_has_work(&tx, &has_work) ||
	    (!has_work && store_schedule_next(&tx, &next)) ||
	    (!has_work && !next && store_hook_any(&tx, &has_work)) ||
	    (!has_work && !next && store_channel_any(&tx, &has_work)))
		err_forget();
	store_read_end(c->server->reader);
	store_reader_idle(c->server->reader);
	return has_work || next;
}

/* ---- the wall clock ---- */

/* A timer far away that is cancelled, and so readable, when somebody sets the clock. */
static int watch_wall(struct scheduler *c)
{
	struct itimerspec far = { .it_value = { .tv_sec = INT32_MAX } };

	if (timerfd_settime(c->wall_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL))
		return err_sys("cannot watch the clock");
	return 0;
}

static void on_wall_set(struct loop_fd *f, uint32_t events)
{
	struct scheduler *c = container_of(f, struct scheduler, wall);
	uint64_t n;

	(void)!read(c->wall_fd, &n, sizeof(n)); /* ECANCELED says it all */
	if (watch_wall(c))
		err_forget(); /* then schedules follow the next time they are looked at */
	begin(c);             /* what was due may not be any more, and the other way round */
}

static int open_wall(struct scheduler *c)
{
	int e;

	c->wall_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->wall_fd < 0)
		return err_sys("cannot make a timer");
	e = watch_wall(c);
	return e ? err_trace(e)
		 : err_trace(
		       loop_add_fd(c->server->loop, &c->wall, c->wall_fd, EPOLLIN, on_wall_set));
}

/* ---- life ---- */

/* What the store has from before; nothing is written where there is nothing to do. */
static int look(struct scheduler *c)
{
	CLEANUP(arena_deinit) struct arena a;
	struct server *s = c->server;
	struct store_tx tx;
	int e;

	arena_init(&a, 0);
	e = store_read_begin(s->reader, &a, clock_wall_ms(&s->clock), &tx);
	if (e)
		return err_trace(e);
	e = next_times(&tx, &c->due_at, &c->wake_at);
	if (!e)
		e = store_worker_has_connection(&tx, &c->is_first);
	if (!e && !c->is_first)
		e = schedules_are_ahead(&tx, &c->is_first);
	store_read_end(s->reader);
	store_reader_idle(s->reader);
	return err_trace(e);
}

int scheduler_new(struct server *s, struct scheduler **out)
{
	struct scheduler *c = calloc(1, sizeof(*c));
	int e;

	if (!c)
		return err_nomem();
	c->server = s;
	c->wall_fd = c->wall.fd = -1;
	c->principal = (struct principal){ .id = STR("system"), .roles = UINT32_MAX };
	c->user = quota_join(s->quota, &c->principal);
	e = c->user ? open_wall(c) : err_nomem();
	if (!e)
		e = look(c);
	if (e) {
		scheduler_free(c);
		return err_trace(e);
	}
	*out = c;
	if (c->is_first)
		arm_in(c, 0);
	else
		arm(c);
	return 0;
}

struct scheduler *scheduler_free(struct scheduler *c)
{
	if (!c)
		return NULL;
	loop_disarm(&c->timer);
	loop_remove_fd(&c->wall);
	fd_close(&c->wall_fd);
	c->user = quota_unref(c->user);
	free(c);
	return NULL;
}
