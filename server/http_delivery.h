/* SPDX-License-Identifier: Apache-2.0 */
/* What another service POSTs to a hook or a channel, whose id ends the path. Its signature is
 * checked on the loop; then it is a job of the writer's batch, and answered when that is on disk.
 * Whoever has no secret learns nothing: not whether there is such a receiver, nor which secrets it
 * has, nor what was wrong.
 *
 * A delivery is taken once (ag-51): receivers keep its keys (hook_keys), and look for them first.
 */
#pragma once

#include "base/json.h"
#include "server/hook_sign.h"
#include "server/http_call.h"

struct http_delivery;
struct request;
struct store_tx;

/* To whom services post: what differs. */
struct http_receiver {
	struct str folder;       /* of its paths */
	const char *kind;        /* "hook": a delivery is made by "hook:ID" */
	const struct verb *verb; /* what deliveries are called in logs and measurements */
	struct http_refusal stranger;
	/* The row of an id, in the transaction's arena. STORE_NONE. */
	int (*find)(struct store_tx *tx, struct str id, void **out);
	/* How deliveries are signed. `row` NULL: there is none, and as much work is done. */
	int (*rules)(const struct server *s, struct arena *a, const void *row,
		     struct hook_rules *out);
	/* Copies what is needed of the delivery into its request's arena, with its keys.
	 * HTTP_DELIVERY_ANSWERED: it is answered, and nothing follows. */
	int (*read)(struct http_delivery *d, const void *row, const struct hook_signed *s);
	/* On the writer. CALL_FAILED. */
	int (*take)(struct http_delivery *d, struct store_tx *tx, const void *row);
	/* It is on disk, and the sender still there. */
	void (*answer)(struct http_delivery *d);
};
enum { HTTP_DELIVERY_ANSWERED = 1 };

/* In the arena of its request. */
struct http_delivery {
	const struct http_receiver *to;
	struct http_call *call; /* NULL: the sender has gone */
	struct request *request;
	struct str id; /* of the receiver */
	/* What came, as it may be kept: without the values of credentials. The exchange's, until
	 * read() returns. */
	struct json body; /* JSON_NONE: it is none */
	struct str text;  /* then this */
	struct str_list keys;
	void *own;    /* the receiver's */
	bool is_gone; /* the receiver, meanwhile */
};

void http_delivery_start(struct http_call *c, const struct http_request *r,
			 const struct http_receiver *to);
