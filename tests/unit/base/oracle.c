/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/oracle.h"

#include <jansson.h>

void oracle_put_double(struct buf *b, double v)
{
	buf_fmt(b, "r%a;", v);
}

void oracle_put_int(struct buf *b, long long v)
{
	buf_fmt(b, "i%lld;", v);
}

void oracle_put_text(struct buf *b, char kind, const char *p, size_t n)
{
	buf_fmt(b, "%c%zu:", kind, n);
	buf_put(b, p, n);
	buf_put_char(b, ';');
}

static void put(struct buf *b, json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		buf_put_char(b, '{');
		json_object_foreach(v, key, item)
		{
			oracle_put_text(b, 'k', key, strlen(key));
			put(b, item);
		}
		buf_put_char(b, '}');
		return;
	case JSON_ARRAY:
		buf_put_char(b, '[');
		json_array_foreach(v, i, item) put(b, item);
		buf_put_char(b, ']');
		return;
	case JSON_STRING:
		oracle_put_text(b, 's', json_string_value(v), json_string_length(v));
		return;
	case JSON_INTEGER:
		oracle_put_int(b, json_integer_value(v));
		return;
	case JSON_REAL:
		oracle_put_double(b, json_real_value(v));
		return;
	case JSON_TRUE:
		buf_put_char(b, 't');
		return;
	case JSON_FALSE:
		buf_put_char(b, 'f');
		return;
	case JSON_NULL:
		buf_put_char(b, 'n');
		return;
	}
}

bool oracle_parse(struct str text, struct buf *b)
{
	json_error_t error;
	json_t *v = json_loadb(text.p, text.n,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (!v)
		return false;
	put(b, v);
	json_decref(v);
	return true;
}
