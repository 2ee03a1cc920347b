/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

void world_init(struct world *w)
{
	store_options_init(&w->o);
	w->clock = (struct clock){ .is_fake = true,
				   .fake_wall_ms = 1795255200000,
				   .fake_boot_us = 1000000 };
	w->o.clock = &w->clock;
	w->o.database = test_path("questd.db");
	w->o.lock = test_path("questd.lock");
	w->o.backups = test_path("backups");
	w->o.instance = test_path("instance");
	w->o.ballast_bytes = 0;
	arena_init(&w->arena, 0);
}

void world_close(struct world *w)
{
	w->reader = store_reader_free(w->reader);
	w->store = store_close(w->store);
}

int world_open(struct world *w)
{
	int e;

	world_close(w);
	e = store_open(&w->o, &w->store, &w->problem);
	if (e < 0)
		CHECK_OK(e);
	if (e > 0)
		printf("  (%s)\n", w->problem.text);
	return e;
}

void world_deinit(struct world *w)
{
	world_close(w);
	arena_deinit(&w->arena);
}

int world_write_begin(struct world *w, struct store_tx *tx)
{
	int e = store_begin(w->store);

	if (e)
		return e;
	e = store_call_begin(w->store, &w->arena, clock_wall_ms(&w->clock), tx);
	if (e)
		store_rollback(w->store);
	return e;
}

int world_write_end(struct world *w)
{
	int e = store_call_keep(w->store);

	if (!e)
		return store_commit(w->store);
	store_rollback(w->store);
	return e;
}

int world_read_begin(struct world *w, struct store_tx *tx)
{
	int e = w->reader ? 0 : store_reader_new(w->store, true, &w->reader);

	return e ? e : store_read_begin(w->reader, &w->arena, clock_wall_ms(&w->clock), tx);
}

void world_read_end(struct world *w)
{
	store_read_end(w->reader);
}

int64_t world_fire(struct world *w, const char *kind)
{
	struct store_event_new event = { str_from(kind), STR("test"), STR_NONE, STR("{}") };
	struct store_tx tx;
	int64_t seq;
	int e = world_write_begin(w, &tx);

	if (e)
		return e;
	e = store_event_add(&tx, &event, &seq);
	if (!e)
		e = world_write_end(w);
	else
		store_rollback(w->store);
	return e ? e : seq;
}

static int bounds(struct world *w, int64_t *floor, int64_t *head)
{
	struct store_tx tx;
	int e = world_read_begin(w, &tx);

	if (!e) {
		e = store_event_bounds(&tx, floor, head);
		world_read_end(w);
	}
	CHECK_OK(e);
	return e;
}

int64_t world_head(struct world *w)
{
	int64_t floor, head;

	return bounds(w, &floor, &head) ? -1 : head;
}

int64_t world_floor(struct world *w)
{
	int64_t floor, head;

	return bounds(w, &floor, &head) ? -1 : floor;
}

int world_fill(struct world *w, int n, size_t bytes)
{
	struct store_event_new event = { STR("test.filled"), STR("test"), STR("x"), STR("{}") };
	char *text = malloc(bytes + 1);
	struct store_tx tx;
	int e = world_write_begin(w, &tx);

	memset(text, 'x', bytes);
	if (bytes > 2)
		event.payload = (struct str){ text, bytes };
	for (int i = 0; i < n && !e; i++)
		e = store_event_add(&tx, &event, NULL);
	if (!e)
		e = world_write_end(w);
	else
		store_rollback(w->store);
	free(text);
	return e;
}

bool world_has(const char *path)
{
	return access(path, F_OK) == 0;
}

struct str world_text(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	fd_close(&fd);
	return (struct str){ text, n > 0 ? (size_t)n : 0 };
}

void world_scribble(const char *path, int64_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
	fd_close(&fd);
}
