/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "tests/unit/alloc.h"
#include "tests/unit/sys.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

#define TOKEN "qd_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
#define OTHER "qd_x123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

static struct clock fake(void)
{
	return (struct clock){ .is_fake = true, .fake_boot_us = 5000000 };
}

static int bearer(struct access *a, const char *token)
{
	struct access_found p;

	return access_bearer(a, str_from(token), STR("127.0.0.1"), &p);
}

TEST(access_knows_the_token_and_nothing_else)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct access_found f;

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN "\n"), 0600));
	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	CHECK_INT(access_bearer(a, STR(TOKEN), STR("::1"), &f), 0);
	CHECK_STR(f.who.id, "token");
	CHECK(f.who.is_owner && authority_has(&f.who, &verb_table[0]));
	CHECK_INT(bearer(a, OTHER), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, ""), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, NULL), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, TOKEN "x"), ACCESS_UNKNOWN);
	access_free(a);
}

TEST(tm_authz_05_the_eleventh_failure_of_a_minute_is_refused_unseen)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct access_found p;

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN "\n"), 0600));
	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	for (int i = 0; i < 10; i++)
		CHECK_INT(bearer(a, OTHER), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, OTHER), ACCESS_TOO_MANY);
	CHECK_INT(bearer(a, TOKEN), 0); /* whoever has it is not locked out by who has not */
	CHECK_INT(access_bearer(a, STR(TOKEN), STR("10.0.0.9"), &p), 0);
	clock_advance(&clock, 60001);
	CHECK_INT(bearer(a, TOKEN), 0);
	access_free(a);
}

TEST(access_knows_a_rotated_token_at_once)
{
	struct clock clock = fake();
	struct access *a = NULL;

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0600));
	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	CHECK_INT(bearer(a, TOKEN), 0);
	CHECK_OK(fd_write_file(test_path("token"), STR(OTHER), 0600));
	CHECK_INT(bearer(a, TOKEN), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, OTHER), 0);
	CHECK_INT(unlink(test_path("token")), 0);
	CHECK_INT(bearer(a, OTHER), ACCESS_UNKNOWN);
	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0644));
	CHECK_INT(bearer(a, TOKEN), ACCESS_UNKNOWN);
	CHECK_INT(chmod(test_path("token"), 0600), 0);
	CHECK_INT(bearer(a, TOKEN), 0);
	access_free(a);
}

static void count(void *data)
{
	++*(int *)data;
}

TEST(access_says_when_the_token_is_another_and_which_is_in_force)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct loop *loop = NULL;
	struct access_found first, second;
	int n = 0;

	CHECK_OK(loop_new(&clock, &loop));
	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0600));
	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	CHECK_OK(access_watch(a, loop, count, &n));
	CHECK_INT(access_bearer(a, STR(TOKEN), STR("10.0.0.1"), &first), 0);
	CHECK(access_is_current(a, first.who.token));
	CHECK_OK(fd_write_file(test_path("other"), STR(OTHER), 0600));
	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0600)); /* the same again */
	CHECK_OK(loop_turn(loop, 0));
	CHECK_INT(n, 0);
	CHECK(access_is_current(a, first.who.token));
	CHECK_OK(fd_write_file(test_path("token"), STR(OTHER), 0600));
	CHECK_OK(loop_turn(loop, 0)); /* nobody asked */
	CHECK_INT(n, 1);
	CHECK(!access_is_current(a, first.who.token));
	CHECK_INT(access_bearer(a, STR(OTHER), STR("10.0.0.1"), &second), 0);
	CHECK(access_is_current(a, second.who.token));
	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0600));
	CHECK_INT(access_bearer(a, STR(TOKEN), STR("10.0.0.1"), &first), 0); /* asked first */
	CHECK_INT(n, 1);
	CHECK_OK(loop_turn(loop, 0));
	CHECK_INT(n, 2);
	CHECK(!access_is_current(a, second.who.token) && access_is_current(a, first.who.token));
	CHECK_INT(unlink(test_path("token")), 0);
	CHECK_OK(loop_turn(loop, 0));
	CHECK_INT(n, 3);
	CHECK(!access_is_current(a, first.who.token));
	CHECK(access_is_current(a, 0)); /* whoever came without one */
	access_free(a);
	loop_free(loop);
}

TEST(access_makes_a_token_that_only_its_owner_reads)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct stat st;

	CHECK_OK(access_new(test_path("token"), &clock, true, &a));
	CHECK_INT(stat(test_path("token"), &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK_INT(st.st_size, 47);
	access_free(a);
}

TEST(f_23_a_token_that_others_may_read_is_refused)
{
	struct clock clock = fake();
	struct access *a = NULL;

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0644));
	CHECK_FAULT(access_new(test_path("token"), &clock, false, &a), ERR_SYS);
	CHECK_OK(fd_write_file(test_path("token"), STR("short"), 0600));
	CHECK_FAULT(access_new(test_path("token"), &clock, false, &a), ERR_SYS);
}

TEST(access_lets_only_its_own_user_in_by_the_socket)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct principal p;
	char want[32];

	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	snprintf(want, sizeof(want), "uid:%u", (unsigned)geteuid());
	CHECK(access_peer(a, geteuid(), &p));
	CHECK_STR(p.id, want);
	CHECK(!access_peer(a, geteuid() + 1, &p));
	access_free(a);
}

TEST(tm_authz_05_failures_are_counted_a_peer_and_a_minute)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct access_found p;
	char peer[24];

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN "\n"), 0600));
	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	for (int i = 0; i < 10; i++)
		CHECK_INT(bearer(a, OTHER), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, OTHER), ACCESS_TOO_MANY);
	clock_advance(&clock, 60001);
	for (int i = 0; i < 10; i++) /* the next minute is another one */
		CHECK_INT(bearer(a, OTHER), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, OTHER), ACCESS_TOO_MANY);
	for (int i = 0; i < 10; i++) /* failures far apart never add up */
		clock_advance(&clock, i % 2 ? 1000 : 61000), CHECK_INT(bearer(a, OTHER), 1);

	/* More peers than are remembered: the newest keeps the place, nobody is held for another.
	 */
	for (int i = 0; i < 1000; i++) {
		snprintf(peer, sizeof(peer), "10.0.%d.%d", i / 250, i % 250);
		for (int k = 0; k < 10; k++)
			CHECK_INT(access_bearer(a, STR(OTHER), str_from(peer), &p), ACCESS_UNKNOWN);
	}
	CHECK_INT(access_bearer(a, STR(OTHER), str_from(peer), &p), ACCESS_TOO_MANY);
	CHECK_INT(access_bearer(a, STR(OTHER), STR_NONE, &p), ACCESS_UNKNOWN); /* no address */
	access_free(a);
}

static void overwrite(const char *path, const char *text)
{
	FILE *f = fopen(path, "r+");

	if (!CHECK(f))
		return;
	CHECK(fputs(text, f) >= 0);
	CHECK_INT(fclose(f), 0);
}

TEST(access_rereads_a_token_that_was_written_in_place)
{
	const char *path = test_path("token");
	struct clock clock = fake();
	struct access *a = NULL;
	struct stat before, after;

	CHECK_OK(fd_write_file(path, STR(TOKEN), 0600));
	CHECK_OK(access_new(path, &clock, false, &a));
	CHECK_INT(stat(path, &before), 0);
	do { /* until the file system's clock has moved */
		overwrite(path, OTHER);
		CHECK_INT(stat(path, &after), 0);
	} while (before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
		 before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
	CHECK_INT(before.st_ino, after.st_ino);
	CHECK_INT(bearer(a, TOKEN), ACCESS_UNKNOWN);
	CHECK_INT(bearer(a, OTHER), 0);
	access_free(a);
}

TEST(f_23_a_token_file_that_is_none_is_refused_with_its_name)
{
	static const char long_text[300] = { [0 ... 298] = 'x' };
	struct clock clock = fake();
	struct access *a = NULL;
	struct err_report why;

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN), 0600));
	err_take(access_new(test_path("token/below"), &clock, true, &a), &why);
	CHECK_HAS(str_from(why.text), "cannot look at");
	CHECK_OK(fd_write_file(test_path("token"), str_from(long_text), 0600));
	err_take(access_new(test_path("token"), &clock, false, &a), &why);
	CHECK_HAS(str_from(why.text), "larger than 256 bytes");
	CHECK(!a);
}

/* What access_new says when its n-th allocation (error 0) or call to the system fails. */
static int fail_once(const char *path, unsigned n, int error, struct access **out, bool *is_reached)
{
	struct clock clock = fake();
	int e;

	(void)unlink(path);
	*out = NULL;
	alloc_fail_at(error ? 0 : n);
	sys_fail_at(error ? n : 0, error);
	e = access_new(path, &clock, true, out);
	*is_reached = (error ? sys_n() : alloc_n()) >= n;
	alloc_fail_at(0);
	sys_fail_at(0, 0);
	return e;
}

/* ENOENT: somebody takes the file away in that moment. */
TEST(f_08_a_token_that_cannot_be_made_or_read_leaves_no_access)
{
	static const int errors[] = { 0, EIO, ENOSPC, ENOENT };
	const char *path = test_path("token");
	unsigned n_failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		bool is_reached = true;

		for (unsigned n = 1; is_reached && CHECK(n < 100); n++) {
			struct access *a;
			int e = fail_once(path, n, errors[i], &a, &is_reached);

			CHECK(e <= 0 && (e == 0) == (a != NULL));
			CHECK(is_reached || e == 0);
			n_failed += e < 0;
			err_forget();
			access_free(a);
		}
	}
	CHECK(n_failed > 10);
}
