/* SPDX-License-Identifier: Apache-2.0 */
/* What lies at the database's path, looked at before SQLite touches it: SQLite would take an empty
 * file for a new database, and a stranger's log for ours. */
#include "store/store_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/paths.h"

enum {
	HEADER = 100,
	AT_PAGE_SIZE = 16,
	AT_CHANGES = 24,
	AT_N_PAGES = 28,
	AT_APPLICATION = 68,
	AT_VALID_FOR = 92
};

static uint32_t big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

const char *store_path(struct arena *a, const char *stem, const char *suffix)
{
	return str_fmt(a, "%s%s", stem, suffix).p;
}

bool store_file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* What to do about a file that is none of ours: in the store's place, or given to a restore. */
static const char *remedy(const struct store *s, const char *path)
{
	return strcmp(path, s->o.database) == 0
		   ? "move it away or give another --data-dir"
		   : "nothing was changed: give a file that questd backup has made";
}

static int damaged(struct store *s, const char *path, const char *what, struct store_problem *p)
{
	struct str newest = s->o.backups ? store_file_newest(&s->arena, s->o.backups) : STR_NONE;

	if (strcmp(path, s->o.database) != 0)
		return store_problem_set(p, STORE_DAMAGED,
					 "backup '%s' is damaged: %s; nothing was changed", path,
					 what);
	if (newest.p)
		return store_problem_set(
		    p, STORE_DAMAGED,
		    "database '%s' is damaged: %s; nothing was changed; put the newest "
		    "backup in its place with: questd restore%s %s",
		    path, what, store_flags(s), paths_quote(&s->arena, newest).p);
	return store_problem_set(
	    p, STORE_DAMAGED,
	    "database '%s' is damaged: %s; nothing was changed; there is no backup: "
	    "move the file away to start anew",
	    path, what);
}

int store_problem_damaged(struct store *s, int e, struct store_problem *p)
{
	struct err_report report;

	if (err_class(e) != ERR_CORRUPT)
		return e;
	err_take(e, &report);
	return damaged(s, s->o.database, report.text, p);
}

/* Bytes the header promises, 0 when it makes no promise that holds by itself. */
static int64_t promised_bytes(const uint8_t h[HEADER])
{
	int64_t page = (int64_t)h[AT_PAGE_SIZE] << 8 | h[AT_PAGE_SIZE + 1];

	if (big_endian(h + AT_CHANGES) != big_endian(h + AT_VALID_FOR))
		return 0;
	return (page == 1 ? 65536 : page) * (int64_t)big_endian(h + AT_N_PAGES);
}

static int look_at_header(struct store *s, const char *path, int fd, int64_t size,
			  struct store_problem *p)
{
	static const char magic[16] = "SQLite format 3";
	uint8_t h[HEADER] = { 0 };
	ssize_t n = pread(fd, h, sizeof(h), 0);
	char what[128];

	if (n < 0)
		return store_problem_of(s, err_sys("cannot read '%s'", path), p);
	if (memcmp(h, magic, sizeof(magic)) != 0 || n < HEADER) {
		if (store_file_exists(s->sidecar))
			return damaged(s, path, "its first bytes are not a database's", p);
		return store_problem_set(
		    p, STORE_FOREIGN,
		    "'%s' is not a questd database (its first bytes are not a database's); "
		    "%s",
		    path, remedy(s, path));
	}
	if (big_endian(h + AT_APPLICATION) != STORE_APPLICATION_ID)
		return store_problem_set(
		    p, STORE_FOREIGN,
		    "'%s' is another program's database (application id 0x%08x); %s", path,
		    big_endian(h + AT_APPLICATION), remedy(s, path));
	if (size < promised_bytes(h)) {
		(void)snprintf(what, sizeof(what), "it is cut short, %lld of %lld bytes are there",
			       (long long)size, (long long)promised_bytes(h));
		return damaged(s, path, what, p);
	}
	return 0;
}

int store_file_look(struct store *s, const char *path, enum store_file *out,
		    struct store_problem *p)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *log = store_path(&s->arena, path, "-wal");
	struct stat st;
	int e = 0;

	if (!log)
		return err_nomem();
	if (fd < 0 && errno == ENOENT && store_file_exists(log))
		return store_problem_set(
		    p, STORE_DAMAGED,
		    "database '%s' is missing but its log '%s' is there; put the database "
		    "back beside it, or move the log away",
		    path, log);
	if (fd < 0 && errno == ENOENT) {
		*out = STORE_FILE_MISSING;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		return store_problem_of(s, err_sys("cannot open '%s'", path), p);
	if (!S_ISREG(st.st_mode))
		return store_problem_set(p, STORE_FOREIGN, "'%s' is not a file", path);
	if (st.st_size == 0 && strcmp(path, s->o.database) != 0)
		return store_problem_set(p, STORE_FOREIGN, "'%s' is empty (0 bytes); %s", path,
					 remedy(s, path));
	if (st.st_size == 0)
		return store_problem_set(
		    p, STORE_DAMAGED,
		    "database '%s' is empty (0 bytes), which questd never leaves behind; "
		    "restore a backup, or remove the file to start anew",
		    path);
	/* With a log, what lies in the file may be half of what was being moved into it when the
	 * power went: the log has it whole, and only SQLite can tell. */
	if (!store_file_exists(log))
		e = look_at_header(s, path, fd, st.st_size, p);
	if (e)
		return err_trace(e);
	*out = STORE_FILE_THERE;
	return 0;
}

int store_file_access(struct store *s, struct store_problem *p)
{
	const char *const paths[] = { s->o.database, s->log };
	bool is_read = s->o.read_only;
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (access(paths[i], is_read ? R_OK : R_OK | W_OK) == 0 ||
		    stat(paths[i], &st) != 0 || errno == EROFS)
			continue; /* what is missing, and a disk that takes nothing, is told later
				   */
		return store_problem_set(
		    p, STORE_NO_ACCESS,
		    "'%s' (mode %04o, of user %u) cannot be %s by user %u; chmod u+rw it, or run "
		    "questd as its owner",
		    paths[i], (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid,
		    is_read ? "read" : "written to", (unsigned)geteuid());
	}
	return 0;
}

void store_file_drop_index(const struct store *s)
{
	if (access(s->index, R_OK | W_OK) != 0 && errno == EACCES)
		(void)unlink(s->index); /* if it stays, the opening says so */
}

struct str store_file_newest(struct arena *a, const char *folder)
{
	DIR *d = opendir(folder);
	struct str newest = STR_NONE;
	struct timespec best = { 0 };
	struct dirent *entry;
	struct stat st;

	if (!d)
		return STR_NONE;
	while ((entry = readdir(d))) {
		if (!str_ends(str_from(entry->d_name), STR(".db")) ||
		    fstatat(dirfd(d), entry->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (newest.p &&
		    (st.st_mtim.tv_sec < best.tv_sec ||
		     (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec <= best.tv_nsec)))
			continue;
		best = st.st_mtim;
		newest = str_fmt(a, "%s/%s", folder, entry->d_name);
	}
	(void)closedir(d); /* only read */
	return newest;
}

void store_file_remove(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[4200];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if ((size_t)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < sizeof(name))
			(void)unlink(name); /* most are not there */
}
