/* SPDX-License-Identifier: Apache-2.0 */
/* The ways out of a verb: refusals with their data, waiting, and the event of a change. */
#include "verbs/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "store/events.h"

#define MESSAGE_MAX 512
#define LISTED_MAX  10

static struct str format(struct arena *a, const char *fmt, va_list args) printf_like(2, 0);
static struct str format(struct arena *a, const char *fmt, va_list args)
{
	char text[MESSAGE_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, args);
	struct str s = { text, n < 0 ? 0 : (size_t)n };

	if (s.n >= sizeof(text))
		s = str_utf8_prefix((struct str){ text, sizeof(text) - 1 }, sizeof(text) - 1);
	return str_dup(a, s);
}

static int fail(struct call *c, enum error_code code, struct str field, struct str message)
{
	c->failure.code = code;
	c->failure.field = field;
	/* without memory the table's text for the code is said */
	c->failure.message = message;
	return CALL_FAILED;
}

int call_fail(struct call *c, enum error_code code, const char *fmt, ...)
{
	struct str message;
	va_list args;

	va_start(args, fmt);
	message = format(c->arena, fmt, args);
	va_end(args);
	return fail(c, code, STR_NONE, message);
}

int call_fail_field(struct call *c, enum error_code code, const char *field, const char *fmt, ...)
{
	struct str message;
	va_list args;

	va_start(args, fmt);
	message = format(c->arena, fmt, args);
	va_end(args);
	return fail(c, code, str_from(field), message);
}

int call_not_found(struct call *c, const char *type, const char *field, struct str id)
{
	struct str shown = str_utf8_prefix(id, 64);

	return call_fail_field(c, ERROR_NOT_FOUND, field, "no %s '%.*s'", type, STR_ARG(shown));
}

static struct call_datum *datum(struct call *c, const char *key, enum call_datum_kind kind)
{
	struct call_datum *d = &c->failure.data[c->failure.n_data];

	assert(c->failure.n_data < CALL_DATA_MAX);
	c->failure.n_data++;
	*d = (struct call_datum){ .key = key, .kind = kind };
	return d;
}

void call_data_str(struct call *c, const char *key, struct str value)
{
	datum(c, key, CALL_DATUM_STR)->s = value;
}

int call_name_taken(struct call *c, const char *type, struct str id, struct str name)
{
	call_data_str(c, "id", id);
	return call_fail_field(c, ERROR_NAME_TAKEN, "name", "there is %s '%.*s' already", type,
			       STR_ARG(str_utf8_prefix(name, 64)));
}

void call_data_int(struct call *c, const char *key, int64_t value)
{
	datum(c, key, CALL_DATUM_INT)->i = value;
}

void call_data_strs(struct call *c, const char *key, struct str_list values)
{
	datum(c, key, CALL_DATUM_STRS)->list = values;
}

struct str call_listed(struct arena *a, struct str_list list, size_t n_all)
{
	struct str text = STR_NONE;
	size_t i = 0;

	for (; i < list.n && i < LISTED_MAX; i++)
		text = i ? str_fmt(a, "%.*s, %.*s", STR_ARG(text), STR_ARG(list.v[i])) : list.v[i];
	return i < n_all ? str_fmt(a, "%.*s and %zu more", STR_ARG(text), n_all - i) : text;
}

int call_wait_for(struct call *c, struct str subject, int64_t timeout_ms)
{
	c->wait = (struct call_wait){ .subject = subject, .timeout_ms = timeout_ms };
	return CALL_WAIT;
}

int call_wait_to_take(struct call *c, const struct call_wait *wait)
{
	c->wait = *wait;
	return CALL_WAIT;
}

/* A JSON string; what comes here was checked to be UTF-8 when it came in. */
static void put_text(struct buf *b, struct str s)
{
	buf_put_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch < 0x20) {
			buf_fmt(b, "\\u%04x", ch);
		} else {
			if (ch == '"' || ch == '\\')
				buf_put_char(b, '\\');
			buf_put_char(b, (char)ch);
		}
	}
	buf_put_char(b, '"');
}

struct str call_json_text(struct arena *a, struct str text)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	put_text(&b, text);
	return b.failed ? STR_NONE : str_dup(a, buf_str(&b));
}

static void put_payload(struct buf *b, const struct call_field *fields, size_t n)
{
	buf_put_char(b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_put_char(b, ',');
		put_text(b, str_from(fields[i].key));
		buf_put_char(b, ':');
		if (fields[i].s.p)
			put_text(b, fields[i].s);
		else
			buf_put_i64(b, fields[i].i);
	}
	buf_put_char(b, '}');
}

int call_event(struct call *c, const char *kind, struct str subject,
	       const struct call_field *fields, size_t n)
{
	CLEANUP(buf_deinit) struct buf payload;

	buf_init(&payload, 0);
	put_payload(&payload, fields, n);
	/* what the server tells of itself, and no caller, has none */
	const struct call_vault *v = c->server ? &c->server->vault : NULL;
	struct str text = v ? v->clean(c->server->data, c->arena, buf_str(&payload))
			    : buf_str(&payload);

	if (payload.failed || !text.p)
		return err_nomem();
	struct store_event_new e = {
		.kind = str_from(kind),
		.source = c->principal->id,
		.subject = subject,
		.payload = text,
	};
	return err_trace(store_event_add(c->tx, &e, NULL));
}
