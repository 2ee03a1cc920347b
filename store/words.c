/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting text into words, for the index and for queries. */
#include "store/words.h"

#include "base/buf.h"
#include "base/err.h"
#include "store/fold.h"

struct range {
	uint32_t from, to;
};

/* Scripts without blanks between words. */
static const struct range alone[] = {
	{ 0x0e00, 0x0eff },   /* Thai, Lao */
	{ 0x1000, 0x109f },   /* Myanmar */
	{ 0x1100, 0x11ff },   /* Hangul Jamo */
	{ 0x1780, 0x17ff },   /* Khmer */
	{ 0x2e80, 0x2fdf },   /* radicals */
	{ 0x3005, 0x3007 },   /* 々 〆 〇 */
	{ 0x3040, 0x31ff },   /* Kana, Bopomofo, Hangul letters */
	{ 0x3400, 0x4dbf },   /* Han, extension A */
	{ 0x4e00, 0x9fff },   /* Han */
	{ 0xa960, 0xa97f },   /* Jamo, extension A */
	{ 0xac00, 0xd7ff },   /* Hangul */
	{ 0xf900, 0xfaff },   /* compatibility Han */
	{ 0xff66, 0xffdc },   /* half-width Kana and Hangul */
	{ 0x1b000, 0x1b16f }, /* Kana supplement */
	{ 0x20000, 0x323af }, /* Han, extensions B and on */
};

/* Beyond ASCII, what is no part of a word. */
static const struct range between[] = {
	{ 0x0080, 0x00a9 },    { 0x00ab, 0x00b1 }, { 0x00b4, 0x00b4 }, { 0x00b6, 0x00b8 },
	{ 0x00bb, 0x00bb },    { 0x00bf, 0x00bf }, { 0x00d7, 0x00d7 }, { 0x00f7, 0x00f7 },
	{ 0x055a, 0x055f },    { 0x0589, 0x058a }, { 0x05be, 0x05be }, { 0x060c, 0x060d },
	{ 0x061b, 0x061f },    { 0x066a, 0x066d }, { 0x06d4, 0x06d4 }, { 0x0964, 0x0965 },
	{ 0x0e2f, 0x0e2f },    { 0x0e3f, 0x0e3f }, { 0x0e46, 0x0e46 }, { 0x0e4f, 0x0e4f },
	{ 0x0e5a, 0x0e5b },    { 0x104a, 0x104f }, { 0x1361, 0x1368 }, { 0x17d4, 0x17db },
	{ 0x2000, 0x206f },    { 0x20a0, 0x20cf }, { 0x2190, 0x245f }, { 0x2500, 0x2bff },
	{ 0x2e00, 0x2e7f },    { 0x3000, 0x3004 }, { 0x3008, 0x3020 }, { 0x3030, 0x3030 },
	{ 0x303d, 0x303f },    { 0x309b, 0x309c }, { 0x30a0, 0x30a0 }, { 0x30fb, 0x30fb },
	{ 0xe000, 0xf8ff },    { 0xfe00, 0xfe6f }, { 0xff00, 0xff0f }, { 0xff1a, 0xff20 },
	{ 0xff3b, 0xff40 },    { 0xff5b, 0xff65 }, { 0xffe0, 0xffff }, { 0x1f000, 0x1faff },
	{ 0xe0000, 0x10ffff },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t code)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (code > ranges[middle].to)
			low = middle + 1;
		else if (code < ranges[middle].from)
			high = middle;
		else
			return true;
	}
	return false;
}

static bool stands_alone(uint32_t code)
{
	return code >= alone[0].from && is_in(alone, ARRAY_LEN(alone), code);
}

static bool is_of_word(uint32_t code)
{
	if (code < 0x80)
		return (code >= '0' && code <= '9') || ((code | 32) >= 'a' && (code | 32) <= 'z');
	return !is_in(between, ARRAY_LEN(between), code);
}

/* The code point at `at` and its bytes; what is no UTF-8 (a damaged row) is passed over byte by
 * byte. */
static size_t code_at(struct str text, size_t at, uint32_t *code)
{
	size_t n = str_utf8_at(text, at, code);

	if (n > 0)
		return n;
	*code = 0xfffd;
	return 1;
}

/* The tokenizer folds letter by letter: what becomes several letters it would leave as it is. */
static bool put_several(struct buf *b, uint32_t code)
{
	const uint32_t *to = fold_to_several(code);
	char letter[4];

	for (; to && *to; to++)
		buf_put(b, letter, str_utf8_put(letter, *to));
	return to != NULL;
}

static void put_cut(struct buf *b, struct str text)
{
	uint32_t code;

	for (size_t at = 0, n; at < text.n; at += n) {
		n = code_at(text, at, &code);
		if (n > 1 && stands_alone(code)) {
			buf_put_char(b, ' ');
			buf_put(b, text.p + at, n);
			buf_put_char(b, ' ');
		} else if (n == 1 || !put_several(b, code)) {
			buf_put(b, text.p + at, n);
		}
	}
}

static bool needs_cutting(struct str text)
{
	uint32_t code;

	for (size_t at = 0, n; at < text.n; at += n) {
		n = code_at(text, at, &code);
		if (n > 1 && (stands_alone(code) || fold_to_several(code)))
			return true;
	}
	return false;
}

int words_cut(struct arena *a, struct str text, struct str *out)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	if (!needs_cutting(text)) {
		*out = text.p ? text : STR("");
		return 0;
	}
	buf_init(&b, 0);
	put_cut(&b, text);
	*out = str_dup(a, buf_str(&b));
	return b.failed || !out->p ? err_nomem() : 0;
}

/* The next word of text from *at on, or NONE. */
static struct str next_word(struct str text, size_t *at)
{
	uint32_t code;
	size_t n = 0, from = text.n;

	for (; *at < text.n; *at += n) {
		n = code_at(text, *at, &code);
		if (is_of_word(code))
			from = MIN(from, *at);
		else if (from < *at)
			break;
	}
	return from < *at ? str_slice(text, from, *at) : STR_NONE;
}

static bool has_word(const struct str_list *words, struct str word)
{
	for (size_t i = 0; i < words->n; i++)
		if (str_eq_nocase(words->v[i], word))
			return true;
	return false;
}

/* Words hold no quote, so quoting one needs no escape; a cut one is a phrase. */
static void put_expression(struct buf *b, const struct str_list *words, const char *joint)
{
	for (size_t i = 0; i < words->n; i++) {
		if (i > 0)
			buf_fmt(b, " %s ", joint);
		buf_put_char(b, '"');
		put_cut(b, words->v[i]);
		buf_put_char(b, '"');
	}
}

static int expression(struct arena *a, const struct str_list *words, const char *joint,
		      struct str *out)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	buf_init(&b, 0);
	put_expression(&b, words, joint);
	*out = str_dup(a, buf_str(&b));
	return b.failed || !out->p ? err_nomem() : 0;
}

int words_query(struct arena *a, struct str text, struct words_query *out)
{
	struct str word;
	size_t at = 0;
	int e;

	*out = (struct words_query){ .words.v = ARENA_ARRAY(a, WORDS_MAX, struct str) };
	if (!out->words.v)
		return err_nomem();
	while (out->words.n < WORDS_MAX && (word = next_word(text, &at)).p) {
		word = str_utf8_prefix(word, 240);
		if (!has_word(&out->words, word))
			out->words.v[out->words.n++] = word;
	}
	if (out->words.n == 0)
		return 0;
	e = expression(a, &out->words, "AND", &out->all);
	return e ? err_trace(e) : err_trace(expression(a, &out->words, "OR", &out->any));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static size_t find_nocase(struct str text, struct str word)
{
	for (size_t at = 0; at + word.n <= text.n; at++) {
		size_t i = 0;

		while (i < word.n && lower(text.p[at + i]) == lower(word.p[i]))
			i++;
		if (i == word.n)
			return at;
	}
	return text.n;
}

static size_t first_place(struct str text, const struct str_list *words)
{
	size_t best = text.n;

	for (size_t i = 0; i < words->n; i++)
		best = find_nocase(str_slice(text, 0, best), words->v[i]);
	return best < text.n ? best : 0;
}

static size_t code_point_start(struct str text, size_t at)
{
	while (at > 0 && ((unsigned char)text.p[at] & 0xc0) == 0x80)
		at--;
	return at;
}

int words_snippet(struct arena *a, struct str text, const struct str_list *words, size_t max_bytes,
		  struct str *out)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	size_t place = first_place(text, words), from = 0;
	struct str part;

	if (place > max_bytes / 3) {
		from = place - max_bytes / 3;
		for (size_t i = from; i < place; i++)
			if (text.p[i] == ' ' || text.p[i] == '\n') {
				from = i + 1;
				break;
			}
		from = code_point_start(text, from);
	}
	part = str_utf8_prefix(str_slice(text, from, text.n), max_bytes);
	buf_init(&b, 0);
	if (from > 0)
		buf_put_str(&b, STR("…"));
	buf_put_str(&b, part);
	if (from + part.n < text.n)
		buf_put_str(&b, STR("…"));
	*out = str_dup(a, buf_str(&b));
	return b.failed || !out->p ? err_nomem() : 0;
}
