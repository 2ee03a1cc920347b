/* SPDX-License-Identifier: Apache-2.0 */
/* One call to the server and its answer. */
#include "cli/ask.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/user.h"
#include "cli/peer.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/token.h"
#include "cli/where.h"
#include "transport/client.h"
#include "types.gen.h"
#include "verbs.gen.h"

#define TIMEOUT_MS 60000

/* What is needed while one call is under way. */
struct asking {
	struct cli *cli;
	struct str method;
	ask_frame_fn *on_frame;
	int64_t deadline_ms; /* -1 = none */
	bool is_read_only;
	struct progress progress; /* its line must be gone before anything is said */
};

static int64_t now_ms(void)
{
	return clock_boot_ms(&(struct clock){ 0 });
}

static int64_t left_ms(const struct asking *q)
{
	return q->deadline_ms < 0 ? -1 : MAX(q->deadline_ms - now_ms(), 0);
}

static struct asking asking_new(struct cli *c, struct str method)
{
	const struct verb *v = verb_find(method);
	bool is_endless = v && (v->lane == LANE_LONG || v->lane == LANE_STREAM);
	int64_t ms = c->globals.timeout_ms ? c->globals.timeout_ms : TIMEOUT_MS;

	return (struct asking){
		.cli = c,
		.method = method,
		.is_read_only = v && v->is_read_only,
		.progress = { .stop_fd = -1 },
		.deadline_ms = !c->globals.timeout_ms && is_endless ? -1 : now_ms() + ms,
	};
}

static int say_not_running(struct cli *c, const struct paths *p)
{
	say_error("no server listens on '%s'", p->socket);
	if (c->globals.socket && !c->globals.data_dir)
		say_hint("see whether the path is right; questd status --data-dir DIR looks for a "
			 "server there");
	else
		say_hint("start one with: questd start%s", p->flags);
	return EXIT_NOT_RUNNING;
}

/* What transport/client.h answers beside 0; negative is ours. */
static int say_client_failure(struct asking *q, int e)
{
	const struct globals *g = &q->cli->globals;

	progress_end(&q->progress);
	switch (e) {
	case CLIENT_NOT_RUNNING:
		say_error("no server answers at '%s'", g->url ? g->url : "its socket");
		return EXIT_NOT_RUNNING;
	case CLIENT_TIMEOUT:
		say_error("no answer to %.*s in time", STR_ARG(q->method));
		say_hint("--timeout TIME waits longer%s",
			 q->is_read_only ? "" : "; the call may still have its effect");
		return EXIT_TIMEOUT;
	case CLIENT_CLOSED:
		say_error("the server went away before it answered %.*s", STR_ARG(q->method));
		say_hint("see whether the call took effect; calls with --request-id can be "
			 "repeated safely");
		return EXIT_FAILED;
	case CLIENT_TOO_LONG:
		say_error("the answer to %.*s is too long", STR_ARG(q->method));
		return EXIT_FAILED;
	case CLIENT_BAD_URL:
		say_error("--url needs http://HOST:PORT with a numeric host or localhost, not '%s'",
			  g->url);
		return EXIT_USAGE;
	case CLIENT_HTTPS:
		say_error("only http:// is spoken here, not '%s'", g->url);
		say_hint(
		    "reach the server through ssh: ssh -L 8400:127.0.0.1:8400 HOST, then --url "
		    "http://127.0.0.1:8400; or use a client with HTTPS of its own");
		return EXIT_USAGE;
	default:
		return say_fault(e, NULL);
	}
}

/* The server closes such a connection without a word. */
static int say_anothers(struct asking *q, const char *path, uid_t uid)
{
	struct user_text owner;

	progress_end(&q->progress);
	user_text(uid, &owner);
	say_error("the server at '%s' belongs to %s, who alone may use its socket", path,
		  owner.who);
	say_hint("run it as that user: sudo -u %s questd ..., or use its HTTP with a key: --url "
		 "URL --token-file FILE",
		 owner.sudo);
	return EXIT_DENIED;
}

static int say_no_questd(struct asking *q, struct str text)
{
	progress_end(&q->progress);
	say_error("what answers is not questd: '%.*s'", STR_ARG(str_utf8_prefix(text, 200)));
	return EXIT_FAILED;
}

/* What HTTP refuses before JSON-RPC begins: {"error":"unauthenticated","message":…,"hint":…}. */
static int take_refusal(struct asking *q, const struct json *value, struct answer *out)
{
	CLEANUP(buf_deinit) struct buf b;
	struct str name = json_get_str(value, STR("error"));
	enum error_code code = error_find(name);
	struct json_out w = json_out(&b);

	if (code == ERROR_NONE)
		return say_no_questd(q, value->raw);
	buf_init(&b, 0);
	json_begin_object(&w);
	JSON_KV_INT(&w, "code", error_table[code].code);
	JSON_KV_STR(&w, "message", json_get_str(value, STR("message")));
	json_key(&w, STR("data"));
	json_begin_object(&w);
	JSON_KV_STR(&w, "code", name);
	JSON_KV_STR(&w, "hint", json_get_str(value, STR("hint")));
	json_end_object(&w);
	json_end_object(&w);
	struct str text = str_dup(&q->cli->arena, buf_str(&b));

	return text.p && json_parse(&q->cli->arena, text, &out->error, NULL) == 0
		   ? 0
		   : say_fault(err_nomem(), NULL);
}

static int take_answer(struct asking *q, struct str text, struct answer *out)
{
	struct json value;
	int e = json_parse(&q->cli->arena, text, &value, NULL);
	const struct json *result = e ? NULL : json_get(&value, STR("result"));
	const struct json *error = e ? NULL : json_get(&value, STR("error"));

	*out = (struct answer){ .method = q->method };
	if (e < 0) {
		progress_end(&q->progress);
		return say_fault(e, NULL);
	}
	if (error && error->type == JSON_STRING)
		return take_refusal(q, &value, out);
	if (!result && (!error || error->type != JSON_OBJECT))
		return say_no_questd(q, text);
	if (result)
		out->result = result->raw;
	else
		out->error = *error;
	return 0;
}

/* ---- over the socket ---- */

static int put_request(struct buf *b, struct str method, struct str params)
{
	struct json_out w = json_out(b);

	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	JSON_KV_INT(&w, "id", 1);
	JSON_KV_STR(&w, "method", method);
	if (params.p) {
		json_key(&w, STR("params"));
		json_raw(&w, params);
	}
	json_end_object(&w);
	return b->failed ? err_nomem() : 0;
}

/* Lines until the one that answers; the others are notifications. */
static int read_answer(struct asking *q, int fd, struct answer *out)
{
	CLEANUP(buf_deinit) struct buf rest;
	struct str line;
	int e;

	buf_init(&rest, 0);
	for (;;) {
		e = client_read_line(fd, &rest, &q->cli->arena, left_ms(q), &line);
		if (e)
			return say_client_failure(q, e);
		struct json value;

		e = json_parse(&q->cli->arena, line, &value, NULL);
		if (e || !json_get(&value, STR("method")))
			return take_answer(q, line, out);
		if (q->on_frame)
			e = q->on_frame(q->cli, line);
		if (e)
			return e;
		if (q->on_frame)
			arena_reset(&q->cli->arena);
	}
}

/* Whoever names a token file is whom its key says, on the socket too. */
static int use_key(struct asking *q, int fd, struct answer *out)
{
	CLEANUP(buf_deinit) struct buf request = { 0 };
	struct str key, method = q->method;
	int e = token_read(q->cli, &key);

	if (e)
		return e;
	buf_init(&request, 0);
	token_put_use(&request, key);
	if (request.failed)
		return say_fault(err_nomem(), NULL);
	e = client_send_line(fd, buf_str(&request), left_ms(q));
	if (e)
		return say_client_failure(q, e);
	q->method = STR("keys.use");
	e = read_answer(q, fd, out);
	q->method = method;
	return e;
}

static int ask_socket(struct asking *q, struct str request, struct answer *out)
{
	CLEANUP(fd_close) int fd = -1;
	struct paths paths;
	uid_t uid;
	int e = where_paths(q->cli, &paths);

	if (e)
		return e;
	e = client_connect_unix(paths.socket, &fd);
	if (e == CLIENT_NOT_RUNNING)
		return say_not_running(q->cli, &paths);
	if (e)
		return say_client_failure(q, e);
	if (peer_is_another(fd, &uid))
		return say_anothers(q, paths.socket, uid);
	if (q->cli->globals.token_file) {
		e = use_key(q, fd, out);
		if (e || !out->result.p)
			return e;
	}
	e = client_send_line(fd, request, left_ms(q));
	return e ? say_client_failure(q, e) : read_answer(q, fd, out);
}

/* ---- over HTTP ---- */

static int ask_http(struct asking *q, struct str request, struct answer *out)
{
	struct client_http h = { .url = str_from(q->cli->globals.url),
				 .body = request,
				 .timeout_ms = left_ms(q) };
	struct str body, rest = h.url;
	int status, e = token_read(q->cli, &h.token);

	if (e)
		return e;
	/* Without a path, the one of plain JSON-RPC. */
	if (str_starts(rest, STR("http://")))
		rest = str_slice(rest, 7, rest.n);
	if (str_find(rest, '/', 0) + 1 >= rest.n)
		h.url = str_fmt(&q->cli->arena, "%s%srpc", q->cli->globals.url,
				str_ends(h.url, STR("/")) ? "" : "/");
	e = client_http_post(&h, &q->cli->arena, &status, &body);
	if (e)
		return say_client_failure(q, e);
	if (body.n == 0) {
		say_error("'%s' answered with status %d and nothing more", q->cli->globals.url,
			  status);
		return status == 401 || status == 403 ? EXIT_DENIED : EXIT_FAILED;
	}
	return take_answer(q, body, out);
}

static int ask_with(struct asking *q, struct str params, struct answer *out)
{
	CLEANUP(buf_deinit) struct buf request;

	buf_init(&request, 0);
	int e = put_request(&request, q->method, params);

	if (e)
		return say_fault(e, NULL);
	if (!q->on_frame)
		progress_begin(&q->progress, q->cli, q->method);
	e = q->cli->globals.url ? ask_http(q, buf_str(&request), out)
				: ask_socket(q, buf_str(&request), out);
	progress_end(&q->progress);
	return e;
}

int ask(struct cli *c, struct str method, struct str params, struct answer *out)
{
	struct asking q = asking_new(c, method);

	return ask_with(&q, params, out);
}

int ask_stream(struct cli *c, struct str method, struct str params, ask_frame_fn *fn,
	       struct answer *out)
{
	struct asking q = asking_new(c, method);

	q.on_frame = fn;
	return ask_with(&q, params, out);
}

int ask_object(struct cli *c, struct str method, struct str params, struct json *out)
{
	struct answer answer = { 0 };
	int e = ask(c, method, params, &answer);

	if (!e && answer.error.type != JSON_NONE)
		e = answer_say_error(c, &answer);
	if (!e && json_parse(&c->arena, answer.result, out, NULL))
		e = say_fault(err_nomem(), NULL);
	return e;
}
