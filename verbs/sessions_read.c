/* SPDX-License-Identifier: Apache-2.0 */
/* sessions.list, messages, search: where one takes part, what was said there. */
#include <stdlib.h>

#include "handlers.gen.h"
#include "store/messages_search.h"
#include "store/roles.h"
#include "verbs/authority.h"
#include "verbs/sessions_common.h"

#define ROWS_MAX  20000
#define SEATS_MAX 100

/* ---- lists ---- */

/* Pages of several lists, each newest first, put together: what is older than where one of them
 * stopped is the next page's. */
struct listing {
	struct call *call;
	const struct sessions_list_params *p;
	struct store_n_list found;
	int64_t floor; /* n; 0 = all lists came to their end */
	size_t n_examined, n_fit;
	bool is_filtered; /* each is to be checked */
};

static int is_wanted(struct listing *l, const struct store_session *s, bool *out)
{
	const struct sessions_list_params *p = l->p;
	struct participant place;
	int64_t unread = 0;
	int e = 0;

	*out = (!p->kind || p->kind == s->session.kind) &&
	       (!p->status || p->status == s->session.status);
	if (*out && l->is_filtered)
		e = authority_reads(l->call->tx, l->call->principal, s, out);
	if (e == 0 && *out && p->unread)
		e = session_unread(l->call, s, &place, &unread);
	*out = *out && (!p->unread || unread > 0);
	return err_trace(e);
}

static int take(void *data, const struct store_session *s)
{
	struct listing *l = data;
	bool is_fit;
	int e = is_wanted(l, s, &is_fit);

	if (e)
		return err_trace(e);
	if (is_fit) {
		l->found.v[l->found.n++] = s->n;
		l->n_fit++;
	}
	if (l->n_fit <= (size_t)l->p->limit && ++l->n_examined < ROWS_MAX)
		return 0;
	l->floor = MAX(l->floor, s->n);
	return STORE_TOO_MANY;
}

static int add_list(struct listing *l, struct str who, int64_t before)
{
	int e;

	l->n_fit = l->n_examined = 0;
	e = store_session_each(l->call->tx, who, before, take, l);
	return e == STORE_TOO_MANY ? 0 : err_trace(e);
}

static int add_seats(struct listing *l, int64_t before, struct str self)
{
	struct call *c = l->call;
	struct store_role_filter f = { .limit = SEATS_MAX };
	struct role_line_list seats;
	int64_t more;
	int e;

	f.occupant = str_slice(self, str_find(self, ':', 0) + 1, self.n);
	e = store_role_page(c->tx, &f, &seats, &more);
	for (size_t i = 0; e == 0 && i < seats.n; i++) {
		struct str who = str_fmt(c->arena, "role:%.*s", STR_ARG(seats.v[i].id));

		e = who.p ? add_list(l, who, before) : err_nomem();
	}
	return err_trace(e);
}

static int collect(struct listing *l, int64_t before)
{
	struct call *c = l->call;
	struct str self = talk_self(c);
	struct talk_who who;
	int e;

	if (!self.p)
		return err_nomem();
	if (l->p->participant.p) {
		e = talk_named(c, "participant", l->p->participant, &who);
		l->is_filtered = true;
		return e ? e : add_list(l, who.who, before);
	}
	if (authority_reads_all(c->principal))
		return add_list(l, STR_NONE, before);
	e = add_list(l, self, before);
	return e ? e : add_seats(l, before, self);
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (y > x) - (y < x);
}

static int show_line(struct call *c, int64_t n, struct session_line *out)
{
	struct participant place;
	struct store_session s;
	int64_t unread = -1;
	int e = store_session_get_n(c->tx, n, &s);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a listed session is missing");
	e = session_unread(c, &s, &place, &unread);
	*out = (struct session_line){ .id = s.session.id,
				      .short_id = s.session.short_id,
				      .kind = s.session.kind,
				      .status = s.session.status,
				      .participants = s.n_participants,
				      .last = s.session.last,
				      .unread = unread,
				      .has_unread = unread >= 0,
				      .created_at = s.session.created_at,
				      .updated_at = s.session.updated_at };
	out->awaiting = out->has_awaiting = unread >= 0 && place.has_asked;
	return e ? err_trace(e) : err_trace(session_title(c, &s, &out->title));
}

/* The newest of all lists, each once. */
static int show_lines(struct listing *l, struct sessions_list_result *r)
{
	size_t max = (size_t)l->p->limit;
	int64_t last = 0, next = l->floor;
	int e = 0;

	qsort(l->found.v, l->found.n, sizeof(*l->found.v), newest_first);
	for (size_t i = 0; e == 0 && i < l->found.n && l->found.v[i] >= l->floor; i++) {
		if (l->found.v[i] == last)
			continue;
		if (r->items.n == max) {
			next = last;
			break;
		}
		last = l->found.v[i];
		e = show_line(l->call, last, &r->items.v[r->items.n++]);
	}
	if (e == 0 && next) {
		r->next_cursor = str_fmt(l->call->arena, "%lld", (long long)next);
		e = r->next_cursor.p ? 0 : err_nomem();
	}
	return err_trace(e);
}

int sessions_list(struct call *call, const struct sessions_list_params *p,
		  struct sessions_list_result *r)
{
	struct listing l = { .call = call, .p = p };
	size_t room = (size_t)(p->limit + 1) * (SEATS_MAX + 1);
	int64_t before = 0;
	int e;

	if (p->cursor.p && !str_to_i64(p->cursor, &before))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	l.found.v = ARENA_ARRAY(call->arena, room, int64_t);
	r->items.v = ARENA_ARRAY(call->arena, (size_t)p->limit, struct session_line);
	if (!l.found.v || !r->items.v)
		return err_nomem();
	e = collect(&l, before);
	return e ? e : show_lines(&l, r);
}

/* ---- messages ---- */

static uint32_t bits_of(const struct message_kind_list *list)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < list->n; i++)
		bits |= 1u << list->v[i];
	return bits;
}

static int make_filter(struct call *c, const struct sessions_messages_params *p,
		       struct store_message_filter *f)
{
	const uint32_t all = (1u << MESSAGE_KIND_MAX) - 2;
	struct talk_who who;
	int e = p->from.p ? talk_named(c, "from", p->from, &who) : 0;

	if (e)
		return e;
	*f = (struct store_message_filter){ .kinds = p->kinds.v ? bits_of(&p->kinds) : all,
					    .from = p->from.p ? who.who : STR_NONE,
					    .since_ms = p->after,
					    .until_ms = p->before,
					    .text = p->text,
					    .limit = (size_t)p->limit };
	f->kinds &= ~bits_of(&p->exclude);
	return 0;
}

static int read_on(struct call *c, const struct sessions_messages_params *p,
		   const struct store_session *s, const struct store_message_filter *f,
		   struct sessions_messages_result *r)
{
	int64_t floor;
	int e = store_message_after(c->tx, s, f, p->since, &r->items, &r->since, &r->more);

	if (e == 0)
		e = store_message_floor(c->tx, s, &floor);
	if (e)
		return err_trace(e);
	r->has_since = r->has_more = true;
	r->has_lost = floor - 1 > p->since;
	r->lost = floor - 1 - p->since;
	return 0;
}

static int read_back(struct call *c, const struct sessions_messages_params *p,
		     const struct store_session *s, const struct store_message_filter *f,
		     struct sessions_messages_result *r)
{
	int64_t before = 0, next;
	int e;

	if (p->cursor.p && !str_to_i64(p->cursor, &before))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	e = store_message_before(c->tx, s, f, before, &r->items, &next);
	if (e || !next)
		return err_trace(e);
	r->next_cursor = str_fmt(c->arena, "%lld", (long long)next);
	return r->next_cursor.p ? 0 : err_nomem();
}

int sessions_messages(struct call *call, const struct sessions_messages_params *p,
		      struct sessions_messages_result *r)
{
	struct store_message_filter f;
	struct store_session s;
	int e = session_named(call, "id", p->id, &s);

	if (e == 0)
		e = make_filter(call, p, &f);
	if (e)
		return e;
	r->last = s.session.last;
	return p->has_since ? read_on(call, p, &s, &f, r) : read_back(call, p, &s, &f, r);
}

/* ---- search ---- */

#define KNOWN_MAX 256

struct known {
	int64_t session;
	bool may;
	struct str title;
};

struct searching {
	struct call *call;
	struct known known[KNOWN_MAX]; /* by session, the last of each place */
};

static int look_up(struct searching *f, int64_t n, struct known *k)
{
	struct call *c = f->call;
	struct store_session s;
	int e = store_session_get_n(c->tx, n, &s);

	if (e)
		return e < 0 ? err_trace(e)
			     : err_new(ERR_CORRUPT, "a message's session is missing");
	*k = (struct known){ .session = n };
	e = authority_reads(c->tx, c->principal, &s, &k->may);
	if (e == 0 && k->may)
		e = session_title(c, &s, &k->title);
	return err_trace(e);
}

static int may(void *data, int64_t session, bool *out, struct str *title)
{
	struct searching *f = data;
	struct known *k = &f->known[session % KNOWN_MAX];
	int e = k->session == session ? 0 : look_up(f, session, k);

	*out = k->may;
	*title = k->title;
	return err_trace(e);
}

int sessions_search(struct call *call, const struct sessions_search_params *p,
		    struct sessions_search_result *r)
{
	struct searching *f = ARENA_NEW(call->arena, struct searching);
	struct store_message_query q = {
		.text = p->query, .max = (size_t)p->limit, .may = may, .data = f
	};
	struct store_message_found found;
	struct store_session s;
	int e = 0;

	if (!f)
		return err_nomem();
	*f = (struct searching){ .call = call };
	if (p->session.p) {
		e = session_named(call, "session", p->session, &s);
		q.session = &s;
	}
	if (e)
		return e;
	e = store_message_search(call->tx, &q, &found);
	if (e)
		return err_trace(e);
	r->items = found.hits;
	r->words = found.words;
	r->match = found.is_any ? STR("any") : STR("all");
	r->cut = found.is_cut;
	if (found.hits.n)
		r->next = STR("sessions.messages with its session and since: seq - 1 reads on");
	else if (!found.words.n)
		r->next = STR("the query has no words: use letters or digits");
	else
		r->next = STR("nothing has these words: try others");
	return 0;
}
