/* SPDX-License-Identifier: Apache-2.0 */
/* Ideas: rows, tags, words and fingerprints. */
#include "store/ideas.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/db.h"
#include "store/fold.h"
#include "store/words.h"

enum { LIST_ROWS_MAX = 2000, NEAR_MAX = 10, NAMED_MAX = 10 };
static const double near_enough = 0.7;

bool idea_is_visible(const struct idea_reader *r, enum idea_scope scope, struct str owner)
{
	return r->sees_all || scope != IDEA_SCOPE_DOMAIN || str_eq(owner, r->id);
}

static struct str owner_or_none(struct str kept)
{
	return kept.n ? kept : STR_NONE;
}

int store_idea_tags(struct arena *a, struct str kept, struct str_list *out)
{
	size_t n = kept.n > 0;

	for (size_t i = 0; i < kept.n; i++)
		n += kept.p[i] == '\n';
	*out = (struct str_list){ ARENA_ARRAY(a, n, struct str), 0 };
	if (!out->v)
		return err_nomem();
	while (out->n < n)
		out->v[out->n++] = str_cut(&kept, '\n');
	return 0;
}

static int join_tags(struct arena *a, const struct str_list *tags, struct str *out)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	buf_init(&b, 0);
	for (size_t i = 0; i < tags->n; i++) {
		if (i > 0)
			buf_put_char(&b, '\n');
		buf_put_str(&b, tags->v[i]);
	}
	*out = str_dup(a, buf_str(&b));
	return b.failed || !out->p ? err_nomem() : 0;
}

static int read_row(struct store_tx *tx, struct db_stmt *s, struct idea_row *out)
{
	struct arena *a = tx->arena;
	struct idea *i = &out->idea;

	*out = (struct idea_row){
		.seq = db_i64(s, 0),
		.idea = { .id = db_str_dup(s, 1, a),
			  .name = db_str_dup(s, 2, a),
			  .owner = owner_or_none(db_str_dup(s, 3, a)),
			  .content = db_str_dup(s, 4, a),
			  .kind = db_str_dup(s, 5, a),
			  .properties = db_str_dup(s, 7, a),
			  .scope = (enum idea_scope)db_i64(s, 8),
			  .injection_mode = (enum injection_mode)db_i64(s, 9),
			  .evergreen = db_i64(s, 10) != 0,
			  .version = db_i64(s, 11),
			  .created_by = db_str_dup(s, 12, a),
			  .created_at = db_i64(s, 13),
			  .updated_at = db_i64(s, 14) },
	};
	return store_idea_tags(a, db_str_dup(s, 6, a), &i->tags);
}

static int get_one(struct store_tx *tx, struct db_stmt *s, struct idea_row *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e ? err_trace(e) : IDEA_NONE;
	e = read_row(tx, s, out);
	db_reset(s);
	if (e)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_idea_get(struct store_tx *tx, struct str id, struct idea_row *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_IDEA_BY_ID, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return get_one(tx, s, out);
}

/* The only one that the reader sees (NULL: sees all) of a bound statement's rows; the first ids.
 * Rows whose name is written as asked come first: where there are any, they alone are meant. */
static int only_one(struct store_tx *tx, struct db_stmt *s, struct str name,
		    const struct idea_reader *reader, struct idea_row *out, struct str_list *ids)
{
	bool is_as_written = false;
	int e;

	*ids = (struct str_list){ ARENA_ARRAY(tx->arena, NAMED_MAX, struct str), 0 };
	while (ids->v && ids->n < NAMED_MAX && (e = db_step(s)) != 0) {
		if (e != DB_ROW)
			return err_trace(e);
		if (is_as_written && !str_eq(db_str(s, 2), name))
			break;
		if (reader && !idea_is_visible(reader, (enum idea_scope)db_i64(s, 8), db_str(s, 3)))
			continue;
		is_as_written = str_eq(db_str(s, 2), name);
		if (ids->n == 0 && (e = read_row(tx, s, out)))
			return err_trace(e);
		ids->v[ids->n++] = db_str_dup(s, 1, tx->arena);
	}
	if (tx->arena->is_out)
		return err_nomem();
	return ids->n == 0 ? IDEA_NONE : ids->n == 1 ? 0 : IDEA_AMBIGUOUS;
}

int store_idea_find(struct store_tx *tx, struct str owner, struct str name, struct idea_row *out,
		    struct str_list *ids)
{
	struct db_stmt *s;
	struct str key;
	int e = fold_key(tx->arena, name, &key);

	if (e || (e = db_stmt(tx->db, SQL_IDEA_BY_NAME, &s)))
		return err_trace(e);
	db_bind_str(s, 1, key);
	db_bind_str(s, 2, owner.p ? owner : STR(""));
	db_bind_str(s, 3, name);
	e = only_one(tx, s, name, NULL, out, ids);
	db_reset(s);
	return e;
}

int store_idea_named(struct store_tx *tx, struct str name, const struct idea_reader *reader,
		     struct idea_row *out, struct str_list *ids)
{
	int e = store_idea_find(tx, reader->id, name, out, ids);
	struct db_stmt *s;
	struct str key;

	if (e == IDEA_NONE)
		e = store_idea_find(tx, STR_NONE, name, out, ids);
	if (e != IDEA_NONE)
		return e < 0 ? err_trace(e) : e;
	if ((e = fold_key(tx->arena, name, &key)) || (e = db_stmt(tx->db, SQL_IDEA_NAMED, &s)))
		return err_trace(e);
	db_bind_str(s, 1, key);
	db_bind_str(s, 2, name);
	e = only_one(tx, s, name, reader, out, ids);
	db_reset(s);
	return e;
}

/* ---- the index of words ---- */

static int write_words(struct store_tx *tx, enum sql_id statement, const struct idea_row *row)
{
	struct str name, content, joined, tags;
	struct db_stmt *s;
	int e;

	if ((e = words_cut(tx->arena, row->idea.name, &name)) ||
	    (e = words_cut(tx->arena, row->idea.content, &content)) ||
	    (e = join_tags(tx->arena, &row->idea.tags, &joined)) ||
	    (e = words_cut(tx->arena, joined, &tags)) || (e = db_stmt(tx->db, statement, &s)))
		return err_trace(e);
	db_bind_i64(s, 1, row->seq);
	db_bind_str(s, 2, name);
	db_bind_str(s, 3, content);
	db_bind_str(s, 4, tags);
	return err_trace(db_run(s));
}

/* ---- what hangs on a row: tags and bands ---- */

static int run_with(struct store_tx *tx, enum sql_id statement, int64_t seq)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, statement, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, seq);
	return err_trace(db_run(s));
}

static int write_tags(struct store_tx *tx, const struct idea_row *row)
{
	for (size_t i = 0; i < row->idea.tags.n; i++) {
		struct db_stmt *s;
		int e = db_stmt(tx->db, SQL_IDEA_TAG_ADD, &s);

		if (e)
			return err_trace(e);
		db_bind_str(s, 1, row->idea.tags.v[i]);
		db_bind_i64(s, 2, row->seq);
		if ((e = db_run(s)))
			return err_trace(e);
	}
	return 0;
}

static int write_bands(struct store_tx *tx, int64_t seq, const struct fingerprint *f)
{
	for (unsigned i = 0; i < FINGERPRINT_BANDS; i++) {
		struct db_stmt *s;
		int e = db_stmt(tx->db, SQL_IDEA_BAND_ADD, &s);

		if (e)
			return err_trace(e);
		db_bind_i64(s, 1, fingerprint_band(f, i));
		db_bind_i64(s, 2, seq);
		if ((e = db_run(s)))
			return err_trace(e);
	}
	return 0;
}

static int write_attachments(struct store_tx *tx, const struct idea_row *row,
			     const struct fingerprint *f)
{
	int e;

	if ((e = write_tags(tx, row)) || (e = write_bands(tx, row->seq, f)) ||
	    (e = write_words(tx, SQL_IDEA_WORDS_ADD, row)))
		return err_trace(e);
	return 0;
}

static int remove_attachments(struct store_tx *tx, const struct idea_row *row)
{
	int e;

	if ((e = run_with(tx, SQL_IDEA_TAGS_REMOVE, row->seq)) ||
	    (e = run_with(tx, SQL_IDEA_BANDS_REMOVE, row->seq)) ||
	    (e = write_words(tx, SQL_IDEA_WORDS_REMOVE, row)))
		return err_trace(e);
	return 0;
}

/* ---- rows ---- */

/* Parameters 2 to 12 of idea_add and idea_change. */
static int bind_fields(struct store_tx *tx, struct db_stmt *s, const struct idea *i,
		       const struct fingerprint *f)
{
	struct str tags, key;
	int e = join_tags(tx->arena, &i->tags, &tags);

	if (e || (e = fold_key(tx->arena, i->name, &key)))
		return err_trace(e);
	db_bind_str(s, 2, i->name);
	db_bind_str(s, 3, i->owner.p ? i->owner : STR(""));
	db_bind_str(s, 4, i->content);
	db_bind_str(s, 5, i->kind);
	db_bind_str(s, 6, tags);
	db_bind_str(s, 7, i->properties);
	db_bind_i64(s, 8, i->scope);
	db_bind_i64(s, 9, i->injection_mode);
	db_bind_i64(s, 10, i->evergreen);
	db_bind_blob(s, 11, (struct str){ (const char *)f->v, sizeof(f->v) });
	db_bind_str(s, 12, key);
	return 0;
}

/* Has another of its owner a name that compares equal? 0 or IDEA_NAME_TAKEN. */
static int check_name(struct store_tx *tx, const struct idea_row *row)
{
	struct db_stmt *s;
	struct str key;
	int e = fold_key(tx->arena, row->idea.name, &key);

	if (e || (e = db_stmt(tx->db, SQL_IDEA_TWIN, &s)))
		return err_trace(e);
	db_bind_str(s, 1, key);
	db_bind_str(s, 2, row->idea.owner.p ? row->idea.owner : STR(""));
	db_bind_i64(s, 3, row->seq);
	e = db_step(s);
	db_reset(s);
	return e == DB_ROW ? IDEA_NAME_TAKEN : err_trace(e);
}

static bool is_called_alike(const struct idea *a, const struct idea *b)
{
	return str_eq(a->name, b->name) && str_eq(a->owner, b->owner);
}

/* The unique index is the only constraint that well-formed input can meet. */
static int run_named(struct db_stmt *s)
{
	int e = db_run(s);

	return e == DB_CONSTRAINT ? IDEA_NAME_TAKEN : err_trace(e);
}

int store_idea_add(struct store_tx *tx, struct idea_row *row)
{
	struct idea *i = &row->idea;
	struct fingerprint f;
	struct db_stmt *s;
	char id[ID_LEN + 1];
	int e;

	id_make(tx->ids, tx->now_ms, id);
	i->id = str_dup(tx->arena, str_from(id));
	if (!i->id.p)
		return err_nomem();
	row->seq = 0;
	if ((e = check_name(tx, row)))
		return e;
	i->version = 1;
	i->created_at = i->updated_at = tx->now_ms;
	fingerprint_make(i->content, &f);
	if ((e = db_stmt(tx->db, SQL_IDEA_ADD, &s)) || (e = bind_fields(tx, s, i, &f)))
		return err_trace(e);
	db_bind_str(s, 1, i->id);
	db_bind_str(s, 13, i->created_by);
	db_bind_i64(s, 14, tx->now_ms);
	if ((e = run_named(s)))
		return e;
	row->seq = db_last_rowid(tx->db);
	return err_trace(write_attachments(tx, row, &f));
}

int store_idea_change(struct store_tx *tx, const struct idea_row *before, struct idea_row *row)
{
	struct fingerprint f;
	struct db_stmt *s;
	int e;

	/* twins from before names were folded may be changed as they are */
	if (!is_called_alike(&before->idea, &row->idea) && (e = check_name(tx, row)))
		return e;
	row->idea.version = before->idea.version + 1;
	row->idea.updated_at = tx->now_ms;
	fingerprint_make(row->idea.content, &f);
	if ((e = remove_attachments(tx, before)) || (e = db_stmt(tx->db, SQL_IDEA_CHANGE, &s)) ||
	    (e = bind_fields(tx, s, &row->idea, &f)))
		return err_trace(e);
	db_bind_i64(s, 1, row->seq);
	db_bind_i64(s, 13, tx->now_ms);
	if ((e = run_named(s)))
		return e;
	return err_trace(write_attachments(tx, row, &f));
}

int store_idea_remove(struct store_tx *tx, const struct idea_row *row)
{
	int e = remove_attachments(tx, row);

	return e ? err_trace(e) : err_trace(run_with(tx, SQL_IDEA_REMOVE, row->seq));
}

/* ---- near-duplicates ---- */

static bool is_listed(const struct idea_near_list *list, struct str id)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i].id, id))
			return true;
	return false;
}

/* Keeps the most alike, at most NEAR_MAX, in order. */
static void keep_near(struct idea_near_list *list, struct idea_near near)
{
	size_t at = list->n < NEAR_MAX ? list->n++ : NEAR_MAX - 1;

	if (at == NEAR_MAX - 1 && list->v[at].id.p && list->v[at].similarity >= near.similarity)
		return;
	for (; at > 0 && list->v[at - 1].similarity < near.similarity; at--)
		list->v[at] = list->v[at - 1];
	list->v[at] = near;
}

static void look_at_near(struct store_tx *tx, struct db_stmt *s, const struct fingerprint *mine,
			 const struct idea_reader *reader, struct idea_near_list *out)
{
	struct fingerprint theirs;
	struct str kept = db_str(s, 5);
	double similarity;

	if (kept.n != sizeof(theirs.v) || is_listed(out, db_str(s, 1)) ||
	    !idea_is_visible(reader, (enum idea_scope)db_i64(s, 4), db_str(s, 3)))
		return;
	memcpy(theirs.v, kept.p, sizeof(theirs.v));
	similarity = fingerprint_similarity(mine, &theirs);
	if (similarity >= near_enough)
		keep_near(out, (struct idea_near){ .id = db_str_dup(s, 1, tx->arena),
						   .name = db_str_dup(s, 2, tx->arena),
						   .similarity = similarity });
}

int store_idea_near(struct store_tx *tx, const struct idea_row *row,
		    const struct idea_reader *reader, struct idea_near_list *out)
{
	struct fingerprint f;

	*out = (struct idea_near_list){ ARENA_ARRAY(tx->arena, NEAR_MAX, struct idea_near), 0 };
	if (!out->v)
		return err_nomem();
	fingerprint_make(row->idea.content, &f);
	for (unsigned i = 0; i < FINGERPRINT_BANDS; i++) {
		struct db_stmt *s;
		int e = db_stmt(tx->db, SQL_IDEA_BAND_MEMBERS, &s);

		if (e)
			return err_trace(e);
		db_bind_i64(s, 1, fingerprint_band(&f, i));
		db_bind_i64(s, 2, row->seq);
		while ((e = db_step(s)) == DB_ROW)
			look_at_near(tx, s, &f, reader, out);
		if (e)
			return err_trace(e);
	}
	return tx->arena->is_out ? err_nomem() : 0;
}

/* ---- lists ---- */

static int list_statement(struct store_tx *tx, const struct idea_filter *f, struct db_stmt **out)
{
	enum sql_id id = SQL_IDEA_LIST;
	struct str key = STR_NONE;
	int e;

	if (f->tag.p) {
		id = SQL_IDEA_LIST_OF_TAG;
		key = f->tag;
	} else if (f->owner.p) {
		id = SQL_IDEA_LIST_OF_OWNER;
		key = f->owner;
	} else if (f->kind.p) {
		id = SQL_IDEA_LIST_OF_KIND;
		key = f->kind;
	}
	if ((e = db_stmt(tx->db, id, out)))
		return err_trace(e);
	if (key.p)
		db_bind_str(*out, 3, key);
	return 0;
}

static bool is_wanted(struct db_stmt *s, const struct idea_filter *f,
		      const struct idea_reader *reader)
{
	enum idea_scope scope = (enum idea_scope)db_i64(s, 7);

	if ((f->kind.p && !str_eq(f->kind, db_str(s, 5))) ||
	    (f->owner.p && !str_eq(f->owner, db_str(s, 3))) || (f->scope && f->scope != scope) ||
	    (f->mode && (int64_t)f->mode != db_i64(s, 8)))
		return false;
	return idea_is_visible(reader, scope, db_str(s, 3));
}

static int read_brief(struct store_tx *tx, struct db_stmt *s, struct idea_brief *out)
{
	struct arena *a = tx->arena;

	*out = (struct idea_brief){ .id = db_str_dup(s, 1, a),
				    .name = db_str_dup(s, 2, a),
				    .owner = owner_or_none(db_str_dup(s, 3, a)),
				    .excerpt = db_str_dup(s, 4, a),
				    .kind = db_str_dup(s, 5, a),
				    .scope = (enum idea_scope)db_i64(s, 7),
				    .injection_mode = (enum injection_mode)db_i64(s, 8),
				    .updated_at = db_i64(s, 9) };
	return store_idea_tags(a, db_str_dup(s, 6, a), &out->tags);
}

int store_idea_list(struct store_tx *tx, const struct idea_filter *f,
		    const struct idea_reader *reader, int64_t before, size_t max,
		    struct idea_brief_list *out, int64_t *next)
{
	struct db_stmt *s;
	size_t n_seen = 0;
	int e;

	*out = (struct idea_brief_list){ ARENA_ARRAY(tx->arena, max, struct idea_brief), 0 };
	*next = 0;
	if (!out->v)
		return err_nomem();
	if ((e = list_statement(tx, f, &s)))
		return err_trace(e);
	db_bind_i64(s, 1, before);
	db_bind_i64(s, 2, LIST_ROWS_MAX + 1);
	while ((e = db_step(s)) == DB_ROW) {
		if (out->n == max || n_seen++ == LIST_ROWS_MAX) {
			*next = before;
			db_reset(s);
			break;
		}
		before = db_i64(s, 0);
		if (is_wanted(s, f, reader) && (e = read_brief(tx, s, &out->v[out->n++]))) {
			db_reset(s);
			return err_trace(e);
		}
	}
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}
