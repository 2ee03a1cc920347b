/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: puts text into a buf, commas by itself. The buf remembers a failure, so nothing here
 * returns one. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_scan.h"

#define LEVELS_MAX      64 /* bits of has_items */
#define DOUBLE_TEXT_MAX 32
#define PIECE           256 /* bytes of a string that are written at once */
#define ESCAPE_MAX      6   /* bytes that one of them may become */

static const char hex[] = "0123456789abcdef";

struct json_out json_out(struct buf *b)
{
	return (struct json_out){ .buf = b };
}

/* Does a comma belong in front of the value or key that comes? */
static bool takes_comma(struct json_out *w)
{
	uint64_t bit = 1ULL << w->depth;
	bool has_items = w->has_items & bit;

	if (TAKE(w->is_after_key, false) || w->depth == 0)
		return false;
	w->has_items |= bit;
	return has_items;
}

static void separate(struct json_out *w)
{
	if (takes_comma(w))
		buf_put_char(w->buf, ',');
}

static void begin(struct json_out *w, char c)
{
	separate(w);
	buf_put_char(w->buf, c);
	w->depth++;
	assert(w->depth < LEVELS_MAX);
	w->has_items &= ~(1ULL << w->depth);
}

static void end(struct json_out *w, char c)
{
	assert(w->depth > 0 && !w->is_after_key);
	w->depth--;
	buf_put_char(w->buf, c);
}

void json_begin_object(struct json_out *w)
{
	begin(w, '{');
}

void json_end_object(struct json_out *w)
{
	end(w, '}');
}

void json_begin_array(struct json_out *w)
{
	begin(w, '[');
}

void json_end_array(struct json_out *w)
{
	end(w, ']');
}

/* ---- strings ---- */

static char *put_escape(char *to, unsigned char c)
{
	static const char shorts[0x80] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
					   ['\t'] = 't', ['"'] = '"',  ['\\'] = '\\' };

	to[0] = '\\';
	if (shorts[c]) {
		to[1] = shorts[c];
		return to + 2;
	}
	memcpy(to + 1, "u00", 3);
	to[4] = hex[c >> 4];
	to[5] = hex[c & 15];
	return to + ESCAPE_MAX;
}

/* What is not plain at *at. */
static char *put_special(char *to, struct str s, size_t *at)
{
	unsigned char c = (unsigned char)s.p[*at];
	uint32_t code;
	size_t n;

	if (c < 0x80) {
		(*at)++;
		return put_escape(to, c);
	}
	n = str_utf8_at(s, *at, &code);
	memcpy(to, n ? s.p + *at : "\xef\xbf\xbd", n ? n : 3);
	*at += n ? n : 1;
	return to + (n ? n : 3);
}

/* Writes the next piece of s; where the one behind it begins. */
static size_t put_piece(struct buf *b, struct str s, size_t at)
{
	size_t until = MIN(s.n, at + PIECE), n;
	char *start = buf_reserve(b, (until - at) * ESCAPE_MAX), *to = start;

	if (!start)
		return s.n;
	while (at < until) {
		at += json_scan_copy_quotes(&to, s.p + at, until - at);
		n = json_scan_copy(to, s.p + at, until - at);
		to += n;
		at += n;
		if (at < until && s.p[at] == '"') { /* by far the most, in JSON in JSON */
			memcpy(to, "\\\"", 2);
			to += 2;
			at++;
		} else if (at < until) {
			to = put_special(to, s, &at);
		}
	}
	b->tail += (size_t)(to - start);
	return at;
}

void json_put_quoted(struct buf *b, struct str s)
{
	buf_put_char(b, '"');
	for (size_t at = 0; at < s.n;)
		at = put_piece(b, s, at);
	buf_put_char(b, '"');
}

void json_raw_key(struct json_out *w, struct str quoted)
{
	bool comma = takes_comma(w);
	char *to = buf_reserve(w->buf, quoted.n + comma);

	w->is_after_key = true;
	if (!to)
		return;
	*to = ',';
	memcpy(to + comma, quoted.p, quoted.n);
	w->buf->tail += quoted.n + comma;
}

void json_key(struct json_out *w, struct str key)
{
	char *start, *to;

	separate(w);
	w->is_after_key = true;
	start = buf_reserve(w->buf, key.n + 3);
	if (!start)
		return;
	start[0] = '"';
	to = start + 1 + json_scan_copy(start + 1, key.p, key.n);
	if (to == start + 1 + key.n) {
		to[0] = '"';
		to[1] = ':';
		w->buf->tail += key.n + 3;
		return;
	}
	json_put_quoted(w->buf, key);
	buf_put_char(w->buf, ':');
}

void json_str(struct json_out *w, struct str s)
{
	if (!s.p) {
		json_null(w);
		return;
	}
	separate(w);
	json_put_quoted(w->buf, s);
}

/* ---- numbers and words ---- */

/* Shortest of 15, 16 and 17 digits that reads back the same; whole numbers without exponent. */
static void put_double(struct buf *b, double v)
{
	char text[DOUBLE_TEXT_MAX];

	if (!isfinite(v)) {
		BUF_LIT(b, "null");
		return;
	}
	if (v == 0 && signbit(v)) {
		BUF_LIT(b, "-0.0");
		return;
	}
	if (fabs(v) < 1e15 && (double)(int64_t)v == v) {
		buf_put_i64(b, (int64_t)v);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_put_str(b, str_from(text));
}

void json_int(struct json_out *w, int64_t v)
{
	separate(w);
	buf_put_i64(w->buf, v);
}

void json_double(struct json_out *w, double v)
{
	separate(w);
	put_double(w->buf, v);
}

void json_bool(struct json_out *w, bool v)
{
	separate(w);
	buf_put_str(w->buf, v ? STR("true") : STR("false"));
}

void json_null(struct json_out *w)
{
	separate(w);
	BUF_LIT(w->buf, "null");
}

void json_raw(struct json_out *w, struct str raw)
{
	separate(w);
	buf_put_str(w->buf, raw);
}

void json_time(struct json_out *w, int64_t ms)
{
	char text[CLOCK_RFC3339_MAX];
	size_t n = clock_format(text, ms);

	separate(w);
	buf_put_char(w->buf, '"');
	buf_put(w->buf, text, n);
	buf_put_char(w->buf, '"');
}

/* ---- values ---- */

static void put_scalar(struct buf *b, const struct json *v)
{
	switch (v->type) {
	case JSON_BOOL:
		buf_put_str(b, v->b ? STR("true") : STR("false"));
		return;
	case JSON_INT:
		buf_put_i64(b, v->i);
		return;
	case JSON_DOUBLE:
		put_double(b, v->d);
		return;
	case JSON_STRING:
		json_put_quoted(b, v->s);
		return;
	default:
		BUF_LIT(b, "null");
	}
}

/* A parsed value may be as deep as the parser allows, wherever it is put: so it does not use up the
 * writer's levels. */
static void put_value(struct buf *b, const struct json *v)
{
	switch (v->type) {
	case JSON_ARRAY:
		buf_put_char(b, '[');
		for (uint32_t i = 0; i < v->n; i++) {
			if (i)
				buf_put_char(b, ',');
			put_value(b, &v->items[i]);
		}
		buf_put_char(b, ']');
		return;
	case JSON_OBJECT:
		buf_put_char(b, '{');
		for (uint32_t i = 0; i < v->n; i++) {
			if (i)
				buf_put_char(b, ',');
			json_put_quoted(b, v->members[i].key);
			buf_put_char(b, ':');
			put_value(b, &v->members[i].value);
		}
		buf_put_char(b, '}');
		return;
	default:
		put_scalar(b, v);
	}
}

void json_value(struct json_out *w, const struct json *v)
{
	separate(w);
	put_value(w->buf, v);
}

static int by_key(const void *a, const void *b)
{
	const struct json_member *const *x = a, *const *y = b;

	return str_cmp((*x)->key, (*y)->key);
}

static int put_canonical(struct arena *a, const struct json *v, struct buf *b);

static int put_canonical_array(struct arena *a, const struct json *v, struct buf *b)
{
	int e;

	buf_put_char(b, '[');
	for (uint32_t i = 0; i < v->n; i++) {
		if (i)
			buf_put_char(b, ',');
		e = put_canonical(a, &v->items[i], b);
		if (e)
			return e;
	}
	buf_put_char(b, ']');
	return 0;
}

static int put_canonical_object(struct arena *a, const struct json *v, struct buf *b)
{
	const struct json_member **sorted = ARENA_ARRAY(a, v->n, const struct json_member *);
	int e;

	if (!sorted)
		return err_nomem();
	for (uint32_t i = 0; i < v->n; i++)
		sorted[i] = &v->members[i];
	qsort(sorted, v->n, sizeof(struct json_member *), by_key);
	buf_put_char(b, '{');
	for (uint32_t i = 0; i < v->n; i++) {
		if (i)
			buf_put_char(b, ',');
		json_put_quoted(b, sorted[i]->key);
		buf_put_char(b, ':');
		e = put_canonical(a, &sorted[i]->value, b);
		if (e)
			return e;
	}
	buf_put_char(b, '}');
	return 0;
}

static int put_canonical(struct arena *a, const struct json *v, struct buf *b)
{
	if (v->type == JSON_ARRAY)
		return put_canonical_array(a, v, b);
	if (v->type == JSON_OBJECT)
		return put_canonical_object(a, v, b);
	if (v->type == JSON_DOUBLE && v->d == 0)
		buf_put_char(b, '0'); /* also -0.0 */
	else
		put_scalar(b, v);
	return 0;
}

int json_canonical(struct arena *a, const struct json *v, struct buf *b)
{
	int e = put_canonical(a, v, b);

	if (e)
		return err_trace(e);
	return b->failed ? err_nomem() : 0;
}
