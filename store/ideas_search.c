/* SPDX-License-Identifier: Apache-2.0 */
/* Finding ideas by words. The index yields candidates newest first; each is scored from numbers
 * that stand in its row; only the best are read whole, for their snippets. */
#include "store/ideas_search.h"

#include <float.h>
#include <math.h>

#include "base/err.h"
#include "store/db.h"

enum { CANDIDATES_MAX = 2000, SNIPPET_BYTES = 240 };

struct candidate {
	struct idea_hit hit;
	struct idea_score score;
	int64_t seq;
};

struct search {
	struct store_tx *tx;
	const struct idea_query *q;
	struct candidate *best; /* sorted, best first */
	size_t n, n_seen;
	double text_max; /* of all that the caller may see */
	bool is_cut;
};

/* To so many digits: who is far behind still stands in order. */
static double round_digits(double v, int digits)
{
	double unit;

	if (v == 0)
		return 0;
	unit = pow(10, digits - 1 - floor(log10(fabs(v))));
	return round(v * unit) / unit;
}

static struct idea_score score_row(struct db_stmt *s, const struct search *f)
{
	double age_days = (double)MAX(f->tx->now_ms - db_i64(s, 9), 0) / 86400000.0;
	int64_t n_links = db_i64(s, 8);

	return (struct idea_score){
		.text = -db_double(s, 10),
		.recency = db_i64(s, 7) ? 1 : exp2(-age_days / (double)f->q->half_life_days),
		.links = 1 + 0.1 * log2(1 + (double)n_links),
		.age_days = round_digits(age_days, 4),
		.n_links = n_links,
	};
}

static bool has_tag(struct str kept, struct str tag)
{
	while (kept.p)
		if (str_eq(str_cut(&kept, '\n'), tag))
			return true;
	return false;
}

/* Puts the row among the best when it belongs there; copies its text only then. */
static void consider(struct search *f, struct db_stmt *s)
{
	struct arena *a = f->tx->arena;
	struct idea_score score = score_row(s, f);
	double total = score.text * score.recency * score.links;
	size_t at = f->n;

	f->text_max = fmax(f->text_max, score.text);

	while (at > 0 && f->best[at - 1].hit.score < total)
		at--;
	if (at == f->q->max)
		return;
	if (f->n < f->q->max)
		f->n++;
	memmove(f->best + at + 1, f->best + at, (f->n - 1 - at) * sizeof(*f->best));
	f->best[at] = (struct candidate){ .seq = db_i64(s, 0),
					  .score = score,
					  .hit = { .id = db_str_dup(s, 1, a),
						   .name = db_str_dup(s, 2, a),
						   .kind = db_str_dup(s, 4, a),
						   .updated_at = db_i64(s, 9),
						   .score = total } };
}

static bool is_wanted(struct search *f, struct db_stmt *s)
{
	if (!idea_is_visible(f->q->reader, (enum idea_scope)db_i64(s, 6), db_str(s, 3)))
		return false;
	return !f->q->tag.p || has_tag(db_str(s, 5), f->q->tag);
}

static int collect(struct search *f, struct str expression)
{
	struct db_stmt *s;
	int e = db_stmt(f->tx->db, SQL_IDEA_SEARCH, &s);

	if (e)
		return err_trace(e);
	f->n = f->n_seen = 0;
	f->text_max = DBL_MIN; /* divided by */
	f->is_cut = false;
	db_bind_str(s, 1, expression);
	db_bind_str(s, 2, f->q->kind);
	db_bind_i64(s, 3, CANDIDATES_MAX + 1);
	while ((e = db_step(s)) == DB_ROW) {
		if (f->n_seen++ == CANDIDATES_MAX) {
			f->is_cut = true;
			db_reset(s);
			break;
		}
		if (is_wanted(f, s))
			consider(f, s);
	}
	return e < 0 ? err_trace(e) : 0;
}

/* Reads what only the best need: tags and the place where the words stand. How well words fit comes
 * out against the best fit: bm25's own numbers are next to nothing where there are few ideas. */
static int complete(struct search *f, struct candidate *c, const struct str_list *words)
{
	struct idea_row row;
	int e = store_idea_get(f->tx, c->hit.id, &row);

	if (e)
		return e < 0 ? err_trace(e)
			     : err_new(ERR_CORRUPT, "the index of words names a missing idea");
	c->hit.tags = row.idea.tags;
	c->score.text /= f->text_max;
	c->hit.score = round_digits(c->hit.score / f->text_max, 4);
	if (f->q->explain) {
		c->hit.parts = arena_dup(f->tx->arena, &c->score, sizeof(c->score));
		if (!c->hit.parts)
			return err_nomem();
		c->hit.parts->text = round_digits(c->score.text, 4);
		c->hit.parts->recency = round_digits(c->score.recency, 4);
		c->hit.parts->links = round_digits(c->score.links, 4);
	}
	return err_trace(
	    words_snippet(f->tx->arena, row.idea.content, words, SNIPPET_BYTES, &c->hit.snippet));
}

static int finish(struct search *f, struct idea_found *out)
{
	out->is_cut = f->is_cut;
	out->hits.v = ARENA_ARRAY(f->tx->arena, f->n, struct idea_hit);
	if (!out->hits.v)
		return err_nomem();
	for (size_t i = 0; i < f->n; i++) {
		int e = complete(f, &f->best[i], &out->words);

		if (e)
			return err_trace(e);
		out->hits.v[out->hits.n++] = f->best[i].hit;
	}
	return f->tx->arena->is_out ? err_nomem() : 0;
}

int store_idea_search(struct store_tx *tx, const struct idea_query *q, struct idea_found *out)
{
	struct search f = { .tx = tx, .q = q };
	struct words_query words;
	int e = words_query(tx->arena, q->text, &words);

	if (e)
		return err_trace(e);
	*out = (struct idea_found){ .words = words.words };
	f.best = ARENA_ARRAY(tx->arena, q->max + 1, struct candidate);
	if (!f.best)
		return err_nomem();
	if (words.all.p && (e = collect(&f, words.all)))
		return err_trace(e);
	if (f.n == 0 && words.words.n > 1) {
		out->is_any = true;
		if ((e = collect(&f, words.any)))
			return err_trace(e);
	}
	return err_trace(finish(&f, out));
}
