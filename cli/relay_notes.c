/* SPDX-License-Identifier: Apache-2.0 */
/* Noting lines. */
#include "cli/relay_notes.h"

#define SCRATCH_MAX (64 * 1024 * 1024)

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

/* MCP leaves what was cancelled without an answer. */
static void forget_cancelled(struct relay_notes *n, const struct relay_message *m)
{
	struct str id = relay_message_param(m, STR("requestId"), &n->scratch);

	if (id.p)
		relay_open_remove(&n->open, id);
}

/* What ends only when the client ends it. */
static bool is_stream(const struct relay_message *m)
{
	return str_eq(m->method, STR("events.follow")) ||
	       str_eq(m->method, STR("subscriptions/listen"));
}

void relay_notes_take(struct relay_notes *n, struct str line, bool is_for_replay)
{
	struct relay_scan scan;
	struct relay_message m;
	uint64_t batch = 0;

	relay_scan_begin(&scan, line, &n->scratch);
	while (relay_scan_next(&scan, &m)) {
		if (scan.is_batch && batch == 0)
			batch = ++n->n_batches;
		if (!m.method.p)
			continue;
		if (m.id.p)
			relay_open_add(&n->open, m.id, batch, is_stream(&m));
		else if (str_eq(m.method, STR("notifications/cancelled")))
			forget_cancelled(n, &m);
		if (is_for_replay)
			relay_replay_note(&n->replay, &m);
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

enum relay_verdict relay_notes_judge(struct relay_notes *n, struct str line)
{
	struct relay_scan scan;
	struct relay_message m;

	relay_scan_begin(&scan, line, &n->scratch);
	while (relay_scan_next(&scan, &m)) {
		if (!scan.is_batch && relay_replay_swallows(&n->replay, &m)) {
			if (!relay_replay_is_probe(&n->replay, &m))
				return RELAY_OURS;
			return str_contains(line, STR("\"result\"")) ? RELAY_LIVES : RELAY_STOPS;
		}
		if (m.id.p && !m.method.p) {
			relay_open_remove(&n->open, m.id);
			relay_replay_note_answer(&n->replay, m.id);
		}
	}
	return RELAY_PASS;
}
