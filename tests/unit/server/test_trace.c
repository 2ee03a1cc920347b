/* SPDX-License-Identifier: Apache-2.0 */
#include "server/trace.h"

#include <stdio.h>

#include "tests/unit/test.h"

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

TEST(mcp_b9_a_trace_is_read_as_the_w3c_writes_it)
{
	static const struct {
		const char *text;
		bool is_one;
	} cases[] = {
		{ "00-" TRACE "-" PARENT "-01", true },
		{ "00-" TRACE "-" PARENT "-00", true },
		{ "cc-" TRACE "-" PARENT "-01", true },
		{ "cc-" TRACE "-" PARENT "-01-what-the-future-is-like", true },
		{ "00-" TRACE "-" PARENT "-01-more", false },
		{ "ff-" TRACE "-" PARENT "-01", false },
		{ "0-" TRACE "-" PARENT "-01", false },
		{ "00-" TRACE "-" PARENT, false },
		{ "00-" TRACE "-" PARENT "-1", false },
		{ "00-" TRACE "-" PARENT "-0g", false },
		{ "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false },
		{ "00-00000000000000000000000000000000-" PARENT "-01", false },
		{ "00-" TRACE "-0000000000000000-01", false },
		{ "00-" TRACE "0-" PARENT "-01", false },
		{ "00-" TRACE "-" PARENT "0-01", false },
		{ "", false },
		{ "-", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!CHECK_STR(trace_id(str_from(cases[i].text)), cases[i].is_one ? TRACE : NULL))
			printf("  %s\n", cases[i].text);
	CHECK_STR(trace_id(STR_NONE), NULL);
}
