/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger may send to a webhook. First byte: the kind; then lines of head, an empty line,
 * and the body. Nobody is let in who does not hold the secret; the same request signed by one who
 * does is, and is not when a byte of it is another. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/hook_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW         INT64_C(1800000000000)
#define HEADERS_MAX 8

static const struct str secret = STR("a secret of 32 bytes that nobody");

static size_t read_head(struct str *rest, struct http_header headers[HEADERS_MAX])
{
	size_t n = 0;

	while (rest->p && n < HEADERS_MAX) {
		struct str value = str_cut(rest, '\n'), name;

		if (!value.n)
			break;
		name = str_cut(&value, ':');
		headers[n++] = (struct http_header){ name, value };
	}
	return n;
}

/* The header by which the owner of the secret would sign. */
static struct http_header sign(const struct hook_rules *rules, struct str body, char *room,
			       size_t cap)
{
	static const struct str times[] = { STR("v0:1800000000:"), STR("1800000000.") };
	struct str parts[2] = { STR_NONE, body };
	struct http_header h = { STR("X-Signature-256"), STR_NONE };
	const char *form = "%s";
	struct seal_mac mac;

	if (rules->kind == HOOK_KIND_SLACK)
		parts[0] = times[0];
	if (rules->kind == HOOK_KIND_STRIPE || rules->timestamp_header.p)
		parts[0] = times[1];
	seal_hmac_sha256(secret, parts, 2, &mac);
	if (rules->kind == HOOK_KIND_GITHUB)
		h.name = STR("X-Hub-Signature-256"), form = "sha256=%s";
	if (rules->kind == HOOK_KIND_SLACK)
		h.name = STR("X-Slack-Signature"), form = "v0=%s";
	if (rules->kind == HOOK_KIND_STRIPE)
		h.name = STR("Stripe-Signature"), form = "t=1800000000,v1=%s";
	if (rules->kind == HOOK_KIND_GITLAB)
		return (struct http_header){ STR("X-Gitlab-Token"), secret };
	snprintf(room, cap, form, mac.hex);
	h.value = str_from(room);
	return h;
}

static void try_signed(const struct hook_rules *rules, struct str body)
{
	char room[128];
	struct http_header headers[] = {
		sign(rules, body, room, sizeof(room)),
		{ STR("X-Slack-Request-Timestamp"), STR("1800000000") },
		{ STR("X-Time"), STR("1800000000") },
	};
	struct http_request r = { .headers = headers, .n_headers = 3, .body = body };
	struct hook_signed out;

	assert(!hook_verify(rules, &r, NOW, &out));
	if (out.has_signed_time)
		assert(hook_verify(rules, &r, NOW + 300001, &out) == HOOK_OTHER_TIME);
	if (rules->kind == HOOK_KIND_GITLAB || !body.n)
		return;
	r.body.n--;
	assert(hook_verify(rules, &r, NOW, &out) == HOOK_OTHER_SIGNATURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hook_rules rules = { .secret = secret,
				    .signature_header = STR("X-Signature-256"),
				    .id_header = STR("X-Delivery-Id"),
				    .window_ms = 300000 };
	struct str rest = { (const char *)data + 1, size - 1 };
	struct http_header headers[HEADERS_MAX];
	struct http_request r = { .headers = headers };
	struct hook_signed out;
	int e;

	if (!size)
		return 0;
	rules.kind = (enum hook_kind)(1 + data[0] % (HOOK_KIND_MAX - 1));
	if (rules.kind == HOOK_KIND_HMAC && data[0] & 0x80)
		rules.timestamp_header = STR("X-Time");
	r.n_headers = read_head(&rest, headers);
	r.body = rest.p ? rest : STR("");
	e = hook_verify(&rules, &r, NOW, &out);
	assert(e == HOOK_UNSIGNED || e == HOOK_OTHER_SIGNATURE);
	try_signed(&rules, r.body);
	return 0;
}
