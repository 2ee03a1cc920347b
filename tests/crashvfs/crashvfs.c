/* SPDX-License-Identifier: Apache-2.0 */
/* Two copies of each watched file are kept in memory: as written, and as synced. What was
 * written of each sector since is marked. The real file is written all the same, so that SQLite
 * reads what it wrote. Shared memory and locks go to the real file system: they do not outlive a
 * power loss. */
#include "tests/crashvfs/crashvfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, FILES_MAX = 16, NAME_LEN = 512 };

struct bytes {
	uint8_t *p;
	size_t n, cap;
};

/* The bytes of a sector that were written since the last sync; to 0 when there are none. */
struct range {
	uint16_t from, to;
};

struct shadow {
	char name[NAME_LEN];
	struct bytes now, synced;
	struct range *dirty; /* one a sector */
	size_t n_sectors;
	bool is_there;        /* it exists */
	bool was_synced;      /* its name is certain to be on the disk */
	bool was_removed;     /* its removal is not certain */
	bool is_length_dirty; /* truncated or extended since the last sync */
};

struct crash_file {
	sqlite3_file base;
	struct shadow *shadow; /* NULL when not watched */
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	char folder[NAME_LEN];
	struct shadow files[FILES_MAX];
	uint64_t random;
	crashvfs_fn *on_change;
	void *data;
	enum crashvfs_fault fault;
	int64_t fail_at, n_operations;
	int code, error; /* of crashvfs_fail_as() */
	bool is_full, has_failed, has_failed_sync;
	bool is_busy; /* inside on_change: what happens there is not ours */
} crash;

/* splitmix64 */
uint64_t crashvfs_random(uint64_t below)
{
	uint64_t z = crash.random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return below ? (z ^ z >> 31) % below : 0;
}

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "crashvfs: out of memory\n");
		abort();
	}
	return p;
}

static void set_length(struct bytes *b, size_t n)
{
	if (n > b->cap) {
		b->cap = n * 2;
		b->p = must(realloc(b->p, b->cap));
	}
	if (n > b->n)
		memset(b->p + b->n, 0, n - b->n);
	b->n = n;
}

static void set_all(struct bytes *b, const struct bytes *from)
{
	set_length(b, from->n);
	if (from->n > 0)
		memcpy(b->p, from->p, from->n);
}

static void free_bytes(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ 0 };
}

static void mark(struct shadow *s, size_t from, size_t to)
{
	size_t n = (to + SECTOR - 1) / SECTOR;

	if (n > s->n_sectors) {
		s->dirty = must(realloc(s->dirty, n * sizeof(*s->dirty)));
		memset(s->dirty + s->n_sectors, 0, (n - s->n_sectors) * sizeof(*s->dirty));
		s->n_sectors = n;
	}
	for (size_t i = from / SECTOR; i < n; i++) {
		struct range *r = &s->dirty[i];
		uint16_t first = (uint16_t)(from > i * SECTOR ? from - i * SECTOR : 0);
		uint16_t end = (uint16_t)(to < (i + 1) * SECTOR ? to - i * SECTOR : SECTOR);

		r->from = r->to == 0 || first < r->from ? first : r->from;
		r->to = end > r->to ? end : r->to;
	}
}

static void note_sync(struct shadow *s)
{
	set_all(&s->synced, &s->now);
	if (s->n_sectors > 0)
		memset(s->dirty, 0, s->n_sectors * sizeof(*s->dirty));
	s->was_synced = true;
	s->is_length_dirty = false;
}

static void forget(struct shadow *s)
{
	free_bytes(&s->now);
	free_bytes(&s->synced);
	free(s->dirty);
	*s = (struct shadow){ 0 };
}

static bool is_watched(const char *name)
{
	size_t n = strlen(crash.folder);

	return name && n > 0 && strncmp(name, crash.folder, n) == 0 && name[n] == '/' &&
	       !strchr(name + n + 1, '/');
}

static struct shadow *find(const char *name)
{
	for (size_t i = 0; i < FILES_MAX; i++)
		if (crash.files[i].name[0] && strcmp(crash.files[i].name, name) == 0)
			return &crash.files[i];
	return NULL;
}

/* What is there when a file is first opened counts as synced. */
static void take_over(struct shadow *s)
{
	FILE *f = fopen(s->name, "rb");
	long n;

	if (!f)
		return;
	s->is_there = s->was_synced = true;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	set_length(&s->now, n > 0 ? (size_t)n : 0);
	if (n > 0 && fread(s->now.p, 1, (size_t)n, f) != (size_t)n)
		abort();
	fclose(f);
	note_sync(s);
}

static struct shadow *find_or_add(const char *name)
{
	struct shadow *s = find(name);

	for (size_t i = 0; !s && i < FILES_MAX; i++)
		if (!crash.files[i].name[0]) {
			s = &crash.files[i];
			snprintf(s->name, sizeof(s->name), "%s", name);
			take_over(s);
		}
	if (!s)
		abort();
	return s;
}

static void changed(void)
{
	if (!crash.on_change || crash.is_busy)
		return;
	crash.is_busy = true;
	crash.on_change(crash.data);
	crash.is_busy = false;
}

/* Counts an operation of a watched file; the code it fails with, or OK. */
static int fails(int code, bool is_sync, bool is_write)
{
	bool is_hit;

	if (crash.is_busy)
		return SQLITE_OK;
	crash.n_operations++;
	is_hit = crash.fault == CRASHVFS_ONCE
		     ? crash.n_operations == crash.fail_at
		     : crash.fault == CRASHVFS_ON && crash.n_operations >= crash.fail_at;
	if (!is_hit || (crash.is_full && !is_write))
		return SQLITE_OK;
	crash.has_failed = true;
	crash.has_failed_sync |= is_sync;
	return crash.is_full ? SQLITE_FULL : crash.code ? crash.code : code;
}

/* ---- files ---- */

static struct crash_file *of(sqlite3_file *f)
{
	return (struct crash_file *)f;
}

static int file_close(sqlite3_file *f)
{
	struct crash_file *c = of(f);

	return c->real->pMethods ? c->real->pMethods->xClose(c->real) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int rc = of(f)->shadow ? fails(SQLITE_IOERR_READ, false, false) : SQLITE_OK;

	return rc ? rc : of(f)->real->pMethods->xRead(of(f)->real, p, n, at);
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct shadow *s = of(f)->shadow;
	int rc = s ? fails(SQLITE_IOERR_WRITE, false, true) : SQLITE_OK;

	if (!rc)
		rc = of(f)->real->pMethods->xWrite(of(f)->real, p, n, at);
	if (rc || !s)
		return rc;
	if ((size_t)at + (size_t)n > s->now.n) {
		set_length(&s->now, (size_t)at + (size_t)n);
		s->is_length_dirty = true;
	}
	memcpy(s->now.p + at, p, (size_t)n);
	mark(s, (size_t)at, (size_t)at + (size_t)n);
	changed();
	return SQLITE_OK;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct shadow *s = of(f)->shadow;
	int rc = s ? fails(SQLITE_IOERR_TRUNCATE, false, false) : SQLITE_OK;

	if (!rc)
		rc = of(f)->real->pMethods->xTruncate(of(f)->real, n);
	if (rc || !s)
		return rc;
	mark(s, (size_t)n, s->now.n);
	set_length(&s->now, (size_t)n);
	s->is_length_dirty = true;
	changed();
	return SQLITE_OK;
}

static int file_sync(sqlite3_file *f, int flags)
{
	struct shadow *s = of(f)->shadow;
	int rc = s ? fails(SQLITE_IOERR_FSYNC, true, false) : SQLITE_OK;

	/* The real disk need not be synced: the images stand for it. */
	if (rc || !s)
		return rc;
	note_sync(s);
	changed();
	return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return of(f)->real->pMethods->xFileSize(of(f)->real, n);
}

static int file_lock(sqlite3_file *f, int level)
{
	return of(f)->real->pMethods->xLock(of(f)->real, level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return of(f)->real->pMethods->xUnlock(of(f)->real, level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
	return of(f)->real->pMethods->xCheckReservedLock(of(f)->real, out);
}

/* A hint about the coming size would extend the real file behind our back. */
static int file_control(sqlite3_file *f, int op, void *arg)
{
	if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
		return SQLITE_NOTFOUND;
	if (op == SQLITE_FCNTL_LAST_ERRNO && crash.error) {
		*(int *)arg = crash.error;
		return SQLITE_OK;
	}
	return of(f)->real->pMethods->xFileControl(of(f)->real, op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
	return of(f)->real->pMethods->xSectorSize(of(f)->real);
}

/* As in earnest: one promise, that an overwrite spares the bytes beside it. */
static int file_device(sqlite3_file *f)
{
	return of(f)->real->pMethods->xDeviceCharacteristics(of(f)->real);
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return of(f)->real->pMethods->xShmMap(of(f)->real, page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return of(f)->real->pMethods->xShmLock(of(f)->real, at, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
	of(f)->real->pMethods->xShmBarrier(of(f)->real);
}

static int file_shm_unmap(sqlite3_file *f, int is_deleted)
{
	return of(f)->real->pMethods->xShmUnmap(of(f)->real, is_deleted);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_device,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the file system ---- */

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct crash_file *c = of(f);
	int rc = is_watched(name) ? fails(SQLITE_CANTOPEN, false, false) : SQLITE_OK;

	c->base.pMethods = NULL;
	c->real = (sqlite3_file *)(c + 1);
	c->shadow = is_watched(name) ? find_or_add(name) : NULL;
	if (!rc)
		rc = crash.real->xOpen(crash.real, name, c->real, flags, out);
	if (rc)
		return rc;
	c->base.pMethods = &methods;
	if (c->shadow && !c->shadow->is_there) {
		c->shadow->is_there = true;
		c->shadow->was_synced = false;
	}
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int is_synced)
{
	int rc = is_watched(name) ? fails(SQLITE_IOERR_DELETE, false, false) : SQLITE_OK;
	struct shadow *s = is_watched(name) ? find(name) : NULL;

	if (!rc)
		rc = crash.real->xDelete(crash.real, name, is_synced);
	if (rc || !s)
		return rc;
	if (is_synced || !s->was_synced) {
		forget(s);
	} else {
		s->is_there = false;
		s->was_removed = true;
		set_length(&s->now, 0);
	}
	changed();
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
	return crash.real->xAccess(crash.real, name, flags, out);
}

static int vfs_full_name(sqlite3_vfs *v, const char *name, int n, char *out)
{
	return crash.real->xFullPathname(crash.real, name, n, out);
}

static int vfs_randomness(sqlite3_vfs *v, int n, char *out)
{
	return crash.real->xRandomness(crash.real, n, out);
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
	return crash.real->xSleep(crash.real, us);
}

static int vfs_time(sqlite3_vfs *v, double *out)
{
	return crash.real->xCurrentTime(crash.real, out);
}

static int vfs_last_error(sqlite3_vfs *v, int n, char *out)
{
	return crash.error ? crash.error : crash.real->xGetLastError(crash.real, n, out);
}

void crashvfs_reset(const char *folder)
{
	for (size_t i = 0; i < FILES_MAX; i++)
		forget(&crash.files[i]);
	snprintf(crash.folder, sizeof(crash.folder), "%s", folder);
	crashvfs_fail(CRASHVFS_NONE, 0, false);
}

void crashvfs_start(const char *folder, uint64_t seed)
{
	crash.real = sqlite3_vfs_find(NULL);
	crash.vfs = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = (int)sizeof(struct crash_file) + crash.real->szOsFile,
		.mxPathname = crash.real->mxPathname,
		.zName = "crash",
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_name,
		.xRandomness = vfs_randomness,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
	};
	crash.random = seed;
	crashvfs_reset(folder);
	if (sqlite3_vfs_register(&crash.vfs, 1) != SQLITE_OK)
		abort();
}

void crashvfs_on_change(crashvfs_fn *fn, void *data)
{
	crash.on_change = fn;
	crash.data = data;
}

void crashvfs_fail(enum crashvfs_fault fault, int64_t n, bool is_full)
{
	crash.fault = fault;
	crash.fail_at = n;
	crash.is_full = is_full;
	crash.n_operations = 0;
	crash.code = crash.error = 0;
	crash.has_failed = crash.has_failed_sync = false;
}

void crashvfs_fail_as(int code, int error)
{
	crash.code = code;
	crash.error = error;
}

int64_t crashvfs_n_operations(void)
{
	return crash.n_operations;
}

bool crashvfs_has_failed(void)
{
	return crash.has_failed;
}

bool crashvfs_has_failed_sync(void)
{
	return crash.has_failed_sync;
}

/* ---- images ---- */

struct crash_image {
	struct {
		char leaf[NAME_LEN];
		struct bytes bytes;
	} files[FILES_MAX];
	size_t n;
};

static void lose_power(struct bytes *out, const struct shadow *s)
{
	bool keeps_length = s->is_length_dirty && crashvfs_random(10) < 6;

	set_all(out, &s->synced);
	for (size_t i = 0; i < s->n_sectors; i++) {
		const struct range *r = &s->dirty[i];
		size_t at = i * SECTOR + r->from, end = i * SECTOR + r->to;
		uint64_t luck = crashvfs_random(10);

		end = end < s->now.n ? end : s->now.n;
		if (r->to == 0 || luck >= 7 || at >= end)
			continue; /* lost */
		if (end > out->n)
			set_length(out, end);
		if (luck < 6)
			memcpy(out->p + at, s->now.p + at, end - at);
		else
			for (size_t k = at; k < end; k++)
				out->p[k] = (uint8_t)crashvfs_random(256);
	}
	if (keeps_length)
		set_length(out, s->now.n);
}

struct crash_image *crashvfs_image(void)
{
	struct crash_image *image = must(calloc(1, sizeof(*image)));

	for (size_t i = 0; i < FILES_MAX; i++) {
		const struct shadow *s = &crash.files[i];
		bool is_kept = s->was_removed && !s->is_there ? crashvfs_random(2) : s->is_there;

		if (!s->name[0] || !is_kept ||
		    (s->is_there && !s->was_synced && crashvfs_random(10) >= 7))
			continue;
		snprintf(image->files[image->n].leaf, NAME_LEN, "%s",
			 s->name + strlen(crash.folder) + 1);
		lose_power(&image->files[image->n].bytes, s);
		image->n++;
	}
	return image;
}

bool crashvfs_image_write(const struct crash_image *image, const char *folder)
{
	char path[2 * NAME_LEN];

	for (size_t i = 0; i < image->n; i++) {
		const struct bytes *b = &image->files[i].bytes;
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", folder, image->files[i].leaf);
		f = fopen(path, "wb");
		if (!f || (b->n > 0 && fwrite(b->p, 1, b->n, f) != b->n) || fclose(f) != 0)
			return false;
	}
	return true;
}

struct crash_image *crashvfs_image_free(struct crash_image *image)
{
	for (size_t i = 0; image && i < image->n; i++)
		free_bytes(&image->files[i].bytes);
	free(image);
	return NULL;
}
