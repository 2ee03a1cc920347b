/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: its wall clock is off by the seconds that the file named by BAD_CLOCK
 * says, which is read anew each time; its clock since the boot by those of a second number, as
 * after so long a sleep of the machine. Clocks that do not jump are left alone; libfaketime would
 * move a timerfd of theirs too. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out);
time_t time(time_t *out);

static long offset(int which)
{
	const char *path = getenv("BAD_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[64] = "", *rest;
	long wall;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	wall = strtol(text, &rest, 10);
	return which == CLOCK_BOOTTIME ? strtol(rest, NULL, 10) : wall;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);
	int e;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	e = real(id, out);
	if (e == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_BOOTTIME))
		out->tv_sec += offset(id);
	return e;
}

/* The kernel's clock since the boot is where it was. */
int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
	static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
	struct itimerspec at = *to;
	long off = flags == TFD_TIMER_ABSTIME ? offset(CLOCK_BOOTTIME) : 0;

	if (!real)
		real = (int (*)(int, int, const struct itimerspec *,
				struct itimerspec *))dlsym(RTLD_NEXT, "timerfd_settime");
	if (at.it_value.tv_sec > off)
		at.it_value.tv_sec -= off;
	else if (off)
		at.it_value = (struct timespec){ .tv_nsec = 1 };
	return real(fd, flags, &at, old);
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
