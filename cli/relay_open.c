/* SPDX-License-Identifier: Apache-2.0 */
/* The calls without an answer. */
#include "cli/relay_open.h"

#include <stdlib.h>

#include "base/json.h"

struct open_id {
	struct map_node node;
	struct list unread; /* of relay_open.unread, or of nothing */
	uint64_t batch;
	uint32_t n; /* requests in flight with this id */
	enum relay_call kind;
	size_t n_line; /* of the text: a line that is kept; 0 = it is the id */
	char text[];   /* the id, or the line with it */
};

void relay_open_init(struct relay_open *o)
{
	*o = (struct relay_open){ 0 };
	map_init(&o->ids);
	list_init(&o->unread);
}

static bool is_stream(enum relay_call kind)
{
	return kind == RELAY_CALL_STREAM || kind == RELAY_CALL_FOLLOW;
}

static bool is_native(enum relay_call kind)
{
	return kind == RELAY_CALL_NATIVE || kind == RELAY_CALL_FOLLOW;
}

static void forget(struct relay_open *o, struct open_id *id)
{
	o->n_bytes -= id->node.key.n;
	o->n_line_bytes -= id->n_line;
	o->n_streams -= is_stream(id->kind);
	list_unlink(&id->unread);
	map_remove(&o->ids, &id->node);
	free(id);
}

void relay_open_deinit(struct relay_open *o)
{
	for (struct map_node *n = map_first(&o->ids); n; n = map_first(&o->ids))
		forget(o, container_of(n, struct open_id, node));
	map_deinit(&o->ids);
}

static struct open_id *find(const struct relay_open *o, struct str id)
{
	struct map_node *n = map_find(&o->ids, id);

	return n ? container_of(n, struct open_id, node) : NULL;
}

bool relay_open_has(const struct relay_open *o, struct str id)
{
	return find(o, id) != NULL;
}

bool relay_open_is_owed(const struct relay_open *o)
{
	return o->ids.n > o->n_streams;
}

/* Keeps a copy of `text`, in which the id begins at `at`. NULL: there is no room. */
static struct open_id *add(struct relay_open *o, struct str text, size_t at, size_t n_id)
{
	if (o->ids.n >= RELAY_OPEN_MAX || o->n_bytes + n_id > RELAY_OPEN_BYTES_MAX)
		return NULL;
	struct open_id *fresh = malloc(sizeof(*fresh) + text.n);

	if (!fresh)
		return NULL;
	*fresh = (struct open_id){ .n = 1 };
	list_init(&fresh->unread);
	memcpy(fresh->text, text.p, text.n);
	if (map_add(&o->ids, &fresh->node, (struct str){ fresh->text + at, n_id })) {
		free(fresh);
		return NULL;
	}
	o->n_bytes += n_id;
	return fresh;
}

void relay_open_add(struct relay_open *o, struct str id, uint64_t batch, enum relay_call kind)
{
	struct open_id *known = find(o, id);

	if (known) {
		known->n++;
		return;
	}
	struct open_id *fresh = add(o, id, 0, id.n);

	if (!fresh)
		return;
	fresh->batch = batch;
	fresh->kind = kind;
	o->n_streams += is_stream(kind);
}

bool relay_open_add_unread(struct relay_open *o, struct str line, struct str id,
			   enum relay_call kind)
{
	if (o->n_line_bytes + line.n > RELAY_OPEN_LINES_MAX || find(o, id))
		return false;
	struct open_id *fresh = add(o, line, (size_t)(id.p - line.p), id.n);

	if (!fresh)
		return false;
	fresh->kind = kind;
	fresh->n_line = line.n;
	o->n_line_bytes += line.n;
	list_push_back(&o->unread, &fresh->unread);
	return true;
}

void relay_open_cancel(struct relay_open *o, struct str id)
{
	struct open_id *known = find(o, id);

	if (known && !is_native(known->kind))
		forget(o, known);
}

struct str relay_open_unread(const struct relay_open *o)
{
	if (list_is_empty(&o->unread))
		return STR_NONE;
	const struct open_id *id = container_of(o->unread.next, struct open_id, unread);

	return (struct str){ id->text, id->n_line };
}

void relay_open_read(struct relay_open *o, bool is_call)
{
	struct open_id *id = container_of(o->unread.next, struct open_id, unread);

	list_unlink(&id->unread);
	if (!is_call && --id->n == 0)
		forget(o, id);
}

bool relay_open_remove(struct relay_open *o, struct str id)
{
	struct open_id *known = find(o, id);

	if (!known)
		return false;
	if (--known->n == 0)
		forget(o, known);
	return true;
}

static void put_answer(const struct relay_refusal *why, struct str id, struct json_out *w)
{
	json_begin_object(w);
	JSON_KV_STR(w, "jsonrpc", STR("2.0"));
	json_key(w, STR("id"));
	json_raw(w, id);
	json_key(w, STR("error"));
	json_begin_object(w);
	JSON_KV_INT(w, "code", why->code);
	JSON_KV_STR(w, "message", why->message);
	json_key(w, STR("data"));
	json_begin_object(w);
	JSON_KV_STR(w, "code", why->name);
	JSON_KV_STR(w, "hint", why->hint);
	JSON_KV_BOOL(w, "retryable", why->is_retryable);
	if (why->has_place)
		JSON_KV_INT(w, "at", why->at);
	if (why->has_place && why->limit)
		JSON_KV_INT(w, "limit", why->limit);
	json_end_object(w);
	json_end_object(w);
	json_end_object(w);
}

void relay_refusal_put(const struct relay_refusal *why, struct str id, struct buf *out)
{
	struct json_out w = json_out(out);

	put_answer(why, id, &w);
	buf_put_char(out, '\n');
}

static void answer_batch(struct relay_open *o, uint64_t batch, const struct relay_refusal *why,
			 struct buf *out)
{
	struct json_out w = json_out(out);
	size_t slot = 0;

	json_begin_array(&w);
	for (struct map_node *n = map_next(&o->ids, &slot, NULL); n;
	     n = map_next(&o->ids, &slot, n)) {
		const struct open_id *id = container_of(n, struct open_id, node);

		if (id->batch == batch)
			put_answer(why, id->node.key, &w);
	}
	json_end_array(&w);
	buf_put_char(out, '\n');
}

static struct open_id *find_of_batch(const struct relay_open *o, uint64_t batch)
{
	size_t slot = 0;

	for (struct map_node *n = map_next(&o->ids, &slot, NULL); n;
	     n = map_next(&o->ids, &slot, n))
		if (container_of(n, struct open_id, node)->batch == batch)
			return container_of(n, struct open_id, node);
	return NULL;
}

void relay_open_answer_all(struct relay_open *o, const struct relay_refusal *why, struct buf *out)
{
	for (struct map_node *n = map_first(&o->ids); n; n = map_first(&o->ids)) {
		struct open_id *id = container_of(n, struct open_id, node);
		uint64_t batch = id->batch;

		if (batch == 0) {
			for (uint32_t i = 0; i < id->n; i++)
				relay_refusal_put(why, id->node.key, out);
			forget(o, id);
			continue;
		}
		answer_batch(o, batch, why, out);
		for (id = find_of_batch(o, batch); id; id = find_of_batch(o, batch))
			forget(o, id);
	}
}
