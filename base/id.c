/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers and random text, all from getrandom. */
#include "base/id.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define COUNTER_MAX 0x0fff
#define MS_MASK     0xffffffffffffLL

static const char hex[] = "0123456789abcdef";

void id_random(void *out, size_t n)
{
	char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0) {
			assert(errno == EINTR); /* without a flag nothing else can happen */
			continue;
		}
		p += got;
		n -= (size_t)got;
	}
}

void id_random_text(char *out, size_t n)
{
	static const char alphabet[31] = "23456789abcdefghjkmnpqrstuvwxyz";
	const unsigned fair = 256 / sizeof(alphabet) * sizeof(alphabet);
	uint8_t bytes[64];
	size_t at = sizeof(bytes);

	for (size_t i = 0; i < n;) {
		if (at == sizeof(bytes)) {
			id_random(bytes, sizeof(bytes));
			at = 0;
		}
		if (bytes[at] < fair)
			out[i++] = alphabet[bytes[at] % sizeof(alphabet)];
		at++;
	}
	out[n] = '\0';
}

void id_make(struct id_gen *g, int64_t wall_ms, char out[ID_LEN + 1])
{
	uint8_t bytes[16];
	char *p = out;

	if (wall_ms > g->last_ms) {
		g->last_ms = wall_ms;
		g->counter = 0;
	} else if (g->counter < COUNTER_MAX) {
		g->counter++;
	} else {
		g->last_ms++;
		g->counter = 0;
	}
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)((g->last_ms & MS_MASK) >> (40 - 8 * i));
	bytes[6] = (uint8_t)(0x70 | g->counter >> 8);
	bytes[7] = (uint8_t)g->counter;
	id_random(bytes + 8, 8);
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[bytes[i] >> 4];
		*p++ = hex[bytes[i] & 15];
	}
	*p = '\0';
}

bool id_is_valid(struct str s)
{
	if (s.n != ID_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = s.p[i];

		if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}
