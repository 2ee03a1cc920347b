/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement of the table is understood by the schema as it is, and reads by an index unless
 * it says why it may not. */
#include <stdio.h>

#include "base/err.h"
#include "store/db.h"
#include "tests/unit/store/world.h"

/* A constant row, a value list, a table-valued function or a subquery's result are no tables. */
static bool is_bare_scan(struct str line)
{
	static const char *const harmless[] = { "SCAN CONSTANT ROW", "SCAN json_each",
						"VIRTUAL TABLE",     "USING",
						"SUBQUERY",          "VALUES" };

	if (!str_contains(line, STR("SCAN ")))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (str_contains(line, str_from(harmless[i])))
			return false;
	return true;
}

/* The plan of an insert also shows the look for rows that refer to the new one, which runs only
 * while a reference is broken: never, as no constraint of ours is deferred. */
static bool is_plain_insert(enum sql_id id)
{
	struct str text = str_from(sql_table[id].text);

	return str_starts(text, STR("insert into")) && !str_contains(text, STR("select"));
}

static bool is_plan_sound(struct world *w, struct store_tx *tx, enum sql_id id)
{
	struct str_list plan;
	struct str sql = str_fmt(&w->arena, "explain query plan %s", sql_table[id].text);
	bool is_sound = true;

	if (!CHECK_OK(db_exec_lines(tx->db, sql.p, &w->arena, 100, &plan)))
		return false;
	for (size_t i = 0; i < plan.n; i++)
		if (is_bare_scan(plan.v[i])) {
			printf("%s: %.*s\n", sql_table[id].name, STR_ARG(plan.v[i]));
			is_sound = false;
		}
	return is_sound;
}

TEST(sql_every_statement_is_understood_and_reads_by_an_index)
{
	WORLD_OPEN(w);
	struct store_tx tx;

	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
	for (int id = 0; id < SQL_ID_MAX; id++) {
		struct db_stmt *q;

		if (!CHECK_OK(db_stmt(tx.db, id, &q))) {
			printf("  in %s\n", sql_table[id].name);
			continue;
		}
		CHECK(sql_table[id].may_scan || is_plain_insert(id) || is_plan_sound(&w, &tx, id));
	}
	store_rollback(w.store);
}
