/* SPDX-License-Identifier: Apache-2.0 */
/* TM-HTTP-02: what two parsers could read in two ways is answered once and closed. */
#include <stdio.h>

#include "tests/unit/test.h"
#include "tests/unit/transport/world.h"

#define HEAD(s)                  \
	{                        \
		s, sizeof(s) - 1 \
	}
#define OK_HEAD "POST /rpc HTTP/1.1\r\nHost: a\r\n"

static const struct {
	const char *what;
	struct str bytes;
	int status; /* 0 = the connection closes without an answer */
} bad[] = {
	{ "two equal Content-Length",
	  HEAD(OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400 },
	{ "two different Content-Length",
	  HEAD(OK_HEAD "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}"), 400 },
	{ "a list in Content-Length", HEAD(OK_HEAD "Content-Length: 2, 2\r\n\r\n{}"), 400 },
	{ "Content-Length and chunked",
	  HEAD(OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x "
		       "HTTP/1.1\r\nHost: a\r\n\r\n"),
	  411 },
	{ "chunked and Content-Length",
	  HEAD(OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 411 },
	{ "chunked alone", HEAD(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
	  411 },
	{ "an unknown coding", HEAD(OK_HEAD "Transfer-Encoding: xchunked\r\n\r\n"), 411 },
	{ "two codings", HEAD(OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n"), 411 },
	{ "a coding with a blank before the colon",
	  HEAD(OK_HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400 },
	{ "two Host", HEAD("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400 },
	{ "two Host in different case", HEAD("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n"), 400 },
	{ "no Host", HEAD("GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"), 400 },
	{ "no header at all", HEAD("GET / HTTP/1.1\r\n\r\n"), 400 },
	{ "no Host in HTTP/1.0", HEAD("GET / HTTP/1.0\r\n\r\n"), 400 },
	{ "two Origin", HEAD(OK_HEAD "Origin: http://a\r\nOrigin: http://b\r\n\r\n"), 400 },
	{ "two Authorization",
	  HEAD(OK_HEAD "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"), 400 },
	{ "two Content-Type", HEAD(OK_HEAD "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"), 400 },
	{ "two Mcp-Session-Id", HEAD(OK_HEAD "Mcp-Session-Id: 1\r\nMcp-Session-Id: 2\r\n\r\n"),
	  400 },
	{ "two MCP-Protocol-Version",
	  HEAD(OK_HEAD "MCP-Protocol-Version: 1\r\nMcp-Protocol-Version: 1\r\n\r\n"), 400 },
	{ "two Mcp-Param-X", HEAD(OK_HEAD "Mcp-Param-X: 1\r\nMcp-Param-X: 2\r\n\r\n"), 400 },
	{ "NUL in a value", HEAD(OK_HEAD "X: a\0b\r\n\r\n"), 400 },
	{ "NUL hiding a header", HEAD(OK_HEAD "X: a\0\r\nY: b\r\n\r\n"), 400 },
	{ "NUL in a name", HEAD(OK_HEAD "X\0Y: a\r\n\r\n"), 400 },
	{ "NUL in the path", HEAD("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "BEL in a value", HEAD(OK_HEAD "X: a\ab\r\n\r\n"), 400 },
	{ "CR in a value", HEAD(OK_HEAD "X: a\rY: b\r\n\r\n"), 400 },
	{ "DEL in a value", HEAD(OK_HEAD "X: \x7f\r\n\r\n"), 400 },
	{ "CTL in the path", HEAD("GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "a blank in the path", HEAD("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "a byte over 127 in the path", HEAD("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "a method that is no token", HEAD("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ "a blank before the colon", HEAD("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400 },
	{ "a blank before the first name", HEAD("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400 },
	{ "a header without colon", HEAD(OK_HEAD "nonsense\r\n\r\n"), 400 },
	{ "an empty name", HEAD(OK_HEAD ": a\r\n\r\n"), 400 },
	{ "Content-Length of 9 digits", HEAD(OK_HEAD "Content-Length: 100000000\r\n\r\n"), 400 },
	{ "Content-Length of 9 digits with zeros",
	  HEAD(OK_HEAD "Content-Length: 000000002\r\n\r\n{}"), 400 },
	{ "Content-Length of 20 digits",
	  HEAD(OK_HEAD "Content-Length: 18446744073709551617\r\n\r\n"), 400 },
	{ "a negative Content-Length", HEAD(OK_HEAD "Content-Length: -1\r\n\r\n"), 400 },
	{ "Content-Length with a sign", HEAD(OK_HEAD "Content-Length: +2\r\n\r\n{}"), 400 },
	{ "Content-Length in hex", HEAD(OK_HEAD "Content-Length: 0x2\r\n\r\n{}"), 400 },
	{ "an empty Content-Length", HEAD(OK_HEAD "Content-Length:\r\n\r\n"), 400 },
	{ "a bare LF behind the request line", HEAD("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400 },
	{ "a bare LF behind a header", HEAD("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"), 400 },
	{ "bare LF everywhere", HEAD("GET / HTTP/1.1\nHost: a\n\n"), 400 },
	{ "a folded line", HEAD("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\nY: c\r\n\r\n"), 400 },
	{ "a folded Host", HEAD("GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n"), 400 },
	{ "the preface of HTTP/2", HEAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ "HTTP/3.0", HEAD("GET / HTTP/3.0\r\nHost: a\r\n\r\n"), 505 },
	{ "no version", HEAD("GET /\r\nHost: a\r\n\r\n"), 400 },
	{ "no path", HEAD("GET\r\n\r\n"), 0 },
};

TEST(tm_http_02_ambiguous_heads_get_one_answer_and_fin)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct world w;
		struct peer p;
		bool ok;

		world_init(&w);
		world_start(&w);
		peer_open(&p, &w);
		peer_send(&p, bad[i].bytes);
		ok = CHECK(peer_wait_for_end(&p));
		ok = CHECK_INT(peer_n_answers(&p), bad[i].status ? 1 : 0) && ok;
		ok = CHECK_INT(peer_status(&p), bad[i].status) && ok;
		ok = CHECK(!p.was_reset) && ok;
		ok = CHECK_INT(w.n_heads, 0) && ok;
		if (!ok)
			printf("  that was: %s: %.*s\n", bad[i].what, STR_ARG(peer_text(&p)));
		peer_close(&p);
		world_deinit(&w);
	}
}

static const struct {
	struct str bytes;
	const char *path, *query;
} good[] = {
	{ HEAD("GET /a/b HTTP/1.1\r\nHost: a\r\n\r\n"), "/a/b", "" },
	{ HEAD("GET /a?x=1&y=%41 HTTP/1.1\r\nHost: a\r\n\r\n"), "/a", "x=1&y=%41" },
	{ HEAD("GET /a%2fb%00 HTTP/1.1\r\nHost: a\r\n\r\n"), "/a%2fb%00", "" },
	{ HEAD("GET / HTTP/1.1\r\nHost:a\r\nX:\t b \r\nY:\r\n\r\n"), "/", "" },
	{ HEAD("GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nAccept: b\r\nCookie: a=b; c=d\r\n\r\n"),
	  "/", "" },
	{ HEAD("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "/", "" },
	{ HEAD("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00000002\r\n\r\n{}"), "/", "" },
	{ HEAD("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "/", "" },
	{ HEAD("FOO /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), "/a", "" },
};

TEST(plain_heads_reach_the_owner_undecoded)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct world w;
		struct peer p;

		world_init(&w);
		world_start(&w);
		peer_open(&p, &w);
		peer_send(&p, good[i].bytes);
		CHECK(peer_wait_for(&p,
				    good[i].bytes.p[good[i].bytes.n - 1] == '}' ? "{}" : "hello"));
		CHECK_INT(peer_status(&p), 200);
		CHECK_CSTR(w.last_path, good[i].path);
		CHECK_CSTR(w.last_query, good[i].query);
		peer_close(&p);
		world_deinit(&w);
	}
}

/* Split anywhere, a head means the same. */
TEST(heads_are_judged_alike_however_they_arrive)
{
	struct str ok = STR("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX: y\r\n\r\n{}");
	struct str smuggled = STR(
	    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX: y\nA: b\r\n\r\n");

	for (size_t at = 1; at < ok.n; at++) {
		struct world w;
		struct peer p, q;

		world_init(&w);
		world_start(&w);
		peer_open(&p, &w);
		peer_open(&q, &w);
		peer_send(&p, str_slice(ok, 0, at));
		peer_send(&q, str_slice(smuggled, 0, at));
		world_turns(&w, 2);
		peer_send(&p, str_slice(ok, at, ok.n));
		peer_send(&q, str_slice(smuggled, at, smuggled.n));
		CHECK(peer_wait_for(&p, "{}"));
		CHECK(peer_wait_for_end(&q));
		CHECK_INT(peer_status(&q), 400);
		CHECK_INT(w.n_heads, 1);
		peer_close(&p);
		peer_close(&q);
		world_deinit(&w);
	}
}

/* A dozen headers, one of them long. */
static void head_of(struct buf *b, size_t n)
{
	buf_clear(b);
	BUF_LIT(b, "GET /long HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 11; i++)
		buf_fmt(b, "X-%d: %080d\r\n", i, 7);
	buf_fmt(b, "X-Long: %0*d\r\n\r\n", (int)(n - buf_len(b)), 7);
}

TEST(heads_of_six_kib_work_and_longer_ones_get_431)
{
	struct world w;
	struct peer p;
	struct buf b;

	buf_init(&b, 0);
	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	for (int i = 0; i < 2; i++) { /* on a kept connection too */
		head_of(&b, 6144);
		buf_deinit(&p.in);
		peer_send(&p, buf_str(&b));
		CHECK(peer_wait_for(&p, "hello"));
		CHECK_INT(peer_status(&p), 200);
	}
	head_of(&b, 20000);
	buf_deinit(&p.in);
	peer_send(&p, buf_str(&b));
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(peer_status(&p), 431);
	CHECK_INT(peer_n_answers(&p), 1);
	CHECK_HAS(peer_text(&p), "Content-Type: text/plain\r\n");
	CHECK_HAS(peer_text(&p),
		  "\r\n\r\nthe head is longer than 6144 bytes, or has more than 64 headers\n");
	CHECK(!p.was_reset);
	CHECK_INT(w.n_heads, 2);
	peer_close(&p);
	world_deinit(&w);
	buf_deinit(&b);
}

TEST(a_head_that_is_too_long_never_gets_another_an_answer)
{
	struct world w;
	struct peer slow, p;
	struct buf b;

	buf_init(&b, 0);
	world_init(&w);
	world_start(&w);
	peer_open(&slow, &w);
	peer_send(&slow, STR("GET / HTTP/1.1\r\nHost: a\r\n"));
	world_turns(&w, 3);
	peer_open(&p, &w);
	head_of(&b, 20000);
	peer_send(&p, buf_str(&b));
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(peer_status(&p), 431); /* whoever says it */
	CHECK_INT(peer_n_answers(&p), 1);
	peer_send(&slow, STR("\r\n"));
	CHECK(peer_wait_for(&slow, "hello"));
	CHECK_INT(peer_n_answers(&slow), 1);
	peer_close(&slow);
	peer_close(&p);
	world_deinit(&w);
	buf_deinit(&b);
}

TEST(more_than_64_headers_get_431)
{
	struct world w;
	struct peer p;
	struct buf b;

	buf_init(&b, 0);
	BUF_LIT(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 64; i++)
		buf_fmt(&b, "X%d: y\r\n", i);
	BUF_LIT(&b, "\r\n");
	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, buf_str(&b));
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(peer_status(&p), 431);
	CHECK_INT(w.n_heads, 0);
	peer_close(&p);
	world_deinit(&w);
	buf_deinit(&b);
}
