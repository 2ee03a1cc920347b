/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a fault: where it lies, what was expected, what was got. Only made for inputs that
 * are wrong, and only for the first SHAPE_FAULTS_MAX of an input. */
#pragma once

#include "schemas/shape.h"

/* Where the decoder is; frames lie on its stack. */
struct shape_path {
	const struct shape_path *up; /* NULL at the root, whose frame has no name */
	struct str name;
	size_t index; /* when name is NONE */
};

/* What kind of fault; which words say what was expected. */
enum shape_wrong {
	SHAPE_WRONG_TYPE = 1,
	SHAPE_WRONG_SIZE,  /* length, count, range, bytes */
	SHAPE_WRONG_VALUE, /* enum, format */
	SHAPE_WRONG_MISSING,
	SHAPE_WRONG_UNKNOWN,
	SHAPE_WRONG_ROOT, /* the whole input is no object */
};

struct shape_wrong_at {
	enum shape_wrong wrong;
	const struct shape_path *path;
	const struct shape_field *field; /* NULL for an unknown one */
	const struct shape *shape;       /* of the object that holds it */
	const struct json *value;        /* NULL when missing */
	bool is_item;                    /* an element of the field's list is meant */
};

/* Adds a fault; its texts are arena memory (a->is_out when memory is out). */
void shape_fault_add(struct shape_faults *faults, struct arena *a, const struct shape_wrong_at *w);
