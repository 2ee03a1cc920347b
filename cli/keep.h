/* SPDX-License-Identifier: Apache-2.0 */
/* `questd keep`, run by start.c: the parent of a server in the background. It takes the start lock,
 * starts the server unless one answers, reports how that went, keeps the server's log and its exit
 * status, and ends with it. A private server is ended when the relay whose pipe it holds is gone.
 */
#pragma once

#include "cli/command.h"

int keep_run(struct cli *c, struct args *a);
