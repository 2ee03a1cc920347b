/* SPDX-License-Identifier: Apache-2.0 */
/* Which heads are let through. libmicrohttpd 0.9.75 accepts what lets two parsers on one path
 * disagree: repeated Content-Length and Host, Content-Length beside Transfer-Encoding, NUL, line
 * ends without CR, folded lines. All of it is refused here, before anybody looks at the request.
 *
 * MHD cuts its strings at a NUL and joins folded lines, so its list of headers does not show them.
 * The buffer it parsed in place does: there `Host: a CRLF` has become `Host NUL SP a NUL NUL`. In a
 * plain head each header ends exactly two bytes before the next one begins. */
#include "transport/http_internal.h"

#include <string.h>

#define LENGTH_DIGITS_MAX 8

enum { TOKEN = 1, URI = 2, VALUE = 4 };

/* What a byte may be part of: a token (RFC 9110 §5.6.2), a request's target, a header's value. */
/* clang-format off */
#define V VALUE
#define U (VALUE | URI)
#define T (VALUE | URI | TOKEN)
static const uint8_t http_byte[256] = {
	['\t'] = V, [' '] = V,
	['!'] = T, ['"'] = U, ['#'] = T, ['$'] = T, ['%'] = T, ['&'] = T, ['\''] = T, ['('] = U,
	[')'] = U, ['*'] = T, ['+'] = T, [','] = U, ['-'] = T, ['.'] = T, ['/'] = U,
	['0' ... '9'] = T, [':'] = U, [';'] = U, ['<'] = U, ['='] = U, ['>'] = U, ['?'] = U,
	['@'] = U,
	['A' ... 'Z'] = T, ['['] = U, ['\\'] = U, [']'] = U, ['^'] = T, ['_'] = T, ['`'] = T,
	['a' ... 'z'] = T, ['{'] = U, ['|'] = T, ['}'] = U, ['~'] = T,
	[0x80 ... 0xff] = V,
};
#undef V
#undef U
#undef T
/* clang-format on */

static bool http_is_all(struct str s, uint8_t kind)
{
	uint8_t all = kind;

#pragma GCC unroll 8
	for (size_t i = 0; i < s.n; i++)
		all &= http_byte[(unsigned char)s.p[i]];
	return all != 0;
}

static bool http_is_blank(const char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != ' ' && *from != '\t')
			return false;
	return true;
}

/* Every byte of the head belongs to a line we know, and each line ends with CR LF. */
static bool http_head_is_plain(const struct http_head *head)
{
	const char *at = head->version + strlen(head->version), *end = head->raw.p + head->raw.n;

	if (head->method.p + head->method.n + 1 + head->uri.n + 1 != head->version)
		return false;
	for (size_t i = 0; i < head->n_headers; i++) {
		const struct http_header *h = &head->headers[i];
		const char *colon = h->name.p + h->name.n;

		if (h->name.p != at + 2 || memcmp(at, "\0", 2) != 0 || h->value.p < colon + 1 ||
		    !http_is_blank(colon + 1, h->value.p))
			return false;
		at = h->value.p + h->value.n;
	}
	return at + 4 == end && memcmp(at, "\0\0\0", 4) == 0;
}

/* Headers that matter to how a request is read; those that may stand only once come first. */
enum http_known_name {
	KNOWN_HOST,
	KNOWN_ORIGIN,
	KNOWN_AUTHORIZATION,
	KNOWN_LENGTH,
	KNOWN_TYPE,
	KNOWN_LAST_EVENT,
	KNOWN_EXPECT,
	KNOWN_MCP, /* each name once */
	KNOWN_CODING,
	KNOWN_NOT,
};

static enum http_known_name http_known(struct str name)
{
	switch (name.n) {
	case 4:
		return str_eq_nocase(name, STR("host")) ? KNOWN_HOST : KNOWN_NOT;
	case 6:
		return str_eq_nocase(name, STR("origin"))   ? KNOWN_ORIGIN
		       : str_eq_nocase(name, STR("expect")) ? KNOWN_EXPECT
							    : KNOWN_NOT;
	case 12:
		if (str_eq_nocase(name, STR("content-type")))
			return KNOWN_TYPE;
		break;
	case 13:
		if (str_eq_nocase(name, STR("authorization")))
			return KNOWN_AUTHORIZATION;
		if (str_eq_nocase(name, STR("last-event-id")))
			return KNOWN_LAST_EVENT;
		break;
	case 14:
		if (str_eq_nocase(name, STR("content-length")))
			return KNOWN_LENGTH;
		break;
	case 17:
		if (str_eq_nocase(name, STR("transfer-encoding")))
			return KNOWN_CODING;
		break;
	default:
		break;
	}
	return str_eq_nocase(str_slice(name, 0, 4), STR("mcp-")) ? KNOWN_MCP : KNOWN_NOT;
}

static bool http_is_repeated(const struct http_head *head, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq_nocase(head->headers[k].name, head->headers[i].name))
			return true;
	return false;
}

static int http_vet_length(struct str s, int64_t *out, const char **why)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i == LENGTH_DIGITS_MAX) {
			*why = "Content-Length is not a number of at most 8 digits";
			return MHD_HTTP_BAD_REQUEST;
		}
		n = n * 10 + (s.p[i] - '0');
	}
	if (!s.n) {
		*why = "Content-Length is empty";
		return MHD_HTTP_BAD_REQUEST;
	}
	*out = n;
	return 0;
}

/* `seen` has a bit for each known header that was there already. */
static int http_vet_header(const struct http_head *head, size_t i, unsigned *seen, int64_t *length,
			   const char **why)
{
	const struct http_header *h = &head->headers[i];
	enum http_known_name known = http_known(h->name);
	bool is_repeated = known == KNOWN_MCP ? http_is_repeated(head, i)
					      : known < KNOWN_MCP && (*seen & 1u << known);

	*seen |= 1u << known;
	if (!h->name.n || !http_is_all(h->name, TOKEN)) {
		*why = "a header's name is not a token";
		return MHD_HTTP_BAD_REQUEST;
	}
	if (!http_is_all(h->value, VALUE)) {
		*why = "a header holds a control byte";
		return MHD_HTTP_BAD_REQUEST;
	}
	if (known == KNOWN_CODING) {
		*why = "send Content-Length instead of Transfer-Encoding";
		return MHD_HTTP_LENGTH_REQUIRED;
	}
	if (is_repeated) {
		*why = "a header that must stand once is repeated";
		return MHD_HTTP_BAD_REQUEST;
	}
	return known == KNOWN_LENGTH ? http_vet_length(str_trim(h->value), length, why) : 0;
}

int http_head_vet(const struct http_head *head, int64_t *content_length, const char **why)
{
	unsigned seen = 0;

	*content_length = 0;
	if (!head->method.n || !head->uri.n || !http_is_all(head->method, TOKEN) ||
	    !http_is_all(head->uri, URI)) {
		*why = "the request line is malformed";
		return MHD_HTTP_BAD_REQUEST;
	}
	for (size_t i = 0; i < head->n_headers; i++) {
		int status = http_vet_header(head, i, &seen, content_length, why);

		if (status)
			return status;
	}
	if (head->raw.p && !http_head_is_plain(head)) {
		*why = "the head holds NUL, a folded line or a line end without CR";
		return MHD_HTTP_BAD_REQUEST;
	}
	if (!(seen & 1u << KNOWN_HOST)) {
		*why = "the Host header is missing";
		return MHD_HTTP_BAD_REQUEST;
	}
	return 0;
}
