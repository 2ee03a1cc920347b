/* SPDX-License-Identifier: Apache-2.0 */
#include "server/vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

#define LINE     (2 * VAULT_KEY_BYTES)
#define FILE_MAX ((LINE + 2) * VAULT_KEYS_MAX)

static int parse(struct str text, struct vault_keys *out)
{
	struct str rest = text;

	out->n = 0;
	while (rest.p && rest.n) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		size_t n;

		if (!line.n)
			continue;
		if (line.n != LINE || out->n == VAULT_KEYS_MAX ||
		    sodium_hex2bin(out->v[out->n], VAULT_KEY_BYTES, line.p, LINE, NULL, &n, NULL) ||
		    n != VAULT_KEY_BYTES)
			return VAULT_FILE_BAD;
		out->n++;
	}
	return out->n ? 0 : VAULT_FILE_BAD;
}

static int check(int fd, bool is_given)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys("cannot look at the master key");
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return VAULT_FILE_BAD;
	if (!is_given && (st.st_mode & 077 || st.st_uid != geteuid()))
		return VAULT_FILE_SHARED;
	return 0;
}

int vault_file_read(const char *path, bool is_given, struct vault_keys *out)
{
	CLEANUP(fd_close)
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char text[FILE_MAX];
	ssize_t n;
	int e;

	if (fd < 0 && errno == ENOENT)
		return VAULT_FILE_MISSING;
	if (fd < 0)
		return errno == ELOOP ? VAULT_FILE_BAD : err_sys("cannot open '%s'", path);
	e = check(fd, is_given);
	if (e)
		return e < 0 ? err_trace(e) : e;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return err_sys("cannot read '%s'", path);
	e = parse((struct str){ text, (size_t)n }, out);
	sodium_memzero(text, sizeof(text));
	return e;
}

static size_t put(char text[FILE_MAX], const struct vault_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		char *at = text + i * (LINE + 1);

		sodium_bin2hex(at, LINE + 1, keys->v[i], VAULT_KEY_BYTES);
		at[LINE] = '\n';
	}
	return keys->n * (LINE + 1);
}

int vault_file_write(const char *path, const struct vault_keys *keys)
{
	char text[FILE_MAX];
	size_t n = put(text, keys);
	int e = fd_write_file(path, (struct str){ text, n }, 0400);

	sodium_memzero(text, sizeof(text));
	return err_trace(e);
}

int vault_file_make(const char *path, const struct vault_keys *keys)
{
	char text[FILE_MAX], folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int e;

	if (!n || n >= sizeof(folder))
		return err_new(ERR_SYS, "'%s' is no place for a key", path);
	memcpy(folder, path, n);
	folder[n] = '\0';
	e = fd_mkdir_all(folder, 0700);
	if (e)
		return err_trace(e);
	n = put(text, keys);
	e = fd_make_file(path, (struct str){ text, n }, 0400);
	sodium_memzero(text, sizeof(text));
	return e == FD_EXISTS ? err_new(ERR_SYS, "'%s' was made meanwhile", path) : err_trace(e);
}

/* Of what is not there yet, its nearest folder that is. */
bool vault_file_is_inside(const char *path, const char *folder)
{
	char part[PATH_MAX], real[PATH_MAX], top[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part) || !realpath(folder, top))
		return false;
	memcpy(part, path, n + 1);
	for (char *slash = strrchr(part, '/'); slash && slash != part; slash = strrchr(part, '/')) {
		*slash = '\0';
		if (!realpath(part, real))
			continue;
		n = strlen(top);
		return strncmp(real, top, n) == 0 && (real[n] == '/' || real[n] == '\0');
	}
	return false;
}
