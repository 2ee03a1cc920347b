/* SPDX-License-Identifier: Apache-2.0 */
/* The byte queue. Live bytes move to the front only when at least as many were eaten, so that each
 * byte moves a bounded number of times. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN  ((size_t)256)
#define CAP_KEPT ((size_t)65536)

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){ .limit = limit };
}

void buf_deinit(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .limit = b->limit };
}

void buf_clear(struct buf *b)
{
	if (b->cap > CAP_KEPT) {
		buf_deinit(b);
		return;
	}
	b->head = b->tail = 0;
	b->failed = b->is_over = false;
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_clear(b);
}

/* Allocates a byte more than cap, for the NUL that printf puts behind. */
static bool grow(struct buf *b, size_t len, size_t n)
{
	size_t cap = MAX(b->cap, CAP_MIN);
	char *p;

	if (len > SIZE_MAX / 2 - n) /* n is at most SIZE_MAX / 2 here */
		return false;
	while (cap < len + n)
		cap *= 2;
	if (b->limit && cap > b->limit)
		cap = b->limit;
	if (b->head == 0) {
		p = realloc(b->p, cap + 1);
		if (!p)
			return false;
	} else {
		assert(b->p);
		p = malloc(cap + 1);
		if (!p)
			return false;
		memcpy(p, b->p + b->head, len);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	b->head = 0;
	b->tail = len;
	return true;
}

char *buf_reserve_slowly(struct buf *b, size_t n)
{
	size_t len = buf_len(b);

	if (b->failed)
		return NULL;
	if (n > SIZE_MAX / 2 || (b->limit && (len > b->limit || n > b->limit - len))) {
		b->failed = b->is_over = true;
		return NULL;
	}
	if (b->p && b->cap - b->tail >= n)
		return b->p + b->tail;
	if (b->p && b->head >= len && b->cap - len >= n) {
		memcpy(b->p, b->p + b->head, len);
		b->head = 0;
		b->tail = len;
		return b->p + b->tail;
	}
	if (!grow(b, len, n)) {
		b->failed = true;
		return NULL;
	}
	return b->p + b->tail;
}

void buf_put_i64(struct buf *b, int64_t v)
{
	char text[20];
	char *p = text + sizeof(text);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	buf_put(b, p, (size_t)(text + sizeof(text) - p));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	to = buf_reserve(b, (size_t)n);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->tail += (size_t)n;
}

void buf_eat(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void buf_truncate(struct buf *b, size_t len)
{
	assert(len <= buf_len(b));
	b->tail = b->head + len;
	b->failed = b->is_over = false;
}
