/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter with a placeholder in it may become anything: what is wrong with it is not told. */
#include "server/actions.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "schemas/shape.h"
#include "server/placeholders.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

struct checking {
	struct call *call;
	const char *field;
	size_t at; /* the action looked at */
	const struct verb *verb;
	struct json params;
	struct shape_faults *faults; /* of all actions */
};

/* ---- what is wrong ---- */

/* "calls[1].params.subject". */
static struct str path_of(const struct checking *m, struct str param)
{
	struct arena *a = m->call->arena;

	if (!param.p)
		return str_fmt(a, "%s[%zu].verb", m->field, m->at);
	return str_fmt(a, "%s[%zu].params%s%.*s", m->field, m->at, param.n ? "." : "",
		       STR_ARG(param));
}

static void add_fault(struct checking *m, const struct shape_fault *f, struct str param)
{
	struct shape_faults *all = m->faults;

	all->n_all++;
	if (all->n == SHAPE_FAULTS_MAX)
		return;
	all->v[all->n] = *f;
	all->v[all->n++].field = path_of(m, param);
}

static void blame(struct checking *m, struct str param, struct str expected, struct str got)
{
	add_fault(m, &(struct shape_fault){ .expected = expected, .got = got }, param);
}

/* ---- placeholders ---- */

static bool is_one_of(struct str word, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(words[i], word))
			return true;
	return false;
}

static const char *check_earlier_call(size_t at, struct str word)
{
	int64_t i;

	return str_to_i64(word, &i) && i >= 0 && i < (int64_t)at
		   ? NULL
		   : "calls.N of an earlier call, counted from 0";
}

/* What a path can lead to. */
static const char *check_path(const void *data, struct str path)
{
	static const struct str of_event[] = { STR("id"),     STR("seq"),     STR("kind"),
					       STR("source"), STR("subject"), STR("payload"),
					       STR("time") };
	static const struct str of_firing[] = { STR("id"), STR("short_id"), STR("source"),
						STR("source_id"), STR("depth") };
	const struct checking *m = data;
	struct str rest = path, first = str_cut(&rest, '.'), second = STR_NONE;

	if (rest.p)
		second = str_cut(&rest, '.');
	if (str_eq(first, STR("event")))
		return !second.p || is_one_of(second, of_event, ARRAY_LEN(of_event))
			   ? NULL
			   : "id, seq, kind, source, subject, payload or time behind event.";
	if (str_eq(first, STR("firing")))
		return !second.p || is_one_of(second, of_firing, ARRAY_LEN(of_firing))
			   ? NULL
			   : "id, short_id, source, source_id or depth behind firing.";
	if (str_eq(first, STR("calls")))
		return check_earlier_call(m->at, second);
	return "a path that begins with event, firing or calls";
}

static void check_placeholders(struct checking *m)
{
	struct placeholders p = { .arena = m->call->arena };

	if (placeholders_check(&p, &m->params, check_path, m))
		blame(m, p.param, str_from(p.why), str_utf8_prefix(p.bad, 64));
}

/* Is the parameter that a fault is about ("labels[3]", "repo.base") filled in later? */
static bool is_filled_in(const struct checking *m, struct str field)
{
	size_t n = 0;
	const struct json *v;

	while (n < field.n && field.p[n] != '.' && field.p[n] != '[')
		n++;
	v = json_get(&m->params, str_slice(field, 0, n));
	return v && placeholders_are_in(v);
}

/* ---- parameters ---- */

static int check_params(struct checking *m)
{
	struct shape_faults *found = ARENA_NEW(m->call->arena, struct shape_faults);
	void *params = arena_zalloc(m->call->arena, m->verb->params->size);
	const struct json *confirm = json_get(&m->params, STR("confirm"));
	int e;

	if (!found || !params)
		return err_nomem();
	e = shape_decode(m->verb->params, &m->params, m->call->arena, params, found);
	if (e < 0)
		return err_trace(e);
	for (size_t i = 0; i < found->n; i++)
		if (!is_filled_in(m, found->v[i].field))
			add_fault(m, &found->v[i], found->v[i].field);
	if (m->verb->confirm_offset != UINT32_MAX &&
	    !(confirm && (confirm->type != JSON_BOOL || confirm->b)))
		blame(m, STR("confirm"), STR("true: nobody is asked later"), STR_NONE);
	return 0;
}

static int parse_params(struct checking *m, struct str text)
{
	int e = json_parse(m->call->arena, text.p ? text : STR("{}"), &m->params, NULL);

	if (e > 0) /* it came in with the call, and was sound there */
		return err_new(ERR_INTERNAL, "parameters are no JSON");
	return err_trace(e);
}

/* ---- the verb ---- */

static void blame_verb(struct checking *m, struct str name)
{
	struct shape_fault f = { .expected = STR("the name of a verb"),
				 .got = str_utf8_prefix(name, 64),
				 .nearest = verb_nearest(name) };

	add_fault(m, &f, STR_NONE);
}

static bool has_secret(const struct shape *s)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i].flags & SHAPE_SECRET)
			return true;
	return false;
}

static bool is_proof(struct str field)
{
	return str_eq(field, STR("token")) || str_eq(field, STR("receipt"));
}

/* Work or mail, with what proves who has it. */
static bool hands_out(const struct shape *s)
{
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct shape_field *f = &s->fields[i];

		if (is_proof(f->name) || (f->kind == SHAPE_OBJECTS && hands_out(f->object)))
			return true;
	}
	return false;
}

/* Whoever reads tasks reads what came out: it must be for all of them. */
static bool is_narrow(const struct verb *v)
{
	return v->is_read_only && (verb_table[VERB_TASKS_GET].access & ~v->access);
}

/* What is to be called later is kept as it is written, and so is its result, for all to read. */
static bool check_open(struct checking *m)
{
	if (has_secret(m->verb->params) || has_secret(m->verb->result))
		blame(m, STR_NONE, STR("a verb that neither takes nor gives a secret"),
		      m->verb->name);
	else if (hands_out(m->verb->result))
		blame(m, STR_NONE,
		      STR("a verb that hands out neither work nor mail: nobody would have it"),
		      m->verb->name);
	else if (is_narrow(m->verb))
		blame(m, STR_NONE, STR("a verb that shows what everybody may see"), m->verb->name);
	else
		return true;
	return false;
}

static bool check_lane(struct checking *m)
{
	if (m->verb->lane == LANE_READ || m->verb->lane == LANE_WRITE)
		return true;
	blame(m, STR_NONE,
	      STR("a verb that is done at once, and neither waits, searches nor streams"),
	      m->verb->name);
	return false;
}

static int check_one(struct checking *m, const struct action *action)
{
	int e;

	m->verb = verb_find(action->verb);
	if (!m->verb) {
		blame_verb(m, action->verb);
		return 0;
	}
	if (authority_check_verb(m->call, m->call->principal, m->verb)) {
		m->call->failure.field = path_of(m, STR_NONE);
		return CALL_FAILED;
	}
	if (!check_lane(m) || !check_open(m))
		return 0;
	e = parse_params(m, action->params);
	if (e)
		return err_trace(e);
	check_placeholders(m);
	return err_trace(check_params(m));
}

int actions_check(void *data, struct call *c, const char *field, const struct action_list *actions)
{
	struct checking m = { .call = c, .field = field };
	int e = 0;

	m.faults = ARENA_NEW(c->arena, struct shape_faults);
	if (!m.faults)
		return err_nomem();
	for (m.at = 0; !e && m.at < actions->n; m.at++)
		e = check_one(&m, &actions->v[m.at]);
	if (e || !m.faults->n_all)
		return e;
	c->failure.faults = m.faults;
	if (m.faults->n_all == 1)
		return call_fail_field(c, ERROR_INVALID_PARAMS, field, "a call is wrong: %.*s",
				       STR_ARG(m.faults->v[0].field));
	return call_fail_field(c, ERROR_INVALID_PARAMS, field,
			       "%zu things are wrong with the calls", m.faults->n_all);
}
