/* SPDX-License-Identifier: Apache-2.0 */
/* `questd doctor`: what questd needs, looked at one by one; each line says what to do. */
#pragma once

#include <stdbool.h>

#include "base/paths.h"
#include "cli/command.h"
#include "cli/running.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	const char *id;
	enum doctor_verdict verdict;
	struct str text, fix; /* fix: NONE where nothing is to be done */
};

#define DOCTOR_MAX 64

struct doctor {
	struct cli *cli;
	struct paths paths;
	struct running running;
	bool is_anothers; /* the data directory: nothing else in it is ours to mend */
	struct doctor_finding v[DOCTOR_MAX];
	size_t n;
};

extern const struct args_option doctor_options[];
extern const size_t doctor_n_options;

int doctor_run(struct cli *c, struct args *a);

void doctor_ok(struct doctor *d, const char *id, const char *fmt, ...) printf_like(3, 4);
/* Follow with doctor_fix(). */
void doctor_warn(struct doctor *d, const char *id, const char *fmt, ...) printf_like(3, 4);
void doctor_fail(struct doctor *d, const char *id, const char *fmt, ...) printf_like(3, 4);
void doctor_fix(struct doctor *d, const char *fmt, ...) printf_like(2, 3);

void doctor_no_secret(struct doctor *d);

/* doctor_files.c: programs, libraries, directories and permissions, configuration, disk, clock. */
void doctor_look_at_files(struct doctor *d);
/* doctor_server.c: socket, server, database. */
void doctor_look_at_server(struct doctor *d);
