/* SPDX-License-Identifier: Apache-2.0 */
/* What a text of each format may hold. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "schemas/shape.h"

/* Well-formed UTF-8, as the parser leaves it. Says nothing of the length. */
bool shape_text_is_valid(enum shape_format format, struct str s);
