/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "base/err.h"

#define STACK_BYTES ((size_t)512 * 1024)

int thread_start(pthread_t *out, void *(*fn)(void *), void *data)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(out, &attr, fn, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!e)
		return 0;
	errno = e;
	return err_sys("cannot start a thread");
}
