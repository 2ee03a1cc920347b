/* SPDX-License-Identifier: Apache-2.0 */
/* The few macros everything uses: sizes, containers, and scope-bound release. */
#pragma once

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Runs fn(&variable) when the variable leaves its scope. fn must accept a never-filled variable. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hands ownership on: the value of the variable, which is left as `none`. */
#define TAKE(var, none)                         \
	({                                      \
		__typeof__(var) taken_ = (var); \
		(var) = (none);                 \
		taken_;                         \
	})
#define TAKE_PTR(var) TAKE(var, NULL)
#define TAKE_FD(var)  TAKE(var, -1)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* What the code relies on and the linter cannot see; for it alone. */
#ifdef __clang_analyzer__
#define LINT_ASSUME(condition) __builtin_assume(condition)
#else
#define LINT_ASSUME(condition) ((void)0)
#endif

#define must_check        __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
