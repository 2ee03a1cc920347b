/* SPDX-License-Identifier: Apache-2.0 */
/* jansson as the oracle of our codec, behind an interface of its own: the two headers clash. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Parses with jansson; when it accepts, writes the value as tokens into b (oracle_* below). */
bool oracle_parse(struct str text, struct buf *b);

/* One token a scalar, bracket or key: what both sides write to be compared. */
void oracle_put_double(struct buf *b, double v);
void oracle_put_int(struct buf *b, long long v);
void oracle_put_text(struct buf *b, char kind, const char *p, size_t n);
