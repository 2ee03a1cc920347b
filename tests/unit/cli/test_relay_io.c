/* SPDX-License-Identifier: Apache-2.0 */
/* Only whole lines leave a buffer of lines. */
#include <fcntl.h>
#include <unistd.h>

#include "cli/relay_io.h"
#include "tests/unit/test.h"

struct pipe_ends {
	int in, out;
};

static struct pipe_ends pipe_new(void)
{
	int fds[2] = { -1, -1 };

	CHECK_INT(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	return (struct pipe_ends){ fds[0], fds[1] };
}

static void say(const struct pipe_ends *p, const char *text)
{
	CHECK_INT(write(p->out, text, strlen(text)), strlen(text));
}

TEST(relay_lines_give_whole_lines_only)
{
	struct pipe_ends p = pipe_new();
	struct relay_lines l;
	struct str line;

	relay_lines_init(&l);
	say(&p, "one\ntw");
	CHECK_INT(relay_lines_read(&l, p.in), 0);
	CHECK(relay_lines_next(&l, &line));
	CHECK_STR(line, "one\n");
	CHECK(!relay_lines_next(&l, &line));
	CHECK_INT(l.whole, 4);
	CHECK_INT(relay_lines_read(&l, p.in), RELAY_IO_AGAIN);
	say(&p, "o\n");
	CHECK_INT(relay_lines_read(&l, p.in), 0);
	CHECK(relay_lines_next(&l, &line));
	CHECK_STR(line, "two\n");
	relay_lines_eat(&l, 4);
	CHECK_STR(buf_str(&l.buf), "two\n");
	CHECK_INT(l.whole, 4);
	close(p.out);
	CHECK_INT(relay_lines_read(&l, p.in), RELAY_IO_END);
	close(p.in);
	relay_lines_deinit(&l);
}

TEST(relay_lines_can_be_taken_out_and_put_in_between)
{
	struct pipe_ends p = pipe_new();
	struct relay_lines l;
	struct str line;

	relay_lines_init(&l);
	say(&p, "a\nb\nc\nhal");
	CHECK_INT(relay_lines_read(&l, p.in), 0);
	CHECK(relay_lines_next(&l, &line));
	CHECK(relay_lines_next(&l, &line));
	relay_lines_drop_last(&l, line);
	CHECK(relay_lines_next(&l, &line));
	CHECK_STR(line, "c\n");
	CHECK(!relay_lines_next(&l, &line));
	relay_lines_insert(&l, STR("ours\n"));
	CHECK_STR(buf_str(&l.buf), "a\nc\nours\nhal");
	CHECK_INT(l.whole, 9);
	say(&p, "f\n");
	CHECK_INT(relay_lines_read(&l, p.in), 0);
	CHECK(relay_lines_next(&l, &line));
	CHECK_STR(line, "half\n");
	relay_lines_deinit(&l);
	close(p.in);
	close(p.out);
}

TEST(relay_lines_drop_half_a_line)
{
	struct pipe_ends p = pipe_new();
	struct relay_lines l;
	struct str line;

	relay_lines_init(&l);
	say(&p, "a\nhal");
	CHECK_INT(relay_lines_read(&l, p.in), 0);
	while (relay_lines_next(&l, &line))
		;
	relay_lines_drop_rest(&l);
	CHECK_STR(buf_str(&l.buf), "a\n");
	relay_lines_deinit(&l);
	close(p.in);
	close(p.out);
}
