/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC 2.0's server side: see rpc_receive() in server.h. */
#pragma once

#include "base/macros.h"

struct rpc;
struct server;

int rpc_new(struct server *s, struct rpc **out) must_check;
struct rpc *rpc_free(struct rpc *r);
