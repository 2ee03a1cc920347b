/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: its file operations fail as the file named by BAD_DISK says, which is
 * read anew at each of them: "EROFS" lets all that changes a file fail, as a file system does that
 * the kernel has made read-only; "EIO" lets fsync and fdatasync fail; "KILL 3" ends the process
 * before the third that changes a file or waits for the disk, counted since the word was written.
 * Sockets are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static void *next_of(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

/* One more operation since that word. */
static void count(long wanted)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static long of, n;

	pthread_mutex_lock(&mutex);
	if (wanted != of)
		n = 0;
	of = wanted;
	if (++n == wanted)
		kill(getpid(), SIGKILL);
	pthread_mutex_unlock(&mutex);
}

static int wanted_error(void)
{
	static int (*real_open)(const char *, int, ...);
	const char *path = getenv("BAD_DISK");
	char word[16] = "";
	int fd;

	if (!real_open)
		real_open = next_of("open");
	fd = path ? real_open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	if (read(fd, word, sizeof(word) - 1) < 0)
		word[0] = '\0';
	close(fd);
	if (strncmp(word, "KILL ", 5) == 0)
		count(atol(word + 5));
	return strncmp(word, "EROFS", 5) == 0 ? EROFS : strncmp(word, "EIO", 3) == 0 ? EIO : 0;
}

/* Does the operation fail, which fails for this reason alone? Sets errno. */
static int fails(int for_reason)
{
	int before = errno, reason = wanted_error();

	errno = reason == for_reason ? reason : before;
	return reason == for_reason;
}

/* clang-format off */
#define CHANGING(type, name, params, args)                                     \
	type name params;                                                      \
	type name params                                                       \
	{                                                                      \
		static type (*real) params;                                    \
		if (fails(EROFS))                                              \
			return -1;                                             \
		if (!real)                                                     \
			real = next_of(#name);                                 \
		return real args;                                              \
	}

CHANGING(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
CHANGING(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
CHANGING(int, ftruncate, (int fd, off_t n), (fd, n))
CHANGING(int, ftruncate64, (int fd, off64_t n), (fd, n))
CHANGING(int, unlink, (const char *path), (path))
CHANGING(int, rename, (const char *from, const char *to), (from, to))
CHANGING(int, mkdir, (const char *path, mode_t mode), (path, mode))
/* clang-format on */

static int open_with(const char *name, const char *path, int flags, mode_t mode)
{
	int (*real)(const char *, int, ...) = next_of(name);

	if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) && strncmp(path, "/dev/", 5) != 0 &&
	    fails(EROFS))
		return -1;
	return real(path, flags, mode);
}

#define OPENING(name)                                       \
	int name(const char *path, int flags, ...);         \
	int name(const char *path, int flags, ...)          \
	{                                                   \
		mode_t mode = 0;                            \
		va_list rest;                               \
                                                            \
		va_start(rest, flags);                      \
		if (flags & O_CREAT)                        \
			mode = va_arg(rest, mode_t);        \
		va_end(rest);                               \
		return open_with(#name, path, flags, mode); \
	}

OPENING(open)
OPENING(open64)

int fsync(int fd)
{
	int (*real)(int) = next_of("fsync");

	return fails(EIO) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	int (*real)(int) = next_of("fdatasync");

	return fails(EIO) ? -1 : real(fd);
}
