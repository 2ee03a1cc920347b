/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that ask this run on the loop, so that nothing here needs a lock. */
#include "server/info.h"

#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/rpc_limits.h"
#include "server/access_keys.h"
#include "server/actions.h"
#include "server/audit.h"
#include "server/channel_in.h"
#include "server/conn_http.h"
#include "server/hook_secret.h"
#include "server/lanes.h"
#include "server/predicates.h"
#include "server/proc.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/secrets.h"

#define TAIL_LEN 6

static const struct str protocols[] = {
	{ "2026-07-28", 10 }, { "2025-11-25", 10 }, { "2025-06-18", 10 },
	{ "2025-03-26", 10 }, { "2024-11-05", 10 },
};

struct str server_http_text(const struct server *s, struct arena *a)
{
	const char *address = s->options.http_address;

	if (!s->http)
		return STR("off");
	return str_fmt(a, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
		       (unsigned)conn_http_port(s->http));
}

static int info(void *data, struct call *c, struct system_info *out)
{
	const struct server *s = data;
	struct system_limits *limits = ARENA_NEW(c->arena, struct system_limits);
	const struct charge_account *all = quota_everybody(s->quota);

	if (!limits)
		return err_nomem();
	*limits = (struct system_limits){
		.message_bytes = RPC_LINE_MAX,
		.batch_calls = RPC_BATCH_MAX,
		.calls = all->max[CHARGE_CALLS],
		.streams = all->max[CHARGE_STREAMS],
		.list_items = 200,
		.wait_s = 45,
	};
	*out = (struct system_info){
		.version = STR(QUESTD_VERSION),
		.mode = STR("managed"),
		.instance = store_instance(s->store),
		.generation = store_generation(s->store),
		.pid = getpid(),
		.started_at = s->started_ms,
		.uptime_s = (c->now_ms - s->started_ms) / 1000,
		.data_dir = str_from(s->options.paths.data_dir),
		.socket = str_from(s->options.paths.socket),
		.http = server_http_text(s, c->arena),
		.http_note = s->http_note ? str_fmt(c->arena, "%.*s %s", STR_ARG(s->options.http),
						    s->http_note)
					  : STR_NONE,
		.auth = s->options.no_auth ? STR("none") : STR("token"),
		.read_only = s->options.read_only,
		.workers = s->options.workers,
		.protocols = { (struct str *)protocols, ARRAY_LEN(protocols) },
		.limits = limits,
		.public_key = vault_public_key(s->vault, c->arena),
	};
	return c->arena->is_out ? err_nomem() : 0;
}

struct server_health server_health(const struct server *s)
{
	static const char *const reasons[] = {
		[STORE_OK] = NULL,
		[STORE_FULL] = "the disk is full",
		[STORE_READ_ONLY] = "the data directory is read-only",
		[STORE_IO_ERROR] = "the disk fails",
	};
	struct store_stats st;

	store_stats(s->store, &st);
	return (struct server_health){
		.can_read = !s->is_draining,
		.can_write = !s->is_draining && !st.is_degraded && !s->options.read_only,
		.is_draining = s->is_draining,
		.reason = s->is_draining         ? "the server is stopping"
			  : st.is_degraded       ? reasons[st.state]
			  : s->options.read_only ? "it was started with --read-only"
						 : NULL,
	};
}

static enum vault_state credentials_state(const struct server *s)
{
	switch (vault_why(s->vault)) {
	case VAULT_IS_OPEN:
		return VAULT_STATE_OPEN;
	case VAULT_IS_NEW:
		return VAULT_STATE_UNUSED;
	default:
		return VAULT_STATE_LOCKED;
	}
}

static int health(void *data, struct call *c, struct system_health *out)
{
	const struct server *s = data;
	struct server_health h = server_health(s);
	struct lanes_stats lanes;
	struct store_stats st;

	lanes_stats(s->lanes, &lanes);
	store_stats(s->store, &st);
	*out = (struct system_health){
		.status = h.is_draining ? HEALTH_STATUS_STOPPING
			  : h.can_write ? HEALTH_STATUS_OK
					: HEALTH_STATUS_DEGRADED,
		.can_read = h.can_read,
		.can_write = h.can_write,
		.reason = str_from(h.reason),
		.commits = st.n_commits,
		.calls = st.n_calls,
		.database_bytes = st.database_bytes,
		.wal_bytes = st.wal_bytes,
		.free_bytes = st.free_bytes,
		.queued_writes = (int64_t)lanes.n_writes,
		.queued_scans = (int64_t)lanes.n_scans,
		.connections = (int64_t)s->n_channels,
		.streams = (int64_t)publish_n_streams(s->publish),
		.memory_bytes = proc_resident_bytes(),
		.credentials = credentials_state(s),
		.credentials_note = vault_advice(s->vault, c->arena),
	};
	return 0;
}

static int streams(void *data, struct call *c, struct stream_info_list *out)
{
	const struct server *s = data;

	return err_trace(publish_list(s->publish, c, out));
}

static int config(void *data, struct call *c, struct config_entry_list *out)
{
	const struct server *s = data;
	struct option_row row;

	out->v = ARENA_ARRAY(c->arena, OPTIONS_MAX, struct config_entry);
	if (!out->v)
		return err_nomem();
	while (options_row(&s->options, out->n, c->arena, &row)) {
		out->v[out->n++] = (struct config_entry){
			.key = row.key,
			.value = row.value,
			/* the two enums name the same in the same order */
			.origin = (enum config_origin)row.origin.kind,
			.has_line = row.origin.line > 0,
			.line = row.origin.line,
			.flag = row.flag,
			.variable = row.variable,
			.description = row.what,
		};
	}
	return c->arena->is_out ? err_nomem() : 0;
}

static int backup_path(void *data, struct call *c, char **out)
{
	const struct server *s = data;
	const char *folder = s->options.paths.backups;
	char time[CLOCK_RFC3339_MAX], tail[TAIL_LEN + 1];
	struct str text;
	int e = fd_mkdir_all(folder, 0700);

	if (e)
		return err_trace(e);
	clock_format(time, c->now_ms);
	for (char *p = time; *p; p++)
		if (*p == ':')
			*p = '-';
	id_random_text(tail, TAIL_LEN); /* two may be asked for in one millisecond */
	text = str_fmt(c->arena, "%s/questd-%s-%s.db", folder, time, tail);
	*out = text.p ? str_cstr(c->arena, text) : NULL;
	return *out ? 0 : err_nomem();
}

static int make_key(void *data, struct call *c, struct call_key *out)
{
	const struct server *s = data;

	return err_trace(access_keys_make(s->keys, c->arena, out));
}

static struct str chain(void *data, struct arena *a, struct str before, struct str text)
{
	return audit_chain(a, before, text);
}

static int seal_hook_secret(void *data, struct call *c, struct call_hook_secret *secret)
{
	return err_trace(hook_secret_seal(data, c->arena, secret));
}

static int echo_channel(void *data, struct call *c, const struct store_channel *channel,
			struct str chat, struct channel_arrival *out, struct str *fault)
{
	return err_trace(channel_in_echo(data, c, channel, chat, out, fault));
}

void info_init(struct server *s)
{
	s->for_verbs = (struct call_server){
		.data = s,
		.info = info,
		.health = health,
		.streams = streams,
		.config = config,
		.make_key = make_key,
		.chain = chain,
		.check_actions = actions_check,
		.check_predicates = predicates_check,
		.seal_hook_secret = seal_hook_secret,
		.echo_channel = echo_channel,
		.backup_path = backup_path,
	};
	secrets_fill(&s->for_verbs.vault);
}
