/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte queue: bytes are put at the tail and eaten from the head. A failed allocation
 * (or reaching the limit) sets `failed`; later puts do nothing, so a writer checks once, at the
 * end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t head, tail, cap;
	size_t limit; /* of tail - head; 0 = none */
	bool failed;
	bool is_over; /* it failed for the limit, not for memory */
};

void buf_init(struct buf *b, size_t limit);
void buf_deinit(struct buf *b);
void buf_wipe(struct buf *b);  /* as buf_clear, and what it held is overwritten */
void buf_clear(struct buf *b); /* empty, not failed; keeps up to 64 KiB */

static inline size_t buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p + b->head : "", b->tail - b->head };
}

/* The way when there is no room. */
char *buf_reserve_slowly(struct buf *b, size_t n);

/* Room for n more bytes at the tail, or NULL (failed). Commit with b->tail += used. */
static inline char *buf_reserve(struct buf *b, size_t n)
{
	/* cap is never above the limit */
	if (b->p && !b->failed && n <= b->cap - b->tail)
		return b->p + b->tail;
	return buf_reserve_slowly(b, n);
}

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	char *to = n ? buf_reserve(b, n) : NULL;

	if (!to)
		return;
	memcpy(to, p, n);
	b->tail += n;
}

static inline void buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

static inline void buf_put_char(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	if (!to)
		return;
	*to = c;
	b->tail++;
}

void buf_put_i64(struct buf *b, int64_t v);
void buf_fmt(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_eat(struct buf *b, size_t n);
/* Drops what was put after the given length (a half-written reply), and with it the failure that
 * cut it short. */
void buf_truncate(struct buf *b, size_t len);

#define BUF_LIT(b, lit) buf_put((b), "" lit, sizeof(lit) - 1)
