/* SPDX-License-Identifier: Apache-2.0 */
#include "server/seal.h"

#include <string.h>

#include "tests/unit/test.h"

#define NOW 1000000

static const struct seal_binding mine = {
	{ "uid:1", 5 },
	{ "quests.list", 11 },
	{ "d1", 2 },
};

static struct seal *make(uint8_t first)
{
	uint8_t key[SEAL_KEY_BYTES] = { first, 2, 3 };
	struct seal *s = NULL;

	CHECK_OK(seal_new(key, &s));
	return s;
}

static int open_as(struct seal *s, struct arena *a, struct seal_binding b, struct str text)
{
	struct str plain;

	return seal_open(s, a, &b, text, NOW, &plain);
}

TEST(seal_gives_back_what_was_sealed)
{
	struct seal *s = make(1);
	struct arena a;
	struct str sealed, plain = STR_NONE;

	arena_init(&a, 0);
	sealed = seal_close(s, &a, &mine, STR("12:abc"), 0);
	CHECK(sealed.n > 40 && !str_contains(sealed, STR("abc")));
	CHECK_INT(seal_open(s, &a, &mine, sealed, NOW, &plain), 0);
	CHECK_STR(plain, "12:abc");
	sealed = seal_close(s, &a, &mine, STR(""), 0);
	CHECK_INT(seal_open(s, &a, &mine, sealed, NOW, &plain), 0);
	CHECK_STR(plain, "");
	arena_deinit(&a);
	seal_free(s);
}

TEST(tm_rpc_07_any_changed_byte_is_refused)
{
	struct seal *s = make(1);
	struct arena a;
	struct str sealed;
	char text[256];

	arena_init(&a, 0);
	sealed = seal_close(s, &a, &mine, STR("a cursor"), NOW + 1);
	if (!CHECK(sealed.n < sizeof(text)))
		return;
	memcpy(text, sealed.p, sealed.n);
	for (size_t i = 0; i < sealed.n; i++) {
		text[i] = text[i] == 'A' ? 'B' : 'A';
		/* the last character may hold bits that are no data; then it is no base64 of ours
		 */
		CHECK_INT(open_as(s, &a, mine, (struct str){ text, sealed.n }), SEAL_BAD);
		text[i] = sealed.p[i];
		CHECK_INT(open_as(s, &a, mine, (struct str){ text, i }), SEAL_BAD);
	}
	arena_deinit(&a);
	seal_free(s);
}

TEST(tm_rpc_07_another_principal_method_query_or_key_is_refused)
{
	struct seal *s = make(1), *other_key = make(9);
	struct seal_binding b = mine;
	struct arena a;
	struct str sealed;

	arena_init(&a, 0);
	sealed = seal_close(s, &a, &mine, STR("x"), 0);
	CHECK_INT(open_as(s, &a, mine, sealed), 0);
	b.principal = STR("uid:2");
	CHECK_INT(open_as(s, &a, b, sealed), SEAL_BAD);
	b = mine;
	b.method = STR("ideas.list");
	CHECK_INT(open_as(s, &a, b, sealed), SEAL_BAD);
	b = mine;
	b.digest = STR_NONE;
	CHECK_INT(open_as(s, &a, b, sealed), SEAL_BAD);
	/* the parts do not run together */
	b.principal = STR("uid:1q");
	b.method = STR("uests.list");
	b.digest = mine.digest;
	CHECK_INT(open_as(s, &a, b, sealed), SEAL_BAD);
	CHECK_INT(open_as(other_key, &a, mine, sealed), SEAL_BAD);
	arena_deinit(&a);
	seal_free(s);
	seal_free(other_key);
}

TEST(tm_rpc_07_an_expired_text_is_refused)
{
	struct seal *s = make(1);
	struct arena a;

	arena_init(&a, 0);
	CHECK_INT(open_as(s, &a, mine, seal_close(s, &a, &mine, STR("x"), NOW)), SEAL_EXPIRED);
	CHECK_INT(open_as(s, &a, mine, seal_close(s, &a, &mine, STR("x"), NOW + 1)), 0);
	arena_deinit(&a);
	seal_free(s);
}

TEST(seal_refuses_what_is_no_sealed_text)
{
	static const char *const texts[] = { "",     "a",        "2",        "12:abc",
					     "====", "AAAAAAAA", "\xff\xfe", "a b c" };
	struct seal *s = make(1);
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		CHECK_INT(open_as(s, &a, mine, str_from(texts[i])), SEAL_BAD);
	arena_deinit(&a);
	seal_free(s);
}

TEST(seal_tokens_are_long_distinct_and_compared_whole)
{
	char one[64], two[64];

	seal_make_token(one, sizeof(one), "qd_");
	seal_make_token(two, sizeof(two), "qd_");
	CHECK_INT(strlen(one), 46);
	CHECK(str_starts(str_from(one), STR("qd_")));
	CHECK(seal_equal(str_from(one), str_from(one)));
	CHECK(!seal_equal(str_from(one), str_from(two)));
	CHECK(!seal_equal(str_from(one), str_slice(str_from(one), 0, 45)));
	CHECK(seal_equal(STR(""), STR("")));
}

TEST(seal_key_survives_its_text)
{
	uint8_t key[SEAL_KEY_BYTES], again[SEAL_KEY_BYTES];
	char text[2 * SEAL_KEY_BYTES + 1];

	seal_make_key(key);
	seal_key_text(key, text);
	CHECK(seal_key_parse(str_from(text), again) && memcmp(key, again, sizeof(key)) == 0);
	CHECK(!seal_key_parse(STR("00"), again));
	text[5] = 'g';
	CHECK(!seal_key_parse(str_from(text), again));
}
