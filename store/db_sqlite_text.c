/* SPDX-License-Identifier: Apache-2.0 */
/* What a migration may call to bring text up to date: fold(text) is fold_key(), words(text) is
 * words_cut(). No schema names them (direct only), so that any SQLite opens the file. */
#include "store/db_sqlite.h"
#include "store/fold.h"
#include "store/words.h"

typedef int text_fn(struct arena *a, struct str text, struct str *out);

static void run(sqlite3_context *c, sqlite3_value *v, text_fn *fn)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	const char *p = (const char *)sqlite3_value_text(v);
	struct str out;

	arena_init(&a, 0);
	if (!p || fn(&a, (struct str){ p, (size_t)sqlite3_value_bytes(v) }, &out)) {
		err_forget(); /* only memory can be out, and SQLite says so in its turn */
		sqlite3_result_error_nomem(c);
		return;
	}
	sqlite3_result_text(c, out.p, (int)out.n, SQLITE_TRANSIENT);
}

static void fold(sqlite3_context *c, int n, sqlite3_value **v)
{
	run(c, v[0], fold_key);
}

static void words(sqlite3_context *c, int n, sqlite3_value **v)
{
	run(c, v[0], words_cut);
}

int db_sqlite_text(struct db *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
	int rc = sqlite3_create_function_v2(db->handle, "fold", 1, flags, NULL, fold, NULL, NULL,
					    NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db->handle, "words", 1, flags, NULL, words, NULL,
						NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_sqlite_fault(db, rc, "cannot set up the database");
}
