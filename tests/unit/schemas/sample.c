/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include "tests/unit/schemas/sample.h"

#define NAME(lit) { lit, sizeof(lit) - 1 }
#define AT(type, field) .name = NAME(#field), .offset = offsetof(struct type, field)

static const struct str colour_texts[] = { { NULL, 0 }, NAME("red"), NAME("green"), NAME("blue") };
static const struct shape_enum colour_values = { NAME("colour"), colour_texts, 4 };

static const struct shape_field repo_fields[] = {
	{ AT(repo, url), .kind = SHAPE_STRING, .flags = SHAPE_REQUIRED, .min = 1, .max = 40 },
	{ AT(repo, base), .kind = SHAPE_STRING, .max = 10 },
	{ AT(repo, depth), .kind = SHAPE_INT, .flags = SHAPE_HAS,
	  .has_offset = offsetof(struct repo, has_depth), .min = 0, .max = 9 },
};
const struct shape repo_shape = { NAME("repo"), sizeof(struct repo), repo_fields, 3 };

static const struct shape_field sample_fields[] = {
	{ AT(sample, subject), .kind = SHAPE_STRING, .format = SHAPE_NAME, .flags = SHAPE_REQUIRED,
	  .min = 1, .max = 20 },
	{ AT(sample, body), .kind = SHAPE_STRING, .format = SHAPE_TEXT, .max = 400 },
	{ AT(sample, id), .kind = SHAPE_STRING, .format = SHAPE_ID, .min = 1, .max = 64 },
	{ AT(sample, cursor), .kind = SHAPE_STRING, .format = SHAPE_CURSOR, .max = 100 },
	{ AT(sample, due_at), .kind = SHAPE_TIME, .flags = SHAPE_HAS,
	  .has_offset = offsetof(struct sample, has_due_at) },
	{ AT(sample, limit), .kind = SHAPE_INT, .flags = SHAPE_DEFAULT, .min = 1, .max = 200,
	  .default_value = { .type = JSON_INT, .i = 20 } },
	{ AT(sample, score), .kind = SHAPE_NUMBER, .flags = SHAPE_HAS,
	  .has_offset = offsetof(struct sample, has_score), .number_min = 0, .number_max = 1 },
	{ AT(sample, is_open), .kind = SHAPE_BOOL, .flags = SHAPE_DEFAULT,
	  .default_value = { .type = JSON_BOOL, .b = true } },
	{ AT(sample, colour), .kind = SHAPE_ENUM, .flags = SHAPE_DEFAULT, .values = &colour_values,
	  .default_value = { .type = JSON_INT, .i = COLOUR_GREEN } },
	{ AT(sample, labels), .kind = SHAPE_STRINGS, .flags = SHAPE_REQUIRED, .max = 5, .item_min = 1,
	  .item_max = 8 },
	{ AT(sample, colours), .kind = SHAPE_ENUMS, .max = 3, .values = &colour_values },
	{ AT(sample, repo), .kind = SHAPE_OBJECT, .object = &repo_shape },
	{ AT(sample, repos), .kind = SHAPE_OBJECTS, .min = 1, .max = 3, .object = &repo_shape },
	{ AT(sample, extra), .kind = SHAPE_RAW, .max = 60 },
	{ AT(sample, any), .kind = SHAPE_RAW_ANY, .max = 60 },
};
const struct shape sample_shape = { NAME("sample"), sizeof(struct sample), sample_fields,
				    sizeof(sample_fields) / sizeof(sample_fields[0]) };
