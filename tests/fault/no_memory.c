/* SPDX-License-Identifier: Apache-2.0 */
/* no_memory EXPECT_JSON [SECONDS] [VERB | PART/PARTS]: F-13. Runs the examples of every verb's
 * schema through a server in memory while its n-th allocation fails, SQLite's included, for n = 1,
 * 2, … until none is hit any more. Each time the call is answered, by its result or by an error
 * that says why; the store is sound and holds all of the call or nothing; an error means nothing, a
 * result means all. The same server goes on until a call has changed its store; the last
 * allocations of a call, with which it is answered, also fail in a fresh one, whose buffers are not
 * grown yet.
 *
 * Where the time is up, every later n is tried in ever longer steps instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "tests/fault/alloc_any.h"
#include "tests/fault/in_memory.h"
#include "tests/fault/ledger.h"
#include "tests/fault/snapshot.h"

enum { GIVEN_MAX = 8, N_MAX = 20000, SAID_MAX = 20, SHARE_LINE = 40, N_COLD = 30 };

#define SETTLE_MS 10000

struct example {
	struct str verb;
	size_t number;
	const struct json *given, *params;
	struct str error; /* what it answers, or NONE */
	bool has_steps;   /* a long call's are kept one by one */
	struct str as;    /* the access role of who asks; NONE: the owner */
};

struct run {
	struct in_memory memory;
	struct snapshot_reader reader;
	char fresh[256]; /* the folder that every server begins with a copy of */
	const struct example *example;
	struct arena arena;           /* of one server's life */
	struct json given[GIVEN_MAX]; /* results of the calls before */
	size_t n_given;
	struct str line;               /* the call */
	struct snapshot before, after; /* this server's, around the call */
	struct snapshot good[2];       /* the same where nothing failed */
	bool is_changing;              /* it is meant to change the store */
	long n_cold;                   /* allocations in a fresh server */
	int64_t until_ms;
	long n_calls, n_refused, n_hit, n_wrong, n_left_out;
};

static struct in_memory *memory_of(struct run *r)
{
	return &r->memory;
}

static void wrong(struct run *r, long n, const char *what, struct str more)
{
	if (r->n_wrong++ < SAID_MAX)
		printf("%.*s, example %zu, allocation %ld: %s: %.*s\n", STR_ARG(r->example->verb),
		       r->example->number, n, what, (int)MIN(more.n, 600), more.p ? more.p : "");
}

/* ---- making the call's text ---- */

/* "$0.id" is the first given result's id, "$1.items.0.id" that of the second one's first item. */
static const struct json *refers_to(const struct run *r, struct str text)
{
	struct str rest, head;
	int64_t i;

	if (!str_starts(text, STR("$")))
		return NULL;
	rest = str_slice(text, 1, text.n);
	head = str_cut(&rest, '.');
	if (!str_to_i64(head, &i) || i < 0 || (size_t)i >= r->n_given)
		return NULL;
	return json_at(&r->given[i], rest);
}

static void put_params(const struct run *r, const struct json *v, struct json_out *w)
{
	const struct json *other = v->type == JSON_STRING ? refers_to(r, v->s) : NULL;

	if (v->type == JSON_OBJECT) {
		json_begin_object(w);
		for (uint32_t i = 0; i < v->n; i++) {
			json_key(w, v->members[i].key);
			put_params(r, &v->members[i].value, w);
		}
		json_end_object(w);
	} else if (v->type == JSON_ARRAY) {
		json_begin_array(w);
		for (uint32_t i = 0; i < v->n; i++)
			put_params(r, &v->items[i], w);
		json_end_array(w);
	} else {
		json_value(w, other ? other : v);
	}
}

static struct str line_of(struct run *r, struct str verb, const struct json *params)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	JSON_KV_STR(&w, "id", STR("x"));
	JSON_KV_STR(&w, "method", verb);
	json_key(&w, STR("params"));
	put_params(r, params, &w);
	json_end_object(&w);
	return str_dup(&r->arena, buf_str(&b));
}

/* ---- calls where nothing fails ---- */

static bool is_good_answer(struct run *r, struct str answer, struct str line, struct json *out)
{
	const struct json *result;
	struct json root;

	answer = str_dup(&r->arena, answer);
	if (!answer.p || json_parse(&r->arena, answer, &root, NULL)) {
		wrong(r, 0, "no answer to", line);
		return false;
	}
	result = json_get(&root, STR("result"));
	if (!result) {
		wrong(r, 0, "refused", answer);
		return false;
	}
	*out = *result;
	return true;
}

static bool ask_good(struct run *r, struct str line, struct json *out)
{
	return is_good_answer(r, in_memory_ask(memory_of(r), line), line, out);
}

static bool run_given(struct run *r)
{
	const struct json *given = r->example->given;

	r->n_given = 0;
	for (uint32_t i = 0; given && i < given->n && i < GIVEN_MAX; i++) {
		struct str verb = json_get_str(&given->items[i], STR("verb"));
		const struct json *params = json_get(&given->items[i], STR("params"));
		static const struct json none = { .type = JSON_OBJECT };

		if (!ask_good(r, line_of(r, verb, params ? params : &none), &r->given[i]))
			return false;
		r->n_given++;
	}
	return true;
}

/* From here on the connection is that of a key with this access role alone. */
static bool become(struct run *r, struct str role)
{
	struct json result;
	struct str create = str_fmt(
	    &r->arena,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"k\",\"method\":\"keys.create\",\"params\":{\"name\":"
	    "\"%.*s\",\"owner_kind\":\"platform\",\"owner\":\"example\",\"access\":[\"%.*s\"]}}",
	    STR_ARG(role), STR_ARG(role));

	if (!ask_good(r, create, &result))
		return false;
	struct str use = str_fmt(&r->arena,
				 "{\"jsonrpc\":\"2.0\",\"id\":\"u\",\"method\":\"keys.use\","
				 "\"params\":{\"key\":\"%.*s\"}}",
				 STR_ARG(json_get_str(&result, STR("secret"))));

	return ask_good(r, use, &result);
}

/* What the server does by itself because of a call is done, also what it has to try again. */
static bool settle_and_look(struct run *r, struct snapshot *out)
{
	struct clock clock = { 0 };
	int64_t until = clock_boot_ms(&clock) + SETTLE_MS;

	while (snapshot_has_more_to_come(&r->reader) && clock_boot_ms(&clock) < until)
		if (loop_turn(r->memory.server.loop, 10))
			err_forget();
	return snapshot_take(&r->reader, out);
}

static bool begin_server(struct run *r)
{
	arena_init(&r->arena, 0);
	if (!in_memory_open(&r->memory, r->fresh) || !run_given(r))
		return false;
	if (r->example->as.p && !become(r, r->example->as))
		return false;
	r->line = line_of(r, r->example->verb, r->example->params);
	return snapshot_open(&r->reader, r->memory.folder) && settle_and_look(r, &r->before);
}

static void end_server(struct run *r)
{
	snapshot_close(&r->reader);
	in_memory_close(&r->memory);
	arena_deinit(&r->arena);
}

static void check_sound(struct run *r, long n)
{
	const struct json *sound;
	struct json result;

	struct str line = STR(
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"system.check\",\"params\":{}}");

	if (!is_good_answer(r, in_memory_ask_as_owner(memory_of(r), line), line, &result))
		return;
	sound = json_get(&result, STR("sound"));
	if (!sound || !sound->b)
		wrong(r, n, "the store is not sound", result.raw);
}

/* ---- the call whose memory fails ---- */

/* The error's name, NONE for a result. *is_good: it was an answer at all. */
static struct str error_of(struct run *r, struct str answer, bool *is_good)
{
	const struct json *error, *data;
	struct json root;

	*is_good = answer.p && !json_parse(&r->arena, answer, &root, NULL);
	if (!*is_good)
		return STR_NONE;
	error = json_get(&root, STR("error"));
	data = error ? json_get(error, STR("data")) : NULL;
	*is_good = error ? data && json_get_str(data, STR("code")).p
			 : json_get(&root, STR("result")) != NULL;
	return data ? json_get_str(data, STR("code")) : STR_NONE;
}

static bool is_named(struct str error)
{
	return str_eq(error, STR("out_of_memory")) || str_eq(error, STR("interrupted")) ||
	       str_starts(error, STR("storage_"));
}

/* What changed the store is on record; a call that failed is on it once at most. */
static void judge_record(struct run *r, long n, struct str answer, bool is_result)
{
	int64_t grown = r->after.n_audit - r->before.n_audit;
	int64_t due = r->good[1].n_audit - r->good[0].n_audit;

	if (is_result && grown != due)
		wrong(r, n, "a result that is not on record as it should be", answer);
	else if (!is_result && (grown < 0 || grown > 1))
		wrong(r, n, "on record more than once", answer);
	r->before.n_audit = r->after.n_audit;
}

/* Work of many steps keeps those it did: called again it must end as if it had not failed. */
static void finish(struct run *r, long n)
{
	struct json result;

	if (!ask_good(r, r->line, &result))
		return;
	if (!settle_and_look(r, &r->after))
		wrong(r, n, "the database cannot be read", STR_NONE);
	if (!snapshot_is_same_change(&r->before, &r->after, &r->good[0], &r->good[1]))
		wrong(r, n, "what was begun is not finished by calling it again", result.raw);
	r->before.n_audit = r->after.n_audit;
}

static void judge(struct run *r, long n, struct str answer)
{
	bool is_good, is_same, is_whole;
	struct str error = error_of(r, answer, &is_good);

	if (!is_good)
		wrong(r, n, "no answer", answer);
	else if (error.p && !str_eq(error, r->example->error) && !is_named(error))
		wrong(r, n, "an answer that does not say why", answer);
	else if (!error.p && r->example->error.p)
		wrong(r, n, "a result where an error was due", answer);
	if (answer.p && str_contains(answer, STR("\"sound\":false")))
		wrong(r, n, "no memory is called damage", answer);
	r->n_refused += error.p && !str_eq(error, r->example->error);
	if (!settle_and_look(r, &r->after))
		wrong(r, n, "the database cannot be read", STR_NONE);
	is_same = snapshot_is_same(&r->before, &r->after);
	is_whole = snapshot_is_same_change(&r->before, &r->after, &r->good[0], &r->good[1]);
	if (!is_same && !is_whole && r->example->has_steps && str_eq(error, STR("interrupted"))) {
		judge_record(r, n, answer, false);
		finish(r, n);
		return;
	}
	if (!is_same && !(r->is_changing && is_whole))
		wrong(r, n, "half of the call is in the store", answer);
	if (is_good && !error.p && r->is_changing && is_same)
		wrong(r, n, "a result, and nothing in the store", answer);
	/* out_of_memory says that nothing was changed */
	if (error.p && !str_eq(error, STR("interrupted")) && !is_same)
		wrong(r, n, "an error, and the call is in the store", answer);
	judge_record(r, n, answer, !error.p);
}

/* Was an allocation hit? */
static bool try_one(struct run *r, long n)
{
	struct str answer;
	bool is_hit;

	alloc_any_fail_at(n);
	answer = in_memory_ask(&r->memory, r->line);
	is_hit = alloc_any_stop();
	answer = str_dup(&r->arena, answer);
	err_forget();
	r->n_calls++;
	r->n_hit += is_hit;
	judge(r, n, answer);
	check_sound(r, n);
	return is_hit;
}

/* What the call does to the store where nothing fails. */
static bool learn(struct run *r)
{
	struct str answer, error;
	bool is_good;

	if (!begin_server(r))
		return false;
	alloc_any_fail_at(ALLOC_ANY_NONE);
	answer = in_memory_ask(&r->memory, r->line);
	r->n_cold = alloc_any_count();
	(void)alloc_any_stop();
	answer = str_dup(&r->arena, answer);
	error = error_of(r, answer, &is_good);
	if (!is_good || !str_eq(error, r->example->error))
		wrong(r, 0, "the example fails as it is", answer);
	r->good[0] = r->before;
	is_good = settle_and_look(r, &r->good[1]);
	r->is_changing = !snapshot_is_same(&r->good[0], &r->good[1]);
	end_server(r);
	return is_good;
}

static long step_of(struct run *r, long n)
{
	struct clock clock = { 0 };

	if (clock_boot_ms(&clock) < r->until_ms)
		return 1;
	return 1 + n / SHARE_LINE;
}

static bool run_cold(struct run *r)
{
	for (long n = MAX(r->n_cold - N_COLD, 1); n <= r->n_cold + 1; n++) {
		if (!begin_server(r))
			return false;
		(void)try_one(r, n);
		end_server(r);
	}
	return true;
}

static bool run_warm(struct run *r)
{
	bool is_open = false, is_hit = true;
	long n = 1;

	while (is_hit) {
		long step = step_of(r, n);

		if (!is_open && !begin_server(r))
			return false;
		is_hit = try_one(r, n);
		is_open = snapshot_is_same(&r->before, &r->after);
		if (!is_open)
			end_server(r);
		r->n_left_out += step - 1;
		n += step;
		if (n > N_MAX) {
			wrong(r, n, "no end of allocations", STR_NONE);
			break;
		}
	}
	if (is_open)
		end_server(r);
	return true;
}

static bool run_example(struct run *r, const struct example *x)
{
	r->example = x;
	return learn(r) && run_warm(r) && run_cold(r);
}

/* ---- all of them ---- */

static bool run_verb(struct run *r, struct str verb, const struct json *info)
{
	const struct json *examples = json_get(info, STR("examples"));

	if (str_eq(json_get_str(info, STR("lane")), STR("stream")))
		return true; /* answered only when it ends */
	for (uint32_t i = 0; examples && i < examples->n; i++) {
		const struct json *e = &examples->items[i];
		struct example x = { .verb = verb, .number = i + 1 };

		x.given = json_get(e, STR("given"));
		x.params = json_get(e, STR("params"));
		x.error = json_get_str(e, STR("error"));
		x.has_steps = str_eq(json_get_str(info, STR("lane")), STR("long"));
		x.as = json_get_str(e, STR("as"));
		if (!run_example(r, &x))
			return false;
	}
	return true;
}

static const struct json *read_verbs(const char *path, struct arena *a, struct buf *text)
{
	struct json *root = ARENA_NEW(a, struct json);
	struct json_error error;

	if (!root || fd_read_file(path, (size_t)16 << 20, text))
		return NULL;
	return json_parse(a, buf_str(text), root, &error) ? NULL : json_get(root, STR("verbs"));
}

/* "1/2" is every other verb, from the second on; else the name of the only one. */
static bool is_wanted(const char *which, struct str verb, uint32_t i)
{
	unsigned part, parts;

	if (!which)
		return true;
	if (sscanf(which, "%u/%u", &part, &parts) == 2 && parts > 0)
		return i % parts == part;
	return str_eq(str_from(which), verb);
}

int main(int argc, char **argv)
{
	static struct run r;
	struct clock clock = { 0 };
	struct arena arena;
	struct buf text;
	const struct json *verbs;
	uint32_t n_verbs = 0;

	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	alloc_any_take_sqlite();
	arena_init(&arena, 0);
	buf_init(&text, 0);
	r.until_ms = clock_boot_ms(&clock) + (argc > 2 ? atol(argv[2]) : 60) * 1000;
	verbs = argc > 1 ? read_verbs(argv[1], &arena, &text) : NULL;
	if (!verbs) {
		fprintf(stderr, "no_memory EXPECT_JSON [SECONDS] [VERB | PART/PARTS]\n");
		return 2;
	}
	if (!in_memory_make_fresh(&r.memory, r.fresh))
		return 1;
	for (uint32_t i = 0; i < verbs->n; i++) {
		const struct json_member *v = &verbs->members[i];

		if (!is_wanted(argc > 3 ? argv[3] : NULL, v->key, i))
			continue;
		n_verbs++;
		if (!run_verb(&r, v->key, &v->value))
			return 1;
	}
	printf("F-13 %u verbs: %ld calls in which an allocation failed: %ld refused by name, %ld "
	       "done all "
	       "the same, %ld left out, %ld wrong\n",
	       n_verbs, r.n_hit, r.n_refused, r.n_hit - r.n_refused, r.n_left_out, r.n_wrong);
	ledger_empty_folder(r.fresh, true);
	buf_deinit(&text);
	arena_deinit(&arena);
	return r.n_wrong > 0 || r.n_refused == 0;
}
