/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of ideas share: who reads, and finding the idea that a parameter names. */
#pragma once

#include "store/ideas.h"
#include "verbs/call.h"

struct idea_reader ideas_reader(const struct call *c);
struct idea_reader ideas_reader_of(const struct principal *p);
/* By id or name an idea the caller may read, or CALL_FAILED with not_found or ambiguous naming the
 * field. */
int ideas_named(struct call *c, const char *field, struct str text,
		struct idea_row *out) must_check;
/* CALL_FAILED. */
int ideas_refuse_ambiguous(struct call *c, const char *field, struct str name, struct str_list ids);
