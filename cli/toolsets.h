/* SPDX-License-Identifier: Apache-2.0 */
/* The names of toolsets, from the table of verbs. */
#pragma once

/* Is every name of the comma-separated list one? NULL is fine. 0, or EXIT_USAGE (said). */
int toolsets_check(const char *list);
