/* SPDX-License-Identifier: Apache-2.0 */
/* What dispatch.c offers to the lanes and to those who end waits. */
#pragma once

#include "server/request.h"

/* A lane has done with it: r->outcome says what is next. Loop thread. */
void dispatch_returned(struct request *r);
/* After the last of what one wake-up brought. */
void dispatch_batch_over(struct server *s, bool has_written);
/* What a batch left for those who wait; behind the last of it. */
void dispatch_news(struct server *s, const struct store_news *news);
/* A parked call runs again. */
void dispatch_resume(struct request *r);
/* r->call.failure or r->out is the answer. */
/* Ends a call that failed; one that was denied is put on record first. */
void dispatch_refuse(struct request *r);
void dispatch_finish(struct request *r);
/* A batch runs: what comes behind it on its connection waits for it. */
void dispatch_batch_started(struct request *r);
/* One that is not atomic is over. */
void dispatch_batch_finished(struct request *r);
/* The peer has left, r->channel is NULL: a write that was sent is meant, whether or not its answer
 * is waited for; the rest is cancelled unless its owner wants it. */
void dispatch_left(struct request *r);
/* Takes room for a call that will wait; false: refused. */
bool dispatch_charge(struct request *r, enum charge_kind kind) must_check;
