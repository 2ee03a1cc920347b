/* SPDX-License-Identifier: Apache-2.0 */
/* A file system that can lose its power. It stands between SQLite and the real one, remembers for
 * each watched file what the last sync made certain, and makes images of what a disk may hold when
 * the power goes: of what was written since, each 512-byte sector is there (60 %), lost (30 %) or
 * garbage (10 %). It can also let the n-th operation fail. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Becomes SQLite's file system; the files in `folder` are watched from now on. */
void crashvfs_start(const char *folder, uint64_t seed);
/* Forgets all files: `folder` was emptied, or another one is used. */
void crashvfs_reset(const char *folder);

/* Called after each write, sync, truncation and removal of a watched file. */
typedef void crashvfs_fn(void *data);
void crashvfs_on_change(crashvfs_fn *fn, void *data);

/* What the folder may look like after a power loss now; other files are as they are. */
struct crash_image;
struct crash_image *crashvfs_image(void);
bool crashvfs_image_write(const struct crash_image *image, const char *folder); /* false: errno */
struct crash_image *crashvfs_image_free(struct crash_image *image);

enum crashvfs_fault {
	CRASHVFS_NONE,
	CRASHVFS_ONCE, /* the n-th operation fails */
	CRASHVFS_ON,   /* the n-th and all that follow */
};
/* Operations of watched files count from 1 again; the n-th fails with the I/O error of its kind,
 * or, when is_full, writes fail as on a full disk. */
void crashvfs_fail(enum crashvfs_fault fault, int64_t n, bool is_full);
/* What fails then fails with this result code and, for the system's error, this errno. 0: as above.
 */
void crashvfs_fail_as(int code, int error);
int64_t crashvfs_n_operations(void);
bool crashvfs_has_failed(void);
/* Was what failed a sync? */
bool crashvfs_has_failed_sync(void);

uint64_t crashvfs_random(uint64_t below); /* of the seed: for the driver's own choices */
