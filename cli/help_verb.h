/* SPDX-License-Identifier: Apache-2.0 */
/* Help for one verb, from its schema. */
#pragma once

#include "base/buf.h"
#include "cli/command.h"

struct verb;

void help_put_verb(struct cli *c, const struct verb *v, struct buf *out);
