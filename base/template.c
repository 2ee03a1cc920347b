/* SPDX-License-Identifier: Apache-2.0 */
/* Text with places to be filled in. */
#include "base/template.h"

static bool is_open(struct str s, size_t i)
{
	return i + 1 < s.n && s.p[i] == '{' && s.p[i + 1] == '{';
}

static bool is_close(struct str s, size_t i)
{
	return i + 1 < s.n && s.p[i] == '}' && s.p[i + 1] == '}';
}

static bool is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '-';
}

/* Words with dots between them: NULL, or what is wrong. */
static const char *check_path(struct str path)
{
	bool is_in_word = false;

	if (!path.n)
		return "a path in the braces";
	if (path.n > TEMPLATE_PATH_MAX)
		return "a path of at most 200 characters";
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '.' && !is_in_word)
			return "a word on both sides of each dot";
		if (path.p[i] != '.' && !is_word(path.p[i]))
			return "words of letters, digits, _ and - with dots between them";
		is_in_word = path.p[i] != '.';
	}
	return is_in_word ? NULL : "a word on both sides of each dot";
}

static int bad(struct str *rest, const char *why, struct template_part *out)
{
	*out = (struct template_part){ *rest, why };
	*rest = str_slice(*rest, rest->n, rest->n);
	return TEMPLATE_BAD;
}

/* `rest` begins with "{{". */
static int take_place(struct str *rest, struct template_part *out)
{
	struct str path;
	const char *why;
	size_t i = 2;

	while (i < rest->n && !is_close(*rest, i) && !is_open(*rest, i))
		i++;
	if (!is_close(*rest, i))
		return bad(rest, "'}}' at its end", out);
	path = str_trim(str_slice(*rest, 2, i));
	why = check_path(path);
	if (why)
		return bad(rest, why, out);
	*out = (struct template_part){ path, NULL };
	*rest = str_slice(*rest, i + 2, rest->n);
	return TEMPLATE_PATH;
}

int template_next(struct str *rest, struct template_part *out)
{
	size_t i = 0;

	if (!rest->n)
		return 0;
	if (is_open(*rest, 0) && is_open(*rest, 2)) {
		*out = (struct template_part){ str_slice(*rest, 0, 2), NULL };
		*rest = str_slice(*rest, 4, rest->n);
		return TEMPLATE_TEXT;
	}
	if (is_open(*rest, 0))
		return take_place(rest, out);
	while (i < rest->n && !is_open(*rest, i))
		i++;
	*out = (struct template_part){ str_slice(*rest, 0, i), NULL };
	*rest = str_slice(*rest, i, rest->n);
	return TEMPLATE_TEXT;
}

bool template_is(struct str text)
{
	for (size_t i = 0; i + 1 < text.n; i++)
		if (is_open(text, i))
			return true;
	return false;
}

bool template_is_one(struct str text, struct str *out_path)
{
	struct template_part part;

	if (!is_open(text, 0) || template_next(&text, &part) != TEMPLATE_PATH || text.n)
		return false;
	*out_path = part.text;
	return true;
}
