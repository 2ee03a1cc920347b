/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the client for something in the middle of a call. Legacy: a request of ours on the call's
 * stream, answered by the client under our id. Modern: the call ends as `input_required` and comes
 * back with the answers and with the state that we sealed into it. */
#include "server/mcp.h"

#include <stdio.h>

#include "base/id.h"
#include "server/seal.h"

#define ASK_MS    (10 * 60 * 1000)
#define STATE_MS  (10 * 60 * 1000)
#define STATE_MAX 65536

struct ask {
	struct list link; /* conn->asks */
	struct mcp_call *call;
	struct loop_timer deadline;
	mcp_asked_fn *then;
	char id[48];
	size_t id_len;
};

static void ask_end(struct ask *a)
{
	list_unlink(&a->link);
	loop_disarm(&a->deadline);
}

static void stop_ask(struct mcp_call *c)
{
	ask_end(c->state);
}

static void give(struct ask *a, const struct json *result)
{
	struct mcp_call *c = a->call;
	mcp_asked_fn *then = a->then;

	ask_end(a);
	charge_release(&c->parked);
	charge_release(&c->parked_bytes);
	c->stop = NULL;
	c->state = NULL;
	then(c, result);
}

static void on_deadline(struct loop_timer *t)
{
	give(container_of(t, struct ask, deadline), NULL);
}

void mcp_ask(struct mcp_call *c, const struct mcp_input *input, mcp_asked_fn *then)
{
	struct ask *a = ARENA_NEW(&c->arena, struct ask);
	struct json_out w;
	struct buf b;

	if (!a) {
		then(c, NULL);
		return;
	}
	a->call = c;
	a->then = then;
	/* Not the same after a restart: behind the relay, an answer to the server before must not
	 * pass for one to us. */
	a->id_len = (size_t)snprintf(a->id, sizeof(a->id), "questd-%llx-%llu",
				     (unsigned long long)c->server->started_ms,
				     (unsigned long long)++c->conn->mcp->last_ask);
	if (!mcp_call_park(c, false)) {
		then(c, NULL);
		return;
	}
	list_push_back(&c->conn->asks, &a->link);
	c->state = a;
	c->stop = stop_ask;
	/* The connection's end is a deadline too. */
	mcp_arm(c->server, &a->deadline, ASK_MS, on_deadline);
	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	JSON_KV_STR(&w, "id", ((struct str){ a->id, a->id_len }));
	JSON_KV_STR(&w, "method", input->method);
	json_key(&w, STR("params"));
	json_raw(&w, input->params);
	json_end_object(&w);
	mcp_notify(c, buf_str(&b));
	buf_deinit(&b);
}

void mcp_take_response(struct mcp_conn *conn, const struct json *message)
{
	const struct json *result = json_get(message, STR("result"));
	struct str id = json_get_str(message, STR("id"));

	/* An answer to nothing is ignored. */
	list_for_each (it, tmp, &conn->asks) {
		struct ask *a = list_entry(it, struct ask, link);

		if (!str_eq((struct str){ a->id, a->id_len }, id))
			continue;
		give(a, result && result->type == JSON_OBJECT ? result : NULL);
		return;
	}
}

/* ---- modern ---- */

/* What a state belongs to: this caller, this method, these arguments. NONE when memory is out. */
static struct str digest_of(struct mcp_call *c)
{
	struct str keys[] = { STR("name"), STR("uri"), STR("arguments") };
	struct str digest = STR_NONE;
	struct buf b;

	buf_init(&b, 0);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct json *v = json_get(c->params, keys[i]);

		buf_put_char(&b, '\n');
		if (v && json_canonical(&c->arena, v, &b) < 0)
			b.failed = true;
	}
	if (!b.failed)
		digest = seal_digest(&c->arena, buf_str(&b));
	buf_deinit(&b);
	return digest;
}

static void put_inputs(struct json_out *w, const struct mcp_input *v, size_t n)
{
	json_key(w, STR("inputRequests"));
	json_begin_object(w);
	for (size_t i = 0; i < n; i++) {
		json_key(w, v[i].key);
		json_begin_object(w);
		JSON_KV_STR(w, "method", v[i].method);
		json_key(w, STR("params"));
		json_raw(w, v[i].params);
		json_end_object(w);
	}
	json_end_object(w);
}

void mcp_need_input(struct mcp_call *c, const struct mcp_input *v, size_t n, struct str state)
{
	struct seal_binding binding = { c->channel->principal.id, c->method->name, digest_of(c) };
	struct str sealed = STR_NONE;
	struct json_out *w;

	if (state.p) {
		sealed = seal_close(c->server->seal, &c->arena, &binding, state,
				    clock_wall_ms(&c->server->clock) + STATE_MS);
		if (!sealed.p || !binding.digest.p) {
			mcp_fail_memory(c);
			return;
		}
	}
	w = mcp_result_as(c, STR("input_required"));
	if (n)
		put_inputs(w, v, n);
	if (sealed.p)
		JSON_KV_STR(w, "requestState", sealed);
	mcp_result_end(c);
}

bool mcp_input_state(struct mcp_call *c, struct str *out)
{
	const struct json *v = c->params ? json_get(c->params, STR("requestState")) : NULL;
	struct seal_binding binding;
	int e;

	*out = STR_NONE;
	if (!v || !mcp_is_modern(c))
		return true;
	binding = (struct seal_binding){ c->channel->principal.id, c->method->name, digest_of(c) };
	e = v->type == JSON_STRING && v->s.n <= STATE_MAX
		? seal_open(c->server->seal, &c->arena, &binding, v->s,
			    clock_wall_ms(&c->server->clock), out)
		: SEAL_BAD;
	if (e == 0)
		return true;
	if (e < 0) {
		err_forget();
		mcp_fail_memory(c);
		return false;
	}
	mcp_fail_data(
	    c, MCP_INVALID_PARAMS,
	    e == SEAL_EXPIRED
		? STR("params.requestState has expired")
		: STR("params.requestState is not one that this server gave for this request"),
	    STR("{\"code\":\"invalid_params\",\"field\":\"requestState\",\"hint\":\"send the "
		"request "
		"again without requestState and inputResponses\",\"retryable\":false}"));
	return false;
}

const struct json *mcp_input_get(const struct mcp_call *c, struct str key)
{
	const struct json *all = c->params ? json_get(c->params, STR("inputResponses")) : NULL;
	const struct json *v = all ? json_get(all, key) : NULL;

	return v && v->type == JSON_OBJECT ? v : NULL;
}
