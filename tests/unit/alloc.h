/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the n-th allocation from now on fail, and only that one: malloc, calloc, realloc and
 * reallocarray of everything linked statically (ld --wrap). Per thread. */
#pragma once

/* n = 1 is the next one; 0 = none any more. */
void alloc_fail_at(unsigned n);
/* Allocations since the last alloc_fail_at. */
unsigned alloc_n(void);
