/* SPDX-License-Identifier: Apache-2.0 */
/* Calling a verb for somebody at a command line. */
#include "cli/invoke.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/ask.h"
#include "cli/confirm.h"
#include "cli/exits.h"
#include "cli/print.h"
#include "cli/say.h"
#include "verbs.gen.h"

/* The object with `confirm: true` in it, unless it speaks of confirm itself. */
static struct str with_confirm(struct arena *a, struct str params)
{
	struct json value;

	if (params.p && (json_parse(a, params, &value, NULL) || value.type != JSON_OBJECT ||
			 json_get(&value, STR("confirm"))))
		return params;
	if (!params.p || value.n == 0)
		return STR("{\"confirm\":true}");
	return str_fmt(a, "{\"confirm\":true,%.*s", (int)(value.raw.n - 1), value.raw.p + 1);
}

static int print_frame(struct cli *c, struct str frame)
{
	struct json value;

	if (json_parse(&c->arena, frame, &value, NULL))
		return say_fault(err_nomem(), NULL);
	const struct json *params = json_get(&value, STR("params"));

	return print_result(c, params ? params->raw : value.raw);
}

/* What was looked for and found is no success, whatever was printed. */
static int verdict(struct cli *c, const struct verb *verb, struct str result)
{
	const struct json *sound, *broken_at;
	struct json value;

	if (!verb || !shape_find(verb->result, STR("sound")))
		return EXIT_OK;
	if (json_parse(&c->arena, result, &value, NULL))
		return say_fault(err_nomem(), NULL);
	sound = json_get(&value, STR("sound"));
	if (sound && sound->type == JSON_BOOL && sound->b)
		return EXIT_OK;
	broken_at = json_get(&value, STR("broken_at"));
	if (broken_at)
		say_error("%.*s: not sound, %.*s is the first that is wrong", STR_ARG(verb->name),
			  STR_ARG(broken_at->raw));
	else
		say_error("%.*s: not sound", STR_ARG(verb->name));
	return EXIT_FAILED;
}

/* A stream that was cut did not end as one that was asked to. */
static int stream_end(struct cli *c, const struct verb *verb, struct str result)
{
	struct json value;

	if (json_parse(&c->arena, result, &value, NULL))
		return say_fault(err_nomem(), NULL);
	if (!str_eq(json_get_str(&value, STR("reason")), STR("revoked")))
		return EXIT_OK;
	say_error("%.*s: the key or token has ended, or may less than before", STR_ARG(verb->name));
	return EXIT_DENIED;
}

int invoke(struct cli *c, const struct verb *verb, struct str method, struct str params)
{
	struct answer answer;
	int e;

	if (verb && verb->confirm_offset != UINT32_MAX) {
		if (confirm_asked(c, "%.*s. Go on?", STR_ARG(verb->summary)))
			params = with_confirm(&c->arena, params);
	}
	if (verb && verb->lane == LANE_STREAM)
		e = ask_stream(c, method, params, print_frame, &answer);
	else
		e = ask(c, method, params, &answer);
	if (e)
		return e;
	if (answer.error.type != JSON_NONE)
		return answer_say_error(c, &answer);
	e = print_result(c, answer.result);
	if (!e && verb && verb->lane == LANE_STREAM)
		e = stream_end(c, verb, answer.result);
	return e ? e : verdict(c, verb, answer.result);
}
