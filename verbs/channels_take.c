/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/channels_take.h"

#include "base/failpoint.h"
#include "verbs/talk_say.h"
#include "verbs/talk_where.h"

struct taking {
	struct call *call;
	const struct store_channel *channel;
	const struct channel_arrival *arrival;
	struct store_session session;
	struct str sender; /* a participant */
	struct talk_who who;
	bool is_test;
};

/* ---- where ---- */

static int find_known(struct taking *t, struct channel_taken *out)
{
	struct call *c = t->call;
	struct store_delivery d;
	int e = STORE_NONE;

	for (size_t i = 0; e == STORE_NONE && i < t->arrival->keys.n; i++)
		e = store_channel_delivery(c->tx, t->channel->n, t->arrival->keys.v[i], &d);
	if (e)
		return e;
	out->outcome = CHAT_KNOWN;
	out->session = store_session_short_id(c->arena, d.session);
	out->seq = d.seq;
	return out->session.p ? 0 : err_nomem();
}

/* The one session of this chat, with whoever is talked to there. */
static int open_session(struct taking *t)
{
	const struct chat_channel *k = &t->channel->channel;
	const struct chat_message *m = &t->arrival->message;
	struct call *c = t->call;
	struct talk_key key = { .kind = SESSION_KIND_CHANNEL };
	struct str title = m->title.p ? m->title : m->chat;
	bool is_new;
	int e;

	key.key = str_fmt(c->arena, "%.*s:%.*s", STR_ARG(k->id), STR_ARG(m->chat));
	key.title = str_fmt(c->arena, "%.*s: %.*s", STR_ARG(k->name), STR_ARG(title));
	t->sender = str_fmt(c->arena, "external:%.*s/%.*s", STR_ARG(k->name), STR_ARG(m->from));
	if (!key.key.p || !key.title.p || !t->sender.p)
		return err_nomem();
	e = talk_session_of(c, &key, &t->session, &is_new);
	if (e == 0)
		e = talk_of(c, k->who, &t->who);
	return e ? e : talk_join(c, &t->session, &t->who, false);
}

/* ---- who is called ---- */

static bool has_name(struct str text, struct str name)
{
	struct str called;
	size_t at = 0;

	while ((called = talk_next_name(text, &at)).p)
		if (str_eq_nocase(called, name))
			return true;
	return false;
}

/* Was it written to the channel alone, or is one who takes part here called? */
static int find_called(struct taking *t, bool *out)
{
	const struct chat_message *m = &t->arrival->message;
	struct participant_list all;
	int e = store_session_participants(t->call->tx, t->session.n, &all);

	*out = m->direct || m->mentioned;
	for (size_t i = 0; e == 0 && !*out && i < all.n; i++)
		*out = !str_starts(all.v[i].participant, STR("external:")) &&
		       has_name(m->text, all.v[i].name);
	return err_trace(e);
}

/* ---- what is said ---- */

static int keep(struct taking *t, struct channel_taken *out)
{
	struct call *c = t->call;
	struct talk_who sender = { .who = t->sender, .name = t->arrival->message.from };
	struct store_message m = { .message = { .kind = MESSAGE_KIND_TEXT,
						.from = t->sender,
						.text = t->arrival->message.text } };
	int e = 0;

	/* where there is no more room he is heard all the same */
	if (t->session.n_participants < SESSION_PARTICIPANTS_MAX)
		e = talk_join(c, &t->session, &sender, false);
	if (e == 0)
		e = talk_note(c, &t->session, &m);
	if (e == 0)
		e = store_session_read(c->tx, t->session.n, t->sender, m.message.seq);
	out->seq = m.message.seq;
	return e;
}

static int say(struct taking *t, struct channel_taken *out)
{
	const struct chat_message *m = &t->arrival->message;
	struct talk_words w = {
		.from = { .who = t->sender, .name = m->from, .as = t->sender },
		.text = m->text,
		.mentions = { &t->who.who, m->direct || m->mentioned },
	};
	struct talk_said said;
	int e = talk_say(t->call, &t->session, &w, &said);

	if (e)
		return e;
	out->seq = said.seq;
	out->turns = said.turns;
	return 0;
}

static int put_in(struct taking *t, struct channel_taken *out)
{
	struct call *c = t->call;
	bool is_called = false;
	int e = open_session(t);

	if (e == 0 && !t->is_test)
		e = find_called(t, &is_called);
	if (e == 0)
		e = is_called ? say(t, out) : keep(t, out);
	if (e == 0)
		e = FAIL_POINT("chat_kept");
	if (e)
		return e;
	out->outcome = CHAT_TAKEN;
	out->session = t->session.session.short_id;
	return err_trace(store_channel_took(c->tx, t->channel->n, &t->arrival->keys,
					    &(struct store_delivery){ .session = t->session.n,
								      .seq = out->seq }));
}

int channel_take(struct call *c, const struct store_channel *channel,
		 const struct channel_arrival *a, bool is_test, struct channel_taken *out)
{
	struct taking t = { .call = c, .channel = channel, .arrival = a, .is_test = is_test };
	bool is_allowed;
	int e;

	*out = (struct channel_taken){ .outcome = CHAT_OFF };
	if (!channel->channel.enabled)
		return 0;
	e = store_channel_allows(c->tx, channel->n, a->message.chat, &is_allowed);
	if (e)
		return err_trace(e);
	if (!is_allowed) {
		out->outcome = CHAT_NOT_ALLOWED;
		return err_trace(store_channel_refused(c->tx, channel->n, a->message.chat));
	}
	e = find_known(&t, out);
	if (e == STORE_NONE)
		e = put_in(&t, out);
	return e;
}
