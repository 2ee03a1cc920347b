/* SPDX-License-Identifier: Apache-2.0 */
/* Searching 100,000 ideas whose words are drawn as in real text (Zipf): 300 queries of one to three
 *words drawn likewise, and the time of each. Goal: p95 ≤ 50 ms.
 *
 *	bench_ideas [IDEAS] */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/ideas_search.h"

enum { WORDS = 30000, WORDS_OF_IDEA = 60, QUERIES = 300, PER_COMMIT = 500 };
static const double goal_ms = 50;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int e)
{
	struct err_report r;

	if (e == 0)
		return;
	err_take(e, &r);
	fprintf(stderr, "bench_ideas: %s (%s)\n", r.text, r.chain);
	exit(1);
}

/* A word's rank: P(rank) ~ 1 / rank, by inverting the logarithm that sums it. */
static unsigned draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)exp((double)(*seed >> 11) / 9007199254740992.0 * log(WORDS));
}

static void put_words(struct buf *b, uint64_t *seed, unsigned n)
{
	buf_clear(b);
	for (unsigned i = 0; i < n; i++)
		buf_fmt(b, "%sw%u", i ? " " : "", draw(seed));
}

static void fill(struct store *s, unsigned n, struct arena *a)
{
	CLEANUP(buf_deinit) struct buf content;
	uint64_t seed = 7;

	buf_init(&content, 0);
	for (unsigned i = 0; i < n; i++) {
		struct idea_row row = { 0 };
		struct store_tx tx;
		char name[48];

		if (i % PER_COMMIT == 0)
			must(store_begin(s));
		arena_reset(a);
		must(store_call_begin(s, a, 1700000000000 + (int64_t)i * 60000, &tx));
		put_words(&content, &seed, WORDS_OF_IDEA);
		snprintf(name, sizeof(name), "idea %u w%u", i, draw(&seed));
		row.idea = (struct idea){ .name = str_from(name),
					  .content = buf_str(&content),
					  .kind = STR("note"),
					  .scope = IDEA_SCOPE_ENTITY,
					  .injection_mode = INJECTION_MODE_ON_DEMAND,
					  .created_by = STR("bench") };
		must(store_idea_add(&tx, &row));
		must(store_call_keep(s));
		if (i % PER_COMMIT == PER_COMMIT - 1 || i == n - 1)
			must(store_commit(s));
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static unsigned measure(struct store_reader *r, struct arena *a, int64_t now, double *took)
{
	struct idea_reader reader = { .sees_all = true };
	CLEANUP(buf_deinit) struct buf text;
	unsigned n_cut = 0;
	uint64_t seed = 99;

	buf_init(&text, 0);
	for (unsigned i = 0; i < QUERIES; i++) {
		struct idea_found found;
		struct store_tx tx;
		double begun;

		arena_reset(a);
		put_words(&text, &seed, 1 + i % 3);
		begun = now_ms();
		must(store_read_begin(r, a, now, &tx));
		must(store_idea_search(&tx,
				       &(struct idea_query){ .text = buf_str(&text),
							     .half_life_days = 90,
							     .max = 10,
							     .reader = &reader },
				       &found));
		store_read_end(r);
		took[i] = now_ms() - begun;
		n_cut += found.is_cut;
	}
	return n_cut;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000, n_cut;
	char folder[] = "/tmp/questd-bench.XXXXXX", paths[4][64];
	struct clock clock = { 0 };
	struct store_options o;
	struct store_problem problem;
	struct store_reader *reader;
	struct store *s;
	struct arena a;
	double took[QUERIES], p95;

	if (!mkdtemp(folder))
		return 1;
	store_options_init(&o);
	for (int i = 0; i < 4; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder,
			 (const char *[]){ "questd.db", "questd.lock", "backups", "instance" }[i]);
	o.database = paths[0];
	o.lock = paths[1];
	o.backups = paths[2];
	o.instance = paths[3];
	o.clock = &clock;
	o.ballast_bytes = 0;
	arena_init(&a, 0);
	must(store_open(&o, &s, &problem));
	fill(s, n, &a);
	must(store_reader_new(s, false, &reader));
	n_cut = measure(reader, &a, 1700000000000 + (int64_t)n * 60000, took);
	qsort(took, QUERIES, sizeof(took[0]), compare);
	p95 = took[QUERIES * 95 / 100];
	printf("%s search of %u ideas: p50 %.1f ms, p95 %.1f ms (goal %.0f), worst %.1f ms, %u of "
	       "%d cut\n",
	       p95 <= goal_ms ? "ok  " : "MISS", n, took[QUERIES / 2], p95, goal_ms,
	       took[QUERIES - 1], n_cut, QUERIES);
	store_reader_free(reader);
	store_close(s);
	arena_deinit(&a);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return p95 <= goal_ms ? 0 : 1;
}
