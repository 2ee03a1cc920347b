/* SPDX-License-Identifier: Apache-2.0 */
#include "server/hook_sign.h"

#include "tests/unit/test.h"

#define NOW INT64_C(1700000000000)

/* As Slack's own documentation has it. */
#define SLACK_BODY                                                                             \
	"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=" \
	"G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command="        \
	"%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F"    \
	"T1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."         \
	"47445629121.803a0bc887a14d10d2c447fce8b6703c"
#define SLACK_SIGNATURE "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
#define SLACK_TIME      INT64_C(1531420618)
/* As GitHub's. */
#define GITHUB_SIGNATURE "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
/* By Python's hmac: of 1700000000.{"id":"evt_1"} under whsec_test, {} and 1700000000.{} under
 * s3cret.
 */
#define STRIPE_HEX "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925"
#define HMAC_HEX   "adbde1ce40c89c14215687d5d762a47df6dfaefcfad61e2e86718ffc8498571b"
#define HMAC_64    "rb3hzkDInBQhVofV12Kkffbfrvz61h4uhnGP/ISYVxs="
#define TIMED_HEX  "97926816e98fbb41ccb1673225ff29a2f35369099990e1b1561651e7bd097ebf"

struct said {
	const char *name, *value;
};

static struct hook_signed seen;

static int verify(const struct hook_rules *rules, const char *body, const struct said *v,
		  int64_t now_ms)
{
	struct http_header headers[4];
	struct http_request r = { .headers = headers, .body = str_from(body) };

	for (; v->name; v++)
		headers[r.n_headers++] = (struct http_header){ str_from(v->name),
							       str_from(v->value) };
	return hook_verify(rules, &r, now_ms, &seen);
}

#define SAID(...)                  \
	(const struct said[])      \
	{                          \
		__VA_ARGS__,       \
		{                  \
			NULL, NULL \
		}                  \
	}

TEST(hook_github_as_its_documentation_has_it)
{
	const struct hook_rules rules = { .kind = HOOK_KIND_GITHUB,
					  .secret = STR("It's a Secret to Everybody") };

	CHECK_INT(verify(&rules, "Hello, World!",
			 SAID({ "X-Hub-Signature-256", GITHUB_SIGNATURE },
			      { "X-GitHub-Delivery", "d1" }, { "X-GitHub-Event", "push" }),
			 NOW),
		  0);
	CHECK_STR(seen.id, "d1");
	CHECK_STR(seen.event, "push");
	CHECK(!seen.has_signed_time);
	CHECK_INT(verify(&rules, "Hello, World?", SAID({ "X-Hub-Signature-256", GITHUB_SIGNATURE }),
			 NOW),
		  HOOK_OTHER_SIGNATURE);
	CHECK_INT(verify(&rules, "Hello, World!", SAID({ "X-GitHub-Event", "push" }), NOW),
		  HOOK_UNSIGNED);
	CHECK_INT(verify(&rules, "Hello, World!", SAID({ "X-Hub-Signature-256", "sha1=abc" }), NOW),
		  HOOK_UNSIGNED);
}

TEST(hook_slack_as_its_documentation_has_it)
{
	const struct hook_rules rules = { .kind = HOOK_KIND_SLACK,
					  .secret = STR("8f742231b10e8888abcd99yyyzzz85a5"),
					  .window_ms = 300000 };
	const struct said *said = SAID({ "X-Slack-Signature", SLACK_SIGNATURE },
				       { "X-Slack-Request-Timestamp", "1531420618" });

	CHECK_INT(verify(&rules, SLACK_BODY, said, SLACK_TIME * 1000), 0);
	CHECK(seen.has_signed_time);
	CHECK_INT(verify(&rules, SLACK_BODY, said, SLACK_TIME * 1000 + 300000), 0);
	CHECK_INT(verify(&rules, SLACK_BODY, said, SLACK_TIME * 1000 - 300000), 0);
	CHECK_INT(verify(&rules, SLACK_BODY, said, SLACK_TIME * 1000 + 300001), HOOK_OTHER_TIME);
	CHECK_INT(verify(&rules, SLACK_BODY, said, SLACK_TIME * 1000 - 300001), HOOK_OTHER_TIME);
	CHECK_INT(verify(&rules, SLACK_BODY,
			 SAID({ "X-Slack-Signature", SLACK_SIGNATURE },
			      { "X-Slack-Request-Timestamp", "1531420619" }),
			 SLACK_TIME * 1000),
		  HOOK_OTHER_SIGNATURE);
	CHECK_INT(verify(&rules, SLACK_BODY, SAID({ "X-Slack-Signature", SLACK_SIGNATURE }),
			 SLACK_TIME * 1000),
		  HOOK_OTHER_SIGNATURE);
}

TEST(hook_stripe_takes_any_of_its_signatures)
{
	const struct hook_rules rules = { .kind = HOOK_KIND_STRIPE,
					  .secret = STR("whsec_test"),
					  .window_ms = 300000 };
	const char *body = "{\"id\":\"evt_1\"}";

	CHECK_INT(verify(&rules, body,
			 SAID({ "Stripe-Signature", "t=1700000000,v1=00,v1=" STRIPE_HEX ",v0=1" }),
			 NOW),
		  0);
	CHECK_INT(verify(&rules, body, SAID({ "Stripe-Signature", "t=1700000000,v0=" STRIPE_HEX }),
			 NOW),
		  HOOK_UNSIGNED);
	CHECK_INT(verify(&rules, body, SAID({ "Stripe-Signature", "t=1700000000,v1=" STRIPE_HEX }),
			 NOW + 300001),
		  HOOK_OTHER_TIME);
	/* of five the fifth is not looked at: nobody sends so many */
	CHECK_INT(verify(&rules, body,
			 SAID({ "Stripe-Signature",
				"t=1700000000,v1=1,v1=2,v1=3,v1=4,v1=" STRIPE_HEX }),
			 NOW),
		  HOOK_OTHER_SIGNATURE);
}

TEST(hook_gitlab_sends_the_secret_itself)
{
	const struct hook_rules rules = { .kind = HOOK_KIND_GITLAB, .secret = STR("s3cret") };

	CHECK_INT(verify(&rules, "{}",
			 SAID({ "X-Gitlab-Token", "s3cret" }, { "X-Gitlab-Event-UUID", "u" },
			      { "X-Gitlab-Event", "Push Hook" }),
			 NOW),
		  0);
	CHECK_STR(seen.id, "u");
	CHECK_STR(seen.event, "Push Hook");
	CHECK_INT(verify(&rules, "{}",
			 SAID({ "X-Gitlab-Token", "s3cret" }, { "X-Gitlab-Event-UUID", "u" },
			      { "Idempotency-Key", "i" }),
			 NOW),
		  0);
	CHECK_STR(seen.id, "i");
	CHECK_INT(verify(&rules, "{}", SAID({ "X-Gitlab-Token", "s3cres" }), NOW),
		  HOOK_OTHER_SIGNATURE);
	CHECK_INT(verify(&rules, "{}", SAID({ "X-Gitlab-Token", "s3cret2" }), NOW),
		  HOOK_OTHER_SIGNATURE);
}

TEST(hook_hmac_in_a_header_of_ones_own)
{
	struct hook_rules rules = { .kind = HOOK_KIND_HMAC,
				    .secret = STR("s3cret"),
				    .signature_header = STR(HOOK_SIGNATURE_HEADER),
				    .id_header = STR(HOOK_ID_HEADER),
				    .window_ms = 1000 };
	static const char *const forms[] = {
		HMAC_HEX, "sha256=" HMAC_HEX, HMAC_64,
		"ADBDE1CE40C89C14215687D5D762A47DF6DFAEFCFAD61E2E86718FFC8498571B"
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		CHECK_INT(verify(&rules, "{}",
				 SAID({ "x-signature-256", forms[i] }, { "X-Delivery-Id", "7" }),
				 NOW),
			  0);
	CHECK_STR(seen.id, "7");
	CHECK_INT(verify(&rules, "{}", SAID({ "x-signature-256", "sha256=" }), NOW), HOOK_UNSIGNED);
	rules.timestamp_header = STR("X-Time");
	CHECK_INT(verify(&rules, "{}", SAID({ "x-signature-256", HMAC_HEX }), NOW),
		  HOOK_OTHER_SIGNATURE);
	CHECK_INT(verify(&rules, "{}",
			 SAID({ "x-signature-256", TIMED_HEX }, { "X-Time", "1700000000" }), NOW),
		  0);
	CHECK_INT(verify(&rules, "{}",
			 SAID({ "x-signature-256", TIMED_HEX }, { "X-Time", "1700000000" }),
			 NOW + 1001),
		  HOOK_OTHER_TIME);
}

TEST(hook_secret_before_the_last_is_good_while_it_is_given)
{
	struct hook_rules rules = { .kind = HOOK_KIND_HMAC,
				    .secret = STR("new"),
				    .old_secret = STR("s3cret"),
				    .signature_header = STR("S") };

	CHECK_INT(verify(&rules, "{}", SAID({ "S", HMAC_HEX }), NOW), 0);
	CHECK_CSTR(seen.mac.hex, HMAC_HEX);
	rules.old_secret = STR_NONE;
	CHECK_INT(verify(&rules, "{}", SAID({ "S", HMAC_HEX }), NOW), HOOK_OTHER_SIGNATURE);
}

TEST(hook_without_a_secret_lets_nobody_in)
{
	/* HMAC under the empty key, which anybody can compute, and an empty token */
	const struct hook_rules hmac = { .kind = HOOK_KIND_HMAC, .signature_header = STR("S") };
	const struct hook_rules token = { .kind = HOOK_KIND_GITLAB };
	const struct str body = STR("{}");
	struct seal_mac mac;

	seal_hmac_sha256(STR_NONE, &body, 1, &mac);
	CHECK_INT(verify(&hmac, "{}", SAID({ "S", mac.hex }), NOW), HOOK_OTHER_SIGNATURE);
	CHECK_INT(verify(&token, "{}", SAID({ "X-Gitlab-Token", "" }), NOW), HOOK_UNSIGNED);
}
