/* SPDX-License-Identifier: Apache-2.0 */
/* The Unix socket's listener. The file is made with its final mode (fchmod before bind), so there
 * is no moment in which somebody else could connect. */
#include "transport/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "transport/acceptor.h"

#define BACKLOG 1024

struct unix_listener {
	struct acceptor acceptor;
	unix_accept_fn *fn;
	void *data;
	dev_t dev;
	ino_t ino;
	struct timespec made; /* the file's mtime: inode numbers are reused at once */
	char path[UNIX_PATH_MAX_BYTES + 1];
};

static void unix_on_accept(struct acceptor *a, int fd, const struct sockaddr *peer,
			   socklen_t peer_len)
{
	struct unix_listener *u = container_of(a, struct unix_listener, acceptor);
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n)) {
		close(fd);
		return;
	}
	u->fn(u->data, fd,
	      &(struct unix_peer){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid });
}

/* The folder must be ours (or root's) and nobody else's to write: who may write there could put
 * another socket in our place. A missing one is made. */
static int unix_check_folder(const char *path)
{
	char folder[UNIX_PATH_MAX_BYTES + 1];
	char *slash;
	struct stat st;
	int e;

	memcpy(folder, path,
	       strlen(path) + 1); /* at most UNIX_PATH_MAX_BYTES: checked by unix_listen */
	slash = strrchr(folder, '/');
	if (!slash)
		memcpy(folder, ".", 2);
	else if (slash == folder)
		folder[1] = '\0';
	else
		*slash = '\0';
	e = fd_mkdir_all(folder, 0700);
	if (e)
		return err_trace(e);
	if (stat(folder, &st))
		return err_sys("cannot look at '%s'", folder);
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return UNIX_OPEN_FOLDER;
	return 0;
}

static bool unix_is_answered(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool yes;

	if (fd < 0)
		return false;
	yes = !connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) || errno == EAGAIN ||
	      errno == EINPROGRESS;
	close(fd);
	return yes;
}

static int unix_clear_stale(const struct sockaddr_un *sa)
{
	struct stat st;

	if (lstat(sa->sun_path, &st))
		return errno == ENOENT ? 0 : err_sys("cannot look at '%s'", sa->sun_path);
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return UNIX_NOT_OURS;
	if (unix_is_answered(sa))
		return UNIX_IN_USE;
	if (unlink(sa->sun_path) && errno != ENOENT)
		return err_sys("cannot remove the stale socket '%s'", sa->sun_path);
	return 0;
}

static int unix_bind(int fd, const struct sockaddr_un *sa)
{
	if (fchmod(fd, 0600))
		return err_sys("cannot set the mode of a socket");
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)))
		return errno == EADDRINUSE ? UNIX_IN_USE
					   : err_sys("cannot bind to '%s'", sa->sun_path);
	if (listen(fd, BACKLOG))
		return err_sys("cannot listen on '%s'", sa->sun_path);
	return 0;
}

static int unix_listener_start(struct unix_listener *u, struct loop *l)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	CLEANUP(fd_close) int fd = -1;
	struct stat st;
	int e;

	memcpy(sa.sun_path, u->path, strlen(u->path) + 1); /* at most UNIX_PATH_MAX_BYTES */
	e = unix_clear_stale(&sa);
	if (e)
		return e;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys("cannot make a socket");
	e = unix_bind(fd, &sa);
	if (e)
		return e;
	if (lstat(u->path, &st))
		return err_sys("cannot look at '%s'", u->path);
	u->dev = st.st_dev;
	u->ino = st.st_ino;
	u->made = st.st_mtim;
	e = acceptor_init(&u->acceptor, l, fd, unix_on_accept);
	if (e) {
		unlink(u->path);
		return err_trace(e);
	}
	(void)TAKE_FD(fd); /* the acceptor's from here on */
	return 0;
}

int unix_listen(struct loop *l, const char *path, unix_accept_fn *fn, void *data,
		struct unix_listener **out)
{
	struct unix_listener *u;
	int e;

	if (strlen(path) > UNIX_PATH_MAX_BYTES)
		return UNIX_PATH_TOO_LONG;
	e = unix_check_folder(path);
	if (e)
		return e;
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_nomem();
	u->fn = fn;
	u->data = data;
	memcpy(u->path, path, strlen(path) + 1);
	e = unix_listener_start(u, l);
	if (e) {
		free(u);
		return e;
	}
	*out = u;
	return 0;
}

void unix_listener_refuse_with(struct unix_listener *u, struct str text)
{
	u->acceptor.refusal = text;
}

void unix_listener_pause(struct unix_listener *u, bool on)
{
	if (acceptor_pause(&u->acceptor, on))
		err_forget(); /* only when the descriptor were not in epoll: it is */
}

bool unix_listener_is_lost(const struct unix_listener *u)
{
	struct stat st;

	return lstat(u->path, &st) || st.st_dev != u->dev || st.st_ino != u->ino ||
	       st.st_mtim.tv_sec != u->made.tv_sec || st.st_mtim.tv_nsec != u->made.tv_nsec;
}

struct unix_listener *unix_listener_free(struct unix_listener *u)
{
	if (!u)
		return NULL;
	if (!unix_listener_is_lost(u))
		unlink(u->path);
	acceptor_deinit(&u->acceptor);
	free(u);
	return NULL;
}
