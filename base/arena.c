/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation in chunks that double from 4 KiB to 64 KiB; what is large gets a chunk of its
 * own, beside the one in use. Under AddressSanitizer unused bytes are poisoned. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN      (_Alignof(max_align_t))
#define CHUNK_MIN  ((size_t)4096)
#define CHUNK_MAX  ((size_t)65536)
#define CHUNK_KEPT ((size_t)16384) /* the largest that survives a reset */
#define LARGE      ((size_t)16384)

struct arena_chunk {
	struct arena_chunk *next;
	size_t n; /* with this header */
	max_align_t bytes[];
};

static void chunk_free(struct arena *a, struct arena_chunk *c)
{
	a->n_bytes -= c->n;
	UNPOISON(c->bytes, c->n - sizeof(*c));
	free(c);
}

static void chunk_use(struct arena *a, struct arena_chunk *c)
{
	c->next = a->chunks;
	a->chunks = c;
	a->at = (char *)c->bytes;
	a->end = (char *)c + c->n;
	POISON(a->at, (size_t)(a->end - a->at));
}

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){ .limit = limit };
}

void arena_deinit(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		chunk_free(a, c);
	}
	*a = (struct arena){ .limit = a->limit };
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *c, *next, *kept = NULL;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		if (c->n > CHUNK_KEPT || (kept && kept->n >= c->n)) {
			chunk_free(a, c);
			continue;
		}
		if (kept)
			chunk_free(a, kept);
		kept = c;
	}
	a->chunks = NULL;
	a->at = a->end = NULL;
	a->is_out = false;
	if (kept)
		chunk_use(a, kept);
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks; c; c = c->next) {
		UNPOISON(c->bytes, c->n - sizeof(*c));
		explicit_bzero(c->bytes, c->n - sizeof(*c));
	}
	arena_reset(a);
}

/* A chunk with room for n bytes; smaller than usual when the limit is near. */
static struct arena_chunk *chunk_new(struct arena *a, size_t n, size_t usual)
{
	size_t room = a->limit ? a->limit - MIN(a->limit, a->n_bytes) : SIZE_MAX;
	struct arena_chunk *c;

	if (n > SIZE_MAX - sizeof(*c) || n + sizeof(*c) > room)
		return NULL;
	usual = MIN(MAX(usual, n + sizeof(*c)), room);
	c = malloc(usual);
	if (!c)
		return NULL;
	c->n = usual;
	a->n_bytes += usual;
	return c;
}

static void *out(struct arena *a)
{
	a->is_out = true;
	return NULL;
}

/* n is rounded up already and does not fit the chunk in use. */
static void *alloc_slowly(struct arena *a, size_t n)
{
	size_t usual = a->chunks ? MIN(a->chunks->n * 2, CHUNK_MAX) : CHUNK_MIN;
	struct arena_chunk *c;
	char *p;

	if (a->chunks && n >= LARGE) {
		c = chunk_new(a, n, 0);
		if (!c)
			return out(a);
		c->next = a->chunks->next;
		a->chunks->next = c;
		return c->bytes;
	}
	c = chunk_new(a, n, usual);
	if (!c)
		return out(a);
	chunk_use(a, c);
	p = a->at;
	a->at += n;
	UNPOISON(p, n);
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t wanted = n ? (n + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
	char *p = a->at;

	if (wanted < n || FAIL_POINT_IS("arena_alloc"))
		return out(a);
	if ((size_t)(a->end - p) < wanted)
		return alloc_slowly(a, wanted);
	a->at += wanted;
	UNPOISON(p, n);
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	return p ? memset(p, 0, n) : NULL;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return out(a);
	return arena_zalloc(a, bytes);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
	void *copy = arena_alloc(a, n);

	if (copy && n)
		memcpy(copy, p, n);
	return copy;
}
