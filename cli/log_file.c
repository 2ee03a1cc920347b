/* SPDX-License-Identifier: Apache-2.0 */
/* A log that never grows beyond its cap. */
#include "cli/log_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

static void open_file(struct log_file *f)
{
	struct stat st;

	f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		     0600);
	if (f->fd >= 0 && (fstat(f->fd, &st) || !S_ISREG(st.st_mode)))
		fd_close(&f->fd);
	f->size = f->fd >= 0 ? st.st_size : 0;
}

void log_file_init(struct log_file *f, const char *path, int64_t max)
{
	*f = (struct log_file){ .path = path, .max = max, .fd = -1 };
	open_file(f);
}

void log_file_deinit(struct log_file *f)
{
	fd_close(&f->fd);
}

static void set_aside(struct log_file *f)
{
	char old[4096];
	int n = snprintf(old, sizeof(old), "%s.1", f->path);

	fd_close(&f->fd);
	/* Where it cannot be renamed, it is emptied: the cap holds in any case. */
	if (n >= (int)sizeof(old) || rename(f->path, old))
		(void)!truncate(f->path, 0);
	open_file(f);
}

void log_file_write(struct log_file *f, const void *p, size_t n)
{
	if (f->fd < 0)
		open_file(f);
	else if (f->size + (int64_t)n > f->max)
		set_aside(f);
	if (f->fd < 0)
		return;
	if (fd_write_all(f->fd, p, n)) {
		/* A full disk: the server says so to its callers, there is nowhere else to say it.
		 */
		err_forget();
		return;
	}
	f->size += (int64_t)n;
}
