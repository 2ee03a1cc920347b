/* SPDX-License-Identifier: Apache-2.0 */
/* questd serve. */
#include "cli/serve.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/backup.h"
#include "cli/say.h"

/* questd-server with our global options before its own; it reads and refuses them all itself,
 * but for the restore, which asks first. */
int serve_run(struct cli *c, struct args *a)
{
	char *program = paths_program(&c->arena, "questd-server");
	char **argv = ARENA_ARRAY(&c->arena, (size_t)(a->argc - a->at) + 6, char *);
	size_t n = 0;

	if (restore_is_meant(a))
		return restore_run_flag(c, a);
	if (!program) {
		say_error("questd-server is not installed beside questd, nor in libexec");
		say_hint("install it again, both programs of one build");
		return EXIT_USAGE;
	}
	if (!argv)
		return EXIT_FAILED;
	argv[n++] = program;
	if (c->globals.data_dir) {
		argv[n++] = (char *)"--data-dir";
		argv[n++] = (char *)c->globals.data_dir;
	}
	if (c->globals.socket) {
		argv[n++] = (char *)"--socket";
		argv[n++] = (char *)c->globals.socket;
	}
	while (a->at < a->argc)
		argv[n++] = a->argv[a->at++];
	execv(program, argv);
	say_error("cannot run '%s': %s", program, strerror(errno));
	return EXIT_FAILED;
}
