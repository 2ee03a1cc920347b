/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay says to a server before its client does. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/macros.h"
#include "cli/command.h"
#include "cli/relay_notes.h"

/* relay.hello: what this window chose; a notification, so nothing comes back. */
void relay_hello_put(struct buf *out, const char *toolsets, bool is_read_only);
/* The key of a token file is what the client would have said first: it is kept to be repeated.
 * Returns the exit code. */
int relay_hello_key(struct relay_notes *notes, struct cli *c) must_check;
