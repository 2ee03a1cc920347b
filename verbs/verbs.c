/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.*: the table of verbs as its callers see it. */
#include <stdlib.h>

#include "base/arena.h"
#include "handlers.gen.h"
#include "types.gen.h"
#include "verbs.gen.h"
#include "verbs/call.h"

static struct verb_info info_of(const struct verb *v)
{
	return (struct verb_info){
		.name = v->name,
		.tool = v->tool,
		.summary = v->summary,
		.toolset = v->toolset,
		.lane = verb_lane_text(v->lane),
		.read_only = v->is_read_only,
		.destructive = v->confirm_offset != UINT32_MAX,
	};
}

static bool is_noun_of(struct str noun, struct str name)
{
	return str_starts(name, noun) && name.n > noun.n && name.p[noun.n] == '.';
}

int verbs_list(struct call *call, const struct verbs_list_params *p, struct verbs_list_result *r)
{
	r->items.v = ARENA_ARRAY(call->arena, VERB_MAX, struct verb_info);
	if (!r->items.v)
		return err_nomem();
	for (size_t i = 0; i < VERB_MAX; i++) {
		const struct verb *v = &verb_table[i];

		if (p->toolset.p && !str_eq(p->toolset, v->toolset))
			continue;
		if (p->noun.p && !is_noun_of(p->noun, v->name))
			continue;
		r->items.v[r->items.n++] = info_of(v);
	}
	if (!r->items.n)
		r->next = STR("nothing matches: verbs.list without parameters names all");
	return 0;
}

static int describe_access(struct call *call, const struct verb *v, struct str_list *out)
{
	out->v = ARENA_ARRAY(call->arena, ACCESS_ROLE_MAX, struct str);
	if (!out->v)
		return err_nomem();
	for (int role = 1; role < ACCESS_ROLE_MAX; role++)
		if (v->access & 1u << role)
			out->v[out->n++] = access_role_text(role);
	return 0;
}

static int describe_errors(struct call *call, const struct verb *v, struct verb_refusal_list *out)
{
	out->v = ARENA_ARRAY(call->arena, v->n_errors, struct verb_refusal);
	if (!out->v)
		return err_nomem();
	for (out->n = 0; out->n < v->n_errors; out->n++) {
		const struct verb_error *e = &v->errors[out->n];

		out->v[out->n] = (struct verb_refusal){
			.name = error_table[e->code].name,
			.code = error_table[e->code].code,
			.when = e->when,
		};
	}
	return 0;
}

static int describe_examples(struct call *call, const struct verb *v, struct verb_sample_list *out)
{
	out->v = ARENA_ARRAY(call->arena, v->n_examples, struct verb_sample);
	if (!out->v)
		return err_nomem();
	for (out->n = 0; out->n < v->n_examples; out->n++) {
		const struct verb_example *e = &v->examples[out->n];

		out->v[out->n] = (struct verb_sample){ .title = e->title,
						       .params = e->params,
						       .result = e->result,
						       .error = e->error };
	}
	return 0;
}

int verbs_describe(struct call *call, const struct verbs_describe_params *p,
		   struct verbs_describe_result *r)
{
	const struct verb *v = verb_find(p->name);
	struct str nearest;
	int e;

	if (!v) {
		nearest = verb_nearest(p->name);
		if (nearest.p)
			call_data_str(call, "nearest", nearest);
		return call_not_found(call, "verb", "name", p->name);
	}
	r->verb_info = info_of(v);
	r->description = v->description;
	r->params = v->params_schema;
	r->result = v->result_schema;
	r->since = v->since;
	e = describe_access(call, v, &r->access);
	if (!e)
		e = describe_errors(call, v, &r->errors);
	if (!e)
		e = describe_examples(call, v, &r->examples);
	return err_trace(e);
}

/* ---- search ---- */

struct hit {
	int score;
	const struct verb *verb;
};

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80);
}

/* The next word of lower-case text, cut from *s; empty at the end. */
static struct str next_word(struct str *s)
{
	size_t from = 0, to;

	while (from < s->n && !is_word_byte(s->p[from]))
		from++;
	for (to = from; to < s->n && is_word_byte(s->p[to]);)
		to++;
	struct str word = str_slice(*s, from, to);
	*s = str_slice(*s, to, s->n);
	return word;
}

/* Words of a question that say nothing about what is wanted. */
static bool is_filler(struct str word)
{
	static const struct str fillers[] = {
		STR("a"),    STR("an"),  STR("and"),    STR("any"),  STR("are"),  STR("as"),
		STR("at"),   STR("be"),  STR("can"),    STR("do"),   STR("does"), STR("for"),
		STR("from"), STR("how"), STR("i"),      STR("in"),   STR("into"), STR("is"),
		STR("it"),   STR("its"), STR("me"),     STR("my"),   STR("of"),   STR("on"),
		STR("one"),  STR("or"),  STR("should"), STR("some"), STR("the"),  STR("there"),
		STR("this"), STR("to"),  STR("use"),    STR("want"), STR("we"),   STR("what"),
		STR("with"), STR("you"),
	};

	for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
		if (str_eq(word, fillers[i]))
			return true;
	return false;
}

/* Without the ending, as near as English allows: closing, closed and closes are close. */
static struct str stem_of(struct str word)
{
	static const struct str endings[] = { STR("s"), STR("ing"), STR("ed"), STR("e") };

	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (word.n >= endings[i].n + 3 && str_ends(word, endings[i]))
			word.n -= endings[i].n;
	if (word.n > 3 && word.p[word.n - 1] == word.p[word.n - 2])
		word.n--; /* cancelled */
	return word;
}

/* What a word of the query is worth that one of these words is (a point less where they differ in
 * their endings), or that one begins with. */
static int worth_among(struct str words, struct str word, int whole, int beginning)
{
	struct str known, stem = stem_of(word);
	int best = 0;

	while ((known = next_word(&words)).n) {
		if (str_eq(known, word))
			return whole;
		if (str_eq(stem_of(known), stem))
			best = MAX(best, whole - 1);
		else if (word.n >= 3 && str_starts(known, word))
			best = MAX(best, beginning);
	}
	return best;
}

/* The verb's own name counts most, then what is said for it, then what is said of it. */
static int score_word(const struct verb *v, struct str word)
{
	int best = worth_among(v->name, word, 9, 4);

	best = MAX(best, worth_among(v->synonyms, word, 7, 1));
	return MAX(best, worth_among(v->keywords, word, 3, 1));
}

static int score(const struct verb *v, struct str query)
{
	struct str word;
	int sum = 0;

	while ((word = next_word(&query)).n)
		if (!is_filler(word))
			sum += score_word(v, word);
	return sum;
}

/* Where nothing says which, those that only read come first: they do no harm. */
static int by_score(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->score != y->score)
		return y->score - x->score;
	if (x->verb->is_read_only != y->verb->is_read_only)
		return x->verb->is_read_only ? -1 : 1;
	return x->verb < y->verb ? -1 : x->verb > y->verb;
}

static struct str lower(struct arena *a, struct str s)
{
	char *p = arena_dup(a, s.p, s.n);

	for (size_t i = 0; p && i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] += 'a' - 'A';
	return (struct str){ p, p ? s.n : 0 };
}

int verbs_search(struct call *call, const struct verbs_search_params *p,
		 struct verbs_search_result *r)
{
	struct hit hits[VERB_MAX];
	struct str query = lower(call->arena, p->query);
	size_t n = 0;

	r->items.v = ARENA_ARRAY(call->arena, VERB_MAX, struct verb_info);
	if (!query.p || !r->items.v)
		return err_nomem();
	for (size_t i = 0; i < VERB_MAX; i++) {
		int sum = score(&verb_table[i], query);

		if (sum)
			hits[n++] = (struct hit){ sum, &verb_table[i] };
	}
	qsort(hits, n, sizeof(*hits), by_score);
	for (size_t i = 0; i < n && i < (size_t)p->limit; i++)
		r->items.v[r->items.n++] = info_of(hits[i].verb);
	r->next = n ? STR("verbs.describe tells how to call one")
		    : STR("no word fits: verbs.list names all");
	return 0;
}
