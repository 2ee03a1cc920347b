/* SPDX-License-Identifier: Apache-2.0 */
/* Noting lines. */
#include "cli/relay_notes.h"

#include "base/err.h"
#include "base/json.h"
#include "base/rpc_limits.h"

#define SCRATCH_MAX (64 * 1024 * 1024)
#define UNREAD_MAX  2048 /* of a line that is kept instead of being parsed */

void relay_notes_init(struct relay_notes *n)
{
	*n = (struct relay_notes){ 0 };
	arena_init(&n->scratch, SCRATCH_MAX);
	relay_open_init(&n->open);
	relay_replay_init(&n->replay, &n->scratch);
}

void relay_notes_deinit(struct relay_notes *n)
{
	relay_open_deinit(&n->open);
	relay_replay_deinit(&n->replay);
	arena_deinit(&n->scratch);
}

/* MCP leaves what was cancelled without an answer; a native call gets one. */
static void forget_cancelled(struct relay_notes *n, const struct relay_message *m)
{
	struct str id = relay_message_param(m, STR("requestId"), &n->scratch);

	if (id.p)
		relay_open_cancel(&n->open, id);
}

/* A batch is of the kind that its first message is. One that begins with a response is MCP's where
 * MCP is spoken: better to forget its calls than to answer them twice. */
static bool is_batch_taken(const struct relay_notes *n, const struct json *all)
{
	struct str method = all->n ? json_get_str(&all->items[0], STR("method")) : STR_NONE;
	bool is_mcp = !method.p || str_contains(method, STR("/")) ||
		      str_eq(method, STR("initialize")) || str_eq(method, STR("ping"));

	return all->n <= RPC_BATCH_MAX && (!is_mcp || n->has_mcp_batches);
}

/* Under whose id it is answered although a number in it cannot be held. */
static bool is_call(const struct json *m)
{
	const struct json *id = json_get(m, STR("id"));

	return id && id->type != JSON_NONE && json_get_str(m, STR("method")).p;
}

/* A line that the server refuses as a whole is answered without an id, at once: nothing of it is
 * ever open. So it is read here as it is there. `is_refused`: it is answered under its id, and
 * nothing else comes of it. */
static bool is_taken(struct relay_notes *n, struct str line, bool *is_refused)
{
	struct json all = { 0 };

	if (line.n > RPC_LINE_MAX)
		return false;
	arena_reset(&n->scratch);
	int e = json_parse(&n->scratch, line, &all, NULL);
	*is_refused = e == JSON_NUMBER_RANGE;
	bool is_good = *is_refused ? is_call(&all)
				   : !e && (all.type != JSON_ARRAY || is_batch_taken(n, &all));

	arena_reset(&n->scratch);
	if (e)
		err_forget();
	return is_good;
}

static void note_revision(struct relay_notes *n, const struct relay_message *m)
{
	struct str version = relay_message_param(m, STR("protocolVersion"), &n->scratch);

	n->has_mcp_batches = str_eq(version, STR("\"2025-03-26\""));
}

static enum relay_call kind_of(struct str method)
{
	if (str_eq(method, STR("subscriptions/listen")))
		return RELAY_CALL_STREAM;
	if (str_eq(method, STR("events.follow")))
		return RELAY_CALL_FOLLOW;
	return str_contains(method, STR(".")) ? RELAY_CALL_NATIVE : RELAY_CALL_MCP;
}

/* Most lines are one call of which nothing but its id matters, and mostly nobody ever asks whether
 * the server took it: parsing each would cost as much as all the rest. False: it must be read. */
static bool is_put_off(struct relay_notes *n, struct str line)
{
	struct relay_scan scan;
	struct relay_message m;

	if (line.n > UNREAD_MAX)
		return false;
	relay_scan_begin(&scan, line, &n->scratch);
	if (scan.is_batch || !relay_scan_next(&scan, &m) || !m.method.p || !m.id.p)
		return false;
	/* a member behind an escape was found by a parse, and lives there */
	if (m.id.p < line.p || m.id.p >= line.p + line.n || m.id.n > RPC_ID_MAX)
		return false;
	enum relay_call kind = kind_of(m.method);

	return kind <= RELAY_CALL_NATIVE && !relay_replay_notes(m.method) &&
	       relay_open_add_unread(&n->open, line, m.id, kind);
}

void relay_notes_take(struct relay_notes *n, struct str line, bool is_for_replay)
{
	struct relay_scan scan;
	struct relay_message m;
	uint64_t batch = 0;

	bool is_refused = false;

	if (is_put_off(n, line) || !is_taken(n, line, &is_refused))
		return;
	relay_scan_begin(&scan, line, &n->scratch);
	while (relay_scan_next(&scan, &m)) {
		if (scan.is_batch && batch == 0)
			batch = ++n->n_batches;
		if (!m.method.p)
			continue;
		/* asked first: a method behind an escape lives until the next parse */
		bool is_cancel = str_eq(m.method, STR("notifications/cancelled"));
		bool is_initialize = str_eq(m.method, STR("initialize"));

		if (m.id.p && m.id.n <= RPC_ID_MAX)
			relay_open_add(&n->open, m.id, batch, kind_of(m.method));
		if (is_refused)
			continue;
		if (is_for_replay)
			relay_replay_note(&n->replay, &m);
		if (is_cancel && !m.id.p)
			forget_cancelled(n, &m);
		if (is_initialize)
			note_revision(n, &m);
	}
}

void relay_notes_take_all(struct relay_notes *n, struct str lines, bool is_for_replay)
{
	while (lines.n > 0) {
		size_t end = str_find(lines, '\n', 0);

		relay_notes_take(n, str_slice(lines, 0, end), is_for_replay);
		lines = str_slice(lines, end + 1, lines.n);
	}
}

void relay_notes_settle(struct relay_notes *n)
{
	struct str line = relay_open_unread(&n->open);

	for (; line.p; line = relay_open_unread(&n->open)) {
		bool is_refused;

		relay_open_read(&n->open, is_taken(n, line, &is_refused));
	}
}

enum relay_verdict relay_notes_judge(struct relay_notes *n, struct str line)
{
	struct relay_scan scan;
	struct relay_message m;

	relay_scan_begin(&scan, line, &n->scratch);
	while (relay_scan_next(&scan, &m)) {
		if (!scan.is_batch && relay_replay_swallows(&n->replay, &m)) {
			if (relay_replay_is_use(&n->replay, &m) &&
			    !str_contains(line, STR("\"result\"")))
				return RELAY_REFUSED;
			if (!relay_replay_is_probe(&n->replay, &m))
				return RELAY_OURS;
			return str_contains(line, STR("\"result\"")) ? RELAY_LIVES : RELAY_STOPS;
		}
		if (m.id.p && !m.method.p) {
			relay_open_remove(&n->open, m.id);
			relay_replay_note_answer(&n->replay, m.id);
		} else if (!m.method.p) {
			relay_notes_settle(n); /* a line was refused as a whole */
		}
	}
	return RELAY_PASS;
}
