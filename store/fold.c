/* SPDX-License-Identifier: Apache-2.0 */
/* Each code point is replaced by its folded decomposition, marks are put in canonical order, and
 * the iota below, which was a mark until then, becomes a letter. */
#include "store/fold.h"

#include <stdlib.h>

#include "base/err.h"

#define IOTA_BELOW 0x345
#define IOTA       0x3b9

struct fold_entry {
	uint32_t code;
	uint16_t at;
	uint8_t n;
};

struct fold_class {
	uint32_t from, to;
	uint8_t class;
};

struct fold_several {
	uint32_t code, to[FOLD_SEVERAL_MAX + 1];
};

#include "fold.gen.h"

struct codes {
	uint32_t *v;
	size_t n;
};

static void decompose_hangul(struct codes *c, uint32_t code)
{
	uint32_t index = code - 0xac00;

	c->v[c->n++] = 0x1100 + index / 588;
	c->v[c->n++] = 0x1161 + index % 588 / 28;
	if (index % 28)
		c->v[c->n++] = 0x11a7 + index % 28;
}

static int compare_entry(const void *key, const void *row)
{
	uint32_t code = *(const uint32_t *)key, other = ((const struct fold_entry *)row)->code;

	return (code > other) - (code < other);
}

static int compare_several(const void *key, const void *row)
{
	uint32_t code = *(const uint32_t *)key, other = ((const struct fold_several *)row)->code;

	return (code > other) - (code < other);
}

static int compare_class(const void *key, const void *row)
{
	uint32_t code = *(const uint32_t *)key;
	const struct fold_class *range = row;

	return (code > range->to) - (code < range->from);
}

static void add_folded(struct codes *c, uint32_t code)
{
	const struct fold_entry *e;

	if (code < 0x80) {
		c->v[c->n++] = code >= 'A' && code <= 'Z' ? code | 32 : code;
		return;
	}
	if (code >= 0xac00 && code <= 0xd7a3) {
		decompose_hangul(c, code);
		return;
	}
	e = bsearch(&code, entries, ARRAY_LEN(entries), sizeof(entries[0]), compare_entry);
	if (!e)
		c->v[c->n++] = code;
	for (size_t i = 0; e && i < e->n; i++)
		c->v[c->n++] = pieces[e->at + i];
}

/* 0: no mark. */
static uint8_t class_of(uint32_t code)
{
	const struct fold_class *range = code < classes[0].from
					     ? NULL
					     : bsearch(&code, classes, ARRAY_LEN(classes),
						       sizeof(classes[0]), compare_class);

	return range ? range->class : 0;
}

/* Marks in a run go by class, those of one class keep their order. */
static void order_marks(struct codes *c)
{
	for (size_t i = 1; i < c->n; i++) {
		uint32_t code = c->v[i];
		uint8_t class = class_of(code);
		size_t at = i;

		for (; class && at > 0 && class_of(c->v[at - 1]) > class; at--)
			c->v[at] = c->v[at - 1];
		c->v[at] = code;
	}
}

static struct str encode(struct arena *a, const struct codes *c)
{
	char *text = arena_alloc(a, 4 * c->n);
	size_t n = 0;

	for (size_t i = 0; text && i < c->n; i++)
		n += str_utf8_put(text + n, c->v[i] == IOTA_BELOW ? IOTA : c->v[i]);
	return text ? (struct str){ text, n } : STR_NONE;
}

int fold_key(struct arena *a, struct str text, struct str *out)
{
	struct codes c = { ARENA_ARRAY(a, text.n * FOLD_PIECES_MAX, uint32_t), 0 };

	if (!c.v)
		return err_nomem();
	for (size_t at = 0, n; at < text.n; at += n) {
		uint32_t code = 0xfffd; /* for what is no UTF-8, a byte of a damaged row */

		n = MAX(str_utf8_at(text, at, &code), 1);
		add_folded(&c, code);
	}
	order_marks(&c);
	*out = encode(a, &c);
	return out->p ? 0 : err_nomem();
}

const uint32_t *fold_to_several(uint32_t code)
{
	const struct fold_several *s = code < several[0].code
					   ? NULL
					   : bsearch(&code, several, ARRAY_LEN(several),
						     sizeof(several[0]), compare_several);

	return s ? s->to : NULL;
}
