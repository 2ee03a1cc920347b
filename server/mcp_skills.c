/* SPDX-License-Identifier: Apache-2.0 */
/* Skills: listed with the digest and size of each file, so that a client can check what it reads;
 * read as resources; their folders can be walked. All of it is part of the program and never
 * changes while it runs. */
#include "server/mcp_skills.h"

#include "server/clean.h"
#include "server/mcp_texts.h"

#define TTL_MS 3600000
#define SCHEME STR("skill://")

static struct str uri_of(struct mcp_call *c, struct str path)
{
	return str_fmt(&c->arena, "skill://%.*s", STR_ARG(path));
}

static void put_file(struct mcp_call *c, const struct mcp_skill_file *f, struct json_out *w)
{
	json_begin_object(w);
	JSON_KV_STR(w, "uri", uri_of(c, f->path));
	JSON_KV_STR(w, "digest", str_fmt(&c->arena, "sha256:%.*s", STR_ARG(f->sha256)));
	JSON_KV_INT(w, "size", (int64_t)f->text.n);
	json_end_object(w);
}

static void put_skill(struct mcp_call *c, const struct mcp_skill *s, struct json_out *w)
{
	json_begin_object(w);
	JSON_KV_STR(w, "uri", uri_of(c, s->files[0].path));
	json_key(w, STR("frontmatter"));
	json_raw(w, s->frontmatter);
	json_key(w, STR("resources"));
	json_begin_array(w);
	for (size_t i = 0; i < s->n_files; i++)
		put_file(c, &s->files[i], w);
	json_end_array(w);
	json_end_object(w);
}

void mcp_skills_list_start(struct mcp_call *c)
{
	struct json_out *w;

	if (c->params && json_get(c->params, STR("cursor"))) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.cursor is not one that this server gave");
		return;
	}
	w = mcp_result(c);
	json_key(w, STR("skills"));
	json_begin_array(w);
	for (size_t i = 0; i < mcp_n_skills; i++)
		put_skill(c, &mcp_skills[i], w);
	json_end_array(w);
	mcp_put_cache(c, TTL_MS, false);
	mcp_result_end(c);
}

/* The path behind skill://; NONE when it is another scheme. */
static struct str path_of(struct str uri)
{
	return str_starts(uri, SCHEME) ? str_slice(uri, SCHEME.n, uri.n) : STR_NONE;
}

static const struct mcp_skill_file *find_file(struct str path, const struct mcp_skill **skill)
{
	for (size_t i = 0; path.p && i < mcp_n_skills; i++) {
		*skill = &mcp_skills[i];
		for (size_t j = 0; j < mcp_skills[i].n_files; j++)
			if (str_eq(mcp_skills[i].files[j].path, path))
				return &mcp_skills[i].files[j];
	}
	return NULL;
}

static struct str param_uri(const struct mcp_call *c)
{
	return c->params ? json_get_str(c->params, STR("uri")) : STR_NONE;
}

static void fail_uri(struct mcp_call *c, const char *what)
{
	mcp_fail(c, MCP_INVALID_PARAMS, "params.uri '%.*s' is no %s",
		 STR_ARG(clean_shown(c->server, &c->arena, param_uri(c), 128)), what);
}

void mcp_skills_get_start(struct mcp_call *c)
{
	const struct mcp_skill *s = NULL;
	const struct mcp_skill_file *f = find_file(path_of(param_uri(c)), &s);
	struct json_out *w;

	if (!f || f != &s->files[0]) {
		fail_uri(c, "skill of this server; skills/list names them");
		return;
	}
	w = mcp_result(c);
	json_key(w, STR("skill"));
	put_skill(c, s, w);
	mcp_put_cache(c, TTL_MS, false);
	mcp_result_end(c);
}

bool mcp_skills_read(struct mcp_call *c, struct str uri)
{
	const struct mcp_skill *s = NULL;
	const struct mcp_skill_file *f = find_file(path_of(uri), &s);
	struct json_out *w;

	if (!f)
		return false;
	w = mcp_result(c);
	json_key(w, STR("contents"));
	json_begin_array(w);
	json_begin_object(w);
	JSON_KV_STR(w, "uri", uri);
	JSON_KV_STR(w, "mimeType", STR("text/markdown"));
	JSON_KV_STR(w, "text", f->text);
	json_end_object(w);
	json_end_array(w);
	mcp_put_cache(c, TTL_MS, false);
	mcp_result_end(c);
	return true;
}

static void put_resource(struct mcp_call *c, struct str path, struct str name,
			 struct str description, struct json_out *w)
{
	bool is_folder = !str_ends(path, STR(".md"));

	json_begin_object(w);
	JSON_KV_STR(w, "uri", uri_of(c, path));
	JSON_KV_STR(w, "name", name);
	if (description.p)
		JSON_KV_STR(w, "description", description);
	JSON_KV_STR(w, "mimeType", is_folder ? STR("inode/directory") : STR("text/markdown"));
	json_end_object(w);
}

void mcp_skills_put_resources(struct mcp_call *c, struct json_out *w)
{
	for (size_t i = 0; mcp_is_modern(c) && i < mcp_n_skills; i++)
		put_resource(c, mcp_skills[i].files[0].path, mcp_skills[i].name,
			     mcp_skills[i].description, w);
}

/* The child of `folder` that leads to `path`: one more segment. NONE when path is not below it. */
static struct str child_of(struct str folder, struct str path)
{
	if (path.n <= folder.n + 1 || !str_starts(path, folder) || path.p[folder.n] != '/')
		return STR_NONE;
	return str_slice(path, 0, str_find(path, '/', folder.n + 1));
}

void mcp_directory_read_start(struct mcp_call *c)
{
	struct str folder = path_of(param_uri(c)), last = STR_NONE;
	struct json_out *w;
	bool found = false;

	if (c->params && json_get(c->params, STR("cursor"))) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.cursor is not one that this server gave");
		return;
	}
	if (folder.n && folder.p[folder.n - 1] == '/')
		folder.n--;
	w = mcp_result(c);
	json_key(w, STR("resources"));
	json_begin_array(w);
	for (size_t i = 0; folder.n && i < mcp_n_skills; i++) {
		for (size_t j = 0; j < mcp_skills[i].n_files; j++) {
			struct str child = child_of(folder, mcp_skills[i].files[j].path);

			/* Files of one folder lie together, so a folder shows once. */
			if (!child.p || str_eq(child, last))
				continue;
			put_resource(c, child, str_slice(child, folder.n + 1, child.n), STR_NONE,
				     w);
			last = child;
			found = true;
		}
	}
	if (!found) {
		fail_uri(c, "folder of a skill");
		return;
	}
	json_end_array(w);
	mcp_put_cache(c, TTL_MS, false);
	mcp_result_end(c);
}
