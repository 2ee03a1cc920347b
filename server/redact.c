/* SPDX-License-Identifier: Apache-2.0 */
/* A table is never changed: another takes its place, and it is freed when nobody looks into it. Who
 * looks counts himself in before he takes the table, so that a count of zero behind the exchange
 * means that nobody has the old one.
 *
 * Windows are chosen where fewest other forms have the same, so that a prefix which all keys of a
 * provider share leads to none of them. */
#include "server/redact.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/redact_forms.h"

#define STEP     4
#define WINDOW   5
#define BASES    32 /* tried for the windows of one form */
#define SPINS    20000
#define NO_MORE  UINT32_MAX
#define MULTIPLY UINT64_C(0x9e3779b97f4a7c15)

_Static_assert(STEP + WINDOW - 1 <= REDACT_MIN, "a window of the shortest form is met");

struct redact_entry {
	struct redact_entry *next;
	struct redact_forms forms;
	int64_t version;
	bool is_retired, is_cut;
	struct str id, name; /* views into text */
	char text[];
};

struct window {
	uint64_t key;
	uint32_t pattern, at, next;
};

struct pattern {
	struct str text;
	const struct redact_entry *entry;
};

struct redact_table {
	struct redact_table *next; /* of the old ones */
	struct pattern *patterns;
	struct window *windows;
	uint32_t *heads;
	uint64_t *bits; /* is there a window with this hash? */
	size_t n_patterns, n_windows;
	int head_shift, bit_shift;
};

struct hit {
	size_t from, to;
	const struct redact_entry *entry;
};

/* ---- the table ---- */

/* The first bytes of a word as it lies in memory. */
static uint64_t window_mask(void)
{
	uint64_t mask = 0;

	memset(&mask, 0xff, WINDOW);
	return mask;
}

static uint64_t key_at(const char *p)
{
	uint64_t key = 0;

	memcpy(&key, p, WINDOW);
	return key;
}

static int bits_of(size_t n, int least)
{
	int bits = least;

	while (bits < 22 && (size_t)1 << bits < n)
		bits++;
	return bits;
}

static struct redact_table *table_free(struct redact_table *t)
{
	if (!t)
		return NULL;
	if (t->windows) /* pieces of the values */
		explicit_bzero(t->windows, t->n_windows * sizeof(*t->windows));
	free(t->patterns);
	free(t->windows);
	free(t->heads);
	free(t->bits);
	free(t);
	return NULL;
}

static struct redact_table *table_new(size_t n_patterns)
{
	struct redact_table *t = calloc(1, sizeof(*t));
	int heads = bits_of(n_patterns * STEP * 2, 6), bits = bits_of(n_patterns * STEP * 32, 12);

	if (!t)
		return NULL;
	t->head_shift = 64 - heads;
	t->bit_shift = 64 - bits;
	t->patterns = calloc(n_patterns, sizeof(*t->patterns));
	t->windows = calloc(n_patterns * STEP, sizeof(*t->windows));
	t->heads = malloc(sizeof(*t->heads) << heads);
	t->bits = calloc(((size_t)1 << bits) / 64, sizeof(*t->bits));
	if (!t->patterns || !t->windows || !t->heads || !t->bits)
		return table_free(t);
	memset(t->heads, 0xff, sizeof(*t->heads) << heads);
	return t;
}

static size_t count_same(const struct redact_table *t, uint64_t key)
{
	size_t n = 0;

	for (uint32_t i = t->heads[key * MULTIPLY >> t->head_shift]; i != NO_MORE;
	     i = t->windows[i].next)
		n += t->windows[i].key == key;
	return n;
}

/* Where four windows in a row are least others'. */
static size_t best_base(const struct redact_table *t, struct str form)
{
	size_t best = 0, least = SIZE_MAX, last = form.n - REDACT_MIN;
	size_t step = last / BASES + 1;

	for (size_t base = 0; base <= last && least; base += step) {
		size_t n = 0;

		for (size_t i = 0; i < STEP; i++)
			n += count_same(t, key_at(form.p + base + i));
		if (n < least) {
			least = n;
			best = base;
		}
	}
	return best;
}

static void add_form(struct redact_table *t, struct str form, const struct redact_entry *entry)
{
	size_t base = best_base(t, form);

	t->patterns[t->n_patterns] = (struct pattern){ form, entry };
	for (size_t i = 0; i < STEP; i++) {
		uint64_t key = key_at(form.p + base + i), hash = key * MULTIPLY;
		uint64_t bit = hash >> t->bit_shift;
		uint32_t *head = &t->heads[hash >> t->head_shift];

		t->windows[t->n_windows] = (struct window){ .key = key,
							    .pattern = (uint32_t)t->n_patterns,
							    .at = (uint32_t)(base + i),
							    .next = *head };
		*head = (uint32_t)t->n_windows++;
		t->bits[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	t->n_patterns++;
}

static int make_table(const struct redact *r, struct redact_table **out)
{
	size_t n = 0;

	for (const struct redact_entry *e = r->entries; e; e = e->next)
		n += e->is_cut ? 0 : e->forms.n;
	*out = table_new(MAX(n, (size_t)1));
	if (!*out)
		return err_nomem();
	for (const struct redact_entry *e = r->entries; e; e = e->next)
		for (size_t i = 0; !e->is_cut && i < e->forms.n; i++)
			add_form(*out, e->forms.v[i], e);
	return 0;
}

/* ---- entries ---- */

static void entry_free(struct redact_entry *e)
{
	redact_forms_free(&e->forms);
	free(e);
}

static int entry_new(const struct redact_value *v, struct redact_entry **out)
{
	struct redact_entry *e = calloc(1, sizeof(*e) + v->id.n + v->name.n);
	int r;

	if (!e)
		return err_nomem();
	memcpy(e->text, v->id.p, v->id.n);
	memcpy(e->text + v->id.n, v->name.p, v->name.n);
	e->id = (struct str){ e->text, v->id.n };
	e->name = (struct str){ e->text + v->id.n, v->name.n };
	e->version = v->version;
	r = redact_forms_make(&e->forms, v->value);
	if (r) {
		free(e);
		return err_trace(r);
	}
	*out = e;
	return 0;
}

/* Of those that were retired first, as many as there are too many: they are last. */
static void cut_oldest(struct redact *r)
{
	size_t n_retired = 0;

	for (struct redact_entry *e = r->entries; e; e = e->next) {
		n_retired += e->is_retired;
		e->is_cut = e->is_retired && n_retired > REDACT_RETIRED_MAX;
	}
}

static void free_cut(struct redact *r)
{
	struct redact_entry **at = &r->entries;

	while (*at) {
		struct redact_entry *e = *at;

		if (!e->is_cut) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		entry_free(e);
	}
}

/* Waits a moment for those who look. */
static bool is_unused(struct redact *r)
{
	for (int i = 0; i < SPINS; i++) {
		if (!atomic_load(&r->n_users))
			return true;
		(void)sched_yield();
	}
	return false;
}

static void put_in_place(struct redact *r, struct redact_table *t)
{
	struct redact_table *before = atomic_exchange(&r->table, t);

	if (before) {
		before->next = r->old;
		r->old = before;
	}
	if (!is_unused(r)) /* the next one tries again */
		return;
	while ((before = r->old)) {
		r->old = before->next;
		table_free(before);
	}
	free_cut(r);
}

void redact_retire(struct redact *r, struct str id)
{
	for (struct redact_entry *e = r->entries; e; e = e->next)
		e->is_retired |= str_eq(e->id, id);
}

static bool is_known(const struct redact *r, const struct redact_value *v)
{
	for (const struct redact_entry *e = r->entries; e; e = e->next)
		if (e->version == v->version && str_eq(e->id, v->id) &&
		    str_eq(e->forms.v[0], v->value))
			return true;
	return false;
}

int redact_add(struct redact *r, const struct redact_value *v)
{
	struct redact_entry *e;
	int result;

	if (v->value.n < REDACT_MIN || is_known(r, v))
		return 0;
	result = entry_new(v, &e);
	if (result)
		return err_trace(result);
	redact_retire(r, v->id);
	e->next = r->entries;
	r->entries = e;
	return 0;
}

int redact_apply(struct redact *r)
{
	struct redact_table *t;
	int e;

	if (!r->entries)
		return 0;
	cut_oldest(r);
	e = make_table(r, &t);
	if (e)
		return err_trace(e);
	put_in_place(r, t);
	return 0;
}

void redact_init(struct redact *r)
{
	*r = (struct redact){ .entries = NULL };
}

void redact_deinit(struct redact *r)
{
	struct redact_entry *e;

	assert(!atomic_load(&r->n_users));
	put_in_place(r, NULL);
	while ((e = r->entries)) {
		r->entries = e->next;
		entry_free(e);
	}
}

/* ---- looking ---- */

static void look_up(const struct redact_table *t, struct str text, size_t at, struct buf *hits)
{
	uint64_t key = key_at(text.p + at);

	for (uint32_t i = t->heads[key * MULTIPLY >> t->head_shift]; i != NO_MORE;
	     i = t->windows[i].next) {
		const struct window *w = &t->windows[i];
		const struct pattern *p = &t->patterns[w->pattern];
		size_t from = at - w->at;

		if (w->key == key && w->at <= at && p->text.n <= text.n - from &&
		    memcmp(text.p + from, p->text.p, p->text.n) == 0)
			buf_put(hits, &(struct hit){ from, from + p->text.n, p->entry },
				sizeof(struct hit));
	}
}

static bool may_be(const struct redact_table *t, uint64_t key)
{
	uint64_t bit = key * MULTIPLY >> t->bit_shift;

	return t->bits[bit / 64] >> bit % 64 & 1;
}

/* Eight bytes are read at once, where there are so many. */
static void find(const struct redact_table *t, struct str text, struct buf *hits)
{
	const uint64_t mask = window_mask();
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= text.n; i += STEP) {
		uint64_t key;

		memcpy(&key, text.p + i, sizeof(key));
		if (may_be(t, key & mask))
			look_up(t, text, i, hits);
	}
	for (; i + WINDOW <= text.n; i += STEP)
		if (may_be(t, key_at(text.p + i)))
			look_up(t, text, i, hits);
}

/* The longer first where several begin together. */
static int compare(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to > y->to ? -1 : x->to < y->to;
}

struct hits {
	struct hit *v;
	size_t n;
};

/* ---- JSON: what is found counts within a string, and between its characters ---- */

static size_t unit(struct str text, size_t at)
{
	if (text.p[at] != '\\')
		return 1;
	return at + 1 < text.n && text.p[at + 1] == 'u' ? 6 : 2;
}

static bool is_whole(struct str text, const struct hit *h)
{
	size_t at = h->from;

	while (at < h->to && text.p[at] != '"')
		at += unit(text, at);
	return at == h->to;
}

/* Is what ends at this quote the name of a member? */
static bool is_name(struct str text, size_t quote)
{
	size_t at = quote + 1;

	while (at < text.n && strchr(" \t\r\n", text.p[at]))
		at++;
	return at < text.n && text.p[at] == ':';
}

/* Keeps those of the string that begins behind `at`; says where its closing quote is. */
static size_t keep_in_string(struct str text, size_t at, struct hits *all, size_t *next,
			     size_t *kept)
{
	while (at < text.n && text.p[at] != '"') {
		for (; *next < all->n && all->v[*next].from <= at; ++*next)
			if (all->v[*next].from == at && is_whole(text, &all->v[*next]))
				all->v[(*kept)++] = all->v[*next];
		at += unit(text, at);
	}
	return MIN(at, text.n);
}

static void keep_in_json(struct str text, bool with_names, struct hits *all)
{
	size_t next = 0, kept = 0;

	for (size_t at = 0; at < text.n && next < all->n; at++) {
		size_t before = kept;

		if (text.p[at] != '"')
			continue;
		at = keep_in_string(text, at + 1, all, &next, &kept);
		if (!with_names && kept > before && is_name(text, at))
			kept = before;
	}
	all->n = kept;
}

static void put_all(struct str text, const struct hits *all, struct buf *out)
{
	size_t at = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct hit *h = &all->v[i];

		if (h->from >= at) {
			buf_put(out, text.p + at, h->from - at);
			BUF_LIT(out, "[redacted:");
			buf_put_str(out, h->entry->name);
			buf_put_char(out, ']');
		}
		at = MAX(at, h->to); /* those that overlap are covered as one */
	}
	buf_put(out, text.p + at, text.n - at);
}

static int cover(enum redact_kind kind, struct str text, struct buf *found, struct buf *out)
{
	struct hits all = { (struct hit *)(void *)(found->p + found->head),
			    buf_len(found) / sizeof(struct hit) };

	if (found->failed)
		return err_nomem();
	if (!all.n)
		return 0;
	qsort(all.v, all.n, sizeof(*all.v), compare);
	if (kind != REDACT_TEXT)
		keep_in_json(text, kind == REDACT_GIVEN, &all);
	if (!all.n)
		return 0;
	put_all(text, &all, out);
	return out->failed ? err_nomem() : REDACT_FOUND;
}

static int look_through(struct redact *r, enum redact_kind kind, struct str text, struct buf *out)
{
	CLEANUP(buf_deinit) struct buf found;
	const struct redact_table *t;
	int e = 0;

	buf_init(&found, 0);
	atomic_fetch_add(&r->n_users, 1);
	t = atomic_load(&r->table);
	if (t) {
		find(t, text, &found);
		e = cover(kind, text, &found, out);
	}
	atomic_fetch_sub(&r->n_users, 1);
	return err_trace(e);
}

int redact_text(struct redact *r, enum redact_kind kind, struct str text, struct buf *out)
{
	if (!redact_is_on(r) || text.n < REDACT_MIN)
		return 0;
	return err_trace(look_through(r, kind, text, out));
}
