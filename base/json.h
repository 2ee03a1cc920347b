/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259), strict: parse into an arena with views into the source, and write into a buf.
 *
 * Errors, not repairs: invalid UTF-8, lone surrogates, duplicate keys, depth over 64, more than
 * 200,000 nodes, a number token over 64 characters, an integer that does not fit int64, a double
 * that is not finite, anything behind the value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#define JSON_DEPTH_MAX  64
#define JSON_NODES_MAX  200000
#define JSON_NUMBER_MAX 64

enum json_type {
	JSON_NONE, /* absent */
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_DOUBLE,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_member;

struct json {
	enum json_type type;
	uint32_t n; /* elements, members */
	union {
		bool b;
		int64_t i;
		double d;
		struct str s; /* unescaped: a view into the source, or arena memory */
		struct json *items;
		struct json_member *members;
	};
	struct str raw; /* its own source text, exactly as written; NONE when not parsed */
};

struct json_member {
	struct str key;
	struct json value;
};

/* Why a parse failed (positive values of json_parse). */
enum json_fault {
	JSON_SYNTAX = 1,
	JSON_UTF8,
	JSON_DUPLICATE_KEY,
	JSON_TOO_DEEP,
	JSON_TOO_MANY,
	JSON_NUMBER_RANGE,
};

struct json_error {
	enum json_fault fault;
	size_t at;        /* byte offset */
	const char *text; /* "expected ',' or '}'" */
	struct str key;   /* the one that is there twice; NONE with other faults */
};

/* 0, a json_fault (error filled when not NULL), or negative when memory is out. `source` must
 * outlive the result. With JSON_NUMBER_RANGE nothing else is wrong and `out` is written: such
 * numbers are JSON_NONE in it, so that whoever sent it can be answered. */
int json_parse(struct arena *a, struct str source, struct json *out,
	       struct json_error *error) must_check;

/* The member's value, or NULL. Linear for small objects. NULL when o is no object. */
const struct json *json_get(const struct json *o, struct str key);
struct str json_get_str(const struct json *o, struct str key); /* NONE unless a string */
/* What a path of member names and item numbers leads to ("repo.name", "items.0.id"; NONE: v
 * itself), or NULL. NULL for NULL. */
const struct json *json_at(const struct json *v, struct str path);

/* A writer puts commas by itself. State is one bit a level. */
struct json_out {
	struct buf *buf;
	uint64_t has_items; /* bit per depth */
	unsigned depth;
	bool is_after_key;
};

struct json_out json_out(struct buf *b);
void json_begin_object(struct json_out *w);
void json_end_object(struct json_out *w);
void json_begin_array(struct json_out *w);
void json_end_array(struct json_out *w);
void json_key(struct json_out *w, struct str key);
/* A key that is ready: quoted, with its colon. */
void json_raw_key(struct json_out *w, struct str quoted);
void json_str(struct json_out *w, struct str s); /* NONE is written as null; bad UTF-8 as U+FFFD */
void json_int(struct json_out *w, int64_t v);
void json_double(struct json_out *w, double v); /* shortest that reads back the same */
void json_bool(struct json_out *w, bool v);
void json_null(struct json_out *w);
void json_raw(struct json_out *w, struct str raw); /* one ready value */
void json_value(struct json_out *w, const struct json *v);
/* "2026-11-21T10:00:00.000Z" */
void json_time(struct json_out *w, int64_t ms);

#define JSON_KV_STR(w, k, v)  (json_key((w), STR(k)), json_str((w), (v)))
#define JSON_KV_INT(w, k, v)  (json_key((w), STR(k)), json_int((w), (v)))
#define JSON_KV_BOOL(w, k, v) (json_key((w), STR(k)), json_bool((w), (v)))

/* The string with quotes and escapes, for places without a writer. */
void json_put_quoted(struct buf *b, struct str s);

/* Canonical text (keys sorted, no blanks, shortest numbers): for digests. */
int json_canonical(struct arena *a, const struct json *v, struct buf *b) must_check;
