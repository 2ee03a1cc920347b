/* SPDX-License-Identifier: Apache-2.0 */
/* Remembering the handshake and saying it again. */
#include "cli/relay_replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/id.h"

#define USE_TAIL "key\"" /* of the id that keys.use is repeated with */

enum kept_kind {
	KEPT_USE = 1, /* whose connection it is */
	KEPT_INITIALIZE,
	KEPT_INITIALIZED,
	KEPT_SET_LEVEL,
	KEPT_SUBSCRIBE,
	KEPT_LISTEN,
	KEPT_UNSUBSCRIBE, /* not kept: they end another */
	KEPT_CANCELLED,
};

struct kept {
	struct list link;
	enum kept_kind kind;
	size_t n_text, id_at, n_id; /* n_id 0: a notification */
	struct str subject;         /* behind the text: a subscription's URI, as written */
	bool is_held;
	char text[];
};

static const struct {
	struct str method;
	enum kept_kind kind;
} methods[] = {
	{ { "keys.use", 8 }, KEPT_USE },
	{ { "initialize", 10 }, KEPT_INITIALIZE },
	{ { "notifications/initialized", 25 }, KEPT_INITIALIZED },
	{ { "logging/setLevel", 16 }, KEPT_SET_LEVEL },
	{ { "resources/subscribe", 19 }, KEPT_SUBSCRIBE },
	{ { "resources/unsubscribe", 21 }, KEPT_UNSUBSCRIBE },
	{ { "subscriptions/listen", 20 }, KEPT_LISTEN },
	{ { "notifications/cancelled", 23 }, KEPT_CANCELLED },
};

void relay_replay_init(struct relay_replay *r, struct arena *arena)
{
	char random[9];

	*r = (struct relay_replay){ .arena = arena };
	list_init(&r->kept);
	id_random_text(random, sizeof(random) - 1);
	snprintf(r->prefix, sizeof(r->prefix), "\"replay-%s-", random);
}

static struct kept *kept_of(struct list *l)
{
	return list_entry(l, struct kept, link);
}

static void drop(struct relay_replay *r, struct kept *k)
{
	r->n_kept--;
	r->n_bytes -= k->n_text + k->subject.n;
	list_unlink(&k->link);
	free(k);
}

void relay_replay_deinit(struct relay_replay *r)
{
	list_for_each (l, next, &r->kept)
		drop(r, kept_of(l));
}

/* What an earlier message is replaced or ended by: the kind, and where given the subject or id. */
static void drop_like(struct relay_replay *r, enum kept_kind kind, struct str subject,
		      struct str id)
{
	list_for_each (l, next, &r->kept) {
		struct kept *k = kept_of(l);

		if (k->kind != kind || (subject.p && !str_eq(k->subject, subject)))
			continue;
		if (id.p && !str_eq((struct str){ k->text + k->id_at, k->n_id }, id))
			continue;
		drop(r, k);
	}
}

static void keep(struct relay_replay *r, enum kept_kind kind, const struct relay_message *m,
		 struct str subject)
{
	size_t n = m->text.n + subject.n;

	if (r->n_kept >= RELAY_KEPT_MAX || r->n_bytes + n > RELAY_KEPT_BYTES_MAX)
		return;
	struct kept *k = malloc(sizeof(*k) + n);

	if (!k)
		return;
	*k = (struct kept){ .kind = kind, .n_text = m->text.n };
	memcpy(k->text, m->text.p, m->text.n);
	if (m->id.p) {
		k->id_at = (size_t)(m->id.p - m->text.p);
		k->n_id = m->id.n;
	}
	if (subject.p) {
		memcpy(k->text + m->text.n, subject.p, subject.n);
		k->subject = (struct str){ k->text + m->text.n, subject.n };
	}
	list_push_back(&r->kept, &k->link);
	r->n_kept++;
	r->n_bytes += n;
}

static void note_kind(struct relay_replay *r, enum kept_kind kind, const struct relay_message *m)
{
	struct str subject = STR_NONE;

	switch (kind) {
	case KEPT_UNSUBSCRIBE:
	case KEPT_SUBSCRIBE:
		subject = relay_message_param(m, STR("uri"), r->arena);
		if (!subject.p)
			return;
		drop_like(r, KEPT_SUBSCRIBE, subject, STR_NONE);
		break;
	case KEPT_CANCELLED:
		subject = relay_message_param(m, STR("requestId"), r->arena);
		if (subject.p)
			drop_like(r, KEPT_LISTEN, STR_NONE, subject);
		return;
	case KEPT_LISTEN:
		break;
	case KEPT_USE:
	case KEPT_INITIALIZE:
	case KEPT_INITIALIZED:
	case KEPT_SET_LEVEL:
		drop_like(r, kind, STR_NONE, STR_NONE);
		break;
	}
	if (kind != KEPT_UNSUBSCRIBE && (m->id.p || kind == KEPT_INITIALIZED))
		keep(r, kind, m, subject);
}

/* 0 when it is none of them. */
static enum kept_kind kind_of(struct str method)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq(method, methods[i].method))
			return methods[i].kind;
	return 0;
}

bool relay_replay_notes(struct str method)
{
	return kind_of(method) != 0;
}

void relay_replay_note(struct relay_replay *r, const struct relay_message *m)
{
	enum kept_kind kind = kind_of(m->method);

	if (kind)
		note_kind(r, kind, m);
}

void relay_replay_note_answer(struct relay_replay *r, struct str id)
{
	if (r->n_kept > 0)
		drop_like(r, KEPT_LISTEN, STR_NONE, id);
}

bool relay_replay_swallows(struct relay_replay *r, const struct relay_message *m)
{
	if (r->n_awaited > 0 && m->id.p && !m->method.p && str_starts(m->id, str_from(r->prefix))) {
		r->n_awaited--;
		return true;
	}
	if (r->n_acknowledged > 0 &&
	    str_eq(m->method, STR("notifications/subscriptions/acknowledged"))) {
		r->n_acknowledged--;
		return true;
	}
	return false;
}

void relay_replay_hold(struct relay_replay *r, struct relay_open *open)
{
	list_for_each (l, next, &r->kept) {
		struct kept *k = kept_of(l);

		if (k->kind == KEPT_INITIALIZE || k->kind == KEPT_LISTEN)
			k->is_held = relay_open_remove(open,
						       (struct str){ k->text + k->id_at, k->n_id });
	}
}

void relay_replay_release(struct relay_replay *r, struct relay_open *open)
{
	list_for_each (l, next, &r->kept) {
		struct kept *k = kept_of(l);

		if (TAKE(k->is_held, false))
			relay_open_add(open, (struct str){ k->text + k->id_at, k->n_id }, 0,
				       k->kind == KEPT_LISTEN ? RELAY_CALL_STREAM : RELAY_CALL_MCP);
	}
}

static void put_with_own_id(struct relay_replay *r, const struct kept *k, struct buf *out)
{
	buf_put(out, k->text, k->id_at);
	r->n_awaited++;
	if (k->kind == KEPT_USE)
		buf_fmt(out, "%s" USE_TAIL, r->prefix);
	else
		buf_fmt(out, "%s%zu\"", r->prefix, r->n_awaited);
	buf_put(out, k->text + k->id_at + k->n_id, k->n_text - k->id_at - k->n_id);
}

void relay_replay_put(struct relay_replay *r, const struct relay_open *open, struct buf *out)
{
	r->n_awaited = r->n_acknowledged = 0;
	list_for_each (l, next, &r->kept) {
		struct kept *k = kept_of(l);
		struct str id = { k->text + k->id_at, k->n_id };
		bool is_owed = k->kind == KEPT_LISTEN ||
			       (k->kind == KEPT_INITIALIZE && relay_open_has(open, id));

		if (k->kind == KEPT_LISTEN)
			r->n_acknowledged++;
		if (k->n_id == 0 || is_owed)
			buf_put(out, k->text, k->n_text);
		else
			put_with_own_id(r, k, out);
		buf_put_char(out, '\n');
	}
}

void relay_replay_put_probe(struct relay_replay *r, struct buf *out)
{
	buf_fmt(out, "{\"jsonrpc\":\"2.0\",\"id\":%s0\",\"method\":\"system.ping\"}\n", r->prefix);
	r->n_awaited++;
}

bool relay_replay_is_use(const struct relay_replay *r, const struct relay_message *m)
{
	const struct str tail = STR(USE_TAIL);

	return m->id.n == strlen(r->prefix) + tail.n && str_starts(m->id, str_from(r->prefix)) &&
	       str_ends(m->id, tail);
}

bool relay_replay_is_probe(const struct relay_replay *r, const struct relay_message *m)
{
	size_t n = strlen(r->prefix);

	return m->id.n == n + 2 && str_starts(m->id, str_from(r->prefix)) && m->id.p[n] == '0';
}
