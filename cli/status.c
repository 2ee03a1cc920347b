/* SPDX-License-Identifier: Apache-2.0 */
/* questd status. */
#include "cli/status.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/print.h"
#include "cli/running.h"
#include "cli/say.h"
#include "cli/where.h"

/* Is the process of another build than the program that questd would start now? NULL when it is
 * not, or when nobody can tell. */
static const char *other_build(struct cli *c, pid_t pid, struct str version)
{
	struct str exe = str_fmt(&c->arena, "/proc/%d/exe", (int)pid);
	char *program = paths_program(&c->arena, "questd-server");
	struct stat running, installed;

	if (version.p && !str_eq(version, STR(QUESTD_VERSION)))
		return "it is of another version than this questd";
	if (!exe.p || !program || stat(exe.p, &running) || stat(program, &installed))
		return NULL;
	return running.st_ino == installed.st_ino && running.st_dev == installed.st_dev
		   ? NULL
		   : "it runs another build than the one installed";
}

static int say_not_running(struct cli *c, const struct paths *p, const struct running *r)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w = json_out(&b);

	buf_init(&b, 0);
	if (print_is_json(c)) {
		json_begin_object(&w);
		JSON_KV_STR(&w, "state", r->is_locked ? STR("unreachable") : STR("stopped"));
		JSON_KV_STR(&w, "data_dir", str_from(p->data_dir));
		if (r->pid)
			JSON_KV_INT(&w, "pid", r->pid);
		json_end_object(&w);
		(void)print_own(c, &b); /* the exit code says the same */
	}
	if (r->is_locked) {
		say_error("a server (pid %d) holds '%s', but nothing listens on '%s'", (int)r->pid,
			  p->data_dir, p->socket);
		say_hint(
		    "it may be starting, or listen elsewhere: give --socket PATH; questd stop%s "
		    "ends it",
		    p->flags);
	} else {
		say_error("no server runs on '%s'", p->data_dir);
		say_hint(
		    "questd start%s runs one in the background; questd mcp starts one by itself",
		    p->flags);
	}
	return EXIT_NOT_RUNNING;
}

/* system.info's fields behind what only we can see. */
static int say_running(struct cli *c, const struct running *r, const char *flags,
		       const struct json *info, const struct json *health)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w = json_out(&b);
	const char *other = r->pid ? other_build(c, r->pid, json_get_str(info, STR("version")))
				   : NULL;
	struct str reason = json_get_str(health, STR("reason")),
		   locked = json_get_str(health, STR("credentials_note"));

	buf_init(&b, 0);
	json_begin_object(&w);
	JSON_KV_STR(&w, "state", STR("running"));
	JSON_KV_STR(&w, "health", json_get_str(health, STR("status")));
	if (reason.n)
		JSON_KV_STR(&w, "reason", reason);
	JSON_KV_STR(&w, "credentials", json_get_str(health, STR("credentials")));
	JSON_KV_BOOL(&w, "background", r->origin != PEER_FOREIGN);
	JSON_KV_STR(&w, "started_by", str_from(peer_origin_names[r->origin]));
	JSON_KV_BOOL(&w, "other_build", other != NULL);
	for (uint32_t i = 0; i < info->n; i++) {
		if (str_eq(info->members[i].key, STR("limits")))
			continue;
		json_key(&w, info->members[i].key);
		json_value(&w, &info->members[i].value);
	}
	json_end_object(&w);
	int code = print_own(c, &b);

	if (locked.n)
		say_note("questd: note: credentials are locked, all else works: %.*s",
			 STR_ARG(locked));
	if (other)
		say_note("questd: note: %s: questd restart%s", other, flags);
	return code;
}

int status_run(struct cli *c, struct args *a)
{
	struct args_spec spec = { 0 };
	struct running r = { 0 };
	struct json info, health;
	struct paths paths = { .flags = (char *)"" };
	int e = args_parse(c, a, &spec);

	if (!e && !c->globals.url) {
		e = where_paths(c, &paths);
		if (e)
			return e;
		e = running_find(&paths, &r);
		if (e)
			return say_fault(e, NULL);
		if (!r.is_reached)
			return say_not_running(c, &paths, &r);
	}
	if (!e)
		e = ask_object(c, STR("system.info"), STR_NONE, &info);
	if (!e)
		e = ask_object(c, STR("system.health"), STR_NONE, &health);
	return e ? e : say_running(c, &r, paths.flags, &info, &health);
}
