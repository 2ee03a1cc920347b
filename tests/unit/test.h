/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests' harness. A test registers itself; its name states the promise it checks:
 *
 *	TEST(buf_eaten_bytes_are_gone)
 *	{
 *		...
 *		CHECK_STR(buf_str(&b), "rest");
 *	}
 *
 * A check that fails prints its place and what it saw, and the test goes on; each check is an
 * expression that says whether it held: `if (!CHECK(p)) return;`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

typedef void test_fn(void);

struct test {
	const char *name;
	test_fn *fn;
	struct test *next;
};

#define TEST(id)                                                          \
	static void test_##id(void);                                      \
	static struct test test_entry_##id = { #id, test_##id, NULL };    \
	__attribute__((constructor)) static void test_register_##id(void) \
	{                                                                 \
		test_register(&test_entry_##id);                          \
	}                                                                 \
	static void test_##id(void)

#define CHECK(cond) test_check((cond), __FILE__, __LINE__, #cond)
#define CHECK_INT(got, want) \
	test_check_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
/* struct str against a literal (or any NUL-terminated text; NULL is NONE). */
#define CHECK_STR(got, want)    test_check_str((got), str_from(want), __FILE__, __LINE__, #got)
#define CHECK_STR_EQ(got, want) test_check_str((got), (want), __FILE__, __LINE__, #got)
#define CHECK_CSTR(got, want) \
	test_check_str(str_from(got), str_from(want), __FILE__, __LINE__, #got)
/* Does text hold the part? */
#define CHECK_HAS(got, part) test_check_has((got), str_from(part), __FILE__, __LINE__, #got)
/* 0? Prints the text of a fault. */
#define CHECK_OK(e) test_check_ok((e), __FILE__, __LINE__, #e)
/* A negative fault of this class? Forgets it. */
#define CHECK_FAULT(e, class) test_check_fault((e), (class), __FILE__, __LINE__, #e)

/* Ends the test, which counts as skipped. */
#define TEST_SKIP(reason)          \
	do {                       \
		test_skip(reason); \
		return;            \
	} while (0)

/* Valgrind takes a connection off the listening socket and closes it when the program has no
 * descriptor for it: who tests what happens to that connection skips. tests/run.py --valgrind says
 * so. */
bool test_is_under_valgrind(void);
/* How long to wait for what must come before it counts as missing. */
int test_patience_ms(void);
#define TEST_SKIP_UNDER_VALGRIND      \
	if (test_is_under_valgrind()) \
	TEST_SKIP("valgrind closes connections that find no descriptor")

/* A folder of the running test's own, made at the first call, removed with all in it at its end. */
const char *test_dir(void);
/* test_dir()/name, in a buffer that lives as long as the test; at most 32 a test. */
const char *test_path(const char *name);

void test_register(struct test *t);
bool test_check(bool held, const char *file, int line, const char *text);
bool test_check_int(long long got, long long want, const char *file, int line, const char *text);
bool test_check_str(struct str got, struct str want, const char *file, int line, const char *text);
bool test_check_has(struct str got, struct str part, const char *file, int line, const char *text);
bool test_check_ok(int e, const char *file, int line, const char *text);
bool test_check_fault(int e, int class, const char *file, int line, const char *text);
void test_skip(const char *reason);
