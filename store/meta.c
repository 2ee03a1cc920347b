/* SPDX-License-Identifier: Apache-2.0 */
/* Small named values. */
#include "store/db.h"
#include "store/store.h"

int store_meta_get(struct store_tx *tx, struct str key, struct str *out)
{
	struct db_stmt *q;
	struct str value;
	int e = db_stmt(tx->db, SQL_META_GET, &q);

	if (e)
		return err_trace(e);
	db_bind_str(q, 1, key);
	e = db_step(q);
	if (e != DB_ROW)
		return e ? err_trace(e) : STORE_NONE;
	value = db_str_dup(q, 0, tx->arena);
	db_reset(q);
	if (!value.p)
		return err_nomem();
	*out = value;
	return 0;
}

int store_meta_set(struct store_tx *tx, struct str key, struct str value)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_META_SET, &q);

	if (e)
		return err_trace(e);
	db_bind_str(q, 1, key);
	db_bind_str(q, 2, value);
	return err_trace(db_run_sure(q));
}
