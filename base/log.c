/* SPDX-License-Identifier: Apache-2.0 */
/* One write() a line, at most PIPE_BUF long, so that a pipe takes it whole. What does not fit the
 * line is cut and marked. Writing must not block, but the flag for it belongs to the description,
 * which others share who count on blocking; and poll() is no promise: somebody else may take the
 * room meanwhile, and a terminal may have room for less than a line. So a pipe or terminal is
 * opened once more, for us alone. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"

#define LINE_MAX_BYTES PIPE_BUF
#define TAIL_ROOM      16 /* of a line: closing quote, the mark of a cut, brace, newline */

static struct {
	pthread_mutex_t lock; /* for whole lines */
	int fd;
	int own_fd;              /* a description of our own that does not block, or -1 */
	bool is_socket, is_torn; /* is_torn: only the beginning of the last line was taken */
	enum log_format format;
	_Atomic enum log_level level;
	_Atomic uint64_t n_dropped;
	_Atomic(log_filter_fn *) filter;
	void *filter_data;
} sink = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .own_fd = -1, .level = LOG_INFO
};

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

/* A file never blocks for long, and would be written over from its beginning. -1 too where it may
 * not be opened, a pipe of another user's. */
static int open_own(int fd, mode_t mode)
{
	char path[32];

	if (!S_ISFIFO(mode) && !S_ISCHR(mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_init(int fd, enum log_level level, enum log_format format)
{
	struct stat st = { 0 };

	(void)fstat(fd, &st); /* of one that is closed nothing is known, and nothing written */
	pthread_mutex_lock(&sink.lock);
	fd_close(&sink.own_fd);
	sink.own_fd = open_own(fd, st.st_mode);
	sink.is_socket = S_ISSOCK(st.st_mode);
	sink.is_torn = false;
	sink.fd = fd;
	sink.format = format;
	sink.level = level;
	pthread_mutex_unlock(&sink.lock);
}

void log_set_filter(log_filter_fn *filter, void *data)
{
	if (filter)
		sink.filter_data = data;
	atomic_store(&sink.filter, filter);
}

/* The text, or what the filter put into `space`. */
static struct str filtered(struct str text, char space[LINE_MAX_BYTES])
{
	log_filter_fn *filter = atomic_load(&sink.filter);
	size_t n = filter ? filter(sink.filter_data, text, space, LINE_MAX_BYTES) : 0;

	return n ? (struct str){ space, n } : text;
}

bool log_is_on(enum log_level level)
{
	return level >= sink.level;
}

uint64_t log_n_dropped(void)
{
	return sink.n_dropped;
}

/* ---- escaping ---- */

#define JOINER        0x200d
#define EMOJI_VARIANT 0xfe0f

struct range {
	uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Does it change how a line looks without being seen? Controls, bidi and zero-width marks, fillers,
 * tags, line separators. */
static bool is_hidden(uint32_t c)
{
	static const struct range ranges[] = {
		{ 0x0000, 0x001f },   { 0x007f, 0x009f },   { 0x00ad, 0x00ad }, { 0x034f, 0x034f },
		{ 0x061c, 0x061c },   { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f }, { 0x3164, 0x3164 },
		{ 0xfe00, 0xfe0e },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	return !(c >= 0x20 && c < 0x7f) && is_in(ranges, ARRAY_LEN(ranges), c);
}

/* Arrows, symbols, pictures: what a joiner may make one picture of. */
static bool is_emoji(uint32_t c)
{
	static const struct range ranges[] = {
		{ 0x2190, 0x21ff }, { 0x2600, 0x27bf }, { 0x2b00, 0x2bff }, { 0x1f000, 0x1faff }
	};

	return is_in(ranges, ARRAY_LEN(ranges), c);
}

/* The code point that ends before *at, which moves to its beginning; 0 when there is none. */
static uint32_t code_before(struct str s, size_t *at)
{
	uint32_t code;

	for (size_t n = 1; n <= 4 && n <= *at; n++)
		if (str_utf8_at(s, *at - n, &code) == n) {
			*at -= n;
			return code;
		}
	return 0;
}

/* Is the joiner at `at` seen, because it makes one emoji of its neighbours? */
static bool joins_emoji(struct str s, size_t at)
{
	size_t before = at;
	uint32_t last = code_before(s, &before), next = 0;

	if (last == EMOJI_VARIANT)
		last = code_before(s, &before);
	return is_emoji(last) && str_utf8_at(s, at + 3, &next) && is_emoji(next);
}

size_t log_escape_next(char out[16], struct str s, size_t *at)
{
	uint32_t code;
	size_t n = str_utf8_at(s, *at, &code);

	if (n == 0 || (n == 1 && is_hidden(code))) {
		snprintf(out, 16, "\\x%02x", (unsigned char)s.p[*at]);
		*at += 1;
		return 4;
	}
	if (is_hidden(code) && !(code == JOINER && joins_emoji(s, *at))) {
		*at += n;
		return (size_t)snprintf(out, 16, "\\u{%04x}", code);
	}
	memcpy(out, s.p + *at, n);
	*at += n;
	return n;
}

size_t log_escape(char *out, size_t cap, struct str s)
{
	size_t n = 0;
	char piece[16];

	if (cap == 0)
		return 0;
	for (size_t at = 0; at < s.n;) {
		size_t len = log_escape_next(piece, s, &at);

		if (len > cap - 1 - n)
			break;
		memcpy(out + n, piece, len);
		n += len;
	}
	out[n] = '\0';
	return n;
}

/* ---- lines ---- */

struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
	bool is_json, is_cut;
};

static void put(struct line *l, const char *p, size_t n)
{
	if (l->is_cut || l->n + n > sizeof(l->text) - TAIL_ROOM) {
		l->is_cut = true;
		return;
	}
	memcpy(l->text + l->n, p, n);
	l->n += n;
}

static void put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

/* As log_escape; in JSON the backslash of an escape is itself written as two. */
static void put_escaped(struct line *l, struct str s)
{
	char piece[20] = "\\";

	for (size_t at = 0; at < s.n && !l->is_cut;) {
		size_t n;

		if (s.p[at] == '"' || s.p[at] == '\\') {
			piece[1] = s.p[at++];
			put(l, piece, 2);
			continue;
		}
		n = log_escape_next(piece + 1, s, &at);
		if (l->is_json && piece[1] == '\\')
			put(l, piece, n + 1);
		else
			put(l, piece + 1, n);
	}
}

/* What does not fit is cut, but never the quote behind it. */
static void put_pair(struct line *l, const char *key, struct str value)
{
	char space[LINE_MAX_BYTES];
	size_t before = l->n;

	put_text(l, l->is_json ? ",\"" : " ");
	put_text(l, key);
	put_text(l, l->is_json ? "\":\"" : "=\"");
	if (l->is_cut) {
		l->n = before;
		return;
	}
	put_escaped(l, filtered(value, space));
	l->text[l->n++] = '"';
}

static void put_number(struct line *l, const char *key, int64_t v)
{
	char text[128];

	snprintf(text, sizeof(text), l->is_json ? ",\"%s\":%lld" : " %s=%lld", key, (long long)v);
	put_text(l, text);
}

static void put_head(struct line *l, enum log_level level, const char *message)
{
	struct clock real = { 0 };
	char time[CLOCK_RFC3339_MAX];

	clock_format(time, clock_wall_ms(&real));
	if (l->is_json) {
		put_text(l, "{\"time\":\"");
		put_text(l, time);
		put_text(l, "\"");
		put_pair(l, "level", str_from(level_names[level]));
		put_pair(l, "message", str_from(message));
		return;
	}
	put_text(l, time);
	put_text(l, " ");
	put_text(l, level_names[level]);
	put_text(l, " ");
	put_escaped(l, str_from(message));
}

/* Newline (and brace), for which put() left room. */
static void finish(struct line *l)
{
	struct str tail = l->is_json ? STR("}\n") : STR("\n");

	memcpy(l->text + l->n, tail.p, tail.n);
	l->n += tail.n;
}

/* What is behind the first pair that does not fit is left out, and the line says so. */
static void put_pairs(struct line *l, const struct log_kv *kv, size_t n)
{
	struct str mark = l->is_json ? STR(",\"cut\":true") : STR(" cut=true");

	for (size_t i = 0; i < n && !l->is_cut; i++) {
		if (kv[i].s.p)
			put_pair(l, kv[i].key, kv[i].s);
		else
			put_number(l, kv[i].key, kv[i].i);
	}
	if (!l->is_cut)
		return;
	memcpy(l->text + l->n, mark.p, mark.n);
	l->n += mark.n;
}

static ssize_t write_now(const char *text, size_t n)
{
	struct pollfd p = { .fd = sink.fd, .events = POLLOUT };

	if (sink.own_fd >= 0)
		return write(sink.own_fd, text, n);
	if (sink.is_socket)
		return send(sink.fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) ? write(sink.fd, text, n) : -1;
}

static void emit(const char *text, size_t n)
{
	ssize_t n_done = -1;

	pthread_mutex_lock(&sink.lock);
	if (sink.is_torn && write_now("\n", 1) == 1)
		sink.is_torn = false;
	if (!sink.is_torn)
		n_done = write_now(text, n);
	if (n_done != (ssize_t)n)
		sink.n_dropped++;
	if (n_done > 0 && n_done < (ssize_t)n)
		sink.is_torn = true;
	pthread_mutex_unlock(&sink.lock);
}

void log_line(enum log_level level, const char *message, const struct log_kv *kv, size_t n)
{
	struct line l;
	int saved = errno;

	if (!log_is_on(level))
		return;
	l.n = 0;
	l.is_cut = false;
	l.is_json = sink.format == LOG_JSON;
	put_head(&l, level, message);
	put_pairs(&l, kv, n);
	finish(&l);
	emit(l.text, l.n);
	errno = saved;
}

void log_say(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES], space[LINE_MAX_BYTES];
	struct str line;
	int saved = errno;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	n = MIN(MAX(n, 0), (int)sizeof(text) - 2);
	line = filtered((struct str){ text, (size_t)n }, space);
	line.n = MIN(line.n, sizeof(text) - 1);
	memmove(text, line.p, line.n);
	text[line.n] = '\n';
	emit(text, line.n + 1);
	errno = saved;
}

void log_fault(int e, const char *what, const struct log_kv *more, size_t n)
{
	struct log_kv kv[6];
	struct err_report r;

	assert(n <= ARRAY_LEN(kv) - 2);
	err_take(e, &r);
	kv[0] = LOG_C("error", r.text);
	kv[1] = LOG_C("at", r.chain);
	for (size_t i = 0; i < n; i++)
		kv[2 + i] = more[i];
	log_line(LOG_ERROR, what, kv, 2 + n);
}

bool log_limit_ok(struct log_limit *l, uint32_t per_second)
{
	struct clock real = { 0 };
	int64_t second = clock_boot_ms(&real) / 1000;
	uint32_t n_dropped = l->n_dropped;

	if (second != l->second) {
		*l = (struct log_limit){ .second = second };
		if (n_dropped)
			log_warn("lines left out", LOG_I("n", n_dropped));
	}
	if (l->n < per_second) {
		l->n++;
		return true;
	}
	l->n_dropped++;
	return false;
}
