/* SPDX-License-Identifier: Apache-2.0 */
/* Finding ids and methods without a parse. */
#include "cli/relay_ids.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_scan.h"

/* How a walk over one object ended. */
enum walk { WALK_BAD, WALK_DONE, WALK_ESCAPED };

static size_t skip_blanks(struct str s, size_t at)
{
	while (at < s.n && (unsigned char)s.p[at] <= ' ' &&
	       (s.p[at] == ' ' || s.p[at] == '\t' || s.p[at] == '\r' || s.p[at] == '\n'))
		at++;
	return at;
}

/* To behind the closing quote of a string, of which `at` and what follows are left; 0 when there is
 * none. */
static size_t skip_rest(struct str s, size_t at)
{
	while (at < s.n) {
		const char *quote = memchr(s.p + at, '"', s.n - at);

		if (!quote)
			return 0;
		size_t end = (size_t)(quote - s.p), slash = end;

		while (slash > at && s.p[slash - 1] == '\\')
			slash--;
		if ((end - slash) % 2 == 0)
			return end + 1;
		at = end + 1;
	}
	return 0;
}

/* From the opening quote to behind the closing one; 0 when there is none. Most are short and plain.
 */
static size_t skip_string(struct str s, size_t at)
{
	const char *end = s.p + s.n, *p = json_scan_plain(s.p + at + 1, end);

	return p < end && *p == '"' ? (size_t)(p - s.p) + 1 : skip_rest(s, (size_t)(p - s.p));
}

static size_t skip_nested(struct str s, size_t at)
{
	size_t depth = 0;

	while (at < s.n) {
		char c = s.p[at];

		if (c == '"') {
			at = skip_string(s, at);
			if (at == 0)
				return 0;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return 0;
}

/* Behind the value that begins at `at`; 0 when it does not end. */
static size_t skip_value(struct str s, size_t at)
{
	if (at >= s.n)
		return 0;
	if (s.p[at] == '"')
		return skip_string(s, at);
	if (s.p[at] == '{' || s.p[at] == '[')
		return skip_nested(s, at);
	size_t from = at;

	while (at < s.n && s.p[at] > ' ' && s.p[at] != ',' && s.p[at] != '}' && s.p[at] != ']')
		at++;
	return at > from ? at : 0;
}

static bool is_answerable(struct str id)
{
	return id.n > 0 && (id.p[0] == '"' || id.p[0] == '-' || (id.p[0] >= '0' && id.p[0] <= '9'));
}

static bool has_escape(struct str s)
{
	return memchr(s.p, '\\', s.n) != NULL;
}

static bool is_outcome(struct str key)
{
	return str_eq(key, STR("\"result\"")) || str_eq(key, STR("\"error\""));
}

/* One member, key and value given as written. False when an escape hides what it is. */
static bool note_member(struct relay_message *m, struct str key, struct str value)
{
	if (str_eq(key, STR("\"id\""))) {
		m->id = is_answerable(value) ? value : STR_NONE;
		return true;
	}
	if (str_eq(key, STR("\"method\""))) {
		if (value.p[0] == '"')
			m->method = str_slice(value, 1, value.n - 1);
		return !has_escape(value);
	}
	return !has_escape(key);
}

/* Walks the object at `at`. With `to_end`, *end is where it ends; without, the walk stops as soon
 * as all is known: mostly before the params, and always before the result, which may be long. */
static enum walk walk_object(struct str s, size_t at, bool to_end, struct relay_message *m,
			     size_t *end)
{
	bool is_escaped = false;

	at = skip_blanks(s, at + 1);
	while (at < s.n && s.p[at] == '"') {
		size_t from = at, key_end = skip_string(s, at);
		struct str key = str_slice(s, from, key_end);
		bool may_stop = !to_end && !is_escaped && m->id.p;

		if (may_stop && (m->method.p || is_outcome(key)))
			return WALK_DONE;
		at = key_end ? skip_blanks(s, key_end) : s.n;
		if (at >= s.n || s.p[at] != ':')
			return WALK_BAD;
		from = skip_blanks(s, at + 1);
		at = skip_value(s, from);
		if (at == 0)
			return WALK_BAD;
		if (!note_member(m, key, str_slice(s, from, at)))
			is_escaped = true;
		at = skip_blanks(s, at);
		if (at < s.n && s.p[at] == ',')
			at = skip_blanks(s, at + 1);
	}
	if (at >= s.n || s.p[at] != '}')
		return WALK_BAD;
	*end = at + 1;
	return is_escaped ? WALK_ESCAPED : WALK_DONE;
}

static void parse_message(struct arena *arena, struct relay_message *m)
{
	struct json value;

	m->id = m->method = STR_NONE;
	arena_reset(arena);
	if (json_parse(arena, m->text, &value, NULL)) {
		err_forget(); /* the server says what is wrong with it */
		return;
	}
	const struct json *id = json_get(&value, STR("id"));

	m->method = json_get_str(&value, STR("method"));
	if (id && is_answerable(id->raw))
		m->id = id->raw;
}

void relay_scan_begin(struct relay_scan *s, struct str line, struct arena *arena)
{
	*s = (struct relay_scan){ .line = line, .arena = arena };
	s->at = skip_blanks(line, 0);
	if (s->at < line.n && line.p[s->at] == '[') {
		s->is_batch = true;
		s->at++;
	}
}

bool relay_scan_next(struct relay_scan *s, struct relay_message *m)
{
	size_t at = skip_blanks(s->line, s->at), end = s->line.n;

	*m = (struct relay_message){ 0 };
	/* Members of a batch that are no objects are answered without an id. */
	while (s->is_batch && at < s->line.n && s->line.p[at] != '{' && s->line.p[at] != ']') {
		at = s->line.p[at] == ',' ? at + 1 : skip_value(s->line, at);
		if (at == 0)
			return false;
		at = skip_blanks(s->line, at);
	}
	if (s->is_over || at >= s->line.n || s->line.p[at] != '{')
		return false;
	enum walk w = walk_object(s->line, at, s->is_batch, m, &end);

	s->is_over = !s->is_batch || w == WALK_BAD;
	s->at = end;
	m->text = str_slice(s->line, at, end);
	if (w == WALK_ESCAPED)
		parse_message(s->arena, m);
	return w != WALK_BAD;
}

struct str relay_message_param(const struct relay_message *m, struct str name, struct arena *arena)
{
	struct json value;

	arena_reset(arena);
	if (json_parse(arena, m->text, &value, NULL)) {
		err_forget();
		return STR_NONE;
	}
	const struct json *params = json_get(&value, STR("params"));
	const struct json *found = params ? json_get(params, name) : NULL;

	return found ? found->raw : STR_NONE;
}
