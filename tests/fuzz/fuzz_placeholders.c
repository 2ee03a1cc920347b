/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters with placeholders, a line, and the event that they are filled in from. Whatever the
 * event says, what comes out has the fields that were written, and a text stays a text. */
#include <assert.h>
#include <stdint.h>

#include "base/err.h"
#include "base/template.h"
#include "server/placeholders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A part of it is a place, and it is more than one place alone. */
static void look(const struct json *was, const struct json *is)
{
	struct str path;

	if (was->type == JSON_STRING && template_is(was->s)) {
		assert(template_is_one(was->s, &path) || is->type == JSON_STRING);
		return;
	}
	assert(was->type == is->type && was->n == is->n);
	for (uint32_t i = 0; was->type == JSON_ARRAY && i < was->n; i++)
		look(&was->items[i], &is->items[i]);
	for (uint32_t i = 0; was->type == JSON_OBJECT && i < was->n; i++) {
		assert(str_eq(was->members[i].key, is->members[i].key));
		look(&was->members[i].value, &is->members[i].value);
	}
	if (was->type == JSON_STRING)
		assert(str_eq(was->s, is->s));
}

static const char *any_path(const void *data, struct str path)
{
	assert(path.n && path.n <= TEMPLATE_PATH_MAX);
	return NULL;
}

static void fill(struct arena *a, const struct json *params, const struct json *event)
{
	const struct placeholder_root roots[] = { { STR("event"), event } };
	struct placeholders p = { .arena = a, .roots = roots, .n_roots = 1 };
	const struct json *out;
	bool is_sound = placeholders_check(&p, params, any_path, NULL) == 0;
	int e = placeholders_fill(&p, params, &out);

	assert(is_sound || e);
	if (e < 0)
		err_forget();
	else if (e)
		assert(p.why && p.bad.p);
	else
		look(params, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, line = str_cut(&rest, '\n');
	struct json params, event;
	struct arena a;
	int e;

	arena_init(&a, 64 << 20);
	e = json_parse(&a, line.p ? line : STR(""), &params, NULL);
	if (!e)
		e = json_parse(&a, rest.p ? rest : STR(""), &event, NULL);
	if (e < 0)
		err_forget();
	else if (!e)
		fill(&a, &params, &event);
	arena_deinit(&a);
	return 0;
}
