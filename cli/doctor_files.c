/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor sees without a server: programs, folders, permissions, configuration, disk, clock. */
#include "cli/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/user.h"
#include "cli/program.h"

#define PROGRAM_MS        3000
#define DISK_WARN_MB      512
#define DISK_FAIL_MB      32
#define DESCRIPTORS_MIN   4096
#define BUILT_MS          1700000000000 /* no clock that is right shows less */
#define MINUTE_MS         60000
#define TOKEN_MIN         32
#define TOKEN_MAX         256
#define KEYS_SECRET_CHARS 64

static void look_at_programs(struct doctor *d)
{
	static char *const help[] = { "--help", NULL };
	char *program = paths_program(&d->cli->arena, "questd-server");
	struct program_said child;

	if (!program) {
		doctor_fail(d, "programs",
			    "questd-server is neither beside questd nor in ../libexec/questd");
		doctor_fix(d, "install it again, both programs of one build");
		return;
	}
	doctor_ok(d, "programs", "questd " QUESTD_VERSION ", %s", program);
	program_ask(&d->cli->arena, d->paths.data_dir, help, PROGRAM_MS, &child);
	if (child.code == 0) {
		doctor_ok(d, "libraries", "questd-server loads with all its libraries");
		return;
	}
	doctor_fail(d, "libraries", "questd-server does not run: %s",
		    child.said[0] ? child.said : "it did not even say why");
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
	struct user_text owner;
	struct stat st;

	if (stat(d->paths.data_dir, &st) && errno == EACCES) {
		doctor_fail(d, "data-dir", "'%s' cannot be looked at: %s", d->paths.data_dir,
			    strerror(errno));
		doctor_fix(d, "run it as the user it belongs to, or choose another --data-dir");
		return false;
	}
	if (stat(d->paths.data_dir, &st)) {
		doctor_warn(d, "data-dir", "'%s' is not there yet", d->paths.data_dir);
		doctor_fix(d, "questd setup%s", d->paths.flags);
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_fail(d, "data-dir", "'%s' is no folder", d->paths.data_dir);
		doctor_fix(d, "choose another --data-dir, or move it away");
		return false;
	}
	d->is_anothers = st.st_uid != geteuid();
	if (d->is_anothers) {
		user_text(st.st_uid, &owner);
		doctor_fail(d, "data-dir", "'%s' belongs to %s, not to you", d->paths.data_dir,
			    owner.who);
		doctor_fix(d,
			   "run it as that user: sudo -u %s questd doctor%s; or choose another "
			   "--data-dir",
			   owner.sudo, d->paths.flags);
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
		doctor_fix(d, "questd setup%s", d->paths.flags);
		return;
	}
	look_at_mode(d, id, path, &st, 0600);
}

/* As the server takes it. */
static void look_at_token(struct doctor *d)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	int e = fd_read_file(d->paths.token, TOKEN_MAX, &b);

	if (e < 0)
		err_forget();
	if (e == FD_NOT_FOUND || (!e && str_trim(buf_str(&b)).n >= TOKEN_MIN))
		return;
	doctor_fail(d, "token", "'%s' holds no token", d->paths.token);
	doctor_fix(d, "remove it, then questd setup%s makes a new one", d->paths.flags);
}

/* As the server takes it: 32 bytes in hex. */
static void look_at_keys_secret(struct doctor *d)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *path = d->paths.keys_secret;

	if (access(path, F_OK)) /* the server makes it when it is needed */
		return;
	look_at_secret(d, "keys", path, "secret for keys");
	buf_init(&b, 0);
	int e = fd_read_file(path, 256, &b);
	struct str text = str_trim(buf_str(&b));
	bool is_whole = !e && text.n == KEYS_SECRET_CHARS;

	if (e < 0)
		err_forget();
	for (size_t i = 0; is_whole && i < text.n; i++)
		is_whole = memchr(hex, text.p[i], sizeof(hex) - 1) != NULL;
	if (is_whole)
		return;
	doctor_fail(d, "keys", "'%s' holds no secret for keys, or cannot be read: no server starts",
		    path);
	doctor_fix(d, "put the former file back; or remove it, and make new keys");
}

/* The store reads it, and replaces it; what is too long for it is written anew. */
static void look_at_generation(struct doctor *d)
{
	struct str path = str_fmt(&d->cli->arena, "%s/questd.generation", d->paths.data_dir);
	struct stat st;

	if (!path.p || stat(path.p, &st) || (S_ISREG(st.st_mode) && access(path.p, R_OK) == 0))
		return;
	doctor_fail(d, "generation",
		    "'%s' (mode %04o, of user %u) cannot be read: no server starts", path.p,
		    (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid);
	doctor_fix(d, "move it away: the server makes it anew");
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
	look_at_token(d);
	look_at_keys_secret(d);
	look_at_generation(d);
	look_at_secret(d, "key", d->paths.key, "key file for secrets");
}

/* As the server reads them: file and environment, each key and value. */
static void look_at_config(struct doctor *d)
{
	static char *const check[] = { "--check", "config", NULL };
	struct program_said child;

	program_ask(&d->cli->arena, d->paths.data_dir, check, PROGRAM_MS, &child);
	if (child.code == 0) {
		doctor_ok(d, "config", "%s", child.said);
	} else if (child.code == 1) {
		doctor_warn(d, "config", "%s", child.said);
		doctor_fix(d, "correct its name, or unset it where the server is started");
	} else if (child.code > 0) {
		doctor_fail(d, "config", "%s", child.said);
		doctor_fix(d, "correct it; the server does not start with it");
	} else {
		doctor_warn(d, "config", "was not looked at: questd-server does not run");
		doctor_fix(d, "see the lines on programs and libraries");
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
