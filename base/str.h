/* SPDX-License-Identifier: Apache-2.0 */
/* Text as pointer and length. Not NUL-terminated; {NULL, 0} means "absent", {non-NULL, 0} "empty".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"

struct arena;

struct str {
	const char *p;
	size_t n;
};

struct str_list {
	struct str *v;
	size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf: `printf("%.*s", STR_ARG(s))`. */
#define STR_ARG(s) (int)(s).n, str_start_(s)

static inline const char *str_start_(struct str s)
{
	return s.p ? s.p : "";
}

static inline struct str str_from(const char *cstr)
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
	LINT_ASSUME((!a.n || a.p) && (!b.n || b.p));
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b); /* memcmp order, shorter first */
/* Index of byte c from `from` on, or s.n. */
size_t str_find(struct str s, char c, size_t from);
bool str_contains(struct str s, struct str part);
/* Clamped. */
static inline struct str str_slice(struct str s, size_t from, size_t to)
{
	LINT_ASSUME(s.p || !s.n);
	to = MIN(to, s.n);
	from = MIN(from, to);
	return (struct str){ s.p ? s.p + from : NULL, to - from };
}
struct str str_trim(struct str s); /* ASCII blanks at both ends */
/* Cuts `s` at the first `sep`: returns what precedes it, leaves in *s what follows (or NONE). */
struct str str_cut(struct str *s, char sep);

/* Copies into the arena, with a NUL behind; {NULL,0} when memory is out (or s is absent). */
struct str str_dup(struct arena *a, struct str s);
/* A NUL-terminated copy for a foreign border; NULL when memory is out or s holds a NUL byte. */
char *str_cstr(struct arena *a, struct str s);
struct str str_fmt(struct arena *a, const char *fmt, ...) printf_like(2, 3);

/* Decimal int64, all of s; false when it is not one or does not fit. */
bool str_to_i64(struct str s, int64_t *out);
/* Decimal double, all of s, finite. */
bool str_to_double(struct str s, double *out);

/* Is s well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool str_is_utf8(struct str s);
/* Number of code points of well-formed UTF-8. */
size_t str_n_chars(struct str s);
/* Bytes (1–4) of the well-formed sequence at s.p[at], its code point in *code; 0 when malformed. */
size_t str_utf8_at(struct str s, size_t at, uint32_t *code);
/* Writes a code point (no surrogate) as 1–4 bytes; returns how many. */
size_t str_utf8_put(char out[4], uint32_t code);
/* The longest prefix of at most `max` bytes that ends between code points. */
struct str str_utf8_prefix(struct str s, size_t max);

/* Edit distance (insert, delete, replace, swap of neighbours), capped at 64 bytes a side: for
 * "did you mean". */
size_t str_distance(struct str a, struct str b);
/* The nearest of n candidates, or NONE when none is near enough to be worth saying (distance at
 * most a third of the length, and at most 3). */
struct str str_nearest(struct str s, const struct str *candidates, size_t n);
