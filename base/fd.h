/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors and files: everything CLOEXEC, EINTR handled, short writes finished. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"

void fd_close(int *fd); /* for CLEANUP; -1 is fine; sets -1 */
int fd_set_nonblock(int fd, bool on) must_check;
/* All n bytes, or negative. */
int fd_write_all(int fd, const void *p, size_t n) must_check;
/* The whole file, at most `max` bytes (more is an error), into b. */
enum { FD_NOT_FOUND = 1 };
int fd_read_file(const char *path, size_t max, struct buf *b) must_check;
/* Temp file beside it, fsync, rename, fsync of the folder. Mode as given (umask is not applied). */
int fd_write_file(const char *path, struct str content, mode_t mode) must_check;
/* The same for a file that is not there yet: it is there whole, or FD_EXISTS and as it was. */
enum { FD_EXISTS = 2 };
int fd_make_file(const char *path, struct str content, mode_t mode) must_check;
/* Creates the folder and its missing parents with the mode; fine when it is there. */
int fd_mkdir_all(const char *path, mode_t mode) must_check;
int fd_sync_dir(const char *path) must_check;
/* Raises RLIMIT_NOFILE's soft limit to the hard one; returns it. */
uint64_t fd_raise_limit(void);
