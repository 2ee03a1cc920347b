/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "server/claims.h"
#include "server/conn_http.h"
#include "server/conn_line.h"
#include "server/lanes.h"
#include "server/park.h"
#include "server/proc.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/server.h"
#include "store/queues.h"
#include "store/store.h"
#include "verbs.gen.h"

#define QUEUES_SHOWN 100

/* Upper bounds in microseconds, and as Prometheus writes them. */
static const struct bucket {
	int64_t us;
	const char *le;
} buckets[] = {
	{ 50, "0.00005" },  { 100, "0.0001" },  { 250, "0.00025" }, { 500, "0.0005" },
	{ 1000, "0.001" },  { 2500, "0.0025" }, { 5000, "0.005" },  { 10000, "0.01" },
	{ 25000, "0.025" }, { 50000, "0.05" },  { 100000, "0.1" },  { 250000, "0.25" },
	{ 500000, "0.5" },  { 1000000, "1" },   { 2500000, "2.5" }, { 5000000, "5" },
	{ 10000000, "10" },
};

struct per_verb {
	uint64_t n, n_in[ARRAY_LEN(buckets) + 1], errors[ERROR_MAX];
	int64_t sum_us;
};

struct metrics {
	struct per_verb verbs[VERB_MAX];
	uint64_t refused[ERROR_MAX];
};

int metrics_new(struct metrics **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : err_nomem();
}

struct metrics *metrics_free(struct metrics *m)
{
	free(m);
	return NULL;
}

void metrics_refused(struct metrics *m, enum error_code why)
{
	m->refused[why]++;
}

void metrics_call(struct metrics *m, const struct request *r, int64_t us)
{
	struct per_verb *v;
	size_t i = 0;

	if (!r->verb) {
		metrics_refused(m, r->call.failure.code);
		return;
	}
	v = &m->verbs[r->verb->id];
	v->n++;
	v->sum_us += us;
	while (i < ARRAY_LEN(buckets) && us > buckets[i].us)
		i++;
	v->n_in[i]++;
	if (r->call.failure.code)
		v->errors[r->call.failure.code]++;
}

/* ---- the page ---- */

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buf *b, const char *name, const char *type, const char *help, int64_t value)
{
	head(b, name, type, help);
	buf_fmt(b, "%s %lld\n", name, (long long)value);
}

static void write_calls(const struct metrics *m, struct buf *b)
{
	head(b, "questd_calls_total", "counter", "Calls by verb.");
	for (size_t i = 0; i < VERB_MAX; i++)
		buf_fmt(b, "questd_calls_total{verb=\"%s\"} %llu\n", verb_table[i].name.p,
			(unsigned long long)m->verbs[i].n);
	head(b, "questd_errors_total", "counter", "Calls that failed, by verb and code.");
	for (size_t i = 0; i < VERB_MAX; i++)
		for (int code = 1; code < ERROR_MAX; code++)
			if (m->verbs[i].errors[code])
				buf_fmt(b, "questd_errors_total{verb=\"%s\",code=\"%s\"} %llu\n",
					verb_table[i].name.p, error_table[code].name.p,
					(unsigned long long)m->verbs[i].errors[code]);
	head(b, "questd_refused_total", "counter",
	     "Messages refused before they were a verb's call.");
	for (int code = 1; code < ERROR_MAX; code++)
		if (m->refused[code])
			buf_fmt(b, "questd_refused_total{code=\"%s\"} %llu\n",
				error_table[code].name.p, (unsigned long long)m->refused[code]);
}

static void write_histogram(const struct per_verb *v, const char *verb, struct buf *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
		sum += v->n_in[i];
		buf_fmt(b, "questd_call_seconds_bucket{verb=\"%s\",le=\"%s\"} %llu\n", verb,
			buckets[i].le, (unsigned long long)sum);
	}
	buf_fmt(b, "questd_call_seconds_bucket{verb=\"%s\",le=\"+Inf\"} %llu\n", verb,
		(unsigned long long)v->n);
	buf_fmt(b, "questd_call_seconds_sum{verb=\"%s\"} %lld.%06lld\n", verb,
		(long long)(v->sum_us / 1000000), (long long)(v->sum_us % 1000000));
	buf_fmt(b, "questd_call_seconds_count{verb=\"%s\"} %llu\n", verb, (unsigned long long)v->n);
}

static void write_latency(const struct metrics *m, struct buf *b)
{
	head(b, "questd_call_seconds", "histogram",
	     "Time from a call's arrival to its answer, by verb.");
	for (size_t i = 0; i < VERB_MAX; i++)
		if (m->verbs[i].n)
			write_histogram(&m->verbs[i], verb_table[i].name.p, b);
}

static void write_store(struct server *s, struct buf *b)
{
	struct store_stats st;

	store_stats(s->store, &st);
	one(b, "questd_commits_total", "counter", "Transactions committed.", st.n_commits);
	one(b, "questd_committed_calls_total", "counter", "Calls in them.", st.n_calls);
	one(b, "questd_database_bytes", "gauge", "Size of the database file.", st.database_bytes);
	one(b, "questd_wal_bytes", "gauge", "Size of its write-ahead log.", st.wal_bytes);
	one(b, "questd_disk_free_bytes", "gauge", "Free space on its disk.", st.free_bytes);
	one(b, "questd_store_degraded", "gauge", "1 when writes fail.", st.is_degraded);
}

static void write_load(struct server *s, struct buf *b)
{
	const struct charge_account *all = quota_everybody(s->quota);
	struct lanes_stats lanes;

	lanes_stats(s->lanes, &lanes);
	one(b, "questd_queued_writes", "gauge", "Calls that wait for the writer or are in it.",
	    (int64_t)lanes.n_writes);
	one(b, "questd_queued_scans", "gauge", "Calls that wait for a reader or are in it.",
	    (int64_t)lanes.n_scans);
	one(b, "questd_write_batches_total", "counter", "Batches of the writer.",
	    (int64_t)lanes.n_batches);
	one(b, "questd_parked_calls", "gauge", "Calls that wait for something to happen.",
	    (int64_t)park_n(s->park));
	one(b, "questd_waiting_claims", "gauge", "Claims and receives that wait.",
	    (int64_t)claims_n(s->claims));
	one(b, "questd_streams", "gauge", "Open event streams.",
	    (int64_t)publish_n_streams(s->publish));
	one(b, "questd_channels", "gauge", "Connections and exchanges in flight.",
	    (int64_t)s->n_channels);
	one(b, "questd_requests", "gauge", "Calls in flight.", (int64_t)s->n_requests);
	one(b, "questd_charged_bytes", "gauge", "Memory charged to callers.",
	    all->used[CHARGE_BYTES]);
	one(b, "questd_over_quota_total", "counter", "Calls refused for want of room.",
	    (int64_t)all->n_refused);
	one(b, "questd_log_lines_dropped_total", "counter", "Log lines that nobody took.",
	    (int64_t)log_n_dropped());
	one(b, "questd_memory_bytes", "gauge", "Resident memory.", proc_resident_bytes());
	one(b, "questd_open_files", "gauge", "Open descriptors.", proc_open_files());
}

/* The name of a queue as a label's value. */
static void put_label(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_put_char(b, '\\');
		buf_put_char(b, s.p[i]);
	}
}

static void write_tasks(struct buf *b, const struct task_queue *q)
{
	const struct {
		const char *state;
		int64_t n;
	} rows[] = { { "pending", q->pending },
		     { "ready", q->ready },
		     { "claimed", q->claimed },
		     { "in_progress", q->in_progress },
		     { "awaiting",
		       q->awaiting_approval + q->awaiting_input + q->output_pending_review },
		     { "failed", q->failed } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_put_str(b, STR("questd_tasks{queue=\""));
		put_label(b, q->name);
		buf_fmt(b, "\",state=\"%s\"} %lld\n", rows[i].state, (long long)rows[i].n);
	}
}

/* Of the first queues by name. */
static void write_queues(struct server *s, struct buf *b)
{
	CLEANUP(arena_deinit) struct arena a;
	struct task_queue_list queues = { NULL, 0 };
	struct store_tx tx;
	bool has_more;

	arena_init(&a, 0);
	if (store_read_begin(s->reader, &a, clock_wall_ms(&s->clock), &tx)) {
		err_forget(); /* the store's own figures say more of that */
		return;
	}
	if (store_queue_page(&tx, STR_NONE, QUEUES_SHOWN, &queues, &has_more))
		err_forget();
	store_read_end(s->reader);
	store_reader_idle(s->reader);
	head(b, "questd_tasks", "gauge", "Tasks by queue and state.");
	for (size_t i = 0; i < queues.n; i++)
		write_tasks(b, &queues.v[i]);
}

static void write_http(struct server *s, struct buf *b)
{
	struct http_stats st;

	if (!s->http)
		return;
	conn_http_stats(s->http, &st);
	one(b, "questd_http_connections", "gauge", "Open HTTP connections.", st.n_conns);
	one(b, "questd_http_exchanges", "gauge", "HTTP exchanges in flight.", st.n_exchanges);
	one(b, "questd_http_streams", "gauge", "Open HTTP streams.", st.n_streams);
	one(b, "questd_http_bad_heads_total", "counter", "HTTP heads refused.", st.n_bad_heads);
	one(b, "questd_http_refused_total", "counter", "HTTP connections refused.", st.n_refused);
	one(b, "questd_http_timeouts_total", "counter", "HTTP connections cut for being slow.",
	    st.n_timeouts);
}

void metrics_write(struct server *s, struct buf *b)
{
	head(b, "questd_build_info", "gauge", "Which questd this is.");
	buf_fmt(b, "questd_build_info{version=\"" QUESTD_VERSION "\"} 1\n");
	one(b, "questd_uptime_seconds", "gauge", "Seconds since the start.",
	    (clock_wall_ms(&s->clock) - s->started_ms) / 1000);
	write_calls(s->metrics, b);
	write_latency(s->metrics, b);
	write_store(s, b);
	write_load(s, b);
	write_queues(s, b);
	write_http(s, b);
}
