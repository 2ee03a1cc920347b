/* SPDX-License-Identifier: Apache-2.0 */
/* Asking questd-server what only it can tell: it runs for a moment, says one line on stderr, and
 * ends. */
#include "cli/doctor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define SAYS_FIRST "questd: "

static void become(char **argv, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, 0);
	dup2(null, 1);
	dup2(out, 2);
	execv(argv[0], argv);
	_exit(127);
}

/* Its code; DOCTOR_CHILD_NONE or DOCTOR_CHILD_SLOW. */
static int wait_for(pid_t pid, int64_t patience_ms)
{
	CLEANUP(fd_close) int ended = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { ended, POLLIN, 0 };
	bool is_slow = poll(&p, 1, (int)MIN(patience_ms, 600000)) <= 0;
	int status;

	if (is_slow)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return DOCTOR_CHILD_NONE;
	if (is_slow)
		return DOCTOR_CHILD_SLOW;
	return WIFEXITED(status) ? WEXITSTATUS(status) : DOCTOR_CHILD_NONE;
}

static void read_line(int fd, struct doctor_child *out)
{
	size_t skip = strlen(SAYS_FIRST);
	ssize_t n = read(fd, out->said, sizeof(out->said) - 1);

	out->said[MAX(n, 0)] = '\0';
	out->said[strcspn(out->said, "\n")] = '\0';
	if (strncmp(out->said, SAYS_FIRST, skip) == 0)
		memmove(out->said, out->said + skip, strlen(out->said + skip) + 1);
}

void doctor_run_server(struct doctor *d, const char *const *args, int64_t patience_ms,
		       struct doctor_child *out)
{
	char *argv[8] = { paths_program(&d->cli->arena, "questd-server"), (char *)"--data-dir",
			  d->paths.data_dir };
	int pair[2];

	*out = (struct doctor_child){ .code = DOCTOR_CHILD_NONE };
	for (size_t i = 0; i < ARRAY_LEN(argv) - 4 && args[i]; i++)
		argv[3 + i] = (char *)args[i];
	if (!argv[0] || pipe2(pair, O_CLOEXEC))
		return;
	pid_t pid = fork();

	if (pid == 0)
		become(argv, pair[1]);
	close(pair[1]);
	if (pid > 0)
		out->code = wait_for(pid, patience_ms);
	read_line(pair[0], out);
	close(pair[0]);
}
