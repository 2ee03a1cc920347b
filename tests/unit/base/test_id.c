/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

TEST(id_is_a_uuid_of_version_7_with_the_time_in_front)
{
	struct id_gen g = { 0 };
	char id[ID_LEN + 1];

	id_make(&g, 0x0123456789abLL, id);
	CHECK_STR(str_slice(str_from(id), 0, 15), "01234567-89ab-7");
	CHECK(strchr("89ab", id[19]) != NULL);
	CHECK(id_is_valid(str_from(id)));
}

TEST(id_grows_even_when_the_clock_goes_back_or_stands)
{
	char last[ID_LEN + 1] = "", id[ID_LEN + 1];
	struct id_gen g = { 0 };

	for (int i = 0; i < 20000; i++) {
		int64_t ms = i < 10000 ? 1795255200000 : 1795255200000 - i;

		id_make(&g, ms, id);
		if (!CHECK(strcmp(id, last) > 0) || !CHECK(id_is_valid(str_from(id))))
			return;
		memcpy(last, id, sizeof(id));
	}
}

TEST(id_is_valid_only_as_lower_case_hex_with_dashes_in_place)
{
	CHECK(id_is_valid(STR("01234567-89ab-7cde-8f01-23456789abcd")));
	CHECK(!id_is_valid(STR("01234567-89AB-7cde-8f01-23456789abcd")));
	CHECK(!id_is_valid(STR("0123456789ab7cde8f0123456789abcd")));
	CHECK(!id_is_valid(STR("01234567-89ab-7cde-8f01-23456789abc")));
	CHECK(!id_is_valid(STR("01234567-89ab-7cde-8f01-23456789abcg")));
	CHECK(!id_is_valid(STR("01234567089ab-7cde-8f01-23456789abcd")));
	CHECK(!id_is_valid(STR_NONE));
}

TEST(id_random_text_uses_its_whole_alphabet_and_nothing_else)
{
	char text[5001];
	bool seen[256] = { 0 };
	int n = 0;

	id_random_text(text, sizeof(text) - 1);
	CHECK_INT(strlen(text), 5000);
	CHECK_INT(strspn(text, "23456789abcdefghjkmnpqrstuvwxyz"), 5000);
	for (size_t i = 0; text[i]; i++)
		seen[(unsigned char)text[i]] = true;
	for (int i = 0; i < 256; i++)
		n += seen[i];
	CHECK_INT(n, 31);
	id_random_text(text, 0);
	CHECK_CSTR(text, "");
}
