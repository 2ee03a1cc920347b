/* SPDX-License-Identifier: Apache-2.0 */
/* events.subscribe, events.unsubscribe, events.subscriptions. */
#include "base/glob.h"
#include "handlers.gen.h"
#include "verbs/authority.h"
#include "verbs/authority_later.h"
#include "verbs/event_kinds.h"
#include "verbs/subscriptions_common.h"

/* ---- subscribing ---- */

static int check_counts(struct call *c, const struct events_subscribe_params *p)
{
	if (p->count > 1 && !p->window_s)
		return call_fail_field(c, ERROR_INVALID_PARAMS, "window_s",
				       "within how many seconds must the %lld come?",
				       (long long)p->count);
	if (p->window_s && p->count == 1)
		return call_fail_field(c, ERROR_INVALID_PARAMS, "count",
				       "how many must come within window_s? Two at least");
	return 0;
}

/* By what it is found: one subject, or else a value of the payload. */
static struct store_interest_key key_of(struct str subject, const struct call_wanted *wanted)
{
	if (subject.p && !glob_is(subject) && subject.n <= STORE_INTEREST_TEXT_MAX)
		return (struct store_interest_key){ STORE_INTEREST_SUBJECT, subject };
	if (wanted->path.p)
		return (struct store_interest_key){ wanted->path, wanted->value };
	return (struct store_interest_key){ STORE_INTEREST_ANY, STR("") };
}

static int describe(struct call *c, const struct events_subscribe_params *p,
		    struct store_subscription *out)
{
	const struct call_server *s = c->server;
	struct call_wanted wanted = { STR_NONE, STR_NONE };
	struct authority_maker maker;
	struct str subject = p->subject;
	int e = check_counts(c, p);

	if (e == 0)
		e = s->check_predicates(s->data, c, "where", &p->where, &wanted);
	if (e == 0)
		e = s->check_actions(s->data, c, "calls", &p->calls);
	if (e == 0)
		e = authority_maker(c, &maker);
	if (e == 0)
		e = event_find_subject(c, &subject);
	if (e)
		return e;
	*out = (struct store_subscription){ .key = key_of(subject, &wanted),
					    .by_kind = maker.kind,
					    .by_key = maker.key };
	out->subscription = (struct subscription){ .name = p->name,
						   .kind = p->kind,
						   .subject = subject,
						   .source = p->source,
						   .where = p->where,
						   .count = p->count,
						   .window_s = p->window_s,
						   .cooldown_s = p->cooldown_s,
						   .max_per_minute = p->max_per_minute,
						   .calls = p->calls,
						   .retry = p->retry,
						   .created_by = maker.id };
	return 0;
}

static int end(struct call *c, const struct store_subscription *s)
{
	int e = store_subscription_delete(c->tx, s->n);

	return e ? err_trace(e) : err_trace(subscription_event(c, "subscription.deleted", s));
}

static int refuse_name(struct call *c, const struct store_subscription *other)
{
	const struct subscription *u = &other->subscription;

	call_data_str(c, "id", u->short_id);
	return call_fail_field(c, ERROR_NAME_TAKEN, "name", "%.*s has the name '%.*s'",
			       STR_ARG(u->short_id), STR_ARG(u->name));
}

/* The one in whose place it comes goes first. */
static int make_room(struct call *c, const struct events_subscribe_params *p)
{
	struct authority_question q = { .tx = c->tx,
					.who = c->principal,
					.verb = &verb_table[VERB_EVENTS_UNSUBSCRIBE],
					.target = p->name };
	struct store_subscription other;
	enum authority_answer answer;
	int e = p->name.p ? store_subscription_find(c->tx, p->name, &other) : STORE_NONE;

	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	if (!p->replace)
		return refuse_name(c, &other);
	e = authority_may(&q, &answer);
	if (e)
		return err_trace(e);
	return answer == AUTHORITY_YES ? end(c, &other) : refuse_name(c, &other);
}

static int warn(struct call *c, struct str warning, struct str_list *out)
{
	if (!warning.p)
		return 0;
	out->v = ARENA_ARRAY(c->arena, 1, struct str);
	if (!out->v)
		return err_nomem();
	out->v[out->n++] = warning;
	return 0;
}

static int check_name(struct call *c, struct str name)
{
	if (!str_starts(name, STR("s-")))
		return 0;
	return call_fail_field(c, ERROR_INVALID_PARAMS, "name", "names that begin with s- are ids");
}

int events_subscribe(struct call *call, const struct events_subscribe_params *p,
		     struct events_subscribe_result *r)
{
	struct store_subscription s;
	struct str warning;
	int e = event_kind_check_pattern(call, "kind", p->kind, &warning);

	if (e == 0)
		e = check_name(call, p->name);
	if (e == 0)
		e = describe(call, p, &s);
	if (e == 0)
		e = make_room(call, p);
	if (e)
		return e;
	e = store_subscription_add(call->tx, &s);
	if (e == STORE_TOO_MANY)
		return call_fail(call, ERROR_OVERLOADED,
				 "there are %d subscriptions, more are not allowed",
				 SUBSCRIPTIONS_MAX);
	if (e == STORE_SUBSCRIPTION_NAMED)
		return err_new(ERR_INTERNAL, "a name that was free is taken");
	if (e == 0)
		e = subscription_event(call, "subscription.created", &s);
	if (e == 0)
		e = warn(call, warning, &r->warnings);
	if (e)
		return err_trace(e);
	r->subscription = s.subscription;
	r->next = STR(
	    "events.subscriptions shows what it did, events.trace what became of an event");
	return 0;
}

int events_unsubscribe(struct call *call, const struct events_unsubscribe_params *p,
		       struct events_unsubscribe_result *r)
{
	struct store_subscription s;
	int e = subscription_named(call, "id", p->id, &s);

	if (e == 0)
		e = end(call, &s);
	r->subscription = s.subscription;
	return e;
}

/* ---- listing ---- */

static int add_problem(struct call *c, struct subscription *u, struct str why)
{
	u->problem = why;
	return why.p ? 0 : err_nomem();
}

/* Why its calls would be denied now. */
static int look_for_problem(struct call *c, struct store_subscription *s)
{
	const struct authority_maker maker = { s->by_kind, s->subscription.created_by, s->by_key };
	struct subscription *u = &s->subscription;
	struct principal p;
	struct str why;
	int e = authority_of_maker(c->tx, &maker, &p, &why);

	if (e)
		return e == STORE_NONE ? add_problem(c, u, why) : err_trace(e);
	for (size_t i = 0; i < u->calls.n; i++) {
		const struct verb *v = verb_find(u->calls.v[i].verb);

		if (!v)
			return add_problem(c, u,
					   str_fmt(c->arena, "there is no %.*s any more",
						   STR_ARG(u->calls.v[i].verb)));
		if (!authority_has(&p, v))
			return add_problem(c, u,
					   str_fmt(c->arena, "%.*s may not call %.*s",
						   STR_ARG(p.id), STR_ARG(v->name)));
	}
	return 0;
}

static int show(struct call *c, struct store_subscription *list, size_t n,
		struct subscription_list *out)
{
	int e = 0;

	*out = (struct subscription_list){ ARENA_ARRAY(c->arena, n + 1, struct subscription), 0 };
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; i < n && e == 0; i++) {
		e = look_for_problem(c, &list[i]);
		out->v[out->n++] = list[i].subscription;
	}
	return err_trace(e);
}

int events_subscriptions(struct call *call, const struct events_subscriptions_params *p,
			 struct events_subscriptions_result *r)
{
	struct store_subscription_filter f = { .state = p->state, .limit = (size_t)p->limit };
	struct store_subscription one, *list = &one;
	int64_t after = 0;
	size_t n = 1;
	int e;

	if (p->cursor.p && !str_to_i64(p->cursor, &f.after))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	e = p->id.p ? subscription_named(call, "id", p->id, &one)
		    : store_subscription_page(call->tx, &f, &list, &n, &after);
	if (e == 0)
		e = show(call, list, n, &r->items);
	if (e || !after)
		return e;
	r->next_cursor = str_fmt(call->arena, "%lld", (long long)after);
	return r->next_cursor.p ? 0 : err_nomem();
}
