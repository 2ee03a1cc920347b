/* SPDX-License-Identifier: Apache-2.0 */
/* The reserve for a full disk: a file that only takes up room. Given up, it lets the log be moved
 * into the database and cut, without which a full disk stays full (F-06). Taken back as soon as it
 * fits. */
#include "store/store_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"

enum { ROOM = 1 << 20, SMALLEST = 1 << 20 };

int64_t store_free_bytes(const struct store *s)
{
	struct statvfs v;

	if (statvfs(s->folder, &v) != 0)
		return 0;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

/* Makes the file that large; true when it is. */
static bool resize(struct store *s, int64_t bytes)
{
	CLEANUP(fd_close)
	int fd = open(s->ballast, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (posix_fallocate(fd, 0, bytes) != 0) {
		(void)unlink(s->ballast); /* a half reserve is none; the next try begins anew */
		s->ballast_bytes = 0;
		return false;
	}
	s->ballast_bytes = bytes;
	return true;
}

void store_ballast_make(struct store *s)
{
	struct stat st;

	if (s->o.ballast_bytes <= 0)
		return;
	if (stat(s->ballast, &st) == 0)
		s->ballast_bytes = st.st_size;
	for (int64_t bytes = s->o.ballast_bytes; bytes >= SMALLEST; bytes /= 2)
		if (s->ballast_bytes >= bytes ||
		    (store_free_bytes(s) >= 2 * bytes && resize(s, bytes)))
			return;
	store_warn(s,
		   "no room for the reserve '%s': when the disk is full, free some space by hand",
		   s->ballast);
}

void store_ballast_release(struct store *s)
{
	if (unlink(s->ballast) == 0)
		s->ballast_bytes = 0;
}

bool store_ballast_restore(struct store *s)
{
	int64_t bytes = s->o.ballast_bytes;

	while (bytes >= SMALLEST && bytes > s->ballast_bytes &&
	       (store_free_bytes(s) + s->ballast_bytes < bytes || !resize(s, bytes)))
		bytes /= 2;
	return store_free_bytes(s) >= ROOM;
}
