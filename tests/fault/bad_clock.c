/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: its wall clock is off by the seconds that the file named by BAD_CLOCK
 * says, which is read anew each time. Clocks that do not jump are left alone; libfaketime would
 * move a timerfd of theirs too. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out);
time_t time(time_t *out);

static long offset(void)
{
	const char *path = getenv("BAD_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[32] = "";

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);
	int e;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	e = real(id, out);
	if (e == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		out->tv_sec += offset();
	return e;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec t;
	int e = clock_gettime(CLOCK_REALTIME, &t);

	*out = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
	return e;
}

time_t time(time_t *out)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
