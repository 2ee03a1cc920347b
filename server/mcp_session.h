/* SPDX-License-Identifier: Apache-2.0 */
/* Legacy HTTP sessions: made by initialize, named by Mcp-Session-Id, ended by DELETE, by a day
 * without use, or when there are too many. A session keeps what its event streams said, so that a
 * client which lost its connection can fetch the rest (Last-Event-ID). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "server/mcp.h"

struct mcp_exchange;
struct mcp_replay;
struct mcp_session;

/* One reference, the caller's. NULL when memory is out or too many sessions are in use. */
struct mcp_session *mcp_session_new(struct mcp *m, struct str principal);
/* One more reference. A foreign session answers like a missing one: NULL. */
struct mcp_session *mcp_session_find(struct mcp *m, struct str id, struct str principal);
struct mcp_session *mcp_session_unref(struct mcp_session *s);
/* Cancels its calls; the id is unknown from now on. */
void mcp_session_end(struct mcp_session *s);
struct mcp_conn *mcp_session_conn(struct mcp_session *s);
struct str mcp_session_id(const struct mcp_session *s);

void mcp_sessions_sweep(struct mcp *m);
void mcp_sessions_free_all(struct mcp *m);

/* ---- what one event stream said ---- */

/* NULL when memory is out. It lives as long as its session needs it. */
struct mcp_replay *mcp_replay_new(struct mcp_session *s);
/* The stream that an event id names, *after = the event's number; NULL when it is not kept. */
struct mcp_replay *mcp_replay_find(struct mcp_session *s, struct str event_id, uint64_t *after);
/* Writes the frame (data NONE: the priming one) to `out` and keeps it. */
void mcp_replay_put(struct mcp_replay *r, struct str data, struct buf *out);
/* What came after an event. */
void mcp_replay_since(const struct mcp_replay *r, uint64_t after, struct buf *out);
/* Nothing more will come. */
void mcp_replay_finish(struct mcp_replay *r);
bool mcp_replay_is_finished(const struct mcp_replay *r);
/* Which exchange shows it; NULL when none does. */
void mcp_replay_show_on(struct mcp_replay *r, struct mcp_exchange *x);
struct mcp_exchange *mcp_replay_shown_on(const struct mcp_replay *r);
