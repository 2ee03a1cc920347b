/* SPDX-License-Identifier: Apache-2.0 */
/* Struct to JSON, in the order of the table. Optional fields that are absent are left out; an
 * absent list that is required is written as []. */
#include "schemas/shape.h"

#include <string.h>

/* The layout of every list: struct str_list, the generated struct x_list. */
struct any_list {
	const void *v;
	size_t n;
};

static const void *at(const void *in, uint32_t offset)
{
	return (const char *)in + offset;
}

static struct any_list list_at(const void *p)
{
	struct any_list list;

	memcpy(&list, p, sizeof(list));
	return list;
}

static const void *object_at(const void *p)
{
	const void *object;

	memcpy(&object, p, sizeof(object));
	return object;
}

static bool is_there(const struct shape_field *f, const void *in)
{
	const void *p = at(in, f->offset);

	if (f->flags & SHAPE_HAS)
		return *(const bool *)at(in, f->has_offset);
	switch (f->kind) {
	case SHAPE_STRING:
	case SHAPE_RAW:
	case SHAPE_RAW_ANY:
		return ((const struct str *)p)->p != NULL;
	case SHAPE_ENUM:
		return *(const int *)p != 0;
	case SHAPE_OBJECT:
		return object_at(p) != NULL;
	case SHAPE_STRINGS:
	case SHAPE_OBJECTS:
	case SHAPE_ENUMS:
		return f->flags & SHAPE_REQUIRED || list_at(p).v != NULL;
	default:
		return true;
	}
}

static void put_list(const struct shape_field *f, struct any_list list, struct json_out *w)
{
	const struct str *texts = list.v;
	const int *values = list.v;

	json_begin_array(w);
	for (size_t i = 0; i < list.n; i++) {
		if (f->kind == SHAPE_STRINGS)
			json_str(w, texts[i]);
		else if (f->kind == SHAPE_ENUMS)
			json_str(w, shape_enum_text(f->values, values[i]));
		else
			shape_encode(f->object, (const char *)list.v + i * f->object->size, w);
	}
	json_end_array(w);
}

static void put_value(const struct shape_field *f, const void *p, struct json_out *w)
{
	switch (f->kind) {
	case SHAPE_STRING:
		json_str(w, *(const struct str *)p);
		break;
	case SHAPE_TIME:
		json_time(w, *(const int64_t *)p);
		break;
	case SHAPE_INT:
		json_int(w, *(const int64_t *)p);
		break;
	case SHAPE_NUMBER:
		json_double(w, *(const double *)p);
		break;
	case SHAPE_BOOL:
		json_bool(w, *(const bool *)p);
		break;
	case SHAPE_ENUM:
		json_str(w, shape_enum_text(f->values, *(const int *)p));
		break;
	case SHAPE_OBJECT:
		shape_encode(f->object, object_at(p), w);
		break;
	case SHAPE_RAW:
	case SHAPE_RAW_ANY:
		json_raw(w, *(const struct str *)p);
		break;
	default:
		put_list(f, list_at(p), w);
	}
}

void shape_encode(const struct shape *s, const void *in, struct json_out *w)
{
	json_begin_object(w);
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct shape_field *f = &s->fields[i];
		bool is_absent = !is_there(f, in);
		if (is_absent && !(f->flags & SHAPE_REQUIRED))
			continue;
		if (f->quoted.p)
			json_raw_key(w, f->quoted);
		else
			json_key(w, f->name);
		if (is_absent)
			json_null(w);
		else
			put_value(f, at(in, f->offset), w);
	}
	json_end_object(w);
}

/* The generator sees to it that a boolean stands behind each secret of a result. */
bool shape_hide_secrets(const struct shape *s, void *result)
{
	bool has_any = false;

	for (size_t i = 0; i + 1 < s->n_fields; i++) {
		const struct shape_field *f = &s->fields[i], *shown = f + 1;

		if (!(f->flags & SHAPE_SECRET))
			continue;
		has_any = true;
		*(struct str *)((char *)result + f->offset) = STR_NONE;
		*(bool *)((char *)result + shown->offset) = false;
	}
	return has_any;
}
