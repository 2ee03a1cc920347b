/* SPDX-License-Identifier: Apache-2.0 */
/* Who serves a data directory. */
#include "cli/running.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "transport/client.h"

#define LOOK_MS 20

/* The pid in the lock file while somebody holds it; 0 when nobody does. */
static bool is_locked(const char *path, pid_t *out_pid)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	int64_t pid = 0;

	*out_pid = 0;
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n > 0 && str_to_i64(str_trim((struct str){ text, (size_t)n }), &pid) && pid > 0)
		*out_pid = (pid_t)pid;
	return true;
}

/* What stands behind the flag, in the next word or behind its `=`; absolute paths only, for others
 * are of the server's working directory. */
static const char *path_behind(char *const *argv, const char *flag)
{
	size_t n = strlen(flag);
	const char *value = NULL;

	for (; *argv; argv++) {
		if (strncmp(*argv, flag, n) != 0)
			continue;
		if ((*argv)[n] == '=')
			value = *argv + n + 1;
		else if ((*argv)[n] == '\0')
			value = argv[1];
	}
	return value && *value == '/' ? value : NULL;
}

/* Is it this folder's server? One that came from the environment is not among the arguments, nor is
 * it always spelled the same way there: then the lock tells, which such a process holds by now. */
static bool serves(char *const *argv, const struct paths *p, pid_t pid)
{
	const char *folder = path_behind(argv, "--data-dir");
	pid_t holder;

	if (folder && strcmp(folder, p->data_dir) == 0)
		return true;
	return is_locked(p->lock, &holder) && holder == pid;
}

const char *running_socket(struct arena *a, const struct paths *p)
{
	CLEANUP(buf_deinit) struct buf b;
	int64_t pid = 0;

	buf_init(&b, 0);
	if (fd_read_file(p->lock, 32, &b)) {
		err_forget();
		return NULL;
	}
	if (!str_to_i64(str_trim(buf_str(&b)), &pid) || pid <= 0)
		return NULL;
	/* A pid may be somebody else's by now. */
	char **argv = peer_arguments(a, (pid_t)pid);

	if (!argv || !str_ends(str_from(argv[0]), STR("/questd-server")))
		return NULL;
	return serves(argv, p, (pid_t)pid) ? path_behind(argv, "--socket") : NULL;
}

int running_find(const struct paths *p, struct running *out)
{
	CLEANUP(fd_close) int fd = -1;
	int e = client_connect_unix(p->socket, &fd);

	*out = (struct running){ .is_reached = e == 0 };
	if (e < 0)
		return err_trace(e);
	out->is_locked = is_locked(p->lock, &out->pid);
	if (out->is_reached) {
		out->pid = peer_pid(fd);
		out->is_anothers = peer_is_another(fd, &out->uid);
	}
	out->origin = peer_origin(out->pid);
	return 0;
}

/* The process is gone, and so is its lock: another may begin. */
static bool wait_for_lock(const struct paths *p, int64_t until_ms)
{
	pid_t pid;

	while (is_locked(p->lock, &pid)) {
		if (clock_boot_ms(&(struct clock){ 0 }) >= until_ms)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

int running_stop(const struct paths *p, const struct running *r, int64_t timeout_ms)
{
	int64_t until_ms = clock_boot_ms(&(struct clock){ 0 }) + timeout_ms;
	CLEANUP(fd_close) int fd = (int)syscall(SYS_pidfd_open, r->pid, 0);

	if (fd < 0 && errno == ESRCH)
		return wait_for_lock(p, until_ms) ? 0 : RUNNING_STILL;
	if (fd < 0)
		return err_sys("cannot watch process %d", (int)r->pid);
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) && errno != ESRCH)
		return err_sys("cannot stop process %d", (int)r->pid);
	struct pollfd ended = { fd, POLLIN, 0 };

	for (;;) {
		int64_t left = until_ms - clock_boot_ms(&(struct clock){ 0 });

		if (left <= 0)
			return RUNNING_STILL;
		if (poll(&ended, 1, (int)MIN(left, 60000)) > 0)
			return wait_for_lock(p, until_ms) ? 0 : RUNNING_STILL;
	}
}
