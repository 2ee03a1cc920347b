/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the n-th system call that this program's own code makes on files fail (ld --wrap), in any
 * thread; and spares the real disk every fsync. SQLite's calls go through the crash VFS instead. */
#pragma once

/* n = 1 is the next one; 0 = none any more. `error` is its errno. */
void sys_fail_at(unsigned n, int error);
/* Calls since the last sys_fail_at. */
unsigned sys_n(void);
/* Called once, by whatever thread sleeps next, before it does; NULL = nothing any more. */
void sys_at_sleep(void (*fn)(void *data), void *data);
