/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which a value may turn up. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/str.h"

#define REDACT_FORMS_MAX 24

struct redact_forms {
	char *bytes; /* locked memory, wiped when it is given back */
	struct str v[REDACT_FORMS_MAX];
	size_t n;
};

int redact_forms_make(struct redact_forms *f, struct str value) must_check;
void redact_forms_free(struct redact_forms *f);
