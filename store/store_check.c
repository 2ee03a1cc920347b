/* SPDX-License-Identifier: Apache-2.0 */
/* Is what is stored sound? SQLite's own check of pages and indexes, foreign keys, and the
 * statements whose names begin with `check_`: each gives a row of text for everything it finds
 * wrong, so that a new kind of object brings its own checks with its statements. */
#include "store/store_state.h"

enum { PROBLEMS_MAX = 100 };

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
	if (!str_to_i64(code, &n))
		return ERR_CORRUPT;
	return (n & 0xff) == 7 ? ERR_NOMEM : (n & 0xff) == 10 ? ERR_SYS : ERR_CORRUPT;
}

int store_verify(struct db *db)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	struct str_list lines;
	struct str finding;
	int e;

	arena_init(&a, 1 << 20);
	e = db_exec_lines(db, "pragma quick_check(1)", &a, 1, &lines);
	if (e)
		return err_trace(e);
	if (lines.n == 1 && str_eq(lines.v[0], STR("ok")))
		return 0;
	finding = lines.n > 0 ? last_line(lines.v[0]) : STR("no answer");
	return err_new(class_of_finding(finding), "%.*s", STR_ARG(finding));
}

static int add_lines(struct store_tx *tx, const char *sql, struct str_list *problems)
{
	struct str_list lines;
	int e = db_exec_lines(tx->db, sql, tx->arena, PROBLEMS_MAX - problems->n, &lines);

	if (e)
		return err_trace(e);
	for (size_t i = 0; i < lines.n; i++) {
		if (str_eq(lines.v[i], STR("ok")))
			continue;
		if (class_of_finding(lines.v[i]) != ERR_CORRUPT)
			return err_new(class_of_finding(lines.v[i]), "%.*s", STR_ARG(lines.v[i]));
		problems->v[problems->n++] = lines.v[i];
	}
	return 0;
}

static int add_rows(struct store_tx *tx, enum sql_id id, struct str_list *problems)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, id, &q);

	if (e)
		return err_trace(e);
	while (problems->n < PROBLEMS_MAX && (e = db_step(q)) == DB_ROW) {
		struct str line = db_str_dup(q, 0, tx->arena);

		if (!line.p)
			break;
		problems->v[problems->n++] = line;
	}
	db_reset(q);
	if (tx->arena->is_out)
		return err_nomem();
	return e == DB_ROW ? 0 : err_trace(e);
}

static bool is_check(enum sql_id id)
{
	return str_starts(str_from(sql_table[id].name), STR("check_"));
}

int store_check(struct store_tx *tx, bool quick, struct str_list *out_problems)
{
	struct str_list problems = { ARENA_ARRAY(tx->arena, PROBLEMS_MAX, struct str), 0 };
	int e;

	if (!problems.v)
		return err_nomem();
	e = add_lines(tx, quick ? "pragma quick_check" : "pragma integrity_check", &problems);
	/* A damaged page may end the statement itself: that is a finding, not a fault. */
	if (err_class(e) == ERR_CORRUPT) {
		struct err_report report;

		err_take(e, &report);
		problems.v[problems.n] = str_dup(tx->arena, str_from(report.text));
		e = problems.v[problems.n].p ? 0 : err_nomem();
		problems.n++;
	}
	if (!e && problems.n == 0)
		e = add_lines(tx,
			      "select 'row ' || rowid || ' of ' || \"table\" || ' refers to a "
			      "missing row of ' "
			      "|| parent from pragma_foreign_key_check",
			      &problems);
	for (int id = 0; !e && !quick && id < SQL_ID_MAX && problems.n < PROBLEMS_MAX; id++)
		if (is_check(id))
			e = add_rows(tx, id, &problems);
	if (!e)
		*out_problems = problems;
	return err_trace(e);
}
