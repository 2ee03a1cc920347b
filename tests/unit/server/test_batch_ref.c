/* SPDX-License-Identifier: Apache-2.0 */
#include "server/batch_ref.h"

#include <stdio.h>

#include "tests/unit/test.h"

static struct str result(const void *data, size_t i)
{
	static const struct str results[] = {
		STR("{\"id\":\"a-1\",\"n\":7,\"deep\":{\"x\":[10,{\"y\":\"z\\n\"}]}}"),
		STR("{\"id\":\"b-2\"}"),
	};

	return i < ARRAY_LEN(results) ? results[i] : STR_NONE;
}

/* The parameters after replacement, as text; NONE when a reference is bad. */
static struct str resolved(struct arena *a, const char *params)
{
	struct batch_ref ref = { .arena = a, .result = result };
	const struct json *out;
	struct json root;
	int e;

	CHECK_INT(json_parse(a, str_from(params), &root, NULL), 0);
	e = batch_ref_resolve(&ref, &root, &out);
	if (e == BATCH_REF_BAD)
		return STR_NONE;
	CHECK_OK(e);
	return out->raw;
}

TEST(batch_ref_takes_a_field_of_an_earlier_result)
{
	struct arena a;

	arena_init(&a, 0);
	CHECK_STR(resolved(&a, "{\"id\":{\"$ref\":\"0.id\"}}"), "{\"id\":\"a-1\"}");
	CHECK_STR(resolved(&a, "{\"id\":{\"$ref\":\"1.id\"},\"n\":{\"$ref\":\"0.n\"}}"),
		  "{\"id\":\"b-2\",\"n\":7}");
	CHECK_STR(resolved(&a, "{\"a\":[1,{\"$ref\":\"0.deep.x.1.y\"}]}"), "{\"a\":[1,\"z\\n\"]}");
	CHECK_STR(resolved(&a, "{\"a\":{\"b\":{\"$ref\":\"0.deep.x\"}}}"),
		  "{\"a\":{\"b\":[10,{\"y\":\"z\\n\"}]}}");
	CHECK_STR(resolved(&a, "{\"all\":{\"$ref\":\"1\"}}"), "{\"all\":{\"id\":\"b-2\"}}");
	arena_deinit(&a);
}

TEST(batch_ref_leaves_alone_what_is_no_reference)
{
	static const char *const texts[] = {
		"{}",
		"{\"a\":\"$ref\",\"b\":[1.50,null]}",
		"{\"a\":{\"$ref\":\"0.id\",\"and\":1}}",
		"{\"a\":{\"$ref\":7}}",
	};
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		CHECK_STR(resolved(&a, texts[i]), texts[i]);
	arena_deinit(&a);
}

TEST(batch_ref_that_leads_nowhere_is_bad)
{
	static const char *const refs[] = { "2.id",   "9",          "100.id",      "-1.id",
					    "x",      "",           ".",           "0.no",
					    "0.id.x", "0.deep.x.2", "0.deep.x.-1", "0.n.0",
					    "0.",     "1.id." };
	struct arena a;
	char text[64];

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
		snprintf(text, sizeof(text), "{\"a\":[{\"$ref\":\"%s\"}]}", refs[i]);
		CHECK(!resolved(&a, text).p);
	}
	arena_deinit(&a);
}
