/* SPDX-License-Identifier: Apache-2.0 */
/* The thread's last fault: its text and the places it came through. Thread-local, because a fault
 * is born deep and told at the top, and must cost nothing on the way of success. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct err_report last;

static enum err_class class_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case EROFS:
		return ERR_READONLY;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_SYS;
	}
}

static const char *class_text(enum err_class class)
{
	static const char *const texts[ERR_CLASS_MAX] = {
		[ERR_NONE] = "no error",
		[ERR_INTERNAL] = "internal error",
		[ERR_NOMEM] = "out of memory",
		[ERR_SYS] = "system call failed",
		[ERR_FULL] = "disk full",
		[ERR_READONLY] = "read-only file system",
		[ERR_BUSY] = "busy",
		[ERR_CORRUPT] = "damaged",
		[ERR_INTERRUPT] = "interrupted",
	};

	return texts[class];
}

/* Cuts text that filled its buffer between two code points. */
static void cut_clean(char *text, size_t cap)
{
	size_t n = strlen(text);

	if (n + 1 < cap)
		return;
	while (n && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n && (unsigned char)text[n - 1] >= 0xc0)
		n--;
	text[n] = '\0';
}

void err_chain_(const char *file, int line)
{
	size_t n = strlen(last.chain);

	snprintf(last.chain + n, sizeof(last.chain) - n, "%s%s:%d", n ? " < " : "", file, line);
}

int err_make_(const char *file, int line, enum err_class class, int errnum, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	last.class = class == ERR_SYS ? class_of_errno(errnum) : class;
	last.errnum = errnum;
	last.chain[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(last.text, sizeof(last.text), fmt, ap);
	va_end(ap);
	if (errnum) {
		char room[128];

		n = strlen(last.text);
		snprintf(last.text + n, sizeof(last.text) - n, ": %s",
			 strerror_r(errnum, room, sizeof(room)));
	}
	cut_clean(last.text, sizeof(last.text));
	err_chain_(file, line);
	errno = saved;
	return -(int)last.class;
}

void err_take(int e, struct err_report *out)
{
	if (last.class != ERR_NONE && -(int)last.class == e) {
		*out = last;
	} else {
		*out = (struct err_report){ .class = err_class(e) };
		snprintf(out->text, sizeof(out->text), "%s", class_text(out->class));
	}
	err_forget();
}

void err_forget(void)
{
	last.class = ERR_NONE;
	last.errnum = 0;
	last.text[0] = '\0';
	last.chain[0] = '\0';
}
