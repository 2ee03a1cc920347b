/* SPDX-License-Identifier: Apache-2.0 */
/* Finding [[name]] and ![[name]] in Markdown, outside of code. */
#include "verbs/mentions.h"

#include <stdbool.h>

enum { NAME_BYTES_MAX = 800 };

static void add(struct mentions *m, struct str type, struct str name)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].type, type) && str_eq(m->v[i].name, name))
			return;
	if (m->n < MENTIONS_MAX)
		m->v[m->n++] = (struct idea_mention){ type, name };
}

/* The end of a run of back-ticks that closes the one at `at`, or the end of that run when none
 * does. */
static size_t skip_code(struct str s, size_t at)
{
	size_t n = 0, run = 0;

	while (at + n < s.n && s.p[at + n] == '`')
		n++;
	for (size_t i = at + n; i < s.n; i++) {
		run = s.p[i] == '`' ? run + 1 : 0;
		if (run == n && (i + 1 == s.n || s.p[i + 1] != '`'))
			return i + 1;
	}
	return at + n;
}

/* The name between the brackets that open at `at`; NONE when it is none: empty, too long, over a
 * line, or with brackets inside. */
static struct str name_at(struct str s, size_t at, size_t *end)
{
	size_t from = at + 2, i = from;

	while (i < s.n && s.p[i] != ']' && s.p[i] != '[' && s.p[i] != '\n' &&
	       i - from < NAME_BYTES_MAX)
		i++;
	*end = at + 1;
	if (i + 1 >= s.n || s.p[i] != ']' || s.p[i + 1] != ']')
		return STR_NONE;
	*end = i + 2;
	return str_trim(str_slice(s, from, i));
}

void mentions_find(struct str s, struct mentions *out)
{
	size_t i = 0;

	out->n = 0;
	while (i + 1 < s.n) {
		if (s.p[i] == '`') {
			i = skip_code(s, i);
		} else if (s.p[i] == '[' && s.p[i + 1] == '[') {
			bool is_embed = i > 0 && s.p[i - 1] == '!';
			struct str name = name_at(s, i, &i);

			if (name.n > 0 && str_n_chars(name) <= 200)
				add(out, is_embed ? STR("embed") : STR("mention"), name);
		} else {
			i++;
		}
	}
}
