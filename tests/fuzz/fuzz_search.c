/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query over a small store of ideas: never an error, never more than was asked for,
 * and what was UTF-8 stays it. Text that is UTF-8 is an idea of its own meanwhile, so that the
 * index and the snippets meet it too. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/ideas.h"
#include "store/ideas_search.h"
#include "store/store.h"
#include "store/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HITS_MAX 5

static const char *const contents[] = {
	"How we release: tag, build, publish. Then tell the customers.",
	"The \"quoted\" AND the OR, NOT the NEAR(one two, 3); name:colon col*",
	"東京へ行く。ทดสอบภาษาไทย 한국어 문서",
	"Ünïcode, naïve café; e\xcc\x81 and ﬁ, İstanbul, ΣΊΣΥΦΟΣ",
	"",
	"a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9",
};

struct world {
	char folder[64], database[96], lock[96];
	struct clock clock;
	struct store *store;
};

static struct world *world; /* outlives an input */

static void remove_world(void)
{
	char command[128];

	world->store = store_close(world->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	(void)!system(command);
	free(world);
}

static int add_idea(struct store_tx *tx, struct str name, struct str content)
{
	struct idea_row row = { .idea = { .name = name,
					  .content = content,
					  .kind = STR("note"),
					  .scope = IDEA_SCOPE_SYSTEM,
					  .injection_mode = INJECTION_MODE_ON_DEMAND,
					  .created_by = STR("fuzz") } };

	return store_idea_add(tx, &row);
}

static void begin(struct arena *a, struct store_tx *tx)
{
	int e = store_begin(world->store);

	if (!e)
		e = store_call_begin(world->store, a, clock_wall_ms(&world->clock), tx);
	assert(e == 0);
}

static void add_ideas(void)
{
	CLEANUP(arena_deinit) struct arena a;
	struct store_tx tx;
	int e = 0;

	arena_init(&a, 0);
	begin(&a, &tx);
	for (size_t i = 0; !e && i < ARRAY_LEN(contents); i++)
		e = add_idea(&tx, str_fmt(&a, "idea %zu", i), str_from(contents[i]));
	if (!e)
		e = store_call_keep(world->store);
	if (!e)
		e = store_commit(world->store);
	assert(e == 0);
}

static void open_world(void)
{
	struct store_problem problem = { 0 };
	struct store_options o;
	int e;

	world = calloc(1, sizeof(*world));
	if (!world)
		abort();
	snprintf(world->folder, sizeof(world->folder), "/tmp/questd-fuzz-XXXXXX");
	if (!mkdtemp(world->folder))
		abort();
	snprintf(world->database, sizeof(world->database), "%s/questd.db", world->folder);
	snprintf(world->lock, sizeof(world->lock), "%s/questd.lock", world->folder);
	world->clock = (struct clock){ .is_fake = true, .fake_wall_ms = 1795255200000 };
	store_options_init(&o);
	o.database = world->database;
	o.lock = world->lock;
	o.clock = &world->clock;
	o.ballast_bytes = 0;
	e = store_open(&o, &world->store, &problem);
	assert(e == 0);
	atexit(remove_world);
	add_ideas();
}

static void check_words(struct arena *a, struct str text, bool is_utf8)
{
	struct words_query words;
	int e = words_query(a, text, &words);

	assert(e == 0);
	assert(words.words.n <= WORDS_MAX);
	assert(!words.all.p == !words.words.n && !words.any.p == !words.words.n);
	for (size_t i = 0; i < words.words.n; i++)
		assert(words.words.v[i].n);
	if (is_utf8 && words.all.p)
		assert(str_is_utf8(words.all) && str_is_utf8(words.any));
}

static void check_found(const struct idea_found *found)
{
	assert(found->hits.n <= HITS_MAX);
	for (size_t i = 0; i < found->hits.n; i++) {
		const struct idea_hit *hit = &found->hits.v[i];

		assert(hit->id.n && hit->name.n && str_is_utf8(hit->snippet));
	}
	if (!found->words.n)
		assert(!found->hits.n);
}

static void search(struct store_tx *tx, struct str text)
{
	struct idea_reader reader = { .id = STR("fuzz"), .sees_all = true };
	struct idea_query query = { .text = text,
				    .half_life_days = 90,
				    .max = HITS_MAX,
				    .explain = true,
				    .reader = &reader };
	struct idea_found found;
	int e = store_idea_search(tx, &query, &found);

	assert(e == 0);
	check_found(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_deinit) struct arena a;
	struct str text = { (const char *)data, size };
	bool is_utf8 = str_is_utf8(text);
	struct store_tx tx;

	if (!world)
		open_world();
	arena_init(&a, 0);
	check_words(&a, text, is_utf8);
	begin(&a, &tx);
	search(&tx, text);
	if (is_utf8) {
		int e = add_idea(&tx, STR("the input"), text);

		assert(e == 0);
		search(&tx, text);
	}
	store_rollback(world->store);
	return 0;
}
