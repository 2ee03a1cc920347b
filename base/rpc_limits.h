/* SPDX-License-Identifier: Apache-2.0 */
/* What a message of JSON-RPC may be: the server refuses what is beyond, without an id, and the
 * relay must know that no other answer will come. */
#pragma once

#define RPC_LINE_MAX  (4 * 1024 * 1024) /* bytes, without the newline */
#define RPC_BATCH_MAX 100               /* messages */
#define RPC_ID_MAX    256               /* bytes, as written */

/* To who sends a longer one. */
#define RPC_LINE_HINT "send it in parts; system.info shows the limits"
