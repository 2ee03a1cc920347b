/* SPDX-License-Identifier: Apache-2.0 */
/* What a program maps to start is not what it needs to wait for days. */
#pragma once

/* The pages of the program's own text and constants that are mapped are given back; those that are
 * still needed come again when they are used, from the page cache, with their neighbours. */
void relay_pages_drop(void);
