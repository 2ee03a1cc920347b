/* SPDX-License-Identifier: Apache-2.0 */
#include "server/hook_sign.h"

#include "base/err.h"

#define CANDIDATES_MAX 4 /* signatures in one header: Stripe sends one a secret */

/* What the head says, before anything is computed. */
struct claim {
	struct str signatures[CANDIDATES_MAX];
	size_t n;
	struct str time;
	struct str parts[5]; /* what was signed */
	size_t n_parts;
	bool is_token; /* the secret itself was sent */
};

static void add_part(struct claim *c, struct str part)
{
	c->parts[c->n_parts++] = part;
}

static void add_signature(struct claim *c, struct str signature)
{
	if (signature.n && c->n < CANDIDATES_MAX)
		c->signatures[c->n++] = signature;
}

static struct str without(struct str s, struct str prefix)
{
	return str_starts(s, prefix) ? str_slice(s, prefix.n, s.n) : s;
}

/* ---- what each sender says ---- */

static void read_github(struct claim *c, const struct http_request *r)
{
	struct str value = http_header(r, STR("x-hub-signature-256"));

	if (str_starts(value, STR("sha256=")))
		add_signature(c, str_slice(value, 7, value.n));
}

static void read_gitlab(struct claim *c, const struct http_request *r)
{
	c->is_token = true;
	add_signature(c, http_header(r, STR("x-gitlab-token")));
}

static void read_slack(struct claim *c, const struct http_request *r)
{
	struct str value = http_header(r, STR("x-slack-signature"));

	if (str_starts(value, STR("v0=")))
		add_signature(c, str_slice(value, 3, value.n));
	c->time = http_header(r, STR("x-slack-request-timestamp"));
	add_part(c, STR("v0:"));
	add_part(c, c->time);
	add_part(c, STR(":"));
}

static void read_stripe(struct claim *c, const struct http_request *r)
{
	struct str rest = http_header(r, STR("stripe-signature"));

	while (rest.p) {
		struct str value = str_cut(&rest, ','), name = str_trim(str_cut(&value, '='));

		if (str_eq(name, STR("t")) && !c->time.p)
			c->time = value;
		else if (str_eq(name, STR("v1")))
			add_signature(c, value);
	}
	add_part(c, c->time);
	add_part(c, STR("."));
}

static void read_hmac(struct claim *c, const struct http_request *r, const struct hook_rules *rules)
{
	struct str value = http_header(r, rules->signature_header);

	add_signature(c, without(value, STR("sha256=")));
	if (!rules->timestamp_header.p)
		return;
	c->time = http_header(r, rules->timestamp_header);
	add_part(c, c->time);
	add_part(c, STR("."));
}

static void read_claim(struct claim *c, const struct hook_rules *rules,
		       const struct http_request *r)
{
	switch (rules->kind) {
	case HOOK_KIND_GITHUB:
		read_github(c, r);
		break;
	case HOOK_KIND_GITLAB:
		read_gitlab(c, r);
		break;
	case HOOK_KIND_SLACK:
		read_slack(c, r);
		break;
	case HOOK_KIND_STRIPE:
		read_stripe(c, r);
		break;
	default:
		read_hmac(c, r, rules);
		break;
	}
	add_part(c, r->body);
}

static void name_delivery(struct hook_signed *out, const struct hook_rules *rules,
			  const struct http_request *r)
{
	switch (rules->kind) {
	case HOOK_KIND_GITHUB:
		out->id = http_header(r, STR("x-github-delivery"));
		out->event = http_header(r, STR("x-github-event"));
		break;
	case HOOK_KIND_GITLAB:
		out->id = http_header(r, STR("idempotency-key"));
		if (!out->id.n)
			out->id = http_header(r, STR("x-gitlab-event-uuid"));
		out->event = http_header(r, STR("x-gitlab-event"));
		break;
	case HOOK_KIND_HMAC:
		out->id = http_header(r, rules->id_header);
		break;
	default:
		break;
	}
}

/* ---- is it so? ---- */

static bool is_mac(struct str given, const struct seal_mac *mac)
{
	char lower[SEAL_DIGEST_HEX];

	if (given.n != sizeof(lower))
		return seal_equal(given, str_from(mac->base64));
	for (size_t i = 0; i < sizeof(lower); i++)
		lower[i] = (char)(given.p[i] >= 'A' && given.p[i] <= 'F' ? given.p[i] + 32
									 : given.p[i]);
	return seal_equal((struct str){ lower, sizeof(lower) }, str_from(mac->hex));
}

/* By this secret? Computed in any case. */
static bool is_signed_by(const struct claim *c, struct str secret, struct seal_mac *mac)
{
	bool is_right = false;

	seal_hmac_sha256(secret, c->parts, c->n_parts, mac);
	for (size_t i = 0; i < c->n; i++)
		is_right |= c->is_token ? seal_equal(c->signatures[i], secret)
					: is_mac(c->signatures[i], mac);
	return is_right && secret.n;
}

static bool is_in_time(struct str time, int64_t now_ms, int64_t window_ms)
{
	int64_t s;

	if (!time.n || time.n > 12 || time.p[0] < '0' || time.p[0] > '9' || !str_to_i64(time, &s))
		return false;
	return s * 1000 >= now_ms - window_ms && s * 1000 <= now_ms + window_ms;
}

int hook_verify(const struct hook_rules *rules, const struct http_request *r, int64_t now_ms,
		struct hook_signed *out)
{
	bool has_time = rules->kind == HOOK_KIND_SLACK || rules->kind == HOOK_KIND_STRIPE ||
			(rules->kind == HOOK_KIND_HMAC && rules->timestamp_header.p);
	struct seal_mac old;
	struct claim claim = { .n = 0 };
	bool is_new, is_old;

	*out = (struct hook_signed){ .has_signed_time = has_time };
	read_claim(&claim, rules, r);
	is_new = is_signed_by(&claim, rules->secret, &out->mac);
	is_old = is_signed_by(&claim, rules->old_secret, &old);
	if (!claim.n)
		return HOOK_UNSIGNED;
	if (!is_new && !is_old)
		return HOOK_OTHER_SIGNATURE;
	if (has_time && !is_in_time(claim.time, now_ms, rules->window_ms))
		return HOOK_OTHER_TIME;
	if (!is_new)
		out->mac = old;
	name_delivery(out, rules, r);
	return 0;
}

/* ---- known again ---- */

/* GitLab signs nothing: what it sends is as good as its token. */
static bool needs_mac(enum hook_kind kind, struct str id)
{
	return !id.n ||
	       (kind != HOOK_KIND_SLACK && kind != HOOK_KIND_STRIPE && kind != HOOK_KIND_GITLAB);
}

int hook_keys(struct arena *a, enum hook_kind kind, const struct hook_signed *s, struct str id,
	      struct str_list *out)
{
	*out = (struct str_list){ ARENA_ARRAY(a, 2, struct str), 0 };
	if (!out->v)
		return err_nomem();
	if (id.n)
		out->v[out->n++] = seal_digest(a, id);
	if (needs_mac(kind, id))
		out->v[out->n++] = str_dup(a, str_from(s->mac.hex));
	return a->is_out ? err_nomem() : 0;
}
