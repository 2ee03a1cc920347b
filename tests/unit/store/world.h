/* SPDX-License-Identifier: Apache-2.0 */
/* A store of a test's own, in the test's folder, under a fake clock. */
#pragma once

#include "store/events.h"
#include "store/store.h"
#include "tests/unit/test.h"

struct world {
	struct store_options o;
	struct clock clock;
	struct arena arena;
	struct store *store;
	struct store_reader *reader;
	struct store_problem problem;
};

/* Options that point into the test's folder; nothing is opened. */
void world_init(struct world *w);
/* store_open; a store that is open is closed first. */
int world_open(struct world *w);
void world_close(struct world *w); /* store and reader */
void world_deinit(struct world *w);
#define WORLD(name)                                      \
	CLEANUP(world_deinit) struct world name = { 0 }; \
	world_init(&name)
#define WORLD_OPEN(name)                      \
	WORLD(name);                          \
	if (!CHECK_INT(world_open(&name), 0)) \
	return

/* One call in a batch of its own: begin … commit around it. */
int world_write_begin(struct world *w, struct store_tx *tx);
int world_write_end(struct world *w);
int world_read_begin(struct world *w, struct store_tx *tx); /* w->reader, made at first use */
void world_read_end(struct world *w);

/* Adds one event in a batch of its own; its seq, or negative. */
int64_t world_fire(struct world *w, const char *kind);
int64_t world_head(struct world *w);
int64_t world_floor(struct world *w);
/* n events of `bytes` of payload each in one batch. */
int world_fill(struct world *w, int n, size_t bytes);

struct str world_text(const char *path); /* the file's first bytes; "" when it is not there */
bool world_has(const char *path);
/* Overwrites n bytes at `at`. */
void world_scribble(const char *path, int64_t at, const void *bytes, size_t n);
