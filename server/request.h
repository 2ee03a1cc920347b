/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a verb on its way: made by whoever received it (rpc.c, mcp_tools.c, batch.c), carried
 * through gates and lane by dispatch.c, given back exactly once through ops->done on the loop
 * thread. In-flight calls are known by `serial`, never by the client's id, which is only echoed. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/charge.h"
#include "base/json.h"
#include "base/list.h"
#include "base/loop.h"
#include "server/channel.h"
#include "server/trace.h"
#include "verbs/call.h"

struct batch;
struct claims_place;
struct park_subject;
struct store_news;
struct store_tx;
struct quota_user;
struct request;
struct run_writer;
struct stream;

struct request_ops {
	/* The call is over: call.failure.code == 0 and `out` holds the result (one JSON object), or
	 * call.failure says why not. The owner answers, then request_free(). */
	void (*done)(struct request *r);
	/* call.progress moved (long lanes): see r->progress. May be NULL. */
	void (*progress)(struct request *r);
	/* Stream lane: one frame (JSON object text,
	 * {"type":"connected|event|gap|disconnecting",…}). 0, CHANNEL_SLOW or CHANNEL_GONE. May be
	 * NULL: then the verb answers `unsupported` there. */
	int (*frame)(struct request *r, struct str frame);
	/* Stream lane: instead of frames the owner makes the stream itself, by follow_open(). May
	 * be NULL. */
	void (*follow)(struct request *r);
	/* A batch: may its caller make this call of it by itself? False: the call's failure is set.
	 * NULL: whatever a caller is allowed. */
	bool (*admit)(struct request *r, struct request *child);
};

struct request {
	struct list link;      /* channel->requests */
	struct list lane_link; /* a lane's queue, the held or parked list; spare */
	struct server *server;
	struct channel *channel; /* NULL when the peer has gone */
	struct quota_user *user;
	const struct request_ops *ops;
	void *owner;                /* of ops */
	uint64_t serial, waits_for; /* held: the write that must be over first */
	struct str id;              /* the client's id as written; NONE for a notification */
	struct str progress_token;  /* as written; NONE when none was given */
	struct arena arena;         /* holds the message's bytes and all that follows from them */
	struct charge bytes, calls;
	char trace[TRACE_ID_LEN + 1]; /* the id of the trace it is part of, or "" */

	bool is_read_only; /* its channel's */
	const struct verb *verb;
	const struct json *raw; /* the parameters as they came */
	void *params, *result;  /* the verb's structs */
	struct str
	    request_id;    /* idempotency key, or NONE; one set before dispatch_start() is kept */
	struct str digest; /* of the canonical parameters, when request_id is given */
	bool is_confirmed; /* set before dispatch_start(): somebody said yes on another way */
	/* What a lane's thread writes, away from what the loop reads meanwhile. */
	int (*job)(struct request *r,
		   struct store_tx *tx); /* the server's own, instead of a verb */
	/* The same with savepoints of its own; negative as run_write(). */
	int (*round)(struct request *r, struct run_writer *w);
	bool is_refused;  /* goes to the writer to be put on record, no more */
	int outcome;      /* of its run: 0, CALL_… */
	bool is_replayed; /* `out` is a kept reply */
	bool has_stepped;
	struct principal principal;
	struct call call;
	struct call_progress progress; /* the loop's copy */
	struct buf out;
	struct stream *stream;
	struct batch *batch;             /* of system.batch */
	struct park_subject *parked;     /* NULL when it was woken or is not parked */
	struct claims_place *claims;     /* where it waits for something to take; or NULL */
	struct store_news *news;         /* of the batch whose last it is; or NULL */
	int64_t started_us, deadline_ms; /* boot time; deadline 0 = none */
	struct loop_timer timer;         /* parked: when it is over */
	atomic_bool is_cancelled;
	bool is_running; /* a lane has it: only the lane may touch it */
	bool is_held, is_queued, is_write, in_writer, is_parked, is_over;
	bool has_waited, was_woken; /* for something to take */
	bool goes_first;            /* its principal has nothing else under way */
	bool is_revoked;            /* cancelled because its caller's key has ended */
	bool holds_secret;          /* what is left of it in memory is wiped */
	bool is_notification;       /* nobody waits for the answer */
	bool outlives_channel;      /* its owner wants it run on when the peer leaves */
};

/* Of its lane_link. */
static inline struct request *request_in_lane(struct list *l)
{
	return container_of(l, struct request, lane_link);
}

/* The arena is ready; copy what must outlive the message into it. NULL when memory is out. Requests
 * come from a pool: one in the steady state costs no malloc. */
struct request *request_new(struct channel *c, const struct request_ops *ops, void *owner);
struct request *request_free(struct request *r);
void request_set_trace(struct request *r, struct str id); /* NONE: none */

/* Gates in their order — known, allowed, within quota, server state, lane free — then decode, lane,
 * encode. `method` may be the verb's name, its tool name or an alias. `params` may be NULL. Ends
 * with ops->done, perhaps before this returns. */
void dispatch_start(struct request *r, struct str method, const struct json *params);
/* Stops what can be stopped; ops->done is called with `cancelled`, or with the result where it was
 * too late. */
void dispatch_cancel(struct request *r);

/* Refuses before or instead of a verb; the same as call_fail on r->call. Ends nothing: follow it
 * with ops->done. */
void request_fail(struct request *r, enum error_code code, const char *fmt, ...) printf_like(3, 4);
/* The same: what the caller came with has ended since. */
void request_fail_ended(struct request *r);

/* The failure as `{"code":…,"message":…,"data":{…}}` (JSON-RPC's error object). */
void request_put_error(const struct call_failure *f, const struct verb *verb, struct json_out *w);
/* The failure as the object an MCP tool result carries: {"error":"not_found","message":…,…}. */
void request_put_tool_error(const struct call_failure *f, const struct verb *verb,
			    struct json_out *w);
