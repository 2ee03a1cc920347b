/* SPDX-License-Identifier: Apache-2.0 */
/* Paths from arguments and environment, by the XDG base directory rules: an empty variable counts
 * as unset, a relative XDG one is ignored. */
#include "base/paths.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define SOCKET_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static const char *env_absolute(const char *name)
{
	const char *v = env(name);

	return v && *v == '/' ? v : NULL;
}

static char *join(struct arena *a, const char *folder, const char *rest)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	if (n == 1 && folder[0] == '/')
		n = 0;
	/* the arena gave it to nobody else: it may be handed on as writable */
	return (char *)str_fmt(a, "%.*s/%s", (int)n, folder, rest).p;
}

static int absolute(struct arena *a, const char *path, char **out)
{
	char here[PATH_MAX];

	if (path[0] == '/') {
		*out = str_cstr(a, str_from(path));
	} else {
		if (!getcwd(here, sizeof(here)))
			return err_sys("cannot find the working directory");
		*out = join(a, here, path);
	}
	return *out ? 0 : err_nomem();
}

/* $XDG_…_HOME/<rest>, else ~/<fallback>/<rest>. */
static int in_home(struct arena *a, const char *xdg, const char *fallback, const char *rest,
		   char **out)
{
	const char *base = env_absolute(xdg), *home = env_absolute("HOME");

	if (!base && !home)
		return PATHS_NO_HOME;
	if (!base)
		base = join(a, home, fallback);
	*out = base ? join(a, base, rest) : NULL;
	return *out ? 0 : err_nomem();
}

static int find_data_dir(struct arena *a, const char *given, char **out)
{
	if (!given)
		given = env("QUESTD_DATA_DIR");
	if (given)
		return err_trace(absolute(a, given, out));
	return err_trace(in_home(a, "XDG_DATA_HOME", ".local/share", "questd", out));
}

struct str paths_quote(struct arena *a, struct str s)
{
	struct str out = STR("'");

	for (struct str rest = s; rest.p && out.p;) {
		struct str part = str_cut(&rest, '\'');

		out = str_fmt(a, "%.*s%.*s%s", STR_ARG(out), STR_ARG(part), rest.p ? "'\\''" : "'");
	}
	return out;
}

struct str paths_word(struct arena *a, struct str s)
{
	bool is_plain = s.n > 0;

	for (size_t i = 0; i < s.n; i++)
		is_plain = is_plain && !strchr(" \t\n'\"\\$`!*?[](){}<>|&;#~", s.p[i]);
	return is_plain ? s : paths_quote(a, s);
}

/* The variable QUESTD_DATA_DIR makes no default: what is pasted may land in another shell. */
static int find_flags(struct arena *a, struct paths *p)
{
	const char *socket = join(a, p->data_dir, "questd.sock");
	char *standard = NULL;
	struct str out = STR("");
	int e = in_home(a, "XDG_DATA_HOME", ".local/share", "questd", &standard);

	if (e < 0)
		return err_trace(e);
	if (!standard || strcmp(standard, p->data_dir) != 0)
		out = str_fmt(a, " --data-dir %s", paths_quote(a, str_from(p->data_dir)).p);
	if (socket && strcmp(socket, p->socket) != 0)
		out = str_fmt(a, "%.*s --socket %s", STR_ARG(out),
			      paths_quote(a, str_from(p->socket)).p);
	p->flags = str_cstr(a, out);
	return a->is_out ? err_nomem() : 0;
}

int paths_find(struct arena *a, const char *data_dir, const char *socket, struct paths *out)
{
	struct paths p = { 0 };
	int e;

	e = find_data_dir(a, data_dir, &p.data_dir);
	if (e)
		return e;
	assert(p.data_dir);
	p.database = join(a, p.data_dir, "questd.db");
	p.lock = join(a, p.data_dir, "questd.lock");
	p.token = join(a, p.data_dir, "token");
	p.keys_secret = join(a, p.data_dir, "keys.secret");
	p.config = join(a, p.data_dir, "questd.toml");
	p.log = join(a, p.data_dir, "questd.log");
	p.backups = join(a, p.data_dir, "backups");
	if (socket)
		e = absolute(a, socket, &p.socket);
	else
		p.socket = join(a, p.data_dir, "questd.sock");
	if (e)
		return err_trace(e);
	if (!p.socket || a->is_out)
		return err_nomem();
	e = find_flags(a, &p);
	if (e)
		return err_trace(e);
	*out = p;
	return strlen(p.socket) > SOCKET_MAX ? PATHS_SOCKET_TOO_LONG : 0;
}

/* Takes the descriptor. What a starting command leaves before anybody looked does not count. */
static bool was_made_for_us(int fd)
{
	bool is_ours = faccessat(fd, "questd.db", F_OK, 0) == 0 ||
		       faccessat(fd, "questd.toml", F_OK, 0) == 0;
	DIR *d = fdopendir(fd);
	bool is_empty = d != NULL;
	struct dirent *entry;

	if (!d)
		close(fd);
	while (d && (entry = readdir(d)))
		is_empty = is_empty &&
			   (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			    strcmp(entry->d_name, "questd.start") == 0 ||
			    strcmp(entry->d_name, "questd.log") == 0);
	if (d)
		(void)closedir(d); /* only read */
	return is_ours || is_empty;
}

int paths_make_private(const char *data_dir, bool *out_closed, unsigned *out_mode)
{
	CLEANUP(fd_close) int fd = -1;
	struct stat st;
	int copy, e = fd_mkdir_all(data_dir, 0700);

	if (e)
		return err_trace(e);
	*out_closed = false;
	fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return err_sys("cannot open the folder '%s'", data_dir);
	*out_mode = st.st_mode & 07777;
	if ((st.st_mode & 077) == 0)
		return 0;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return err_sys("cannot look into '%s'", data_dir);
	if (!was_made_for_us(copy) || st.st_uid != geteuid() || st.st_mode & S_ISVTX)
		return PATHS_SHARED;
	if (fchmod(fd, 0700))
		return err_sys("cannot close '%s' to others", data_dir);
	*out_closed = true;
	return 0;
}

const char *paths_short_socket(struct arena *a)
{
	const char *folder = env_absolute("XDG_RUNTIME_DIR");
	unsigned uid = geteuid();
	const char *of_user = str_fmt(a, "/run/user/%u", uid).p;

	if (!folder && of_user && access(of_user, W_OK) == 0)
		folder = of_user;
	if (folder && strlen(folder) + sizeof("/questd.sock") - 1 <= SOCKET_MAX)
		return join(a, folder, "questd.sock");
	return str_fmt(a, "/tmp/questd-%u/questd.sock", uid).p; /* a folder of our own, not /tmp */
}

int paths_find_key(struct arena *a, struct paths *p, struct str instance)
{
	struct str rest = str_fmt(a, "questd/keys/%.*s", STR_ARG(instance));

	if (!rest.p)
		return err_nomem();
	return err_trace(in_home(a, "XDG_CONFIG_HOME", ".config", rest.p, &p->key));
}

static char *runnable(struct arena *a, const char *folder, const char *name)
{
	char *path = join(a, folder, name);

	return path && access(path, X_OK) == 0 ? path : NULL;
}

char *paths_program(struct arena *a, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *found, *libexec;

	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	found = runnable(a, self, name);
	if (found)
		return found;
	libexec = join(a, self, "../libexec/questd");
	return libexec ? runnable(a, libexec, name) : NULL;
}
