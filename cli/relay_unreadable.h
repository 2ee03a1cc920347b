/* SPDX-License-Identifier: Apache-2.0 */
/* A line that no server could read has no id to be answered by. Where there is no server either,
 * the relay says what it would have said. */
#pragma once

#include "base/str.h"

struct arena;
struct buf;

/* Refuses those of the lines, each with its newline, that are not JSON or not as it is taken. */
void relay_refuse_unreadable(struct arena *scratch, struct str lines, struct buf *out);
