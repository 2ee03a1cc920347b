/* SPDX-License-Identifier: Apache-2.0 */
/* ideas.store, ideas.update, ideas.delete: what changes an idea. */
#include "handlers.gen.h"
#include "store/ideas_links.h"
#include "verbs/agents_common.h"
#include "verbs/authority.h"
#include "verbs/ideas_common.h"
#include "verbs/mentions.h"

/* Whose it is to be, by its id; and that one's domain is the caller's to write in. */
static int find_owner(struct call *c, enum idea_scope scope, struct str *owner)
{
	struct store_agent agent;
	int e;

	if (scope == IDEA_SCOPE_DOMAIN && !owner->n)
		return call_fail_field(
		    c, ERROR_INVALID_PARAMS, "owner",
		    "an idea of scope domain belongs to an agent: owner is its id");
	if (scope != IDEA_SCOPE_DOMAIN && owner->n)
		return call_fail_field(c, ERROR_INVALID_PARAMS, "owner",
				       "only an idea of scope domain has an owner");
	if (!owner->n)
		return 0;
	e = agent_named(c, "owner", *owner, &agent);
	if (e == 0)
		e = authority_over_domain(c, "owner", &agent);
	if (e)
		return e;
	*owner = agent.agent.id;
	return 0;
}

/* Each tag once, in the order given. */
static int unique_tags(struct call *c, const struct str_list *tags, struct str_list *out)
{
	*out = (struct str_list){ ARENA_ARRAY(c->arena, tags->n, struct str), 0 };
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; i < tags->n; i++) {
		size_t j = 0;

		while (j < out->n && !str_eq(out->v[j], tags->v[i]))
			j++;
		if (j == out->n)
			out->v[out->n++] = tags->v[i];
	}
	return 0;
}

static int write_mentions(struct call *c, const struct idea_row *row)
{
	struct mentions *found = ARENA_NEW(c->arena, struct mentions);
	int e;

	if (!found)
		return err_nomem();
	mentions_find(row->idea.content, found);
	if ((e = store_idea_mentions_set(c->tx, row, found->v, found->n)))
		return err_trace(e);
	return err_trace(store_idea_adopt(c->tx, row));
}

/* Events are read by more than an agent's own ideas are: of these they say the id alone. */
static int tell(struct call *c, const char *kind, const struct idea_row *row)
{
	const struct call_field fields[] = { { "name", row->idea.name, 0 },
					     { "kind", row->idea.kind, 0 },
					     { "version", STR_NONE, row->idea.version } };
	bool is_own = row->idea.scope == IDEA_SCOPE_DOMAIN;

	return call_event(c, kind, row->idea.id, fields, is_own ? 0 : ARRAY_LEN(fields));
}

/* What follows every change: links, likeness, event. */
static int settle(struct call *c, const char *kind, const struct idea_row *row,
		  struct idea_near_list *near)
{
	struct idea_reader reader = ideas_reader(c);
	int e;

	if ((e = write_mentions(c, row)) || (e = store_idea_near(c->tx, row, &reader, near)) ||
	    (e = tell(c, kind, row)))
		return err_trace(e);
	return 0;
}

static struct str advice(const struct idea_near_list *near)
{
	return near->n ? STR("almost the same stands elsewhere: ideas.get it, then ideas.update "
			     "one and "
			     "ideas.delete the other")
		       : STR_NONE;
}

/* A name that is taken in a domain that the caller writes in and does not read: no word of which
 * idea has it. */
static int refuse_name(struct call *c, struct str name)
{
	return call_fail_field(c, ERROR_NAME_TAKEN, "name", "another idea is called '%.*s'",
			       STR_ARG(str_utf8_prefix(name, 64)));
}

static bool is_shown(struct call *c, const struct idea *i)
{
	struct idea_reader reader = ideas_reader(c);

	return idea_is_visible(&reader, i->scope, i->owner);
}

/* One name means one idea however it is spelled; which spelling is meant is its writer's to say. */
static int refuse_twin(struct call *c, struct str name, const struct idea *there)
{
	call_data_str(c, "id", there->id);
	call_data_str(c, "name", there->name);
	c->failure.hint = STR(
	    "to update it store under its name as it is written, or ideas.update");
	return call_fail_field(c, ERROR_CONFLICT, "name",
			       "'%.*s' differs only in case or accents' encoding from idea '%.*s'",
			       STR_ARG(str_utf8_prefix(name, 64)),
			       STR_ARG(str_utf8_prefix(there->name, 64)));
}

int ideas_store(struct call *c, const struct ideas_store_params *p, struct ideas_store_result *r)
{
	struct idea_row before, row = { 0 };
	struct str_list tags, ids;
	struct str owner = p->owner;
	int e, found;

	if ((e = find_owner(c, p->scope, &owner)) || (e = unique_tags(c, &p->tags, &tags)))
		return e;
	found = store_idea_find(c->tx, owner, p->name, &before, &ids);
	if (found < 0)
		return err_trace(found);
	if (found != IDEA_NONE && !is_shown(c, &before.idea))
		return refuse_name(c, p->name);
	if (found != IDEA_NONE && !str_eq(before.idea.name, p->name))
		return refuse_twin(c, p->name, &before.idea);
	row.idea = (struct idea){ .name = p->name,
				  .content = p->content,
				  .kind = p->kind,
				  .tags = tags,
				  .properties = p->properties,
				  .scope = p->scope,
				  .owner = owner,
				  .injection_mode = p->injection_mode,
				  .evergreen = p->evergreen,
				  .created_by = c->principal->id };
	if (found == IDEA_NONE) {
		e = store_idea_add(c->tx, &row);
	} else {
		row.seq = before.seq;
		row.idea.id = before.idea.id;
		row.idea.created_by = before.idea.created_by;
		row.idea.created_at = before.idea.created_at;
		e = store_idea_change(c->tx, &before, &row);
	}
	if (e)
		return e < 0 ? err_trace(e)
			     : err_new(ERR_INTERNAL, "a name that was free is taken");
	r->created = found == IDEA_NONE;
	if ((e = settle(c, r->created ? "idea.stored" : "idea.updated", &row, &r->near_duplicates)))
		return err_trace(e);
	r->idea = row.idea;
	r->next = advice(&r->near_duplicates);
	return 0;
}

/* ---- update ---- */

static int clear_fields(struct call *c, const struct str_list *names, struct idea *i)
{
	for (size_t k = 0; k < names->n; k++) {
		if (str_eq(names->v[k], STR("tags")))
			i->tags.n = 0;
		else if (str_eq(names->v[k], STR("properties")))
			i->properties = STR_NONE;
		else if (str_eq(names->v[k], STR("owner")))
			i->owner = STR_NONE;
		else
			return call_fail_field(
			    c, ERROR_INVALID_PARAMS, "clear",
			    "'%.*s' cannot be emptied; tags, properties and owner can",
			    STR_ARG(names->v[k]));
	}
	return 0;
}

static int apply(struct call *c, const struct ideas_update_params *p, struct idea *i)
{
	int e = 0;

	if (p->name.p)
		i->name = p->name;
	if (p->content.p)
		i->content = p->content;
	if (p->kind.p)
		i->kind = p->kind;
	if (p->properties.p)
		i->properties = p->properties;
	if (p->scope)
		i->scope = p->scope;
	if (p->owner.p)
		i->owner = p->owner;
	if (p->injection_mode)
		i->injection_mode = p->injection_mode;
	if (p->has_evergreen)
		i->evergreen = p->evergreen;
	if (p->tags.v && (e = unique_tags(c, &p->tags, &i->tags)))
		return err_trace(e);
	return clear_fields(c, &p->clear, i);
}

static bool says_nothing(const struct ideas_update_params *p)
{
	return !p->name.p && !p->content.p && !p->kind.p && !p->properties.p && !p->scope &&
	       !p->owner.p && !p->injection_mode && !p->has_evergreen && !p->tags.v && !p->clear.n;
}

static int refuse_taken(struct call *c, const struct idea *wanted)
{
	struct idea_row there;
	struct str_list ids;
	int e = store_idea_find(c->tx, wanted->owner, wanted->name, &there, &ids);

	if (e < 0)
		return err_trace(e);
	if (e == IDEA_NONE || !is_shown(c, &there.idea))
		return refuse_name(c, wanted->name);
	call_data_str(c, "id", there.idea.id);
	return refuse_name(c, there.idea.name);
}

int ideas_update(struct call *c, const struct ideas_update_params *p, struct ideas_update_result *r)
{
	struct idea_row before, row;
	int e;

	if (says_nothing(p))
		return call_fail(c, ERROR_INVALID_PARAMS,
				 "nothing to change: name at least one field");
	if ((e = ideas_named(c, "id", p->id, &before)))
		return e;
	if (p->has_version && p->version != before.idea.version) {
		call_data_int(c, "version", before.idea.version);
		return call_fail_field(c, ERROR_CONFLICT, "version",
				       "the idea is at version %lld, not %lld: get it again",
				       (long long)before.idea.version, (long long)p->version);
	}
	row = before;
	e = apply(c, p, &row.idea);
	if (e == 0 && (p->scope || p->owner.p || p->clear.n))
		e = find_owner(c, row.idea.scope, &row.idea.owner);
	if (e)
		return e;
	e = store_idea_change(c->tx, &before, &row);
	if (e == IDEA_NAME_TAKEN)
		return refuse_taken(c, &row.idea);
	if (e || (e = settle(c, "idea.updated", &row, &r->near_duplicates)))
		return err_trace(e);
	r->idea = row.idea;
	r->next = advice(&r->near_duplicates);
	return 0;
}

int ideas_delete(struct call *c, const struct ideas_delete_params *p, struct ideas_delete_result *r)
{
	struct idea_row row;
	int e;

	if ((e = ideas_named(c, "id", p->id, &row)))
		return e;
	if ((e = store_idea_links_drop(c->tx, &row, &r->unlinked)) ||
	    (e = store_idea_remove(c->tx, &row)) || (e = tell(c, "idea.deleted", &row)))
		return err_trace(e);
	r->id = row.idea.id;
	r->deleted = true;
	return 0;
}
