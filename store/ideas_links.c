/* SPDX-License-Identifier: Apache-2.0 */
/* Links between ideas: kept, aimed, counted and walked. */
#include "store/ideas_links.h"

#include "base/err.h"
#include "store/db.h"
#include "store/fold.h"

enum { LINKS_MAX = 200 };

static bool is_of_content(struct str type)
{
	return str_eq(type, STR("mention")) || str_eq(type, STR("embed"));
}

struct link {
	int64_t source, target;        /* target 0: none */
	struct str type, key, written; /* written: of a mention, as the content has it */
};

static int add_link(struct store_tx *tx, const struct link *l)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_IDEA_LINK_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, l->source);
	db_bind_str(s, 2, l->type);
	db_bind_str(s, 3, l->key);
	if (l->target)
		db_bind_i64(s, 4, l->target);
	else
		db_bind_null(s, 4);
	db_bind_str(s, 5, l->written);
	return err_trace(db_run(s));
}

/* The idea that a name means to an owner: his own, else the company's; the oldest of several. *out
 * 0 when there is none. */
static int resolve(struct store_tx *tx, struct str owner, struct str name, int64_t *out)
{
	struct idea_row row = { 0 };
	struct str_list ids;
	int e = store_idea_find(tx, owner, name, &row, &ids);

	if (e == IDEA_NONE && owner.n)
		e = store_idea_find(tx, STR(""), name, &row, &ids);
	*out = row.seq;
	return e < 0 ? err_trace(e) : 0;
}

int store_idea_mentions_set(struct store_tx *tx, const struct idea_row *row,
			    const struct idea_mention *v, size_t n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_IDEA_MENTIONS_REMOVE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, row->seq);
	e = db_run(s);
	for (size_t i = 0; i < n && !e; i++) {
		struct link l = { .source = row->seq, .type = v[i].type, .written = v[i].name };

		if (!(e = fold_key(tx->arena, v[i].name, &l.key)) &&
		    !(e = resolve(tx, row->idea.owner, v[i].name, &l.target)))
			e = add_link(tx, &l);
	}
	return err_trace(e);
}

struct dangling {
	int64_t source;
	struct str type;
};

static int aim(struct store_tx *tx, const struct dangling *d, struct str key, int64_t target)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_IDEA_LINK_AIM, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, d->source);
	db_bind_str(s, 2, d->type);
	db_bind_str(s, 3, key);
	db_bind_i64(s, 4, target);
	return err_trace(db_run(s));
}

int store_idea_adopt(struct store_tx *tx, const struct idea_row *row)
{
	enum { MAX_AT_ONCE = 1000 };
	struct dangling *found = ARENA_ARRAY(tx->arena, MAX_AT_ONCE, struct dangling);
	struct str owner = row->idea.owner.p ? row->idea.owner : STR("");
	struct db_stmt *s;
	struct str key;
	size_t n = 0;
	int e;

	if (!found)
		return err_nomem();
	if ((e = fold_key(tx->arena, row->idea.name, &key)) ||
	    (e = db_stmt(tx->db, SQL_IDEA_DANGLING, &s)))
		return err_trace(e);
	db_bind_str(s, 1, key);
	while ((e = db_step(s)) == DB_ROW)
		if (owner.n == 0 || str_eq(owner, db_str(s, 2)))
			found[n++] = (struct dangling){ db_i64(s, 0), db_str_dup(s, 1, tx->arena) };
	for (size_t i = 0; i < n && !e; i++)
		e = aim(tx, &found[i], key, row->seq);
	return err_trace(e);
}

int store_idea_link(struct store_tx *tx, int64_t source, struct str type,
		    const struct idea_row *target, bool *created)
{
	const struct link l = {
		.source = source, .type = type, .key = target->idea.id, .target = target->seq
	};
	int e = add_link(tx, &l);

	*created = !e && db_changes(tx->db) > 0;
	return err_trace(e);
}

int store_idea_unlink(struct store_tx *tx, int64_t source, struct str type, struct str target_id)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_IDEA_LINK_REMOVE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, source);
	db_bind_str(s, 2, type);
	db_bind_str(s, 3, target_id);
	if ((e = db_run(s)))
		return err_trace(e);
	return db_changes(tx->db) > 0 ? 0 : IDEA_LINK_NONE;
}

static int drop(struct store_tx *tx, enum sql_id statement, int64_t seq, int64_t *n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, statement, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, seq);
	e = db_run(s);
	*n += e ? 0 : db_changes(tx->db);
	return err_trace(e);
}

int store_idea_links_drop(struct store_tx *tx, const struct idea_row *row, int64_t *n_gone)
{
	int e;

	*n_gone = 0;
	if ((e = drop(tx, SQL_IDEA_TYPED_LINKS_REMOVE, row->seq, n_gone)) ||
	    (e = drop(tx, SQL_IDEA_LINKS_OF_REMOVE, row->seq, n_gone)) ||
	    (e = drop(tx, SQL_IDEA_MENTIONS_DANGLE, row->seq, n_gone)))
		return err_trace(e);
	return 0;
}

/* A link's row: type, key, and the idea at the other end, which may be missing (all null). */
struct end {
	struct str type, key, id, name, kind;
	int64_t seq; /* 0 when there is none, or the reader may not see it */
};

static struct end read_end(struct db_stmt *s, struct arena *a, const struct idea_reader *reader)
{
	struct end end = { .type = db_str_dup(s, 0, a), .key = db_str_dup(s, 1, a) };

	if (db_is_null(s, 2) ||
	    !idea_is_visible(reader, (enum idea_scope)db_i64(s, 5), db_str(s, 4)))
		return end;
	end.id = db_str_dup(s, 2, a);
	end.name = db_str_dup(s, 3, a);
	end.kind = db_str_dup(s, 6, a);
	end.seq = db_i64(s, 7);
	return end;
}

struct ends {
	struct end v[LINKS_MAX];
	size_t n;
	bool has_more;
};

static int read_ends(struct store_tx *tx, enum sql_id statement, int64_t seq,
		     const struct idea_reader *reader, struct ends *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, statement, &s);

	if (e)
		return err_trace(e);
	out->n = 0;
	db_bind_i64(s, 1, seq);
	db_bind_i64(s, 2, LINKS_MAX + 1);
	while ((e = db_step(s)) == DB_ROW && out->n < LINKS_MAX)
		out->v[out->n++] = read_end(s, tx->arena, reader);
	out->has_more = e == DB_ROW;
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_idea_links_of(struct store_tx *tx, const struct idea_row *row,
			const struct idea_reader *reader, struct idea_link_list *out)
{
	struct ends *ends = ARENA_NEW(tx->arena, struct ends);
	int e;

	*out = (struct idea_link_list){ ARENA_ARRAY(tx->arena, LINKS_MAX, struct idea_link), 0 };
	if (!ends || !out->v)
		return err_nomem();
	if ((e = read_ends(tx, SQL_IDEA_LINKS_OF, row->seq, reader, ends)))
		return err_trace(e);
	for (size_t i = 0; i < ends->n; i++) {
		const struct end *end = &ends->v[i];
		bool is_named = is_of_content(end->type);

		if (!is_named && !end->seq)
			continue;
		out->v[out->n++] = (struct idea_link){ .from = row->idea.id,
						       .to = end->id,
						       .to_name = is_named ? end->key : end->name,
						       .type = end->type };
	}
	return 0;
}

int store_idea_links_to(struct store_tx *tx, const struct idea_row *row,
			const struct idea_reader *reader, struct idea_link_list *out)
{
	struct ends *ends = ARENA_NEW(tx->arena, struct ends);
	int e;

	*out = (struct idea_link_list){ ARENA_ARRAY(tx->arena, LINKS_MAX, struct idea_link), 0 };
	if (!ends || !out->v)
		return err_nomem();
	if ((e = read_ends(tx, SQL_IDEA_LINKS_TO, row->seq, reader, ends)))
		return err_trace(e);
	for (size_t i = 0; i < ends->n; i++)
		if (ends->v[i].seq)
			out->v[out->n++] = (struct idea_link){ .from = ends->v[i].id,
							       .to = row->idea.id,
							       .to_name = row->idea.name,
							       .type = ends->v[i].type };
	return 0;
}

/* ---- walking ---- */

struct walker {
	struct store_tx *tx;
	const struct idea_walk *w;
	const struct idea_row *start;
	struct idea_step_list *out;
	int64_t *seqs; /* of out's elements */
	struct ends *ends;
	bool is_cut;
};

static bool is_type_wanted(const struct idea_walk *w, struct str type)
{
	for (size_t i = 0; i < w->types->n; i++)
		if (str_eq(w->types->v[i], type))
			return true;
	return w->types->n == 0;
}

static bool was_met(const struct walker *k, int64_t seq)
{
	for (size_t i = 0; i < k->out->n; i++)
		if (k->seqs[i] == seq)
			return true;
	return seq == k->start->seq;
}

static void meet(struct walker *k, const struct end *end, struct str via, int64_t depth)
{
	if (!end->seq || !is_type_wanted(k->w, end->type) || was_met(k, end->seq))
		return;
	if (k->out->n == k->w->max) {
		k->is_cut = true;
		return;
	}
	k->seqs[k->out->n] = end->seq;
	k->out->v[k->out->n++] = (struct idea_step){ .id = end->id,
						     .name = end->name,
						     .kind = end->kind,
						     .depth = depth,
						     .via = via,
						     .type = end->type };
}

static int meet_neighbours(struct walker *k, int64_t seq, struct str id, int64_t depth,
			   enum sql_id statement)
{
	int e = read_ends(k->tx, statement, seq, k->w->reader, k->ends);

	if (e)
		return err_trace(e);
	k->is_cut |= k->ends->has_more;
	for (size_t i = 0; i < k->ends->n; i++)
		meet(k, &k->ends->v[i], id, depth);
	return 0;
}

static int step_from(struct walker *k, int64_t seq, struct str id, int64_t depth)
{
	int e = 0;

	if (k->w->direction != WALK_DIRECTION_IN)
		e = meet_neighbours(k, seq, id, depth, SQL_IDEA_LINKS_OF);
	if (!e && k->w->direction != WALK_DIRECTION_OUT)
		e = meet_neighbours(k, seq, id, depth, SQL_IDEA_LINKS_TO);
	return err_trace(e);
}

int store_idea_walk(struct store_tx *tx, const struct idea_row *start, const struct idea_walk *w,
		    struct idea_step_list *out, bool *cut)
{
	struct walker k = { .tx = tx, .w = w, .start = start, .out = out };
	int e;

	*out = (struct idea_step_list){ ARENA_ARRAY(tx->arena, w->max, struct idea_step), 0 };
	k.seqs = ARENA_ARRAY(tx->arena, w->max, int64_t);
	k.ends = ARENA_NEW(tx->arena, struct ends);
	if (!out->v || !k.seqs || !k.ends)
		return err_nomem();
	if ((e = step_from(&k, start->seq, start->idea.id, 1)))
		return err_trace(e);
	/* The list is its own queue: it grows in order of depth while it is walked. */
	for (size_t i = 0; i < out->n && out->v[i].depth < w->depth && !k.is_cut; i++)
		if ((e = step_from(&k, k.seqs[i], out->v[i].id, out->v[i].depth + 1)))
			return err_trace(e);
	*cut = k.is_cut;
	return 0;
}
