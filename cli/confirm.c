/* SPDX-License-Identifier: Apache-2.0 */
/* Asking before what cannot be undone. */
#include "cli/confirm.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"

bool confirm_asked(struct cli *c, const char *fmt, ...)
{
	char question[300], answer[16];
	va_list args;

	if (c->globals.yes)
		return true;
	if (c->globals.no_input || !c->is_tty_in || !c->is_tty_err)
		return false;
	va_start(args, fmt);
	vsnprintf(question, sizeof(question), fmt, args);
	va_end(args);
	dprintf(STDERR_FILENO, "%s [y/N] ", question);
	ssize_t n = read(STDIN_FILENO, answer, sizeof(answer));

	if (n <= 0)
		dprintf(STDERR_FILENO, "\n"); /* what is said next has a line of its own */
	return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}
