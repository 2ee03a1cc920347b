/* SPDX-License-Identifier: Apache-2.0 */
#include "server/key_text.h"

#include <stdint.h>
#include <string.h>

#include "server/seal.h"

#define PREFIX    "qd_"
#define AT_ID     3
#define AT_SECRET (AT_ID + KEY_ID_LEN)
#define AT_CHECK  54

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 as in zlib, four bits at a time. */
static uint32_t crc32_of(const char *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

void key_text_check(char text[KEY_TEXT_LEN])
{
	uint32_t crc = crc32_of(text, AT_CHECK);

	for (int i = KEY_TEXT_LEN - 1; i >= AT_CHECK; i--) {
		text[i] = digits[crc % 62];
		crc /= 62;
	}
}

void key_text_make(char out[KEY_TEXT_LEN + 1])
{
	memcpy(out, PREFIX, AT_ID);
	for (int i = AT_ID; i < AT_CHECK; i++)
		out[i] = digits[seal_random_below(62)];
	key_text_check(out);
	out[KEY_TEXT_LEN] = '\0';
}

bool key_text_parse(struct str text, struct str *out_id)
{
	char again[KEY_TEXT_LEN];

	if (text.n != KEY_TEXT_LEN || !str_starts(text, STR(PREFIX)))
		return false;
	memcpy(again, text.p, KEY_TEXT_LEN);
	key_text_check(again);
	if (memcmp(again + AT_CHECK, text.p + AT_CHECK, KEY_TEXT_LEN - AT_CHECK) != 0)
		return false;
	*out_id = str_slice(text, AT_ID, AT_SECRET);
	return true;
}
