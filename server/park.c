/* SPDX-License-Identifier: Apache-2.0 */
#include "server/park.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "server/dispatch.h"
#include "server/request.h"
#include "server/server.h"

struct park_subject {
	struct map_node node;
	struct list waiting; /* struct request.lane_link */
	char text[];
};

struct park {
	struct server *server;
	struct map subjects;
	struct list woken;
	size_t n;
};

static struct request *request_of(struct list *l)
{
	return container_of(l, struct request, lane_link);
}

int park_new(struct server *s, struct park **out)
{
	struct park *p = calloc(1, sizeof(*p));

	if (!p)
		return err_nomem();
	p->server = s;
	map_init(&p->subjects);
	list_init(&p->woken);
	*out = p;
	return 0;
}

struct park *park_free(struct park *p)
{
	if (!p)
		return NULL;
	assert(p->n == 0);
	map_deinit(&p->subjects);
	free(p);
	return NULL;
}

/* "Anything" is the subject of empty text. */
static struct str key_of(struct str subject)
{
	return subject.p ? subject : STR("");
}

static struct park_subject *find(const struct park *p, struct str subject)
{
	struct map_node *node = map_find(&p->subjects, key_of(subject));

	return node ? container_of(node, struct park_subject, node) : NULL;
}

static struct park_subject *find_or_make(struct park *p, struct str subject)
{
	struct park_subject *s = find(p, subject);

	if (s)
		return s;
	s = calloc(1, sizeof(*s) + subject.n);
	if (!s)
		return NULL;
	list_init(&s->waiting);
	if (subject.n)
		memcpy(s->text, subject.p, subject.n);
	if (map_add(&p->subjects, &s->node, (struct str){ s->text, subject.n })) {
		err_forget();
		free(s);
		return NULL;
	}
	return s;
}

static void drop_when_empty(struct park *p, struct park_subject *s)
{
	if (!list_is_empty(&s->waiting))
		return;
	map_remove(&p->subjects, &s->node);
	free(s);
}

static void on_time_over(struct loop_timer *timer)
{
	struct request *r = container_of(timer, struct request, timer);

	park_remove(r->server->park, r);
	r->call.is_time_over = true;
	dispatch_resume(r);
}

int park_add(struct park *p, struct request *r)
{
	struct park_subject *s = find_or_make(p, r->call.wait.subject);

	if (!s)
		return err_nomem();
	if (loop_arm(p->server->loop, &r->timer, r->started_us / 1000 + r->call.wait.timeout_ms,
		     on_time_over)) {
		drop_when_empty(p, s);
		return err_nomem();
	}
	list_push_back(&s->waiting, &r->lane_link);
	r->parked = s;
	r->is_parked = true;
	p->n++;
	return 0;
}

void park_remove(struct park *p, struct request *r)
{
	if (!r->is_parked)
		return;
	list_unlink(&r->lane_link);
	loop_disarm(&r->timer);
	if (r->parked)
		drop_when_empty(p, r->parked);
	r->parked = NULL;
	r->is_parked = false;
	p->n--;
}

static void mark(struct park *p, struct str subject)
{
	struct park_subject *s = find(p, subject);
	struct list *l;

	if (!s)
		return;
	while ((l = list_pop_front(&s->waiting))) {
		request_of(l)->parked = NULL;
		list_push_back(&p->woken, l);
	}
	drop_when_empty(p, s);
}

void park_wake(struct park *p, struct str subject)
{
	if (!p->subjects.n)
		return;
	mark(p, STR_NONE);
	if (subject.n)
		mark(p, subject);
}

void park_run(struct park *p)
{
	struct list now;

	list_init(&now);
	list_splice_back(&now, &p->woken);
	while (!list_is_empty(&now)) {
		struct request *r = request_of(now.next);

		park_remove(p, r);
		dispatch_resume(r);
	}
}

void park_drain(struct park *p)
{
	struct map_node *node;

	while ((node = map_first(&p->subjects)))
		mark(p, container_of(node, struct park_subject, node)->node.key);
	while (!list_is_empty(&p->woken)) {
		struct request *r = request_of(p->woken.next);

		park_remove(p, r);
		request_fail(r, ERROR_SHUTTING_DOWN, "the server is stopping");
		r->call.failure.retry_after_ms = 1000;
		dispatch_finish(r);
	}
}

size_t park_n(const struct park *p)
{
	return p->n;
}
