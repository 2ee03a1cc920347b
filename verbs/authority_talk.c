/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read what was said, speak for whom, and bring whom along. */
#include "store/ideas.h"
#include "store/sessions.h"
#include "verbs/authority_over.h"
#include "verbs/ideas_common.h"
#include "verbs/talk_who.h"

/* By way of this one who takes part. Nobody is over a person in what he says. */
static int reads_by(struct store_tx *tx, const struct principal *p, struct str who, bool *out)
{
	*out = str_eq(who, p->id);
	if (*out || !(str_starts(who, STR("role:")) || str_starts(who, STR("agent:"))))
		return 0;
	return err_trace(authority_over_principal(tx, p, who, out));
}

/* Whoever reads an idea or quest reads what is said of it. */
static int reads_topic(struct store_tx *tx, const struct principal *p,
		       const struct store_session *s, bool *out)
{
	struct idea_reader reader = ideas_reader_of(p);
	struct idea_row row;
	int e;

	*out = s->session.kind == SESSION_KIND_QUEST;
	if (s->session.kind != SESSION_KIND_IDEA)
		return 0;
	e = store_idea_get(tx, s->key, &row);
	*out = e == 0 && idea_is_visible(&reader, row.idea.scope, row.idea.owner);
	return e < 0 ? err_trace(e) : 0;
}

bool authority_reads_all(const struct principal *p)
{
	return !authority_is_bounded(p);
}

int authority_reads(struct store_tx *tx, const struct principal *p, const struct store_session *s,
		    bool *out)
{
	struct participant_list all;
	int e = 0;

	*out = authority_reads_all(p);
	if (!*out)
		e = reads_topic(tx, p, s, out);
	if (e || *out)
		return err_trace(e);
	e = store_session_participants(tx, s->n, &all);
	for (size_t i = 0; e == 0 && !*out && i < all.n; i++)
		e = reads_by(tx, p, all.v[i].participant, out);
	return err_trace(e);
}

bool authority_is_self(struct call *c, struct str id)
{
	const struct principal *p = c->principal;
	bool is_somebody = p->kind == PRINCIPAL_KIND_USER || p->kind == PRINCIPAL_KIND_AGENT;

	return is_somebody && str_eq(authority_own_id(p), id);
}

int authority_speaks_for(struct call *c, const char *field, const struct talk_who *who)
{
	bool is_seat = who->kind == TALK_ROLE && who->occupant.p;

	if (!authority_is_bounded(c->principal) || str_eq(who->who, c->principal->id) ||
	    (is_seat && authority_is_self(c, who->occupant)))
		return 0;
	return authority_refuse(c, str_from(field), who->who);
}

static int is_over(struct call *c, const struct talk_who *who, bool *out)
{
	*out = authority_reads_all(c->principal);
	return *out ? 0 : err_trace(reads_by(c->tx, c->principal, who->who, out));
}

int authority_looks_for(struct call *c, const char *field, const struct talk_who *who)
{
	bool may;
	int e = is_over(c, who, &may);

	return e || may ? err_trace(e) : authority_refuse(c, str_from(field), who->who);
}

int authority_brings(struct call *c, const char *field, const struct talk_who *who)
{
	bool is_owner = who->kind == TALK_EXTERNAL && str_eq(who->id, STR("owner"));
	bool may;
	int e = is_over(c, who, &may);

	if (e || may || is_owner || who->kind == TALK_USER)
		return err_trace(e);
	return authority_refuse(c, str_from(field), who->who);
}

int authority_takes_part(struct call *c, const char *field, const struct store_session *s)
{
	struct participant place;
	int e = authority_is_bounded(c->principal) ? talk_place(c, s->n, &place) : 0;

	if (e != STORE_NONE)
		return err_trace(e);
	return authority_refuse(c, str_from(field), s->session.short_id);
}
