/* SPDX-License-Identifier: Apache-2.0 */
/* The one walker of generated tables: JSON to struct and back. A shape says where each field lies
 * in its struct and what it may hold; shape_decode() finds every fault of an input at once, with
 * the field's path, what was expected, what was got and the nearest known name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

enum shape_kind {
	SHAPE_STRING = 1, /* struct str */
	SHAPE_TIME,       /* int64_t ms */
	SHAPE_INT,        /* int64_t */
	SHAPE_NUMBER,     /* double */
	SHAPE_BOOL,       /* bool */
	SHAPE_ENUM,       /* int (a generated enum; 0 = absent) */
	SHAPE_OBJECT,     /* struct x * */
	SHAPE_STRINGS,    /* struct str_list */
	SHAPE_OBJECTS,    /* struct x_list: { struct x *v; size_t n; } */
	SHAPE_ENUMS,      /* struct { int *v; size_t n; } */
	SHAPE_RAW,        /* struct str: source text of an object */
	SHAPE_RAW_ANY,    /* struct str: source text of any value */
};

enum shape_format { SHAPE_LINE, SHAPE_TEXT, SHAPE_ID, SHAPE_NAME, SHAPE_CURSOR };

enum {
	SHAPE_REQUIRED = 1 << 0,
	SHAPE_HAS = 1 << 1,     /* has_offset points to its bool has_x */
	SHAPE_DEFAULT = 1 << 2, /* default_value is filled in when absent */
	SHAPE_SECRET = 1 << 3,  /* is neither kept nor repeated in a message */
};

struct shape;

struct shape_enum {
	struct str name;
	const struct str *values; /* [0] is absent: NONE */
	size_t n;                 /* with [0] */
};

struct shape_field {
	struct str name,
	    quoted; /* quoted: "name": as the encoder writes it; NONE in tables made by hand */
	struct str description;
	uint8_t kind, format, flags;
	uint32_t offset, has_offset;
	int64_t min, max;           /* value, code points, elements or bytes (raw) */
	int64_t item_min, item_max; /* strings in a list: code points */
	double number_min, number_max;
	const struct shape *object;
	const struct shape_enum *values;
	/* Type NONE when there is none. `raw` is its JSON; of an enum, `i` is the index. */
	struct json default_value;
};

struct shape {
	struct str name;
	size_t size;
	const struct shape_field *fields;
	size_t n_fields;
	const struct shape_field *cursor; /* the one of format cursor, or NULL */
};

struct shape_fault {
	struct str field;    /* "labels[3]", "repo.base" */
	struct str expected; /* "at most 200 characters" */
	struct str got;      /* "string of 311 characters"; never more than 64 bytes of the value */
	struct str nearest;  /* a known name, or NONE */
	bool is_missing, is_unknown;
};

#define SHAPE_FAULTS_MAX 32

struct shape_faults {
	struct shape_fault v[SHAPE_FAULTS_MAX];
	size_t n; /* the first SHAPE_FAULTS_MAX are kept; n_all counts on */
	size_t n_all;
};

/* Fills the zeroed struct `out`. 0, SHAPE_BAD with the faults, or negative (memory). `value` NULL
 * or JSON_NONE counts as {}. Strings are views into the JSON's source or arena. */
enum { SHAPE_BAD = 1 };
int shape_decode(const struct shape *s, const struct json *value, struct arena *a, void *out,
		 struct shape_faults *faults) must_check;

/* Writes the struct as one JSON object: fields in table order, absent ones left out. */
void shape_encode(const struct shape *s, const void *in, struct json_out *w);

/* Takes the secrets out of a result, whose next field then says that they are not shown. False: it
 * has none. */
bool shape_hide_secrets(const struct shape *s, void *result);

const struct shape_field *shape_find(const struct shape *s, struct str name);
/* 1-based index of a value's text, 0 when unknown. */
int shape_enum_find(const struct shape_enum *e, struct str text);
struct str shape_enum_text(const struct shape_enum *e, int value);
