/* SPDX-License-Identifier: Apache-2.0 */
#include "server/faults.h"

#include "base/id.h"
#include "base/log.h"

#define INCIDENT_LEN     12
#define LINES_PER_SECOND 10
#define RETRY_MS         250

/* clang-format off */
static const enum error_code codes[ERR_CLASS_MAX] = {
	[ERR_NONE]      = ERROR_INTERNAL,
	[ERR_INTERNAL]  = ERROR_INTERNAL,
	[ERR_NOMEM]     = ERROR_OUT_OF_MEMORY,
	[ERR_SYS]       = ERROR_INTERNAL,
	[ERR_FULL]      = ERROR_STORAGE_FULL,
	[ERR_READONLY]  = ERROR_STORAGE_READONLY,
	[ERR_BUSY]      = ERROR_STORAGE_BUSY,
	[ERR_CORRUPT]   = ERROR_STORAGE_CORRUPT,
	[ERR_INTERRUPT] = ERROR_TIMEOUT,
};
/* clang-format on */

enum error_code faults_code(enum err_class class)
{
	return codes[class];
}

static void tell_log(const struct request *r, int e, const char *place, struct str incident)
{
	const struct log_kv more[] = { LOG_S("incident", incident), LOG_C("trace", r->trace) };

	log_fault(e, place, more, r->trace[0] ? 2 : 1);
}

/* "Nothing was changed", which all of them say, would not be true. */
static void say_part_done(struct call_failure *f)
{
	f->data[0] = (struct call_datum){
		.key = "cause",
		.kind = CALL_DATUM_STR,
		.s = error_table[f->code].name,
	};
	f->n_data = 1;
	f->code = ERROR_INTERRUPTED;
	f->message = STR("it failed half-way: what was done so far stays");
	f->hint = STR("call it again: it goes on from there");
}

void faults_fail(struct request *r, int e, struct str what, struct log_limit *limit)
{
	struct call_failure *f = &r->call.failure;
	enum error_code code = faults_code(err_class(e));
	char incident[INCIDENT_LEN + 1], place[96];

	*f = (struct call_failure){ .code = code };
	log_escape(place, sizeof(place), what);
	if (code == ERROR_TIMEOUT) {
		err_forget();
		return;
	}
	id_random_text(incident, INCIDENT_LEN);
	if (error_table[code].is_retryable)
		f->retry_after_ms = RETRY_MS;
	if (code == ERROR_INTERNAL) {
		f->data[0] = (struct call_datum){
			.key = "incident",
			.kind = CALL_DATUM_STR,
			.s = str_dup(&r->arena, (struct str){ incident, INCIDENT_LEN }),
		};
		f->n_data = f->data[0].s.p ? 1 : 0;
	}
	if (r->call.is_part_done)
		say_part_done(f);
	if (log_limit_ok(limit, LINES_PER_SECOND))
		tell_log(r, e, place, (struct str){ incident, INCIDENT_LEN });
	else
		err_forget();
}
