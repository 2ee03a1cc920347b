/* SPDX-License-Identifier: Apache-2.0 */
/* Places where a test may make things go wrong: `return FAIL_POINT("store_commit_before")`. The
 * test build obeys the environment, FP="name:action,name:action": `return` (an I/O error comes
 * out), `kill`, `abort`, `sleep=250`; `3*kill` means the third time only. The normal build holds
 * none. */
#pragma once

#include <stdbool.h>

#ifdef QUESTD_FAILPOINTS
#define FAIL_POINTS_BUILT   true
#define FAIL_POINT(name)    fail_point_hit(name)
#define FAIL_POINT_IS(name) fail_point_is(name)
#else
#define FAIL_POINTS_BUILT   false
#define FAIL_POINT(name)    0
#define FAIL_POINT_IS(name) false
#endif

int fail_point_hit(const char *name);
/* The same as a truth, without an error being made: for what fails by itself. */
bool fail_point_is(const char *name);
/* For tests, in one thread: in the environment's place; counting begins anew. NULL: none. */
void fail_points_set(const char *text);
/* Has one acted since? */
bool fail_points_have_acted(void);
