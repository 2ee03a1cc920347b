/* SPDX-License-Identifier: Apache-2.0 */
/* Names come from the file alone: questd is static, and what getpwuid loads is not. */
#include "base/user.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"

#define USERS     "/etc/passwd"
#define USERS_MAX ((size_t)1024 * 1024)

/* "alice:x:1000:...": NONE when no line is this one's. */
static struct str name_of(struct str lines, uid_t uid)
{
	while (lines.p) {
		struct str line = str_cut(&lines, '\n'), name = str_cut(&line, ':');
		int64_t n;

		(void)str_cut(&line, ':');
		if (name.n > 0 && str_to_i64(str_cut(&line, ':'), &n) && n == (int64_t)uid)
			return name;
	}
	return STR_NONE;
}

void user_text(uid_t uid, struct user_text *out)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	if (fd_read_file(USERS, USERS_MAX, &b))
		err_forget();
	struct str name = name_of(buf_str(&b), uid);

	if (name.p && name.n < sizeof(out->sudo)) {
		snprintf(out->who, sizeof(out->who), "user %u (%.*s)", (unsigned)uid,
			 STR_ARG(name));
		snprintf(out->sudo, sizeof(out->sudo), "%.*s", STR_ARG(name));
		return;
	}
	snprintf(out->who, sizeof(out->who), "user %u", (unsigned)uid);
	snprintf(out->sudo, sizeof(out->sudo), "'#%u'", (unsigned)uid);
}

bool user_is_another(const char *path, uid_t *out)
{
	struct stat st;

	if (stat(path, &st) || st.st_uid == geteuid())
		return false;
	*out = st.st_uid;
	return true;
}
