/* SPDX-License-Identifier: Apache-2.0 */
/* The socket's peer, the bearer of the token file, anybody under --no-auth: all three are the one
 * who runs the server and hold all roles. Others come with a key. */
#include "server/access.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/map.h"
#include "server/access_keys.h"
#include "server/seal.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

#define TOKEN_MAX          256
#define TOKEN_PREFIX       "qd_"
#define FAILURES_MAX       10
#define FAILURES_WINDOW_MS 60000
#define PEERS_MAX          256
#define PEER_MAX           46

struct peer_failures {
	char peer[PEER_MAX];
	int64_t since_ms;
	int n;
};

struct access {
	const struct clock *clock;
	char *token_path;
	char token[TOKEN_MAX + 1]; /* empty: none, nobody is let in by one */
	size_t token_len;
	int64_t token_changed_ns; /* of the file that was read last, sound or not */
	ino_t token_inode;
	uint64_t n_tokens;    /* that there have been, none counted as one */
	struct loop *loop;    /* NULL: nobody wants to hear of it */
	struct loop_fd watch; /* of the token's folder */
	struct loop_task told;
	access_changed_fn *changed;
	void *changed_data;
	char uid_text[32];
	struct access_keys *keys; /* NULL: none are let in */
	struct peer_failures
	    failures[PEERS_MAX]; /* by hash of the peer; the newest keeps the place */
};

static int64_t changed_ns(const struct stat *st)
{
	return st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
}

static int token_load(struct access *a)
{
	CLEANUP(buf_deinit) struct buf text;
	struct stat st;
	struct str token;
	int e;

	buf_init(&text, 0);
	explicit_bzero(a->token, sizeof(a->token));
	a->token_len = 0;
	a->token_inode = 0;
	if (stat(a->token_path, &st) != 0)
		return errno == ENOENT ? FD_NOT_FOUND
				       : err_sys("cannot look at '%s'", a->token_path);
	a->token_inode = st.st_ino;
	a->token_changed_ns = changed_ns(&st);
	if (st.st_mode & 077)
		return err_new(ERR_SYS, "'%s' may be read by others: chmod 600 it, or rotate it",
			       a->token_path);
	if (st.st_size > TOKEN_MAX)
		return err_new(
		    ERR_SYS,
		    "'%s' is larger than %d bytes, no token: remove it, a start makes a new one",
		    a->token_path, TOKEN_MAX);
	e = fd_read_file(a->token_path, TOKEN_MAX, &text);
	if (e)
		return err_trace(e);
	token = str_trim(buf_str(&text));
	if (token.n < 32)
		return err_new(ERR_SYS, "'%s' holds no token: remove it, a start makes a new one",
			       a->token_path);
	memcpy(a->token, token.p, token.n);
	a->token_len = token.n;
	explicit_bzero(text.p, text.cap);
	return 0;
}

static int token_create(struct access *a)
{
	char token[64];
	struct str text;
	int e;

	seal_make_token(token, sizeof(token) - 1, TOKEN_PREFIX);
	text = str_from(token);
	token[text.n] = '\n';
	e = fd_write_file(a->token_path, (struct str){ token, text.n + 1 }, 0600);
	explicit_bzero(token, sizeof(token));
	return e ? err_trace(e) : token_load(a);
}

int access_new(const char *token_path, const struct clock *clock, bool may_create,
	       struct access **out)
{
	struct access *a = calloc(1, sizeof(*a));
	int e;

	if (!a)
		return err_nomem();
	a->clock = clock;
	a->n_tokens = 1;
	a->watch.fd = -1;
	snprintf(a->uid_text, sizeof(a->uid_text), "uid:%u", (unsigned)geteuid());
	a->token_path = strdup(token_path);
	e = a->token_path ? token_load(a) : err_nomem();
	if (e == FD_NOT_FOUND)
		e = may_create ? token_create(a) : 0;
	if (e) {
		access_free(a);
		return err_trace(e < 0 ? e : err_new(ERR_SYS, "'%s' went away", token_path));
	}
	*out = a;
	return 0;
}

struct access *access_free(struct access *a)
{
	int fd;

	if (!a)
		return NULL;
	fd = a->watch.fd;
	loop_remove_fd(&a->watch);
	fd_close(&fd);
	loop_cancel_task(&a->told);
	explicit_bzero(a->token, sizeof(a->token));
	free(a->token_path);
	free(a);
	return NULL;
}

void access_let_keys_in(struct access *a, struct access_keys *keys)
{
	a->keys = keys;
}

bool access_peer(struct access *a, uid_t uid, struct principal *out)
{
	if (uid != geteuid())
		return false;
	*out = authority_all(str_from(a->uid_text), PRINCIPAL_KIND_OWNER);
	return true;
}

struct principal access_anonymous(void)
{
	return authority_all(STR("anonymous"), PRINCIPAL_KIND_ANONYMOUS);
}

static void tell(struct loop_task *t)
{
	struct access *a = container_of(t, struct access, told);

	a->changed(a->changed_data);
}

/* A token that was rotated holds from the next call on, and the one before no longer; a file that
 * went away lets nobody in. The file is looked at for each call (a microsecond), and read only when
 * it is another one or was changed: guessing makes nobody read it. */
static void token_refresh(struct access *a)
{
	char before[TOKEN_MAX];
	size_t n_before = a->token_len;
	struct stat st;

	if (stat(a->token_path, &st) == 0 && st.st_ino == a->token_inode &&
	    changed_ns(&st) == a->token_changed_ns)
		return;
	memcpy(before, a->token, n_before);
	if (token_load(a) < 0)
		err_forget();
	if (n_before != a->token_len || memcmp(before, a->token, n_before) != 0) {
		a->n_tokens++;
		if (a->loop)
			loop_defer(a->loop, &a->told, tell);
	}
	explicit_bzero(before, sizeof(before));
}

static void on_folder(struct loop_fd *f, uint32_t events)
{
	char what[4096];

	while (read(f->fd, what, sizeof(what)) > 0)
		; /* whatever it was: the file itself is looked at */
	token_refresh(container_of(f, struct access, watch));
}

int access_watch(struct access *a, struct loop *l, access_changed_fn *fn, void *data)
{
	const uint32_t changes = IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_ATTRIB;
	CLEANUP(fd_close) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char folder[PATH_MAX];
	int e;

	a->loop = l;
	a->changed = fn;
	a->changed_data = data;
	snprintf(folder, sizeof(folder), "%s", a->token_path);
	*strrchr(folder, '/') = '\0'; /* DIR/token */
	if (fd < 0 || inotify_add_watch(fd, folder, changes) < 0)
		return err_sys("cannot watch '%s'", folder);
	e = loop_add_fd(l, &a->watch, fd, EPOLLIN, on_folder);
	if (e)
		return err_trace(e);
	(void)TAKE_FD(fd); /* a->watch has it */
	token_refresh(a);  /* it may have changed before anybody watched */
	return 0;
}

bool access_is_current(const struct access *a, uint64_t token)
{
	return !token || token == a->n_tokens;
}

static struct peer_failures *failures_of(struct access *a, struct str peer)
{
	static const uint64_t seed[2] = { 1, 2 };

	return &a->failures[map_hash(seed, peer) % PEERS_MAX];
}

static bool is_of(const struct peer_failures *f, struct str peer)
{
	return str_eq(str_from(f->peer), str_slice(peer, 0, PEER_MAX - 1));
}

static bool has_failed_too_often(struct access *a, struct str peer)
{
	const struct peer_failures *f = failures_of(a, peer);

	return f->n >= FAILURES_MAX && is_of(f, peer) &&
	       clock_boot_ms(a->clock) - f->since_ms < FAILURES_WINDOW_MS;
}

static void count_failure(struct access *a, struct str peer)
{
	struct peer_failures *f = failures_of(a, peer);
	int64_t now = clock_boot_ms(a->clock);

	if (!f->n || !is_of(f, peer) || now - f->since_ms >= FAILURES_WINDOW_MS) {
		*f = (struct peer_failures){ .since_ms = now };
		peer = str_slice(peer, 0, PEER_MAX - 1);
		if (peer.n)
			memcpy(f->peer, peer.p, peer.n);
	}
	f->n++;
}

static bool is_token(struct access *a, struct str bearer)
{
	return a->token_len && seal_equal((struct str){ a->token, a->token_len }, bearer);
}

static int find(struct access *a, struct str bearer, struct access_found *out)
{
	token_refresh(a);
	if (!is_token(a, bearer))
		return a->keys ? access_keys_find(a->keys, bearer, out) : ACCESS_UNKNOWN;
	out->who = authority_all(STR("token"), PRINCIPAL_KIND_OWNER);
	out->who.token = a->n_tokens;
	return 0;
}

/* The right token is let in whatever others at the same address did: on loopback, and behind a
 * proxy, one guesser would otherwise lock everybody out. Guessing gains nothing by it, a token has
 * 256 bits. */
int access_bearer(struct access *a, struct str bearer, struct str peer, struct access_found *out)
{
	int e;

	*out = (struct access_found){ .why = NULL };
	e = bearer.p ? find(a, bearer, out) : ACCESS_UNKNOWN;

	if (e != ACCESS_UNKNOWN || !bearer.p)
		return err_trace(e);
	if (has_failed_too_often(a, peer))
		return ACCESS_TOO_MANY;
	count_failure(a, peer);
	return ACCESS_UNKNOWN;
}
