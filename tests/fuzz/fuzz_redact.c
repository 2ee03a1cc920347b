/* SPDX-License-Identifier: Apache-2.0 */
/* A value, and a text that holds it: the first byte says how long the value is, which follows; in
 * what remains 0x80 and above stand for one of its forms. Whatever they are beside, none of them is
 * found afterwards, in a text or in a string of JSON, which stays JSON. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "server/redact.h"
#include "server/redact_forms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUE_MAX   64
#define TEXT_MAX    4096
#define REPLACEMENT STR("[redacted:N]")

static void must(int e)
{
	assert(e >= 0); /* there is memory */
}

static char plain(uint8_t byte)
{
	byte &= 0x7f;
	return byte ? (char)byte : '0';
}

static void write_text(struct buf *b, const struct redact_forms *forms, const uint8_t *data,
		       size_t size)
{
	for (size_t i = 0; i < size && buf_len(b) < TEXT_MAX; i++) {
		if (data[i] & 0x80)
			buf_put_str(b, forms->v[data[i] % forms->n]);
		else
			buf_put_char(b, plain(data[i]));
	}
}

/* What takes a value's place may be, or with its neighbours become, such a value. */
static bool is_like_replacement(const struct redact_forms *forms)
{
	for (size_t i = 0; i < forms->n; i++)
		if (str_contains(forms->v[i], STR("[")) || str_contains(forms->v[i], STR("]")) ||
		    str_contains(REPLACEMENT, forms->v[i]))
			return true;
	return false;
}

static void check_gone(const struct redact_forms *forms, struct str text)
{
	for (size_t i = 0; i < forms->n; i++)
		assert(!str_contains(text, forms->v[i]));
}

static void try_text(struct redact *r, const struct redact_forms *forms, struct str text)
{
	CLEANUP(buf_deinit) struct buf out;
	int e;

	buf_init(&out, 0);
	e = redact_text(r, REDACT_TEXT, text, &out);
	must(e);
	check_gone(forms, e ? buf_str(&out) : text);
}

static void try_json(struct redact *r, const struct redact_forms *forms, struct str text)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(buf_deinit) struct buf source;
	CLEANUP(buf_deinit) struct buf out;
	struct json_out w = json_out(&source);
	struct json v;
	int e;

	arena_init(&a, 0);
	buf_init(&source, 0);
	buf_init(&out, 0);
	json_begin_object(&w);
	JSON_KV_STR(&w, "k", text);
	json_end_object(&w);
	e = redact_text(r, REDACT_GIVEN, buf_str(&source), &out);
	must(e);
	must(-json_parse(&a, buf_str(e ? &out : &source), &v, NULL));
	assert(!str_contains(json_get_str(&v, STR("k")), forms->v[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(redact_deinit) struct redact r;
	CLEANUP(buf_deinit) struct buf text;
	struct redact_forms forms;
	char value[VALUE_MAX];
	size_t n = size ? REDACT_MIN + data[0] % (VALUE_MAX - REDACT_MIN + 1) : 0;

	redact_init(&r);
	buf_init(&text, 0);
	if (!n || size < 1 + n)
		return 0;
	for (size_t i = 0; i < n; i++)
		value[i] = plain(data[1 + i]);
	must(redact_add(&r, &(struct redact_value){ STR("id"), 1, STR("N"), { value, n } }));
	must(redact_apply(&r));
	must(redact_forms_make(&forms, (struct str){ value, n }));
	write_text(&text, &forms, data + 1 + n, size - 1 - n);
	if (!is_like_replacement(&forms)) {
		try_text(&r, &forms, buf_str(&text));
		try_json(&r, &forms, buf_str(&text));
	}
	redact_forms_free(&forms);
	return 0;
}
