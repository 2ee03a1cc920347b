/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: an int. 0 is success. Negative is our fault or the machine's: made by err_new() or
 * err_sys(), passed on with err_trace(), never matched by value except with err_class(), logged
 * once. Positive belongs to the module that returned it, is an enum in its header, and is handled
 * by the direct caller.
 *
 * The chain of places an error came through is kept per thread until somebody takes it. */
#pragma once

#include <errno.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

/* What a fault is to the one who called. Returned negated. */
enum err_class {
	ERR_NONE,
	ERR_INTERNAL,  /* a bug, or something that cannot be explained to the caller */
	ERR_NOMEM,     /* memory is out, or the call's limit of it is */
	ERR_SYS,       /* a system call failed */
	ERR_FULL,      /* the disk (or quota) is full */
	ERR_READONLY,  /* the file system is read-only */
	ERR_BUSY,      /* somebody else holds the store */
	ERR_CORRUPT,   /* the database is damaged or is not ours */
	ERR_INTERRUPT, /* a statement ran too long or was cancelled */
	ERR_CLASS_MAX,
};

struct err_report {
	enum err_class class;
	int errnum;      /* errno for ERR_SYS, else 0 */
	char text[768];  /* "cannot open 'x': No such file or directory" */
	char chain[512]; /* "db_sqlite.c:40 < store.c:88 < writer.c:120" */
};

#define err_new(class, ...) \
	err_negative_(err_make_(__FILE_NAME__, __LINE__, (class), 0, __VA_ARGS__))
/* With errno: its text is appended after ": ". Class FULL for ENOSPC/EDQUOT, READONLY for EROFS,
 * NOMEM for ENOMEM, else SYS. errno is kept. */
#define err_sys(...) err_negative_(err_make_(__FILE_NAME__, __LINE__, ERR_SYS, errno, __VA_ARGS__))
#define err_nomem()  err_new(ERR_NOMEM, "out of memory")
/* Adds this place to the chain of a negative error and returns it; 0 and positive pass through. */
#define err_trace(e) err_trace_(__FILE_NAME__, __LINE__, (e))

static inline enum err_class err_class(int e)
{
	return e < 0 && -e < ERR_CLASS_MAX ? (enum err_class)(-e) : ERR_NONE;
}

/* What is known about the thread's last error; forgets it. `e` is the value that was returned. */
void err_take(int e, struct err_report *out);
void err_forget(void);

#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif
int err_make_(const char *file, int line, enum err_class class, int errnum, const char *fmt, ...)
    printf_like(5, 6);
void err_chain_(const char *file, int line);

static inline int err_negative_(int e)
{
	LINT_ASSUME(e < 0);
	return e;
}

/* Here, so that the compiler and the linters see that what goes in comes out. */
static inline int err_trace_(const char *file, int line, int e)
{
	if (e < 0)
		err_chain_(file, line);
	return e;
}
