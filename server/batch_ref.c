/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters are written anew with the references' values in their places, and parsed again:
 * what keeps its source text (raw fields) then holds the values too. */
#include "server/batch_ref.h"

#include "base/buf.h"
#include "base/err.h"

#define TEXT_MAX ((size_t)8 * 1024 * 1024)

static bool is_ref(const struct json *v)
{
	return v->type == JSON_OBJECT && v->n == 1 && str_eq(v->members[0].key, STR("$ref")) &&
	       v->members[0].value.type == JSON_STRING;
}

static bool has_ref(const struct json *v)
{
	if (is_ref(v))
		return true;
	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->n; i++)
		if (has_ref(&v->items[i]))
			return true;
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->n; i++)
		if (has_ref(&v->members[i].value))
			return true;
	return false;
}

static int look_up(struct batch_ref *ref, struct str path, struct str *out)
{
	struct str first = str_cut(&path, '.'), text;
	const struct json *v;
	struct json *root;
	int64_t i;
	int e;

	if (!str_to_i64(first, &i) || i < 0 || i > 99)
		return BATCH_REF_BAD;
	text = ref->result(ref->data, (size_t)i);
	if (!text.p)
		return BATCH_REF_BAD;
	root = ARENA_NEW(ref->arena, struct json);
	if (!root)
		return err_nomem();
	e = json_parse(ref->arena, text, root, NULL);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_INTERNAL, "a result is no JSON");
	v = json_at(root, path);
	if (!v)
		return BATCH_REF_BAD;
	*out = v->raw;
	return 0;
}

static int put(struct batch_ref *ref, const struct json *v, struct json_out *w);

static int put_items(struct batch_ref *ref, const struct json *v, struct json_out *w)
{
	json_begin_array(w);
	for (uint32_t i = 0; i < v->n; i++) {
		int e = put(ref, &v->items[i], w);

		if (e)
			return e;
	}
	json_end_array(w);
	return 0;
}

static int put_members(struct batch_ref *ref, const struct json *v, struct json_out *w)
{
	json_begin_object(w);
	for (uint32_t i = 0; i < v->n; i++) {
		int e;

		json_key(w, v->members[i].key);
		e = put(ref, &v->members[i].value, w);
		if (e == BATCH_REF_BAD)
			ref->param = v->members[i].key; /* the outermost says it last */
		if (e)
			return e;
	}
	json_end_object(w);
	return 0;
}

static int put(struct batch_ref *ref, const struct json *v, struct json_out *w)
{
	struct str value = STR_NONE;
	int e = 0;

	if (is_ref(v)) {
		e = look_up(ref, v->members[0].value.s, &value);
		if (e == BATCH_REF_BAD)
			ref->bad = v->members[0].value.s;
		else if (!e)
			json_raw(w, value);
		return e;
	}
	if (!has_ref(v)) {
		json_raw(w, v->raw);
		return 0;
	}
	if (v->type == JSON_ARRAY)
		return put_items(ref, v, w);
	return put_members(ref, v, w);
}

int batch_ref_resolve(struct batch_ref *ref, const struct json *params, const struct json **out)
{
	CLEANUP(buf_deinit) struct buf text;
	struct json_out w;
	struct json *root;
	struct str copy;
	int e;

	buf_init(&text, TEXT_MAX);
	*out = params;
	if (!params || !has_ref(params))
		return 0;
	w = json_out(&text);
	e = put(ref, params, &w);
	if (e)
		return e < 0 ? err_trace(e) : e;
	root = ARENA_NEW(ref->arena, struct json);
	copy = text.failed ? STR_NONE : str_dup(ref->arena, buf_str(&text));
	if (!root || !copy.p)
		return err_nomem();
	e = json_parse(ref->arena, copy, root, NULL);
	if (e)
		return e < 0 ? err_trace(e)
			     : err_new(ERR_INTERNAL, "resolved parameters are no JSON");
	*out = root;
	return 0;
}
