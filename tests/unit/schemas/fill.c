/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/schemas/fill.h"

#include <assert.h>
#include <string.h>

struct any_list {
	char *v;
	size_t n;
};

uint64_t fill_random(struct fill *f, uint64_t below)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 7;
	f->state ^= f->state << 17;
	return below ? f->state % below : f->state;
}

static struct str random_text(struct fill *f, int format, int64_t min, int64_t max)
{
	static const char *const pieces[] = { "a",  "Z", "0", "_",  "-", "\"",
					      "\\", "/", "é", "東", "𝄞", "\n" };
	size_t n_allowed = format == SHAPE_ID ? 5 : format == SHAPE_TEXT ? 12 : 11;
	size_t most = (size_t)(max < 40 ? max : 40), n, at = 0;
	char *p = arena_alloc(f->arena, most * 4 + 1);

	assert(p);
	n = (size_t)min + fill_random(f, most - (size_t)min + 1);
	for (size_t i = 0; i < n; i++) {
		const char *piece = pieces[fill_random(f, n_allowed)];
		memcpy(p + at, piece, strlen(piece));
		at += strlen(piece);
	}
	return (struct str){ p, at };
}

static struct any_list random_list(struct fill *f, const struct shape_field *field)
{
	size_t size = field->kind == SHAPE_STRINGS ? sizeof(struct str)
		      : field->kind == SHAPE_ENUMS ? sizeof(int)
						   : field->object->size;
	size_t most = (size_t)(field->max < 4 ? field->max : 4), min = (size_t)field->min;
	struct any_list list = { .n = min + fill_random(f, most - min + 1) };

	list.v = arena_array(f->arena, list.n, size);
	assert(list.v);
	for (size_t i = 0; i < list.n; i++) {
		void *item = list.v + i * size;
		if (field->kind == SHAPE_STRINGS)
			*(struct str *)item = random_text(f, field->format, field->item_min,
							  field->item_max);
		else if (field->kind == SHAPE_ENUMS)
			*(int *)item = 1 + (int)fill_random(f, field->values->n - 1);
		else
			fill_struct(f, field->object, item);
	}
	return list;
}

static int64_t random_int(struct fill *f, int64_t min, int64_t max)
{
	uint64_t span = (uint64_t)max - (uint64_t)min;

	return (int64_t)((uint64_t)min + fill_random(f, span + 1));
}

static double random_number(struct fill *f, double min, double max)
{
	double part = (double)fill_random(f, 1000) / 999;

	return min < -1e6 || max > 1e6 ? part * 1e6 : min + part * (max - min);
}

static void fill_field(struct fill *f, const struct shape_field *field, char *p)
{
	static const struct str raws[] = { { "{}", 2 }, { "{\"k\":[1,{}]}", 12 } };
	struct any_list list;
	void *object;

	switch (field->kind) {
	case SHAPE_STRING:
		*(struct str *)p = random_text(f, field->format, field->min, field->max);
		break;
	case SHAPE_TIME:
		*(int64_t *)p = random_int(f, -1000000000000, 4000000000000);
		break;
	case SHAPE_INT:
		*(int64_t *)p = random_int(f, field->min, field->max);
		break;
	case SHAPE_NUMBER:
		*(double *)p = random_number(f, field->number_min, field->number_max);
		break;
	case SHAPE_BOOL:
		*(bool *)p = fill_random(f, 2);
		break;
	case SHAPE_ENUM:
		*(int *)p = 1 + (int)fill_random(f, field->values->n - 1);
		break;
	case SHAPE_OBJECT:
		object = arena_zalloc(f->arena, field->object->size);
		assert(object);
		fill_struct(f, field->object, object);
		memcpy(p, &object, sizeof(object));
		break;
	case SHAPE_RAW:
	case SHAPE_RAW_ANY:
		*(struct str *)p = raws[fill_random(f, 2)];
		break;
	default:
		list = random_list(f, field);
		memcpy(p, &list, sizeof(list));
	}
}

void fill_struct(struct fill *f, const struct shape *s, void *out)
{
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct shape_field *field = &s->fields[i];
		bool is_always = field->flags & (SHAPE_REQUIRED | SHAPE_DEFAULT);
		if (!is_always && fill_random(f, 2))
			continue;
		fill_field(f, field, (char *)out + field->offset);
		if (field->flags & SHAPE_HAS)
			*((bool *)out + field->has_offset) = true;
	}
}

static bool is_same_list(const struct shape_field *f, const void *a, const void *b)
{
	struct any_list x, y;
	bool is_same = true;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (!x.v != !y.v || x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n && is_same; i++) {
		if (f->kind == SHAPE_STRINGS)
			is_same = str_eq(((struct str *)x.v)[i], ((struct str *)y.v)[i]);
		else if (f->kind == SHAPE_ENUMS)
			is_same = ((int *)x.v)[i] == ((int *)y.v)[i];
		else
			is_same = !fill_difference(f->object, x.v + i * f->object->size,
						   y.v + i * f->object->size)
				       .p;
	}
	return is_same;
}

static bool is_same_object(const struct shape_field *f, const void *a, const void *b)
{
	const void *x, *y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return !x == !y && (!x || !fill_difference(f->object, x, y).p);
}

static bool is_same_field(const struct shape_field *f, const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	switch (f->kind) {
	case SHAPE_STRING:
	case SHAPE_RAW:
	case SHAPE_RAW_ANY:
		return !x->p == !y->p && str_eq(*x, *y);
	case SHAPE_TIME:
	case SHAPE_INT:
		return *(const int64_t *)a == *(const int64_t *)b;
	case SHAPE_NUMBER:
		return *(const double *)a == *(const double *)b;
	case SHAPE_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case SHAPE_ENUM:
		return *(const int *)a == *(const int *)b;
	case SHAPE_OBJECT:
		return is_same_object(f, a, b);
	default:
		return is_same_list(f, a, b);
	}
}

struct str fill_difference(const struct shape *s, const void *a, const void *b)
{
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct shape_field *f = &s->fields[i];
		const char *x = a, *y = b;
		if (!is_same_field(f, x + f->offset, y + f->offset))
			return f->name;
		if (f->flags & SHAPE_HAS && *(x + f->has_offset) != *(y + f->has_offset))
			return f->name;
	}
	return STR_NONE;
}
