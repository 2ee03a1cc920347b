/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor sees without a server: programs, folders, permissions, configuration, disk, clock. */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/toml.h"

#define PROGRAM_MS      3000
#define DISK_WARN_MB    512
#define DISK_FAIL_MB    32
#define DESCRIPTORS_MIN 4096
#define BUILT_MS        1700000000000 /* no clock that is right shows less */
#define MINUTE_MS       60000

/* Runs `PROGRAM --help`: whether it loads with all its libraries. The last line it wrote to stderr
 * goes to `said`. */
static int try_program(const char *program, char *said, size_t cap)
{
	int pair[2], status = -1;

	if (pipe2(pair, O_CLOEXEC))
		return -1;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, 0);
		dup2(null, 1);
		dup2(pair[1], 2);
		execl(program, program, "--help", (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	CLEANUP(fd_close) int ended = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd p = { ended, POLLIN, 0 };

	if (pid > 0 && poll(&p, 1, PROGRAM_MS) <= 0)
		kill(pid, SIGKILL);
	if (pid > 0)
		waitpid(pid, &status, 0);
	ssize_t n = read(pair[0], said, cap - 1);

	said[MAX(n, 0)] = '\0';
	said[strcspn(said, "\n")] = '\0';
	close(pair[0]);
	return status;
}

static void look_at_programs(struct doctor *d)
{
	char *program = paths_program(&d->cli->arena, "questd-server");
	char said[512];

	if (!program) {
		doctor_fail(d, "programs",
			    "questd-server is neither beside questd nor in ../libexec/questd");
		doctor_fix(d, "install it again, both programs of one build");
		return;
	}
	doctor_ok(d, "programs", "questd " QUESTD_VERSION ", %s", program);
	int status = try_program(program, said, sizeof(said));

	if (status == 0) {
		doctor_ok(d, "libraries", "questd-server loads with all its libraries");
		return;
	}
	doctor_fail(d, "libraries", "questd-server does not run: %s",
		    said[0] ? said : "it did not even say why");
	doctor_fix(d, "apt install libsqlite3-0 libmicrohttpd12 libsodium23 libgnutls30");
}

static void look_at_mode(struct doctor *d, const char *id, const char *path, const struct stat *st,
			 mode_t wanted)
{
	if (st->st_uid != geteuid() && geteuid() != 0) {
		doctor_fail(d, id, "'%s' belongs to user %u, not to you", path,
			    (unsigned)st->st_uid);
		doctor_fix(d, "run questd as that user, or choose another --data-dir");
	} else if (st->st_mode & 077) {
		doctor_fail(d, id, "'%s' is open to other users (mode %04o)", path,
			    (unsigned)(st->st_mode & 07777));
		doctor_fix(d, "chmod %04o '%s'", (unsigned)wanted, path);
	} else {
		doctor_ok(d, id, "%s (mode %04o)", path, (unsigned)(st->st_mode & 07777));
	}
}

static bool look_at_data_dir(struct doctor *d)
{
	struct stat st;

	if (stat(d->paths.data_dir, &st)) {
		doctor_warn(d, "data-dir", "'%s' is not there yet", d->paths.data_dir);
		doctor_fix(d, "questd setup");
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_fail(d, "data-dir", "'%s' is no folder", d->paths.data_dir);
		doctor_fix(d, "choose another --data-dir, or move it away");
		return false;
	}
	look_at_mode(d, "data-dir", d->paths.data_dir, &st, 0700);
	if (access(d->paths.data_dir, W_OK)) {
		doctor_fail(d, "data-dir", "'%s' cannot be written to: %s", d->paths.data_dir,
			    strerror(errno));
		doctor_fix(d, "make it writable; until then the server only reads");
	}
	return true;
}

static void look_at_secret(struct doctor *d, const char *id, const char *path, const char *what)
{
	struct stat st;

	if (!path || stat(path, &st)) {
		doctor_warn(d, id, "there is no %s yet", what);
		doctor_fix(d, "questd setup");
		return;
	}
	look_at_mode(d, id, path, &st, 0600);
}

static void look_at_secrets(struct doctor *d)
{
	CLEANUP(buf_deinit) struct buf b;
	struct str file = str_fmt(&d->cli->arena, "%s/instance", d->paths.data_dir);

	buf_init(&b, 0);
	if (file.p && fd_read_file(file.p, 256, &b) == 0 &&
	    paths_find_key(&d->cli->arena, &d->paths, str_trim(buf_str(&b))))
		err_forget();
	look_at_secret(d, "token", d->paths.token, "token for HTTP");
	look_at_secret(d, "key", d->paths.key, "key file for secrets");
}

static void look_at_config(struct doctor *d)
{
	CLEANUP(buf_deinit) struct buf b;
	struct toml_error why;
	struct toml toml;

	buf_init(&b, 0);
	int e = fd_read_file(d->paths.config, 1024 * 1024, &b);

	if (e == FD_NOT_FOUND) {
		doctor_ok(d, "config", "none, all settings are the defaults");
		return;
	}
	if (!e)
		e = toml_parse(&d->cli->arena, buf_str(&b), &toml, &why);
	if (e == 0) {
		doctor_ok(d, "config", "%s", d->paths.config);
	} else if (e < 0) {
		struct err_report report;

		err_take(e, &report);
		doctor_fail(d, "config", "%s", report.text);
		doctor_fix(d, "make it readable for you");
	} else {
		doctor_fail(d, "config", "%s:%d:%d: %s", d->paths.config, why.line, why.column,
			    why.text);
		doctor_fix(d, "correct that line; the server does not start with it");
	}
}

static void look_at_disk(struct doctor *d)
{
	struct statvfs fs;

	if (statvfs(d->paths.data_dir, &fs)) {
		doctor_fail(d, "disk", "cannot look at the disk of '%s': %s", d->paths.data_dir,
			    strerror(errno));
		doctor_fix(d, "see whether it is mounted");
		return;
	}
	unsigned long long mb = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	bool has_inodes = fs.f_files == 0 || fs.f_favail > 1000;

	if (fs.f_flag & ST_RDONLY) {
		doctor_fail(d, "disk", "the disk of '%s' is mounted read-only", d->paths.data_dir);
		doctor_fix(d, "mount it writable; until then the server only reads");
	} else if (mb < DISK_FAIL_MB || !has_inodes) {
		doctor_fail(d, "disk", "%llu MiB%s left on the disk of '%s'", mb,
			    has_inodes ? "" : " and no inodes", d->paths.data_dir);
		doctor_fix(d, "free space: old files in '%s' are safe to move away",
			   d->paths.backups);
	} else if (mb < DISK_WARN_MB) {
		doctor_warn(d, "disk", "%llu MiB left on the disk of '%s'", mb, d->paths.data_dir);
		doctor_fix(d, "free space before it is full");
	} else {
		doctor_ok(d, "disk", "%llu MiB free", mb);
	}
}

static void look_at_clock(struct doctor *d)
{
	int64_t now = clock_wall_ms(&(struct clock){ 0 });
	struct stat st;
	char text[CLOCK_RFC3339_MAX];

	clock_format(text, now);
	if (now < BUILT_MS) {
		doctor_fail(d, "clock", "it shows %s, which is past", text);
		doctor_fix(d, "set the system's clock");
	} else if (stat(d->paths.database, &st) == 0 &&
		   st.st_mtim.tv_sec * 1000 > now + MINUTE_MS) {
		doctor_warn(d, "clock", "it shows %s, but the database was written later than that",
			    text);
		doctor_fix(d, "set the system's clock; leases and due times are wrong until then");
	} else {
		doctor_ok(d, "clock", "%s", text);
	}
}

static void look_at_limits(struct doctor *d)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	if (files.rlim_max != RLIM_INFINITY && files.rlim_max < DESCRIPTORS_MIN) {
		doctor_warn(d, "limits", "a process may have %llu files open",
			    (unsigned long long)files.rlim_max);
		doctor_fix(
		    d, "raise it to %d or more (ulimit -Hn, LimitNOFILE=) to serve many clients",
		    DESCRIPTORS_MIN);
	} else {
		doctor_ok(d, "limits", "%llu files per process",
			  (unsigned long long)files.rlim_max);
	}
}

void doctor_look_at_files(struct doctor *d)
{
	look_at_programs(d);
	if (look_at_data_dir(d)) {
		look_at_secrets(d);
		look_at_config(d);
		look_at_disk(d);
	}
	look_at_clock(d);
	look_at_limits(d);
}
