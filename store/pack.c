/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and objects as text. */
#include "store/pack.h"

#include <assert.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "schemas/shape.h"

struct str pack_lines(struct arena *a, struct str_list list)
{
	size_t n = 0, at = 0;
	char *p;

	if (list.n == 0)
		return STR_NONE;
	for (size_t i = 0; i < list.n; i++)
		n += list.v[i].n + 1;
	p = arena_alloc(a, n);
	if (!p)
		return STR_NONE;
	for (size_t i = 0; i < list.n; i++) {
		memcpy(p + at, list.v[i].p, list.v[i].n);
		at += list.v[i].n;
		p[at++] = '\n';
	}
	return (struct str){ p, n - 1 };
}

int unpack_lines(struct arena *a, struct str text, struct str_list *out)
{
	struct str_list list = { NULL, 0 };
	size_t n = 1;

	if (!text.p) {
		*out = list;
		return 0;
	}
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	list.v = ARENA_ARRAY(a, n, struct str);
	if (!list.v)
		return err_nomem();
	while (text.p)
		list.v[list.n++] = str_cut(&text, '\n');
	*out = list;
	return 0;
}

bool packed_has_line(struct str text, struct str line)
{
	while (text.p)
		if (str_eq(str_cut(&text, '\n'), line))
			return true;
	return false;
}

int pack_object(struct arena *a, const struct shape *shape, const void *object, struct str *out)
{
	CLEANUP(buf_deinit) struct buf written = { 0 }, canonical = { 0 };
	struct json_out w;
	struct json value;
	int e;

	buf_init(&written, 0);
	buf_init(&canonical, 0);
	w = json_out(&written);
	shape_encode(shape, object, &w);
	if (written.failed)
		return err_nomem();
	e = json_parse(a, buf_str(&written), &value, NULL);
	assert(e <= 0); /* what was written can be read */
	if (e)
		return err_trace(e);
	e = json_canonical(a, &value, &canonical);
	if (e)
		return err_trace(e);
	*out = str_dup(a, buf_str(&canonical));
	return out->p ? 0 : err_nomem();
}

static int unpack(struct arena *a, const struct shape *shape, struct str text, void **out)
{
	struct shape_faults faults;
	struct json value;
	void *object = arena_zalloc(a, shape->size);
	int e;

	if (!object)
		return err_nomem();
	e = json_parse(a, text, &value, NULL);
	if (e == 0)
		e = shape_decode(shape, &value, a, object, &faults);
	if (e)
		return e < 0 ? err_trace(e)
			     : err_new(ERR_CORRUPT, "a stored %.*s cannot be read",
				       STR_ARG(shape->name));
	*out = object;
	return 0;
}

int unpack_object(struct arena *a, const struct shape *shape, struct str text, void **out)
{
	*out = NULL;
	return text.p ? err_trace(unpack(a, shape, text, out)) : 0; /* faults are large */
}

static int canonical(struct arena *a, struct str text, struct buf *out)
{
	struct json value;
	int e = json_parse(a, text, &value, NULL);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a stored value is no JSON");
	return err_trace(json_canonical(a, &value, out));
}

int pack_is_same(struct arena *a, struct str x, struct str y, bool *out)
{
	CLEANUP(buf_deinit) struct buf bx = { 0 }, by = { 0 };
	int e;

	*out = !x.p && !y.p;
	if (!x.p || !y.p)
		return 0;
	buf_init(&bx, 0);
	buf_init(&by, 0);
	e = canonical(a, x, &bx);
	if (e == 0)
		e = canonical(a, y, &by);
	if (e)
		return err_trace(e);
	*out = str_eq(buf_str(&bx), buf_str(&by));
	return 0;
}
