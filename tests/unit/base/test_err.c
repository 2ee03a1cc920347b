/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/unit/test.h"

static int inner(void)
{
	return err_new(ERR_CORRUPT, "page %d is torn", 7);
}

static int outer(void)
{
	return err_trace(inner());
}

TEST(err_carries_text_class_and_the_places_it_came_through)
{
	struct err_report r;
	int e = err_trace(outer());

	CHECK(e < 0);
	CHECK_INT(err_class(e), ERR_CORRUPT);
	err_take(e, &r);
	CHECK_INT(r.class, ERR_CORRUPT);
	CHECK_CSTR(r.text, "page 7 is torn");
	CHECK_CSTR(r.chain, "test_err.c:11 < test_err.c:16 < test_err.c:22");
}

TEST(err_trace_lets_success_and_own_enums_through)
{
	CHECK_INT(err_trace(0), 0);
	CHECK_INT(err_trace(3), 3);
	CHECK_INT(err_class(0), ERR_NONE);
	CHECK_INT(err_class(3), ERR_NONE);
}

TEST(err_sys_says_what_errno_says_and_keeps_it)
{
	static const struct {
		int errnum;
		enum err_class class;
	} table[] = {
		{ ENOENT, ERR_SYS },     { ENOSPC, ERR_FULL },  { EDQUOT, ERR_FULL },
		{ EROFS, ERR_READONLY }, { ENOMEM, ERR_NOMEM },
	};
	struct err_report r;
	int e;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		errno = table[i].errnum;
		e = err_sys("cannot open '%s'", "x");
		CHECK_INT(errno, table[i].errnum);
		err_take(e, &r);
		CHECK_INT(r.class, table[i].class);
		CHECK_INT(r.errnum, table[i].errnum);
		CHECK(str_starts(str_from(r.text), STR("cannot open 'x': ")));
	}
}

TEST(err_taken_is_forgotten)
{
	struct err_report r;
	int e = inner();

	err_take(e, &r);
	err_take(e, &r);
	CHECK_CSTR(r.text, "damaged");
	CHECK_CSTR(r.chain, "");
	e = inner();
	err_take(-ERR_BUSY, &r);
	CHECK_CSTR(r.text, "busy");
	err_forget();
	err_take(e, &r);
	CHECK_CSTR(r.text, "damaged");
}

TEST(err_text_and_chain_are_bounded)
{
	struct err_report r;
	char text[2000];
	int e;

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = "\xe6\x9d\xb1"[i % 3];
	text[sizeof(text) - 1] = '\0';
	e = err_new(ERR_INTERNAL, "%s", text);
	for (int i = 0; i < 200; i++)
		e = err_trace(e);
	err_take(e, &r);
	CHECK(strlen(r.text) < sizeof(r.text));
	CHECK(strlen(r.text) > sizeof(r.text) - 5);
	CHECK(str_is_utf8(str_from(r.text)));
	CHECK(strlen(r.chain) < sizeof(r.chain));
}

static void *in_thread(void *data)
{
	struct err_report *r = data;

	err_take(-ERR_CORRUPT, r);
	return NULL;
}

TEST(err_belongs_to_its_thread)
{
	struct err_report r;
	pthread_t thread;
	int e = inner();

	if (!CHECK_INT(pthread_create(&thread, NULL, in_thread, &r), 0))
		return;
	pthread_join(thread, NULL);
	CHECK_CSTR(r.text, "damaged");
	err_take(e, &r);
	CHECK_CSTR(r.text, "page 7 is torn");
}
