/* SPDX-License-Identifier: Apache-2.0 */
/* A company of a test's own: a store in the test's folder under a fake clock, and verbs called as
 *the dispatcher calls them — decoded, in a savepoint, committed, encoded — with JSON in and out.
 *
 *	WORLD_OPEN(w);
 *	const struct json *q = world_say(&w, "quests.create", "{'subject': 'Sweep'}");
 *	CHECK_STR(world_text(q, "status"), "pending");
 *
 * Quotes may be single ones. At the end what rows count of each other is counted again. */
#pragma once

#include "base/json.h"
#include "store/store.h"
#include "tests/unit/test.h"
#include "verbs/call.h"

struct world {
	struct store_options o;
	struct clock clock;
	struct arena arena;
	struct store *store;
	struct store_problem problem;
	struct principal principal; /* the owner, unless a test says otherwise */
	struct call_server server;
	uint32_t n_keys;
	bool is_vault_locked;
	struct str echo_fault;    /* what a channel's test meets */
	struct str company_model; /* what the configuration says; NONE at first */
	bool is_time_over;        /* of the next call */
	bool is_starving;         /* calls are first tried with ever more memory, from none on */
	unsigned n_starved;       /* tries that had too little */
	uint64_t connection;      /* that calls come on; 0 = none */
	struct call_wait wait;    /* of the last call that waits */
};

int world_open(struct world *w);
void world_deinit(struct world *w);
#define WORLD_OPEN(name)                                 \
	CLEANUP(world_deinit) struct world name = { 0 }; \
	if (!CHECK_INT(world_open(&name), 0))            \
	return

/* The result; a refusal as {"error": code, "message", "field", "hint", data…}; {"waits_for":
 * subject}. Never NULL. */
const struct json *world_say(struct world *w, const char *verb, const char *fmt, ...)
    printf_like(3, 4);
/* Time goes on, and what is due happens, as the server's scheduler has it. */
void world_wait(struct world *w, int64_t ms);
/* What lies at "items.0.subject"; NONE, 0, NULL when there is nothing. */
const struct json *world_at(const struct json *o, const char *path);
struct str world_text(const struct json *o, const char *path);
int64_t world_int(const struct json *o, const char *path);
size_t world_count(const struct json *o, const char *path); /* elements of an array */
/* The first column of a statement's rows, for what no verb shows. */
struct str_list world_rows(struct world *w, const char *sql);
/* Runs a statement that the store refuses: its reason. NONE when it did not. */
struct str world_refusal(struct world *w, const char *sql);

#define CHECK_ERROR(json, code) CHECK_STR(world_text((json), "error"), code)
