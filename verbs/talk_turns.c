/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of agents: tasks of the queue agent.turns, one at a time of a session, at most one that
 * waits of a session and agent. And seats that change hands. */
#include "store/roles.h"
#include "verbs/talk_say.h"
#include "verbs/tasks_make.h"

#define TURN_LEASE_MS 60000
#define SESSIONS_MAX  1000 /* of one who takes part, the newest: told, or without turns */
#define SEATS_MAX     1000 /* of one who leaves */

/* ---- turns ---- */

/* Waits for somebody to take it. */
static bool is_waiting(enum task_state s)
{
	return s == TASK_STATE_PENDING || s == TASK_STATE_READY;
}

/* The newest turn of the agent in the session; STORE_NONE also when it went with its queue. */
static int last_turn(struct call *c, const struct store_session *s, struct str agent,
		     struct store_task *out)
{
	struct str id;
	int e = store_session_turn(c->tx, s->n, agent, &id);

	return e ? e : store_task_get(c->tx, id, out);
}

static int make_turn(struct call *c, const struct store_session *s, struct str agent,
		     struct store_task *out)
{
	const struct session *k = &s->session;
	struct str tag = str_fmt(c->arena, "agent:%.*s", STR_ARG(agent));
	struct tasks_create_params p = {
		.queue = STR(TURNS_QUEUE),
		.subject = str_fmt(c->arena, "a turn in %.*s", STR_ARG(k->short_id)),
		.payload = str_fmt(c->arena,
				   "{\"session\":\"%.*s\",\"agent\":\"%.*s\",\"seq\":%lld}",
				   STR_ARG(k->short_id), STR_ARG(agent), (long long)k->last),
		.tags = { &tag, 1 },
		.concurrency_key = k->id,
		.concurrency_limit = 1,
		.on_failed = ON_FAILED_WAIT,
		.lease_ms = TURN_LEASE_MS,
	};
	bool is_new;

	if (c->arena->is_out)
		return err_nomem();
	return task_make(c, &p, out, &is_new);
}

int talk_turn(struct call *c, const struct store_session *s, struct str agent, int64_t *n_made)
{
	struct store_task t;
	int e = last_turn(c, s, agent, &t);

	if (e < 0)
		return err_trace(e);
	if (e == 0 && is_waiting(t.task.state))
		return 0;
	e = make_turn(c, s, agent, &t);
	if (e == CALL_FAILED) {
		c->failure = (struct call_failure){ .retry_after_ms = 1000 };
		return call_fail(c, ERROR_OVERLOADED, "too many turns of agents wait already");
	}
	if (e == 0)
		e = store_session_set_turn(c->tx, s->n, agent, t.task.id);
	++*n_made;
	return err_trace(e);
}

static int drop_turn(struct call *c, struct str id)
{
	struct store_task t;
	int e = store_task_get(c->tx, id, &t);

	if (e)
		return e < 0 ? err_trace(e) : 0;
	return is_waiting(t.task.state)
		   ? task_become(c, &t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED)
		   : 0;
}

int talk_drop_turns(struct call *c, const struct store_session *s, struct str agent)
{
	struct str_list tasks = { &(struct str){ NULL, 0 }, 0 };
	int e = agent.p ? store_session_turn(c->tx, s->n, agent, &tasks.v[0])
			: store_session_turns(c->tx, s->n, &tasks);

	if (agent.p)
		tasks.n = e == 0;
	if (e < 0)
		return err_trace(e);
	e = 0;
	for (size_t i = 0; e == 0 && i < tasks.n; i++)
		e = drop_turn(c, tasks.v[i]);
	return err_trace(e);
}

/* ---- the open sessions of one who takes part ---- */

static int collect(void *data, const struct store_session *s)
{
	struct store_n_list *found = data;

	if (s->session.status == SESSION_STATUS_OPEN)
		found->v[found->n++] = s->n;
	return found->n == SESSIONS_MAX ? STORE_TOO_MANY : 0;
}

static int sessions_of(struct call *c, struct str who, struct store_n_list *out)
{
	int e;

	*out = (struct store_n_list){ ARENA_ARRAY(c->arena, SESSIONS_MAX, int64_t), 0 };
	if (!out->v || !who.p)
		return err_nomem();
	e = store_session_each(c->tx, who, 0, collect, out);
	return e == STORE_TOO_MANY ? 0 : err_trace(e);
}

static int open_one(struct call *c, int64_t n, struct store_session *out)
{
	int e = store_session_get_n(c->tx, n, out);

	return e > 0 ? err_new(ERR_CORRUPT, "a participant lost his session") : err_trace(e);
}

int talk_retire(struct call *c, struct str agent)
{
	struct store_n_list sessions;
	int e = sessions_of(c, str_fmt(c->arena, "agent:%.*s", STR_ARG(agent)), &sessions);

	for (size_t i = 0; e == 0 && i < sessions.n; i++) {
		struct store_session s;

		e = open_one(c, sessions.v[i], &s);
		if (e == 0)
			e = talk_drop_turns(c, &s, agent);
	}
	return err_trace(e);
}

/* ---- seats ---- */

struct handing {
	struct call *call;
	const struct talk_seat *seat;
	struct talk_who role;
};

static struct str words_of(struct handing *h)
{
	const struct talk_seat *seat = h->seat;
	const struct talk_who *now = &h->role;
	struct arena *a = h->call->arena;

	if (!now->occupant.p)
		return str_fmt(a, "%.*s left, nobody is %.*s now", STR_ARG(seat->before_name),
			       STR_ARG(seat->title));
	if (!seat->before.p)
		return str_fmt(a, "%.*s is %.*s now", STR_ARG(now->occupant_name),
			       STR_ARG(seat->title));
	return str_fmt(a, "%.*s is %.*s now, in place of %.*s", STR_ARG(now->occupant_name),
		       STR_ARG(seat->title), STR_ARG(seat->before_name));
}

/* What nobody has read, or waits for an answer, is the new occupant's. */
static int pass_on(struct handing *h, struct store_session *s, int64_t last_before)
{
	struct call *c = h->call;
	struct participant seat;
	int64_t n_made = 0;
	int e = store_session_participant(c->tx, s->n, h->role.who, &seat);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a seat lost its session");
	if (h->role.occupant_kind != TALK_AGENT)
		return 0;
	return seat.has_asked || seat.read < last_before
		   ? talk_turn(c, s, h->role.occupant, &n_made)
		   : 0;
}

static int hand_over_one(struct handing *h, int64_t n)
{
	struct call *c = h->call;
	struct store_session s = { .n = 0 };
	struct store_message m = { .role_id = h->seat->role,
				   .message = { .kind = MESSAGE_KIND_HANDOFF,
						.from = STR("system"),
						.text = words_of(h) } };
	int e = m.message.text.p ? open_one(c, n, &s) : err_nomem();
	int64_t last_before = s.session.last;

	if (e == 0)
		e = talk_note(c, &s, &m);
	if (e == 0 && h->seat->before_kind == TALK_AGENT)
		e = talk_drop_turns(c, &s, h->seat->before);
	return e ? err_trace(e) : pass_on(h, &s, last_before);
}

int talk_hand_over(struct call *c, const struct talk_seat *seat)
{
	struct handing h = { .call = c, .seat = seat };
	struct str who = str_fmt(c->arena, "role:%.*s", STR_ARG(seat->role));
	struct store_n_list sessions;
	int e = sessions_of(c, who, &sessions);

	if (e == 0)
		e = talk_of(c, who, &h.role);
	for (size_t i = 0; e == 0 && i < sessions.n; i++)
		e = hand_over_one(&h, sessions.v[i]);
	return e;
}

int talk_seats_of(struct call *c, enum talk_kind kind, struct str occupant, struct str name,
		  struct talk_seats *out)
{
	struct store_role_filter f = { .occupant = occupant, .limit = SEATS_MAX };
	struct role_line_list lines;
	int64_t more;
	int e = store_role_page(c->tx, &f, &lines, &more);

	if (e)
		return err_trace(e);
	*out = (struct talk_seats){ ARENA_ARRAY(c->arena, lines.n, struct talk_seat), lines.n };
	for (size_t i = 0; out->v && i < lines.n; i++)
		out->v[i] = (struct talk_seat){ .role = lines.v[i].id,
						.title = lines.v[i].title,
						.before_kind = kind,
						.before = occupant,
						.before_name = name };
	return out->v ? 0 : err_nomem();
}

int talk_hand_over_all(struct call *c, const struct talk_seats *seats)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < seats->n; i++)
		e = talk_hand_over(c, &seats->v[i]);
	return e;
}
