/* SPDX-License-Identifier: Apache-2.0 */
/* For test_oracle.py: decodes each line of stdin, "VERB<tab>JSON", as that verb's parameters
 * ("=VERB": its result), and answers "ok" with the encoded struct, or "bad" with the fields at
 * fault. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "verbs.gen.h"

static void put_faults(const struct shape_faults *faults)
{
	printf("bad");
	for (size_t i = 0; i < faults->n; i++)
		printf("\t%.*s", STR_ARG(faults->v[i].field));
	printf("\n");
}

static int answer(const struct shape *s, struct str source, struct arena *a)
{
	CLEANUP(buf_deinit) struct buf out = { 0 };
	struct json_out w = json_out(&out);
	void *value = arena_zalloc(a, s->size);
	struct shape_faults faults;
	struct json json;
	int e;

	if (!value || json_parse(a, source, &json, NULL))
		return 1;
	e = shape_decode(s, &json, a, value, &faults);
	if (e < 0)
		return 1;
	if (e) {
		put_faults(&faults);
		return 0;
	}
	shape_encode(s, value, &w);
	printf("ok\t%.*s\n", STR_ARG(buf_str(&out)));
	return 0;
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	struct arena a;
	ssize_t n;
	int e = 0;

	arena_init(&a, 0);
	while (!e && (n = getline(&line, &room, stdin)) > 0) {
		struct str rest = { line, (size_t)n - 1 };
		struct str name = str_cut(&rest, '\t');
		bool is_result = str_starts(name, STR("="));
		const struct verb *v = verb_find(str_slice(name, is_result, name.n));
		e = !v || answer(is_result ? v->result : v->params, rest, &a);
		arena_reset(&a);
	}
	arena_deinit(&a);
	free(line);
	return e;
}
