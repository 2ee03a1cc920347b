/* SPDX-License-Identifier: Apache-2.0 */
/* Predicates on the payload of an event. */
#include "server/predicates.h"

#include <string.h>

#include "base/err.h"
#include "schemas/shape.h"
#include "store/interest.h"
#include "store/subscriptions.h"

#define IN_MAX 100 /* values */

/* ---- comparing ---- */

static bool is_number(const struct json *v)
{
	return v->type == JSON_INT || v->type == JSON_DOUBLE;
}

/* Exact where an integer is no double: 2^53 and 2^53 + 1 are two numbers. */
static int compare_mixed(int64_t i, double d)
{
	double whole = (double)i;

	if (whole != d)
		return whole < d ? -1 : 1;
	if (d >= 9223372036854775808.0)
		return -1;
	return i < (int64_t)d ? -1 : i > (int64_t)d;
}

static int compare_numbers(const struct json *x, const struct json *y)
{
	if (x->type == JSON_INT && y->type == JSON_INT)
		return x->i < y->i ? -1 : x->i > y->i;
	if (x->type == JSON_INT)
		return compare_mixed(x->i, y->d);
	if (y->type == JSON_INT)
		return -compare_mixed(y->i, x->d);
	return x->d < y->d ? -1 : x->d > y->d;
}

static int compare_texts(struct str x, struct str y)
{
	size_t n = MIN(x.n, y.n);
	int order = n ? memcmp(x.p, y.p, n) : 0;

	return order ? order : x.n < y.n ? -1 : x.n > y.n;
}

/* False: they have no order. */
static bool compare(const struct json *x, const struct json *y, int *out)
{
	if (is_number(x) && is_number(y))
		*out = compare_numbers(x, y);
	else if (x->type == JSON_STRING && y->type == JSON_STRING)
		*out = compare_texts(x->s, y->s);
	else
		return false;
	return true;
}

static bool is_same(const struct json *x, const struct json *y);

static bool is_same_object(const struct json *x, const struct json *y)
{
	for (uint32_t i = 0; i < x->n; i++) {
		const struct json *other = json_get(y, x->members[i].key);

		if (!other || !is_same(&x->members[i].value, other))
			return false;
	}
	return x->n == y->n;
}

static bool is_same_array(const struct json *x, const struct json *y)
{
	for (uint32_t i = 0; x->n == y->n && i < x->n; i++)
		if (!is_same(&x->items[i], &y->items[i]))
			return false;
	return x->n == y->n;
}

static bool is_same(const struct json *x, const struct json *y)
{
	int order;

	if (compare(x, y, &order))
		return order == 0;
	if (x->type != y->type)
		return false;
	switch (x->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return x->b == y->b;
	case JSON_ARRAY:
		return is_same_array(x, y);
	case JSON_OBJECT:
		return is_same_object(x, y);
	default:
		return false;
	}
}

static bool is_in(const struct json *x, const struct json *list)
{
	for (uint32_t i = 0; list->type == JSON_ARRAY && i < list->n; i++)
		if (is_same(x, &list->items[i]))
			return true;
	return false;
}

/* A text in a text, a value in a list, a key in an object. */
static bool contains(const struct json *x, const struct json *value)
{
	if (x->type == JSON_ARRAY)
		return is_in(value, x);
	if (value->type != JSON_STRING)
		return false;
	if (x->type == JSON_OBJECT)
		return json_get(x, value->s) != NULL;
	if (x->type != JSON_STRING)
		return false;
	return !value->s.n || (x->s.n && memmem(x->s.p, x->s.n, value->s.p, value->s.n));
}

static bool is_ordered(const struct json *x, enum predicate_op op, const struct json *value)
{
	int order;

	if (!compare(x, value, &order))
		return false;
	switch (op) {
	case PREDICATE_OP_LT:
		return order < 0;
	case PREDICATE_OP_LE:
		return order <= 0;
	case PREDICATE_OP_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

bool predicate_holds(const struct json *payload, struct str path, enum predicate_op op,
		     const struct json *value)
{
	const struct json *x = json_at(payload, path);

	if (op == PREDICATE_OP_EXISTS)
		return (x != NULL) == !(value && value->type == JSON_BOOL && !value->b);
	if (!x || !value)
		return false;
	switch (op) {
	case PREDICATE_OP_EQ:
		return is_same(x, value);
	case PREDICATE_OP_NE:
		return !is_same(x, value);
	case PREDICATE_OP_IN:
		return is_in(x, value);
	case PREDICATE_OP_CONTAINS:
		return contains(x, value);
	default:
		return is_ordered(x, op, value);
	}
}

static int parse_value(struct arena *a, struct str text, struct json *out,
		       const struct json **value)
{
	int e = text.p ? json_parse(a, text, out, NULL) : 0;

	*value = text.p && !e ? out : NULL;
	return e < 0 ? err_trace(e) : 0;
}

int predicates_hold(struct arena *a, const struct event_predicate_list *list,
		    const struct json *payload, bool *out)
{
	*out = true;
	for (size_t i = 0; i < list->n && *out; i++) {
		const struct event_predicate *p = &list->v[i];
		const struct json *value;
		struct json parsed;
		int e = parse_value(a, p->value, &parsed, &value);

		if (e)
			return err_trace(e);
		*out = predicate_holds(payload, p->path, p->op, value);
	}
	return 0;
}

/* ---- checking ---- */

/* What the value must be: NULL when it is. */
static const char *check_value(enum predicate_op op, const struct json *value)
{
	if (op == PREDICATE_OP_EXISTS)
		return !value || value->type == JSON_BOOL ? NULL : "true or false";
	if (!value)
		return "a value to compare with";
	switch (op) {
	case PREDICATE_OP_IN:
		return value->type == JSON_ARRAY && value->n && value->n <= IN_MAX
			   ? NULL
			   : "a list of 1 to 100 values";
	case PREDICATE_OP_LT:
	case PREDICATE_OP_LE:
	case PREDICATE_OP_GT:
	case PREDICATE_OP_GE:
		return is_number(value) || value->type == JSON_STRING ? NULL : "a number or a text";
	default:
		return NULL;
	}
}

static const char *check_words(struct str path)
{
	while (path.p)
		if (!str_cut(&path, '.').n)
			return "words with dots between them: repo.name, items.0.id";
	return NULL;
}

struct checking {
	struct call *call;
	const char *field;
	size_t at;
	struct shape_faults *faults;
};

static void blame(struct checking *m, const char *what, const char *expected, struct str got)
{
	struct shape_faults *all = m->faults;

	all->n_all++;
	if (all->n == SHAPE_FAULTS_MAX)
		return;
	all->v[all->n++] = (struct shape_fault){
		.field = str_fmt(m->call->arena, "%s[%zu].%s", m->field, m->at, what),
		.expected = str_from(expected),
		.got = str_utf8_prefix(got, 64),
	};
}

/* One that a value of the payload must equal is by what it is found. */
static void find_wanted(struct checking *m, const struct event_predicate *p,
			const struct json *value, struct call_wanted *out)
{
	struct arena *a = m->call->arena;
	struct str text;

	if (out->path.p || p->op != PREDICATE_OP_EQ || p->path.n >= STORE_INTEREST_TEXT_MAX)
		return;
	text = value ? store_interest_text(a, value) : STR_NONE;
	if (text.p)
		*out = (struct call_wanted){ str_fmt(a, ".%.*s", STR_ARG(p->path)), text };
}

static int check_one(struct checking *m, const struct event_predicate *p, struct call_wanted *out)
{
	const struct json *value;
	struct json parsed;
	const char *why;
	int e = parse_value(m->call->arena, p->value, &parsed, &value);

	if (e)
		return err_trace(e);
	why = check_words(p->path);
	if (why)
		blame(m, "path", why, p->path);
	why = check_value(p->op, value);
	if (why)
		blame(m, "value", why, p->value);
	find_wanted(m, p, value, out);
	return 0;
}

int predicates_check(void *data, struct call *c, const char *field,
		     const struct event_predicate_list *list, struct call_wanted *out)
{
	struct checking m = { .call = c, .field = field };
	int e = 0;

	*out = (struct call_wanted){ STR_NONE, STR_NONE };
	m.faults = ARENA_NEW(c->arena, struct shape_faults);
	if (!m.faults)
		return err_nomem();
	for (m.at = 0; !e && m.at < list->n; m.at++)
		e = check_one(&m, &list->v[m.at], out);
	if (e || !m.faults->n_all)
		return err_trace(e);
	c->failure.faults = m.faults;
	if (m.faults->n_all == 1)
		return call_fail_field(c, ERROR_INVALID_PARAMS, field, "a predicate is wrong: %.*s",
				       STR_ARG(m.faults->v[0].field));
	return call_fail_field(c, ERROR_INVALID_PARAMS, field,
			       "%zu things are wrong with the predicates", m.faults->n_all);
}
