/* SPDX-License-Identifier: Apache-2.0 */
/* questd logs. */
#include "cli/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "cli/log_file.h"
#include "cli/say.h"
#include "cli/where.h"
#include "cli/width.h"

#define LINES_DEFAULT 50
#define READ_MAX      ((size_t)2 * LOG_FILE_MAX)

struct logs_flags {
	int64_t lines;
	bool follow;
};

const struct args_option logs_options[] = {
	{ "lines", ARGS_INT, offsetof(struct logs_flags, lines), "N",
	  "the last N lines; default 50" },
	{ "follow", ARGS_FLAG, offsetof(struct logs_flags, follow), NULL, "go on with what comes" },
};
const size_t logs_n_options = ARRAY_LEN(logs_options);

/* On a terminal made harmless, in a pipe as it is. */
static int put_lines(struct cli *c, struct str text)
{
	CLEANUP(buf_deinit) struct buf out;

	buf_init(&out, 0);
	if (!c->is_tty_out)
		buf_put_str(&out, text);
	while (c->is_tty_out && text.n > 0) {
		buf_put_str(&out, width_safe(&c->arena, str_cut(&text, '\n')));
		buf_put_char(&out, '\n');
	}
	return say_out(&out);
}

static struct str last_lines(struct str text, int64_t n)
{
	size_t at = text.n;

	if (at > 0 && text.p[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (text.p[at - 1] == '\n' && --n == 0)
			break;
	return str_slice(text, at, text.n);
}

/* The file set aside and the present one, one behind the other. */
static int read_both(struct cli *c, const char *path, struct buf *out)
{
	struct str old = str_fmt(&c->arena, "%s.1", path);
	int e = old.p ? fd_read_file(old.p, READ_MAX, out) : err_nomem();

	if (e >= 0)
		e = fd_read_file(path, READ_MAX, out);
	return e;
}

/* What was added since `at`. */
static int put_news(struct cli *c, int fd, off_t *at)
{
	CLEANUP(buf_deinit) struct buf b;
	struct stat st;

	buf_init(&b, 0);
	while (fstat(fd, &st) == 0 && st.st_size > *at) {
		char *p = buf_reserve(&b, 65536);
		ssize_t n = p ? pread(fd, p, 65536, *at) : -1;

		if (n <= 0)
			break;
		b.tail += (size_t)n;
		*at += n;
	}
	return buf_len(&b) > 0 ? put_lines(c, buf_str(&b)) : EXIT_OK;
}

/* Until interrupted; a file that was set aside is read to its end first. */
static int follow(struct cli *c, const struct paths *paths)
{
	CLEANUP(fd_close) int watch = inotify_init1(IN_CLOEXEC);
	CLEANUP(fd_close) int fd = open(paths->log, O_RDONLY | O_CLOEXEC);
	off_t at = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	char events[4096];

	if (watch < 0 ||
	    inotify_add_watch(watch, paths->data_dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return say_fault(err_sys("cannot watch '%s'", paths->data_dir), NULL);
	for (;;) {
		if (read(watch, events, sizeof(events)) < 0 && errno != EINTR)
			return say_fault(err_sys("cannot watch '%s'", paths->data_dir), NULL);
		struct stat ours, there;
		int e = fd >= 0 ? put_news(c, fd, &at) : 0;

		if (e)
			return e;
		if (stat(paths->log, &there) ||
		    (fd >= 0 && fstat(fd, &ours) == 0 && ours.st_ino == there.st_ino))
			continue;
		fd_close(&fd);
		fd = open(paths->log, O_RDONLY | O_CLOEXEC);
		at = 0;
		e = fd >= 0 ? put_news(c, fd, &at) : 0;
		if (e)
			return e;
		arena_reset(&c->arena);
	}
}

int logs_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf all = { 0 };
	struct logs_flags flags = { .lines = LINES_DEFAULT };
	struct args_spec spec = { .options = logs_options,
				  .n_options = logs_n_options,
				  .into = &flags };
	struct paths paths;
	int e = args_parse(c, a, &spec);

	if (!e)
		e = where_paths(c, &paths);
	if (e)
		return e;
	if (flags.lines < 1) {
		say_error("--lines needs a number from 1 on");
		return EXIT_USAGE;
	}
	buf_init(&all, 0);
	e = read_both(c, paths.log, &all);
	if (e < 0)
		return say_fault(e, NULL);
	if (e == FD_NOT_FOUND && buf_len(&all) == 0 && !flags.follow) {
		say_error("there is no log '%s'", paths.log);
		say_hint("only a server in the background writes one; questd serve logs to stderr, "
			 "systemd's to "
			 "journalctl --user -u questd");
		return EXIT_NOT_FOUND;
	}
	e = put_lines(c, last_lines(buf_str(&all), flags.lines));
	return !e && flags.follow ? follow(c, &paths) : e;
}
