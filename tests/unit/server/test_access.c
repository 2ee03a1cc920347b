/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"

#define TOKEN "qd_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
#define OTHER "qd_x123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

static struct clock fake(void)
{
	return (struct clock){ .is_fake = true, .fake_boot_us = 5000000 };
}

static int bearer(struct access *a, const char *token)
{
	struct principal p;

	return access_bearer(a, str_from(token), STR("127.0.0.1"), &p);
}

TEST(access_knows_the_token_and_nothing_else)
{
	struct clock clock = fake();
	struct access *a = NULL;
	struct principal p;

	CHECK_OK(fd_write_file(test_path("token"), STR(TOKEN "\n"), 0600));
	CHECK_OK(access_new(test_path("token"), &clock, false, &a));
	CHECK_INT(access_bearer(a, STR(TOKEN), STR("::1"), &p), 0);
	CHECK_STR(p.id, "token");
	CHECK(p.is_owner && access_allows(&p, &verb_table[0]));
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
	struct principal p;

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

TEST(access_gate_is_the_verbs_roles)
{
	const struct verb *v = verb_find(STR("system.config"));
	struct principal viewer = { .id = STR("v"), .roles = 1u << ACCESS_ROLE_VIEWER };
	struct str_list needs;
	struct arena arena;

	arena_init(&arena, 0);
	CHECK(!access_allows(&viewer, v));
	CHECK(access_allows(&viewer, verb_find(STR("system.ping"))));
	needs = access_needs(&arena, v);
	CHECK_INT(needs.n, 1);
	CHECK_STR(needs.v[0], "org_admin");
	arena_deinit(&arena);
}
