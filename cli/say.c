/* SPDX-License-Identifier: Apache-2.0 */
/* What is told to the person, on stderr; and the answer, on stdout. */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/exits.h"

#define SAY_MAX 2048

/* One write for one line, so that lines of several programs do not mix. A stderr that cannot be
 * written to is nobody's to be told of. */
static void say_line(const char *before, const char *fmt, va_list args)
{
	char text[SAY_MAX], safe[2 * SAY_MAX], line[2 * SAY_MAX + 32];
	int n = vsnprintf(text, sizeof(text), fmt, args);

	if (n < 0)
		return;
	log_escape(safe, sizeof(safe), (struct str){ text, MIN((size_t)n, sizeof(text) - 1) });
	n = snprintf(line, sizeof(line), "%s%s\n", before, safe);
	(void)!fd_write_all(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1));
	err_forget();
}

void say_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_line("questd: ", fmt, args);
	va_end(args);
}

void say_hint(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_line("  hint: ", fmt, args);
	va_end(args);
}

void say_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_line("", fmt, args);
	va_end(args);
}

int say_fault(int e, const char *what)
{
	struct err_report report;

	err_take(e, &report);
	if (what)
		say_error("%s: %s", what, report.text);
	else
		say_error("%s", report.text);
	return EXIT_FAILED;
}

void say_ready_text(const struct buf *b)
{
	struct str s = buf_str(b);

	(void)!fd_write_all(STDERR_FILENO, s.p, s.n);
	err_forget();
}

int say_out(const struct buf *b)
{
	struct str s = buf_str(b);

	if (b->failed)
		return say_fault(err_nomem(), NULL);
	int e = fd_write_all(STDOUT_FILENO, s.p, s.n);

	return e ? say_fault(e, "cannot write the answer") : EXIT_OK;
}

int say_secret_on_line(void)
{
	say_error("a secret is not given on the command line, which others on this machine can "
		  "read");
	say_hint("printf %%s \"$VALUE\" | questd secrets set NAME keeps one; questd --token-file "
		 "FILE NOUN VERB calls with the key in FILE; questd call METHOD - reads {…} from "
		 "stdin");
	return EXIT_USAGE;
}
