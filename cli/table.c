/* SPDX-License-Identifier: Apache-2.0 */
/* A list of objects as an aligned table: columns in the order of the fields; what is empty
 * everywhere or said better by another column is left out; then the widest texts are cut and the
 * last columns dropped until it fits. */
#include "cli/print.h"

#include "base/id.h"
#include "cli/width.h"

#define COLUMNS_MAX 32
#define GAP         2
#define TEXT_MIN    16 /* a text column is not cut below this, */
#define TEXT_GOOD   40 /* nor below this while there are columns that may go */

struct column {
	struct str key, title;
	size_t width, least;              /* least: may be cut down to this */
	bool is_right, is_empty, is_late; /* late: dropped first */
};

struct table {
	const struct print *print;
	struct column columns[COLUMNS_MAX];
	size_t n_columns;
};

static struct column *find_column(struct table *t, struct str key)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (str_eq(t->columns[i].key, key))
			return &t->columns[i];
	return NULL;
}

static struct str title_of(struct arena *a, struct str key)
{
	char *p = arena_dup(a, key.p, key.n);

	for (size_t i = 0; p && i < key.n; i++)
		p[i] = p[i] == '_' ? ' ' : p[i] >= 'a' && p[i] <= 'z' ? (char)(p[i] - 32) : p[i];
	return p ? (struct str){ p, key.n } : key;
}

static struct column *add_column(struct table *t, struct str key)
{
	if (t->n_columns == COLUMNS_MAX)
		return NULL;
	struct column *c = &t->columns[t->n_columns++];
	struct str title = title_of(t->print->arena, width_safe(t->print->arena, key));

	*c = (struct column){
		.key = key, .title = title, .width = width_of(title), .is_empty = true
	};
	c->least = c->width;
	c->is_late = str_ends(key, STR("_by")) || str_ends(key, STR("_at"));
	return c;
}

/* One line, safe; what stands behind a line's end is left out. */
static struct str cell_text(const struct print *p, const struct json *v)
{
	struct str message = json_get_str(v, STR("message")); /* an error's, in a batch's answers */
	struct str s = message.n ? message : print_scalar(p, v, true);
	size_t end = str_find(s, '\n', 0);

	return width_safe(p->arena, str_trim(str_slice(s, 0, end)));
}

static void measure(struct table *t, const struct json *item)
{
	for (uint32_t i = 0; item->type == JSON_OBJECT && i < item->n; i++) {
		const struct json *v = &item->members[i].value;
		struct column *c = find_column(t, item->members[i].key);

		if (!c)
			c = add_column(t, item->members[i].key);
		if (!c)
			continue;
		struct str text = cell_text(t->print, v);
		size_t w = width_of(text);

		c->width = MAX(c->width, w);
		/* Ids, numbers and times are of no use when cut; texts, lists and objects are. */
		bool is_whole = v->type != JSON_OBJECT && v->type != JSON_ARRAY &&
				(v->type != JSON_STRING || w == ID_LEN);

		c->least = MAX(c->least, is_whole ? w : MIN(w, TEXT_MIN));
		c->is_right = v->type == JSON_INT || v->type == JSON_DOUBLE;
		c->is_empty = c->is_empty && (text.n == 0 || str_eq(v->raw, STR("false")));
	}
}

static void drop_column(struct table *t, size_t i)
{
	t->n_columns--;
	memmove(&t->columns[i], &t->columns[i + 1], (t->n_columns - i) * sizeof(t->columns[0]));
}

/* Is it an id whose object another column calls by its short id or its name? */
static bool is_said_better(struct table *t, struct str key)
{
	if (str_eq(key, STR("id")))
		return find_column(t, STR("short_id")) != NULL;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];

		if (str_starts(c->key, key) && !c->is_empty &&
		    str_eq(str_slice(c->key, key.n, c->key.n), STR("_name")))
			return true;
	}
	return false;
}

static void drop_useless(struct table *t)
{
	for (size_t i = t->n_columns; i-- > 0;)
		if (t->columns[i].is_empty || is_said_better(t, t->columns[i].key))
			drop_column(t, i);
}

static size_t total_width(const struct table *t)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		sum += t->columns[i].width + (i ? GAP : 0);
	return sum;
}

/* The widest of those that may be cut below `least`, or NULL. */
static struct column *widest(struct table *t, size_t least)
{
	struct column *found = NULL;

	for (size_t i = 0; i < t->n_columns; i++) {
		struct column *c = &t->columns[i];

		if (c->width > MAX(c->least, least) && (!found || c->width > found->width))
			found = c;
	}
	return found;
}

/* Cuts texts down to `least`; true when it fits. */
static bool cut_to(struct table *t, size_t least)
{
	for (;;) {
		size_t total = total_width(t);
		struct column *c = widest(t, least);

		if (total <= t->print->width)
			return true;
		if (!c)
			return false;
		size_t over = total - t->print->width, floor = MAX(c->least, least);

		c->width = c->width > floor + over ? c->width - over : floor;
	}
}

static bool drop_late(struct table *t)
{
	for (size_t i = t->n_columns; i-- > 1;)
		if (t->columns[i].is_late) {
			drop_column(t, i);
			return true;
		}
	return false;
}

/* Where a long id would take most of a line, the name says more; commands take names too. */
static void prefer_name(struct table *t)
{
	struct column *id = find_column(t, STR("id"));

	if (id && id->width > t->print->width / 2 && find_column(t, STR("name")))
		drop_column(t, (size_t)(id - t->columns));
}

static void fit(struct table *t)
{
	while (!cut_to(t, TEXT_GOOD) && drop_late(t))
		;
	if (!cut_to(t, 0))
		prefer_name(t);
	while (!cut_to(t, 0) && t->n_columns > 1)
		drop_column(t, t->n_columns - 1);
}

static void put_cell(const struct column *c, struct str text, bool is_last, struct buf *out)
{
	size_t w = width_of(text);

	if (w > c->width) {
		text = width_cut(text, c->width - 1);
		w = width_of(text) + 1;
		if (c->is_right)
			buf_fmt(out, "%*s", (int)(c->width - w), "");
		buf_put_str(out, text);
		BUF_LIT(out, "…");
	} else {
		if (c->is_right)
			buf_fmt(out, "%*s", (int)(c->width - w), "");
		buf_put_str(out, text);
	}
	if (!is_last)
		buf_fmt(out, "%*s", (int)(GAP + (c->is_right ? 0 : c->width - w)), "");
}

static void put_row(const struct table *t, const struct json *item, struct buf *out)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		const struct json *v = item ? json_get(item, c->key) : NULL;
		struct str text = !item ? c->title : v ? cell_text(t->print, v) : STR("");

		put_cell(c, text, i + 1 == t->n_columns, out);
	}
	while (buf_len(out) > 0 && out->p[out->tail - 1] == ' ')
		buf_truncate(out, buf_len(out) - 1);
	buf_put_char(out, '\n');
}

void print_table(const struct print *p, const struct json *items, struct buf *out)
{
	struct table t = { .print = p };

	for (uint32_t i = 0; i < items->n; i++)
		measure(&t, &items->items[i]);
	drop_useless(&t);
	fit(&t);
	if (p->has_color)
		BUF_LIT(out, "\033[1m");
	put_row(&t, NULL, out);
	if (p->has_color) {
		buf_truncate(out, buf_len(out) - 1);
		BUF_LIT(out, "\033[0m\n");
	}
	for (uint32_t i = 0; i < items->n; i++)
		put_row(&t, &items->items[i], out);
}
