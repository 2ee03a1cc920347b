/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together and takes them apart, in the order in which they need each other. */
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "server/access.h"
#include "server/access_keys.h"
#include "server/audit.h"
#include "server/channel.h"
#include "server/claims.h"
#include "server/conn_http.h"
#include "server/conn_line.h"
#include "server/info.h"
#include "server/lanes.h"
#include "server/metrics.h"
#include "server/park.h"
#include "server/pool.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/reactions.h"
#include "server/request.h"
#include "server/rpc.h"
#include "server/scheduler.h"
#include "server/seal.h"
#include "server/secrets.h"

#define DAY_MS        ((int64_t)24 * 3600 * 1000)
#define HOUR_MS       ((int64_t)3600 * 1000)
#define MIB           ((int64_t)1024 * 1024)
#define SEAL_KEY_NAME STR("seal_key")

static int store_options_of(struct server *s, struct store_options *so)
{
	const struct options *o = &s->options;
	struct str instance = str_fmt(&s->options.arena, "%s/instance", o->paths.data_dir);

	if (!instance.p)
		return err_nomem();
	store_options_init(so);
	so->database = o->paths.database;
	so->lock = o->paths.lock;
	so->backups = o->paths.backups;
	so->flags = o->paths.flags;
	so->instance = instance.p;
	so->clock = &s->clock;
	so->read_only = o->read_only;
	so->ballast_bytes = o->ballast_mb * MIB;
	so->keep_events_ms = o->keep_events_days * DAY_MS;
	so->keep_events_rows = o->keep_events_rows;
	so->keep_audit_ms = o->keep_audit_days * DAY_MS;
	so->keep_messages_ms = o->keep_messages_days * DAY_MS;
	so->keep_messages_rows = o->keep_messages_rows;
	so->keep_replies_ms = o->keep_replies_hours * HOUR_MS;
	so->keep_backups = o->keep_backups;
	return 0;
}

static int open_store(struct server *s, struct store_problem *problem)
{
	struct store_options so;
	int e = store_options_of(s, &so);

	if (!e)
		e = store_open(&so, &s->store, problem);
	if (e > 0)
		return SERVER_NO_STORE;
	if (e)
		return err_trace(e);
	return err_trace(store_reader_new(s->store, true, &s->reader));
}

int server_restore(struct server *s, struct store_problem *problem)
{
	struct store_options so;
	int e = store_options_of(s, &so);

	if (!e)
		e = store_restore(&so, s->options.restore, problem);
	return e > 0 ? SERVER_NO_STORE : err_trace(e);
}

int server_look(struct server *s, bool *is_there, struct store_problem *problem)
{
	struct store_options so;
	int e = store_options_of(s, &so);

	if (!e)
		e = store_look(&so, is_there, problem);
	return e > 0 ? SERVER_NO_STORE : err_trace(e);
}

bool server_look_keys(struct server *s)
{
	struct store_options so;

	if (access(s->options.paths.keys_secret, F_OK) == 0)
		return false;
	if (store_options_of(s, &so)) {
		err_forget();
		return false;
	}
	return store_look_keys(&so) > 0;
}

/* ---- the sealing key: kept in the store, made at the first start ---- */

static int read_key(struct server *s, uint8_t key[SEAL_KEY_BYTES], bool *is_there)
{
	struct arena arena;
	struct store_tx tx;
	struct str text = STR_NONE;
	int e;

	arena_init(&arena, 0);
	e = store_read_begin(s->reader, &arena, clock_wall_ms(&s->clock), &tx);
	if (!e) {
		e = store_meta_get(&tx, SEAL_KEY_NAME, &text);
		store_read_end(s->reader);
	}
	*is_there = !e && seal_key_parse(text, key);
	store_reader_idle(s->reader);
	arena_deinit(&arena);
	return e < 0 ? err_trace(e) : 0;
}

static int write_key(struct server *s, const uint8_t key[SEAL_KEY_BYTES])
{
	char text[2 * SEAL_KEY_BYTES + 1];
	struct arena arena;
	struct store_tx tx;
	int e;

	seal_key_text(key, text);
	arena_init(&arena, 0);
	e = store_begin(s->store);
	if (!e) {
		e = store_call_begin(s->store, &arena, clock_wall_ms(&s->clock), &tx);
		if (!e)
			e = store_meta_set(&tx, SEAL_KEY_NAME, str_from(text));
		if (!e)
			e = store_call_keep(s->store);
		if (e)
			store_rollback(s->store);
		else
			e = store_commit(s->store);
	}
	explicit_bzero(text, sizeof(text));
	arena_deinit(&arena);
	return err_trace(e);
}

static int make_seal(struct server *s)
{
	uint8_t key[SEAL_KEY_BYTES];
	bool is_there;
	int e = read_key(s, key, &is_there);

	if (e)
		return err_trace(e);
	if (!is_there) {
		seal_make_key(key);
		/* a store that cannot be written keeps none: cursors end with this process then */
		if (!s->options.read_only && write_key(s, key))
			err_forget();
	}
	e = seal_new(key, &s->seal);
	explicit_bzero(key, sizeof(key));
	return err_trace(e);
}

static void on_token_changed(void *data)
{
	struct server *s = data;

	access_keys_token_changed(s->keys);
}

static void watch_token(struct server *s)
{
	int e = access_watch(s->access, s->loop, on_token_changed, s);

	if (e)
		log_fault(e, "streams outlive a token that is rotated, until somebody calls", NULL,
			  0);
}

static int make_access(struct server *s, struct store_problem *problem)
{
	const struct options *o = &s->options;
	struct err_report report;
	bool needs_token = o->is_http_on && !o->no_auth && !o->read_only;
	int e = access_new(o->paths.token, &s->clock, needs_token, &s->access);

	if (!e)
		e = access_keys_new(s, o->paths.keys_secret, &s->keys);
	if (!e) {
		access_let_keys_in(s->access, s->keys);
		if (o->is_http_on && !o->no_auth)
			watch_token(s);
		return 0;
	}
	err_take(e, &report);
	snprintf(problem->text, sizeof(problem->text), "%.*s", (int)sizeof(problem->text) - 1,
		 report.text);
	return SERVER_NO_ACCESS;
}

/* Those that have no more to say than that memory is out. */
static int make_parts(struct server *s)
{
	int e = metrics_new(&s->metrics);

	if (!e)
		e = park_new(s, &s->park);
	if (!e)
		e = claims_new(s, &s->claims);
	if (!e)
		e = publish_new(s, &s->publish);
	if (!e)
		e = rpc_new(s, &s->rpc);
	if (!e)
		e = mcp_new(s, &s->mcp);
	return err_trace(e);
}

int server_init(struct server *s, struct store_problem *problem)
{
	int e;

	list_init(&s->channels);
	list_init(&s->spare);
	info_init(s);
	s->started_ms = clock_wall_ms(&s->clock);
	s->last_client_ms = clock_boot_ms(&s->clock);
	e = loop_new(&s->clock, &s->loop);
	if (!e)
		e = quota_new(&s->clock, &s->quota);
	if (!e)
		e = open_store(s, problem);
	if (e)
		return e < 0 ? err_trace(e) : e;
	e = secrets_start(s);
	if (!e)
		e = make_access(s, problem);
	if (e)
		return e < 0 ? err_trace(e) : e;
	e = make_seal(s);
	if (!e)
		e = make_parts(s);
	if (!e)
		e = lanes_new(s, &s->lanes);
	if (!e && !s->options.read_only)
		e = scheduler_new(s, &s->scheduler);
	if (!e && !s->options.read_only)
		e = reactions_new(s, &s->reactions);
	return err_trace(e);
}

void server_deinit(struct server *s)
{
	s->http = s->http ? conn_http_free(s->http) : NULL;
	s->lines = s->lines ? conn_lines_free(s->lines) : NULL;
	s->mcp = s->mcp ? mcp_free(s->mcp) : NULL;
	s->scheduler = scheduler_free(s->scheduler);
	s->reactions = reactions_free(s->reactions);
	s->lanes = lanes_free(s->lanes);
	s->rpc = rpc_free(s->rpc);
	s->publish = publish_free(s->publish);
	s->park = park_free(s->park);
	s->claims = claims_free(s->claims);
	s->metrics = metrics_free(s->metrics);
	if (s->loop)
		pool_empty(s);
	s->seal = seal_free(s->seal);
	s->keys = access_keys_free(s->keys);
	s->access = access_free(s->access);
	secrets_stop(s);
	s->reader = store_reader_free(s->reader);
	s->store = s->store ? store_close(s->store) : NULL;
	s->quota = quota_free(s->quota);
	loop_disarm(&s->idle);
	loop_disarm(&s->audit);
	s->loop = loop_free(s->loop);
	options_deinit(&s->options);
}

void server_begin_drain(struct server *s)
{
	if (s->is_draining)
		return;
	if (!s->options.read_only)
		audit_flush(s);
	s->is_draining = true;
	if (s->lines)
		conn_lines_quiesce(s->lines);
	if (s->http)
		conn_http_quiesce(s->http);
	mcp_drain(s->mcp);
	publish_end_all(s->publish, STREAM_SHUTDOWN);
	park_drain(s->park);
	claims_drain(s->claims);
	scheduler_stop(s->scheduler);
	reactions_stop(s->reactions);
}

bool server_is_drained(const struct server *s)
{
	return s->n_requests == 0 && (!s->http || conn_http_n(s->http) == 0);
}
