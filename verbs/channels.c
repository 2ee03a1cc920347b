/* SPDX-License-Identifier: Apache-2.0 */
/* channels.*: chats of other services. Messages themselves come in by server/http_channels.c. */
#include "handlers.gen.h"
#include "verbs/authority.h"
#include "verbs/channels_take.h"
#include "verbs/receivers.h"
#include "verbs/talk_who.h"

#define STEPS_MAX 6

static int channel_named(struct call *c, struct str who, struct store_channel *out)
{
	int e = store_channel_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "channel", "id", who) : err_trace(e);
}

static int tell(struct call *c, const char *kind, const struct chat_channel *k)
{
	const struct call_field fields[] = { { "name", k->name, 0 } };

	return err_trace(call_event(c, kind, k->id, fields, ARRAY_LEN(fields)));
}

static int show(struct call *c, struct store_channel *k, struct chat_channel *out)
{
	struct talk_who who;
	int e = talk_of(c, k->channel.who, &who);

	if (e == 0)
		e = store_channel_chats(c->tx, k->n, &k->channel.allowed);
	k->channel.who_name = who.name;
	*out = k->channel;
	return err_trace(e);
}

/* ---- making and changing ---- */

/* Its name is part of what those in its chats are called. */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9') && ch != '-' &&
		    ch != '_')
			return false;
	}
	return s.n > 0;
}

static int take_who(struct call *c, struct str text, struct chat_channel *k)
{
	struct talk_who who;
	int e = talk_named(c, "who", text, &who);

	if (e)
		return e;
	if (who.kind == TALK_EXTERNAL)
		return call_not_found(c, "agent, role or person", "who", text);
	k->who = who.who;
	return authority_brings(c, "who", &who);
}

static int make(struct call *c, const struct channels_upsert_params *p, struct store_channel *k,
		struct str *out_secret)
{
	int e;

	*k = (struct store_channel){
		.channel = { .name = p->name, .kind = p->kind, .created_by = c->principal->id }
	};
	if (!is_name(p->name))
		return call_fail_field(c, ERROR_INVALID_PARAMS, "name",
				       "'%.*s' is not of a to z, 0 to 9, - and _",
				       STR_ARG(p->name));
	if (!p->kind || !p->who.p) {
		c->failure.hint = STR("such as kind webhook and who agent:NAME; channels.list "
				      "names those that are there");
		return call_fail_field(c, ERROR_CONFLICT, p->kind ? "who" : "kind",
				       "there is no channel '%.*s' yet, and a new one needs %s",
				       STR_ARG(p->name), p->kind ? "who" : "kind and who");
	}
	e = take_who(c, p->who, &k->channel);
	if (e == 0)
		e = receiver_make_id(c, &k->channel.id);
	if (e == 0 && (p->secret.p || p->kind == CHAT_KIND_WEBHOOK))
		e = receiver_seal(c, k->channel.id, p->secret, &k->secret, out_secret);
	if (e == 0)
		e = store_channel_add(c->tx, k);
	return e == STORE_TOO_MANY
		   ? call_fail(c, ERROR_OVERLOADED, "there are %d channels already", CHANNELS_MAX)
		   : e;
}

static int change(struct call *c, const struct channels_upsert_params *p, struct store_channel *k)
{
	struct str shown;
	int e = 0;

	if (p->kind && p->kind != k->channel.kind)
		return call_fail_field(c, ERROR_CONFLICT, "kind", "'%.*s' is of kind %.*s",
				       STR_ARG(k->channel.name),
				       STR_ARG(chat_kind_text(k->channel.kind)));
	if (p->who.p)
		e = take_who(c, p->who, &k->channel);
	if (e == 0 && p->secret.p)
		e = receiver_seal(c, k->channel.id, p->secret, &k->secret, &shown);
	return e ? e : err_trace(store_channel_set(c->tx, k));
}

static struct str next_of(const struct chat_channel *k)
{
	if (!k->allowed.n)
		return STR("nobody is allowed yet: channels.upsert with allowed, the ids of chats");
	return k->enabled ? STR("channels.test says how far a message comes")
			  : STR("channels.enable with its id, then channels.test");
}

int channels_upsert(struct call *call, const struct channels_upsert_params *p,
		    struct channels_upsert_result *r)
{
	struct store_channel k;
	int e = store_channel_find(call->tx, p->name, &k);

	r->created = e == STORE_NONE;
	if (e < 0)
		return err_trace(e);
	e = r->created ? make(call, p, &k, &r->secret) : change(call, p, &k);
	if (e == 0 && p->allowed.v)
		e = store_channel_allow(call->tx, k.n, &p->allowed);
	if (e == 0)
		e = tell(call, r->created ? "channel.created" : "channel.updated", &k.channel);
	if (e == 0)
		e = show(call, &k, &r->chat_channel);
	if (e)
		return e;
	r->has_created = true;
	r->secret_shown = r->has_secret_shown = r->secret.p != NULL;
	r->next = next_of(&k.channel);
	return 0;
}

int channels_list(struct call *call, const struct channels_list_params *p,
		  struct channels_list_result *r)
{
	int e = store_channel_page(call->tx, p->cursor, (size_t)p->limit, &r->items,
				   &r->next_cursor);

	for (size_t i = 0; e == 0 && i < r->items.n; i++) {
		struct talk_who who;

		e = talk_of(call, r->items.v[i].who, &who);
		r->items.v[i].who_name = who.name;
	}
	return err_trace(e);
}

int channels_get(struct call *call, const struct channels_get_params *p,
		 struct channels_get_result *r)
{
	struct store_channel k;
	int e = channel_named(call, p->id, &k);

	return e ? e : show(call, &k, &r->chat_channel);
}

int channels_delete(struct call *call, const struct channels_delete_params *p,
		    struct channels_delete_result *r)
{
	struct store_channel k;
	int e = channel_named(call, p->id, &k);

	if (e)
		return e;
	r->id = k.channel.id;
	r->name = k.channel.name;
	e = store_channel_delete(call->tx, k.n);
	return e ? err_trace(e) : tell(call, "channel.deleted", &k.channel);
}

int channels_enable(struct call *call, const struct channels_enable_params *p,
		    struct channels_enable_result *r)
{
	struct store_channel k;
	int e = channel_named(call, p->id, &k);

	if (e)
		return e;
	if (p->enabled && k.channel.kind != CHAT_KIND_WEBHOOK) {
		call->failure.hint = STR(
		    "have a program of yours pass its messages on to a channel "
		    "of kind webhook");
		return call_fail_field(call, ERROR_UNSUPPORTED, "id",
				       "channels of kind %.*s do not work yet",
				       STR_ARG(chat_kind_text(k.channel.kind)));
	}
	if (k.channel.enabled != p->enabled) {
		k.channel.enabled = p->enabled;
		e = store_channel_set(call->tx, &k);
		if (e == 0)
			e = tell(call, p->enabled ? "channel.enabled" : "channel.disabled",
				 &k.channel);
	}
	if (e == 0)
		e = show(call, &k, &r->chat_channel);
	r->next = next_of(&r->chat_channel);
	return err_trace(e);
}

/* ---- a test ---- */

static void step(struct channels_test_result *r, const char *name, bool is_ok, struct str detail)
{
	r->ok &= is_ok;
	r->steps.v[r->steps.n++] =
	    (struct chat_step){ .step = str_from(name), .ok = is_ok, .detail = detail };
}

static struct str said_of(const struct channel_taken *t, struct arena *a)
{
	switch (t->outcome) {
	case CHAT_OFF:
		return STR("the channel is off: channels.enable");
	case CHAT_NOT_ALLOWED:
		return STR("the chat is not on the list: channels.upsert with allowed");
	case CHAT_KNOWN:
		return str_fmt(a, "taken for a message that came before, %lld of %.*s",
			       (long long)t->seq, STR_ARG(t->session));
	default:
		return str_fmt(a, "message %lld of %.*s", (long long)t->seq, STR_ARG(t->session));
	}
}

/* Would somebody get the message that was meant for them? */
static int test_who(struct call *c, const struct chat_channel *k, struct channels_test_result *r)
{
	struct talk_who who;
	int e = talk_of(c, k->who, &who);
	bool is_vacant = who.kind == TALK_ROLE && !who.occupant.p;

	if (e)
		return err_trace(e);
	step(r, "answered", !is_vacant && !who.is_retired,
	     str_fmt(c->arena,
		     is_vacant        ? "nobody sits in the role '%.*s'"
		     : who.is_retired ? "the agent '%.*s' is retired"
				      : "what is direct or a mention is for '%.*s'",
		     STR_ARG(who.name)));
	return 0;
}

static int test_way(struct call *c, const struct store_channel *k, struct str chat,
		    struct channels_test_result *r)
{
	struct channel_arrival a;
	struct channel_taken taken;
	struct str fault = STR_NONE;
	int e = c->server->echo_channel(c->server->data, c, k, chat, &a, &fault);

	if (e)
		return err_trace(e);
	step(r, "signed", !fault.p,
	     fault.p ? fault : STR("signed with its secret, and found right"));
	if (fault.p)
		return 0;
	e = channel_take(c, k, &a, true, &taken);
	if (e)
		return e;
	step(r, "kept", taken.outcome == CHAT_TAKEN, said_of(&taken, c->arena));
	r->session = taken.session;
	return 0;
}

int channels_test(struct call *call, const struct channels_test_params *p,
		  struct channels_test_result *r)
{
	struct store_channel k;
	struct chat_channel shown;
	int e = channel_named(call, p->id, &k);

	if (e == 0)
		e = show(call, &k, &shown);
	if (e)
		return e;
	r->ok = true;
	r->steps.v = ARENA_ARRAY(call->arena, STEPS_MAX, struct chat_step);
	if (!r->steps.v)
		return err_nomem();
	step(r, "enabled", shown.enabled,
	     shown.enabled ? STR("messages are let in")
			   : STR("the channel is off: channels.enable"));
	step(r, "allowed", shown.allowed.n > 0,
	     shown.allowed.n ? str_fmt(call->arena, "%zu chats are allowed", shown.allowed.n)
			     : STR("nobody is allowed: channels.upsert with allowed"));
	e = test_who(call, &shown, r);
	if (e == 0)
		e = test_way(call, &k,
			     p->chat.p         ? p->chat
			     : shown.allowed.n ? shown.allowed.v[0]
					       : STR("test"),
			     r);
	return e;
}
