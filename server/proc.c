/* SPDX-License-Identifier: Apache-2.0 */
#include "server/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"

int64_t proc_resident_bytes(void)
{
	CLEANUP(fd_close) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	struct str rest = { text, n < 0 ? 0 : (size_t)n };
	int64_t pages;

	(void)str_cut(&rest, ' '); /* the size in all */
	if (!rest.p || !str_to_i64(str_cut(&rest, ' '), &pages))
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

int64_t proc_open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and the directory itself */
}
