/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a command line. */
#include "cli/args.h"
#include "cli/command.h"
#include "tests/unit/test.h"

struct flags {
	bool strict;
	const char *name;
	int64_t n, ms;
};

static const struct args_option options[] = {
	{ "strict", ARGS_FLAG, offsetof(struct flags, strict), NULL, "" },
	{ "long-name", ARGS_TEXT, offsetof(struct flags, name), "X", "" },
	{ "number", ARGS_INT, offsetof(struct flags, n), "N", "" },
	{ "wait", ARGS_TIME, offsetof(struct flags, ms), "T", "" },
};

static const struct command command = { .name = "test", .synopsis = "" };

/* argv NULL-terminated. */
static int parse(struct cli *c, char **argv, struct flags *f, struct args_spec *spec)
{
	struct args a = { .argv = argv };

	while (argv[a.argc])
		a.argc++;
	*c = (struct cli){ .command = &command };
	arena_init(&c->arena, 0);
	*f = (struct flags){ 0 };
	*spec = (struct args_spec){
		.options = options, .n_options = ARRAY_LEN(options), .into = f, .max_words = 2
	};
	int e = args_parse(c, &a, spec);

	arena_deinit(&c->arena);
	return e;
}

#define PARSE(...) parse(&c, (char *[]){ __VA_ARGS__, NULL }, &f, &spec)
#define W(s)       ((char[]){ s })

TEST(args_take_options_before_and_behind_words)
{
	struct args_spec spec;
	struct flags f;
	struct cli c;

	CHECK_INT(PARSE(W("--strict"), W("one"), W("--long_name=x=y"), W("--number"), W("-5"),
			W("two")),
		  0);
	CHECK(f.strict);
	CHECK_CSTR(f.name, "x=y");
	CHECK_INT(f.n, -5);
	CHECK_INT(spec.n_words, 2);
	CHECK_CSTR(spec.words[1], "two");
	CHECK_INT(PARSE(W("-s"), W("-w"), W("1.5s"), W("--json")), 0);
	CHECK(f.strict && c.globals.json);
	CHECK_INT(f.ms, 1500);
}

TEST(args_take_all_as_words_behind_two_dashes)
{
	struct args_spec spec;
	struct flags f;
	struct cli c;

	CHECK_INT(PARSE(W("--"), W("--strict"), W("-")), 0);
	CHECK(!f.strict);
	CHECK_CSTR(spec.words[0], "--strict");
	CHECK_CSTR(spec.words[1], "-");
}

TEST(args_refuse_what_nobody_knows_and_what_is_wrong)
{
	struct args_spec spec;
	struct flags f;
	struct cli c;

	CHECK_INT(PARSE(W("--strikt")), EXIT_USAGE);
	CHECK_INT(PARSE(W("--strict=yes")), EXIT_USAGE);
	CHECK_INT(PARSE(W("--long-name")), EXIT_USAGE);
	CHECK_INT(PARSE(W("--long-name="), W("x")), EXIT_USAGE);
	CHECK_INT(PARSE(W("--long-name"), W("--strict")), EXIT_USAGE);
	CHECK_INT(PARSE(W("--number"), W("five")), EXIT_USAGE);
	CHECK_INT(PARSE(W("--wait"), W("soon")), EXIT_USAGE);
	CHECK_INT(PARSE(W("a"), W("b"), W("c")), EXIT_USAGE);
}

TEST(args_times_have_units)
{
	CHECK_INT(args_parse_time("10"), 10000);
	CHECK_INT(args_parse_time("500ms"), 500);
	CHECK_INT(args_parse_time("2m"), 120000);
	CHECK_INT(args_parse_time("1h"), 3600000);
	CHECK_INT(args_parse_time("0.25s"), 250);
	CHECK_INT(args_parse_time(""), -1);
	CHECK_INT(args_parse_time("ms"), -1);
	CHECK_INT(args_parse_time("5 s"), -1);
	CHECK_INT(args_parse_time("99999999999h"), -1);
}
