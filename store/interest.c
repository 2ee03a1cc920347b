/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a kind are the ways by which its subscriptions are found: beginnings of
 * kinds, and with each the fields that tell them apart. */
#include "store/interest.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/glob.h"
#include "base/map.h"
#include "store/db.h"
#include "store/rows.h"
#include "store/subscriptions.h"

#define KINDS_MAX 128 /* remembered */
#define WAYS_MAX  8   /* of a kind; with more of them each event is looked at */
#define TEXT_MAX  1024
#define I64_AFTER 9223372036854775808.0 /* the first double that no int64_t is */

struct way {
	struct str key, path;
};

struct known {
	struct str kind;
	bool is_any; /* some look at each event */
	struct way ways[WAYS_MAX];
	size_t n_ways;
	size_t n_text;
	char text[TEXT_MAX];
};

struct store_interest {
	enum { UNKNOWN, NOBODY, SOMEBODY } state;
	bool is_changed; /* in this transaction */
	bool has_matches;
	struct known *kinds[KINDS_MAX]; /* by hash; the newest keeps the place */
};

struct store_interest *store_interest_new(void)
{
	struct store_interest *i = calloc(1, sizeof(*i));

	if (i)
		i->has_matches = true; /* from before: looked at once */
	return i;
}

static void forget(struct store_interest *i)
{
	for (size_t k = 0; k < KINDS_MAX; k++) {
		free(i->kinds[k]);
		i->kinds[k] = NULL;
	}
	i->state = UNKNOWN;
}

struct store_interest *store_interest_free(struct store_interest *i)
{
	if (i)
		forget(i);
	free(i);
	return NULL;
}

void store_interest_changed(struct store_interest *i)
{
	forget(i);
	i->is_changed = true;
}

void store_interest_undone(struct store_interest *i)
{
	if (i->is_changed)
		forget(i);
}

void store_interest_rolled_back(struct store_interest *i)
{
	store_interest_undone(i);
	i->is_changed = false;
	i->has_matches = true; /* what was taken out of the table is there again */
}

void store_interest_kept(struct store_interest *i)
{
	i->is_changed = false;
}

bool store_interest_has_matches(const struct store_interest *i)
{
	return i->has_matches;
}

void store_interest_matched(struct store_interest *i)
{
	i->has_matches = false;
}

/* ---- keys and values ---- */

size_t store_interest_keys(struct str kind, struct str out[STORE_KEYS_MAX])
{
	size_t n = 0;

	out[n++] = STR("");
	for (size_t i = 0; i < kind.n && n < STORE_KEYS_MAX - 1; i++)
		if (kind.p[i] == '.')
			out[n++] = str_slice(kind, 0, i + 1);
	out[n++] = kind;
	return n;
}

struct str store_interest_key_of(struct str pattern)
{
	return glob_is(pattern) ? glob_prefix(pattern, '.', STORE_KEYS_MAX - 2) : pattern;
}

struct str store_interest_text(struct arena *a, const struct json *v)
{
	if (v->type == JSON_STRING && v->s.n < STORE_INTEREST_TEXT_MAX)
		return str_fmt(a, "s%.*s", STR_ARG(v->s));
	if (v->type == JSON_INT)
		return str_fmt(a, "i%lld", (long long)v->i);
	if (v->type == JSON_DOUBLE && v->d >= -I64_AFTER && v->d < I64_AFTER &&
	    v->d == (double)(int64_t)v->d)
		return str_fmt(a, "i%lld", (long long)v->d); /* 5.0 is 5 */
	if (v->type == JSON_BOOL)
		return v->b ? STR("true") : STR("false");
	return STR_NONE;
}

struct str store_interest_value(struct arena *a, struct str path, struct str subject,
				const struct json *payload)
{
	const struct json *v;

	if (str_eq(path, STORE_INTEREST_ANY))
		return STR("");
	if (str_eq(path, STORE_INTEREST_SUBJECT))
		return subject.n <= STORE_INTEREST_TEXT_MAX ? subject : STR_NONE;
	v = json_at(payload, str_slice(path, 1, path.n));
	return v ? store_interest_text(a, v) : STR_NONE;
}

/* ---- what is remembered ---- */

static struct str keep_text(struct known *k, struct str s)
{
	struct str kept = { k->text + k->n_text, s.n };

	memcpy(k->text + k->n_text, s.p, s.n);
	k->n_text += s.n;
	return kept;
}

static void add_way(struct known *k, struct str key, struct str path)
{
	bool has_room = k->n_ways < WAYS_MAX && k->n_text + key.n + path.n <= TEXT_MAX;

	if (str_eq(path, STORE_INTEREST_ANY) || !has_room)
		k->is_any = true;
	else
		k->ways[k->n_ways++] = (struct way){ keep_text(k, key), keep_text(k, path) };
}

static int ask(struct store_tx *tx, struct known *k)
{
	struct str keys[STORE_KEYS_MAX], path;
	size_t n = store_interest_keys(k->kind, keys);
	int e = 0;

	for (size_t i = 0; i < n && e >= 0 && !k->is_any; i++)
		for (path = STR("");
		     (e = store_interest_next_path(tx, keys[i], path, &path)) == 0;) {
			add_way(k, keys[i], path);
			if (k->is_any)
				return 0;
		}
	return e == STORE_NONE ? 0 : err_trace(e);
}

static int learn(struct store_tx *tx, struct str kind, struct known **out)
{
	struct known *k = calloc(1, sizeof(*k));
	int e;

	if (!k)
		return err_nomem();
	if (kind.n > TEXT_MAX / 2)
		k->is_any = true;
	else
		k->kind = keep_text(k, kind);
	e = k->is_any ? 0 : ask(tx, k);
	if (e)
		free(k);
	else
		*out = k;
	return err_trace(e);
}

static int know(struct store_tx *tx, struct str kind, const struct known **out)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct known **slot = &tx->interest->kinds[map_hash(seed, kind) % KINDS_MAX];
	struct known *k = NULL;
	int e = 0;

	if (!*slot || !str_eq((*slot)->kind, kind)) {
		e = learn(tx, kind, &k);
		if (e)
			return err_trace(e);
		free(*slot);
		*slot = k;
	}
	*out = *slot;
	return 0;
}

/* ---- asking ---- */

int store_interest_next_path(struct store_tx *tx, struct str key, struct str after, struct str *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_PATHS, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, key);
	db_bind_str(s, 2, after);
	e = db_step(s);
	if (e == DB_ROW)
		*out = db_str_dup(s, 0, tx->arena);
	db_reset(s);
	if (e != DB_ROW)
		return e ? err_trace(e) : STORE_NONE;
	return out->p ? 0 : err_nomem();
}

static int is_wanted_by(struct store_tx *tx, const struct way *w, struct str value, bool *out)
{
	struct db_stmt *s;
	int64_t one;
	int e = db_stmt(tx->db, SQL_SUBSCRIPTION_WANTED, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, w->key);
	db_bind_str(s, 2, w->path);
	db_bind_str(s, 3, value);
	e = row_i64(s, &one);
	*out = one == 1;
	return err_trace(e);
}

int store_interest_parse(struct store_tx *tx, struct str payload, const struct json **out)
{
	struct json *v = ARENA_NEW(tx->arena, struct json);
	int e = v ? json_parse(tx->arena, payload, v, NULL) : err_nomem();

	*out = e ? NULL : v; /* a number out of range: no predicate holds of it */
	return e < 0 ? err_trace(e) : 0;
}

static int look(struct store_tx *tx, const struct known *k, const struct store_event_new *event,
		bool *out)
{
	const struct json *payload = NULL;
	bool is_parsed = false;
	int e = 0;

	*out = k->is_any;
	for (size_t i = 0; i < k->n_ways && !*out && e == 0; i++) {
		const struct way *w = &k->ways[i];
		struct str value;

		if (!str_eq(w->path, STORE_INTEREST_SUBJECT) && !is_parsed) {
			e = store_interest_parse(tx, event->payload, &payload);
			is_parsed = true;
		}
		value = e ? STR_NONE
			  : store_interest_value(tx->arena, w->path, event->subject, payload);
		if (e == 0 && value.p)
			e = is_wanted_by(tx, w, value, out);
	}
	return err_trace(e);
}

static int add_match(struct store_tx *tx, int64_t seq)
{
	tx->interest->has_matches = true;
	return err_trace(row_set(tx, SQL_MATCH_ADD, seq, tx->depth));
}

static int ask_for_any(struct store_tx *tx)
{
	int64_t one;
	int e = row_first_i64(tx, SQL_SUBSCRIPTION_ANY, &one);

	if (e == 0)
		tx->interest->state = one ? SOMEBODY : NOBODY;
	return err_trace(e);
}

int store_interest_tell(struct store_tx *tx, const struct store_event_new *event, int64_t seq)
{
	struct store_interest *i = tx->interest;
	const struct known *k;
	bool is_wanted;
	int e = i->state == UNKNOWN ? ask_for_any(tx) : 0;

	if (e || i->state == NOBODY)
		return err_trace(e);
	e = know(tx, event->kind, &k);
	if (e == 0)
		e = look(tx, k, event, &is_wanted);
	if (e || !is_wanted)
		return err_trace(e);
	return err_trace(add_match(tx, seq));
}
