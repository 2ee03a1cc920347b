/* SPDX-License-Identifier: Apache-2.0 */
/* Who serves a socket, from SO_PEERCRED and /proc. */
#include "cli/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macros.h"

#define ARGUMENTS_MAX 128

const char *const peer_origin_names[PEER_ORIGIN_MAX] = {
	[PEER_FOREIGN] = "questd serve",
	[PEER_STARTED] = "questd start",
	[PEER_TEMPORARY] = "questd mcp",
	[PEER_PRIVATE] = "questd mcp --private",
};

pid_t peer_pid(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 ? who.pid : 0;
}

bool peer_is_another(int fd, uid_t *out)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) || who.uid == geteuid())
		return false;
	*out = who.uid;
	return true;
}

/* A small file of /proc, NUL behind; its length, 0 when it cannot be read. */
static size_t read_proc(pid_t pid, const char *name, char *out, size_t cap)
{
	CLEANUP(fd_close) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);

	n = MAX(n, 0);
	out[n] = '\0';
	return (size_t)n;
}

/* "questd", "keep", "--for", NAME: start.c writes these four first. */
static enum peer_origin origin_of_keeper(const char *text, size_t n)
{
	static const char *const head[] = { "questd", "keep", "--for" };
	const char *end = text + n;

	for (size_t i = 0; i < ARRAY_LEN(head); i++) {
		if (text >= end || strcmp(text, head[i]) != 0)
			return PEER_FOREIGN;
		text += strlen(text) + 1;
	}
	for (int i = PEER_STARTED; text < end && i < PEER_ORIGIN_MAX; i++)
		if (strcmp(text, peer_origin_names[i]) == 0)
			return (enum peer_origin)i;
	return PEER_FOREIGN;
}

enum peer_origin peer_origin(pid_t pid)
{
	char text[512];

	if (pid <= 0 || read_proc(pid, "stat", text, sizeof(text)) == 0)
		return PEER_FOREIGN;
	/* "1 (name) S parent …": the name may hold anything, brackets too. */
	const char *behind = strrchr(text, ')');

	if (!behind || strlen(behind) < strlen(") S 1"))
		return PEER_FOREIGN;
	pid_t parent = (pid_t)strtol(behind + strlen(") S "), NULL, 10);

	return origin_of_keeper(text, read_proc(parent, "cmdline", text, sizeof(text)));
}

char **peer_arguments(struct arena *a, pid_t pid)
{
	char *text = arena_alloc(a, 16384);
	char **argv = ARENA_ARRAY(a, ARGUMENTS_MAX + 1, char *);

	if (!text || !argv)
		return NULL;
	size_t n = read_proc(pid, "cmdline", text, 16384), n_args = 0;

	for (size_t at = 0; at < n && n_args < ARGUMENTS_MAX; at += strlen(text + at) + 1)
		argv[n_args++] = text + at;
	return n_args > 0 ? argv : NULL;
}
