/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes: a contract. Those of the wire's errors stand in schemas/errors.json. */
#pragma once

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_CONFLICT = 4,
	EXIT_DENIED = 5,
	EXIT_NOT_RUNNING = 6,
	EXIT_TIMEOUT = 7,
	EXIT_INTERRUPTED = 130,
};
