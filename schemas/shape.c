/* SPDX-License-Identifier: Apache-2.0 */
/* Names to rows: fields of a shape, values of an enum. Decoding is shape_decode.c, encoding
 * shape_encode.c, the words of a fault shape_fault.c. */
#include "schemas/shape.h"

const struct shape_field *shape_find(const struct shape *s, struct str name)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (str_eq(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

int shape_enum_find(const struct shape_enum *e, struct str text)
{
	for (size_t i = 1; i < e->n; i++)
		if (str_eq(e->values[i], text))
			return (int)i;
	return 0;
}

struct str shape_enum_text(const struct shape_enum *e, int value)
{
	return value > 0 && (size_t)value < e->n ? e->values[value] : STR_NONE;
}
