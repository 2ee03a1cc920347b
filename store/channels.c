/* SPDX-License-Identifier: Apache-2.0 */
/* Channels as rows. */
#include "store/channels.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

_Static_assert(CHAT_KIND_WEBHOOK == 1 && CHAT_KIND_TELEGRAM == 2 && CHAT_KIND_SLACK == 3 &&
		   CHAT_KIND_WHATSAPP == 4 && CHAT_KIND_EMAIL == 5,
	       "channels.kind");

/* Columns of channel_by_* and channel_page. */
static int read_channel(struct db_stmt *s, struct arena *a, struct store_channel *out)
{
	*out = (struct store_channel){
		.n = db_i64(s, 0),
		.secret = db_str_dup(s, 4, a),
		.channel = { .id = db_str_dup(s, 1, a),
			     .name = db_str_dup(s, 2, a),
			     .kind = (enum chat_kind)db_i64(s, 3),
			     .who = db_str_dup(s, 5, a),
			     .enabled = db_i64(s, 6) != 0,
			     .messages = db_i64(s, 7),
			     .refused = db_i64(s, 8),
			     .last_refused = db_str_dup(s, 9, a),
			     .last_message_at = db_i64(s, 10),
			     .has_last_message_at = !db_is_null(s, 10),
			     .created_by = db_str_dup(s, 11, a),
			     .created_at = db_i64(s, 12),
			     .updated_at = db_i64(s, 13) },
	};
	if (out->channel.kind == CHAT_KIND_WEBHOOK)
		out->channel.path = str_fmt(a, "/channels/%.*s", STR_ARG(out->channel.id));
	return a->is_out ? err_nomem() : 0;
}

static int channel_by(struct store_tx *tx, enum sql_id id, struct str text,
		      struct store_channel *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, text);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_channel(s, tx->arena, out);
	db_reset(s);
	return err_trace(e);
}

int store_channel_get(struct store_tx *tx, struct str id, struct store_channel *out)
{
	return channel_by(tx, SQL_CHANNEL_BY_ID, id, out);
}

int store_channel_find(struct store_tx *tx, struct str who, struct store_channel *out)
{
	int e = store_channel_get(tx, who, out);

	return e == STORE_NONE ? channel_by(tx, SQL_CHANNEL_BY_NAME, who, out) : e;
}

int store_channel_add(struct store_tx *tx, struct store_channel *c)
{
	struct chat_channel *k = &c->channel;
	struct db_stmt *s;
	int64_t n_channels;
	int e = row_first_i64(tx, SQL_CHANNEL_N, &n_channels);

	if (e == 0 && n_channels >= CHANNELS_MAX)
		return STORE_TOO_MANY;
	if (e == 0)
		e = db_stmt(tx->db, SQL_CHANNEL_ADD, &s);
	if (e)
		return err_trace(e);
	k->created_at = k->updated_at = tx->now_ms;
	db_bind_str(s, 1, k->id);
	db_bind_str(s, 2, k->name);
	db_bind_i64(s, 3, k->kind);
	db_bind_str(s, 4, c->secret);
	db_bind_str(s, 5, k->who);
	db_bind_str(s, 6, k->created_by);
	db_bind_i64(s, 7, k->created_at);
	e = row_insert_sure(tx, s, &c->n);
	if (e == 0)
		e = store_channel_get(tx, k->id, c);
	return err_trace(e);
}

int store_channel_set(struct store_tx *tx, struct store_channel *c)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_SET, &s);

	if (e)
		return err_trace(e);
	c->channel.updated_at = tx->now_ms;
	db_bind_i64(s, 1, c->n);
	db_bind_str(s, 2, c->secret);
	db_bind_str(s, 3, c->channel.who);
	db_bind_i64(s, 4, c->channel.enabled);
	db_bind_i64(s, 5, c->channel.updated_at);
	return err_trace(row_run(tx, s));
}

int store_channel_delete(struct store_tx *tx, int64_t n)
{
	int e = row_run_one(tx, SQL_CHANNEL_CHATS_CLEAR, n);

	return e ? err_trace(e) : err_trace(row_run_one(tx, SQL_CHANNEL_DELETE, n));
}

static int count_chats(struct store_tx *tx, int64_t n, int64_t *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_CHAT_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(row_i64(s, out));
}

static int make_line(struct store_tx *tx, const struct store_channel *c,
		     struct chat_channel_line *out)
{
	const struct chat_channel *k = &c->channel;

	*out = (struct chat_channel_line){ .id = k->id,
					   .name = k->name,
					   .kind = k->kind,
					   .enabled = k->enabled,
					   .who = k->who,
					   .messages = k->messages,
					   .refused = k->refused,
					   .last_message_at = k->last_message_at,
					   .has_last_message_at = k->has_last_message_at };
	return err_trace(count_chats(tx, c->n, &out->chats));
}

int store_channel_page(struct store_tx *tx, struct str after, size_t limit,
		       struct chat_channel_line_list *out, struct str *out_after)
{
	struct store_channel c;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_PAGE, &s);

	if (e)
		return err_trace(e);
	*out_after = STR_NONE;
	*out = (struct chat_channel_line_list){
		ARENA_ARRAY(tx->arena, limit, struct chat_channel_line), 0
	};
	if (!out->v)
		return err_nomem();
	db_bind_str(s, 1, after.p ? after : STR(""));
	db_bind_i64(s, 2, (int64_t)limit + 1);
	while ((e = db_step(s)) == DB_ROW && out->n < limit) {
		e = read_channel(s, tx->arena, &c);
		if (e == 0)
			e = make_line(tx, &c, &out->v[out->n++]);
		if (e)
			break;
	}
	if (e == DB_ROW)
		*out_after = out->v[out->n - 1].name;
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int store_channel_any(struct store_tx *tx, bool *out)
{
	int64_t found = 0;
	int e = row_first_i64(tx, SQL_CHANNEL_ANY, &found);

	*out = found != 0;
	return err_trace(e);
}

/* ---- chats ---- */

int store_channel_chats(struct store_tx *tx, int64_t n, struct str_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_CHATS, &s);

	if (e)
		return err_trace(e);
	*out = (struct str_list){ ARENA_ARRAY(tx->arena, CHANNEL_CHATS_MAX, struct str), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	while (out->n < CHANNEL_CHATS_MAX && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = db_str_dup(s, 0, tx->arena);
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_channel_allow(struct store_tx *tx, int64_t n, const struct str_list *chats)
{
	int e = row_run_one(tx, SQL_CHANNEL_CHATS_CLEAR, n);

	for (size_t i = 0; e == 0 && i < chats->n; i++) {
		struct db_stmt *s;

		e = db_stmt(tx->db, SQL_CHANNEL_CHAT_ADD, &s);
		if (e)
			break;
		db_bind_i64(s, 1, n);
		db_bind_str(s, 2, chats->v[i]);
		e = row_run(tx, s);
	}
	return err_trace(e);
}

int store_channel_allows(struct store_tx *tx, int64_t n, struct str chat, bool *out)
{
	struct db_stmt *s;
	int64_t found;
	int e = db_stmt(tx->db, SQL_CHANNEL_HAS_CHAT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, chat);
	e = row_i64(s, &found);
	*out = found != 0;
	return err_trace(e);
}

int store_channel_refused(struct store_tx *tx, int64_t n, struct str chat)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_REFUSED, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, chat);
	return err_trace(row_run(tx, s));
}

/* ---- deliveries ---- */

int store_channel_delivery(struct store_tx *tx, int64_t n, struct str key,
			   struct store_delivery *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_DELIVERY_FIND, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, key);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = (struct store_delivery){ db_i64(s, 0), db_i64(s, 1) };
	db_reset(s);
	return 0;
}

static int add_delivery(struct store_tx *tx, int64_t n, struct str key,
			const struct store_delivery *d)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CHANNEL_DELIVERY_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, tx->now_ms);
	db_bind_i64(s, 2, n);
	db_bind_str(s, 3, key);
	db_bind_i64(s, 4, d->session);
	db_bind_i64(s, 5, d->seq);
	return err_trace(row_run(tx, s));
}

int store_channel_took(struct store_tx *tx, int64_t n, const struct str_list *keys,
		       const struct store_delivery *d)
{
	int e = row_set(tx, SQL_CHANNEL_TOOK, n, tx->now_ms);

	for (size_t i = 0; e == 0 && i < keys->n; i++)
		e = add_delivery(tx, n, keys->v[i], d);
	return err_trace(e);
}
