/* SPDX-License-Identifier: Apache-2.0 */
/* The token or key that a person calls with: from a file, never from the command line. */
#pragma once

#include "base/buf.h"
#include "cli/command.h"

/* Of --token-file, else of the data directory; NONE when there is none. 0, or an exit code (said).
 */
int token_read(struct cli *c, struct str *out) must_check;
/* keys.use with the key, as a message without its newline. */
void token_put_use(struct buf *b, struct str key);
