/* SPDX-License-Identifier: Apache-2.0 */
/* questd paths. */
#include "cli/paths_cmd.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/where.h"

/* The key's path, when the instance is known. */
static void find_key(struct cli *c, struct paths *p)
{
	CLEANUP(buf_deinit) struct buf b;
	struct str file = str_fmt(&c->arena, "%s/instance", p->data_dir);

	buf_init(&b, 0);
	if (!file.p || fd_read_file(file.p, 256, &b) ||
	    paths_find_key(&c->arena, p, str_trim(buf_str(&b))))
		err_forget(); /* it has none yet */
}

int paths_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b;
	struct args_spec spec = { 0 };
	struct json_out w = json_out(&b);
	struct paths p;
	int e = args_parse(c, a, &spec);

	if (!e)
		e = where_paths(c, &p);
	if (e)
		return e;
	find_key(c, &p);
	buf_init(&b, 0);
	json_begin_object(&w);
	JSON_KV_STR(&w, "data_dir", str_from(p.data_dir));
	JSON_KV_STR(&w, "database", str_from(p.database));
	JSON_KV_STR(&w, "socket", str_from(p.socket));
	JSON_KV_STR(&w, "config", str_from(p.config));
	JSON_KV_STR(&w, "token", str_from(p.token));
	JSON_KV_STR(&w, "key", str_from(p.key));
	JSON_KV_STR(&w, "log", str_from(p.log));
	JSON_KV_STR(&w, "backups", str_from(p.backups));
	JSON_KV_STR(&w, "server", str_from(paths_program(&c->arena, "questd-server")));
	json_end_object(&w);
	return print_own(c, &b);
}
