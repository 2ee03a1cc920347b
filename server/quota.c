/* SPDX-License-Identifier: Apache-2.0 */
/* One account a principal or key, all below the account of everybody. An account lives as long as a
 * connection or call of its principal, and while it has something to remember: what was used of a
 * minute's share, reads that are not on record. */
#include "server/quota.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "verbs.gen.h"

struct quota {
	struct clock *clock;
	struct charge_account everybody;
	struct map users;
	struct list idle;    /* of nobody now, longest first */
	struct list counted; /* with reads that are not on record */
};

#define MIB               ((int64_t)1024 * 1024)
#define MINUTE_US         INT64_C(60000000)
#define QUESTS_PER_MINUTE 60
/* Two full batches of the writer, one that runs and one that waits: more calls in flight make
 * nothing faster. */
#define NARROW_CALLS 256
#define NARROW_MS    1000

/* clang-format off */
static const int64_t everybody_max[CHARGE_KIND_MAX] = {
	[CHARGE_BYTES] = 128 * MIB, [CHARGE_CALLS] = 1024,
	[CHARGE_STREAMS] = 2000,    [CHARGE_CONNS] = 12000,
	[CHARGE_WAITS] = 12000,
};
/* The one who runs the server: alone with it, as a rule, so nearly all that there is; one other
 * caller's share of calls always stays free. */
static const int64_t owner_max[CHARGE_KIND_MAX] = {
	[CHARGE_BYTES] = 128 * MIB, [CHARGE_CALLS] = 960,
	[CHARGE_STREAMS] = 2000,    [CHARGE_CONNS] = 12000,
	[CHARGE_WAITS] = 12000,
};
static const int64_t caller_max[CHARGE_KIND_MAX] = {
	[CHARGE_BYTES] = 16 * MIB, [CHARGE_CALLS] = 64,
	[CHARGE_STREAMS] = 16,    [CHARGE_CONNS] = 64,
	[CHARGE_WAITS] = 256,
};
/* clang-format on */

int quota_new(struct clock *clock, struct quota **out)
{
	struct quota *q = calloc(1, sizeof(*q));

	if (!q)
		return err_nomem();
	q->clock = clock;
	charge_account_init(&q->everybody, NULL);
	memcpy(q->everybody.max, everybody_max, sizeof(everybody_max));
	map_init(&q->users);
	list_init(&q->idle);
	list_init(&q->counted);
	*out = q;
	return 0;
}

static void destroy(struct quota_user *u)
{
	list_unlink(&u->link);
	list_unlink(&u->counted);
	map_remove(&u->quota->users, &u->node);
	charge_account_deinit(&u->account);
	free(u);
}

static struct quota_user *oldest_idle(struct quota *q)
{
	return list_is_empty(&q->idle) ? NULL : list_entry(q->idle.next, struct quota_user, link);
}

struct quota *quota_free(struct quota *q)
{
	struct quota_user *u;

	if (!q)
		return NULL;
	while ((u = oldest_idle(q)))
		destroy(u);
	map_deinit(&q->users);
	charge_account_deinit(&q->everybody);
	free(q);
	return NULL;
}

struct charge_account *quota_everybody(struct quota *q)
{
	return &q->everybody;
}

/* An account a key or token; without one an account a principal. */
static struct str name_of(const struct principal *p)
{
	return p->key_id.n ? p->key_id : p->id;
}

bool quota_is_of(const struct quota_user *u, const struct principal *p)
{
	return str_eq(name_of(&u->who), name_of(p));
}

static struct str keep(char *at, struct str text)
{
	if (text.n)
		memcpy(at, text.p, text.n);
	return (struct str){ text.p ? at : NULL, text.n };
}

static void set_who(struct quota_user *u, const struct principal *p, struct str id,
		    struct str key_id)
{
	u->who = *p;
	u->who.id = id;
	u->who.key_id = key_id;
}

static struct quota_user *user_new(struct quota *q, const struct principal *p)
{
	struct quota_user *u = calloc(1, sizeof(*u) + p->id.n + p->key_id.n + 1);

	if (!u)
		return NULL;
	u->quota = q;
	u->n_refs = 1;
	set_who(u, p, keep(u->text, p->id), keep(u->text + p->id.n, p->key_id));
	list_init(&u->link);
	list_init(&u->counted);
	charge_account_init(&u->account, &q->everybody);
	memcpy(u->account.max, p->is_owner ? owner_max : caller_max, sizeof(owner_max));
	if (map_add(&q->users, &u->node, name_of(&u->who))) {
		err_forget();
		free(u);
		return NULL;
	}
	return u;
}

struct quota_user *quota_join(struct quota *q, const struct principal *p)
{
	struct map_node *node = map_find(&q->users, name_of(p));
	struct quota_user *u;

	if (!node)
		return user_new(q, p);
	u = container_of(node, struct quota_user, node);
	set_who(u, p, u->who.id, u->who.key_id);
	list_unlink(&u->link);
	return quota_ref(u);
}

struct quota_user *quota_ref(struct quota_user *u)
{
	u->n_refs++;
	return u;
}

/* Those that nobody has needed for a minute have their whole share again, so they may go. */
static void sweep(struct quota *q)
{
	int64_t now = clock_boot_us(q->clock);
	struct quota_user *u;

	while ((u = oldest_idle(q)) && now - u->idle_since_us >= MINUTE_US &&
	       list_is_empty(&u->counted))
		destroy(u);
}

struct quota_user *quota_unref(struct quota_user *u)
{
	if (!u || --u->n_refs)
		return NULL;
	if (list_is_empty(&u->counted) && !u->who.reads_per_minute && !u->who.writes_per_minute) {
		destroy(u);
		return NULL;
	}
	u->idle_since_us = clock_boot_us(u->quota->clock);
	list_push_back(&u->quota->idle, &u->link);
	sweep(u->quota);
	return NULL;
}

/* ---- a minute's share ---- */

static bool take(struct quota_rate *r, int64_t now, int64_t limit, struct quota_refusal *out)
{
	int64_t step = MINUTE_US / limit, until = MAX(r->used_until_us, now) + step;

	if (until - now <= MINUTE_US) {
		r->used_until_us = until;
		return true;
	}
	out->limit = limit;
	out->retry_after_ms = (until - now - MINUTE_US + 999) / 1000;
	return false;
}

bool quota_admit(struct quota_user *u, const struct verb *v, struct quota_refusal *out)
{
	int64_t now;

	if (!u->who.reads_per_minute && !u->who.writes_per_minute)
		return true;
	now = clock_boot_us(u->quota->clock);
	if (v->is_read_only) {
		out->quota = "reads_per_minute";
		return !u->who.reads_per_minute ||
		       take(&u->reads, now, u->who.reads_per_minute, out);
	}
	out->quota = "quests_per_minute";
	if (v->id == VERB_QUESTS_CREATE && !take(&u->quests, now, QUESTS_PER_MINUTE, out))
		return false;
	out->quota = "writes_per_minute";
	return !u->who.writes_per_minute || take(&u->writes, now, u->who.writes_per_minute, out);
}

/* ---- reads on record ---- */

void quota_count(struct quota_user *u, bool is_read)
{
	u->n_reads += is_read;
	if ((is_read || u->who.key) && list_is_empty(&u->counted))
		list_push_back(&u->quota->counted, &u->counted);
}

struct quota_user *quota_take_counted(struct quota *q, int64_t *out_n)
{
	struct quota_user *u;

	if (list_is_empty(&q->counted))
		return NULL;
	u = list_entry(q->counted.next, struct quota_user, counted);
	list_unlink(&u->counted);
	*out_n = u->n_reads;
	u->n_reads = 0;
	return u;
}

/* ---- calls in flight ---- */

static bool is_narrow(struct quota_user *u, int64_t now_ms)
{
	if (u->narrow_until_ms && now_ms >= u->narrow_until_ms)
		u->narrow_until_ms = 0;
	return u->narrow_until_ms && u->account.used[CHARGE_CALLS] >= NARROW_CALLS;
}

int quota_take_call(struct quota_user *u, struct charge *c, int64_t now_ms)
{
	int e;

	if (is_narrow(u, now_ms)) {
		u->account.n_refused++;
		return CHARGE_OVER_OWN;
	}
	e = charge_take(c, &u->account, CHARGE_CALLS, 1);
	if (e && !u->narrow_until_ms)
		u->narrow_until_ms = now_ms + NARROW_MS;
	return e;
}
