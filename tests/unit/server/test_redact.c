/* SPDX-License-Identifier: Apache-2.0 */
#include "server/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "server/redact_forms.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static void add(struct redact *r, const char *id, int64_t version, const char *value)
{
	const struct redact_value v = { str_from(id), version, str_from(id), str_from(value) };

	CHECK_OK(redact_add(r, &v));
	CHECK_OK(redact_apply(r));
}

/* What becomes of the text. */
static struct str said(struct redact *r, enum redact_kind kind, struct str text, struct buf *out)
{
	int e;

	buf_clear(out);
	e = redact_text(r, kind, text, out);
	CHECK(e >= 0);
	return e ? buf_str(out) : text;
}

#define REDACTOR(name)                             \
	CLEANUP(redact_deinit) struct redact name; \
	CLEANUP(buf_deinit) struct buf out;        \
	redact_init(&name);                        \
	buf_init(&out, 0)

TEST(tm_llm_04_every_form_is_found_wherever_it_stands)
{
	static const char value[] = "k\"e/y \\ 7+\xc3\xa9";
	CLEANUP(redact_forms_free) struct redact_forms forms = { .n = 0 };
	REDACTOR(r);

	add(&r, "A", 1, value);
	CHECK_OK(redact_forms_make(&forms, str_from(value)));
	CHECK(forms.n >= 15);
	for (size_t i = 0; i < forms.n; i++)
		for (int at = 0; at < 12; at++) {
			char text[256], wanted[256];

			snprintf(text, sizeof(text), "%.*s%.*s.", at, "............",
				 STR_ARG(forms.v[i]));
			snprintf(wanted, sizeof(wanted), "%.*s[redacted:A].", at, "............");
			CHECK_STR(said(&r, REDACT_TEXT, str_from(text), &out), wanted);
		}
}

TEST(redactor_without_values_finds_nothing_and_short_ones_are_not_looked_for)
{
	REDACTOR(r);

	CHECK(!redact_is_on(&r));
	add(&r, "A", 1, "1234567");
	CHECK(!redact_is_on(&r));
	CHECK_STR(said(&r, REDACT_TEXT, STR("1234567"), &out), "1234567");
	add(&r, "A", 1, "12345678");
	CHECK(redact_is_on(&r));
	CHECK_STR(said(&r, REDACT_TEXT, STR("12345678"), &out), "[redacted:A]");
	CHECK_STR(said(&r, REDACT_TEXT, STR("1234567"), &out), "1234567");
	CHECK_STR(said(&r, REDACT_TEXT, STR(""), &out), "");
}

TEST(redactor_covers_what_overlaps_as_one)
{
	REDACTOR(r);

	add(&r, "A", 1, "abcdefghij");
	add(&r, "B", 1, "hijklmnopq");
	CHECK_STR(said(&r, REDACT_TEXT, STR("<abcdefghijklmnopq>"), &out), "<[redacted:A]>");
	CHECK_STR(said(&r, REDACT_TEXT, STR("abcdefghijabcdefghij"), &out),
		  "[redacted:A][redacted:A]");
}

TEST(redactor_keeps_json_json)
{
	REDACTOR(r);

	add(&r, "A", 1, "nsecretsecret");
	add(&r, "B", 1, "\",\"b\":\"");
	add(&r, "C", 1, "12345678");
	add(&r, "D", 1, "membername");
	add(&r, "E", 1, "ends with \\");
	CHECK_STR(said(&r, REDACT_JSON, STR("{\"a\":\"\\nsecretsecret\",\"b\":\"\"}"), &out),
		  "{\"a\":\"\\nsecretsecret\",\"b\":\"\"}");
	CHECK_STR(said(&r, REDACT_JSON, STR("{\"a\":12345678,\"c\":\"12345678\"}"), &out),
		  "{\"a\":12345678,\"c\":\"[redacted:C]\"}");
	CHECK_STR(said(&r, REDACT_JSON, STR("{\"membername\" : \"membername\"}"), &out),
		  "{\"membername\" : \"[redacted:D]\"}");
	CHECK_STR(said(&r, REDACT_GIVEN, STR("{\"membername\" : 1}"), &out),
		  "{\"[redacted:D]\" : 1}");
	CHECK_STR(said(&r, REDACT_JSON, STR("[\"it ends with \\\\\"]"), &out),
		  "[\"it [redacted:E]\"]");
	CHECK_STR(said(&r, REDACT_JSON, STR("[\"\\\"nsecretsecret\\\"\"]"), &out),
		  "[\"\\\"[redacted:A]\\\"\"]");
}

/* Against one that looks at every place. */
static void redact_slowly(const char *value, struct str text, struct buf *out)
{
	size_t n = strlen(value);

	buf_clear(out);
	for (size_t i = 0; i < text.n;) {
		if (text.n - i >= n && memcmp(text.p + i, value, n) == 0) {
			BUF_LIT(out, "[redacted:A]");
			i += n;
		} else {
			buf_put_char(out, text.p[i++]);
		}
	}
}

TEST(redactor_agrees_with_a_slow_one_on_random_texts)
{
	CLEANUP(buf_deinit) struct buf slow;
	REDACTOR(r);
	unsigned seed = 7;
	char text[400];

	buf_init(&slow, 0);
	add(&r, "A", 1, "aababbbb");
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand_r(&seed) % sizeof(text);

		for (size_t i = 0; i < n; i++)
			text[i] = rand_r(&seed) % 8 ? "ab"[rand_r(&seed) % 2] : 'c';
		redact_slowly("aababbbb", (struct str){ text, n }, &slow);
		if (!CHECK(str_eq(said(&r, REDACT_TEXT, (struct str){ text, n }, &out),
				  buf_str(&slow))))
			return;
	}
}

TEST(redactor_keeps_what_was_replaced_up_to_a_bound)
{
	char value[32], id[16];
	REDACTOR(r);

	for (int i = 0; i < REDACT_RETIRED_MAX + 50; i++) {
		snprintf(value, sizeof(value), "value-number-%06d", i);
		const struct redact_value v = { STR("A"), i, STR("A"), str_from(value) };

		CHECK_OK(redact_add(&r, &v));
	}
	CHECK_OK(redact_apply(&r));
	CHECK_STR(said(&r, REDACT_TEXT, str_from(value), &out), "[redacted:A]");
	CHECK_STR(said(&r, REDACT_TEXT, STR("value-number-000100"), &out), "[redacted:A]");
	CHECK_STR(said(&r, REDACT_TEXT, STR("value-number-000010"), &out), "value-number-000010");
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "B%d", i);
		snprintf(value, sizeof(value), "sk-or-v1-%06d", i);
		const struct redact_value v = { str_from(id), 1, str_from(id), str_from(value) };

		CHECK_OK(redact_add(&r, &v));
	}
	CHECK_OK(redact_apply(&r));
	CHECK_STR(said(&r, REDACT_TEXT, STR("sk-or-v1-000299"), &out), "[redacted:B299]");
	redact_retire(&r, STR("B299"));
	CHECK_STR(said(&r, REDACT_TEXT, STR("sk-or-v1-000299"), &out), "[redacted:B299]");
}

TEST(redactor_without_memory_says_so_and_goes_on_as_before)
{
	const struct redact_value v = { STR("B"), 1, STR("B"), STR("another-value") };
	REDACTOR(r);
	int e = -1;

	add(&r, "A", 1, "the-first-value");
	for (unsigned n = 1; e && n < 64; n++) {
		alloc_fail_at(n);
		e = redact_add(&r, &v);
		if (!e)
			e = redact_apply(&r);
		alloc_fail_at(0);
		if (e)
			err_forget();
		CHECK_STR(said(&r, REDACT_TEXT, STR("the-first-value"), &out), "[redacted:A]");
	}
	CHECK_OK(e);
	CHECK_STR(said(&r, REDACT_TEXT, STR("another-value"), &out), "[redacted:B]");
	for (unsigned n = 1; n < 8; n++) {
		buf_deinit(&out);
		alloc_fail_at(n);
		e = redact_text(&r, REDACT_TEXT, STR("see another-value"), &out);
		alloc_fail_at(0);
		if (e >= 0)
			break;
		err_forget();
	}
	CHECK_INT(e, REDACT_FOUND);
}
