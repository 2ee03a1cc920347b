/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: one pass by recursive descent (depth is bounded). Values of open containers lie on a
 * scratch stack; a container that closes moves its own to the arena, exactly as many as there are.
 * Strings without escapes are views into the source. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_keys.h"
#include "base/json_scan.h"

#define SCRATCH_INLINE 48 /* values on the C stack before the scratch moves to the heap */

struct parser {
	const char *p, *end, *start;
	struct arena *arena;
	struct json_error *error;
	struct json_member *scratch;
	size_t n_scratch, cap_scratch;
	bool is_heap;
	bool is_out_of_range; /* a number, the first of which `error` tells of */
	unsigned depth;
	uint32_t n_nodes;
};

static int parse_value(struct parser *ps, struct json *out);

static int fault(struct parser *ps, enum json_fault fault, const char *at, const char *text)
{
	if (ps->error)
		*ps->error = (struct json_error){ .fault = fault,
						  .at = (size_t)(at - ps->start),
						  .text = text };
	return fault;
}

/* A number that is one by the grammar and cannot be held: the value is absent, and what else is
 * wrong with the text is still looked for. `p` is behind it. */
static int out_of_range(struct parser *ps, const char *p, struct json *out, const char *text)
{
	if (!ps->is_out_of_range)
		(void)fault(ps, JSON_NUMBER_RANGE, out->raw.p, text); /* told at the end */
	ps->is_out_of_range = true;
	out->type = JSON_NONE;
	ps->p = p;
	return 0;
}

static void skip_blanks(struct parser *ps)
{
	while (ps->p < ps->end && (unsigned char)*ps->p <= ' ' &&
	       (*ps->p == ' ' || *ps->p == '\n' || *ps->p == '\r' || *ps->p == '\t'))
		ps->p++;
}

static bool eat(struct parser *ps, char c)
{
	if (ps->p == ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

static bool is_digit(const struct parser *ps, const char *p)
{
	return p < ps->end && *p >= '0' && *p <= '9';
}

/* ---- strings ---- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX, p at the first; -1 when they are not. */
static int32_t hex4(const char *p, const char *end)
{
	int32_t code = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int v = hex_value(p[i]);

		if (v < 0)
			return -1;
		code = code << 4 | v;
	}
	return code;
}

/* Checks the escape at p (a backslash); moves behind it. */
static int check_escape(struct parser *ps, const char **p)
{
	const char *at = *p;
	int32_t code, low;

	if (ps->end - at < 2)
		return fault(ps, JSON_SYNTAX, ps->end, "unterminated string");
	if (at[1] != 'u') {
		if (!at[1] || !strchr("\"\\/bfnrt", at[1]))
			return fault(ps, JSON_SYNTAX, at, "unknown escape");
		*p = at + 2;
		return 0;
	}
	code = hex4(at + 2, ps->end);
	if (code < 0)
		return fault(ps, JSON_SYNTAX, at, "expected four hex digits behind \\u");
	*p = at + 6;
	if (code < 0xd800 || code > 0xdfff)
		return 0;
	low = ps->end - *p >= 6 && at[6] == '\\' && at[7] == 'u' ? hex4(at + 8, ps->end) : -1;
	if (code > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return fault(ps, JSON_UTF8, at, "lone surrogate");
	*p = at + 12;
	return 0;
}

static char unescape_char(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* The text between p and end, already checked, without its escapes; never longer than before. */
static int unescape(struct parser *ps, const char *p, const char *end, struct str *out)
{
	char *text = arena_alloc(ps->arena, (size_t)(end - p)), *to = text;

	if (!text)
		return err_nomem();
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		uint32_t code;

		memcpy(to, p, n);
		to += n;
		p += n;
		if (!stop)
			break;
		if (p[1] != 'u') {
			*to++ = unescape_char(p[1]);
			p += 2;
			continue;
		}
		code = (uint32_t)hex4(p + 2, end);
		p += 6;
		if (code >= 0xd800 && code <= 0xdbff) {
			code = 0x10000 + ((code & 0x3ff) << 10) +
			       ((uint32_t)hex4(p + 2, end) & 0x3ff);
			p += 6;
		}
		to += str_utf8_put(to, code);
	}
	*out = (struct str){ text, (size_t)(to - text) };
	return 0;
}

/* From p on, the first byte that is not plain. */
static int parse_string_with(struct parser *ps, const char *p, struct str *out)
{
	const char *from = ps->p;
	bool has_escapes = false;
	uint32_t code;
	size_t n;
	int e;

	for (;; p = json_scan_plain(p, ps->end)) {
		if (p == ps->end)
			return fault(ps, JSON_SYNTAX, p, "unterminated string");
		if (*p == '"')
			break;
		if (*p == '\\') {
			has_escapes = true;
			e = check_escape(ps, &p);
			if (e)
				return e;
		} else if ((unsigned char)*p < 0x20) {
			return fault(ps, JSON_SYNTAX, p, "control character in a string");
		} else {
			n = str_utf8_at((struct str){ p, (size_t)(ps->end - p) }, 0, &code);
			if (n == 0)
				return fault(ps, JSON_UTF8, p, "invalid UTF-8");
			p += n;
		}
	}
	ps->p = p + 1;
	if (has_escapes)
		return unescape(ps, from, p, out);
	*out = (struct str){ from, (size_t)(p - from) };
	return 0;
}

/* ps->p stands behind the opening quote; ends behind the closing one. */
static int parse_string(struct parser *ps, struct str *out)
{
	const char *from = ps->p, *p = json_scan_plain(from, ps->end);

	if (p == ps->end || *p != '"')
		return parse_string_with(ps, p, out);
	ps->p = p + 1;
	*out = (struct str){ from, (size_t)(p - from) };
	return 0;
}

/* ---- numbers ---- */

/* Fraction and exponent, p at the first byte behind the integer part. */
static int parse_double(struct parser *ps, const char *p, struct json *out)
{
	if (*p == '.') {
		if (!is_digit(ps, ++p))
			return fault(ps, JSON_SYNTAX, p, "expected a digit behind '.'");
		while (is_digit(ps, p))
			p++;
	}
	if (p < ps->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < ps->end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(ps, p))
			return fault(ps, JSON_SYNTAX, p, "expected a digit in the exponent");
		while (is_digit(ps, p))
			p++;
	}
	out->raw.n = (size_t)(p - out->raw.p);
	if (out->raw.n > JSON_NUMBER_MAX)
		return out_of_range(ps, p, out, "number longer than 64 characters");
	if (!str_to_double(out->raw, &out->d))
		return out_of_range(ps, p, out, "number does not fit a double");
	out->type = JSON_DOUBLE;
	ps->p = p;
	return 0;
}

static int parse_number(struct parser *ps, struct json *out)
{
	const char *p = ps->p, *digits;
	uint64_t v = 0;
	bool is_negative = *p == '-';

	digits = p += is_negative;
	if (!is_digit(ps, p))
		return fault(ps, JSON_SYNTAX, p,
			     is_negative ? "expected a digit" : "expected a value");
	if (*p == '0' && is_digit(ps, p + 1))
		return fault(ps, JSON_SYNTAX, p, "number with a leading zero");
	for (; is_digit(ps, p); p++)
		v = v * 10 +
		    (uint64_t)(*p - '0'); /* wraps beyond 19 digits, which are read again */
	if (p < ps->end && (*p == '.' || *p == 'e' || *p == 'E'))
		return parse_double(ps, p, out);
	out->raw.n = (size_t)(p - out->raw.p);
	if (out->raw.n > JSON_NUMBER_MAX)
		return out_of_range(ps, p, out, "number longer than 64 characters");
	if (p - digits < 19)
		out->i = is_negative ? -(int64_t)v : (int64_t)v;
	else if (!str_to_i64(out->raw, &out->i))
		return out_of_range(ps, p, out, "integer does not fit 64 bits");
	out->type = JSON_INT;
	ps->p = p;
	return 0;
}

/* ---- containers ---- */

static int push(struct parser *ps, const struct json_member *m)
{
	struct json_member *more;
	size_t cap;

	if (ps->n_scratch == ps->cap_scratch) {
		cap = ps->cap_scratch * 2;
		more = realloc(ps->is_heap ? ps->scratch : NULL, cap * sizeof(*more));
		if (!more)
			return err_nomem();
		if (!ps->is_heap)
			memcpy(more, ps->scratch, ps->n_scratch * sizeof(*more));
		ps->scratch = more;
		ps->cap_scratch = cap;
		ps->is_heap = true;
	}
	ps->scratch[ps->n_scratch++] = *m;
	return 0;
}

static int close_array(struct parser *ps, size_t from, struct json *out)
{
	size_t n = ps->n_scratch - from;

	out->type = JSON_ARRAY;
	out->n = (uint32_t)n;
	out->items = arena_alloc(ps->arena, n * sizeof(*out->items));
	if (!out->items)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		out->items[i] = ps->scratch[from + i].value;
	ps->n_scratch = from;
	return 0;
}

static int close_object(struct parser *ps, size_t from, struct json *out)
{
	size_t n = ps->n_scratch - from;
	const struct json_member *again;
	int e;

	out->type = JSON_OBJECT;
	out->n = (uint32_t)n;
	out->members = arena_dup(ps->arena, ps->scratch + from, n * sizeof(*out->members));
	if (!out->members)
		return err_nomem();
	ps->n_scratch = from;
	e = json_keys_check(out->members, n, &again);
	if (e < 0)
		return err_trace(e);
	if (!e)
		return 0;
	(void)fault(ps, JSON_DUPLICATE_KEY, again->value.raw.p, "duplicate key");
	if (ps->error)
		ps->error->key = again->key;
	return JSON_DUPLICATE_KEY;
}

static int parse_array(struct parser *ps, struct json *out)
{
	size_t from = ps->n_scratch;
	struct json_member m;
	int e;

	skip_blanks(ps);
	if (eat(ps, ']'))
		return close_array(ps, from, out);
	m.key = STR_NONE;
	for (;;) {
		e = parse_value(ps, &m.value);
		if (!e)
			e = push(ps, &m);
		if (e)
			return e;
		skip_blanks(ps);
		if (eat(ps, ']'))
			return close_array(ps, from, out);
		if (!eat(ps, ','))
			return fault(ps, JSON_SYNTAX, ps->p, "expected ',' or ']'");
	}
}

static int parse_member(struct parser *ps)
{
	struct json_member m;
	int e;

	skip_blanks(ps);
	if (!eat(ps, '"'))
		return fault(ps, JSON_SYNTAX, ps->p, "expected a key in quotes");
	e = parse_string(ps, &m.key);
	if (e)
		return e;
	skip_blanks(ps);
	if (!eat(ps, ':'))
		return fault(ps, JSON_SYNTAX, ps->p, "expected ':'");
	e = parse_value(ps, &m.value);
	return e ? e : push(ps, &m);
}

static int parse_object(struct parser *ps, struct json *out)
{
	size_t from = ps->n_scratch;
	int e;

	skip_blanks(ps);
	if (eat(ps, '}'))
		return close_object(ps, from, out);
	for (;;) {
		e = parse_member(ps);
		if (e)
			return e;
		skip_blanks(ps);
		if (eat(ps, '}'))
			return close_object(ps, from, out);
		if (!eat(ps, ','))
			return fault(ps, JSON_SYNTAX, ps->p, "expected ',' or '}'");
	}
}

static int parse_container(struct parser *ps, struct json *out)
{
	int e;

	if (ps->depth == JSON_DEPTH_MAX)
		return fault(ps, JSON_TOO_DEEP, ps->p, "nested deeper than 64 levels");
	ps->depth++;
	e = *ps->p++ == '{' ? parse_object(ps, out) : parse_array(ps, out);
	ps->depth--;
	return e;
}

static int parse_word(struct parser *ps, struct json *out, struct str word, enum json_type type)
{
	if ((size_t)(ps->end - ps->p) < word.n || memcmp(ps->p, word.p, word.n) != 0)
		return fault(ps, JSON_SYNTAX, ps->p, "expected a value");
	out->type = type;
	out->b = *ps->p == 't';
	ps->p += word.n;
	return 0;
}

static int parse_by_first_byte(struct parser *ps, struct json *out)
{
	switch (*ps->p) {
	case '"':
		ps->p++;
		out->type = JSON_STRING;
		return parse_string(ps, &out->s);
	case '{':
	case '[':
		return parse_container(ps, out);
	case 't':
		return parse_word(ps, out, STR("true"), JSON_BOOL);
	case 'f':
		return parse_word(ps, out, STR("false"), JSON_BOOL);
	case 'n':
		return parse_word(ps, out, STR("null"), JSON_NULL);
	default:
		return parse_number(ps, out);
	}
}

static int parse_value(struct parser *ps, struct json *out)
{
	int e;

	skip_blanks(ps);
	if (ps->p == ps->end)
		return fault(ps, JSON_SYNTAX, ps->p, "expected a value");
	if (++ps->n_nodes > JSON_NODES_MAX)
		return fault(ps, JSON_TOO_MANY, ps->p, "more than 200000 values");
	out->n = 0;
	out->raw.p = ps->p;
	e = parse_by_first_byte(ps, out);
	out->raw.n = (size_t)(ps->p - out->raw.p);
	return e;
}

int json_parse(struct arena *a, struct str source, struct json *out, struct json_error *error)
{
	struct json_member room[SCRATCH_INLINE] __attribute__((uninitialized));
	const char *start = source.p ? source.p : "";
	struct parser ps = {
		.p = start,
		.end = start + source.n,
		.start = start,
		.arena = a,
		.error = error,
		.scratch = room,
		.cap_scratch = ARRAY_LEN(room),
	};
	struct json value;
	int e;

	e = parse_value(&ps, &value);
	if (!e) {
		skip_blanks(&ps);
		if (ps.p != ps.end)
			e = fault(&ps, JSON_SYNTAX, ps.p, "unexpected text behind the value");
	}
	if (ps.is_heap)
		free(ps.scratch);
	if (e)
		return e;
	*out = value;
	return ps.is_out_of_range ? JSON_NUMBER_RANGE : 0;
}

/* ---- reading ---- */

const struct json *json_get(const struct json *o, struct str key)
{
	if (!o || o->type != JSON_OBJECT)
		return NULL;
	for (uint32_t i = 0; i < o->n; i++)
		if (str_eq(o->members[i].key, key))
			return &o->members[i].value;
	return NULL;
}

struct str json_get_str(const struct json *o, struct str key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? v->s : STR_NONE;
}

static const struct json *step_into(const struct json *v, struct str name)
{
	int64_t i;

	if (v->type != JSON_ARRAY)
		return json_get(v, name);
	return str_to_i64(name, &i) && i >= 0 && i < (int64_t)v->n ? &v->items[i] : NULL;
}

const struct json *json_at(const struct json *v, struct str path)
{
	while (v && path.p)
		v = step_into(v, str_cut(&path, '.'));
	return v;
}
