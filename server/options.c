/* SPDX-License-Identifier: Apache-2.0 */
/* One table of all settings. A value is set by the strongest of flag, environment, file and
 * default: they are read weakest first and written over each other, each remembering where it came
 * from. */
#include "server/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/toml.h"
#include "server/options_auth.h"
#include "server/options_http.h"
#include "server/options_table.h"

#define FILE_MAX ((size_t)256 * 1024)
#define LIST_MAX 64

struct reader {
	struct options *o;
	struct options_error *error;
	char *const *environment;
};

static int bad(struct reader *r, const char *fmt, ...) printf_like(2, 3);
static int bad(struct reader *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error->text, sizeof(r->error->text), fmt, args);
	va_end(args);
	return OPTIONS_BAD;
}

static void *place(struct options *o, const struct option *row)
{
	return (char *)o + row->offset;
}

/* ---- one value; `where` begins the message ---- */

static int set_int(struct reader *r, const struct option *row, const char *where, int64_t v)
{
	if (v < row->min || v > row->max)
		return bad(r, "%s: must be %lld to %lld, not %lld", where, (long long)row->min,
			   (long long)row->max, (long long)v);
	*(int64_t *)place(r->o, row) = v;
	return 0;
}

static int set_str(struct reader *r, const struct option *row, const char *where, struct str v)
{
	struct str rest = str_from(row->choices), copy;

	if (!v.n)
		return bad(r, "%s: must not be empty", where);
	while (row->type == OPTION_CHOICE && !str_eq(str_cut(&rest, '|'), v))
		if (!rest.p)
			return bad(r, "%s: must be one of %s, not '%.*s'", where, row->choices,
				   STR_ARG(str_utf8_prefix(v, 64)));
	if (memchr(v.p, 0, v.n))
		return bad(r, "%s: holds a NUL byte", where);
	copy = str_dup(&r->o->arena, v);
	if (!copy.p)
		return err_nomem();
	*(struct str *)place(r->o, row) = copy;
	return 0;
}

static int set_strs(struct reader *r, const struct option *row, const char *where,
		    struct str_list v)
{
	struct str *copies = ARENA_ARRAY(&r->o->arena, v.n, struct str);

	if (v.n > LIST_MAX)
		return bad(r, "%s: at most %d", where, LIST_MAX);
	if (!copies)
		return err_nomem();
	for (size_t i = 0; i < v.n; i++) {
		if (!v.v[i].n)
			return bad(r, "%s: holds an empty text", where);
		copies[i] = str_dup(&r->o->arena, v.v[i]);
		if (!copies[i].p)
			return err_nomem();
	}
	*(struct str_list *)place(r->o, row) = (struct str_list){ copies, v.n };
	return 0;
}

static int set_from_comma_text(struct reader *r, const struct option *row, const char *where,
			       struct str text)
{
	struct str items[LIST_MAX];
	size_t n = 0;

	while (text.p) {
		if (n == LIST_MAX)
			return bad(r, "%s: at most %d", where, LIST_MAX);
		items[n++] = str_trim(str_cut(&text, ','));
	}
	return set_strs(r, row, where, (struct str_list){ items, n });
}

/* From a flag or the environment. */
static int set_from_text(struct reader *r, const struct option *row, const char *where,
			 struct str text)
{
	int64_t i;

	switch (row->type) {
	case OPTION_STR:
	case OPTION_CHOICE:
		return set_str(r, row, where, text);
	case OPTION_STRS:
		return set_from_comma_text(r, row, where, text);
	case OPTION_INT:
		if (!str_to_i64(text, &i))
			return bad(r, "%s: must be a whole number, not '%.*s'", where,
				   STR_ARG(str_utf8_prefix(text, 64)));
		return set_int(r, row, where, i);
	case OPTION_BOOL:
		if (!str_eq(text, STR("true")) && !str_eq(text, STR("false")))
			return bad(r, "%s: must be true or false, not '%.*s'", where,
				   STR_ARG(str_utf8_prefix(text, 64)));
		*(bool *)place(r->o, row) = text.p[0] == 't';
		return 0;
	}
	return err_new(ERR_INTERNAL, "option type %d", row->type);
}

static void remember(struct reader *r, const struct option *row, enum option_origin_kind kind,
		     int line)
{
	r->o->origins_of[row - option_table] = (struct option_origin){ kind, line };
}

/* ---- defaults, file, environment, flags ---- */

static int read_defaults(struct reader *r)
{
	for (size_t i = 0; i < option_n; i++) {
		int e = 0;

		if (option_table[i].initial)
			e = set_from_text(r, &option_table[i], option_table[i].key,
					  str_from(option_table[i].initial));
		if (e)
			return e;
		remember(r, &option_table[i], OPTION_DEFAULT, 0);
	}
	return 0;
}

static int set_from_toml(struct reader *r, const struct option *row, const char *where,
			 const struct toml_entry *t)
{
	static const char *const names[] = { "", "a text", "a whole number", "true or false",
					     "a list of texts" };
	static const enum toml_type wanted[] = {
		[OPTION_STR] = TOML_STRING,    [OPTION_INT] = TOML_INT,
		[OPTION_BOOL] = TOML_BOOL,     [OPTION_STRS] = TOML_STRINGS,
		[OPTION_CHOICE] = TOML_STRING,
	};

	if (t->type != wanted[row->type])
		return bad(r, "%s: must be %s, not %s", where, names[wanted[row->type]],
			   names[t->type]);
	switch (t->type) {
	case TOML_STRING:
		return set_str(r, row, where, t->s);
	case TOML_INT:
		return set_int(r, row, where, t->i);
	case TOML_STRINGS:
		return set_strs(r, row, where, t->list);
	case TOML_BOOL:
		*(bool *)place(r->o, row) = t->b;
		return 0;
	}
	return err_new(ERR_INTERNAL, "TOML type %d", t->type);
}

static int unknown_key(struct reader *r, const char *file, const struct toml_entry *t)
{
	struct str names[OPTIONS_MAX], nearest, given;
	struct arena *a = &r->o->arena;

	for (size_t i = 0; i < option_n; i++)
		names[i] = option_name(a, &option_table[i]);
	given = t->section.n ? str_fmt(a, "%.*s.%.*s", STR_ARG(t->section), STR_ARG(t->key))
			     : t->key;
	nearest = str_nearest(given, names, option_n);
	for (size_t i = 0; !nearest.p && i < option_n; i++)
		if (str_eq(t->key, str_from(option_table[i].key)))
			nearest = names[i];
	if (!nearest.p)
		return bad(r, "%s:%d: %.*s: unknown key", file, t->line, STR_ARG(given));
	return bad(r, "%s:%d: %.*s: unknown key (did you mean %.*s?)", file, t->line,
		   STR_ARG(given), STR_ARG(nearest));
}

static int apply_entry(struct reader *r, const char *file, const struct toml_entry *t)
{
	for (size_t i = 0; i < option_n; i++) {
		const struct option *row = &option_table[i];
		char where[384];
		int e;

		if (!str_eq(t->section, str_from(row->section)) ||
		    !str_eq(t->key, str_from(row->key)))
			continue;
		snprintf(where, sizeof(where), "%s:%d: %s.%s", file, t->line, row->section,
			 row->key);
		e = set_from_toml(r, row, where, t);
		if (!e)
			remember(r, row, OPTION_FILE, t->line);
		return e;
	}
	return unknown_key(r, file, t);
}

static int check_file_mode(struct reader *r, const char *file)
{
	struct stat st;

	if (stat(file, &st) == 0 && (st.st_mode & 022))
		return bad(r, "%s: others may write it: chmod go-w it", file);
	return 0;
}

static int read_file(struct reader *r, const char *file, bool is_asked)
{
	CLEANUP(buf_deinit) struct buf text;
	struct toml_error problem;
	struct err_report report;
	struct toml toml;
	int e;

	buf_init(&text, 0);
	e = fd_read_file(file, FILE_MAX, &text);
	if (e == FD_NOT_FOUND)
		return is_asked ? bad(r, "%s: there is no such file", file) : 0;
	if (e < 0) {
		err_take(e, &report);
		return bad(r, "%s: %s", file, report.text);
	}
	r->o->config_path = file;
	e = check_file_mode(r, file);
	if (e)
		return e;
	e = toml_parse(&r->o->arena, buf_str(&text), &toml, &problem);
	if (e == TOML_BAD)
		return bad(r, "%s:%d:%d: %s", file, problem.line, problem.column, problem.text);
	for (size_t i = 0; !e && i < toml.n; i++)
		e = apply_entry(r, file, &toml.v[i]);
	return e < 0 ? err_trace(e) : e;
}

static const char *variable(const struct reader *r, const char *name)
{
	size_t n = strlen(name);

	for (char *const *v = r->environment; *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return NULL;
}

/* Another program's variable may begin like ours, so this is a warning. What it holds is not told.
 */
static void look_at_variable(struct reader *r, struct str name)
{
	struct options *o = r->o;
	struct str names[OPTIONS_MAX + 1], nearest, text;

	for (size_t i = 0; i < option_n; i++) {
		char known[OPTION_VARIABLE_MAX];

		option_variable(&option_table[i], known);
		names[i] = str_dup(&o->arena, str_from(known));
		if (!names[i].p || str_eq(names[i], name))
			return;
	}
	names[option_n] = STR("QUESTD_DATA_DIR");
	if (str_eq(name, names[option_n]) || o->n_warnings == OPTIONS_WARNINGS_MAX)
		return;
	name = str_utf8_prefix(name, 64);
	nearest = str_nearest(name, names, option_n + 1);
	text = nearest.p
		   ? str_fmt(&o->arena, "%.*s: unknown environment variable (did you mean %.*s?)",
			     STR_ARG(name), STR_ARG(nearest))
		   : str_fmt(&o->arena, "%.*s: unknown environment variable", STR_ARG(name));
	if (text.p)
		o->warnings[o->n_warnings++] = text;
}

static int read_environment(struct reader *r)
{
	for (char *const *v = r->environment; *v; v++) {
		struct str value = str_from(*v), name = str_cut(&value, '=');

		if (str_starts(name, STR("QUESTD_")))
			look_at_variable(r, name);
	}
	for (size_t i = 0; i < option_n; i++) {
		const char *value;
		char name[OPTION_VARIABLE_MAX];
		int e;

		option_variable(&option_table[i], name);
		value = variable(r, name);
		if (!value || !*value)
			continue;
		e = set_from_text(r, &option_table[i], name, str_from(value));
		if (e)
			return e;
		remember(r, &option_table[i], OPTION_ENVIRONMENT, 0);
	}
	return 0;
}

/* ---- flags: read twice, first for --data-dir and --config, which say where the file is ---- */

struct flags {
	int argc;
	char **argv;
	const char *data_dir, *config, *restore, *check;
};

/* Flags that are no settings: where to read settings from, and what to do instead of serving. */
static const struct place {
	const char *flag;
	size_t offset;
} places[] = {
	{ "--data-dir", offsetof(struct flags, data_dir) },
	{ "--config", offsetof(struct flags, config) },
	{ "--restore", offsetof(struct flags, restore) },
	{ "--check", offsetof(struct flags, check) },
};

static const struct place *find_place(struct str flag)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (str_eq(flag, str_from(places[i].flag)))
			return &places[i];
	return NULL;
}

static int unknown_flag(struct reader *r, struct str flag)
{
	struct str names[OPTIONS_MAX + ARRAY_LEN(places)], nearest;

	for (size_t i = 0; i < option_n; i++)
		names[i] = str_from(option_table[i].flag);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		names[option_n + i] = str_from(places[i].flag);
	nearest = str_nearest(flag, names, option_n + ARRAY_LEN(places));
	flag = str_utf8_prefix(flag, 64);
	if (!nearest.p)
		return bad(r, "%.*s: unknown flag; --help names all", STR_ARG(flag));
	return bad(r, "%.*s: unknown flag (did you mean %.*s?)", STR_ARG(flag), STR_ARG(nearest));
}

static int next_flag(struct reader *r, const struct flags *f, int *i, struct str *flag,
		     struct str *value)
{
	struct str arg = str_from(f->argv[(*i)++]);
	const struct option *row;
	bool has_value;

	if (!str_starts(arg, STR("--")))
		return bad(r, "'%.*s': only flags are expected here; --help names them",
			   STR_ARG(str_utf8_prefix(arg, 64)));
	*flag = str_cut(&arg, '=');
	*value = arg;
	row = option_find_flag(*flag);
	has_value = (row && row->type != OPTION_BOOL) || find_place(*flag);
	if (value->p || !has_value)
		return 0;
	if (*i >= f->argc)
		return bad(r, "%.*s: needs a value", STR_ARG(*flag));
	*value = str_from(f->argv[(*i)++]);
	return 0;
}

static int read_places(struct reader *r, struct flags *f)
{
	struct str flag = STR_NONE, value = STR_NONE;

	for (int i = 0; i < f->argc;) {
		const struct place *place;
		int e = next_flag(r, f, &i, &flag, &value);

		if (e)
			return e;
		if (str_eq(flag, STR("--help")))
			return OPTIONS_HELP;
		if (str_eq(flag, STR("--version")))
			return OPTIONS_VERSION;
		place = find_place(flag);
		if (!place && !option_find_flag(flag))
			return unknown_flag(r, flag);
		if (place && !value.n)
			return bad(r, "%.*s: must not be empty", STR_ARG(flag));
		if (place) /* an argument's tail: NUL-terminated */
			*(const char **)((char *)f + place->offset) = value.p;
	}
	return 0;
}

static int read_flags(struct reader *r, const struct flags *f)
{
	struct str flag, value;

	for (int i = 0; i < f->argc;) {
		const struct option *row;
		int e = next_flag(r, f, &i, &flag, &value);

		if (e)
			return e;
		row = option_find_flag(flag);
		if (!row)
			continue;
		e = set_from_text(r, row, row->flag, value.p ? value : STR("true"));
		if (e)
			return e;
		remember(r, row, OPTION_FLAG, 0);
	}
	return 0;
}

/* ---- what follows from the values ---- */

static int find_paths(struct reader *r, const char *data_dir, const char *socket, bool is_last)
{
	struct paths *p = &r->o->paths;
	int e = paths_find(&r->o->arena, data_dir, socket, p);

	if (e == PATHS_NO_HOME)
		return bad(r, "--data-dir: is needed where neither HOME nor XDG_DATA_HOME is set");
	if (e == PATHS_SOCKET_TOO_LONG && is_last)
		return bad(
		    r,
		    "server.socket: '%.200s' is longer than the 107 bytes a socket's path may "
		    "have; put it elsewhere, for instance --socket %s",
		    p->socket, paths_short_socket(&r->o->arena));
	return e < 0 ? err_trace(e) : 0;
}

static enum log_level level_of(struct str text)
{
	return text.p[0] == 'd'   ? LOG_DEBUG
	       : text.p[0] == 'i' ? LOG_INFO
	       : text.p[0] == 'w' ? LOG_WARN
				  : LOG_ERROR;
}

static int set_check(struct reader *r, const char *what)
{
	static const char *const names[] = {
		[OPTIONS_CHECK_CONFIG] = "config",
		[OPTIONS_CHECK_ADDRESS] = "address",
		[OPTIONS_CHECK_LISTEN] = "listen",
		[OPTIONS_CHECK_DATABASE] = "database",
	};

	for (int i = 1; what && i < (int)ARRAY_LEN(names); i++)
		if (strcmp(what, names[i]) == 0)
			r->o->check = (enum options_check)i;
	if (what && !r->o->check)
		return bad(r, "--check: must be config, address, listen or database, not '%s'",
			   what);
	return 0;
}

static const struct option_origin *origin_of(const struct options *o, const char *flag)
{
	return &o->origins_of[option_find_flag(str_from(flag)) - option_table];
}

/* What is said of a setting begins with its name; one that the file has set is found there. */
static void name_place(struct reader *r)
{
	struct options_error plain = *r->error;

	for (size_t i = 0; i < option_n; i++) {
		const struct option_origin *origin = &r->o->origins_of[i];
		struct str name = option_name(&r->o->arena, &option_table[i]);

		if (origin->kind == OPTION_FILE && str_starts(str_from(plain.text), name) &&
		    plain.text[name.n] == ':')
			(void)bad(r, "%s:%d: %s", r->o->config_path, origin->line, plain.text);
	}
}

static int conclude(struct reader *r, const char *data_dir)
{
	struct options *o = r->o;
	int e = find_paths(r, data_dir, o->socket.p, true);

	if (e == OPTIONS_BAD)
		name_place(r);
	if (e)
		return e;
	o->log_level = level_of(o->log_level_text);
	o->log_format = o->log_format_text.p[0] == 'j' ? LOG_JSON : LOG_TEXT;
	o->is_http_asked = origin_of(o, "--http")->kind != OPTION_DEFAULT;
	e = options_http(o, r->error->text, sizeof(r->error->text));
	if (!e)
		e = options_auth(o, r->error->text, sizeof(r->error->text));
	if (e == OPTIONS_BAD)
		name_place(r);
	return e < 0 ? err_trace(e) : e;
}

static int read_all(struct reader *r, struct flags *f)
{
	const char *data_dir;
	int e = read_places(r, f);

	if (e)
		return e;
	data_dir = f->data_dir ? f->data_dir : variable(r, "QUESTD_DATA_DIR");
	e = find_paths(r, data_dir, NULL, false);
	if (!e)
		e = read_defaults(r);
	if (!e)
		e = set_check(r, f->check);
	if (e || r->o->check == OPTIONS_CHECK_DATABASE)
		return e; /* no setting matters to it, and wrong ones must not hide it */
	e = read_file(r, f->config ? f->config : r->o->paths.config, f->config);
	if (!e)
		e = read_environment(r);
	if (!e)
		e = read_flags(r, f);
	return e ? e : conclude(r, data_dir);
}

int options_read(struct options *o, int argc, char **argv, char *const *environment,
		 struct options_error *error)
{
	struct reader r = { .o = o, .error = error, .environment = environment };
	struct flags f = { .argc = argc, .argv = argv };
	int e;

	*o = (struct options){ 0 };
	arena_init(&o->arena, (size_t)4 * 1024 * 1024);
	e = read_all(&r, &f);
	o->restore = f.restore;
	return e < 0 ? err_trace(e) : e;
}

void options_deinit(struct options *o)
{
	arena_deinit(&o->arena);
}
