/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to know a caller by its key, and to let one of its calls through the gate (end of
 * the key, access roles with scopes and grants, calls of this minute): at most 1 µs each. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/access.h"
#include "server/access_keys.h"
#include "server/channel.h"
#include "server/decode.h"
#include "server/key_text.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/server.h"
#include "verbs.gen.h"

#define CALLS    20000
#define ROUNDS   20
#define LIMIT_NS 1000.0

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void open_server(struct server *s, char *folder)
{
	char *args[] = { "--data-dir", folder, "--http", "off", "--ballast-mb", "0" };
	char *environment[] = { NULL };
	struct store_problem problem;
	struct options_error error;
	int e = options_read(&s->options, 6, args, environment, &error);

	assert(e == 0);
	log_init(2, LOG_ERROR, LOG_TEXT);
	e = server_init(s, &problem);
	assert(e == 0);
}

static char answer[4096];

static int keep_answer(struct channel *c, struct str message, int status)
{
	snprintf(answer, sizeof(answer), "%.*s", STR_ARG(message));
	return 0;
}

static int keep_message(struct channel *c, struct str message)
{
	return keep_answer(c, message, 200);
}

static void ignore_close(struct channel *c)
{
}

static const struct channel_ops ops = { .send = keep_message,
					.answer = keep_answer,
					.close = ignore_close };

/* As the owner, through the front door. */
static struct str make_key(struct server *s)
{
	static const char call[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keys.create\","
				   "\"params\":{\"name\":\"bench\",\"owner_kind\":\"worker\","
				   "\"owner\":\"w\",\"access\":[\"operator\"]}}";
	struct channel channel;
	struct principal owner;
	const char *secret;
	int e = !access_peer(s->access, geteuid(), &owner);

	e = e ? e : channel_init(&channel, s, CHANNEL_LINES, &ops, &owner);
	assert(e == 0);
	rpc_receive(&channel, str_from(call));
	while (!e && !list_is_empty(&channel.requests))
		e = loop_turn(s->loop, 100);
	assert(e == 0);
	channel_gone(&channel);
	channel_deinit(&channel);
	secret = strstr(answer, "\"secret\":\"");
	assert(secret);
	return (struct str){ secret + 10, KEY_TEXT_LEN };
}

static bool tell(const char *what, double ns)
{
	printf("%s access-%s %.0f ns, limit %.0f ns\n", ns <= LIMIT_NS ? "ok" : "not ok", what, ns,
	       LIMIT_NS);
	return ns <= LIMIT_NS;
}

static double key_ns(struct server *s, struct str text)
{
	double least = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begun = now_ns();
		double each;

		for (int i = 0; i < CALLS; i++) {
			struct access_found found;
			int e = access_keys_find(s->keys, text, &found);

			assert(e == 0 && found.who.key);
		}
		each = (double)(now_ns() - begun) / CALLS;
		least = each < least ? each : least;
	}
	return least;
}

static double gate_ns(struct request *r)
{
	double least = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begun = now_ns();
		double each;

		for (int i = 0; i < CALLS; i++) {
			bool is_let_in = decode_access(r) && decode_quota(r);

			assert(is_let_in);
		}
		each = (double)(now_ns() - begun) / CALLS;
		least = each < least ? each : least;
	}
	return least;
}

static void done(struct request *r)
{
}

int main(void)
{
	static const struct request_ops request_ops = { .done = done };
	char folder[] = "/tmp/questd-bench.XXXXXX", command[64];
	struct server *s = calloc(1, sizeof(*s));
	struct access_found found;
	struct principal who;
	struct quota_user *user;
	struct request *r;
	struct str key;
	bool is_fine;
	int e;

	if (!s || !mkdtemp(folder))
		return 2;
	open_server(s, folder);
	key = make_key(s);
	e = access_keys_find(s->keys, key, &found);
	assert(e == 0);
	who = found.who;
	is_fine = tell("key", key_ns(s, key));
	who.reads_per_minute = INT64_C(1000000000); /* the bucket is asked, and has enough */
	user = quota_join(s->quota, &who);
	r = pool_take(s, &request_ops, NULL, &who, user);
	r->verb = &verb_table[VERB_QUESTS_GET];
	is_fine &= tell("gate", gate_ns(r));
	request_free(r);
	quota_unref(user);
	server_begin_drain(s);
	server_deinit(s);
	free(s);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) || !is_fine;
}
