/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server and its files are. */
#include "cli/where.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/toml.h"
#include "base/user.h"
#include "cli/running.h"
#include "cli/say.h"

#define CONFIG_MAX (256 * 1024)

/* server.socket as the server reads it: from the environment, else from the data directory's
 * configuration. NULL when neither has it; what is wrong with the file is the server's to say. */
static const char *configured_socket(struct cli *c, const char *config)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *env = getenv("QUESTD_SERVER_SOCKET");
	struct toml_error why;
	struct toml toml;

	if (env && *env)
		return env;
	buf_init(&b, 0);
	int e = fd_read_file(config, CONFIG_MAX, &b);

	if (!e)
		e = toml_parse(&c->arena, buf_str(&b), &toml, &why);
	if (e < 0)
		err_forget();
	for (size_t i = 0; !e && i < toml.n; i++)
		if (str_eq(toml.v[i].section, STR("server")) &&
		    str_eq(toml.v[i].key, STR("socket")) && toml.v[i].type == TOML_STRING)
			return str_cstr(&c->arena, toml.v[i].s);
	return NULL;
}

static int find(struct cli *c, struct paths *out)
{
	int e = paths_find(&c->arena, c->globals.data_dir, c->globals.socket, out);
	const char *socket = NULL;

	if (!c->globals.socket && (e == 0 || e == PATHS_SOCKET_TOO_LONG))
		socket = configured_socket(c, out->config);
	if (!c->globals.socket && !socket &&
	    (e == PATHS_SOCKET_TOO_LONG || (e == 0 && access(out->socket, F_OK) != 0)))
		socket = running_socket(&c->arena, out);
	return socket ? paths_find(&c->arena, c->globals.data_dir, socket, out) : e;
}

int where_paths(struct cli *c, struct paths *out)
{
	int e = find(c, out);

	if (e == PATHS_NO_HOME) {
		say_error("HOME is not set, so there is no default for the data directory");
		say_hint("give --data-dir DIR, or set QUESTD_DATA_DIR");
		return EXIT_USAGE;
	}
	if (e == PATHS_SOCKET_TOO_LONG) {
		say_error("the socket's path is %zu bytes long, the system takes 107: '%s'",
			  strlen(out->socket), out->socket);
		const char *shorter = paths_short_socket(&c->arena);

		say_hint("put it elsewhere: socket = \"%s\" below [server] in '%s', or --socket "
			 "PATH with every command",
			 shorter ? shorter : "", out->config);
		return EXIT_USAGE;
	}
	return e ? say_fault(e, NULL) : 0;
}

int where_own_paths(struct cli *c, struct paths *out)
{
	int e = where_paths(c, out);
	struct user_text owner;
	uid_t uid;

	if (e || !user_is_another(out->data_dir, &uid))
		return e;
	user_text(uid, &owner);
	say_error("the data directory '%s' belongs to %s, not to you", out->data_dir, owner.who);
	say_hint("run it as that user: sudo -u %s questd ..., or give another --data-dir",
		 owner.sudo);
	return EXIT_USAGE;
}
