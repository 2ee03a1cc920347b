/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "tests/unit/test.h"

/* A pipe in stderr's place. */
struct sink {
	int fds[2];
	char text[PIPE_BUF + 1];
};

static void sink_init(struct sink *s, enum log_level level, enum log_format format)
{
	if (pipe2(s->fds, O_CLOEXEC | O_NONBLOCK))
		abort();
	log_init(s->fds[1], level, format);
}

static void sink_deinit(struct sink *s)
{
	log_init(STDERR_FILENO, LOG_INFO, LOG_TEXT);
	fd_close(&s->fds[0]);
	fd_close(&s->fds[1]);
}

/* What was written since, NONE for nothing. */
static struct str drain(struct sink *s)
{
	ssize_t n = read(s->fds[0], s->text, sizeof(s->text));

	return n > 0 ? (struct str){ s->text, (size_t)n } : STR_NONE;
}

static struct str without_time(struct str line)
{
	return str_slice(line, sizeof("2026-11-21T10:00:00.000Z"), line.n);
}

TEST(log_line_is_time_level_message_and_pairs)
{
	struct sink s;
	int64_t ms;
	struct str line;

	sink_init(&s, LOG_INFO, LOG_TEXT);
	log_info("server started", LOG_I("pid", -12), LOG_C("socket", "/run/q.sock"),
		 LOG_S("empty", STR("")));
	line = drain(&s);
	CHECK(clock_parse(str_slice(line, 0, 24), &ms));
	CHECK_STR(without_time(line),
		  "info server started pid=-12 socket=\"/run/q.sock\" empty=\"\"\n");
	log_debug("unseen", LOG_I("x", 1));
	CHECK_STR(drain(&s), NULL);
	CHECK(!log_is_on(LOG_DEBUG));
	CHECK(log_is_on(LOG_ERROR));
	sink_deinit(&s);
}

TEST(log_line_as_json_is_json)
{
	struct arena a;
	struct sink s;
	struct json v;

	arena_init(&a, 0);
	sink_init(&s, LOG_DEBUG, LOG_JSON);
	log_warn("odd", LOG_S("text", STR("a\"b\\c\x1b\n\xff\xe2\x80\xae")), LOG_I("n", 5));
	if (CHECK_OK(json_parse(&a, str_trim(drain(&s)), &v, NULL))) {
		CHECK_STR(json_get_str(&v, STR("level")), "warn");
		CHECK_STR(json_get_str(&v, STR("message")), "odd");
		CHECK_STR(json_get_str(&v, STR("text")), "a\"b\\c\\x1b\\x0a\\xff\\u{202e}");
		CHECK_INT(json_get(&v, STR("n"))->i, 5);
	}
	sink_deinit(&s);
	arena_deinit(&a);
}

TEST(tm_llm_03_log_escapes_what_a_terminal_would_obey_or_hide)
{
	static const struct {
		struct str in;
		const char *out;
	} table[] = {
		{ { "plain \xc3\xa9 \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x98\x80", 20 },
		  "plain \xc3\xa9 \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x98\x80" },
		{ { "\x1b[31mred", 8 }, "\\x1b[31mred" },
		{ { "\x1b]52;c;aGk=\a", 12 }, "\\x1b]52;c;aGk=\\x07" },
		{ { "\xc2\x9b"
		    "31m",
		    5 },
		  "\\u{009b}31m" },
		{ { "\xc2\x9d"
		    "0;x",
		    5 },
		  "\\u{009d}0;x" },
		{ { "a\nb\r\tc\x7f\0", 8 }, "a\\x0ab\\x0d\\x09c\\x7f\\x00" },
		{ { "\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9", 9 }, "\\u{202e}\\u{2066}\\u{2069}" },
		{ { "\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf\xe2\x81\xa0", 12 },
		  "\\u{200b}\\u{200d}\\u{feff}\\u{2060}" },
		{ { "\xd8\x9c\xc2\xad\xe1\xa0\x8e", 7 }, "\\u{061c}\\u{00ad}\\u{180e}" },
		{ { "\xe2\x80\xa8\xe2\x80\xa9", 6 }, "\\u{2028}\\u{2029}" },
		{ { "\xf3\xa0\x80\x81\xf3\xa0\x81\xa1", 8 }, "\\u{e0001}\\u{e0061}" },
		{ { "\xff\xc3(", 3 }, "\\xff\\xc3(" },
	};
	char out[200];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		CHECK_INT(log_escape(out, sizeof(out), table[i].in), strlen(table[i].out));
		CHECK_CSTR(out, table[i].out);
	}
}

/* A zero-width joiner is seen where it makes one picture of two, and nowhere else. */
TEST(tm_llm_03_a_joiner_between_emoji_stays_and_hides_nothing_elsewhere)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "👩\u200d💻", "👩\u200d💻" },
		{ "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧" },
		{ "👩🏽\u200d🚀", "👩🏽\u200d🚀" },
		{ "🏳️\u200d🌈 ❤️\u200d🔥 🧑\u200d⚕️",
		  "🏳️\u200d🌈 ❤️\u200d🔥 🧑\u200d⚕️" },
		{ "\u200d💻", "\\u{200d}💻" },
		{ "👩\u200d", "👩\\u{200d}" },
		{ "👩\u200d\u200d💻", "👩\\u{200d}\\u{200d}💻" },
		{ "a\u200d💻", "a\\u{200d}💻" },
		{ "👩\u200db", "👩\\u{200d}b" },
		{ "a\u200db", "a\\u{200d}b" },
		{ "👩\u200d\u202e💻", "👩\\u{200d}\\u{202e}💻" },
		{ "👩\u202e\u200d💻", "👩\\u{202e}\\u{200d}💻" },
		{ "\xff\xef\xb8\x8f\u200d💻", "\\xff\xef\xb8\x8f\\u{200d}💻" },
		{ "👩\u200b💻\u2060💻", "👩\\u{200b}💻\\u{2060}💻" },
	};
	char out[200];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		(void)log_escape(out, sizeof(out), str_from(table[i].in));
		CHECK_CSTR(out, table[i].out);
	}
}

TEST(tm_llm_03_log_lines_hold_only_printable_text_whatever_is_logged)
{
	struct sink s;
	char in[4];

	sink_init(&s, LOG_INFO, LOG_TEXT);
	for (uint32_t code = 1; code < 0x3000; code++) {
		struct str line, value = { in, str_utf8_put(in, code) };
		uint32_t c;
		size_t n;

		if (code >= 0xd800 && code < 0xe000)
			continue;
		log_info("x", LOG_S("v", value));
		line = drain(&s);
		for (size_t at = 0; at + 1 < line.n; at += n) {
			n = str_utf8_at(line, at, &c);
			if (!CHECK(n > 0) || !CHECK((c >= 0x20 && c < 0x7f) || c >= 0xa0)) {
				CHECK_STR_EQ(line, STR_NONE);
				sink_deinit(&s);
				return;
			}
		}
		CHECK(line.n > 0 && line.p[line.n - 1] == '\n');
	}
	sink_deinit(&s);
}

TEST(log_escape_is_bounded_and_never_splits)
{
	char out[6];

	CHECK_INT(log_escape(out, 6, STR("abcdefgh")), 5);
	CHECK_CSTR(out, "abcde");
	CHECK_INT(log_escape(out, 6, STR("abc\x1b")), 3);
	CHECK_CSTR(out, "abc");
	CHECK_INT(log_escape(out, 6, STR("abcd\xc3\xa9")), 4);
	CHECK_INT(log_escape(out, 1, STR("a")), 0);
	CHECK_CSTR(out, "");
	CHECK_INT(log_escape(out, 0, STR("a")), 0);
}

TEST(log_line_that_is_too_long_is_cut_and_says_so)
{
	static char longer[20000];
	struct str line;
	struct sink s;
	struct arena a;
	struct json v;

	arena_init(&a, 0);
	memset(longer, '\\', sizeof(longer));
	sink_init(&s, LOG_INFO, LOG_TEXT);
	log_info("x", LOG_S("a", ((struct str){ longer, sizeof(longer) })), LOG_I("b", 1));
	line = drain(&s);
	CHECK(line.n <= PIPE_BUF);
	CHECK(line.n > PIPE_BUF - 40);
	CHECK(str_ends(line, STR("\\\\\" cut=true\n")));
	sink_deinit(&s);
	for (size_t less = 0; less < 60; less++) {
		sink_init(&s, LOG_INFO, LOG_JSON);
		log_info("x", LOG_S("a", ((struct str){ longer, 2000 })),
			 LOG_S("b", ((struct str){ longer, less })), LOG_I("number", 123456789));
		line = drain(&s);
		CHECK(line.n <= PIPE_BUF);
		CHECK_OK(json_parse(&a, str_trim(line), &v, NULL));
		sink_deinit(&s);
	}
	arena_deinit(&a);
}

TEST(f_31_log_to_a_full_pipe_drops_and_counts)
{
	uint64_t before = log_n_dropped();
	static char filler[65536];
	struct sink s;

	sink_init(&s, LOG_INFO, LOG_TEXT);
	while (write(s.fds[1], filler, sizeof(filler)) > 0)
		continue;
	CHECK_OK(fd_set_nonblock(s.fds[1], false)); /* a blocking write would hang here */
	log_info("lost", LOG_I("x", 1));
	log_info("lost", LOG_I("x", 2));
	CHECK_INT(log_n_dropped() - before, 2);
	sink_deinit(&s);
}

TEST(log_fault_tells_text_chain_and_incident_once)
{
	struct str line;
	struct sink s;

	sink_init(&s, LOG_INFO, LOG_TEXT);
	log_fault(err_new(ERR_CORRUPT, "page %d", 7), "store failed",
		  &LOG_S("incident", STR("abc123")), 1);
	line = without_time(drain(&s));
	CHECK_HAS(line, "error store failed error=\"page 7\" at=\"test_log.c:");
	CHECK_HAS(line, " incident=\"abc123\"\n");
	log_fault(-ERR_CORRUPT, "store failed", NULL, 0);
	CHECK_STR(without_time(drain(&s)), "error store failed error=\"damaged\" at=\"\"\n");
	sink_deinit(&s);
}

TEST(tm_log_01_log_limit_lets_few_through_and_tells_of_the_rest)
{
	struct log_limit l = { 0 };
	int n = 0;
	struct sink s;

	sink_init(&s, LOG_INFO, LOG_TEXT);
	for (int i = 0; i < 1000; i++)
		n += log_limit_ok(&l, 10);
	/* twice as many when a second went by meanwhile, and what was left out is told then */
	CHECK(n == 10 || n == 20);
	drain(&s);
	l.second--;
	l.n_dropped = 990;
	CHECK(log_limit_ok(&l, 10));
	CHECK_STR(without_time(drain(&s)), "warn lines left out n=990\n");
	CHECK_INT(l.n_dropped, 0);
	sink_deinit(&s);
}

/* ---- where others write too, or a little room is left ---- */

/* A terminal whose user has stopped it: what it still takes is less than a line. Its two ends. */
static void stopped_terminal(int *shown, int *fd)
{
	char byte = 'x';

	*shown = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	CHECK(*shown >= 0 && grantpt(*shown) == 0 && unlockpt(*shown) == 0);
	*fd = open(ptsname(*shown), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	while (write(*fd, &byte, 1) == 1)
		;
	CHECK_OK(fd_set_nonblock(*fd, false));
}

static size_t drain_all(int fd)
{
	char text[4096];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		all += (size_t)n;
	return all;
}

TEST(f_31_log_never_waits_for_a_terminal_with_little_room)
{
	char filling[3000], bytes[512];
	uint64_t before = log_n_dropped();
	int shown, fd;

	memset(filling, 'f', sizeof(filling));
	stopped_terminal(&shown, &fd);
	log_init(fd, LOG_INFO, LOG_TEXT);
	alarm(20); /* it would be for ever */
	for (int i = 0; i < 40; i++) {
		(void)!read(shown, bytes, sizeof(bytes)); /* a line later, nothing may be there */
		log_info("long", LOG_S("filling", ((struct str){ filling, sizeof(filling) })));
	}
	alarm(0);
	CHECK(log_n_dropped() > before);
	while (drain_all(shown) > 0)
		;
	log_info("goes on", LOG_I("n", 1));
	CHECK(drain_all(shown) > 0);
	log_init(STDERR_FILENO, LOG_INFO, LOG_TEXT);
	fd_close(&fd);
	fd_close(&shown);
}

/* The description is shared: who else has the pipe as its stderr writes as before. */
TEST(f_31_log_leaves_a_shared_pipe_as_it_is_and_does_not_wait_for_it)
{
	int fds[2];
	uint64_t before = log_n_dropped();

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	log_init(fds[1], LOG_INFO, LOG_TEXT);
	alarm(20);
	for (int i = 0; i < 2000; i++)
		log_info("nobody reads this", LOG_I("i", i));
	alarm(0);
	CHECK(log_n_dropped() > before);
	CHECK_INT(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	log_init(STDERR_FILENO, LOG_INFO, LOG_TEXT);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

static size_t hide_pins(void *data, struct str text, char *out, size_t cap)
{
	(*(int *)data)++;
	if (!str_contains(text, STR("4711")))
		return 0;
	memcpy(out, "\"pin\"", MIN(cap, (size_t)5));
	return 5;
}

TEST(log_filter_sees_each_text_before_it_is_escaped)
{
	struct sink s;
	int n = 0;

	sink_init(&s, LOG_INFO, LOG_JSON);
	log_set_filter(hide_pins, &n);
	log_info("call", LOG_C("pin", "is 4711"), LOG_C("other", "4712"), LOG_I("n", 4711));
	CHECK(
	    str_contains(drain(&s), STR("\"pin\":\"\\\"pin\\\"\",\"other\":\"4712\",\"n\":4711}")));
	log_say("questd: the pin is %d", 4711);
	CHECK_STR(drain(&s), "\"pin\"\n");
	log_set_filter(NULL, NULL);
	log_say("questd: the pin is %d", 4711);
	CHECK_STR(drain(&s), "questd: the pin is 4711\n");
	CHECK(n >= 3);
	sink_deinit(&s);
}
