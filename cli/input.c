/* SPDX-License-Identifier: Apache-2.0 */
/* Reading stdin to its end. */
#include "cli/input.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/say.h"

#define STDIN_MAX (16 * 1024 * 1024)

int input_read(struct cli *c, struct str *out)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, STDIN_MAX);
	for (;;) {
		char *p = buf_reserve(&b, 65536);
		ssize_t n = p ? read(STDIN_FILENO, p, 65536) : 0;

		if (!p) {
			say_error("stdin gives more than 16 MiB");
			return EXIT_USAGE;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return say_fault(err_sys("cannot read stdin"), NULL);
		if (n == 0)
			break;
		b.tail += (size_t)n;
	}
	*out = str_dup(&c->arena, buf_str(&b));
	return out->p ? 0 : say_fault(err_nomem(), NULL);
}
