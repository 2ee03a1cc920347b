/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern becomes a row of tokens; which of them may come next is followed through the text,
 * all at once. */
#include "base/glob.h"

#include <stdint.h>
#include <string.h>

enum token {
	END,
	CHAR,
	STAR,  /* any of one word */
	ANY,   /* any */
	SOME,  /* one at least */
	WORDS, /* whole words, each with its separator; with the next one: */
	WORD   /* within one of them */
};

struct glob {
	uint8_t tokens[GLOB_MAX + 2];
	char chars[GLOB_MAX + 2];
	size_t n;
	char separator;
};

bool glob_is(struct str pattern)
{
	return pattern.n && memchr(pattern.p, '*', pattern.n);
}

static void add(struct glob *g, enum token token, char ch)
{
	g->tokens[g->n] = token;
	g->chars[g->n++] = ch;
}

/* Stars from i on; gives where they and what belongs to them end. */
static size_t add_stars(struct glob *g, struct str p, size_t i)
{
	bool is_first = i == 0 || p.p[i - 1] == g->separator;
	size_t n = 1;

	while (i + n < p.n && p.p[i + n] == '*')
		n++;
	if (n == 1) {
		add(g, STAR, 0);
	} else if (is_first && i + n < p.n && p.p[i + n] == g->separator) {
		add(g, WORDS, 0);
		add(g, WORD, 0);
		n++;
	} else {
		add(g, is_first && i && i + n == p.n ? SOME : ANY, 0);
	}
	return i + n;
}

static void compile(struct glob *g, struct str pattern)
{
	for (size_t i = 0; i < pattern.n;) {
		if (pattern.p[i] == '*')
			i = add_stars(g, pattern, i);
		else
			add(g, CHAR, pattern.p[i++]);
	}
	g->tokens[g->n] = END;
}

/* What may stand for nothing is passed. */
static void close_over(const struct glob *g, bool *at)
{
	for (size_t i = 0; i < g->n; i++) {
		if (at[i] && (g->tokens[i] == STAR || g->tokens[i] == ANY))
			at[i + 1] = true;
		if (at[i] && g->tokens[i] == WORDS)
			at[i + 2] = true;
	}
}

static void step(const struct glob *g, size_t i, char ch, bool *to)
{
	bool is_separator = ch == g->separator;

	switch (g->tokens[i]) {
	case CHAR:
		to[i + 1] |= g->chars[i] == ch;
		return;
	case STAR:
		to[i] |= !is_separator;
		return;
	case ANY:
		to[i] = true;
		return;
	case SOME:
		to[i] = to[i + 1] = true;
		return;
	case WORDS:
		to[is_separator ? i : i + 1] = true;
		return;
	case WORD:
		to[is_separator ? i - 1 : i] = true;
		return;
	default:
		return;
	}
}

bool glob_matches(struct str pattern, struct str text, char separator)
{
	struct glob g = { .separator = separator };
	bool at[2][GLOB_MAX + 3] = { { true } };

	if (pattern.n > GLOB_MAX)
		return false;
	compile(&g, pattern);
	close_over(&g, at[0]);
	for (size_t t = 0; t < text.n; t++) {
		const bool *from = at[t % 2];
		bool *to = at[(t + 1) % 2];

		memset(to, 0, g.n + 3);
		for (size_t i = 0; i < g.n; i++)
			if (from[i])
				step(&g, i, text.p[t], to);
		close_over(&g, to);
	}
	return at[text.n % 2][g.n];
}

struct str glob_prefix(struct str pattern, char separator, size_t n_words)
{
	size_t end = 0;

	for (size_t i = 0; i < pattern.n && pattern.p[i] != '*' && n_words; i++)
		if (pattern.p[i] == separator) {
			end = i + 1;
			n_words--;
		}
	return str_slice(pattern, 0, end);
}
