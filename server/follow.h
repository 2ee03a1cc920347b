/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of lane stream: frames of events until somebody ends it, then the answer. */
#pragma once

struct request;
struct stream;

/* r->call.follow says what. */
void follow_start(struct request *r);
/* Opens a stream whose ops, owner, id and transport are set, for the call `r`. Where it cannot be,
 * the call is answered. */
void follow_open(struct request *r, struct stream *s);
