/* SPDX-License-Identifier: Apache-2.0 */
/* A shape with a field of every kind, written by hand. */
#pragma once

#include "schemas/shape.h"

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_BLUE };

struct repo {
	struct str url, base;
	int64_t depth;
	bool has_depth;
};

struct repo_list {
	struct repo *v;
	size_t n;
};

struct colour_list {
	enum colour *v;
	size_t n;
};

struct sample {
	struct str subject, body, id, cursor;
	int64_t due_at;
	bool has_due_at;
	int64_t limit;
	double score;
	bool has_score;
	bool is_open;
	enum colour colour;
	struct str_list labels;
	struct colour_list colours;
	struct repo *repo;
	struct repo_list repos;
	struct str extra, any;
};

extern const struct shape repo_shape, sample_shape;
