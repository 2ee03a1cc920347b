/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options_http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static int bad(char *text, size_t cap, const char *what, struct str value)
{
	snprintf(text, cap, "http.listen: %s, not '%.*s'", what,
		 STR_ARG(str_utf8_prefix(value, 64)));
	return OPTIONS_BAD;
}

static bool is_loopback(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool is_address(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	return inet_pton(AF_INET, address, &four) == 1 || inet_pton(AF_INET6, address, &six) == 1;
}

/* "127.0.0.1:8400", "[::1]:8400", "localhost:8400" */
static bool split(struct str text, struct str *address, struct str *port)
{
	size_t colon = text.n;

	while (colon && text.p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return false;
	*address = str_slice(text, 0, colon - 1);
	*port = str_slice(text, colon, text.n);
	if (address->p[0] == '[') {
		if (address->n < 3 || address->p[address->n - 1] != ']')
			return false;
		*address = str_slice(*address, 1, address->n - 1);
	} else if (str_contains(*address, STR(":"))) {
		return false;
	}
	if (str_eq(*address, STR("localhost")))
		*address = STR("127.0.0.1");
	return true;
}

static int check_exposure(const struct options *o, char *text, size_t cap)
{
	if (is_loopback(o->http_address))
		return 0;
	if (o->no_auth) {
		snprintf(text, cap,
			 "http.no_auth: is for loopback addresses only, and http.listen is '%.*s'",
			 STR_ARG(o->http));
		return OPTIONS_BAD;
	}
	if (!o->behind_proxy) {
		snprintf(text, cap,
			 "http.listen: '%.*s' is no loopback address: this needs --behind-proxy "
			 "and a proxy "
			 "that speaks TLS",
			 STR_ARG(o->http));
		return OPTIONS_BAD;
	}
	return 0;
}

int options_http(struct options *o, char *text, size_t cap)
{
	struct str address, port;
	int64_t n;

	if (str_eq(o->http, STR("off")))
		return 0;
	if (!split(o->http, &address, &port))
		return bad(text, cap, "must be ADDR:PORT, [ADDR]:PORT or off", o->http);
	if (!str_to_i64(port, &n) || n < 0 || n > 65535)
		return bad(text, cap, "the port must be 0 to 65535", o->http);
	o->http_address = str_cstr(&o->arena, address);
	if (!o->http_address)
		return err_nomem();
	if (!is_address(o->http_address))
		return bad(text, cap, "the address must be an IPv4 or IPv6 one", o->http);
	o->http_port = (uint16_t)n;
	o->is_http_on = true;
	return check_exposure(o, text, cap);
}
