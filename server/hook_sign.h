/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of webhooks, checked on the bytes of the body as they came. The work is the same
 * whatever was sent and whether or not it is right, so that time tells nothing.
 *
 *   github  X-Hub-Signature-256: sha256=HEX of the body; id X-GitHub-Delivery
 *   gitlab  X-Gitlab-Token: the secret itself; id Idempotency-Key, else X-Gitlab-Event-UUID
 *   slack   X-Slack-Signature: v0=HEX of "v0:" time ":" body, X-Slack-Request-Timestamp
 *   stripe  Stripe-Signature: t=TIME,v1=HEX,… of time "." body
 *   hmac    a header of one's own: [sha256=]HEX or base64 of [time "."] body
 *
 * Slack and Stripe have the id in the body. */
#pragma once

#include <stdint.h>

#include "base/str.h"
#include "server/seal.h"
#include "transport/http.h"
#include "types.gen.h"

/* What a hook kind `hmac` looks at where it is not told otherwise. */
#define HOOK_SIGNATURE_HEADER "X-Signature-256"
#define HOOK_ID_HEADER        "X-Delivery-Id"

struct hook_rules {
	enum hook_kind kind;
	struct str secret, old_secret; /* the one before while its grace lasts, else NONE */
	struct str signature_header;   /* kind hmac */
	struct str timestamp_header;   /* kind hmac; NONE: the body alone is signed */
	struct str id_header;          /* kind hmac */
	int64_t window_ms;             /* how far a signed time may be from now */
};

struct hook_signed {
	struct str id;    /* of the delivery, as a header says it; NONE */
	struct str event; /* what the sender calls it ("push"), NONE */
	/* No two deliveries have the same one, but those that somebody recorded and sent again. */
	struct seal_mac mac;
	bool has_signed_time;
};

enum { HOOK_UNSIGNED = 1, HOOK_OTHER_SIGNATURE, HOOK_OTHER_TIME };

/* 0 or one of these. `r` has the whole body; `out` is of its views. */
int hook_verify(const struct hook_rules *rules, const struct http_request *r, int64_t now_ms,
		struct hook_signed *out) must_check;

/* By what a delivery is known when it comes again: its id and, where that is not signed, what was
 * signed, so that nobody who recorded one can send it again under another id. */
int hook_keys(struct arena *a, enum hook_kind kind, const struct hook_signed *s, struct str id,
	      struct str_list *out) must_check;
