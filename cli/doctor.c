/* SPDX-License-Identifier: Apache-2.0 */
/* questd doctor. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/where.h"
#include "cli/width.h"

#define PATIENCE_MS 3000 /* for each question to the server */

struct doctor_flags {
	bool strict;
};

const struct args_option doctor_options[] = {
	{ "strict", ARGS_FLAG, offsetof(struct doctor_flags, strict), NULL,
	  "warnings count as failures" },
};
const size_t doctor_n_options = ARRAY_LEN(doctor_options);

static const char *const words[] = {
	[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "FAIL"
};
static const char *const keys[] = {
	[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"
};
static const char *const colors[] = {
	[DOCTOR_OK] = "32", [DOCTOR_WARN] = "33", [DOCTOR_FAIL] = "31"
};

static struct str format(struct doctor *d, const char *fmt, va_list args)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, args);
	return str_dup(&d->cli->arena, str_from(text));
}

static void add(struct doctor *d, const char *id, enum doctor_verdict verdict, struct str text)
{
	if (d->n < DOCTOR_MAX)
		d->v[d->n++] =
		    (struct doctor_finding){ .id = id, .verdict = verdict, .text = text };
}

void doctor_ok(struct doctor *d, const char *id, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(d, id, DOCTOR_OK, format(d, fmt, args));
	va_end(args);
}

void doctor_warn(struct doctor *d, const char *id, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(d, id, DOCTOR_WARN, format(d, fmt, args));
	va_end(args);
}

void doctor_fail(struct doctor *d, const char *id, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(d, id, DOCTOR_FAIL, format(d, fmt, args));
	va_end(args);
}

void doctor_fix(struct doctor *d, const char *fmt, ...)
{
	va_list args;

	if (d->n == 0)
		return;
	va_start(args, fmt);
	d->v[d->n - 1].fix = format(d, fmt, args);
	va_end(args);
}

void doctor_no_secret(struct doctor *d)
{
	doctor_fail(d, "keys",
		    "'%s' is missing, but there are keys: the next start makes a new one, and they "
		    "let nobody in any more",
		    d->paths.keys_secret);
	doctor_fix(d, "put it back, with mode 0600; or start the server and make new keys");
}

static size_t count(const struct doctor *d, enum doctor_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].verdict == verdict;
	return n;
}

static void put_text(struct doctor *d, struct buf *out)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->v[i];

		if (d->cli->has_color_out)
			buf_fmt(out, "\033[%sm", colors[f->verdict]);
		buf_fmt(out, "%-5s", words[f->verdict]);
		if (d->cli->has_color_out)
			BUF_LIT(out, "\033[0m");
		buf_fmt(out, " %-11s %.*s\n", f->id, STR_ARG(width_safe(&d->cli->arena, f->text)));
		if (f->fix.p)
			buf_fmt(out, "%18sfix: %.*s\n", "",
				STR_ARG(width_safe(&d->cli->arena, f->fix)));
	}
	size_t n_warnings = count(d, DOCTOR_WARN), n_failures = count(d, DOCTOR_FAIL);

	buf_fmt(out, "\n%zu ok, %zu warning%s, %zu failure%s\n", count(d, DOCTOR_OK), n_warnings,
		n_warnings == 1 ? "" : "s", n_failures, n_failures == 1 ? "" : "s");
}

static void put_json(const struct doctor *d, struct buf *out)
{
	struct json_out w = json_out(out);

	json_begin_object(&w);
	JSON_KV_BOOL(&w, "sound", count(d, DOCTOR_FAIL) == 0);
	JSON_KV_INT(&w, "warnings", (int64_t)count(d, DOCTOR_WARN));
	JSON_KV_INT(&w, "failures", (int64_t)count(d, DOCTOR_FAIL));
	json_key(&w, STR("items"));
	json_begin_array(&w);
	for (size_t i = 0; i < d->n; i++) {
		json_begin_object(&w);
		JSON_KV_STR(&w, "id", str_from(d->v[i].id));
		JSON_KV_STR(&w, "verdict", str_from(keys[d->v[i].verdict]));
		JSON_KV_STR(&w, "text", d->v[i].text);
		if (d->v[i].fix.p)
			JSON_KV_STR(&w, "fix", d->v[i].fix);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
}

static int doctor_say(struct doctor *d)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	if (print_is_json(d->cli)) {
		put_json(d, &b);
		return print_own(d->cli, &b);
	}
	put_text(d, &b);
	return say_out(&b);
}

int doctor_run(struct cli *c, struct args *a)
{
	struct doctor_flags flags = { 0 };
	struct args_spec spec = { .options = doctor_options,
				  .n_options = doctor_n_options,
				  .into = &flags };
	struct doctor *d = ARENA_NEW(&c->arena, struct doctor);
	int e = args_parse(c, a, &spec);

	if (!d)
		return say_fault(err_nomem(), NULL);
	d->cli = c;
	if (!e)
		e = where_paths(c, &d->paths);
	if (e)
		return e;
	if (c->globals.timeout_ms == 0)
		c->globals.timeout_ms = PATIENCE_MS;
	doctor_look_at_files(d);
	if (!d->is_anothers)
		doctor_look_at_server(d);
	e = doctor_say(d);
	if (e)
		return e;
	bool is_bad = count(d, DOCTOR_FAIL) > 0 || (flags.strict && count(d, DOCTOR_WARN) > 0);

	return is_bad ? EXIT_FAILED : EXIT_OK;
}
