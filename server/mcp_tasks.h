/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks (io.modelcontextprotocol/tasks): a tools/call whose answer is a handle; the result is
 * fetched with tasks/get. A task lives as long as its ttl or the server, and belongs to one
 * principal. */
#pragma once

#include <stdbool.h>

#include "base/json.h"
#include "base/str.h"
#include "server/mcp.h"

struct quota_user;

enum mcp_task_state {
	MCP_TASK_WORKING = 1,
	MCP_TASK_INPUT_REQUIRED,
	MCP_TASK_COMPLETED,
	MCP_TASK_FAILED,
	MCP_TASK_CANCELLED,
};

#define MCP_TASK_ID_LEN     26
#define MCP_TASK_INPUTS_MAX 8

struct mcp_task_input {
	struct mcp_input ask;
	struct str response; /* JSON; NONE while outstanding */
};

struct mcp_task {
	struct map_node node; /* mcp->tasks */
	struct list link;     /* mcp->task_order */
	struct mcp *mcp;
	struct principal principal;
	struct quota_user *user;
	struct charge charge;
	struct arena arena;
	char id[MCP_TASK_ID_LEN + 1];
	enum mcp_task_state state;
	int64_t created_ms, updated_ms; /* wall */
	int64_t expires_ms;             /* boot */
	struct str message;             /* one line on how it goes, or NONE */
	struct buf result; /* completed: a CallToolResult; failed: a JSON-RPC error object */
	struct mcp_task_input inputs[MCP_TASK_INPUTS_MAX];
	size_t n_inputs;
	struct request *request; /* the verb, while it runs */
	/* For work that is no verb: stop lets go of it; input: a response came. May be NULL. */
	void (*stop)(struct mcp_task *t);
	void (*input)(struct mcp_task *t);
	void *work;
};

/* Makes a task for the caller. NULL: refused, and the call has been answered. */
struct mcp_task *mcp_task_new(struct mcp_call *c);
/* Answers the call with the handle; the call is over. */
void mcp_task_announce(struct mcp_call *c, const struct mcp_task *t);
/* Runs the verb as the task's work and answers the call with the handle. */
void mcp_task_run_verb(struct mcp_call *c, struct mcp_task *t, struct str verb,
		       const struct json *arguments);
/* Ends it; t->result has been filled. */
void mcp_task_end(struct mcp_task *t, enum mcp_task_state state);
/* Asks the client for something; texts are copied. */
void mcp_task_ask(struct mcp_task *t, const struct mcp_input *input);

/* The fields of a task; `is_detailed`: with result, error or outstanding inputs. */
void mcp_task_put(const struct mcp_task *t, bool is_detailed, struct json_out *w);
/* A foreign task answers like a missing one. */
struct mcp_task *mcp_task_find(struct mcp *m, struct str id, struct str principal);
void mcp_tasks_sweep(struct mcp *m);
void mcp_tasks_free_all(struct mcp *m);
