/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON codec. What parses must print to text that parses to the same text; its canonical text
 * must be its own; every value's source text must parse by itself; what does not parse must say
 * where and why. */
#include <assert.h>
#include <math.h>

#include "base/err.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(int e, const struct json_error *error, size_t size)
{
	assert(e > 0 && e == (int)error->fault);
	assert(error->at <= size && error->text);
}

static void check_value(struct str source, const struct json *v, unsigned depth)
{
	assert(v->type > JSON_NONE && v->type <= JSON_OBJECT && depth <= JSON_DEPTH_MAX);
	assert(v->raw.n && v->raw.p >= source.p && v->raw.p + v->raw.n <= source.p + source.n);
	assert(v->type != JSON_DOUBLE || isfinite(v->d));
	assert(v->type != JSON_STRING || (v->s.p && str_is_utf8(v->s)));
	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->n; i++)
		check_value(v->raw, &v->items[i], depth + 1);
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->n; i++) {
		assert(str_is_utf8(v->members[i].key));
		assert(json_get(v, v->members[i].key) == &v->members[i].value);
		check_value(v->raw, &v->members[i].value, depth + 1);
		if (i == 100)
			return; /* json_get is linear */
	}
}

/* Prints v, plain and canonical, in turn. */
static void print(const struct json *v, struct arena *a, struct buf *plain, struct buf *canonical)
{
	struct json_out w = json_out(plain);
	int e;

	json_value(&w, v);
	e = json_canonical(a, v, canonical);
	assert(!e && !plain->failed);
}

static void round_trip(struct str source, struct arena *a, struct buf b[4])
{
	struct json_error error;
	struct json v;
	int e = json_parse(a, source, &v, &error);

	if (e) {
		check_error(e, &error, source.n);
		return;
	}
	check_value(source, &v, 0);
	print(&v, a, &b[0], &b[1]);
	e = json_parse(a, buf_str(&b[0]), &v, &error);
	assert(!e);
	print(&v, a, &b[2], &b[3]);
	assert(str_eq(buf_str(&b[0]), buf_str(&b[2])));
	assert(str_eq(buf_str(&b[1]), buf_str(&b[3])));
	e = json_parse(a, buf_str(&b[1]), &v, &error);
	assert(!e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b[4] = { 0 };
	struct arena a;

	arena_init(&a, 0);
	round_trip((struct str){ (const char *)data, size }, &a, b);
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		buf_deinit(&b[i]);
	arena_deinit(&a);
	return 0;
}
