/* SPDX-License-Identifier: Apache-2.0 */
/* A file of keys, whatever an authorization server or a disk made of it: it is read or refused;
 * what is in it verifies no signature that nobody made. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "server/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/questd-fuzz.XXXXXX";

static void clean_up(void)
{
	unlink(path);
}

static int make_file(void)
{
	int made = mkstemp(path);

	assert(made >= 0);
	atexit(clean_up);
	return made;
}

static void try_all(struct jwks *k)
{
	static const char nothing[65] = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
					"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"; /* beyond the order */
	static const struct str kids[] = { STR("d"), STR("e"), STR("r") };

	for (size_t i = 0; i < ARRAY_LEN(kids); i++)
		for (int algorithm = JWT_RS256; algorithm <= JWT_EDDSA; algorithm++) {
			const struct jwt t = { .algorithm = (enum jwt_algorithm)algorithm,
					       .kid = kids[i],
					       .signed_text = STR("e30.e30"),
					       .signature = { nothing, 64 } };
			int e = jwks_verify(k, &t);

			assert(e == JWT_KEY || e == JWT_ALGORITHM || e == JWT_SIGNATURE);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct jwks *k;
	ssize_t n;

	if (fd < 0)
		fd = make_file();
	n = ftruncate(fd, 0) ? -1 : pwrite(fd, data, size, 0);
	assert(n == (ssize_t)size);
	if (jwks_new(path, &k)) {
		err_forget();
		return 0;
	}
	try_all(k);
	jwks_free(k);
	return 0;
}
