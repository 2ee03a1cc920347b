/* SPDX-License-Identifier: Apache-2.0 */
/* Asking questd-server what only it can tell: it runs for a moment, says one line on stderr, and
 * ends. */
#include "cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/paths.h"

#define SAYS_FIRST "questd: "
#define ARGS_MAX   64

static void become(char **argv, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, 0);
	dup2(null, 1);
	dup2(out, 2);
	execv(argv[0], argv);
	_exit(127);
}

/* Its code; PROGRAM_NONE or PROGRAM_SLOW. */
static int wait_for(pid_t pid, int64_t patience_ms)
{
	CLEANUP(fd_close) int ended = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { ended, POLLIN, 0 };
	bool is_slow = poll(&p, 1, (int)MIN(patience_ms, 600000)) <= 0;
	int status;

	if (is_slow)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return PROGRAM_NONE;
	if (is_slow)
		return PROGRAM_SLOW;
	return WIFEXITED(status) ? WEXITSTATUS(status) : PROGRAM_NONE;
}

static void read_line(int fd, struct program_said *out)
{
	size_t skip = strlen(SAYS_FIRST);
	ssize_t n = read(fd, out->said, sizeof(out->said) - 1);

	out->said[MAX(n, 0)] = '\0';
	out->said[strcspn(out->said, "\n")] = '\0';
	if (strncmp(out->said, SAYS_FIRST, skip) == 0)
		memmove(out->said, out->said + skip, strlen(out->said + skip) + 1);
}

void program_ask(struct arena *a, const char *data_dir, char *const *args, int64_t patience_ms,
		 struct program_said *out)
{
	char *argv[ARGS_MAX + 4] = { paths_program(a, "questd-server"), (char *)"--data-dir",
				     (char *)data_dir };
	int pair[2];

	*out = (struct program_said){ .code = PROGRAM_NONE };
	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		argv[3 + i] = args[i];
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
