/* SPDX-License-Identifier: Apache-2.0 */
/* events.trace: from an event or a firing back to where it began, and from there all that followed,
 * a depth after the other. */
#include "handlers.gen.h"
#include "store/events.h"
#include "store/firings.h"
#include "verbs/call.h"

/* An event by its seq, or a firing by its task. */
struct node {
	int64_t n;
	bool is_firing;
	int64_t depth;
	struct str because;
};

struct tracing {
	struct call *call;
	struct node *nodes; /* those before `at` are in `out` */
	size_t n, at, max;
	bool has_more;
	struct trace_step_list *out;
};

/* ---- where it began ---- */

static int no_such(struct call *c, struct str id)
{
	return call_not_found(c, "event or firing", "id", id);
}

static int find_firing(struct call *c, struct str id, struct node *out)
{
	struct store_firing f;
	struct store_task t;
	int e = store_task_get(c->tx, id, &t);

	if (e == 0)
		e = store_firing_get(c->tx, t.n, &f);
	if (e)
		return e == STORE_NONE ? no_such(c, id) : err_trace(e);
	*out = (struct node){ .n = t.n, .is_firing = true, .depth = f.depth };
	return 0;
}

/* "<generation>.<seq>", or the seq alone. */
static int find(struct call *c, struct str id, struct node *out)
{
	struct str rest = id, generation = str_cut(&rest, '.');
	bool is_alone = !rest.p;
	struct event event;
	int64_t seq;
	int e;

	if (!str_to_i64(is_alone ? id : rest, &seq))
		return find_firing(c, id, out);
	if (!is_alone && !str_eq(generation, store_generation(c->store)))
		return no_such(c, id);
	e = store_event_get(c->tx, seq, &event);
	*out = (struct node){ .n = seq };
	return e == STORE_NONE ? no_such(c, id) : err_trace(e);
}

/* One step back. STORE_NONE: nothing is known to have led there. */
static int step_back(struct store_tx *tx, struct node *node)
{
	struct store_firing f;
	struct event event;
	int64_t firing = 0;
	int e;

	if (!node->is_firing) {
		e = store_event_firing(tx, node->n, &firing);
		if (e == 0)
			e = firing ? store_firing_get(tx, firing, &f) : STORE_NONE;
		if (e == 0)
			*node = (struct node){ firing, true, f.depth, STR_NONE };
		return e;
	}
	e = store_firing_get(tx, node->n, &f);
	if (e == 0)
		e = store_event_get(tx, f.event, &event);
	if (e == 0)
		*node = (struct node){ .n = f.event, .depth = f.depth - 1 };
	return e;
}

static int find_root(struct tracing *m, struct str id)
{
	struct call *c = m->call;
	struct node *root = &m->nodes[0];
	int e = find(c, id, root);

	if (e)
		return e;
	m->n = 1;
	for (int i = 0; e == 0 && i < 2 * (FIRINGS_DEPTH_MAX + 1); i++)
		e = step_back(c->tx, root);
	return e < 0 ? err_trace(e) : 0;
}

/* ---- what followed ---- */

static int add_nodes(struct tracing *m, const struct node *from, const struct store_n_list *ns,
		     struct str because)
{
	for (size_t i = 0; i < ns->n; i++) {
		if (m->n == m->max) {
			m->has_more = true;
			return 0;
		}
		m->nodes[m->n++] = (struct node){ .n = ns->v[i],
						  .is_firing = !from->is_firing,
						  .depth = from->depth + !from->is_firing,
						  .because = because };
	}
	return 0;
}

static int show_event(struct tracing *m, const struct node *node)
{
	struct store_tx *tx = m->call->tx;
	struct store_n_list ns;
	struct event event;
	int e = store_event_get(tx, node->n, &event);

	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	m->out->v[m->out->n++] = (struct trace_step){ .event = event.id,
						      .depth = node->depth,
						      .because = node->because,
						      .kind = event.kind,
						      .subject = event.subject,
						      .by = event.source,
						      .time = event.time };
	e = store_firings_of_event(tx, node->n, m->max, &ns);
	return e ? err_trace(e) : add_nodes(m, node, &ns, event.id);
}

static int list_verbs(struct arena *a, const struct action_list *calls, struct str_list *out)
{
	*out = (struct str_list){ ARENA_ARRAY(a, calls->n + 1, struct str), 0 };
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; i < calls->n; i++)
		out->v[out->n++] = calls->v[i].verb;
	return 0;
}

static int show_firing(struct tracing *m, const struct node *node)
{
	struct store_tx *tx = m->call->tx;
	struct store_n_list ns;
	struct store_firing f;
	struct store_task t;
	struct trace_step *step = &m->out->v[m->out->n];
	int e = store_task_get_n(tx, node->n, &t);

	if (e == 0)
		e = store_firing_get(tx, node->n, &f);
	if (e == 0)
		e = store_firing_calls(tx, &t, &f);
	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	*step = (struct trace_step){ .firing = t.task.short_id,
				     .depth = f.depth,
				     .because = node->because,
				     .by = f.by,
				     .source = f.source,
				     .source_id = f.source_id,
				     .name = t.task.subject,
				     .state = t.task.state,
				     .error_code = t.task.error_code,
				     .error_message = t.task.error_message,
				     .time = t.task.updated_at };
	m->out->n++;
	e = list_verbs(tx->arena, f.calls, &step->verbs);
	if (e == 0 && t.task.result.p)
		e = store_firing_gave(tx->arena, t.task.result, &step->gave);
	if (e == 0)
		e = store_events_of_firing(tx, node->n, m->max, &ns);
	return e ? err_trace(e) : add_nodes(m, node, &ns, t.task.short_id);
}

int events_trace(struct call *call, const struct events_trace_params *p,
		 struct events_trace_result *r)
{
	struct tracing m = { .call = call, .max = (size_t)p->limit, .out = &r->items };
	int e;

	m.nodes = ARENA_ARRAY(call->arena, m.max, struct node);
	r->items.v = ARENA_ARRAY(call->arena, m.max, struct trace_step);
	if (!m.nodes || !r->items.v)
		return err_nomem();
	e = find_root(&m, p->id);
	for (; e == 0 && m.at < m.n; m.at++) {
		struct node node = m.nodes[m.at];

		e = node.is_firing ? show_firing(&m, &node) : show_event(&m, &node);
	}
	r->more = r->has_more = m.has_more;
	return e;
}
