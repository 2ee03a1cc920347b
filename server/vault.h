/* SPDX-License-Identifier: Apache-2.0 */
/* Seals small secrets for the store, and opens them again. A value is sealed by a data key, which
 * lies in the store sealed by a master key, which lies in a file that is in no database, no backup
 * and not under the data directory.
 *
 * The file holds one key a line, 64 hexadecimal digits: the first seals, all open. It is
 * $CREDENTIALS_DIRECTORY/kek when the service manager gives one, else
 * $XDG_CONFIG_HOME/questd/keys/<instance>, which questd setup or the first secret makes. Without
 * it, or with another's, the vault is locked: everything else works.
 *
 * Sealing and making keys is the writer's; opening any thread's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

struct store_tx;
struct vault;

struct vault_options {
	const char *data_dir;
	const char *file;    /* where the key lies; NULL: there is no place for one */
	bool is_given;       /* by the service manager: never written */
	struct str instance; /* what is sealed opens in this company alone */
};

/* Why it is locked. */
enum vault_why {
	VAULT_IS_OPEN,
	VAULT_IS_NEW,    /* nothing is sealed, and there is no key yet */
	VAULT_NO_PLACE,  /* neither HOME nor XDG_CONFIG_HOME is set */
	VAULT_NO_FILE,   /* the file is missing, though something is sealed */
	VAULT_OTHER_KEY, /* what is sealed was sealed with another */
	VAULT_NO_KEY,    /* the file holds none, or cannot be read */
	VAULT_IS_SHARED, /* others may read the file */
	VAULT_IS_INSIDE, /* it lies under the data directory */
};

enum { VAULT_LOCKED = 1, VAULT_CORRUPT };

int vault_new(const struct vault_options *o, struct vault **out) must_check;
struct vault *vault_free(struct vault *v);
/* Reads the file, where the vault is not open, and holds it against what is sealed. */
int vault_look(struct vault *v, struct store_tx *tx) must_check;
enum vault_why vault_why(const struct vault *v);
const char *vault_file(const struct vault *v); /* NULL: there is no place for one */
/* One line of what is wrong and what to do, for people; NONE when nothing is. */
struct str vault_advice(const struct vault *v, struct arena *a);

/* What a value is sealed for: it opens for the same label only. */
struct vault_label {
	struct str text;
	int64_t data_key; /* of the value; vault_seal() fills it in */
};
/* 0, VAULT_LOCKED or negative. The text is URL-safe and the transaction's arena's. */
int vault_seal(struct vault *v, struct store_tx *tx, struct vault_label *label, struct str plain,
	       struct str *out) must_check;
/* 0, VAULT_LOCKED, VAULT_CORRUPT (flipped, swapped, cut short) or negative. */
int vault_open(struct vault *v, struct store_tx *tx, const struct vault_label *label,
	       struct str sealed, struct str *out) must_check;
/* A new data key, by which all is sealed from here on. VAULT_LOCKED. */
int vault_make_data_key(struct vault *v, struct store_tx *tx, int64_t *out) must_check;

/* ---- a new master key, in three steps: whoever is killed between two finds a file that opens ----
 */
/* VAULT_LOCKED; VAULT_GIVEN: the service manager's, without a new key in its first line. */
enum { VAULT_GIVEN = 3, VAULT_FULL };
int vault_master_begin(struct vault *v) must_check;                     /* the file holds both */
int vault_master_seal(struct vault *v, struct store_tx *tx) must_check; /* commit behind it */
int vault_master_end(struct vault *v) must_check;                       /* the old one goes */

/* ---- what a proxy must not see ---- */
/* To whom a value is sealed (crypto_box_seal): base64url. NONE while there is no key. */
struct str vault_public_key(const struct vault *v, struct arena *a);
/* VAULT_LOCKED, VAULT_CORRUPT. */
int vault_unbox(struct vault *v, struct arena *a, struct str box, struct str *out) must_check;
