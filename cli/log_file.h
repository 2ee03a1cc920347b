/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a server in the background: one file that is set aside as FILE.1 when it has grown to
 * its cap, so that both together never take more than twice the cap. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define LOG_FILE_MAX (4 * 1024 * 1024)

struct log_file {
	const char *path;
	int64_t size, max;
	int fd; /* -1 while it cannot be opened: lines are dropped, the server goes on */
};

void log_file_init(struct log_file *f, const char *path, int64_t max);
void log_file_deinit(struct log_file *f);
void log_file_write(struct log_file *f, const void *p, size_t n);
