/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of this process. 0 where it says nothing. */
#pragma once

#include <stdint.h>

int64_t proc_resident_bytes(void);
int64_t proc_open_files(void);
