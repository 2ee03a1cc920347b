/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of requests, for those in server/ that make calls without a channel. */
#pragma once

#include "server/request.h"

#define REQUEST_RESULT_MAX ((size_t)16 * 1024 * 1024)

/* A request of no channel. NULL when memory is out. */
struct request *pool_take(struct server *s, const struct request_ops *ops, void *owner,
			  const struct principal *principal, struct quota_user *user);
void pool_empty(struct server *s);
