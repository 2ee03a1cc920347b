/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static void set_env(const char *home, const char *xdg_data, const char *xdg_config,
		    const char *data_dir)
{
	const char *const names[] = { "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME",
				      "QUESTD_DATA_DIR" };
	const char *const values[] = { home, xdg_data, xdg_config, data_dir };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (values[i])
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	}
}

TEST(paths_follow_argument_then_variable_then_xdg_then_home)
{
	struct arena a;
	struct paths p;

	arena_init(&a, 0);
	set_env("/home/me", "/xdg/data", NULL, "/var/q");
	CHECK_OK(paths_find(&a, "/given", NULL, &p));
	CHECK_CSTR(p.data_dir, "/given");
	CHECK_OK(paths_find(&a, NULL, NULL, &p));
	CHECK_CSTR(p.data_dir, "/var/q");
	set_env("/home/me", "/xdg/data/", NULL, "");
	CHECK_OK(paths_find(&a, NULL, NULL, &p));
	CHECK_CSTR(p.data_dir, "/xdg/data/questd");
	set_env("/home/me", "relative/is/ignored", NULL, NULL);
	CHECK_OK(paths_find(&a, NULL, NULL, &p));
	CHECK_CSTR(p.data_dir, "/home/me/.local/share/questd");
	set_env(NULL, NULL, NULL, NULL);
	CHECK_INT(paths_find(&a, NULL, NULL, &p), PATHS_NO_HOME);
	CHECK_OK(paths_find(&a, "/given", NULL, &p));
	arena_deinit(&a);
}

TEST(paths_all_lie_in_the_data_dir)
{
	struct arena a;
	struct paths p;

	arena_init(&a, 0);
	CHECK_OK(paths_find(&a, "/d/", NULL, &p));
	CHECK_CSTR(p.socket, "/d/questd.sock");
	CHECK_CSTR(p.database, "/d/questd.db");
	CHECK_CSTR(p.lock, "/d/questd.lock");
	CHECK_CSTR(p.token, "/d/token");
	CHECK_CSTR(p.config, "/d/questd.toml");
	CHECK_CSTR(p.log, "/d/questd.log");
	CHECK_CSTR(p.backups, "/d/backups");
	CHECK(p.key == NULL);
	CHECK_OK(paths_find(&a, "/d", "/elsewhere/s", &p));
	CHECK_CSTR(p.socket, "/elsewhere/s");
	CHECK_OK(paths_find(&a, "/", NULL, &p));
	CHECK_CSTR(p.database, "/questd.db");
	arena_deinit(&a);
}

TEST(paths_relative_ones_become_absolute)
{
	char here[4096], back[4096];
	struct arena a;
	struct paths p;

	arena_init(&a, 0);
	if (!CHECK(getcwd(back, sizeof(back))) || !CHECK_INT(chdir(test_dir()), 0))
		return;
	CHECK(getcwd(here, sizeof(here)) != NULL);
	CHECK_OK(paths_find(&a, "x/y", "s", &p));
	CHECK_STR_EQ(str_from(p.data_dir), str_fmt(&a, "%s/x/y", here));
	CHECK_STR_EQ(str_from(p.socket), str_fmt(&a, "%s/s", here));
	CHECK_INT(chdir(back), 0);
	arena_deinit(&a);
}

TEST(paths_flags_name_what_is_no_default_and_can_be_pasted)
{
	struct arena a;
	struct paths p;

	arena_init(&a, 0);
	set_env("/home/me", NULL, NULL, NULL);
	CHECK_OK(paths_find(&a, NULL, NULL, &p));
	CHECK_CSTR(p.flags, "");
	CHECK_OK(paths_find(&a, "/home/me/.local/share/questd", NULL, &p));
	CHECK_CSTR(p.flags, "");
	CHECK_OK(paths_find(&a, NULL, "/s", &p));
	CHECK_CSTR(p.flags, " --socket '/s'");
	CHECK_OK(paths_find(&a, "/it's", "/it's/questd.sock", &p));
	CHECK_CSTR(p.flags, " --data-dir '/it'\\''s'");
	set_env("/home/me", NULL, NULL, "/var/q");
	CHECK_OK(paths_find(&a, NULL, NULL, &p));
	CHECK_CSTR(p.flags, " --data-dir '/var/q'");
	set_env(NULL, NULL, NULL, NULL);
	CHECK_OK(paths_find(&a, "/d", "/s", &p));
	CHECK_CSTR(p.flags, " --data-dir '/d' --socket '/s'");
	CHECK_STR_EQ(paths_word(&a, STR("/plain")), STR("/plain"));
	CHECK_STR_EQ(paths_word(&a, STR("a b")), STR("'a b'"));
	CHECK_STR_EQ(paths_word(&a, STR("")), STR("''"));
	arena_deinit(&a);
}

TEST(paths_a_socket_path_that_does_not_fit_is_told_and_shown)
{
	char longer[120];
	struct arena a;
	struct paths p;

	arena_init(&a, 0);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[107] = '\0';
	CHECK_OK(paths_find(&a, "/d", longer, &p));
	longer[107] = 'x';
	longer[108] = '\0';
	CHECK_INT(paths_find(&a, "/d", longer, &p), PATHS_SOCKET_TOO_LONG);
	CHECK_CSTR(p.socket, longer);
	CHECK_CSTR(p.data_dir, "/d");
	arena_deinit(&a);
}

TEST(paths_key_lies_outside_the_data_dir)
{
	struct arena a;
	struct paths p;

	arena_init(&a, 0);
	set_env("/home/me", NULL, NULL, NULL);
	CHECK_OK(paths_find(&a, "/d", NULL, &p));
	CHECK_OK(paths_find_key(&a, &p, STR("inst1")));
	CHECK_CSTR(p.key, "/home/me/.config/questd/keys/inst1");
	set_env("/home/me", NULL, "/cfg", NULL);
	CHECK_OK(paths_find_key(&a, &p, STR("inst1")));
	CHECK_CSTR(p.key, "/cfg/questd/keys/inst1");
	set_env(NULL, NULL, NULL, NULL);
	CHECK_INT(paths_find_key(&a, &p, STR("inst1")), PATHS_NO_HOME);
	arena_deinit(&a);
}

TEST(paths_program_is_found_beside_the_running_one_and_never_in_path)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct arena a;
	char *slash;

	if (!CHECK(n > 0))
		return;
	self[n] = '\0';
	slash = strrchr(self, '/');
	arena_init(&a, 0);
	CHECK_CSTR(paths_program(&a, slash + 1), self);
	CHECK(paths_program(&a, "sh") == NULL);
	arena_deinit(&a);
}

TEST(paths_survive_a_full_arena)
{
	struct arena a;
	struct paths p;
	int e = -1;

	for (size_t limit = 16; e && limit < 2000; limit += 16) {
		arena_init(&a, limit);
		e = paths_find(&a, "/data", NULL, &p);
		if (e)
			CHECK_FAULT(e, ERR_NOMEM);
		arena_deinit(&a);
	}
	CHECK_INT(e, 0);
}
