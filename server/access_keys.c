/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/map.h"
#include "server/access.h"
#include "server/access_tokens.h"
#include "server/channel.h"
#include "server/decode.h"
#include "server/dispatch.h"
#include "server/faults.h"
#include "server/jwt.h"
#include "server/key_text.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/seal.h"
#include "server/server.h"
#include "store/keys.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

#define KNOWN_MAX   1024
#define LOOKUP_MAX  ((size_t)1024 * 1024)
#define LOOK_MS_MAX 60000
#define TOKEN_MS    60000 /* a token is verified again after so long */

struct known {
	struct map_node node; /* by the key's hash */
	struct list link;     /* oldest first */
	struct principal who;
	int64_t until_ms; /* boot: a token is looked at again then; 0 = a key */
	char hash[SEAL_DIGEST_HEX];
	char text[]; /* the principal's texts */
};

struct access_keys {
	struct server *server;
	struct access_tokens *tokens; /* NULL: none are let in */
	uint8_t secret[SEAL_KEY_BYTES];
	struct map known;
	struct list order;
	struct loop_timer end; /* when the next key of somebody connected ends */
	int64_t ends_ms;       /* wall; 0 = none */
	uint64_t round;        /* of looking at those who are in */
	struct arena scratch;
};

/* ---- the secret ---- */

static int secret_read(struct access_keys *k, const char *path)
{
	CLEANUP(buf_deinit) struct buf text;
	struct stat st;
	int e;

	buf_init(&text, 0);
	if (stat(path, &st) != 0)
		return errno == ENOENT ? FD_NOT_FOUND : err_sys("cannot look at '%s'", path);
	if (st.st_mode & 077)
		return err_new(ERR_SYS, "'%s' may be read by others: chmod 600 it", path);
	e = fd_read_file(path, 256, &text);
	if (e)
		return e < 0 ? err_trace(e) : e;
	if (!seal_key_parse(str_trim(buf_str(&text)), k->secret))
		return err_new(ERR_SYS,
			       "'%s' holds no secret for keys: remove it, and make new keys", path);
	explicit_bzero(text.p, text.cap);
	return 0;
}

static int secret_make(struct access_keys *k, const char *path)
{
	char text[2 * SEAL_KEY_BYTES + 1];
	int e;

	seal_make_key(k->secret);
	if (k->server->options.read_only)
		return 0; /* nobody made a key with it, and none can be made */
	seal_key_text(k->secret, text);
	text[2 * SEAL_KEY_BYTES] = '\n';
	e = fd_write_file(path, (struct str){ text, sizeof(text) }, 0600);
	explicit_bzero(text, sizeof(text));
	return err_trace(e);
}

/* Whoever restores a database without it should not have to find out by what is refused. */
static void warn_of_lost_keys(struct access_keys *k, const char *path)
{
	struct store_key_filter first = { .limit = 1 };
	struct key_list found = { 0 };
	struct store_tx tx;
	int64_t after;
	int e = store_read_begin(k->server->reader, &k->scratch, clock_wall_ms(&k->server->clock),
				 &tx);

	if (!e) {
		e = store_key_page(&tx, &first, &found, &after);
		store_read_end(k->server->reader);
	}
	if (e < 0)
		err_forget();
	else if (found.n > 0)
		log_warn("the secret of the keys was missing and is made anew: the keys that there "
			 "were let nobody in any more; make new ones, or put the file back and "
			 "start again",
			 LOG_C("file", path));
	arena_reset(&k->scratch);
}

int access_keys_new(struct server *s, const char *secret_path, struct access_keys **out)
{
	struct access_keys *k = calloc(1, sizeof(*k));
	int e;

	if (!k)
		return err_nomem();
	k->server = s;
	map_init(&k->known);
	list_init(&k->order);
	arena_init(&k->scratch, LOOKUP_MAX);
	e = secret_read(k, secret_path);
	if (e == FD_NOT_FOUND) {
		warn_of_lost_keys(k, secret_path);
		e = secret_make(k, secret_path);
	}
	if (!e)
		e = access_tokens_new(s, &k->tokens);
	if (e) {
		access_keys_free(k);
		return err_trace(e < 0 ? e : err_new(ERR_SYS, "'%s' went away", secret_path));
	}
	*out = k;
	return 0;
}

static void forget(struct access_keys *k, struct known *known)
{
	map_remove(&k->known, &known->node);
	list_unlink(&known->link);
	free(known);
}

static void forget_all(struct access_keys *k)
{
	list_for_each (it, tmp, &k->order)
		forget(k, list_entry(it, struct known, link));
}

struct access_keys *access_keys_free(struct access_keys *k)
{
	if (!k)
		return NULL;
	forget_all(k);
	access_tokens_free(k->tokens);
	map_deinit(&k->known);
	loop_disarm(&k->end);
	arena_deinit(&k->scratch);
	explicit_bzero(k->secret, sizeof(k->secret));
	free(k);
	return NULL;
}

/* ---- looking up ---- */

static struct str hash_of(struct access_keys *k, struct arena *a, struct str text)
{
	return seal_keyed_digest(a, k->secret, text);
}

struct str access_keys_digest(struct access_keys *k, struct arena *a, struct str text)
{
	return hash_of(k, a, text);
}

/* By its public part; the hash must be the one that is kept, unless `hash` is NONE. The same work
 * is done for one that is not there. */
static int look_up(struct access_keys *k, struct str id, struct str hash, struct principal *out)
{
	struct server *s = k->server;
	struct store_key key = { .hash = STR("") };
	struct authority who;
	struct store_tx tx;
	int e = store_read_begin(s->reader, &k->scratch, clock_wall_ms(&s->clock), &tx);

	if (e)
		return err_trace(e);
	e = store_key_find(&tx, id, &key);
	if (e >= 0 && hash.p && !seal_equal(hash, key.hash))
		e = STORE_NONE;
	if (!e && key.key.status != KEY_STATUS_ACTIVE)
		e = STORE_NONE;
	if (!e)
		e = authority_of_key(&tx, &key, &who);
	store_read_end(s->reader);
	if (e)
		return e < 0 ? err_trace(e) : ACCESS_UNKNOWN;
	*out = who.principal;
	return 0;
}

static struct str keep(char *at, struct str text)
{
	memcpy(at, text.p, text.n);
	return (struct str){ at, text.n };
}

/* Without memory it is looked up again the next time. */
static void remember(struct access_keys *k, struct str hash, const struct principal *who,
		     int64_t until_ms)
{
	struct known *known = malloc(sizeof(*known) + who->id.n + who->key_id.n);

	if (!known)
		return;
	if (k->known.n >= KNOWN_MAX)
		forget(k, list_entry(k->order.next, struct known, link));
	*known = (struct known){ .who = *who, .until_ms = until_ms };
	known->who.id = keep(known->text, who->id);
	known->who.key_id = keep(known->text + who->id.n, who->key_id);
	memcpy(known->hash, hash.p, SEAL_DIGEST_HEX);
	if (map_add(&k->known, &known->node, (struct str){ known->hash, SEAL_DIGEST_HEX })) {
		err_forget();
		free(known);
		return;
	}
	list_push_back(&k->order, &known->link);
}

static bool has_ended(const struct access_keys *k, const struct principal *p)
{
	return p->expires_ms && clock_wall_ms(&k->server->clock) >= p->expires_ms;
}

static bool is_stale(const struct access_keys *k, const struct known *known)
{
	return known->until_ms && clock_boot_ms(&k->server->clock) >= known->until_ms;
}

static int find_token(struct access_keys *k, struct str text, struct str hash,
		      struct access_found *out)
{
	int e = access_tokens_find(k->tokens, &k->scratch, text, hash, &out->who, &out->why);

	if (!e)
		remember(k, hash, &out->who, clock_boot_ms(&k->server->clock) + TOKEN_MS);
	return e < 0 ? err_trace(e) : e;
}

static int find_key(struct access_keys *k, struct str text, struct str hash, struct principal *out)
{
	struct str id;
	int e;

	if (!key_text_parse(text, &id))
		return ACCESS_UNKNOWN;
	e = look_up(k, id, hash, out);
	if (!e)
		remember(k, hash, out, 0);
	return e < 0 ? err_trace(e) : e;
}

int access_keys_find(struct access_keys *k, struct str text, struct access_found *out)
{
	struct known *known;
	struct map_node *node;
	struct str hash;

	arena_reset(&k->scratch);
	hash = hash_of(k, &k->scratch, text);
	if (!hash.p)
		return err_nomem();
	out->why = NULL;
	node = map_find(&k->known, hash);
	known = node ? container_of(node, struct known, node) : NULL;
	if (known && is_stale(k, known)) {
		forget(k, known);
		known = NULL;
	}
	if (known) {
		out->who = known->who;
		return has_ended(k, &out->who) ? ACCESS_UNKNOWN : 0;
	}
	if (k->tokens && jwt_is_one(text))
		return find_token(k, text, hash, out);
	return find_key(k, text, hash, &out->who);
}

const struct access_tokens *access_keys_tokens(const struct access_keys *k)
{
	return k->tokens;
}

int access_keys_make(struct access_keys *k, struct arena *a, struct call_key *out)
{
	char text[KEY_TEXT_LEN + 1];

	key_text_make(text);
	out->text = str_dup(a, (struct str){ text, KEY_TEXT_LEN });
	explicit_bzero(text, sizeof(text));
	if (!out->text.p || !key_text_parse(out->text, &out->id))
		return err_nomem();
	out->hash = hash_of(k, a, out->text);
	return out->hash.p ? 0 : err_nomem();
}

struct str access_keys_derive(const struct access_keys *k, struct arena *a, struct str what)
{
	return seal_keyed_digest(a, k->secret, what);
}

/* ---- those who are in ---- */

struct look {
	struct access_keys *k;
	struct str who; /* NONE: at whose time is over */
};

/* What its key is now worth: nothing when it has ended or cannot be looked up. Texts stay: they
 * are the account's. */
static void look_again(struct access_keys *k, struct quota_user *u)
{
	struct principal now;
	int e;

	u->looked_at = k->round;
	arena_reset(&k->scratch);
	now = u->who;
	e = u->who.key ? look_up(k, u->who.key_id, STR_NONE, &now)
		       : access_tokens_recheck(k->tokens, &k->scratch, &now);
	if (e < 0)
		err_forget();
	if (e) {
		u->who.expires_ms = clock_wall_ms(&k->server->clock);
		return;
	}
	u->has_lost = false;
	for (size_t i = 0; i < VERB_SET_WORDS; i++)
		u->has_lost |= (u->who.verbs.words[i] & ~now.verbs.words[i]) != 0;
	now.id = u->who.id;
	now.key_id = u->who.key_id;
	u->who = now;
}

/* A key is looked up once a round, however many are connected with it. `token`: by which it came.
 */
static bool may_stay(const struct look *l, uint64_t token, struct quota_user *u)
{
	if (!access_is_current(l->k->server->access, token))
		return false;
	if (u->who.is_owner)
		return true;
	if (l->who.p && u->looked_at != l->k->round && str_eq(u->who.id, l->who))
		look_again(l->k, u);
	if (has_ended(l->k, &u->who))
		return false;
	access_keys_expect_end(l->k, u->who.expires_ms);
	return true;
}

/* Those who are to go are set apart first: cutting one may end others. */
static void look_at_channels(struct look *l)
{
	struct list *all = &l->k->server->channels;
	struct list doomed;

	list_init(&doomed);
	list_for_each (it, tmp, all) {
		struct channel *c = list_entry(it, struct channel, link);

		if (c->is_gone || c->is_cut)
			continue;
		if (may_stay(l, c->principal.token, c->user)) {
			if (!c->principal.is_owner)
				c->principal = c->user->who;
			continue;
		}
		list_unlink(it);
		list_push_back(&doomed, it);
	}
	while (!list_is_empty(&doomed)) {
		struct list *it = doomed.next;

		list_unlink(it);
		list_push_back(all, it);
		channel_cut(list_entry(it, struct channel, link));
	}
}

/* What a stream was opened for was looked at when it was opened: one whose caller may less now may
 * be opened again. */
static bool may_follow(void *data, const struct stream *s)
{
	const struct look *l = data;
	struct quota_user *u = s->user;

	return may_stay(l, s->token, u) && !(u->looked_at == l->k->round && u->has_lost);
}

static void look(struct access_keys *k, struct str who)
{
	struct look l = { k, who };

	k->round++;
	look_at_channels(&l);
	publish_look_again(k->server->publish, may_follow, &l);
}

void access_keys_changed(struct access_keys *k, struct str who)
{
	list_for_each (it, tmp, &k->order) {
		struct known *known = list_entry(it, struct known, link);

		if (str_eq(known->who.id, who))
			forget(k, known);
	}
	look(k, who);
}

void access_keys_token_changed(struct access_keys *k)
{
	look(k, STR_NONE);
}

static void on_end(struct loop_timer *t)
{
	struct access_keys *k = container_of(t, struct access_keys, end);

	k->ends_ms = 0;
	look(k, STR_NONE);
}

/* The wall clock may jump, so it is looked at every minute at least. */
void access_keys_expect_end(struct access_keys *k, int64_t expires_ms)
{
	struct server *s = k->server;
	int64_t in_ms;

	if (!expires_ms || (k->ends_ms && k->ends_ms <= expires_ms))
		return;
	k->ends_ms = expires_ms;
	in_ms = MIN(MAX(expires_ms - clock_wall_ms(&s->clock), 0), LOOK_MS_MAX);
	if (loop_arm(s->loop, &k->end, loop_now_ms(s->loop) + in_ms, on_end))
		err_forget(); /* its calls are refused all the same, only its streams stay */
}

/* ---- keys.use ---- */

static bool refuse(struct request *r, enum error_code code, const char *text, struct str hint)
{
	request_fail(r, code, "%s", text);
	r->call.failure.hint = hint;
	return false;
}

static bool may_use(struct request *r)
{
	const struct channel *c = r->channel;

	if (!c || c->kind != CHANNEL_LINES) {
		(void)refuse(r, ERROR_UNSUPPORTED, "over HTTP a header says who calls",
			     STR("send Authorization: Bearer with the key on each request"));
		call_data_str(&r->call, "reason", STR("no line connection"));
		return false;
	}
	if (c->principal.key)
		return refuse(r, ERROR_CONFLICT, "this connection uses a key already",
			      STR("open another connection for another key"));
	if (c->requests.next != &r->link || r->link.next != &c->requests || mcp_is_busy(c))
		return refuse(r, ERROR_CONFLICT, "this connection is in use",
			      STR("open another connection and use the key first on it"));
	return true;
}

/* The connection moves from one account to the other. */
static int move(struct channel *c, const struct principal *who)
{
	struct quota_user *user = quota_join(c->server->quota, who);
	struct charge taken = { .account = NULL };

	if (!user)
		return err_nomem();
	if (charge_take(&taken, &user->account, CHARGE_CONNS, 1)) {
		quota_unref(user);
		return CHANNEL_TOO_MANY;
	}
	charge_release(&c->charge);
	quota_unref(c->user);
	c->charge = taken;
	channel_become(c, who, user);
	return 0;
}

static void answer_use(struct request *r)
{
	struct keys_use_result *out = r->result;
	struct principal p = r->channel->principal;
	struct principal_info *info = &out->principal_info;

	*info = (struct principal_info){ .id = p.id, .kind = p.kind, .key = p.key_id };
	info->access.v = ARENA_ARRAY(&r->arena, ACCESS_ROLE_MAX, enum access_role);
	for (int role = 1; info->access.v && role < ACCESS_ROLE_MAX; role++)
		if (p.roles & 1u << role)
			info->access.v[info->access.n++] = (enum access_role)role;
	info->expires_at = p.expires_ms;
	info->has_expires_at = p.expires_ms != 0;
	if (!info->access.v || encode_result(r)) {
		err_forget();
		request_fail(r, ERROR_OUT_OF_MEMORY, "memory is out");
	}
}

void access_keys_end_use(struct request *r)
{
	struct channel *c = r->channel;
	bool is_refused = c && c->kind == CHANNEL_LINES && r->call.failure.code &&
			  !c->principal.key;

	dispatch_finish(r);
	if (is_refused)
		channel_cut(c);
}

void access_keys_use(struct request *r)
{
	const struct keys_use_params *p = r->params;
	struct access_keys *k = r->server->keys;
	struct access_found found;
	int e;

	if (!may_use(r)) {
		access_keys_end_use(r);
		return;
	}
	e = access_keys_find(k, p->key, &found);
	bool is_known = e == 0;

	if (is_known)
		e = move(r->channel, &found.who);
	if (e < 0) {
		faults_fail(r, e, r->verb->name, &r->server->fault_lines);
	} else if (!is_known) {
		(void)refuse(r, ERROR_UNAUTHENTICATED, "the key is not known, or has ended",
			     STR("give the whole key as keys.create showed it, on a new "
				 "connection; keys.list shows which are active"));
	} else if (e) {
		(void)refuse(r, ERROR_TOO_MANY_REQUESTS, "too many connections use this key",
			     STR("close one of them first"));
	} else {
		access_keys_expect_end(k, found.who.expires_ms);
		answer_use(r);
	}
	access_keys_end_use(r);
}
