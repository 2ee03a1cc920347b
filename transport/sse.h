/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events (WHATWG HTML §9.2): frames out. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Any of event, id may be NONE; data may hold newlines (one data: line each). */
void sse_put(struct buf *b, struct str event, struct str id, struct str data);
void sse_put_comment(struct buf *b, struct str text); /* keep-alive */
void sse_put_retry(struct buf *b, int64_t ms);
