/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/paths.h"
#include "cli/exits.h"
#include "cli/say.h"

#define TOKEN_MAX 4096

static bool is_one_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* Not a word of what is in it: it may be a secret all the same. */
static int say_not_a_token(const char *path)
{
	say_error("'%s' does not hold one token", path);
	say_hint("write the key or token into it, on one line and alone");
	return EXIT_USAGE;
}

/* A pipe (`<(…)`) is nobody else's whatever its mode. */
static void warn_of_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 077)
		say_note(
		    "questd: warning: '%s' may be read by others on this machine: chmod 600 it",
		    path);
}

int token_read(struct cli *c, struct str *out)
{
	CLEANUP(buf_deinit) struct buf b;
	const char *path = c->globals.token_file;
	struct paths paths;
	int e;

	buf_init(&b, 0);
	*out = STR_NONE;
	if (!path) {
		if (paths_find(&c->arena, c->globals.data_dir, NULL, &paths) ||
		    access(paths.token, F_OK)) {
			err_forget();
			return 0; /* a server without authentication needs none; another says so */
		}
		path = paths.token;
	}
	warn_of_mode(path);
	e = fd_read_file(path, TOKEN_MAX, &b);
	if (e == FD_NOT_FOUND) {
		say_error("there is no token file '%s'", path);
		return EXIT_USAGE;
	}
	if (e)
		return say_fault(e, NULL);
	*out = str_dup(&c->arena, str_trim(buf_str(&b)));
	return is_one_word(*out) ? 0 : say_not_a_token(path);
}

void token_put_use(struct buf *b, struct str key)
{
	struct json_out w = json_out(b);

	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	JSON_KV_STR(&w, "id", STR("key"));
	JSON_KV_STR(&w, "method", STR("keys.use"));
	json_key(&w, STR("params"));
	json_begin_object(&w);
	JSON_KV_STR(&w, "key", key);
	json_end_object(&w);
	json_end_object(&w);
}
