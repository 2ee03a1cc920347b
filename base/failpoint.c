/* SPDX-License-Identifier: Apache-2.0 */
/* Fail points of the test build; in the normal build nothing calls these. What is set and counted
 * is the one mutable state of base/ beside the log. */
#include "base/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

enum { POINTS_MAX = 16 };

/* One of FP. */
struct point {
	char text[96]; /* "name:3*kill" */
	struct str name, verb;
	int64_t argument, nth; /* nth 0 = each time */
	_Atomic int64_t n;
};

static struct point points[POINTS_MAX];
static _Atomic int n_points = -1; /* -1: the environment was not read yet */
static _Atomic bool has_acted;

static void add_point(struct str text, int i)
{
	struct point *p = &points[i];
	struct str rest, times;

	(void)snprintf(p->text, sizeof(p->text), "%.*s", STR_ARG(text)); /* names are short */
	rest = str_from(p->text);
	p->name = str_cut(&rest, ':');
	p->nth = p->argument = 0;
	if (str_contains(rest, STR("*"))) {
		times = str_cut(&rest, '*');
		if (!str_to_i64(times, &p->nth))
			p->nth = -1; /* never */
	}
	p->verb = str_cut(&rest, '=');
	if (rest.p && !str_to_i64(rest, &p->argument))
		p->argument = 0;
	atomic_store(&p->n, 0);
}

void fail_points_set(const char *text)
{
	struct str rest = str_from(text);
	int n = 0;

	while (rest.n > 0 && n < POINTS_MAX)
		add_point(str_cut(&rest, ','), n++);
	atomic_store(&has_acted, false);
	atomic_store(&n_points, n);
}

bool fail_points_have_acted(void)
{
	return atomic_load(&has_acted);
}

/* The point that acts now, or NULL. */
static struct point *find_acting(const char *name)
{
	if (atomic_load(&n_points) < 0)
		fail_points_set(getenv("FP"));
	for (int i = 0; i < atomic_load(&n_points); i++) {
		struct point *p = &points[i];

		if (str_eq(p->name, str_from(name))) {
			int64_t n = atomic_fetch_add(&p->n, 1) + 1;

			return p->nth == 0 || p->nth == n ? p : NULL;
		}
	}
	return NULL;
}

static bool act(const struct point *p)
{
	struct timespec t = { p->argument / 1000, p->argument % 1000 * 1000000 };

	atomic_store(&has_acted, true);
	if (str_eq(p->verb, STR("kill")))
		(void)kill(getpid(), SIGKILL); /* does not come back */
	if (str_eq(p->verb, STR("abort")))
		abort();
	if (str_eq(p->verb, STR("sleep")))
		(void)nanosleep(&t, NULL); /* cut short is fine */
	return str_eq(p->verb, STR("return"));
}

bool fail_point_is(const char *name)
{
	const struct point *p = find_acting(name);

	return p && act(p);
}

int fail_point_hit(const char *name)
{
	return fail_point_is(name) ? err_new(ERR_SYS, "fail point %s", name) : 0;
}
