/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it is compared: Unicode's canonical caseless match (full case folding over NFD), so that
 * a name is found however its writer's keyboard and file system spell it. The tables come from the
 * Unicode data of the Python that builds questd. A newer Unicode folds no character otherwise that
 * was assigned before (its stability policy), so keys that are kept stay true. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

/* "Straße", "STRASSE" and what differs in composed accents only have one key. */
int fold_key(struct arena *a, struct str text, struct str *out) must_check;

#define FOLD_SEVERAL_MAX 3

/* The letters that one letter folds to when they are several (ß, ﬁ), 0 behind them; NULL else. */
const uint32_t *fold_to_several(uint32_t code);
