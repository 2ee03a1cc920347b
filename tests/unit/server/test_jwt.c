/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of an authorization server, part by part; whole ones, signed by another library, are in
 * tests/system/test_tokens.py. */
#include "server/jwt.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "server/jwks.h"
#include "server/seal.h"
#include "tests/unit/test.h"
#include "types.gen.h"

#define NOW_S 1800000000

/* base64url without padding */
static struct str pack(struct arena *a, const char *text)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = strlen(text), n_out = (n * 8 + 5) / 6;
	char *out = arena_alloc(a, n_out + 1);

	for (size_t i = 0; i < n_out; i++) {
		size_t bit = i * 6, at = bit / 8;
		unsigned two = (unsigned)(unsigned char)text[at] << 8 |
			       (at + 1 < n ? (unsigned char)text[at + 1] : 0);

		out[i] = letters[two >> (10 - bit % 8) & 63];
	}
	return (struct str){ out, n_out };
}

static int parse(struct arena *a, const char *header, const char *claims, const char *signature)
{
	struct str one = pack(a, header), two = pack(a, claims);
	struct jwt t;

	return jwt_parse(a, str_fmt(a, "%.*s.%.*s.%s", STR_ARG(one), STR_ARG(two), signature), &t);
}

#define SOUND "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k\"}"

TEST(tm_authz_06_a_header_is_refused_for_what_is_wrong_with_it)
{
	static const struct {
		const char *header;
		int want;
	} cases[] = {
		{ SOUND, 0 },
		{ "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k\",\"x5c\":[\"x\"]}", 0 },
		{ "{\"alg\":\"RS256\",\"typ\":\"application/AT+JWT\",\"kid\":\"k\"}", 0 },
		{ "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"eddsa\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", JWT_ALGORITHM },
		{ "{\"alg\":[\"EdDSA\"],\"typ\":\"at+jwt\",\"kid\":\"k\"}", JWT_ALGORITHM },
		{ "{\"typ\":\"at+jwt\",\"kid\":\"k\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k\",\"crit\":[]}",
		  JWT_CRITICAL },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"dpop+jwt\",\"kid\":\"k\"}", JWT_TYPE },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\"}", JWT_TYPE },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", JWT_KEY },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\"}", JWT_KEY },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":7}", JWT_KEY },
		{ "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k\"}",
		  JWT_MALFORMED },
		{ "[]", JWT_MALFORMED },
		{ "{", JWT_MALFORMED },
		{ "", JWT_MALFORMED },
	};
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!CHECK_INT(parse(&a, cases[i].header, "{}", "AAAA"), cases[i].want))
			CHECK_CSTR(cases[i].header, NULL); /* shows it */
	arena_deinit(&a);
}

TEST(tm_authz_06_what_is_no_token_is_malformed)
{
	static const char *const texts[] = { "",        "..",         "a.b",
					     "a.b.",    "!.e30.AAAA", "e30.!.AA",
					     ".e30.AA", "e30..AAAA",  "e30.e30.A=A" };
	static char long_one[JWT_TEXT_MAX + 2];
	struct arena a;
	struct jwt t;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		CHECK(jwt_parse(&a, str_from(texts[i]), &t) > 0);
	CHECK_INT(parse(&a, SOUND, "[]", "AAAA"), JWT_MALFORMED);
	CHECK_INT(parse(&a, SOUND, "{}", ""), JWT_MALFORMED);
	CHECK_INT(parse(&a, SOUND, "{}", "A.A"), JWT_MALFORMED);
	CHECK_INT(parse(&a, SOUND, "{\"iss\":\"\xff\"}", "AAAA"), JWT_MALFORMED);
	memset(long_one, 'A', sizeof(long_one) - 1);
	long_one[10] = long_one[20] = '.';
	CHECK_INT(jwt_parse(&a, (struct str){ long_one, JWT_TEXT_MAX + 1 }, &t), JWT_MALFORMED);
	CHECK(jwt_is_one(STR("a.b.c")) && jwt_is_one(STR("..")));
	CHECK(!jwt_is_one(STR("a.b")) && !jwt_is_one(STR("a.b.c.d")) && !jwt_is_one(STR("")));
	arena_deinit(&a);
}

/* What these claims are worth now; the whole part between {"iss": and }. */
static int check(struct arena *a, const char *claims, struct jwt_claims *out)
{
	const struct jwt_rules rules = { STR("https://i"), STR("https://r"), STR("sub") };
	struct str text = str_fmt(a, "{%s}", claims);
	struct jwt t = { .algorithm = JWT_EDDSA };

	CHECK_INT(json_parse(a, text, &t.claims, NULL), 0);
	return jwt_check(&t, &rules, NOW_S * INT64_C(1000), out);
}

#define WHO   "\"iss\":\"https://i\",\"aud\":\"https://r\",\"sub\":\"ann\""
#define TIMES "\"iat\":1800000000,\"exp\":1800000600"

TEST(tm_authz_06_claims_are_refused_for_what_is_wrong_with_them)
{
	static const struct {
		const char *claims;
		int want;
	} cases[] = {
		{ WHO "," TIMES, 0 },
		{ TIMES ",\"iss\":\"https://i\",\"aud\":[7,\"x\",\"https://r\"],\"sub\":\"a\"", 0 },
		{ TIMES ",\"iss\":\"https://i/\",\"aud\":\"https://r\",\"sub\":\"a\"", JWT_ISSUER },
		{ TIMES ",\"aud\":\"https://r\",\"sub\":\"a\"", JWT_ISSUER },
		{ TIMES ",\"iss\":\"https://i\",\"aud\":[],\"sub\":\"a\"", JWT_AUDIENCE },
		{ TIMES ",\"iss\":\"https://i\",\"aud\":\"https://R\",\"sub\":\"a\"",
		  JWT_AUDIENCE },
		{ TIMES ",\"iss\":\"https://i\",\"sub\":\"a\"", JWT_AUDIENCE },
		{ TIMES ",\"iss\":\"https://i\",\"aud\":\"https://r\"", JWT_PERSON },
		{ TIMES ",\"iss\":\"https://i\",\"aud\":\"https://r\",\"sub\":\"\"", JWT_PERSON },
		{ WHO ",\"iat\":1800000000", JWT_MALFORMED },
		{ WHO ",\"exp\":1800000600", JWT_MALFORMED },
		{ WHO ",\"iat\":1800000000,\"exp\":-1", JWT_MALFORMED },
		{ WHO ",\"iat\":1800000000,\"exp\":1e300", JWT_MALFORMED },
		{ WHO ",\"iat\":1800000000,\"exp\":9000000000000000000", JWT_MALFORMED },
		{ WHO "," TIMES ",\"nbf\":\"soon\"", JWT_MALFORMED },
		/* clocks differ by a minute, no more */
		{ WHO ",\"iat\":1799999000,\"exp\":1799999941", 0 },
		{ WHO ",\"iat\":1799999000,\"exp\":1799999940", JWT_EXPIRED },
		{ WHO ",\"iat\":1800000060,\"exp\":1800000600", 0 },
		{ WHO ",\"iat\":1800000061,\"exp\":1800000600", JWT_EARLY },
		{ WHO "," TIMES ",\"nbf\":1800000060.5", 0 },
		{ WHO "," TIMES ",\"nbf\":1800000061", JWT_EARLY },
		{ WHO ",\"iat\":1799913600,\"exp\":1800000600", 0 },
		{ WHO ",\"iat\":1799913599,\"exp\":1800000600", JWT_OLD },
	};
	struct jwt_claims out;
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!CHECK_INT(check(&a, cases[i].claims, &out), cases[i].want))
			CHECK_CSTR(cases[i].claims, NULL); /* shows it */
	CHECK_INT(check(&a,
			WHO "," TIMES ",\"scope\":\"questd:viewer  questd:king x questd:operator\"",
			&out),
		  0);
	CHECK_INT(out.roles, 1u << ACCESS_ROLE_VIEWER | 1u << ACCESS_ROLE_OPERATOR);
	CHECK_STR(out.person, "ann");
	CHECK_INT(out.expires_ms, INT64_C(1800000660000));
	CHECK_INT(check(&a, WHO "," TIMES ",\"scope\":[\"questd:viewer\"]", &out), 0);
	CHECK_INT(out.roles, 0);
	arena_deinit(&a);
}

/* ---- the file of keys ---- */

#define ED                                                 \
	"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qY" \
	"AYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define EC                                                                                        \
	"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define KEYS(...) "{\"keys\":[" __VA_ARGS__ "]}"

static int load(const char *text, struct jwks **out)
{
	*out = NULL;
	CHECK_OK(fd_write_file(test_path("jwks.json"), str_from(text), 0600));
	return jwks_new(test_path("jwks.json"), out);
}

TEST(tm_authz_06_a_file_of_keys_is_refused_for_what_is_wrong_with_it)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "no JWKS" },
		{ "[]", "no JWKS" },
		{ "{\"keys\":{}}", "no JWKS" },
		{ KEYS(""), "no key with a kid" },
		{ KEYS("7,null,[]"), "no key with a kid" },
		{ KEYS("{" ED "}"), "no key with a kid" },
		{ KEYS("{\"kid\":\"k\",\"use\":\"enc\"," ED "}"), "no key with a kid" },
		{ KEYS("{\"kid\":\"k\",\"alg\":\"ES256\"," ED "}"), "no key with a kid" },
		{ KEYS("{\"kid\":\"k\",\"kty\":\"oct\",\"k\":\"AAAA\"}"), "no key with a kid" },
		{ KEYS("{\"kid\":\"k\"," ED "},{\"kid\":\"k\"," EC "}"),
		  "two keys have the kid 'k'" },
		{ KEYS("{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}"),
		  "'x' is no number" },
		{ KEYS("{\"kid\":\"k\",\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"),
		  "'n' is no number" },
		{ KEYS("1,2,3,4,5,6,7,8,9,10,11"), "more than 10 keys" },
	};
	struct err_report report;
	struct jwks *k;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int e = load(cases[i].text, &k);

		if (!CHECK(e < 0))
			continue;
		err_take(e, &report);
		CHECK_HAS(str_from(report.text), cases[i].says);
	}
	CHECK_OK(load(KEYS("{\"kid\":\"k\",\"d\":\"private\"," ED "},{\"kty\":\"new\"}"), &k));
	jwks_free(k);
	CHECK(chmod(test_path("jwks.json"), 0620) == 0);
	CHECK_FAULT(jwks_new(test_path("jwks.json"), &k), ERR_SYS);
	CHECK_FAULT(jwks_new(test_path("nowhere"), &k), ERR_SYS);
}

/* RFC 7515 A.3, RFC 8037 A.4 */
static const struct {
	enum jwt_algorithm algorithm;
	const char *kid, *text, *signature;
} signed_ones[] = {
	{ JWT_ES256, "e",
	  "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
	  "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
	  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
	  "Kg6NU1Q" },
	{ JWT_EDDSA, "d", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
	  "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_"
	  "MuM0KAg" },
};

TEST(tm_authz_06_a_signature_holds_for_its_text_key_and_algorithm_alone)
{
	struct jwks *k;
	struct arena a;

	arena_init(&a, 0);
	if (!CHECK_OK(load(KEYS("{\"kid\":\"d\"," ED "},{\"kid\":\"e\"," EC "}"), &k)))
		return;
	for (size_t i = 0; i < ARRAY_LEN(signed_ones); i++) {
		struct jwt t = { .algorithm = signed_ones[i].algorithm,
				 .kid = str_from(signed_ones[i].kid),
				 .signed_text = str_from(signed_ones[i].text) };
		struct jwt wrong;

		CHECK_INT(seal_unbase64(&a, str_from(signed_ones[i].signature), &t.signature), 0);
		CHECK_INT(jwks_verify(k, &t), 0);
		wrong = t;
		wrong.signed_text.n--;
		CHECK_INT(jwks_verify(k, &wrong), JWT_SIGNATURE);
		wrong = t;
		wrong.signature.n--;
		CHECK_INT(jwks_verify(k, &wrong), JWT_SIGNATURE);
		wrong = t;
		wrong.kid = str_from(signed_ones[!i].kid);
		CHECK_INT(jwks_verify(k, &wrong), JWT_ALGORITHM);
		wrong.algorithm = signed_ones[!i].algorithm;
		CHECK_INT(jwks_verify(k, &wrong), JWT_SIGNATURE);
		wrong.kid = STR("nobody's");
		CHECK_INT(jwks_verify(k, &wrong), JWT_KEY);
		wrong = t;
		wrong.signature = (struct str){ arena_zalloc(&a, 64), 64 };
		CHECK_INT(jwks_verify(k, &wrong), JWT_SIGNATURE);
	}
	/* nobody is let in by what the file held before it was spoiled */
	CHECK_OK(fd_write_file(test_path("jwks.json"), STR("nonsense"), 0600));
	CHECK_INT(jwks_verify(k, &(struct jwt){ .algorithm = JWT_EDDSA, .kid = STR("d") }),
		  JWT_KEY);
	jwks_free(k);
	arena_deinit(&a);
}
