/* SPDX-License-Identifier: Apache-2.0 */
/* A value is quoted at most QUOTE_MAX bytes long, with whatever could confuse a terminal or a log
 * replaced by '?'. */
#include "schemas/shape_fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_MAX      48
#define SHOWN_NAME_MAX 40  /* no field has a longer name; a secret has */
#define LIST_MAX       240 /* bytes of values or names that "one of" lists */

static struct str path_text(struct arena *a, const struct shape_path *path)
{
	struct str up;

	if (!path || !path->up)
		return STR("");
	up = path_text(a, path->up);
	if (!path->name.p)
		return str_fmt(a, "%.*s[%zu]", STR_ARG(up), path->index);
	return str_fmt(a, up.n ? "%.*s.%.*s" : "%.*s%.*s", STR_ARG(up), STR_ARG(path->name));
}

/* U+0080–U+009F, the marks that turn the direction of writing, line and paragraph separators. */
static bool is_confusing(const unsigned char *p, size_t n)
{
	if (n >= 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return true;
	if (n < 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* As much of s as may be shown, in out (of QUOTE_MAX bytes). */
static struct str shown(struct str s, char *out)
{
	struct str part = str_utf8_prefix(s, QUOTE_MAX);

	memcpy(out, part.n ? part.p : "", part.n);
	for (size_t i = 0; i < part.n; i++) {
		unsigned char *p = (unsigned char *)out + i;
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (is_confusing(p, part.n - i))
			memset(p, '?', *p == 0xc2 ? 2 : 3);
	}
	return (struct str){ out, part.n };
}

static struct str name_shown(struct arena *a, struct str name)
{
	char out[QUOTE_MAX];
	struct str part = shown(name, out);

	return str_fmt(a, "%.*s%s", STR_ARG(part), part.n < name.n ? "…" : "");
}

static struct str type_text(struct arena *a, const struct json *v)
{
	char out[QUOTE_MAX];
	struct str part;

	switch (v->type) {
	case JSON_NULL:
		return STR("null");
	case JSON_BOOL:
		return v->b ? STR("true") : STR("false");
	case JSON_INT:
	case JSON_DOUBLE:
		part = shown(v->raw, out);
		return str_fmt(a, "the number %.*s", STR_ARG(part));
	case JSON_STRING:
		part = shown(v->s, out);
		return str_fmt(a, "\"%.*s\"%s", STR_ARG(part), part.n < v->s.n ? "…" : "");
	case JSON_ARRAY:
		return str_fmt(a, "an array of %" PRIu32 " element%s", v->n, v->n == 1 ? "" : "s");
	default:
		return STR("an object");
	}
}

/* What is unknown beside a secret, or stands for all, may be the secret under a wrong name. */
static bool may_be_secret(const struct shape_wrong_at *w)
{
	if (w->field)
		return w->field->flags & SHAPE_SECRET;
	for (size_t i = 0; w->shape && i < w->shape->n_fields; i++)
		if (w->shape->fields[i].flags & SHAPE_SECRET)
			return true;
	return false;
}

static struct str got_text(struct arena *a, const struct shape_wrong_at *w)
{
	const struct json *v = w->value;

	if (!v)
		return STR("nothing");
	if (may_be_secret(w) && v->type == JSON_STRING)
		return str_fmt(a, "%zu characters", str_n_chars(v->s));
	if (may_be_secret(w) && (v->type == JSON_INT || v->type == JSON_DOUBLE))
		return STR("a number");
	if (w->wrong == SHAPE_WRONG_SIZE && v->type == JSON_STRING)
		return str_fmt(a, "%zu characters", str_n_chars(v->s));
	if (w->wrong == SHAPE_WRONG_SIZE && v->type == JSON_ARRAY)
		return str_fmt(a, "%" PRIu32 " elements", v->n);
	if (w->wrong == SHAPE_WRONG_SIZE && v->type == JSON_OBJECT)
		return str_fmt(a, "%zu bytes", v->raw.n);
	return type_text(a, v);
}

/* "one of low, normal, high" of n texts `stride` bytes apart. */
static struct str one_of(struct arena *a, const struct str *first, size_t n, size_t stride)
{
	struct str out = STR("one of");

	for (size_t i = 0; i < n; i++) {
		const struct str *s = (const void *)((const char *)first + i * stride);
		if (out.n + s->n > LIST_MAX)
			return str_fmt(a, "%.*s, …", STR_ARG(out));
		out = str_fmt(a, "%.*s%s %.*s", STR_ARG(out), i ? "," : "", STR_ARG(*s));
	}
	return out;
}

static struct str range_text(struct arena *a, struct shape_wrong_at w, const char *unit)
{
	int64_t min = w.is_item ? w.field->item_min : w.field->min;
	int64_t max = w.is_item ? w.field->item_max : w.field->max;

	if (min == max)
		return str_fmt(a, "%" PRId64 "%s", min, unit);
	if (min > 0 || (!*unit && min > INT64_MIN && max < INT64_MAX))
		return max == INT64_MAX
			   ? str_fmt(a, "at least %" PRId64 "%s", min, unit)
			   : str_fmt(a, "%" PRId64 " to %" PRId64 "%s", min, max, unit);
	if (!*unit && min > INT64_MIN)
		return str_fmt(a, "at least %" PRId64 "%s", min, unit);
	return str_fmt(a, "at most %" PRId64 "%s", max, unit);
}

static struct str format_text(enum shape_format format)
{
	switch (format) {
	case SHAPE_ID:
		return STR("an id: 1 to 64 of a-z A-Z 0-9 _ -");
	case SHAPE_NAME:
		return STR("one line of text without control characters, or blanks at its ends");
	case SHAPE_TEXT:
		return STR("text without control characters");
	case SHAPE_CURSOR:
		return STR("a cursor as a result gave it");
	default:
		return STR("one line of text without control characters");
	}
}

static struct str number_text(struct arena *a, const struct shape_field *f)
{
	char low[32], high[32];

	if (f->number_min < -1e300 && f->number_max > 1e300)
		return STR("a number");
	snprintf(low, sizeof(low), "%.15g", f->number_min);
	snprintf(high, sizeof(high), "%.15g", f->number_max);
	if (f->number_max > 1e300)
		return str_fmt(a, "a number of at least %s", low);
	if (f->number_min < -1e300)
		return str_fmt(a, "a number of at most %s", high);
	return str_fmt(a, "a number from %s to %s", low, high);
}

static struct str int_text(struct arena *a, const struct shape_wrong_at *w)
{
	struct str range;

	if (w->field->min == INT64_MIN && w->field->max == INT64_MAX)
		return STR("an integer");
	range = range_text(a, *w, "");
	return str_fmt(a, "an integer, %.*s", STR_ARG(range));
}

static struct str text_text(struct arena *a, const struct shape_wrong_at *w)
{
	struct str range;

	if (w->wrong == SHAPE_WRONG_VALUE || w->field->format == SHAPE_ID)
		return format_text((enum shape_format)w->field->format);
	range = range_text(a, *w, " characters");
	return w->wrong == SHAPE_WRONG_SIZE ? range : str_fmt(a, "text, %.*s", STR_ARG(range));
}

static struct str list_text(struct arena *a, const struct shape_wrong_at *w)
{
	struct str range = range_text(a, *w, " elements");

	return w->wrong == SHAPE_WRONG_SIZE ? range : str_fmt(a, "an array, %.*s", STR_ARG(range));
}

static struct str item_text(struct arena *a, const struct shape_wrong_at *w)
{
	switch (w->field->kind) {
	case SHAPE_STRINGS:
		return text_text(a, w);
	case SHAPE_ENUMS:
		return one_of(a, w->field->values->values + 1, w->field->values->n - 1,
			      sizeof(struct str));
	default:
		return STR("an object");
	}
}

static struct str field_text(struct arena *a, const struct shape_wrong_at *w)
{
	const struct shape_field *f = w->field;

	switch (f->kind) {
	case SHAPE_STRING:
		return text_text(a, w);
	case SHAPE_TIME:
		return STR("a time such as 2026-11-21T10:00:00.000Z");
	case SHAPE_INT:
		return int_text(a, w);
	case SHAPE_NUMBER:
		return number_text(a, f);
	case SHAPE_BOOL:
		return STR("true or false");
	case SHAPE_ENUM:
		return one_of(a, f->values->values + 1, f->values->n - 1, sizeof(struct str));
	case SHAPE_OBJECT:
		return STR("an object");
	case SHAPE_RAW:
		return str_fmt(a, "an object of at most %" PRId64 " bytes", f->max);
	case SHAPE_RAW_ANY:
		return str_fmt(a, "any value of at most %" PRId64 " bytes", f->max);
	default:
		return list_text(a, w);
	}
}

static struct str expected_text(struct arena *a, const struct shape_wrong_at *w)
{
	if (w->wrong == SHAPE_WRONG_ROOT)
		return STR("an object: parameters are given by name");
	if (w->wrong == SHAPE_WRONG_UNKNOWN && w->shape->n_fields == 0)
		return STR("no fields");
	if (w->wrong == SHAPE_WRONG_UNKNOWN)
		return one_of(a, &w->shape->fields[0].name, w->shape->n_fields,
			      sizeof(struct shape_field));
	return w->is_item ? item_text(a, w) : field_text(a, w);
}

static struct str nearest_field(struct arena *a, const struct shape *s, struct str name)
{
	struct str *names = ARENA_ARRAY(a, s->n_fields, struct str);

	if (!names)
		return STR_NONE;
	for (size_t i = 0; i < s->n_fields; i++)
		names[i] = s->fields[i].name;
	return str_nearest(name, names, s->n_fields);
}

static struct str nearest_text(struct arena *a, const struct shape_wrong_at *w)
{
	const struct shape_enum *e = w->field ? w->field->values : NULL;

	if (w->wrong == SHAPE_WRONG_UNKNOWN)
		return nearest_field(a, w->shape, w->path->name);
	if (w->wrong == SHAPE_WRONG_VALUE && e && w->value->type == JSON_STRING)
		return str_nearest(w->value->s, e->values + 1, e->n - 1);
	return STR_NONE;
}

void shape_fault_add(struct shape_faults *faults, struct arena *a, const struct shape_wrong_at *w)
{
	struct shape_path safe = *w->path;

	faults->n_all++;
	if (faults->n == SHAPE_FAULTS_MAX)
		return;
	if (w->wrong == SHAPE_WRONG_UNKNOWN)
		safe.name = may_be_secret(w) && safe.name.n > SHOWN_NAME_MAX
				? STR("a long name")
				: name_shown(a, safe.name);
	faults->v[faults->n++] = (struct shape_fault){
		.field = path_text(a, &safe),
		.expected = expected_text(a, w),
		.got = got_text(a, w),
		.nearest = nearest_text(a, w),
		.is_missing = w->wrong == SHAPE_WRONG_MISSING,
		.is_unknown = w->wrong == SHAPE_WRONG_UNKNOWN,
	};
}
