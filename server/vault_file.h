/* SPDX-License-Identifier: Apache-2.0 */
/* The file of master keys: one a line, 64 hexadecimal digits; the newest first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define VAULT_KEY_BYTES 32
#define VAULT_KEYS_MAX  16

struct vault_keys {
	uint8_t v[VAULT_KEYS_MAX][VAULT_KEY_BYTES];
	size_t n;
};

enum { VAULT_FILE_MISSING = 1, VAULT_FILE_SHARED, VAULT_FILE_BAD };
/* No link is followed. A file of our own must be ours alone; one that is given has the modes of who
 * gave it. */
int vault_file_read(const char *path, bool is_given, struct vault_keys *out) must_check;
/* Mode 0400; in the place of the one that is there. */
int vault_file_write(const char *path, const struct vault_keys *keys) must_check;
/* Only where there is none. */
int vault_file_make(const char *path, const struct vault_keys *keys) must_check;
/* Would it lie under this folder, links followed? */
bool vault_file_is_inside(const char *path, const char *folder);
