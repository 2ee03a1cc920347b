/* SPDX-License-Identifier: Apache-2.0 */
/* Our codec and jansson must agree on thousands of mutated documents: on what is JSON, and on every
 * value. */
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "tests/unit/base/oracle.h"
#include "tests/unit/test.h"

#define N_MUTANTS    12000
#define DOCUMENT_MAX 2048

struct document {
	char text[DOCUMENT_MAX];
	size_t n;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void put(struct buf *b, const struct json *v)
{
	switch (v->type) {
	case JSON_OBJECT:
		buf_put_char(b, '{');
		for (uint32_t i = 0; i < v->n; i++) {
			oracle_put_text(b, 'k', v->members[i].key.p, v->members[i].key.n);
			put(b, &v->members[i].value);
		}
		buf_put_char(b, '}');
		return;
	case JSON_ARRAY:
		buf_put_char(b, '[');
		for (uint32_t i = 0; i < v->n; i++)
			put(b, &v->items[i]);
		buf_put_char(b, ']');
		return;
	case JSON_STRING:
		oracle_put_text(b, 's', v->s.p, v->s.n);
		return;
	case JSON_INT:
		oracle_put_int(b, v->i);
		return;
	case JSON_DOUBLE:
		oracle_put_double(b, v->d);
		return;
	case JSON_BOOL:
		buf_put_char(b, v->b ? 't' : 'f');
		return;
	default:
		buf_put_char(b, 'n');
	}
}

static const char *const seeds[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"quests.create\",\"params\":{\"subject\":"
	"\"Rep\\u00e4r the "
	"\\\"pump\\\"\",\"labels\":[\"a\",\"b\\n\"],\"weight\":1.5e-3,\"parent\":null,\"urgent\":"
	"true}}",
	"[0,-0,1,-1,9223372036854775807,-9223372036854775808,9223372036854775808,0.1,1e22,1e23,-0."
	"0,"
	"1.7976931348623157e308,1e309,4.9e-324,123456789012345678901234567890]",
	"{\"\":[],\"a\":{},\"b\":[[[{\"c\":[null,false]}]]],\"\xe6\x9d\xb1\xe4\xba\xac\":"
	"\"\xf0\x9f\x98\x80\"}",
	"[\"\\ud83d\\ude00\",\"\\u0000\",\"\\/"
	"\\b\\f\\n\\r\\t\\\\\\\"\",\"\xc3\xa9\",\"\\u00E9\\uFFFF\"]",
	" \t\r\n{ \"a\" : 1 , \"b\" : [ 1 , 2 , 3 ] } \n",
	"\"just text\"",
	"3.141592653589793238462643383279",
	"true",
};

/* Pieces that make interesting wrongs more often than random bytes do. */
static const char *const pieces[] = {
	"\"",
	"\\",
	"\\u",
	"\\ud800",
	"\\udc00",
	"{",
	"}",
	"[",
	"]",
	",",
	":",
	"0",
	"00",
	"-",
	".",
	"e",
	"E+",
	"1e5",
	"null",
	"tru",
	"\xc3",
	"\xc3\xa9",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"\xc0\x80",
	"\xff",
	"\t",
	"\n",
	"\x01",
	"\x7f",
	"\xef\xbb\xbf",
	" ",
	"NaN",
	"'",
	"/",
	"/**/",
	"9",
	"\"a\":1,",
	"\\u0000",
};

/* Puts a piece in the place of n_cut bytes; too long a result changes nothing. */
static void splice(struct document *d, size_t at, size_t n_cut, struct str piece)
{
	struct document old = *d;

	if (old.n - n_cut + piece.n > DOCUMENT_MAX)
		return;
	memcpy(d->text + at, piece.p, piece.n);
	memcpy(d->text + at + piece.n, old.text + at + n_cut, old.n - at - n_cut);
	d->n = old.n - n_cut + piece.n;
}

static void mutate(uint64_t *state, struct document *d)
{
	uint64_t r = next_random(state);
	size_t at = d->n ? (r >> 8) % d->n : 0, n = MIN((size_t)(r >> 40) % 40, d->n - at);
	char repeated[40], byte = (char)(r >> 40);

	switch (r % 5) {
	case 0: /* a byte becomes another */
		splice(d, at, d->n ? 1 : 0, (struct str){ &byte, 1 });
		return;
	case 1: /* bytes go away */
		splice(d, at, MIN(n, 4), STR(""));
		return;
	case 2: /* cut off, now and then */
		d->n = r >> 60 ? d->n : at;
		return;
	case 3: /* a part comes again */
		memcpy(repeated, d->text + at, n);
		splice(d, at, 0, (struct str){ repeated, n });
		return;
	default:
		splice(d, at, 0, str_from(pieces[(r >> 40) % ARRAY_LEN(pieces)]));
	}
}

static bool is_ours_alone(int e, const struct json_error *error)
{
	return e == JSON_TOO_DEEP || e == JSON_TOO_MANY ||
	       (e == JSON_NUMBER_RANGE && str_starts(str_from(error->text), STR("number longer")));
}

/* jansson cannot hold a key with U+0000. */
static bool has_nul_key(const struct json *v)
{
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->n; i++)
		if (memchr(v->members[i].key.p, 0, v->members[i].key.n) ||
		    has_nul_key(&v->members[i].value))
			return true;
	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->n; i++)
		if (has_nul_key(&v->items[i]))
			return true;
	return false;
}

/* Both opinions on one document; false ends the run. */
static bool agree(struct arena *a, struct str text, unsigned *n_accepted)
{
	struct json_error error;
	struct buf ours, theirs;
	struct json v;
	bool is_theirs, held;
	int e;

	arena_reset(a);
	buf_init(&ours, 0);
	buf_init(&theirs, 0);
	e = json_parse(a, text, &v, &error);
	is_theirs = oracle_parse(text, &theirs);
	if (!e)
		put(&ours, &v);
	*n_accepted += !e;
	if (e && !is_ours_alone(e, &error))
		held = CHECK(e > 0) && CHECK(!is_theirs) && CHECK(error.at <= text.n);
	else if (!e && !is_theirs)
		held = CHECK(has_nul_key(&v));
	else
		held = e || CHECK_STR_EQ(buf_str(&ours), buf_str(&theirs));
	if (!held)
		CHECK_STR_EQ(text, STR_NONE); /* shows the document */
	buf_deinit(&ours);
	buf_deinit(&theirs);
	return held;
}

TEST(tm_rpc_02_json_agrees_with_jansson_on_mutated_documents)
{
	uint64_t state = 0x9e3779b97f4a7c15ULL;
	unsigned n_accepted = 0;
	struct document d;
	struct arena a;

	arena_init(&a, 0);
	for (unsigned i = 0; i < N_MUTANTS; i++) {
		struct str seed = str_from(seeds[i % ARRAY_LEN(seeds)]);

		memcpy(d.text, seed.p, seed.n);
		d.n = seed.n;
		for (unsigned times = i / ARRAY_LEN(seeds) % 4; times; times--)
			mutate(&state, &d);
		if (!agree(&a, (struct str){ d.text, d.n }, &n_accepted))
			break;
	}
	/* neither all nor nothing, or the mutants teach nothing */
	CHECK(n_accepted > N_MUTANTS / 20);
	CHECK(n_accepted < N_MUTANTS * 19 / 20);
	arena_deinit(&a);
}

TEST(json_doubles_agree_with_jansson)
{
	uint64_t state = 42;
	unsigned n_accepted = 0;
	struct arena a;
	char text[64];

	arena_init(&a, 0);
	for (int i = 0; i < 5000; i++) {
		uint64_t r = next_random(&state);
		int n = snprintf(text, sizeof(text), "%s%llu.%lluE%d", r & 1 ? "-" : "",
				 (unsigned long long)(r >> (r % 60)),
				 (unsigned long long)(next_random(&state) >> 30),
				 (int)((r >> 16) % 700) - 350);

		if (!agree(&a, (struct str){ text, (size_t)n }, &n_accepted))
			break;
	}
	CHECK(n_accepted > 1000);
	arena_deinit(&a);
}
