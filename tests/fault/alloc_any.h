/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the n-th allocation from now on fail, whichever thread makes it, and only that one: malloc,
 * calloc, realloc and reallocarray of everything linked statically (ld --wrap), and SQLite's. */
#pragma once

#include <stdbool.h>

/* n = 1 is the next one. */
void alloc_any_fail_at(long n);
/* None fails any more. Was the n-th reached? */
bool alloc_any_stop(void);
/* How many there are from alloc_any_fail_at(ALLOC_ANY_NONE) on. */
enum { ALLOC_ANY_NONE = 1 << 30 };
long alloc_any_count(void);
/* Makes SQLite use this program's malloc; before anything opens a database. */
void alloc_any_take_sqlite(void);
