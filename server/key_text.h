/* SPDX-License-Identifier: Apache-2.0 */
/* A key as text: `qd_`, 8 characters that name it, 43 that are secret (256 random bits), 6 that
 * check the rest; all of them letters and digits, so that a double click takes it whole and
 * scanners know it. The check refuses typing errors and junk before anything is looked up. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define KEY_ID_LEN   8
#define KEY_TEXT_LEN 60

void key_text_make(char out[KEY_TEXT_LEN + 1]);
/* Puts the last characters, which check those before. */
void key_text_check(char text[KEY_TEXT_LEN]);
/* Its name, a view into the text; false when it is no key. */
bool key_text_parse(struct str text, struct str *out_id);
