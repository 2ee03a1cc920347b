/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC batches on lines. Each message gets an arena of its own, as it would have alone. */
#include "server/mcp_batch.h"
#include "server/clean.h"

#include <stdlib.h>

#include "base/rpc_limits.h"

struct batch {
	struct channel channel;
	struct list link; /* conn->batches */
	struct mcp_conn *conn;
	struct loop_task destroy;
	struct buf answers;
	size_t n_open, n_answers;
	bool is_filling;
};

static void on_destroy(struct loop_task *t)
{
	struct batch *b = container_of(t, struct batch, destroy);

	if (!b->channel.is_gone)
		channel_gone(&b->channel);
	channel_deinit(&b->channel);
	list_unlink(&b->link);
	buf_deinit(&b->answers);
	free(b);
}

static void finish(struct batch *b)
{
	struct channel *parent = b->conn ? b->conn->channel : NULL;

	if (b->is_filling || b->n_open)
		return;
	if (b->n_answers)
		buf_put_char(&b->answers, ']');
	if (parent && b->n_answers && !b->answers.failed)
		(void)channel_answer(parent, buf_str(&b->answers), 200); /* its transport cuts it */
	loop_defer(b->channel.server->loop, &b->destroy, on_destroy);
}

static void add(struct batch *b, struct str message)
{
	buf_put_char(&b->answers, b->n_answers++ ? ',' : '[');
	buf_put_str(&b->answers, message);
}

static int on_send(struct channel *ch, struct str message)
{
	struct batch *b = container_of(ch, struct batch, channel);
	struct channel *parent = b->conn ? b->conn->channel : NULL;

	return parent ? channel_send(parent, message) : CHANNEL_GONE;
}

static int on_answer(struct channel *ch, struct str message, int status)
{
	struct batch *b = container_of(ch, struct batch, channel);

	if (message.p)
		add(b, message);
	return 0;
}

static void on_close(struct channel *ch)
{
	struct batch *b = container_of(ch, struct batch, channel);

	if (b->conn && b->conn->channel)
		b->conn->channel->ops->close(b->conn->channel);
}

static const struct channel_ops ops = {
	.send = on_send,
	.answer = on_answer,
	.close = on_close,
};

/* The call is over, with or without an answer. */
static void on_call_end(struct mcp_call *c)
{
	struct batch *b = c->batch;

	b->n_open--;
	finish(b);
}

static void add_error(struct batch *b, struct str id, const struct mcp_route *route)
{
	struct buf e;

	buf_init(&e, 0);
	mcp_put_error(&e, id, route->error, route->message, route->data);
	add(b, buf_str(&e));
	buf_deinit(&e);
}

static void start(struct batch *b, const struct json *element)
{
	struct mcp_route route = { .error = MCP_INTERNAL, .message = STR("memory is out") };
	struct mcp_call *c = NULL;
	struct json *message;
	struct arena a;
	struct str text, id;

	arena_init(&a, MCP_ARENA_LIMIT);
	text = str_dup(&a, element->raw);
	message = ARENA_NEW(&a, struct json);
	if (text.p && message && !json_parse(&a, text, message, NULL)) {
		mcp_route(&a, b->conn, message, STR_NONE, &route);
		if (!route.error)
			c = mcp_call_new(b->conn, &b->channel, &a, &route);
	}
	if (c) {
		c->batch = b;
		c->on_end = on_call_end;
		b->n_open++;
		mcp_call_start(c);
		return;
	}
	id = message_error_id(element);
	if (id.p)
		add_error(b, id, &route);
	arena_deinit(&a);
}

/* `data` NONE: what the code itself has to say. */
static void refuse(struct mcp_conn *conn, const char *why, struct str data)
{
	struct buf b;

	buf_init(&b, 0);
	mcp_put_error(&b, STR("null"), MCP_INVALID_REQUEST, str_from(why), data);
	if (!b.failed)
		(void)channel_answer(conn->channel, buf_str(&b), 400);
	buf_deinit(&b);
}

void mcp_batch_receive(struct mcp_conn *conn, struct arena *arena, const struct json *all)
{
	struct batch *b = NULL;

	if (conn->version != MCP_2025_03_26 || all->n > RPC_BATCH_MAX) {
		refuse(conn,
		       "a batch of at most 100 MCP messages is for connections of 2025-03-26 only",
		       mcp_data(arena, "invalid_request", "send its messages one by one"));
		arena_deinit(arena);
		return;
	}
	b = calloc(1, sizeof(*b));
	if (!b || channel_init(&b->channel, conn->channel->server, CHANNEL_LINES, &ops,
			       &conn->channel->principal)) {
		free(b);
		refuse(conn, "too much is going on for this caller", STR_NONE);
		arena_deinit(arena);
		return;
	}
	b->channel.toolsets = conn->channel->toolsets;
	b->channel.is_read_only = conn->channel->is_read_only;
	b->conn = conn;
	b->is_filling = true;
	buf_init(&b->answers, 0);
	list_push_back(&conn->batches, &b->link);
	for (uint32_t i = 0; i < all->n; i++) {
		const struct json *element = &all->items[i];

		if (element->type == JSON_OBJECT && !json_get(element, STR("method")))
			mcp_take_response(conn, element);
		else
			start(b, element);
	}
	b->is_filling = false;
	finish(b);
	arena_deinit(arena);
}

void mcp_batches_gone(struct mcp_conn *conn)
{
	list_for_each (it, tmp, &conn->batches) {
		struct batch *b = list_entry(it, struct batch, link);

		list_unlink(&b->link);
		b->conn = NULL;
		channel_gone(&b->channel);
	}
}
