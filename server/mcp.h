/* SPDX-License-Identifier: Apache-2.0 */
/* What the mcp_*.c files share: one message of an MCP client on its way (struct mcp_call), the
 * client's connection or session (struct mcp_conn), and the ways to answer.
 *
 * Two eras live side by side. Modern (2026-07-28): each request says in its _meta which version it
 * speaks and what its client can do; nothing is remembered. Legacy (2024-11-05 … 2025-11-25): an
 * `initialize` said so once for the connection. A call carries the outcome of that question, so
 * that the features look at the call alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"
#include "server/channel.h"
#include "server/message.h"
#include "server/request.h"
#include "server/server.h"

enum mcp_version {
	MCP_NONE,
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25,
	MCP_2026_07_28,
};
#define MCP_MODERN        MCP_2026_07_28
#define MCP_LEGACY_LATEST MCP_2025_11_25

enum mcp_level {
	MCP_LEVEL_NONE,
	MCP_DEBUG,
	MCP_INFO,
	MCP_NOTICE,
	MCP_WARNING,
	MCP_ERROR,
	MCP_CRITICAL,
	MCP_ALERT,
	MCP_EMERGENCY,
};

/* What the client said it can do: bits. */
enum {
	MCP_CLIENT_ROOTS = 1 << 0,
	MCP_CLIENT_SAMPLING = 1 << 1,
	MCP_CLIENT_ELICITS = 1 << 2, /* forms */
	MCP_CLIENT_TASKS = 1 << 3,
};

/* Error codes of the protocol itself. */
enum {
	MCP_PARSE_ERROR = -32700,
	MCP_INVALID_REQUEST = -32600,
	MCP_METHOD_NOT_FOUND = -32601,
	MCP_INVALID_PARAMS = -32602,
	MCP_INTERNAL = -32603,
	MCP_RESOURCE_NOT_FOUND = -32002, /* legacy only */
	MCP_HEADER_MISMATCH = -32020,
	MCP_MISSING_CAPABILITY = -32021,
	MCP_UNSUPPORTED_VERSION = -32022,
};

#define MCP_META_VERSION      STR("io.modelcontextprotocol/protocolVersion")
#define MCP_META_CLIENT       STR("io.modelcontextprotocol/clientCapabilities")
#define MCP_META_LEVEL        STR("io.modelcontextprotocol/logLevel")
#define MCP_META_SERVER       STR("io.modelcontextprotocol/serverInfo")
#define MCP_META_SUBSCRIPTION STR("io.modelcontextprotocol/subscriptionId")
#define MCP_EXT_TASKS         STR("io.modelcontextprotocol/tasks")
#define MCP_EXT_SKILLS        STR("io.modelcontextprotocol/skills")

#define MCP_RETRY_MS 1000 /* when to come again */

/* Of one message and all that follows from it. */
#define MCP_ARENA_LIMIT ((size_t)64 * 1024 * 1024)

/* A notification of `questd mcp`: {"toolsets":["quests",…],"read_only":true}, for its connection.
 */
#define MCP_RELAY_HELLO STR("relay.hello")

struct batch;
struct mcp_call;
struct mcp_kind;
struct mcp_toolset;
struct mcp_watch;

enum {
	MCP_ON_LEGACY = 1 << 0,
	MCP_ON_MODERN = 1 << 1,
	MCP_ON_BOTH = MCP_ON_LEGACY | MCP_ON_MODERN,
	MCP_NEEDS_TASKS = 1 << 2, /* modern: refused unless the client declares the extension */
};

struct mcp_method {
	struct str name;
	unsigned flags;
	const char *mirrored; /* the parameter that the Mcp-Name header repeats; NULL = none */
	void (*start)(struct mcp_call *c);
};

const struct mcp_method *mcp_method_find(struct str name);

/* A timer that may fail to be set: without memory for it something else ends what it would have. */
static inline void mcp_arm(struct server *s, struct loop_timer *t, int64_t in_ms, loop_timer_fn *fn)
{
	if (loop_arm(s->loop, t, loop_now_ms(s->loop) + in_ms, fn))
		err_forget();
}

struct mcp {
	struct server *server;
	struct map sessions;       /* struct mcp_session, HTTP's */
	struct list session_order; /* least recently used first */
	struct map tasks;
	struct list task_order;  /* oldest first */
	struct list watches;     /* struct mcp_watch: everyone to be told of changes */
	struct loop_timer sweep; /* of sessions and tasks */
	uint64_t last_ask;
	bool is_draining;
	/* Of the last call that ended, empty: for the next one, so that calls allocate nothing. */
	struct arena spare_arena;
	struct buf spare_out;
};

/* MCP's state of one line connection, one legacy HTTP session, or one modern exchange. */
struct mcp_conn {
	struct mcp *mcp;
	struct channel *channel;  /* where messages that answer no request go; NULL = nowhere now */
	enum mcp_version version; /* what initialize negotiated; MCP_NONE before it */
	unsigned client;
	enum mcp_level level;    /* logging/setLevel; NONE = the client did not ask */
	struct list calls;       /* struct mcp_call.link */
	struct list asks;        /* requests of ours to the client */
	struct list batches;     /* of messages, on lines */
	struct mcp_watch *watch; /* legacy: list changes and subscribed resources */
	char *toolsets;          /* lines: what channel->toolsets shows */
	bool is_gone;            /* freed with its last call */
	/* Frees what the conn is embedded in; called once it is gone and has no call left. */
	void (*release)(struct mcp_conn *conn);
};

void mcp_conn_init(struct mcp_conn *conn, struct mcp *m, struct channel *channel);
/* Ends its calls and asks; `release` follows, now or with the last call. */
void mcp_conn_gone(struct mcp_conn *conn);

/* What came back from a verb. */
struct mcp_outcome {
	const struct call_failure *failure; /* NULL when it went well */
	const struct verb *verb;
	struct str text; /* the result, one JSON object; lives until the function returns */
};
typedef void mcp_then_fn(struct mcp_call *c, const struct mcp_outcome *o);

struct mcp_call {
	struct list link; /* conn->calls */
	struct server *server;
	struct mcp_conn *conn;
	struct channel *channel; /* NULL: nobody is there to be answered any more */
	struct arena arena;      /* holds the message and the call itself */
	const struct mcp_method *method;
	const struct json *params; /* NULL or an object */
	const struct json *meta;   /* its _meta, or NULL */
	struct str id;             /* as written; NONE for a notification */
	struct str progress_token; /* as written; NONE when none was given */
	enum mcp_version version;
	unsigned client;
	enum mcp_level level;
	struct str trace;                   /* _meta's, or NONE */
	int64_t last_progress, progress_ms; /* told last, and when */
	struct request *request;            /* the verb under way, if any */
	mcp_then_fn *then;
	/* Lets go of what the feature holds beside verbs (a timer, a watch, an ask): called once,
	 * when the call ends, in whatever way. NULL = nothing. */
	void (*stop)(struct mcp_call *c);
	void *state;                        /* the feature's own; an ask's while it is open */
	const void *kept;                   /* what a feature keeps over an ask */
	const struct json *arguments;       /* of the verb that runs as a tool */
	const struct mcp_toolset *toolset;  /* of tools/call: what the client may call */
	bool is_confirmed;                  /* the user said yes to what cannot be undone */
	struct batch *batch;                /* the one it came in, or NULL */
	void (*on_end)(struct mcp_call *c); /* it is over, whatever came of it; may be NULL */
	struct buf out;
	struct json_out w;
	struct charge parked, parked_bytes; /* while it waits for something that is no verb */
	access_roles step_up; /* its verb was denied: these as scopes of its token would do */
	bool is_cancelled;
};

static inline bool mcp_is_modern(const struct mcp_call *c)
{
	return c->version == MCP_MODERN;
}

/* ---- receiving ---- */

/* What the first look at a message says: the table in mcp.c. `error` 0 means: start it. */
struct mcp_route {
	const struct json *id, *params, *meta; /* of the message; NULL: it has none */
	const struct mcp_method *method;
	enum mcp_version version;
	int error;
	struct str message;
	struct str data; /* JSON, or NONE */
};
/* `hint`: the version a header named, or NONE. */
void mcp_route(struct arena *a, const struct mcp_conn *conn, const struct json *message,
	       struct str hint, struct mcp_route *out);
/* Does the message's _meta name a protocol version? NONE when not. */
struct str mcp_claimed_version(const struct json *message);
enum mcp_version mcp_version_find(struct str text);
struct str mcp_version_text(enum mcp_version v);
unsigned mcp_client_bits(const struct json *capabilities);

/* Takes the arena over, in which the message lies. NULL when memory is out. */
struct mcp_call *mcp_call_new(struct mcp_conn *conn, struct channel *ch, struct arena *a,
			      const struct mcp_route *route);
void mcp_call_start(struct mcp_call *c);
/* The client does not want it any more: nothing further is sent for it. */
void mcp_call_cancel(struct mcp_call *c);
/* It will wait, for long perhaps, and keep its memory: charged to the caller as a stream (unless it
 * has one already) and by its bytes. false: the caller has too much waiting. */
bool mcp_call_park(struct mcp_call *c, bool has_stream);
/* Without an answer. */
void mcp_call_free(struct mcp_call *c);
/* A response to a request of ours. */
void mcp_take_response(struct mcp_conn *conn, const struct json *message);
void mcp_cancel_by_id(struct mcp_conn *conn, struct str id);

/* ---- answering; each of the ends frees the call ---- */

/* Opens `result`; fields follow. */
struct json_out *mcp_result(struct mcp_call *c);
struct json_out *mcp_result_as(struct mcp_call *c, struct str result_type);
/* Without _meta, which a modern result must have: the caller writes it. */
struct json_out *mcp_result_bare(struct mcp_call *c, struct str result_type);
void mcp_result_end(struct mcp_call *c);
void mcp_result_empty(struct mcp_call *c);
/* ttlMs and cacheScope; legacy clients do not get them. */
void mcp_put_cache(struct mcp_call *c, int64_t ttl_ms, bool is_private);
void mcp_fail(struct mcp_call *c, int code, const char *fmt, ...) printf_like(3, 4);
/* data: JSON of error.data. */
void mcp_fail_data(struct mcp_call *c, int code, struct str message, struct str data);
/* A verb's failure as a protocol error. */
void mcp_fail_verb(struct mcp_call *c, const struct mcp_outcome *o);
void mcp_fail_memory(struct mcp_call *c);
/* -32021: `capabilities` is the object of what would be needed. */
void mcp_fail_capability(struct mcp_call *c, struct str capabilities);

/* An error's data with a hint of its own: plain text without quotes. NONE without memory. */
struct str mcp_data(struct arena *a, const char *code, const char *hint);
/* A whole error response without a call (nothing could be read from the message). `data` NONE: what
 * the code itself has to say. */
void mcp_put_error(struct buf *b, struct str id, int code, struct str message, struct str data);
/* The HTTP status that goes with an error code. */
int mcp_status(int code);

/* ---- meanwhile ---- */

/* A notification about this call, on its stream. */
void mcp_notify(struct mcp_call *c, struct str message);
/* `{"jsonrpc":"2.0","method":…,"params":{` … the caller writes the fields, then mcp_note_end(). */
struct json_out mcp_note(struct buf *b, struct str method);
void mcp_note_end(struct json_out *w);
void mcp_progress(struct mcp_call *c, int64_t done, int64_t total, struct str text);
bool mcp_wants_log(const struct mcp_call *c, enum mcp_level level);
void mcp_log(struct mcp_call *c, enum mcp_level level, struct str logger, struct str data);
enum mcp_level mcp_level_find(struct str text);
struct str mcp_level_text(enum mcp_level level);

/* ---- verbs ---- */

#define MCP_PARAMS_MAX 6
struct mcp_params {
	struct json object;
	struct json_member v[MCP_PARAMS_MAX];
};
/* In the call's arena; NULL when memory is out (the setters accept it). */
struct mcp_params *mcp_params_new(struct mcp_call *c);
void mcp_params_str(struct mcp_params *p, struct str key, struct str value); /* NONE is left out */
void mcp_params_int(struct mcp_params *p, struct str key, int64_t value);
void mcp_params_bool(struct mcp_params *p, struct str key, bool value);

/* Runs a verb through the dispatcher, then `then`. */
void mcp_verb(struct mcp_call *c, struct str verb, const struct json *params, mcp_then_fn *then);
static inline void mcp_verb_with(struct mcp_call *c, struct str verb, const struct mcp_params *p,
				 mcp_then_fn *then)
{
	mcp_verb(c, verb, p ? &p->object : NULL, then);
}
/* The result as JSON in the call's arena; NULL when memory is out. */
const struct json *mcp_outcome_json(struct mcp_call *c, const struct mcp_outcome *o);

/* ---- asking the client (legacy: a request of ours; modern: input_required) ---- */

/* One thing to ask for. */
struct mcp_input {
	struct str key, method, params; /* params: JSON object */
};
/* Legacy: sends it on the call's stream; `then` gets the client's result, NULL for an error, a
 * timeout or a client that left. The call must not be answered before. */
typedef void mcp_asked_fn(struct mcp_call *c, const struct json *result);
void mcp_ask(struct mcp_call *c, const struct mcp_input *input, mcp_asked_fn *then);
/* Modern: ends the call with what it needs; state NONE = none. It is sealed for this principal,
 * method and arguments. */
void mcp_need_input(struct mcp_call *c, const struct mcp_input *v, size_t n, struct str state);
/* The state a client gave back, opened. false: it was given and is not ours (the call has been
 * failed). *out NONE when none was given. */
bool mcp_input_state(struct mcp_call *c, struct str *out);
/* The client's answer for a key: an object, or NULL. */
const struct json *mcp_input_get(const struct mcp_call *c, struct str key);

/* ---- features ---- */
void mcp_discover_start(struct mcp_call *c);
void mcp_initialize_start(struct mcp_call *c);
void mcp_initialized_start(struct mcp_call *c);
void mcp_ping_start(struct mcp_call *c);
void mcp_set_level_start(struct mcp_call *c);
void mcp_cancelled_start(struct mcp_call *c);
void mcp_ignore_start(struct mcp_call *c);
void mcp_subscribe_start(struct mcp_call *c);
void mcp_unsubscribe_start(struct mcp_call *c);
void mcp_tools_list_start(struct mcp_call *c);
void mcp_tools_call_start(struct mcp_call *c);
void mcp_resources_list_start(struct mcp_call *c);
/* The fields of a resource, into an open object; `item` is the object as its verb shows it. */
void mcp_put_resource(struct mcp_call *c, const struct mcp_kind *kind, const struct json *item);
void mcp_templates_list_start(struct mcp_call *c);
void mcp_resources_read_start(struct mcp_call *c);
void mcp_prompts_list_start(struct mcp_call *c);
void mcp_prompts_get_start(struct mcp_call *c);
void mcp_complete_start(struct mcp_call *c);
void mcp_listen_start(struct mcp_call *c);
void mcp_tasks_get_start(struct mcp_call *c);
void mcp_tasks_update_start(struct mcp_call *c);
void mcp_tasks_cancel_start(struct mcp_call *c);
void mcp_skills_list_start(struct mcp_call *c);
void mcp_skills_get_start(struct mcp_call *c);
void mcp_directory_read_start(struct mcp_call *c);
