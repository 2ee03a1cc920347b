/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher over a whole server: an input is lines; those of MCP go to a peer of their own,
 * the others to one whose answers are counted. Every request gets exactly one answer, with its id
 * where it has one; notifications get none; nothing is ever `internal`; and nothing stays behind.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "server/channel.h"
#include "server/request.h"
#include "server/server.h"
#include "store/store.h"
#include "verbs/authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX   64
#define BATCH_MAX   100
#define PATIENCE_MS 9000
/* What nobody may do here: system.backup writes where it is told to. */
#define ROLES (((1u << ACCESS_ROLE_MAX) - 1) & ~1u & ~(1u << ACCESS_ROLE_ORG_ADMIN))

struct peer {
	struct channel channel;
	size_t n_answers;
};

struct world {
	struct server server;
	char folder[64];
};

static int on_send(struct channel *c, struct str message)
{
	assert(!str_contains(message, STR("\"code\":-32603")));
	return 0;
}

static int on_answer(struct channel *c, struct str message, int status)
{
	struct peer *p = container_of(c, struct peer, channel);
	struct arena arena;
	struct json root;
	int e;

	assert(!str_contains(message, STR("\"code\":-32603")));
	arena_init(&arena, 0);
	e = json_parse(&arena, message, &root, NULL);
	assert(e == 0);
	if (root.type == JSON_OBJECT)
		assert(json_get(&root, STR("id")));
	arena_deinit(&arena);
	p->n_answers++;
	return 0;
}

static void on_close(struct channel *c)
{
}

static const struct channel_ops ops = { .send = on_send, .answer = on_answer, .close = on_close };

static struct world *world; /* outlives an input: opening a store for each would be all it does */

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	(void)!system(command);
}

static void open_world(void)
{
	char *args[] = { "--data-dir", NULL, "--http", "off", "--ballast-mb", "0" };
	char *environment[] = { NULL };
	struct store_problem problem = { 0 };
	struct options_error error;
	int e;

	world = calloc(1, sizeof(*world));
	assert(world);
	snprintf(world->folder, sizeof(world->folder), "/tmp/questd-fuzz-XXXXXX");
	args[1] = mkdtemp(world->folder);
	assert(args[1]);
	atexit(remove_folder);
	log_init(2, LOG_ERROR, LOG_TEXT);
	e = options_read(&world->server.options, 6, args, environment, &error);
	assert(e == 0);
	e = server_init(&world->server, &problem);
	assert(e == 0);
}

static const struct json *first_of(const struct json *m)
{
	return m->type == JSON_ARRAY && m->n ? &m->items[0] : m;
}

static bool is_for_mcp(const struct json *m)
{
	struct str method = json_get_str(first_of(m), STR("method"));

	return method.p && mcp_is_method(method);
}

static bool is_notification(const struct json *m)
{
	const struct json *params = json_get(m, STR("params"));

	return m->type == JSON_OBJECT && !json_get(m, STR("id")) &&
	       str_eq(json_get_str(m, STR("jsonrpc")), STR("2.0")) &&
	       json_get_str(m, STR("method")).p &&
	       (!params || params->type == JSON_OBJECT || params->type == JSON_ARRAY);
}

static size_t n_answers_wanted(const struct json *m)
{
	if (m->type != JSON_ARRAY)
		return !is_notification(m);
	if (!m->n || m->n > BATCH_MAX)
		return 1;
	for (uint32_t i = 0; i < m->n; i++)
		if (!is_notification(&m->items[i]))
			return 1;
	return 0;
}

/* Says a line to whom it concerns; the answers it will have from the counting peer. */
static size_t say(struct peer *counted, struct peer *mcp, struct str line)
{
	struct arena arena;
	struct json root;
	size_t n = 1;
	int e;

	arena_init(&arena, 0);
	e = json_parse(&arena, line, &root, NULL);
	assert(e >= 0);
	if (e == 0 && is_for_mcp(&root)) {
		rpc_receive(&mcp->channel, line);
		n = 0;
	} else {
		n = e ? 1 : n_answers_wanted(&root);
		rpc_receive(&counted->channel, line);
	}
	arena_deinit(&arena);
	return n;
}

static void turn(struct world *w)
{
	int e = loop_turn(w->server.loop, 10);

	assert(e == 0);
}

static void open_peer(struct world *w, struct peer *p)
{
	struct principal who = { .id = STR("key:fuzz"),
				 .roles = ROLES,
				 .verbs = authority_verbs_of(ROLES),
				 .is_owner = true };
	int e;

	*p = (struct peer){ 0 };
	e = channel_init(&p->channel, &w->server, CHANNEL_LINES, &ops, &who);
	assert(e == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct world *w;
	struct clock real = { 0 };
	int64_t until = clock_boot_ms(&real) + PATIENCE_MS;
	struct peer counted, mcp;
	size_t n_wanted = 0;

	if (!world)
		open_world();
	w = world;
	open_peer(w, &counted);
	open_peer(w, &mcp);
	for (int i = 0; i < LINES_MAX && rest.p; i++) {
		struct str line = str_cut(&rest, '\n');

		if (line.n)
			n_wanted += say(&counted, &mcp, line);
	}
	channel_cancel_all(&counted.channel); /* waits and streams would take their time */
	while (!list_is_empty(&counted.channel.requests)) {
		turn(w);
		channel_cancel_all(&counted.channel);
		assert(clock_boot_ms(&real) < until);
	}
	assert(counted.n_answers == n_wanted);
	channel_gone(&mcp.channel);
	channel_gone(&counted.channel);
	while (w->server.n_requests) {
		turn(w);
		assert(clock_boot_ms(&real) < until);
	}
	channel_deinit(&mcp.channel);
	channel_deinit(&counted.channel);
	assert(w->server.n_channels == 0);
	return 0;
}
