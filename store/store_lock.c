/* SPDX-License-Identifier: Apache-2.0 */
/* The lock file: one process holds it with flock and writes its pid into it, for others to name. */
#include "store/store_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int64_t pid_in(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	int64_t pid = 0;

	if (n <= 0 || !str_to_i64(str_trim((struct str){ text, (size_t)n }), &pid))
		return 0;
	return pid;
}

static int write_pid(int fd, const char *path)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return err_sys("cannot write '%s'", path);
	return 0;
}

static int held_by_another(int fd, struct store_problem *p)
{
	int64_t pid = pid_in(fd);

	p->pid = pid;
	if (pid > 0)
		return store_problem_set(
		    p, STORE_LOCKED,
		    "another questd-server (pid %lld) uses this data directory; "
		    "stop it, or give another --data-dir",
		    (long long)pid);
	return store_problem_set(p, STORE_LOCKED,
				 "another questd-server uses this data directory; stop it, or give "
				 "another --data-dir");
}

/* 0 with *fd taken or -1 (try again: the file was replaced while we took it). */
static int try_lock(struct store *s, int *out, struct store_problem *p)
{
	bool is_read_only = s->o.read_only;
	CLEANUP(fd_close)
	int fd = open(s->o.lock, (is_read_only ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC, 0600);
	struct stat ours, there;

	if (fd < 0)
		return store_problem_of(s, err_sys("cannot open '%s'", s->o.lock), p);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? held_by_another(fd, p)
					    : err_sys("cannot lock '%s'", s->o.lock);
	if (fstat(fd, &ours) == 0 && stat(s->o.lock, &there) == 0 && is_same_file(&ours, &there))
		*out = TAKE_FD(fd);
	return 0;
}

int store_lock_take(struct store *s, struct store_problem *p)
{
	enum { N_TRIES = 10 };

	if (s->o.read_only && access(s->o.lock, F_OK) != 0)
		return 0;
	for (int i = 0; i < N_TRIES && s->lock_fd < 0; i++) {
		int e = try_lock(s, &s->lock_fd, p);

		if (e)
			return err_trace(e);
	}
	if (s->lock_fd < 0)
		return err_new(ERR_BUSY, "'%s' is replaced again and again", s->o.lock);
	return s->o.read_only ? 0 : err_trace(write_pid(s->lock_fd, s->o.lock));
}

int store_lock_look(struct store *s)
{
	struct stat ours, there;

	if (s->lock_fd < 0)
		return 0;
	if (fstat(s->lock_fd, &ours) == 0 && ours.st_nlink > 0 && stat(s->o.lock, &there) == 0 &&
	    is_same_file(&ours, &there) && stat(s->o.database, &there) == 0 &&
	    there.st_dev == s->device && there.st_ino == s->inode)
		return 0;
	atomic_store(&s->is_lost, true);
	return err_new(ERR_SYS,
		       "the data directory '%s' was removed or replaced under the running server",
		       s->folder);
}
