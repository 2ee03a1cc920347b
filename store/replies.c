/* SPDX-License-Identifier: Apache-2.0 */
/* Replies kept for repeated requests: the same principal, method and request_id gets the same bytes
 * again. Written in the transaction of what they answer. */
#include "store/db.h"
#include "store/store.h"

int store_reply_find(struct store_tx *tx, struct str principal, struct str method,
		     struct str request_id, struct store_reply *out)
{
	struct store_reply reply;
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_REPLY_FIND, &q);

	if (e)
		return err_trace(e);
	db_bind_str(q, 1, principal);
	db_bind_str(q, 2, request_id);
	db_bind_str(q, 3, method);
	e = db_step(q);
	if (e != DB_ROW)
		return e ? err_trace(e) : STORE_NONE;
	reply.digest = db_str_dup(q, 0, tx->arena);
	reply.result = db_str_dup(q, 1, tx->arena);
	db_reset(q);
	if (!reply.digest.p || !reply.result.p)
		return err_nomem();
	*out = reply;
	return 0;
}

int store_reply_add(struct store_tx *tx, struct str principal, struct str method,
		    struct str request_id, const struct store_reply *reply)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_REPLY_ADD, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, tx->now_ms);
	db_bind_str(q, 2, principal);
	db_bind_str(q, 3, method);
	db_bind_str(q, 4, request_id);
	db_bind_str(q, 5, reply->digest);
	db_bind_str(q, 6, reply->result);
	return err_trace(db_run_sure(q)); /* the caller looks first, in the same transaction */
}
