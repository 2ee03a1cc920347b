/* SPDX-License-Identifier: Apache-2.0 */
/* Structured lines to stderr: `2026-11-21T10:00:00.000Z info server started pid=12 socket="…"`.
 * As JSON where stderr is not a terminal and log_init() was told so. Everything a caller supplied
 * is escaped: a line holds only printable ASCII and UTF-8 letters, never ESC, bidi marks or
 * newlines (TM-LLM-03). Writing never blocks: what a full pipe does not take is dropped and counted
 * (F-31). Folders below server/, worker/ and cli/ log at debug only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* fd is borrowed. Levels below `level` are dropped. */
void log_init(int fd, enum log_level level, enum log_format format);
bool log_is_on(enum log_level level);
uint64_t log_n_dropped(void);
/* Each text of a line goes through it first: 0, the text may be written as it is, or how many bytes
 * were put into `out` in its place. Threads call it at once. NULL: none. */
typedef size_t log_filter_fn(void *data, struct str text, char *out, size_t cap);
void log_set_filter(log_filter_fn *filter, void *data);

struct log_kv {
	const char *key;
	struct str s; /* used when s.p, else `i` */
	int64_t i;
};

#define LOG_S(key, value) ((struct log_kv){ (key), (value), 0 })
#define LOG_C(key, value) ((struct log_kv){ (key), str_from(value), 0 })
#define LOG_I(key, value) ((struct log_kv){ (key), { 0 }, (int64_t)(value) })
#define log_at(level, message, ...)                                    \
	log_line((level), (message), (struct log_kv[]){ __VA_ARGS__ }, \
		 sizeof((struct log_kv[]){ __VA_ARGS__ }) / sizeof(struct log_kv))
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

void log_line(enum log_level level, const char *message, const struct log_kv *kv, size_t n);
/* A line as it stands, for what a program says of itself when it begins and ends. */
void log_say(const char *fmt, ...) printf_like(1, 2);
/* Logs a negative error once: text, chain and what belongs to it (n ≤ 4), and forgets it. */
void log_fault(int e, const char *what, const struct log_kv *more, size_t n);

/* At most `per_second` lines a second for one reason; the rest are counted and told of once a
 * second (TM-LOG-01). `{0}`-valid. */
struct log_limit {
	int64_t second;
	uint32_t n, n_dropped;
};
bool log_limit_ok(struct log_limit *l, uint32_t per_second);

/* Writes s into out (cap bytes, always NUL-terminated), control bytes, ESC, bidi and zero-width
 * marks escaped as \xNN or \u{NNNN}: for terminals and logs. A joiner between emoji stays. Returns
 * bytes written. */
size_t log_escape(char *out, size_t cap, struct str s);
/* The piece of s at *at alone (14 bytes are enough, no NUL behind it), which moves behind it. */
size_t log_escape_next(char out[16], struct str s, size_t *at);
