/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.*: where others may deliver events. Deliveries themselves are server/http_hooks.c's. */
#include "store/hooks.h"

#include "handlers.gen.h"
#include "verbs/call.h"
#include "verbs/event_kinds.h"
#include "verbs/receivers.h"

#define SIGNATURE_HEADER STR("X-Signature-256")
#define ID_HEADER        STR("X-Delivery-Id")

static int hook_named(struct call *c, struct str who, struct store_hook *out)
{
	int e = store_hook_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "hook", "id", who) : err_trace(e);
}

static int tell(struct call *c, const char *kind, const struct hook *h)
{
	const struct call_field fields[] = { { "name", h->name, 0 } };

	return err_trace(call_event(c, kind, h->id, fields, ARRAY_LEN(fields)));
}

/* The one that was given, or a new one; sealed. */
static int take_secret(struct call *c, struct store_hook *h, struct str given, struct str *out)
{
	if (!given.p && (h->hook.kind == HOOK_KIND_SLACK || h->hook.kind == HOOK_KIND_STRIPE))
		return call_fail_field(c, ERROR_CONFLICT, "secret",
				       "the sender makes it: copy its signing secret");
	return err_trace(receiver_seal(c, h->hook.id, given, &h->secret, out));
}

/* Its events must not be taken for what the runtime says of hooks. */
static int check_name(struct call *c, struct str name)
{
	static const struct str ours[] = { STR("created"), STR("rotated"), STR("deleted") };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_eq(name, ours[i]))
			return call_fail_field(c, ERROR_INVALID_PARAMS, "name",
					       "hook.%.*s is an event of the runtime's own",
					       STR_ARG(name));
	return event_kind_check(c, "name", str_fmt(c->arena, "x.%.*s", STR_ARG(name)));
}

static int take_headers(struct call *c, const struct hooks_create_params *p, struct hook *h)
{
	const char *named = p->signature_header.p   ? "signature_header"
			    : p->timestamp_header.p ? "timestamp_header"
			    : p->id_header.p        ? "id_header"
						    : NULL;

	if (h->kind != HOOK_KIND_HMAC)
		return named ? call_fail_field(c, ERROR_CONFLICT, named,
					       "%.*s has headers of its own",
					       STR_ARG(hook_kind_text(h->kind)))
			     : 0;
	h->signature_header = p->signature_header.p ? p->signature_header : SIGNATURE_HEADER;
	h->timestamp_header = p->timestamp_header;
	h->id_header = p->id_header.p ? p->id_header : ID_HEADER;
	return 0;
}

static int refuse_name(struct call *c, struct str name)
{
	struct store_hook there;
	int e = hook_named(c, name, &there);

	return e ? e : call_name_taken(c, "a hook", there.hook.id, there.hook.name);
}

int hooks_create(struct call *call, const struct hooks_create_params *p,
		 struct hooks_create_result *r)
{
	struct store_hook h = { .hook = { .name = p->name,
					  .kind = p->kind,
					  .window_s = p->window_s,
					  .created_by = call->principal->id } };
	int e = check_name(call, p->name);

	if (e == 0)
		e = take_headers(call, p, &h.hook);
	if (e == 0)
		e = receiver_make_id(call, &h.hook.id);
	if (e == 0)
		e = take_secret(call, &h, p->secret, &r->secret);
	if (e)
		return e;
	e = store_hook_add(call->tx, &h);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == 0)
		e = tell(call, "hook.created", &h.hook);
	r->hook = h.hook;
	r->has_secret_shown = true;
	r->secret_shown = r->secret.p != NULL;
	r->next = str_fmt(call->arena,
			  "have the sender post to %.*s; events.subscribe to hook.%.*s says what "
			  "follows",
			  STR_ARG(h.hook.path), STR_ARG(p->name));
	return err_trace(e);
}

int hooks_rotate(struct call *call, const struct hooks_rotate_params *p,
		 struct hooks_rotate_result *r)
{
	struct store_hook h;
	struct str before;
	int e = hook_named(call, p->id, &h);

	if (e)
		return e;
	before = h.secret;
	e = take_secret(call, &h, p->secret, &r->secret);
	if (e)
		return e;
	h.hook.has_old_secret_until = p->overlap_s > 0;
	h.hook.old_secret_until = call->now_ms + p->overlap_s * 1000;
	h.old_secret = p->overlap_s > 0 ? before : STR_NONE;
	e = store_hook_rotate(call->tx, &h);
	r->hook = h.hook;
	r->has_secret_shown = true;
	r->secret_shown = r->secret.p != NULL;
	return e ? err_trace(e) : tell(call, "hook.rotated", &h.hook);
}

int hooks_list(struct call *call, const struct hooks_list_params *p, struct hooks_list_result *r)
{
	return err_trace(
	    store_hook_page(call->tx, p->cursor, (size_t)p->limit, &r->items, &r->next_cursor));
}

int hooks_delete(struct call *call, const struct hooks_delete_params *p,
		 struct hooks_delete_result *r)
{
	struct store_hook h;
	int e = hook_named(call, p->id, &h);

	if (e)
		return e;
	r->id = h.hook.id;
	r->name = h.hook.name;
	e = store_hook_delete(call->tx, h.n);
	return e ? err_trace(e) : tell(call, "hook.deleted", &h.hook);
}
