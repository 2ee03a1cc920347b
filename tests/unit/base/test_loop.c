/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

/* A loop under a fake clock, and what was seen there. */
struct world {
	struct clock clock;
	struct loop *loop;
	char seen[128];
	size_t n_seen;
};

static void world_init(struct world *w)
{
	*w = (struct world){ .clock = { .is_fake = true, .fake_boot_us = 1000000 } };
	if (loop_new(&w->clock, &w->loop))
		abort();
}

static void see(struct world *w, char c)
{
	if (w->n_seen + 1 < sizeof(w->seen))
		w->seen[w->n_seen++] = c;
}

struct source {
	struct world *world;
	struct loop_fd fd;
	int pair[2];
	char name;
	struct source *removes; /* when called */
};

static void on_source(struct loop_fd *f, uint32_t events)
{
	struct source *s = container_of(f, struct source, fd);

	see(s->world, s->name);
	if (events & EPOLLHUP)
		see(s->world, '^');
	if (s->removes)
		loop_remove_fd(&s->removes->fd);
}

static void source_init(struct source *s, struct world *w, char name)
{
	*s = (struct source){ .world = w, .name = name };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s->pair))
		abort();
	CHECK_OK(loop_add_fd(w->loop, &s->fd, s->pair[0], EPOLLIN, on_source));
}

static void source_deinit(struct source *s)
{
	loop_remove_fd(&s->fd);
	loop_remove_fd(&s->fd);
	fd_close(&s->pair[0]);
	fd_close(&s->pair[1]);
}

TEST(loop_tells_of_a_readable_descriptor_and_of_a_hangup)
{
	struct world w;
	struct source a;

	world_init(&w);
	source_init(&a, &w, 'a');
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "");
	CHECK_OK(fd_write_all(a.pair[1], "x", 1));
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "a");
	fd_close(&a.pair[1]);
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "aa^");
	source_deinit(&a);
	loop_free(w.loop);
}

TEST(loop_a_removed_descriptor_gets_no_event_of_the_same_turn)
{
	struct source a, b;
	struct world w;

	world_init(&w);
	source_init(&a, &w, 'x');
	source_init(&b, &w, 'x');
	a.removes = &b;
	b.removes = &a; /* whichever comes first removes the other */
	CHECK_OK(fd_write_all(a.pair[1], "x", 1));
	CHECK_OK(fd_write_all(b.pair[1], "x", 1));
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "x");
	CHECK((a.fd.fd < 0) != (b.fd.fd < 0));
	source_deinit(&a);
	source_deinit(&b);
	loop_free(w.loop);
}

TEST(loop_a_descriptor_may_remove_itself)
{
	struct source a;
	struct world w;

	world_init(&w);
	source_init(&a, &w, 'a');
	a.removes = &a;
	CHECK_OK(fd_write_all(a.pair[1], "x", 1));
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "a");
	source_deinit(&a);
	loop_free(w.loop);
}

TEST(loop_change_watches_other_events)
{
	struct source a;
	struct world w;

	world_init(&w);
	source_init(&a, &w, 'a');
	CHECK_OK(loop_change_fd(&a.fd, EPOLLIN | EPOLLOUT));
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "a");
	CHECK_OK(loop_change_fd(&a.fd, EPOLLIN));
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "a");
	source_deinit(&a);
	loop_free(w.loop);
}

TEST(loop_add_of_a_bad_descriptor_is_a_fault)
{
	struct loop_fd f = { .fd = -1 };
	struct world w;

	world_init(&w);
	CHECK_FAULT(loop_add_fd(w.loop, &f, -1, EPOLLIN, on_source), ERR_SYS);
	loop_remove_fd(&f);
	loop_free(w.loop);
}

/* ---- timers ---- */

struct alarm {
	struct world *world;
	struct loop_timer timer;
	char name;
	int64_t again_ms; /* rearms itself so much later; -1 = not */
	struct alarm *disarms;
};

static void on_alarm(struct loop_timer *t)
{
	struct alarm *a = container_of(t, struct alarm, timer);

	see(a->world, a->name);
	if (a->again_ms >= 0)
		CHECK_OK(loop_arm(t->loop, t, loop_now_ms(t->loop) + a->again_ms, NULL));
	if (a->disarms)
		loop_disarm(&a->disarms->timer);
}

static void arm(struct world *w, struct alarm *a, char name, int64_t after_ms)
{
	*a = (struct alarm){ .world = w, .name = name, .again_ms = -1 };
	CHECK_OK(loop_arm(w->loop, &a->timer, loop_now_ms(w->loop) + after_ms, on_alarm));
}

TEST(loop_timers_fire_by_time_and_then_by_order_of_arming)
{
	struct alarm a, b, c, d;
	struct world w;

	world_init(&w);
	arm(&w, &a, 'a', 20);
	arm(&w, &b, 'b', 10);
	arm(&w, &c, 'c', 20);
	arm(&w, &d, 'd', 30);
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "");
	clock_advance(&w.clock, 9);
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "");
	clock_advance(&w.clock, 1);
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "b");
	clock_advance(&w.clock, 10);
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "bac");
	loop_disarm(&d.timer);
	loop_disarm(&d.timer);
	clock_advance(&w.clock, 100);
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "bac");
	loop_free(w.loop);
}

TEST(loop_a_timer_may_be_rearmed_and_disarm_another_from_its_callback)
{
	struct alarm a, b;
	struct world w;

	world_init(&w);
	arm(&w, &a, 'a', 5);
	arm(&w, &b, 'b', 5);
	a.again_ms = 5;
	a.disarms = &b;
	for (int i = 0; i < 3; i++) {
		clock_advance(&w.clock, 5);
		CHECK_OK(loop_turn(w.loop, 0));
	}
	CHECK_CSTR(w.seen, "aaa");
	loop_disarm(&a.timer);
	loop_free(w.loop);
}

TEST(loop_an_overdue_timer_that_rearms_itself_starves_nobody)
{
	struct alarm a, b;
	struct world w;

	world_init(&w);
	arm(&w, &a, 'a', 0);
	arm(&w, &b, 'b', 1);
	a.again_ms = 0;
	clock_advance(&w.clock, 1000);
	CHECK_OK(loop_turn(w.loop, 0));
	CHECK_CSTR(w.seen, "ab");
	CHECK_OK(loop_arm(w.loop, &a.timer, -5, NULL));
	CHECK_OK(loop_arm(w.loop, &b.timer, loop_now_ms(w.loop), NULL));
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "abab");
	loop_disarm(&a.timer);
	loop_free(w.loop);
}

TEST(loop_many_timers_in_any_order_come_out_sorted)
{
	enum { N = 500 };
	static struct alarm alarms[N];
	uint64_t state = 7;
	int64_t last = 0;
	struct world w;

	world_init(&w);
	for (int i = 0; i < N; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		arm(&w, &alarms[i], 'x', (int64_t)(state >> 40) % 1000 + 1);
	}
	for (int i = 0; i < N; i += 3)
		loop_disarm(&alarms[i].timer);
	for (int i = 1; i < N; i += 3)
		CHECK_OK(loop_arm(w.loop, &alarms[i].timer, loop_now_ms(w.loop) + 1001 - i, NULL));
	for (int left = N - (N + 2) / 3; left;) {
		int before = left;

		clock_advance(&w.clock, 1);
		CHECK_OK(loop_turn(w.loop, 0));
		for (int i = 0; i < N; i++) {
			if (i % 3 == 0 || alarms[i].timer.slot || alarms[i].name == '-')
				continue;
			alarms[i].name = '-';
			CHECK_INT(alarms[i].timer.at_ms, loop_now_ms(w.loop));
			left--;
		}
		CHECK(loop_now_ms(w.loop) > last);
		last = loop_now_ms(w.loop);
		if (!CHECK(last < 3000) || left > before)
			break;
	}
	for (int i = 0; i < N; i++)
		CHECK_INT(alarms[i].timer.slot, 0);
	loop_free(w.loop);
}

TEST(loop_arm_survives_a_failed_allocation)
{
	struct alarm a = { .again_ms = -1 };
	struct world w;

	world_init(&w);
	a.world = &w;
	alloc_fail_at(1);
	CHECK_FAULT(loop_arm(w.loop, &a.timer, 5, on_alarm), ERR_NOMEM);
	alloc_fail_at(0);
	CHECK_INT(a.timer.slot, 0);
	loop_disarm(&a.timer);
	loop_free(w.loop);
	alloc_fail_at(1);
	CHECK_FAULT(loop_new(&w.clock, &w.loop), ERR_NOMEM);
	alloc_fail_at(0);
}

/* ---- tasks, signals, running ---- */

struct job {
	struct world *world;
	struct loop_task task;
	char name;
	struct job *defers;
};

static void on_job(struct loop_task *t)
{
	struct job *j = container_of(t, struct job, task);

	see(j->world, j->name);
	if (j->defers)
		loop_defer(j->world->loop, &j->defers->task, on_job);
}

TEST(loop_tasks_run_once_after_the_events_of_their_turn)
{
	struct world w;
	struct job a = { .world = &w, .name = 'a' }, b = { .world = &w, .name = 'b' };

	world_init(&w);
	loop_cancel_task(&a.task);
	loop_defer(w.loop, &a.task, on_job);
	loop_defer(w.loop, &a.task, on_job);
	loop_defer(w.loop, &b.task, on_job);
	loop_cancel_task(&b.task);
	CHECK_OK(loop_turn(w.loop, -1)); /* does not block */
	CHECK_CSTR(w.seen, "a");
	a.defers = &b;
	loop_defer(w.loop, &a.task, on_job);
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "aa");
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "aab");
	loop_free(w.loop);
}

static void stop(struct loop_task *t)
{
	loop_stop(container_of(t, struct job, task)->world->loop);
}

TEST(loop_runs_until_stopped)
{
	struct world w;
	struct job j = { .world = &w };

	world_init(&w);
	loop_defer(w.loop, &j.task, stop);
	CHECK_OK(loop_run(w.loop));
	loop_defer(w.loop, &j.task, stop);
	CHECK_OK(loop_run(w.loop));
	CHECK(loop_clock(w.loop) == &w.clock);
	loop_free(w.loop);
}

static void on_tick(struct loop_timer *t)
{
	loop_stop(t->loop);
}

TEST(loop_with_the_real_clock_waits_for_its_timer)
{
	struct loop_timer t = { 0 };
	struct clock clock = { 0 };
	struct loop *l;

	if (!CHECK_OK(loop_new(&clock, &l)))
		return;
	CHECK_OK(loop_arm(l, &t, clock_boot_ms(&clock) + 3, on_tick));
	CHECK_OK(loop_run(l));
	CHECK(clock_boot_ms(&clock) >= t.at_ms);
	loop_free(l);
}

static void on_signal(void *data, int signo)
{
	see(data, signo == SIGUSR1 ? '1' : '2');
}

TEST(loop_signals_arrive_as_events)
{
	const int signos[] = { SIGUSR1, SIGUSR2 };
	sigset_t before;
	struct world w;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	world_init(&w);
	CHECK_OK(loop_add_signals(w.loop, signos, 2, on_signal, &w));
	CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
	CHECK_INT(pthread_kill(pthread_self(), SIGUSR2), 0);
	CHECK_OK(loop_turn(w.loop, -1));
	CHECK_CSTR(w.seen, "12");
	loop_free(w.loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
