/* SPDX-License-Identifier: Apache-2.0 */
/* unit-<floor> [--list] [PATTERN …]: runs the tests whose names contain a pattern (or match it as a
 * glob), and prints a line a test and the sums. */
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define PATHS_MAX 128
#define SHOWN_MAX 400 /* bytes of a text in a message */

static struct test *first, **last = &first;

static struct {
	unsigned n_failed;
	const char *skipped;
	char dir[PATH_MAX / 2];
	char paths[PATHS_MAX][PATH_MAX];
	size_t n_paths;
} now; /* the running test */

void test_register(struct test *t)
{
	*last = t;
	last = &t->next;
}

bool test_is_under_valgrind(void)
{
	return getenv("QUESTD_UNDER_VALGRIND") != NULL;
}

int test_patience_ms(void)
{
	return test_is_under_valgrind() ? 300000 : 10000;
}

static bool failed(void)
{
	now.n_failed++;
	return false;
}

bool test_check(bool held, const char *file, int line, const char *text)
{
	if (held)
		return true;
	printf("%s:%d: CHECK(%s)\n", file, line, text);
	return failed();
}

bool test_check_int(long long got, long long want, const char *file, int line, const char *text)
{
	if (got == want)
		return true;
	printf("%s:%d: %s is %lld, wanted %lld\n", file, line, text, got, want);
	return failed();
}

/* Text in quotes with what is not printable as \xNN; NONE for absent. */
static void show(struct str s)
{
	if (!s.p) {
		printf("NONE");
		return;
	}
	putchar('"');
	for (size_t i = 0; i < s.n && i < SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c < 0x7f)
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	printf(s.n > SHOWN_MAX ? "\"… (%zu bytes)" : "\"", s.n);
}

bool test_check_str(struct str got, struct str want, const char *file, int line, const char *text)
{
	if (str_eq(got, want) && !got.p == !want.p)
		return true;
	printf("%s:%d: %s is ", file, line, text);
	show(got);
	printf(", wanted ");
	show(want);
	putchar('\n');
	return failed();
}

bool test_check_has(struct str got, struct str part, const char *file, int line, const char *text)
{
	if (str_contains(got, part))
		return true;
	printf("%s:%d: %s is ", file, line, text);
	show(got);
	printf(", which lacks ");
	show(part);
	putchar('\n');
	return failed();
}

bool test_check_ok(int e, const char *file, int line, const char *text)
{
	struct err_report r;

	if (e == 0)
		return true;
	if (e > 0) {
		printf("%s:%d: %s is %d, wanted 0\n", file, line, text, e);
		return failed();
	}
	err_take(e, &r);
	printf("%s:%d: %s failed: %s (%s)\n", file, line, text, r.text, r.chain);
	return failed();
}

bool test_check_fault(int e, int class, const char *file, int line, const char *text)
{
	err_forget();
	if (e == -class)
		return true;
	printf("%s:%d: %s is %d, wanted the fault %d\n", file, line, text, e, -class);
	return failed();
}

void test_skip(const char *reason)
{
	now.skipped = reason;
}

const char *test_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (now.dir[0])
		return now.dir;
	snprintf(now.dir, sizeof(now.dir), "%s/questd-unit-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(now.dir)) {
		perror("cannot create a folder for the test");
		exit(2);
	}
	return now.dir;
}

const char *test_path(const char *name)
{
	char *path = now.paths[now.n_paths];

	if (now.n_paths == PATHS_MAX) {
		fprintf(stderr, "more than %d paths in a test\n", PATHS_MAX);
		exit(2);
	}
	now.n_paths++;
	snprintf(path, PATH_MAX, "%s/%s", test_dir(), name);
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void run(const struct test *t, unsigned counts[3])
{
	now.n_failed = 0;
	now.skipped = NULL;
	now.dir[0] = '\0';
	now.n_paths = 0;
	err_forget();
	t->fn();
	if (now.dir[0])
		nftw(now.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (now.n_failed) {
		printf("not ok %s\n", t->name);
		counts[1]++;
	} else if (now.skipped) {
		printf("skip %s # %s\n", t->name, now.skipped);
		counts[2]++;
	} else {
		printf("ok %s\n", t->name);
		counts[0]++;
	}
}

static bool is_chosen(const char *name, char **patterns)
{
	if (!*patterns)
		return true;
	for (; *patterns; patterns++)
		if (strstr(name, *patterns) || fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned counts[3] = { 0 };
	bool is_list = argc > 1 && strcmp(argv[1], "--list") == 0;
	char **patterns = argv + 1 + is_list;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (const struct test *t = first; t; t = t->next) {
		if (!is_chosen(t->name, patterns))
			continue;
		if (is_list)
			puts(t->name);
		else
			run(t, counts);
	}
	if (!is_list)
		printf("%u passed, %u failed, %u skipped\n", counts[0], counts[1], counts[2]);
	return counts[1] ? 1 : 0;
}
