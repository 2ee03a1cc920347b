/* SPDX-License-Identifier: Apache-2.0 */
/* What subscriptions wait for: pattern, text, path, op, value and payload, a line each. A pattern
 * matches what a slow reading of it says; what a subscription is found by is there in every event
 * that it matches. */
#include <assert.h>
#include <stdint.h>

#include "base/err.h"
#include "base/glob.h"
#include "server/predicates.h"
#include "store/interest.h"

#define SLOW_MAX 24 /* its time grows without bounds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool slowly(struct str p, struct str t, bool is_word_start, char sep);

/* Any beginning of the text, then the rest of the pattern. */
static bool any_then(struct str p, struct str t, char sep, size_t least, bool within)
{
	for (size_t i = 0; i <= t.n; i++) {
		if (i >= least && slowly(p, str_slice(t, i, t.n), false, sep))
			return true;
		if (within && i < t.n && t.p[i] == sep)
			return false;
	}
	return false;
}

static bool words_then(struct str p, struct str t, char sep)
{
	if (slowly(p, t, true, sep))
		return true;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] == sep && slowly(p, str_slice(t, i + 1, t.n), true, sep))
			return true;
	return false;
}

static bool slowly(struct str p, struct str t, bool is_word_start, char sep)
{
	static const struct str none = { "", 0 };
	bool is_at_start = is_word_start;
	size_t n = 0;

	if (!p.n)
		return !t.n;
	while (n < p.n && p.p[n] == '*')
		n++;
	if (n == 0)
		return t.n && t.p[0] == p.p[0] &&
		       slowly(str_slice(p, 1, p.n), str_slice(t, 1, t.n), p.p[0] == sep, sep);
	p = n < p.n ? str_slice(p, n, p.n) : none;
	if (n == 1)
		return any_then(p, t, sep, 0, true);
	if (is_at_start && p.n && p.p[0] == sep)
		return words_then(str_slice(p, 1, p.n), t, sep);
	return any_then(p, t, sep, 0, false);
}

/* "x/(two stars)" wants one character more than its slow reading. */
static bool ends_in_some(struct str p, char sep)
{
	size_t n = 0;

	while (n < p.n && p.p[p.n - 1 - n] == '*')
		n++;
	return n > 1 && n < p.n && p.p[p.n - 1 - n] == sep;
}

static void look_at_pattern(struct str pattern, struct str text)
{
	bool matches = glob_matches(pattern, text, '.');
	struct str prefix = glob_prefix(pattern, '.', 8);

	if (matches && glob_is(pattern))
		assert(str_starts(text, prefix));
	if (!glob_is(pattern) && pattern.n <= GLOB_MAX)
		assert(matches == str_eq(pattern, text));
	if (pattern.n <= SLOW_MAX && text.n <= SLOW_MAX && !ends_in_some(pattern, '.'))
		assert(matches == slowly(pattern, text, true, '.'));
}

/* Whatever equals a value has its text. */
static void look_at_value(struct arena *a, const struct json *payload, struct str path,
			  const struct json *value)
{
	const struct json *x = json_at(payload, path);
	struct str wanted = store_interest_text(a, value), is;

	if (!x || !wanted.p || !predicate_holds(payload, path, PREDICATE_OP_EQ, value))
		return;
	is = store_interest_text(a, x);
	assert(is.p && str_eq(is, wanted));
}

static void look_at_predicate(struct arena *a, struct str path, int op, struct str text,
			      struct str payload)
{
	struct json value, root;
	int e = json_parse(a, payload, &root, NULL);

	if (e == 0)
		e = json_parse(a, text, &value, NULL);
	if (e) {
		err_forget();
		return;
	}
	(void)predicate_holds(&root, path, (enum predicate_op)op, &value);
	if (predicate_holds(&root, path, PREDICATE_OP_NE, &value))
		assert(!predicate_holds(&root, path, PREDICATE_OP_EQ, &value));
	if (predicate_holds(&root, path, PREDICATE_OP_LT, &value))
		assert(!predicate_holds(&root, path, PREDICATE_OP_GE, &value));
	look_at_value(a, &root, path, &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct str pattern = str_cut(&rest, '\n'), text = str_cut(&rest, '\n');
	struct str path = str_cut(&rest, '\n'), op = str_cut(&rest, '\n');
	struct str value = str_cut(&rest, '\n');
	struct arena a;

	arena_init(&a, 16 << 20);
	look_at_pattern(pattern.p ? pattern : STR(""), text.p ? text : STR(""));
	if (path.p && value.p && rest.p)
		look_at_predicate(&a, path, op.n ? 1 + op.p[0] % 9 : 1, value, rest);
	arena_deinit(&a);
	return 0;
}
