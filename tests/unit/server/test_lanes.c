/* SPDX-License-Identifier: Apache-2.0 */
/* Writer, scanners and loop at work at the same time: what the thread sanitizer looks at. */
#include "server/lanes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/access.h"
#include "server/channel.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/server.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"
#include "world.h"

enum { N_PEERS = 4, N_ROUNDS = 24, N_CALLS = 6, ROUNDS_AT_ONCE = 3 };

/* The i-th call of a round; -Wformat wants each format in its place. */
static void put_call(char *out, size_t cap, int i, int who, int round)
{
	switch (i) {
	case 0:
		snprintf(out, cap,
			 "ideas.store\",\"params\":{\"name\":\"%d %d\",\"content\":\"x y\"}", who,
			 round);
		return;
	case 1:
		snprintf(out, cap, "ideas.search\",\"params\":{\"query\":\"x %d\"}", round);
		return;
	case 2:
		snprintf(out, cap, "events.fire\",\"params\":{\"kind\":\"lane.p%dr%d\"}", who,
			 round);
		return;
	case 3:
		snprintf(out, cap, "agents.list\",\"params\":{\"limit\":%d}", 1 + round);
		return;
	case 4:
		snprintf(out, cap, "ideas.search\",\"params\":{\"query\":\"y %d\"}", who);
		return;
	default:
		snprintf(out, cap, "system.ping\",\"params\":{}");
	}
}

static int id_of(int round, int i)
{
	return 1000 + round * N_CALLS + i;
}

static void say_round(struct peer *p, int who, int round)
{
	char call[128], line[256];

	for (int i = 0; i < N_CALLS; i++) {
		put_call(call, sizeof(call), i, who, round);
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s}",
			 id_of(round, i), call);
		peer_say(p, line);
	}
}

/* One that may be in a batch, or run, or be over already. */
static void cancel_one(struct peer *p, int round)
{
	char line[128];

	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		 "\"params\":{\"requestId\":%d}}",
		 id_of(round, round % 5));
	peer_say(p, line);
}

static size_t count(struct str text, const char *part)
{
	size_t n = 0;

	for (const char *at = text.p;
	     (at = memmem(at, text.n - (size_t)(at - text.p), part, strlen(part)));
	     at += strlen(part))
		n++;
	return n;
}

static void check_answers(const struct peer *p)
{
	char id[32];

	for (int i = id_of(0, 0); i < id_of(N_ROUNDS, 0); i++) {
		snprintf(id, sizeof(id), "\"id\":%d,", i);
		CHECK_INT(count(buf_str(&p->out), id), 1);
	}
	CHECK_INT(count(buf_str(&p->out), "-32603"), 0);
}

/* Some rounds are under way at any time, so that all threads have work; half the rounds have a call
 * cancelled while it is wherever it is. */
static void say_all(struct world *w, struct peer *peers)
{
	for (int round = 0; round < N_ROUNDS; round++) {
		for (int i = 0; i < N_PEERS; i++)
			say_round(&peers[i], i, round);
		CHECK_OK(loop_turn(w->server.loop, 0));
		for (int i = round % 2; i < N_PEERS; i += 2)
			cancel_one(&peers[i], round);
		for (int i = 0; round >= ROUNDS_AT_ONCE && i < N_PEERS; i++)
			CHECK(peer_wait(&peers[i], (size_t)(round - ROUNDS_AT_ONCE) * N_CALLS));
	}
	for (int i = 0; i < N_PEERS; i++)
		CHECK(peer_wait(&peers[i], (size_t)N_ROUNDS * N_CALLS));
}

TEST(lanes_answer_each_call_once_while_all_threads_work_and_calls_are_cancelled)
{
	struct peer peers[N_PEERS];
	struct lanes_stats stats;
	struct world w;

	if (!world_open(&w, NULL, false))
		return;
	for (int i = 0; i < N_PEERS; i++)
		if (!peer_open(&peers[i], &w, NULL))
			return;
	say_all(&w, peers);
	lanes_stats(w.server.lanes, &stats);
	CHECK_INT(stats.n_writes, 0);
	CHECK_INT(stats.n_scans, 0);
	CHECK(stats.n_batches > 0 && stats.n_batched >= stats.n_batches);
	for (int i = 0; i < N_PEERS; i++) {
		check_answers(&peers[i]);
		peer_close(&peers[i]);
	}
	world_close(&w);
}

enum { N_CROWD = 900, N_BATCH = 128 };

TEST(lanes_take_a_lone_callers_write_before_those_of_a_crowd)
{
	struct principal anybody = access_anonymous();
	struct peer crowd, lone;
	struct world w;

	if (!world_open(&w, NULL, false) || !peer_open(&crowd, &w, NULL) ||
	    !peer_open(&lone, &w, &anybody))
		return;
	for (int i = 0; i < N_CROWD; i++)
		peer_say(&crowd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.fire\","
				 "\"params\":{\"kind\":\"crowd.came\"}}");
	peer_say(&lone, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"events.fire\","
			"\"params\":{\"kind\":\"lone.came\"}}");
	CHECK(peer_wait(&lone, 1));
	CHECK(count(buf_str(&lone.out), "\"result\"") == 1);
	CHECK(peer_n(&crowd) < N_BATCH);
	CHECK(peer_wait(&crowd, N_CROWD));
	CHECK_INT(count(buf_str(&crowd.out), "\"result\""), N_CROWD);
	peer_close(&lone);
	peer_close(&crowd);
	world_close(&w);
}

/* A job that says when it runs and ends when it is let go. */
struct gate {
	int begun[2], open[2];
};

static int stand_in_the_writer(struct request *r, struct store_tx *tx)
{
	const struct gate *g = r->owner;
	char c = 'x';

	CHECK_INT(write(g->begun[1], &c, 1), 1);
	CHECK_INT(read(g->open[0], &c, 1), 1);
	return 0;
}

static void on_done(struct request *r)
{
	request_free(r);
}

static const struct request_ops gate_ops = { .done = on_done };

static void start_job(struct world *w, struct gate *g)
{
	struct principal self = { .id = STR("gate") };
	struct quota_user *user = quota_join(w->server.quota, &self);
	struct request *r = pool_take(&w->server, &gate_ops, g, &self, user);

	quota_unref(user);
	if (!CHECK(r))
		return;
	r->call.arena = &r->arena;
	r->verb = &verb_table[VERB_EVENTS_FIRE]; /* its lane; it is not run */
	r->job = stand_in_the_writer;
	lanes_write(w->server.lanes, r);
}

TEST(lanes_let_a_call_join_the_batch_that_runs)
{
	struct principal anybody = access_anonymous();
	struct lanes_stats before, after;
	struct peer lone;
	struct world w;
	struct gate g;
	char c = 'x';

	if (!world_open(&w, NULL, false) || !peer_open(&lone, &w, &anybody) ||
	    !CHECK_INT(pipe(g.begun), 0) || !CHECK_INT(pipe(g.open), 0))
		return;
	lanes_stats(w.server.lanes, &before);
	start_job(&w, &g);
	CHECK_OK(loop_turn(w.server.loop, 0));
	CHECK_INT(read(g.begun[0], &c, 1), 1); /* the batch has begun, and stays open */
	peer_say(&lone, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.fire\","
			"\"params\":{\"kind\":\"lone.came\"}}");
	do {
		CHECK_OK(loop_turn(w.server.loop, 10));
		lanes_stats(w.server.lanes, &after);
	} while (after.n_writes < 2);
	CHECK_INT(write(g.open[1], &c, 1), 1);
	CHECK(peer_wait(&lone, 1));
	lanes_stats(w.server.lanes, &after);
	CHECK_INT(after.n_batches - before.n_batches, 1);
	CHECK_INT(after.n_batched - before.n_batched, 2);
	peer_close(&lone);
	world_close(&w);
	for (int i = 0; i < 2; i++) {
		close(g.begun[i]);
		close(g.open[i]);
	}
}
