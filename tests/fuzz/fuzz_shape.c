/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding by schema. An input is a verb's name, with '=' before it when its result is meant, a
 * line end, and JSON. What decodes must encode to something that decodes to the same text; what
 * does not must be told in words that may be shown. */
#include <assert.h>

#include "base/err.h"
#include "verbs.gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(struct str s, size_t most)
{
	assert(s.n <= most);
	assert(str_is_utf8(s));
	for (size_t i = 0; i < s.n; i++)
		assert((unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
}

static void check_faults(const struct shape_faults *faults)
{
	assert(faults->n > 0 && faults->n <= SHAPE_FAULTS_MAX && faults->n_all >= faults->n);
	for (size_t i = 0; i < faults->n; i++) {
		check_words(faults->v[i].field, 256);
		check_words(faults->v[i].expected, 512);
		check_words(faults->v[i].got, 64);
		check_words(faults->v[i].nearest, 64);
	}
}

/* The text of what `source` decodes to, in `out`; false when it does not. */
static bool decode_to_text(const struct shape *s, struct str source, struct arena *a,
			   struct buf *out)
{
	void *value = arena_zalloc(a, s->size);
	struct json_out w = json_out(out);
	struct shape_faults faults;
	struct json json;
	int e;

	if (!value || json_parse(a, source, &json, NULL)) {
		err_forget();
		return false;
	}
	e = shape_decode(s, &json, a, value, &faults);
	if (e == SHAPE_BAD)
		check_faults(&faults);
	err_forget();
	if (e)
		return false;
	shape_encode(s, value, &w);
	return !out->failed;
}

static void try(const struct shape *s, struct str source, struct arena *a)
{
	CLEANUP(buf_deinit) struct buf once = { 0 }, twice = { 0 };

	if (!decode_to_text(s, source, a, &once))
		return;
	assert(decode_to_text(s, buf_str(&once), a, &twice));
	assert(str_eq(buf_str(&once), buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct str name = str_cut(&rest, '\n');
	bool is_result = str_starts(name, STR("="));
	const struct verb *verb = verb_find(is_result ? str_slice(name, 1, name.n) : name);
	struct arena a;

	if (!verb)
		return 0;
	arena_init(&a, 64u << 20);
	try(is_result ? verb->result : verb->params, rest, &a);
	arena_deinit(&a);
	return 0;
}
