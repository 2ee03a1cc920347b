/* SPDX-License-Identifier: Apache-2.0 */
/* The public keys of an authorization server, from a JWKS file (RFC 7517) that may be replaced
 * while the server runs, and what they sign. GnuTLS is named in this file alone. */
#pragma once

#include "base/macros.h"
#include "server/jwt.h"

struct jwks;

/* Reads the file; one without a key that can be used is an error. */
int jwks_new(const char *path, struct jwks **out) must_check;
struct jwks *jwks_free(struct jwks *k);
/* With the file as it is now; while that is unsound no key is known. 0, JWT_KEY,
 * JWT_ALGORITHM, JWT_SIGNATURE, or negative. */
int jwks_verify(struct jwks *k, const struct jwt *t) must_check;
