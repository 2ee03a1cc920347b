/* SPDX-License-Identifier: Apache-2.0 */
/* From a fault (a negative error) to what the caller is told: its class decides the code; what
 * nobody can explain to the caller is `internal` with an incident id that the log has too; where
 * steps of the call are kept it is `interrupted`, and the code is data.cause. */
#pragma once

#include "base/log.h"
#include "server/request.h"

/* Fills the call's failure and logs the fault, once. Any thread, each with a limit of its own.
 * `what` names the verb or the place. */
void faults_fail(struct request *r, int e, struct str what, struct log_limit *limit);
enum error_code faults_code(enum err_class class);
