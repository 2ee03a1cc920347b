/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: its wall clock is off by the seconds that the file named by BAD_CLOCK
 * says, which is read anew each time; its clock since the boot by those of a second number, as
 * after so long a sleep of the machine. Clocks that do not jump are left alone; libfaketime would
 * move a timerfd of theirs too. A jump is told as the kernel would: what waits for the clock to be
 * set becomes readable, and so does what has come due in a sleep. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
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

/* ---- timers ---- */

static struct {
	pthread_mutex_t mutex;
	bool is_watched;
	int set_fd;  /* waits for the wall clock to be set; 0 = none */
	int boot_fd; /* of the clock since the boot; 0 = none */
	struct itimerspec boot_at;
} timers = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static int really_set(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
	static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);

	if (!real)
		real = (int (*)(int, int, const struct itimerspec *,
				struct itimerspec *))dlsym(RTLD_NEXT, "timerfd_settime");
	return real(fd, flags, to, old);
}

/* The kernel's clock since the boot is where it was. */
static int set_boot(int fd, const struct itimerspec *to, struct itimerspec *old)
{
	struct itimerspec at = *to;
	long off = offset(CLOCK_BOOTTIME);

	if (at.it_value.tv_sec > off)
		at.it_value.tv_sec -= off;
	else if (off && (at.it_value.tv_sec || at.it_value.tv_nsec))
		at.it_value = (struct timespec){ .tv_nsec = 1 };
	return really_set(fd, TFD_TIMER_ABSTIME, &at, old);
}

static void tell(bool is_wall, bool is_boot)
{
	const struct itimerspec at_once = { .it_value = { .tv_nsec = 1 } };

	pthread_mutex_lock(&timers.mutex);
	if (is_wall && timers.set_fd)
		really_set(timers.set_fd, TFD_TIMER_ABSTIME, &at_once, NULL);
	if (is_boot && timers.boot_fd)
		set_boot(timers.boot_fd, &timers.boot_at, NULL);
	pthread_mutex_unlock(&timers.mutex);
}

static void *watch(void *unused)
{
	const struct timespec tick = { .tv_nsec = 2000000 };
	long wall = offset(CLOCK_REALTIME), boot = offset(CLOCK_BOOTTIME);

	for (;;) {
		long new_wall = offset(CLOCK_REALTIME), new_boot = offset(CLOCK_BOOTTIME);

		if (new_wall != wall || new_boot != boot)
			tell(new_wall != wall, new_boot != boot);
		wall = new_wall;
		boot = new_boot;
		nanosleep(&tick, NULL);
	}
	return unused;
}

/* No signal of the process is its. */
static bool begin_watch(void)
{
	sigset_t all, before;
	pthread_t thread;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e == 0;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
	int e;

	pthread_mutex_lock(&timers.mutex);
	if (!timers.is_watched && getenv("BAD_CLOCK"))
		timers.is_watched = begin_watch();
	if (flags & TFD_TIMER_CANCEL_ON_SET)
		timers.set_fd = fd;
	if (flags == TFD_TIMER_ABSTIME) {
		timers.boot_fd = fd;
		timers.boot_at = *to;
		e = set_boot(fd, to, old);
	} else {
		e = really_set(fd, flags, to, old);
	}
	pthread_mutex_unlock(&timers.mutex);
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
