/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/alloc_any.h"

#include <errno.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static atomic_long left; /* allocations until the one that fails, 0 = none does */

void alloc_any_fail_at(long n)
{
	atomic_store(&left, n);
}

bool alloc_any_stop(void)
{
	return atomic_exchange(&left, 0) <= 0;
}

long alloc_any_count(void)
{
	return ALLOC_ANY_NONE - atomic_load(&left);
}

static bool fails(void)
{
	/* counts on below 0: that is "it has failed", and nothing else does */
	if (atomic_load(&left) == 0 || atomic_fetch_sub(&left, 1) != 1)
		return false;
	atomic_fetch_sub(&left, 1);
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

static void *mem_alloc(int n)
{
	return malloc((size_t)n);
}

static void *mem_realloc(void *p, int n)
{
	return realloc(p, (size_t)n);
}

static int mem_size(void *p)
{
	return p ? (int)malloc_usable_size(p) : 0;
}

static int mem_round_up(int n)
{
	return (n + 7) & ~7;
}

static int mem_init(void *data)
{
	return SQLITE_OK;
}

static void mem_shutdown(void *data)
{
}

void alloc_any_take_sqlite(void)
{
	static const sqlite3_mem_methods methods = { mem_alloc,    free,     mem_realloc,  mem_size,
						     mem_round_up, mem_init, mem_shutdown, NULL };

	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
		abort();
}
