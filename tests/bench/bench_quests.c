/* SPDX-License-Identifier: Apache-2.0 */
/* Quests among a thousand and among a million: one by a random id, the first page of the ready
 *ones, the ready ones of an agent and of a label, and a claim with its close. Goal: at most twice
 *the time.
 *
 *	bench_quests [QUESTS]
 *	bench_quests --fill FOLDER QUESTS     a data directory for a server, and its file ids */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "store/agents.h"
#include "store/quests.h"
#include "store/quests_graph.h"
#include "store/quests_list.h"
#include "store/queues.h"
#include "store/tasks_change.h"

enum { FEW = 1000, PER_COMMIT = 5000, ROUNDS = 20000, PAGES = 2000, CLAIMS = 2000, AGENTS = 10 };
static const int64_t started_ms = 1700000000000;

struct company {
	char folder[128], database[160], lock[160], backups[160], instance[160];
	struct store *store;
	struct store_reader *reader;
	struct arena arena;
	unsigned n;
	char (*ids)[ID_LEN + 1];
	struct clock clock;
};

enum figure { GET, READY, READY_OF_AGENT, READY_WITH_LABEL, CLAIM_AND_BACK, FIGURES };
static const struct {
	const char *name;
	double goal;
} figures[FIGURES] = { { "get", 5 },
		       { "list ready", 2 },
		       { "list ready of an agent", 2 },
		       { "list ready with a label", 2 },
		       { "claim and back", 2 } };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may use the machine too */
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(int e)
{
	struct err_report r;

	if (e == 0)
		return;
	err_take(e, &r);
	fprintf(stderr, "bench_quests: %d %s (%s)\n", e, r.text, r.chain);
	exit(1);
}

static unsigned draw(uint64_t *seed, unsigned below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(*seed >> 33) % below;
}

static void open_store(struct company *c)
{
	struct store_options o;
	struct store_problem problem;

	store_options_init(&o);
	o.database = c->database;
	o.lock = c->lock;
	o.backups = c->backups;
	o.instance = c->instance;
	o.clock = &c->clock;
	o.ballast_bytes = 0;
	must(store_open(&o, &c->store, &problem));
}

/* In the folder, which is there already, or in one of its own. */
static void make_company(struct company *c, unsigned n, const char *folder)
{
	*c = (struct company){ .n = n, .folder = "/var/tmp/bench_quests.XXXXXX" };
	if (folder)
		snprintf(c->folder, sizeof(c->folder), "%s", folder);
	else if (!mkdtemp(c->folder))
		must(err_sys("cannot make %s", c->folder));
	snprintf(c->database, sizeof(c->database), "%s/questd.db", c->folder);
	snprintf(c->lock, sizeof(c->lock), "%s/questd.lock", c->folder);
	snprintf(c->backups, sizeof(c->backups), "%s/backups", c->folder);
	snprintf(c->instance, sizeof(c->instance), "%s/instance", c->folder);
	open_store(c);
	arena_init(&c->arena, 0);
	c->ids = calloc(n, sizeof(*c->ids));
	if (!c->ids)
		must(err_nomem());
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void close_company(struct company *c)
{
	c->reader = store_reader_free(c->reader);
	c->store = store_close(c->store);
	arena_deinit(&c->arena);
	free(c->ids);
}

static void remove_company(struct company *c)
{
	close_company(c);
	(void)nftw(c->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void add_agents(struct store_tx *tx)
{
	for (int i = 0; i < AGENTS; i++) {
		struct str name = str_fmt(tx->arena, "agent %d", i);
		struct store_agent a = { .agent = { .name = name,
						    .max_concurrent = 1000,
						    .created_by = STR("bench") } };

		must(store_agent_add(tx, &a));
	}
}

/* Four of ten are done, one is blocked, five are ready. */
static void age(struct store_tx *tx, int64_t n, unsigned i)
{
	struct outcome outcome = { .kind = OUTCOME_KIND_DONE,
				   .summary = STR("It was done and checked.") };
	struct store_quest_status done = { .status = QUEST_STATUS_DONE,
					   .outcome = &outcome,
					   .is_closed = true };

	if (i % 10 == 9)
		done = (struct store_quest_status){ .status = QUEST_STATUS_BLOCKED };
	if (i % 10 < 4)
		must(store_quest_claim(tx, n, 0, 0, STR("bench")));
	if (i % 10 < 4 || i % 10 == 9)
		must(store_quest_set_status(tx, n, &done));
}

static void add_quest(struct store_tx *tx, struct company *c, unsigned i, uint64_t *seed)
{
	struct str label = str_fmt(tx->arena, "label %u", draw(seed, 5));
	struct store_quest q = {
		.assignee = i % 2 ? 1 + draw(seed, AGENTS) : 0,
		.quest = { .subject = str_fmt(tx->arena, "Quest %u of many", i),
			   .description = STR(
			       "What is to be done, in a sentence or two that say enough."),
			   .status = QUEST_STATUS_PENDING,
			   .priority = 1 + draw(seed, 4),
			   .required = true,
			   .created_by = STR("uid:1000") },
	};

	if (i % 4 == 0)
		q.quest.labels = (struct str_list){ &label, 1 };
	must(store_quest_add(tx, &q));
	memcpy(c->ids[i], q.quest.id.p, ID_LEN);
	age(tx, q.n, i);
}

/* Commits, and does what the writer does between batches. */
static void settle(struct company *c)
{
	int64_t next_ms;

	must(store_commit(c->store));
	must(store_housekeep(c->store, &next_ms));
}

static void fill(struct company *c)
{
	uint64_t seed = 7;

	for (unsigned i = 0; i < c->n; i++) {
		struct store_tx tx;

		if (i % PER_COMMIT == 0)
			must(store_begin(c->store));
		arena_reset(&c->arena);
		must(store_call_begin(c->store, &c->arena, started_ms + i, &tx));
		if (i == 0)
			add_agents(&tx);
		add_quest(&tx, c, i, &seed);
		must(store_call_keep(c->store));
		if (i % PER_COMMIT == PER_COMMIT - 1 || i == c->n - 1)
			settle(c);
	}
	c->store = store_close(
	    c->store); /* which empties the log, as a running server does bit by bit */
	open_store(c);
	must(store_reader_new(c->store, true, &c->reader));
}

static double measure_get(struct company *c)
{
	uint64_t seed = 99;
	double begun = now_us();

	for (int i = 0; i < ROUNDS; i++) {
		struct store_quest q;
		struct store_tx tx;

		arena_reset(&c->arena);
		must(store_read_begin(c->reader, &c->arena, started_ms, &tx));
		must(store_quest_get(&tx, (struct str){ c->ids[draw(&seed, c->n)], ID_LEN }, &q));
		store_read_end(c->reader);
	}
	return (now_us() - begun) / ROUNDS;
}

static double measure_list(struct company *c, enum figure what)
{
	uint64_t seed = 5;
	double begun = now_us();

	for (int i = 0; i < PAGES; i++) {
		struct store_quest_filter f = { .is_ready = true, .limit = 20 };
		struct store_quest_cursor cursor = { 0 };
		struct quest_line_list lines;
		struct store_tx tx;
		bool has_more;

		arena_reset(&c->arena);
		if (what == READY_OF_AGENT)
			f.assignee = 1 + draw(&seed, AGENTS);
		if (what == READY_WITH_LABEL)
			f.label = str_fmt(&c->arena, "label %u", draw(&seed, 5));
		must(store_read_begin(c->reader, &c->arena, started_ms, &tx));
		must(store_quest_page(&tx, &f, &cursor, &lines, &has_more));
		store_read_end(c->reader);
	}
	return (now_us() - begun) / PAGES;
}

/* In one transaction, so that the disk's own time stays out. */
/* As quests.claim and quests.release do it. */
static void claim_and_back(struct store_tx *tx, const struct store_queue *queue,
			   const struct store_quest *q)
{
	struct store_quest_status back = { .status = QUEST_STATUS_PENDING };
	struct store_task t = { .queue = queue->n,
				.needs = queue->plain,
				.quest = q->n,
				.token = STR("01234567-0123-4123-8123-0123456789ab") };

	t.task = (struct task){ .state = TASK_STATE_READY,
				.subject = q->quest.subject,
				.on_failed = ON_FAILED_WAIT,
				.attempt = q->quest.attempt,
				.lease_ms = 60000,
				.claimed_by = STR("x"),
				.created_by = STR("x") };
	must(store_task_add(tx, &t));
	must(store_task_claim(tx, &t, true));
	must(store_quest_claim(tx, q->n, q->assignee, t.n, STR("x")));
	must(store_quest_set_status(tx, q->n, &back));
	t.token = STR_NONE;
	t.task.has_lease_until = false;
	t.task.state = TASK_STATE_CANCELLED;
	must(store_task_set(tx, &t, TASK_STATE_IN_PROGRESS));
}

static double measure_claim(struct company *c)
{
	double begun = now_us();

	must(store_begin(c->store));
	for (int i = 0; i < CLAIMS; i++) {
		struct store_queue queue;
		struct store_quest q;
		struct store_tx tx;
		int64_t n;

		arena_reset(&c->arena);
		must(store_call_begin(c->store, &c->arena, started_ms, &tx));
		must(store_quest_next(&tx, &(struct store_quest_offer){ .agent = 1 + i % AGENTS },
				      &n));
		must(store_quest_get_n(&tx, n, &q));
		must(store_queue_have_own(&tx, QUESTS_QUEUE, &queue));
		claim_and_back(&tx, &queue, &q);
		must(store_call_keep(c->store));
	}
	must(store_commit(c->store));
	return (now_us() - begun) / CLAIMS;
}

static void measure(struct company *c, double took[FIGURES])
{
	took[GET] = measure_get(c);
	for (enum figure i = READY; i <= READY_WITH_LABEL; i++)
		took[i] = measure_list(c, i);
	took[CLAIM_AND_BACK] = measure_claim(c);
}

static int fill_for_server(const char *folder, unsigned n)
{
	struct company c;
	char path[160];
	FILE *f;

	make_company(&c, n, folder);
	fill(&c);
	snprintf(path, sizeof(path), "%s/ids", folder);
	f = fopen(path, "we");
	if (!f)
		must(err_sys("cannot write %s", path));
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s\n", c.ids[i]);
	fclose(f);
	close_company(&c);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
	double few[FIGURES], many[FIGURES], begun;
	struct company small, large;
	int failed = 0;

	if (argc == 4 && strcmp(argv[1], "--fill") == 0)
		return fill_for_server(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	make_company(&small, FEW, NULL);
	make_company(&large, n < FEW ? FEW : n, NULL);
	fill(&small);
	begun = now_us();
	fill(&large);
	printf("filled %u in %.1f s\n", large.n, (now_us() - begun) / 1e6);
	measure(&small, few); /* warms up both */
	measure(&large, many);
	measure(&small, few);
	measure(&large, many);
	for (int i = 0; i < FIGURES; i++) {
		double ratio = many[i] / few[i];

		printf("%s %-24s %8.2f µs among %u, %8.2f µs among %u: ratio %.2f, goal ≤ %.0f\n",
		       ratio > figures[i].goal ? "MISS" : "ok  ", figures[i].name, few[i], FEW,
		       many[i], large.n, ratio, figures[i].goal);
		failed |= ratio > figures[i].goal;
	}
	remove_company(&small);
	remove_company(&large);
	return failed;
}
