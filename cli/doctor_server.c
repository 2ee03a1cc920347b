/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor sees of a server and its database. */
#include "cli/doctor.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/user.h"
#include "cli/ask.h"
#include "cli/program.h"

#define WAL_WARN        (256LL * 1024 * 1024)
#define CHECK_NO_SECRET 3     /* questd-server --check database: keys, but not their secret */
#define CHECK_MS        10000 /* for a look through the database */

/* What is none of ours in the place of a file that a server makes stops it. */
static void look_at_place(struct doctor *d, const char *id, const char *path, mode_t wanted)
{
	struct stat st;

	if (lstat(path, &st) || (st.st_mode & S_IFMT) == wanted)
		return;
	doctor_fail(d, id, "'%s' is in the place of questd's own %s: no server starts", path, id);
	doctor_fix(d, "move it away");
}

static void look_at_socket(struct doctor *d)
{
	struct user_text owner;
	struct err_report why;
	struct stat st;
	int e = running_find(&d->paths, &d->running);

	if (e) {
		err_take(e, &why);
		doctor_fail(d, "socket", "%s", why.text);
		doctor_fix(d, "use a data directory of your own: --data-dir DIR");
		return;
	}
	if (d->running.is_anothers) {
		user_text(d->running.uid, &owner);
		doctor_fail(d, "socket", "the server at '%s' belongs to %s, who alone may use it",
			    d->paths.socket, owner.who);
		doctor_fix(d, "run it as that user: sudo -u %s questd doctor%s", owner.sudo,
			   d->paths.flags);
	} else if (d->running.is_reached && stat(d->paths.socket, &st) == 0 && st.st_mode & 077) {
		doctor_fail(d, "socket", "'%s' is open to other users (mode %04o)", d->paths.socket,
			    (unsigned)(st.st_mode & 07777));
		doctor_fix(d, "questd restart%s makes it anew with mode 0600", d->paths.flags);
	} else if (d->running.is_reached) {
		doctor_ok(d, "socket", "%s", d->paths.socket);
	} else if (d->running.is_locked) {
		doctor_fail(d, "socket",
			    "process %d holds the database, but nothing listens on '%s'",
			    (int)d->running.pid, d->paths.socket);
		doctor_fix(d, "give the --socket it was started with, or end it: questd stop%s",
			   d->paths.flags);
	} else {
		doctor_ok(d, "socket", "%s (no server runs)", d->paths.socket);
	}
}

/* The running server's own words: 0 with the object. */
static bool ask_for(struct doctor *d, const char *id, struct str method, struct str params,
		    struct json *out)
{
	struct answer answer;

	if (ask(d->cli, method, params, &answer) ||
	    (answer.result.p && json_parse(&d->cli->arena, answer.result, out, NULL))) {
		doctor_fail(d, id, "the server gives no answer to %.*s", STR_ARG(method));
		doctor_fix(d, "questd logs%s; then questd restart%s", d->paths.flags,
			   d->paths.flags);
		return false;
	}
	if (answer.result.p)
		return true;
	doctor_fail(d, id, "%.*s: %.*s", STR_ARG(method),
		    STR_ARG(json_get_str(&answer.error, STR("message"))));
	doctor_fix(d, "questd logs%s", d->paths.flags);
	return false;
}

static void look_at_info(struct doctor *d)
{
	struct json info;

	if (!ask_for(d, "server", STR("system.info"), STR_NONE, &info))
		return;
	struct str version = json_get_str(&info, STR("version")),
		   http = json_get_str(&info, STR("http"));

	if (!str_eq(version, STR(QUESTD_VERSION))) {
		doctor_warn(d, "server",
			    "the running server is %.*s, this questd is " QUESTD_VERSION,
			    STR_ARG(version));
		doctor_fix(d, "questd restart%s", d->paths.flags);
	} else {
		doctor_ok(d, "server", "pid %d, HTTP %.*s", (int)d->running.pid, STR_ARG(http));
	}
}

static void look_at_credentials(struct doctor *d, const struct json *health)
{
	struct str why = json_get_str(health, STR("credentials_note"));

	if (!why.n) {
		doctor_ok(d, "secrets", "%s",
			  str_eq(json_get_str(health, STR("credentials")), STR("open"))
			      ? "the master key opens them"
			      : "there are none yet");
		return;
	}
	doctor_fail(d, "secrets", "%.*s", STR_ARG(why));
	doctor_fix(d, "then the next 'questd secrets get NAME' opens them, or questd restart%s",
		   d->paths.flags);
}

static void look_at_health(struct doctor *d)
{
	struct json health;

	if (!ask_for(d, "health", STR("system.health"), STR_NONE, &health))
		return;
	const struct json *can_write = json_get(&health, STR("can_write"));
	struct str reason = json_get_str(&health, STR("reason"));

	if (can_write && can_write->type == JSON_BOOL && !can_write->b) {
		doctor_fail(d, "health", "nothing can be written: %.*s",
			    STR_ARG(reason.n ? reason : STR("no reason given")));
		doctor_fix(
		    d, "see the disk line above; the server goes on by itself once it can write");
	} else {
		doctor_ok(d, "health", "reads and writes are served");
	}
	look_at_credentials(d, &health);
}

static bool has_backups(const struct doctor *d)
{
	DIR *folder = opendir(d->paths.backups);
	bool has_one = false;
	struct dirent *entry;

	while (folder && !has_one && (entry = readdir(folder)))
		has_one = str_ends(str_from(entry->d_name), STR(".db"));
	if (folder)
		(void)closedir(folder); /* only read */
	return has_one;
}

/* `is_served`: a server has it open. */
static void fix_by_restore(struct doctor *d, bool is_served)
{
	struct str stop = str_fmt(&d->cli->arena, "questd stop%s, then ", d->paths.flags);
	const char *first = is_served && stop.p ? stop.p : "";

	if (has_backups(d))
		doctor_fix(d, "%squestd restore%s with the newest file of '%s'", first,
			   d->paths.flags, d->paths.backups);
	else
		doctor_fix(d, "%smove it away to start anew: there is no backup in '%s'", first,
			   d->paths.backups);
}

/* The database is whole, but some of what it holds can never go on. */
static void look_at_stuck(struct doctor *d, const struct json *check)
{
	const struct json *stuck = json_get(check, STR("stuck"));
	struct str next = json_get_str(check, STR("next"));

	if (!stuck || stuck->n == 0)
		return;
	doctor_warn(d, "quests", "%.*s%s", STR_ARG(stuck->items[0].s),
		    stuck->n > 1 ? "; questd call system.check names more" : "");
	doctor_fix(d, "%.*s", STR_ARG(next));
}

static void look_at_soundness(struct doctor *d)
{
	struct json check;

	if (!ask_for(d, "database", STR("system.check"), STR("{\"quick\":true}"), &check))
		return;
	const struct json *sound = json_get(&check, STR("sound")),
			  *problems = json_get(&check, STR("problems"));

	if (sound && sound->type == JSON_BOOL && sound->b) {
		doctor_ok(d, "database", "%s is sound", d->paths.database);
		look_at_stuck(d, &check);
		return;
	}
	struct str first = problems && problems->n > 0 ? problems->items[0].s
						       : STR("it did not say how");

	doctor_fail(d, "database", "'%s' is damaged: %.*s", d->paths.database, STR_ARG(first));
	fix_by_restore(d, true);
}

/* "what is wrong; what to do", as the server says it when it refuses to start. */
static void say_unsound(struct doctor *d, const char *said)
{
	struct str all = str_from(said);
	size_t at = all.n;

	while (at > 2 && !(all.p[at - 2] == ';' && all.p[at - 1] == ' '))
		at--;
	if (at <= 2) {
		doctor_fail(d, "database", "%s", said);
		fix_by_restore(d, false);
		return;
	}
	doctor_fail(d, "database", "%.*s", (int)(at - 2), said);
	doctor_fix(d, "%s", said + at);
}

/* Without a server questd-server looks at the file, and writes nothing. One that starts meanwhile
 * is not in its way, and is asked instead. */
static void look_at_database_file(struct doctor *d)
{
	static char *const check[] = { "--check", "database", NULL };
	int64_t patience_ms = MAX(d->cli->globals.timeout_ms, CHECK_MS);
	struct program_said child;

	program_ask(&d->cli->arena, d->paths.data_dir, check, patience_ms, &child);
	if (child.code > 0 && running_find(&d->paths, &d->running) == 0 && d->running.is_reached) {
		look_at_soundness(d);
	} else if (child.code == 0) {
		doctor_ok(d, "database", "%s: %s", d->paths.database, child.said);
	} else if (child.code == CHECK_NO_SECRET) {
		doctor_ok(d, "database", "%s is sound", d->paths.database);
		doctor_no_secret(d);
	} else if (child.code > 0) {
		say_unsound(d, child.said);
	} else if (child.code == PROGRAM_SLOW) {
		doctor_warn(d, "database",
			    "was not looked through whole: it takes more than %lld s",
			    (long long)(patience_ms / 1000));
		doctor_fix(d, "questd doctor%s --timeout 10m", d->paths.flags);
	} else {
		doctor_warn(d, "database", "was not looked at: questd-server does not run");
		doctor_fix(d, "see the lines on programs and libraries");
	}
}

static void look_at_wal(struct doctor *d)
{
	struct str wal = str_fmt(&d->cli->arena, "%s-wal", d->paths.database);
	struct stat st;

	if (!wal.p || stat(wal.p, &st) || st.st_size < WAL_WARN)
		return;
	doctor_warn(d, "wal", "the write-ahead log has grown to %lld MiB",
		    (long long)(st.st_size >> 20));
	doctor_fix(d, "questd restart%s; if it grows again, something holds an old snapshot open",
		   d->paths.flags);
}

/* The server that runs has it in memory; the next has not. */
static void look_at_lost_secret(struct doctor *d)
{
	struct json keys;

	if (access(d->paths.keys_secret, F_OK) == 0 ||
	    !ask_for(d, "keys", STR("keys.list"), STR("{\"limit\":1}"), &keys))
		return;
	const struct json *items = json_get(&keys, STR("items"));

	if (items && items->n > 0)
		doctor_no_secret(d);
}

void doctor_look_at_server(struct doctor *d)
{
	look_at_socket(d);
	look_at_place(d, "socket", d->paths.socket, S_IFSOCK);
	look_at_place(d, "lock", d->paths.lock, S_IFREG);
	if (d->running.is_reached && !d->running.is_anothers) {
		look_at_info(d);
		look_at_health(d);
		look_at_soundness(d);
		look_at_lost_secret(d);
	} else if (!d->running.is_reached && !d->running.is_locked) {
		look_at_database_file(d);
	}
	look_at_wal(d);
}
