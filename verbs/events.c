/* SPDX-License-Identifier: Apache-2.0 */
/* events.fire, events.list, events.poll, events.follow: what happened, told and read. */
#include "store/events.h"

#include "handlers.gen.h"
#include "verbs/call.h"
#include "verbs/event_kinds.h"

/* ---- filters ---- */

static int settle_filter(struct call *c, struct store_event_filter *f)
{
	int e = 0;

	for (size_t i = 0; i < f->kinds.n && e == 0; i++)
		e = event_kind_check_filter(c, f->kinds.v[i]);
	return e ? e : event_find_subject(c, &f->subject);
}

int events_fire(struct call *c, const struct events_fire_params *p, struct events_fire_result *r)
{
	struct store_event_new new = { .kind = p->kind,
				       .source = c->principal->id,
				       .subject = p->subject,
				       .payload = p->payload.p ? p->payload : STR("{}") };
	int64_t seq;
	int e;

	if ((e = event_kind_check(c, "kind", p->kind)) || (e = event_find_subject(c, &new.subject)))
		return e;
	if ((e = store_event_add(c->tx, &new, &seq)) ||
	    (e = store_event_get(c->tx, seq, &r->event)))
		return e < 0 ? err_trace(e)
			     : err_new(ERR_INTERNAL, "an event that was written is not there");
	return 0;
}

int events_list(struct call *c, const struct events_list_params *p, struct events_list_result *r)
{
	struct store_event_filter filter = { p->kinds, p->subject, p->source };
	int64_t before = 0;
	int e;

	if (p->cursor.p && (!str_to_i64(p->cursor, &before) || before < 1))
		return call_fail_field(c, ERROR_CURSOR_INVALID, "cursor",
				       "this is no cursor of events.list");
	if ((e = settle_filter(c, &filter)))
		return e;
	if ((e = store_event_list(c->tx, &filter, before, (size_t)p->limit, &r->items)))
		return err_trace(e);
	if (r->items.n == (size_t)p->limit) {
		r->next_cursor = str_fmt(c->arena, "%lld",
					 (long long)r->items.v[r->items.n - 1].seq);
		if (!r->next_cursor.p)
			return err_nomem();
	}
	return 0;
}

/* ---- where a reader stands: "<generation>.<seq>" ---- */

struct bounds {
	int64_t floor, head;
};

static struct str id_of(struct call *c, int64_t seq)
{
	return str_fmt(c->arena, "%.*s.%lld", STR_ARG(store_generation(c->store)), (long long)seq);
}

static void tell_bounds(struct call *c, const struct bounds *b)
{
	call_data_str(c, "head", id_of(c, b->head));
	call_data_str(c, "floor", id_of(c, b->floor));
}

/* The one rule for whoever resumes, over whatever way: what was never given out is refused, with
 * where to begin instead. */
static int read_since(struct call *c, struct str since, const struct bounds *b, int64_t *out)
{
	struct str rest = since, generation = str_cut(&rest, '.');
	const char *why = NULL;

	if (!rest.p || !str_to_i64(rest, out) || *out < 0)
		why = "is not the id of an event";
	else if (!str_eq(generation, store_generation(c->store)))
		why = "is from before a restore: read the present state, then follow from now on";
	else if (*out > b->head)
		why = "is the id of an event that has not been yet";
	if (!why)
		return 0;
	tell_bounds(c, b);
	return call_fail_field(c, ERROR_CURSOR_INVALID, "since", "'%.*s' %s", STR_ARG(since), why);
}

/* The cursor of a first call is kept over its waiting: what comes meanwhile must not be missed. */
static int start_of_poll(struct call *c, const struct events_poll_params *p, const struct bounds *b,
			 int64_t *since)
{
	int64_t *kept = c->state;

	if (p->since.p)
		return read_since(c, p->since, b, since);
	if (!kept) {
		kept = c->state = ARENA_NEW(c->arena, int64_t);
		if (!kept)
			return err_nomem();
		*kept = b->head;
	}
	*since = *kept;
	return 0;
}

int events_poll(struct call *c, const struct events_poll_params *p, struct events_poll_result *r)
{
	struct store_event_filter filter = { p->kinds, p->subject, p->source };
	struct bounds b;
	int64_t since = 0, reached;
	int e = store_event_bounds(c->tx, &b.floor, &b.head);

	if (e)
		return err_trace(e);
	if ((e = settle_filter(c, &filter)) || (e = start_of_poll(c, p, &b, &since)))
		return e;
	if (since + 1 < b.floor) {
		tell_bounds(c, &b);
		return call_fail_field(c, ERROR_CURSOR_EXPIRED, "since",
				       "events up to %lld are gone; the newest is %lld",
				       (long long)(b.floor - 1), (long long)b.head);
	}
	if ((e = store_event_page(c->tx, &filter, since, (size_t)p->limit, &r->items, &reached)))
		return err_trace(e);
	if (r->items.n == 0 && reached >= b.head && p->timeout_s > 0 && !c->is_time_over)
		return call_wait_for(c, filter.subject, p->timeout_s * 1000);
	r->since = id_of(c, reached);
	r->head = id_of(c, b.head);
	r->more = reached < b.head;
	return r->since.p && r->head.p ? 0 : err_nomem();
}

int events_follow(struct call *c, const struct events_follow_params *p,
		  struct events_follow_result *r)
{
	struct store_event_filter *filter = ARENA_NEW(c->arena, struct store_event_filter);
	struct bounds b;
	int64_t since = -1;
	int e;

	if (!filter)
		return err_nomem();
	if ((e = store_event_bounds(c->tx, &b.floor, &b.head)))
		return err_trace(e);
	*filter = (struct store_event_filter){ p->kinds, p->subject, p->source };
	if ((e = settle_filter(c, filter)))
		return e;
	if (p->since.p && (e = read_since(c, p->since, &b, &since)))
		return e;
	c->follow = (struct call_follow){ filter, since };
	return 0;
}
