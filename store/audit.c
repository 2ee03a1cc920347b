/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(AUDIT_OUTCOME_DONE == 1 && AUDIT_OUTCOME_FAILED == 2 && AUDIT_OUTCOME_DENIED == 3,
	       "audit.outcome");

/* "<seq> <hash>" of the last row that retention took. */
int store_audit_floor(struct store_tx *tx, struct store_audit_head *out)
{
	struct str text;
	int e = store_meta_get(tx, STR("audit_floor"), &text);

	*out = (struct store_audit_head){ 0, STR("") };
	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	if (!str_to_i64(str_cut(&text, ' '), &out->seq) || !text.p)
		return err_new(ERR_CORRUPT, "the audit's floor is no seq and hash");
	out->hash = text;
	return 0;
}

int store_audit_head(struct store_tx *tx, struct store_audit_head *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AUDIT_HEAD, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_audit_head){ 0, STR("") };
	e = db_step(s);
	if (e == DB_ROW)
		*out = (struct store_audit_head){ db_i64(s, 0), db_str_dup(s, 1, tx->arena) };
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	if (!out->seq) /* all that there were may have been taken */
		return err_trace(store_audit_floor(tx, out));
	return out->hash.p ? 0 : err_nomem();
}

/* Each text behind its length: an absent one is told from an empty one. */
struct str store_audit_text(struct arena *a, const struct audit_entry *e)
{
	const struct str t[] = { e->principal, e->verb, e->key, e->target, e->reason };
	int n[ARRAY_LEN(t)];

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		n[i] = t[i].p ? (int)t[i].n : -1;
	return str_fmt(a, "%lld %lld %d %d:%.*s %d:%.*s %d:%.*s %d:%.*s %d:%.*s", (long long)e->seq,
		       (long long)e->at, (int)e->outcome, n[0], STR_ARG(t[0]), n[1], STR_ARG(t[1]),
		       n[2], STR_ARG(t[2]), n[3], STR_ARG(t[3]), n[4], STR_ARG(t[4]));
}

int store_audit_add(struct store_tx *tx, const struct audit_entry *entry)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AUDIT_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, entry->seq);
	db_bind_i64(s, 2, entry->at);
	db_bind_str(s, 3, entry->principal);
	db_bind_str(s, 4, entry->key);
	db_bind_str(s, 5, entry->verb);
	db_bind_str(s, 6, entry->target);
	db_bind_i64(s, 7, entry->outcome);
	db_bind_str(s, 8, entry->reason);
	db_bind_str(s, 9, entry->hash);
	return err_trace(row_run(tx, s));
}

/* Columns of audit_page*. */
static struct audit_entry read_entry(struct db_stmt *s, struct arena *a)
{
	return (struct audit_entry){
		.seq = db_i64(s, 0),
		.has_seq = true,
		.at = db_i64(s, 1),
		.principal = db_str_dup(s, 2, a),
		.key = db_str_dup(s, 3, a),
		.verb = db_str_dup(s, 4, a),
		.target = db_str_dup(s, 5, a),
		.outcome = (enum audit_outcome)db_i64(s, 6),
		.reason = db_str_dup(s, 7, a),
		.hash = db_str_dup(s, 8, a),
	};
}

static int read_page(struct store_tx *tx, struct db_stmt *s, const struct store_audit_filter *f,
		     struct audit_entry_list *out, int64_t *out_after)
{
	int64_t last = 0;
	int e;

	for (size_t n = 0; (e = db_step(s)) == DB_ROW; n++) {
		if (last && (out->n == f->limit || n == ROWS_EXAMINED_MAX)) {
			*out_after = last;
			return 0;
		}
		last = db_i64(s, 0);
		if (db_i64(s, 1) >= f->since_ms &&
		    (!f->outcome || db_i64(s, 6) == (int64_t)f->outcome))
			out->v[out->n++] = read_entry(s, tx->arena);
		if (tx->arena->is_out)
			return err_nomem();
	}
	return err_trace(e);
}

int store_audit_page(struct store_tx *tx, const struct store_audit_filter *f,
		     struct audit_entry_list *out, int64_t *out_after)
{
	enum sql_id id = f->principal.p                    ? SQL_AUDIT_PAGE_OF_PRINCIPAL
			 : f->outcome > AUDIT_OUTCOME_DONE ? SQL_AUDIT_PAGE_REFUSED
							   : SQL_AUDIT_PAGE;
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	*out_after = 0;
	*out = (struct audit_entry_list){ ARENA_ARRAY(tx->arena, f->limit, struct audit_entry), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, f->after);
	if (f->principal.p)
		db_bind_str(s, 2, f->principal);
	e = read_page(tx, s, f, out, out_after);
	db_reset(s);
	return err_trace(e);
}

int store_audit_reads_add(struct store_tx *tx, int64_t day, struct str principal, int64_t n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AUDIT_READS_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, day);
	db_bind_str(s, 2, principal);
	db_bind_i64(s, 3, n);
	return err_trace(row_run(tx, s));
}

int store_audit_reads_page(struct store_tx *tx, int64_t day, struct str principal, size_t limit,
			   struct audit_entry_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AUDIT_READS_PAGE, &s);

	if (e)
		return err_trace(e);
	*out = (struct audit_entry_list){ ARENA_ARRAY(tx->arena, limit, struct audit_entry), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, day);
	db_bind_str(s, 2, principal);
	while (out->n < limit && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = (struct audit_entry){
			.at = db_i64(s, 0) * STORE_DAY_MS,
			.principal = db_str_dup(s, 1, tx->arena),
			.outcome = AUDIT_OUTCOME_COUNTED,
			.reads = db_i64(s, 2),
			.has_reads = true,
		};
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}
