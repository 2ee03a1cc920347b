/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to struct. A caller tends to write the fields in the order of the table, so each member is
 * first compared with the row behind the last one found. A fault never ends the walk: all of them
 * are wanted. Scalars cost no memory; lists and objects below take theirs from the arena. */
#include "schemas/shape.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "schemas/shape_fault.h"
#include "schemas/shape_text.h"

#define FIELDS_MAX 64 /* bits of `seen`; the generator refuses more */

struct decoder {
	struct arena *arena;
	struct shape_faults *faults;
};

/* The layout of every list: struct str_list, the generated struct x_list. */
struct any_list {
	void *v;
	size_t n;
};

/* What one value is decoded by. */
struct step {
	const struct shape *shape;
	const struct shape_field *field;
	const struct shape_path *path;
	const struct json *value;
};

static void *at(void *out, uint32_t offset)
{
	return (char *)out + offset;
}

static void add_fault(struct decoder *d, const struct step *s, enum shape_wrong wrong, bool is_item)
{
	struct shape_wrong_at w = {
		.wrong = wrong,
		.path = s->path,
		.field = s->field,
		.shape = s->shape,
		.value = s->value,
		.is_item = is_item,
	};

	shape_fault_add(d->faults, d->arena, &w);
}

static bool has_length(struct str s, int64_t min, int64_t max)
{
	size_t low = (size_t)min, high = (size_t)max, n;

	if (s.n <= high && s.n >= low * 4)
		return true; /* n bytes are n/4 to n code points */
	if (s.n < low || s.n > high * 4)
		return false;
	n = str_n_chars(s);
	return n >= low && n <= high;
}

/* 0 when the text is right. */
static int text_wrong(const struct shape_field *f, const struct json *v, bool is_item)
{
	if (v->type != JSON_STRING)
		return SHAPE_WRONG_TYPE;
	if (!has_length(v->s, is_item ? f->item_min : f->min, is_item ? f->item_max : f->max))
		return SHAPE_WRONG_SIZE;
	return shape_text_is_valid((enum shape_format)f->format, v->s) ? 0 : SHAPE_WRONG_VALUE;
}

/* JSON Schema's integer: 3, and 3.0 as well. */
static int int_wrong(const struct shape_field *f, const struct json *v, int64_t *out)
{
	if (v->type == JSON_INT)
		*out = v->i;
	else if (v->type == JSON_DOUBLE && fabs(v->d) < 0x1p53 && v->d == (double)(int64_t)v->d)
		*out = (int64_t)v->d;
	else
		return SHAPE_WRONG_TYPE;
	return *out < f->min || *out > f->max ? SHAPE_WRONG_SIZE : 0;
}

static int number_wrong(const struct shape_field *f, const struct json *v, double *out)
{
	if (v->type == JSON_INT)
		*out = (double)v->i;
	else if (v->type == JSON_DOUBLE)
		*out = v->d;
	else
		return SHAPE_WRONG_TYPE;
	return *out < f->number_min || *out > f->number_max ? SHAPE_WRONG_SIZE : 0;
}

static int enum_wrong(const struct shape_field *f, const struct json *v, int *out)
{
	if (v->type != JSON_STRING)
		return SHAPE_WRONG_TYPE;
	*out = shape_enum_find(f->values, v->s);
	return *out ? 0 : SHAPE_WRONG_VALUE;
}

static int raw_wrong(const struct shape_field *f, const struct json *v, struct str *out)
{
	if (f->kind == SHAPE_RAW && v->type != JSON_OBJECT)
		return SHAPE_WRONG_TYPE;
	*out = v->raw;
	return v->raw.n > (size_t)f->max ? SHAPE_WRONG_SIZE : 0;
}

static int scalar_wrong(const struct shape_field *f, const struct json *v, void *p)
{
	int wrong;

	switch (f->kind) {
	case SHAPE_STRING:
		wrong = text_wrong(f, v, false);
		if (!wrong)
			*(struct str *)p = v->s;
		return wrong;
	case SHAPE_TIME:
		if (v->type != JSON_STRING)
			return SHAPE_WRONG_TYPE;
		return clock_parse(v->s, p) ? 0 : SHAPE_WRONG_VALUE;
	case SHAPE_INT:
		return int_wrong(f, v, p);
	case SHAPE_NUMBER:
		return number_wrong(f, v, p);
	case SHAPE_BOOL:
		if (v->type != JSON_BOOL)
			return SHAPE_WRONG_TYPE;
		*(bool *)p = v->b;
		return 0;
	case SHAPE_ENUM:
		return enum_wrong(f, v, p);
	default:
		return raw_wrong(f, v, p);
	}
}

static int decode_object(struct decoder *d, const struct step *s, void *out);

static int decode_below(struct decoder *d, const struct step *s, void *p)
{
	void *object = arena_zalloc(d->arena, s->field->object->size);
	struct step below = { .shape = s->field->object, .path = s->path, .value = s->value };

	if (!object)
		return err_nomem();
	memcpy(p, &object, sizeof(object));
	return decode_object(d, &below, object);
}

static size_t item_size(const struct shape_field *f)
{
	switch (f->kind) {
	case SHAPE_STRINGS:
		return sizeof(struct str);
	case SHAPE_ENUMS:
		return sizeof(int);
	default:
		return f->object->size;
	}
}

static int decode_item(struct decoder *d, const struct step *s, void *item)
{
	int wrong;

	if (s->field->kind == SHAPE_OBJECTS && s->value->type == JSON_OBJECT) {
		struct step below = { .shape = s->field->object,
				      .path = s->path,
				      .value = s->value };
		return decode_object(d, &below, item);
	}
	if (s->field->kind == SHAPE_OBJECTS) {
		wrong = SHAPE_WRONG_TYPE;
	} else if (s->field->kind == SHAPE_ENUMS) {
		wrong = enum_wrong(s->field, s->value, item);
	} else {
		wrong = text_wrong(s->field, s->value, true);
		if (!wrong)
			*(struct str *)item = s->value->s;
	}
	if (wrong)
		add_fault(d, s, (enum shape_wrong)wrong, true);
	return 0;
}

static int decode_list(struct decoder *d, const struct step *s, void *p)
{
	const struct json *v = s->value;
	size_t size = item_size(s->field);
	struct any_list list = { NULL, v->n };

	if (v->n < s->field->min || v->n > s->field->max) {
		add_fault(d, s, SHAPE_WRONG_SIZE, false);
		return 0; /* too many elements are not looked at one by one */
	}
	list.v = arena_array(d->arena, v->n, size);
	if (!list.v)
		return err_nomem();
	for (size_t i = 0; i < v->n; i++) {
		struct shape_path path = { .up = s->path, .index = i };
		struct step item = { s->shape, s->field, &path, &v->items[i] };
		int e = decode_item(d, &item, (char *)list.v + i * size);
		if (e)
			return e;
	}
	memcpy(p, &list, sizeof(list));
	return 0;
}

/* What is kept as written goes out on lines again: its line ends, which are only blanks between
 * tokens, become spaces. */
static int keep_on_one_line(struct decoder *d, struct str *raw)
{
	char *p;

	if (str_find(*raw, '\n', 0) == raw->n && str_find(*raw, '\r', 0) == raw->n)
		return 0;
	p = arena_dup(d->arena, raw->p, raw->n);
	if (!p)
		return err_nomem();
	for (size_t i = 0; i < raw->n; i++)
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
	raw->p = p;
	return 0;
}

static int decode_field(struct decoder *d, const struct step *s, void *out)
{
	const struct shape_field *f = s->field;
	enum json_type type = s->value->type;
	int wrong = 0;

	switch (f->kind) {
	case SHAPE_OBJECT:
		if (type == JSON_OBJECT)
			return decode_below(d, s, at(out, f->offset));
		wrong = SHAPE_WRONG_TYPE;
		break;
	case SHAPE_STRINGS:
	case SHAPE_OBJECTS:
	case SHAPE_ENUMS:
		if (type == JSON_ARRAY)
			return decode_list(d, s, at(out, f->offset));
		wrong = SHAPE_WRONG_TYPE;
		break;
	default:
		wrong = scalar_wrong(f, s->value, at(out, f->offset));
	}
	if (wrong)
		add_fault(d, s, (enum shape_wrong)wrong, false);
	else if (f->flags & SHAPE_HAS)
		*(bool *)at(out, f->has_offset) = true;
	if (!wrong && (f->kind == SHAPE_RAW || f->kind == SHAPE_RAW_ANY))
		return keep_on_one_line(d, at(out, f->offset));
	return 0;
}

static void set_default(const struct shape_field *f, void *out)
{
	void *p = at(out, f->offset);

	switch (f->kind) {
	case SHAPE_STRING:
		*(struct str *)p = f->default_value.s;
		break;
	case SHAPE_INT:
		*(int64_t *)p = f->default_value.i;
		break;
	case SHAPE_NUMBER:
		*(double *)p = f->default_value.d;
		break;
	case SHAPE_BOOL:
		*(bool *)p = f->default_value.b;
		break;
	default:
		assert(f->kind == SHAPE_ENUM);
		*(int *)p = (int)f->default_value.i;
	}
	if (f->flags & SHAPE_HAS)
		*(bool *)at(out, f->has_offset) = true;
}

/* What was not given: defaults, and faults for what is required. */
static void fill_absent(struct decoder *d, const struct step *s, uint64_t seen, void *out)
{
	for (size_t i = 0; i < s->shape->n_fields; i++) {
		const struct shape_field *f = &s->shape->fields[i];
		if (seen >> i & 1 || !(f->flags & (SHAPE_DEFAULT | SHAPE_REQUIRED)))
			continue;
		if (f->flags & SHAPE_DEFAULT) {
			set_default(f, out);
			continue;
		}
		struct shape_path path = { .up = s->path, .name = f->name };
		struct step missing = { s->shape, f, &path, NULL };
		add_fault(d, &missing, SHAPE_WRONG_MISSING, false);
	}
}

/* The row of a name, looked for from `hint` on; n_fields when there is none. */
static size_t row_of(const struct shape *s, struct str name, size_t hint)
{
	for (size_t i = hint; i < s->n_fields; i++)
		if (str_eq(s->fields[i].name, name))
			return i;
	for (size_t i = 0; i < hint; i++)
		if (str_eq(s->fields[i].name, name))
			return i;
	return s->n_fields;
}

static int decode_object(struct decoder *d, const struct step *s, void *out)
{
	const struct shape *shape = s->shape;
	size_t row, hint = 0;
	uint64_t seen = 0;

	assert(shape->n_fields <= FIELDS_MAX);
	for (size_t i = 0; i < s->value->n; i++) {
		const struct json_member *m = &s->value->members[i];
		struct shape_path path = { .up = s->path, .name = m->key };
		row = row_of(shape, m->key, hint);
		struct step field = { shape, NULL, &path, &m->value };
		if (row == shape->n_fields) {
			add_fault(d, &field, SHAPE_WRONG_UNKNOWN, false);
			continue;
		}
		seen |= UINT64_C(1) << row;
		hint = row + 1;
		field.field = &shape->fields[row];
		int e = decode_field(d, &field, out);
		if (e)
			return e;
	}
	fill_absent(d, s, seen, out);
	return 0;
}

int shape_decode(const struct shape *s, const struct json *value, struct arena *a, void *out,
		 struct shape_faults *faults)
{
	static const struct json empty = { .type = JSON_OBJECT };
	struct shape_path root = { 0 };
	struct decoder d = { a, faults };
	struct step step = { .shape = s, .path = &root, .value = value };
	int e;

	faults->n = faults->n_all = 0;
	if (!value || value->type == JSON_NONE)
		step.value = &empty;
	if (step.value->type == JSON_OBJECT) {
		e = decode_object(&d, &step, out);
		if (e)
			return err_trace(e);
	} else {
		add_fault(&d, &step, SHAPE_WRONG_ROOT, false);
	}
	if (faults->n_all && a->is_out)
		return err_nomem();
	return faults->n_all ? SHAPE_BAD : 0;
}
