/* SPDX-License-Identifier: Apache-2.0 */
/* system.batch: several calls as one. Atomic: all in one savepoint on the writer. Otherwise one
 * after the other, each in its own lane. {"$ref": "0.id"} in later parameters is a field of an
 * earlier result, put in before they are decoded. */
#pragma once

#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"

struct batch;
struct request;
struct store;

/* Checks all calls, then begins. Loop thread. */
void batch_start(struct request *r);
/* Writer thread, inside its transaction; as run_write(). */
int batch_run_atomic(struct request *r, struct store *store, struct log_limit *limit) must_check;
/* Stops one that is not atomic behind the call that runs. */
void batch_cancel(struct request *r);
struct batch *batch_free(struct batch *b);
/* For request_ops.admit: why the call cannot be made here. Both live as long as the child. */
void batch_refuse(struct request *child, struct str reason, struct str hint);
