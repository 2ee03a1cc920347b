/* SPDX-License-Identifier: Apache-2.0 */
/* questd.toml through the table of settings. What is refused is refused in words that name a line
 * of the file or a setting; what is accepted, written again plainly, is accepted and means the
 * same. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "server/options.h"
#include "server/options_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], file[96]; /* outlive an input */

static void remove_folder(void)
{
	(void)unlink(file);
	(void)rmdir(folder);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/questd-fuzz-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(file, sizeof(file), "%s/questd.toml", folder);
	atexit(remove_folder);
}

static void write_file(struct str text)
{
	CLEANUP(fd_close) int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		abort();
}

static bool names_a_setting(struct str text)
{
	for (size_t i = 0; i < option_n; i++) {
		char name[OPTION_VARIABLE_MAX];
		int n = snprintf(name, sizeof(name), "%s.%s: ", option_table[i].section,
				 option_table[i].key);

		if (str_starts(text, (struct str){ name, (size_t)n }))
			return true;
	}
	return false;
}

static void check_error(const struct options_error *error)
{
	struct str text, here = str_from(file);

	assert(memchr(error->text, '\0', sizeof(error->text)));
	text = str_from(error->text);
	if (!str_starts(text, here)) {
		assert(names_a_setting(text));
		return;
	}
	text = str_slice(text, here.n, text.n);
	assert(text.n > 2 && text.p[0] == ':' && text.p[1] >= '1' && text.p[1] <= '9');
}

static int read_it(struct options *o, struct options_error *error)
{
	char *args[] = { "--data-dir", folder };
	char *environment[] = { NULL };

	*error = (struct options_error){ "" };
	return options_read(o, 2, args, environment, error);
}

static void put_text(struct buf *b, struct str s)
{
	buf_put_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			buf_fmt(b, "\\u%04x", c);
		else
			buf_put_char(b, (char)c);
	}
	buf_put_char(b, '"');
}

static void put_texts(struct buf *b, const struct str_list *list)
{
	buf_put_char(b, '[');
	for (size_t i = 0; i < list->n; i++) {
		put_text(b, list->v[i]);
		buf_put_char(b, ',');
	}
	buf_put_char(b, ']');
}

static void put_value(struct buf *b, const struct option *row, const void *value)
{
	switch (row->type) {
	case OPTION_STR:
	case OPTION_CHOICE:
		put_text(b, *(const struct str *)value);
		return;
	case OPTION_STRS:
		put_texts(b, value);
		return;
	case OPTION_INT:
		buf_put_i64(b, *(const int64_t *)value);
		return;
	case OPTION_BOOL:
		buf_put_str(b, *(const bool *)value ? STR("true") : STR("false"));
		return;
	}
	assert(!"a type of setting that is not known");
}

/* What the file has set; the table's rows stand by section. */
static void put(struct buf *b, const struct options *o)
{
	const char *section = "";

	for (size_t i = 0; i < option_n; i++) {
		const struct option *row = &option_table[i];

		if (o->origins_of[i].kind != OPTION_FILE)
			continue;
		if (strcmp(section, row->section) != 0)
			buf_fmt(b, "[%s]\n", row->section);
		section = row->section;
		buf_fmt(b, "%s = ", row->key);
		put_value(b, row, (const char *)o + row->offset);
		buf_put_char(b, '\n');
	}
	assert(!b->failed);
}

/* Reads the file and writes what it set to `out`. */
static bool read_and_put(struct buf *out)
{
	CLEANUP(options_deinit) struct options o;
	struct options_error error;
	int e = read_it(&o, &error);

	assert(e == 0 || e == OPTIONS_BAD);
	if (e)
		check_error(&error);
	else
		put(out, &o);
	return e == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_deinit) struct buf once = { 0 };
	CLEANUP(buf_deinit) struct buf twice = { 0 };
	bool is_accepted;

	if (!folder[0])
		make_folder();
	write_file((struct str){ (const char *)data, size });
	if (!read_and_put(&once))
		return 0;
	write_file(buf_str(&once));
	is_accepted = read_and_put(&twice);
	assert(is_accepted);
	assert(str_eq(buf_str(&once), buf_str(&twice)));
	return 0;
}
