/* SPDX-License-Identifier: Apache-2.0 */
/* TM-UDS-01: who can reach the socket, and what is not taken for ours. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/test.h"
#include "transport/client.h"
#include "transport/unix.h"

struct listening {
	struct clock clock;
	struct loop *loop;
	struct unix_listener *u;
	int n_accepted, fds[64];
	struct unix_peer peer;
};

static void on_accept(void *data, int fd, const struct unix_peer *peer)
{
	struct listening *l = data;

	l->fds[l->n_accepted++] = fd;
	l->peer = *peer;
}

static void init(struct listening *l)
{
	*l = (struct listening){ .clock = { .is_fake = true } };
	CHECK_OK(loop_new(&l->clock, &l->loop));
}

static void deinit(struct listening *l)
{
	for (int i = 0; i < l->n_accepted; i++)
		close(l->fds[i]);
	l->u = unix_listener_free(l->u);
	l->loop = loop_free(l->loop);
}

static void turns(struct listening *l, int n)
{
	while (n--)
		CHECK_OK(loop_turn(l->loop, 0));
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_mode & 07777;
}

TEST(tm_uds_01_the_socket_is_0600_in_a_folder_of_0700)
{
	struct listening l;
	const char *path = test_path("new/questd.sock");
	mode_t before = umask(0);
	int fd = -1;

	init(&l);
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	umask(before);
	CHECK_INT(mode_of(path), 0600);
	CHECK_INT(mode_of(test_path("new")), 0700);
	CHECK_OK(client_connect_unix(path, &fd));
	turns(&l, 2);
	CHECK_INT(l.n_accepted, 1);
	CHECK_INT(l.peer.uid, getuid());
	CHECK_INT(l.peer.pid, getpid());
	CHECK(!unix_listener_is_lost(l.u));
	close(fd);
	deinit(&l);
	CHECK_INT(access(path, F_OK), -1);
}

TEST(tm_uds_01_symlinks_files_and_open_folders_are_refused)
{
	struct listening l;
	char target[256];
	int fd;

	init(&l);
	snprintf(target, sizeof(target), "%s/elsewhere", test_dir());
	CHECK(!symlink(target, test_path("link.sock")));
	CHECK_INT(unix_listen(l.loop, test_path("link.sock"), on_accept, &l, &l.u), UNIX_NOT_OURS);
	fd = open(test_path("file.sock"), O_CREAT | O_WRONLY, 0600);
	close(fd);
	CHECK_INT(unix_listen(l.loop, test_path("file.sock"), on_accept, &l, &l.u), UNIX_NOT_OURS);
	CHECK_INT(access(test_path("file.sock"), F_OK), 0);
	CHECK(!mkdir(test_path("open"), 0700) && !chmod(test_path("open"), 0777));
	CHECK_INT(unix_listen(l.loop, test_path("open/a.sock"), on_accept, &l, &l.u),
		  UNIX_OPEN_FOLDER);
	deinit(&l);
}

TEST(tm_uds_01_anothers_socket_is_refused)
{
	struct listening l, other;
	const char *path = test_path("a.sock");

	if (geteuid() != 0)
		TEST_SKIP("needs root to make another user's socket");
	init(&l);
	init(&other);
	CHECK_OK(unix_listen(other.loop, path, on_accept, &other, &other.u));
	CHECK(!chown(path, 65534, 65534));
	CHECK_INT(unix_listen(l.loop, path, on_accept, &l, &l.u), UNIX_NOT_OURS);
	deinit(&other);
	deinit(&l);
}

TEST(f_32_a_path_of_108_bytes_is_refused_and_107_work)
{
	struct listening l;
	char path[256];
	int n = snprintf(path, sizeof(path), "%s/", test_dir());

	init(&l);
	while (n < 107)
		path[n++] = 'a';
	path[n] = '\0';
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	CHECK_INT(access(path, F_OK), 0);
	l.u = unix_listener_free(l.u);
	path[n++] = 'a';
	path[n] = '\0';
	CHECK_INT(unix_listen(l.loop, path, on_accept, &l, &l.u), UNIX_PATH_TOO_LONG);
	CHECK_INT(client_connect_unix(path, &n), CLIENT_TOO_LONG);
	deinit(&l);
}

TEST(a_stale_socket_is_replaced_and_one_in_use_is_not)
{
	struct listening l, second;
	const char *path = test_path("a.sock");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	init(&l);
	init(&second);
	strcpy(sa.sun_path, path);
	CHECK(!bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
	close(fd); /* as a killed server leaves it */
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	CHECK_INT(unix_listen(second.loop, path, on_accept, &second, &second.u), UNIX_IN_USE);
	deinit(&second);
	CHECK_INT(access(path, F_OK), 0);
	deinit(&l);
}

TEST(f_27_a_socket_removed_or_replaced_is_lost_and_not_unlinked)
{
	struct listening l;
	const char *path = test_path("a.sock");
	int fd;

	init(&l);
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	CHECK(!unlink(path));
	CHECK(unix_listener_is_lost(l.u));
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	CHECK(unix_listener_is_lost(l.u));
	deinit(&l);
	CHECK_INT(access(path, F_OK), 0);
}

TEST(a_paused_listener_lets_clients_wait)
{
	struct listening l;
	const char *path = test_path("a.sock");
	int fd = -1;

	init(&l);
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	unix_listener_pause(l.u, true);
	CHECK_OK(client_connect_unix(path, &fd));
	turns(&l, 3);
	CHECK_INT(l.n_accepted, 0);
	unix_listener_pause(l.u, false);
	turns(&l, 3);
	CHECK_INT(l.n_accepted, 1);
	close(fd);
	deinit(&l);
}

TEST(f_18_out_of_descriptors_the_listener_lets_go_and_recovers)
{
	struct listening l;
	const char *path = test_path("a.sock");
	struct rlimit before, low;
	int fds[8];

	init(&l);
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		CHECK_OK(client_connect_unix(path, &fds[i]));
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = (rlim_t)fds[ARRAY_LEN(fds) - 1] + 1 + 2;
	setrlimit(RLIMIT_NOFILE, &low);
	turns(&l, 10);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK_INT(l.n_accepted, 2);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	CHECK_OK(client_connect_unix(path, &fds[0]));
	turns(&l, 3);
	CHECK_INT(l.n_accepted, 3);
	close(fds[0]);
	deinit(&l);
}

TEST(folders_that_cannot_be_are_faults_and_bare_names_lie_here)
{
	struct listening l;
	char before[512];
	int fd = open(test_path("file"), O_CREAT | O_WRONLY, 0600);

	init(&l);
	close(fd);
	CHECK_FAULT(unix_listen(l.loop, test_path("file/a.sock"), on_accept, &l, &l.u), ERR_SYS);
	CHECK(getcwd(before, sizeof(before)) && !chdir(test_dir()));
	CHECK_OK(unix_listen(l.loop, "bare.sock", on_accept, &l, &l.u));
	CHECK_INT(mode_of("bare.sock"), 0600);
	deinit(&l);
	CHECK(!chdir(before));
}

TEST(what_is_said_to_those_who_find_no_descriptor)
{
	struct listening l;
	const char *path = test_path("a.sock");
	struct rlimit before, low;
	char said[16] = "";
	int fd = -1;

	TEST_SKIP_UNDER_VALGRIND;
	init(&l);
	CHECK_OK(unix_listen(l.loop, path, on_accept, &l, &l.u));
	unix_listener_refuse_with(l.u, STR("full\n"));
	CHECK_OK(client_connect_unix(path, &fd));
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	turns(&l, 2);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK_INT(l.n_accepted, 0);
	CHECK_INT(recv(fd, said, sizeof(said) - 1, MSG_DONTWAIT), 5);
	CHECK_CSTR(said, "full\n");
	close(fd);
	deinit(&l);
}
