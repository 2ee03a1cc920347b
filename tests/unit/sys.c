/* SPDX-License-Identifier: Apache-2.0 */
/* Each call has two names: the second is what files larger than 2 GiB make of it. */
#include "tests/unit/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

static _Atomic unsigned n_seen, fail_at;
static _Atomic int fail_errno;

void sys_fail_at(unsigned n, int error)
{
	atomic_store(&fail_errno, error);
	atomic_store(&n_seen, 0);
	atomic_store(&fail_at, n);
}

unsigned sys_n(void)
{
	return atomic_load(&n_seen);
}

static bool fails(void)
{
	unsigned n = atomic_fetch_add(&n_seen, 1) + 1;

	if (n != atomic_load(&fail_at))
		return false;
	errno = atomic_load(&fail_errno);
	return true;
}

typedef void sleep_fn(void *data);
static _Atomic(sleep_fn *) at_sleep;
static void *at_sleep_data; /* of whoever takes the function */

void sys_at_sleep(void (*fn)(void *data), void *data)
{
	at_sleep_data = data;
	atomic_store(&at_sleep, fn);
}

int __real_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	sleep_fn *fn = atomic_exchange(&at_sleep, NULL);

	if (fn)
		fn(at_sleep_data);
	return __real_nanosleep(t, left);
}

/* type name(parameters) that says `bad` when it fails */
#define WRAP(type, name, bad, parameters, arguments)              \
	type __real_##name parameters;                            \
	type __wrap_##name parameters;                            \
	type __wrap_##name parameters                             \
	{                                                         \
		return fails() ? (bad) : __real_##name arguments; \
	}
#define WRAP_BOTH(type, name, bad, parameters, arguments) \
	WRAP(type, name, bad, parameters, arguments)      \
	WRAP(type, name##64, bad, parameters, arguments)

WRAP_BOTH(int, stat, -1, (const char *path, struct stat *st), (path, st))
WRAP_BOTH(int, fstat, -1, (int fd, struct stat *st), (fd, st))
WRAP_BOTH(int, fstatat, -1, (int fd, const char *path, struct stat *st, int flags),
	  (fd, path, st, flags))
WRAP_BOTH(ssize_t, pread, -1, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP_BOTH(ssize_t, pwrite, -1, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP_BOTH(int, ftruncate, -1, (int fd, off_t n), (fd, n))
WRAP_BOTH(int, statvfs, -1, (const char *path, struct statvfs *v), (path, v))
WRAP_BOTH(int, posix_fallocate, EIO, (int fd, off_t at, off_t n), (fd, at, n))
WRAP(int, flock, -1, (int fd, int how), (fd, how))
WRAP(int, rename, -1, (const char *from, const char *to), (from, to))
WRAP(int, link, -1, (const char *from, const char *to), (from, to))
WRAP(int, unlink, -1, (const char *path), (path))
WRAP(int, access, -1, (const char *path, int mode), (path, mode))
WRAP(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
WRAP(ssize_t, read, -1, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, write, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(DIR *, opendir, NULL, (const char *path), (path))

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	return fails() ? -1 : 0;
}

/* open takes a mode only when it creates. */
#define WRAP_OPEN(name)                                                 \
	int __real_##name(const char *path, int flags, ...);            \
	int __wrap_##name(const char *path, int flags, ...);            \
	int __wrap_##name(const char *path, int flags, ...)             \
	{                                                               \
		va_list args;                                           \
		mode_t mode = 0;                                        \
                                                                        \
		va_start(args, flags);                                  \
		if (flags & O_CREAT)                                    \
			mode = va_arg(args, mode_t);                    \
		va_end(args);                                           \
		return fails() ? -1 : __real_##name(path, flags, mode); \
	}
WRAP_OPEN(open)
WRAP_OPEN(open64)
