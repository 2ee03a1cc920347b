/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as rows: an id is given once, and what a key is worth follows from its times. */
#include "store/keys.h"

#include "tests/unit/store/world.h"

static struct store_key key_of(const char *id)
{
	return (struct store_key){ .key = { .id = str_from(id),
					    .name = STR("k"),
					    .owner_kind = KEY_OWNER_USER,
					    .owner = STR("ann"),
					    .created_by = STR("owner") },
				   .hash = str_from(id),
				   .access = 1u << ACCESS_ROLE_VIEWER };
}

TEST(key_ids_are_given_once)
{
	WORLD_OPEN(w);
	struct store_key k = key_of("k1"), again = k;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_key_add(&tx, &k));
	CHECK_INT(store_key_add(&tx, &again), STORE_KEY_TAKEN);
	CHECK_OK(world_write_end(&w));
}

TEST(key_is_live_until_it_ends_or_is_revoked)
{
	WORLD_OPEN(w);
	struct store_key k = key_of("k1"), late = key_of("k2");
	struct store_tx tx;
	bool is_live;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_key_add(&tx, &k));
	CHECK_INT(k.key.status, KEY_STATUS_ACTIVE);
	CHECK_OK(store_key_is_live(&tx, k.n, &is_live));
	CHECK(is_live);
	CHECK_OK(store_key_revoke(&tx, k.n));
	CHECK_OK(store_key_find(&tx, STR("k1"), &k));
	CHECK_INT(k.key.status, KEY_STATUS_REVOKED);
	CHECK_OK(store_key_is_live(&tx, k.n, &is_live));
	CHECK(!is_live);
	late.key.has_expires_at = true;
	late.key.expires_at = tx.now_ms;
	CHECK_OK(store_key_add(&tx, &late));
	CHECK_INT(late.key.status, KEY_STATUS_EXPIRED);
	CHECK_OK(store_key_is_live(&tx, late.n, &is_live));
	CHECK(!is_live);
	CHECK_OK(world_write_end(&w));
}
