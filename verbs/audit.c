/* SPDX-License-Identifier: Apache-2.0 */
/* audit.*: what was done, refused and looked at; the server writes it, here it is read. */
#include "store/audit.h"

#include "handlers.gen.h"
#include "verbs/call.h"

#define VERIFY_PAGE 500

/* "<day> <principal>" */
static int list_reads(struct call *c, const struct audit_list_params *p,
		      struct audit_list_result *r)
{
	struct str rest = p->cursor.p ? p->cursor : STR_NONE;
	int64_t day = p->has_since ? p->since / STORE_DAY_MS - 1 : -1;
	const struct audit_entry *last;
	int e;

	if (rest.p && !str_to_i64(str_cut(&rest, ' '), &day))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	/* behind all of the day before, when nothing else is said */
	e = store_audit_reads_page(c->tx, day, rest.p ? rest : STR("\x7f"), (size_t)p->limit,
				   &r->items);
	if (e || r->items.n < (size_t)p->limit)
		return err_trace(e);
	last = &r->items.v[r->items.n - 1];
	r->next_cursor = str_fmt(c->arena, "%lld %.*s", (long long)(last->at / STORE_DAY_MS),
				 STR_ARG(last->principal));
	return r->next_cursor.p ? 0 : err_nomem();
}

int audit_list(struct call *call, const struct audit_list_params *p, struct audit_list_result *r)
{
	struct store_audit_filter f = { .principal = p->principal,
					.outcome = p->outcome,
					.since_ms = p->has_since ? p->since : 0,
					.limit = (size_t)p->limit };
	int64_t after;
	int e;

	if (p->reads || p->outcome == AUDIT_OUTCOME_COUNTED)
		return list_reads(call, p, r);
	if (p->cursor.p && !str_to_i64(p->cursor, &f.after))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	e = store_audit_page(call->tx, &f, &r->items, &after);
	if (e || !after)
		return err_trace(e);
	r->next_cursor = str_fmt(call->arena, "%lld", (long long)after);
	return r->next_cursor.p ? 0 : err_nomem();
}

/* ---- audit.verify: once on the loop to be moved, then page by page with a reader of its own ----
 */

struct verify {
	int64_t after;
	struct str hash; /* in `buffer` */
	char buffer[128];
	int64_t n;
	struct arena arena; /* of one page */
};

static void keep_hash(struct verify *v, struct str hash)
{
	v->hash = (struct str){ v->buffer, MIN(hash.n, sizeof(v->buffer)) };
	memcpy(v->buffer, hash.p, v->hash.n);
}

/* Whether the page's rows hang together; else which does not. */
static int check_page(struct call *c, struct verify *v, const struct audit_entry_list *page,
		      int64_t *broken_at)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct audit_entry *e = &page->v[i];
		struct str text = store_audit_text(&v->arena, e), hash;

		if (!text.p)
			return err_nomem();
		hash = c->server->chain(c->server->data, &v->arena, v->hash, text);
		if (!hash.p)
			return err_nomem();
		if (!str_eq(hash, e->hash) || e->seq != v->after + 1) {
			*broken_at = v->after + 1;
			return 0;
		}
		v->after = e->seq;
		v->n++;
		keep_hash(v, hash);
	}
	return 0;
}

static int verify_all(struct call *c, struct verify *v, int64_t *broken_at)
{
	struct store_audit_filter f = { .limit = VERIFY_PAGE };
	struct store_tx tx = *c->tx;
	struct audit_entry_list page;
	struct store_audit_head floor;
	int64_t more = 0;
	int e;

	e = store_audit_floor(c->tx, &floor);
	if (e)
		return err_trace(e);
	v->after = floor.seq;
	keep_hash(v, floor.hash);
	tx.arena = &v->arena;
	do {
		f.after = v->after;
		e = store_audit_page(&tx, &f, &page, &more);
		if (!e)
			e = check_page(c, v, &page, broken_at);
		arena_reset(&v->arena);
	} while (!e && more && !*broken_at);
	return err_trace(e);
}

int audit_verify(struct call *call, const struct audit_verify_params *p,
		 struct audit_verify_result *r)
{
	struct verify v = { .hash = STR("") };
	int e;

	if (!call->state) {
		call->state = call; /* the mark of a second run */
		return CALL_AGAIN;
	}
	if (call->is_cancelled)
		return call_fail(call, ERROR_CANCELLED, "the check was cancelled");
	arena_init(&v.arena, 4 << 20);
	e = verify_all(call, &v, &r->broken_at);
	arena_deinit(&v.arena);
	r->has_broken_at = r->broken_at != 0;
	r->sound = !r->has_broken_at;
	r->entries = v.n;
	r->head = v.n ? str_dup(call->arena, v.hash) : STR_NONE;
	return err_trace(e);
}
