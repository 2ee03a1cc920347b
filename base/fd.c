/* SPDX-License-Identifier: Apache-2.0 */
/* Files and descriptors: the few operations everybody needs, done to the end. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/id.h"

#define READ_STEP  ((size_t)16384)
#define SUFFIX_LEN 8

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd); /* EINTR closes as well on Linux; nothing can be done about EIO */
	*fd = -1;
	errno = saved;
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return err_sys("cannot read the flags of a descriptor");
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags) < 0)
		return err_sys("cannot set the flags of a descriptor");
	return 0;
}

int fd_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys("cannot write");
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

static int read_to_end(int fd, const char *path, size_t max, struct buf *b)
{
	size_t total = 0;

	for (;;) {
		char *to = buf_reserve(b, READ_STEP);
		ssize_t n;

		if (!to)
			return err_nomem();
		n = read(fd, to, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("cannot read '%s'", path);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max)
			return err_new(ERR_INTERNAL, "'%s' is larger than %zu bytes", path, max);
		b->tail += (size_t)n;
	}
}

int fd_read_file(const char *path, size_t max, struct buf *b)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? FD_NOT_FOUND : err_sys("cannot open '%s'", path);
	return err_trace(read_to_end(fd, path, max, b));
}

/* The folder a path lies in, NUL-terminated in out. */
static void parent_of(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash) {
		memcpy(out, ".", 2);
		return;
	}
	n = MAX(n, (size_t)1); /* the root keeps its slash */
	memcpy(out, path, n);
	out[n] = '\0';
}

int fd_sync_dir(const char *path)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys("cannot open '%s'", path);
	if (fsync(fd) < 0)
		return err_sys("cannot sync '%s'", path);
	return 0;
}

static int write_and_sync(int fd, const char *path, struct str content, mode_t mode)
{
	int e;

	if (fchmod(fd, mode) < 0)
		return err_sys("cannot set the mode of '%s'", path);
	e = fd_write_all(fd, content.p, content.n);
	if (e)
		return err_trace(e);
	if (fsync(fd) < 0)
		return err_sys("cannot sync '%s'", path);
	return 0;
}

/* The temp file takes its name: in another's place, or only where none is. */
static int give_name(const char *temp, const char *path, bool is_new)
{
	if (is_new && link(temp, path) == 0) {
		unlink(temp);
		return 0;
	}
	if (is_new && errno == EEXIST)
		return FD_EXISTS;
	if (!is_new && rename(temp, path) == 0)
		return 0;
	return err_sys("cannot rename '%s' to '%s'", temp, path);
}

static int write_named(const char *path, struct str content, mode_t mode, bool is_new)
{
	char temp[PATH_MAX], folder[PATH_MAX], suffix[SUFFIX_LEN + 1];
	CLEANUP(fd_close) int fd = -1;
	int e;

	id_random_text(suffix, SUFFIX_LEN);
	if (snprintf(temp, sizeof(temp), "%s.%s", path, suffix) >= (int)sizeof(temp)) {
		errno = ENAMETOOLONG;
		return err_sys("cannot write '%.200s…'", path);
	}
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600);
	if (fd < 0)
		return err_sys("cannot create '%s'", temp);
	e = write_and_sync(fd, temp, content, mode);
	if (!e)
		e = give_name(temp, path, is_new);
	if (e) {
		unlink(temp);
		return e < 0 ? err_trace(e) : e;
	}
	parent_of(path, folder);
	return err_trace(fd_sync_dir(folder));
}

int fd_write_file(const char *path, struct str content, mode_t mode)
{
	return err_trace(write_named(path, content, mode, false));
}

int fd_make_file(const char *path, struct str content, mode_t mode)
{
	return err_trace(write_named(path, content, mode, true));
}

static int make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys("cannot create the folder '%s'", path);
	if (stat(path, &st) < 0)
		return err_sys("cannot open '%s'", path);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return err_sys("cannot create the folder '%s'", path);
	}
	return 0;
}

int fd_mkdir_all(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	int e;

	if (n >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return err_sys("cannot create the folder '%.200s…'", path);
	}
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		e = make_dir(part, mode);
		if (e)
			return err_trace(e);
		part[i] = '/';
	}
	return err_trace(make_dir(part, mode));
}

uint64_t fd_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (limit.rlim_cur < limit.rlim_max) {
		rlim_t soft = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = soft;
	}
	return limit.rlim_cur;
}
