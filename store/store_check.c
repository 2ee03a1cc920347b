/* SPDX-License-Identifier: Apache-2.0 */
/* Is what is stored sound? SQLite's own check of pages and indexes, foreign keys, and the
 * statements whose names begin with `check_`: each gives a row of text for everything it finds
 * wrong, so that a new kind of object brings its own checks with its statements. */
#include "store/store_state.h"

/* SQLite checks the free list with the whole or with this table; but where a virtual table comes
 * first in its memory of the schema, 3.40 takes the whole for a part, and leaves the list out. So
 * this table is always checked by itself. */
#define CATALOGUE "sqlite_schema"

/* "*** in database main ***" stands on a line of its own before the finding. */
static struct str last_line(struct str text)
{
	size_t at;

	text = str_trim(text);
	while ((at = str_find(text, '\n', 0)) < text.n)
		text = str_slice(text, at + 1, text.n);
	return text;
}

/* A page that could not be read is no damage when memory was out (7) or the disk failed (10): the
 * check tells all in one text, "Page 5: unable to get the page. error code=266". */
static enum err_class class_of_finding(struct str finding)
{
	struct str code = finding;
	int64_t n = 0;

	if (!str_contains(finding, STR("error code=")))
		return ERR_CORRUPT;
	while (str_contains(code, STR("=")))
		(void)str_cut(&code, '='); /* what precedes it */
	/* pages that it then thinks unused follow, each on a line of its own */
	if (!str_to_i64(str_cut(&code, '\n'), &n))
		return ERR_CORRUPT;
	return (n & 0xff) == 7 ? ERR_NOMEM : (n & 0xff) == 10 ? ERR_SYS : ERR_CORRUPT;
}

static int verify_with(struct db *db, const char *pragma)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	struct str_list lines;
	struct str finding;
	int e;

	arena_init(&a, 1 << 20);
	e = db_exec_lines(db, pragma, &a, 1, &lines);
	if (e)
		return err_trace(e);
	if (lines.n == 1 && str_eq(lines.v[0], STR("ok")))
		return 0;
	finding = lines.n > 0 ? last_line(lines.v[0]) : STR("no answer");
	return err_new(class_of_finding(finding), "%.*s", STR_ARG(finding));
}

int store_verify(struct db *db)
{
	int e = verify_with(db, "pragma quick_check(" CATALOGUE ")");

	return err_trace(e ? e : verify_with(db, "pragma quick_check(1)"));
}

/* A row of text for everything it finds. */
static int add_rows(struct store_tx *tx, struct db_stmt *q, size_t max, struct str_list *out)
{
	enum err_class class;
	int e = 0;

	while (out->n < max && (e = db_step(q)) == DB_ROW) {
		struct str line = db_str_dup(q, 0, tx->arena);

		if (!line.p)
			break;
		if (str_eq(line, STR("ok")))
			continue;
		class = class_of_finding(line);
		if (class != ERR_CORRUPT) {
			db_reset(q);
			return err_new(class, "%.*s", STR_ARG(line));
		}
		out->v[out->n++] = line;
	}
	db_reset(q);
	if (tx->arena->is_out)
		return err_nomem();
	return e == DB_ROW ? 0 : err_trace(e);
}

static int run(struct store_tx *tx, enum sql_id id, struct str table, struct store_check *c)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, id, &q);

	if (e)
		return err_trace(e);
	if (table.p)
		db_bind_str(q, 1, table);
	if (id == SQL_STUCK_QUESTS)
		return err_trace(add_rows(tx, q, STORE_STUCK_MAX, &c->stuck));
	return err_trace(add_rows(tx, q, STORE_PROBLEMS_MAX, &c->problems));
}

/* ---- the steps: pages, then keys, then what only we know ---- */

static bool is_check(enum sql_id id)
{
	return str_starts(str_from(sql_table[id].name), STR("check_"));
}

/* The i-th statement that checks; SQL_ID_MAX behind the last. */
static enum sql_id check_at(size_t i)
{
	for (int id = 0; id < SQL_ID_MAX; id++)
		if (is_check((enum sql_id)id) && i-- == 0)
			return (enum sql_id)id;
	return SQL_ID_MAX;
}

static size_t n_checks(void)
{
	size_t n = 0;

	while (check_at(n) != SQL_ID_MAX)
		n++;
	return n;
}

static int count_tables(struct store_tx *tx, struct store_check *c)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_VERIFY_TABLES, &q);

	if (e)
		return err_trace(e);
	while (c->tables.n < STORE_TABLES_MAX && (e = db_step(q)) == DB_ROW)
		c->tables.v[c->tables.n++] = db_str_dup(q, 0, tx->arena);
	db_reset(q);
	return e == DB_ROW ? err_new(ERR_INTERNAL, "too many tables") : err_trace(e);
}

static int is_larger(struct store_tx *tx, int64_t max, bool *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_VERIFY_BYTES, &q);

	if (!e)
		e = db_step(q);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : err_new(ERR_INTERNAL, "the database has no size");
	*out = db_i64(q, 0) > max;
	db_reset(q);
	return 0;
}

/* A damaged page may end a statement: that is a finding, not a fault. */
static int as_finding(struct store_tx *tx, int e, struct store_check *c)
{
	struct err_report report;

	if (err_class(e) != ERR_CORRUPT)
		return err_trace(e);
	err_take(e, &report);
	c->problems.v[c->problems.n] = str_dup(tx->arena, str_from(report.text));
	return c->problems.v[c->problems.n++].p ? 0 : err_nomem();
}

int store_check_begin(struct store_tx *tx, bool quick, int64_t whole_max, struct store_check *out)
{
	struct store_check c = {
		.is_quick = quick,
		.tables.v = ARENA_ARRAY(tx->arena, STORE_TABLES_MAX, struct str),
		.problems.v = ARENA_ARRAY(tx->arena, STORE_PROBLEMS_MAX + 1, struct str),
		.stuck.v = ARENA_ARRAY(tx->arena, STORE_STUCK_MAX, struct str),
	};
	int e;

	if (!c.tables.v || !c.problems.v || !c.stuck.v)
		return err_nomem();
	e = is_larger(tx, whole_max, &c.is_in_parts);
	if (!e)
		e = count_tables(tx, &c);
	if (!e && tx->arena->is_out)
		e = err_nomem();
	if (e)
		e = as_finding(tx, e, &c);
	c.n_pages = 1 + (c.is_in_parts ? c.tables.n : 1);
	c.n_all = c.n_pages + c.tables.n + 1 + (quick ? 0 : n_checks());
	if (!e)
		*out = c;
	return err_trace(e);
}

/* The catalogue, then table after table, or the whole with at most 100 findings. */
static struct str pages_at(const struct store_check *c, size_t i)
{
	if (i == 0)
		return STR(CATALOGUE);
	return c->is_in_parts ? c->tables.v[i - 1] : STR("100");
}

static int one_step(struct store_tx *tx, struct store_check *c, size_t i)
{
	if (i < c->n_pages)
		return run(tx, c->is_quick ? SQL_VERIFY_PAGES_QUICKLY : SQL_VERIFY_PAGES,
			   pages_at(c, i), c);
	i -= c->n_pages;
	if (i < c->tables.n)
		return c->problems.n ? 0 : run(tx, SQL_VERIFY_KEYS, c->tables.v[i], c);
	i -= c->tables.n;
	return run(tx, i == 0 ? SQL_STUCK_QUESTS : check_at(i - 1), STR_NONE, c);
}

int store_check_step(struct store_tx *tx, struct store_check *c)
{
	size_t before = c->problems.n, n_stuck = c->stuck.n;
	int e = one_step(tx, c, c->n_done);

	if (e)
		e = as_finding(tx, e, c);
	if (e) {
		c->problems.n = before; /* the step may be taken again */
		c->stuck.n = n_stuck;
		return err_trace(e);
	}
	c->n_done++;
	return c->n_done < c->n_all && c->problems.n < STORE_PROBLEMS_MAX ? STORE_MORE : 0;
}

int store_check(struct store_tx *tx, bool quick, struct str_list *out_problems)
{
	struct store_check c;
	int e = store_check_begin(tx, quick, STORE_CHECK_WHOLE_MAX, &c);

	if (e)
		return err_trace(e);
	while ((e = store_check_step(tx, &c)) == STORE_MORE)
		;
	if (!e)
		*out_problems = c.problems;
	return err_trace(e);
}
