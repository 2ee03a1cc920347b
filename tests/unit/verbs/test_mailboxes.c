/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.*: the order of mail, what comes again, what is refused, and what a random history
 * comes to beside a small model. */
#include "store/mail.h"

#include <string.h>

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "tests/unit/verbs/world.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

static const struct json *receive(struct world *w, int max)
{
	return world_say(w, "mailboxes.receive", "{'id': 'box', 'max': %d}", max);
}

static const struct json *ack(struct world *w, struct str receipt)
{
	return world_say(w, "mailboxes.ack", "{'id': 'box', 'receipts': ['%.*s']}",
			 STR_ARG(receipt));
}

static const struct json *box(struct world *w)
{
	return world_at(world_say(w, "mailboxes.list", "{}"), "items.0");
}

TEST(ik_m1_mail_comes_in_the_order_it_was_sent)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "mailboxes.create", "{'name': 'box'}");
	for (int i = 1; i <= 5; i++)
		CHECK_INT(world_int(world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': %d}",
					      i * 10),
				    "seq"),
			  i);
	r = receive(&w, 2);
	CHECK_INT(world_int(r, "items.0.payload"), 10);
	CHECK_INT(world_int(r, "items.1.payload"), 20);
	r = receive(&w, 100);
	CHECK_INT(world_count(r, "items"), 3);
	CHECK_INT(world_int(r, "items.2.payload"), 50);
	CHECK_INT(world_int(box(&w), "in_flight"), 5);
	CHECK_INT(world_count(receive(&w, 100), "items"), 0);
}

TEST(ik_m2_what_is_not_acknowledged_comes_again_before_what_is_newer)
{
	WORLD_OPEN(w);
	const struct json *r;
	struct str first;

	world_say(&w, "mailboxes.create", "{'name': 'box', 'visibility_ms': 1000}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 1}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 2}");
	first = world_text(receive(&w, 1), "items.0.receipt");
	world_wait(&w, 999);
	CHECK_INT(world_int(box(&w), "in_flight"), 1);
	world_wait(&w, 1);
	CHECK_INT(world_int(box(&w), "in_flight"), 0);
	r = receive(&w, 2);
	CHECK_INT(world_int(r, "items.0.payload"), 1);
	CHECK_INT(world_int(r, "items.0.deliveries"), 2);
	CHECK_INT(world_int(r, "items.1.deliveries"), 1);
	CHECK_ERROR(ack(&w, first), "stale_attempt");
	CHECK_ERROR(ack(&w, world_text(r, "items.0.receipt")), NULL);
	world_wait(&w, 100000);
	r = receive(&w, 2);
	CHECK_INT(world_count(r, "items"), 1);
	CHECK_INT(world_int(r, "items.0.payload"), 2);
}

TEST(ik_m2_a_receipt_holds_until_the_next_delivery)
{
	WORLD_OPEN(w);
	struct str receipt;

	world_say(&w, "mailboxes.create", "{'name': 'box', 'visibility_ms': 1000}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 1}");
	receipt = world_text(receive(&w, 1), "items.0.receipt");
	world_wait(&w, 5000);
	CHECK_INT(world_int(box(&w), "waiting"), 1);
	CHECK_ERROR(ack(&w, receipt), NULL);
	CHECK_INT(world_int(box(&w), "waiting"), 0);
}

TEST(ik_m2_an_acknowledgement_may_be_said_again)
{
	WORLD_OPEN(w);
	struct str receipts[3];
	const struct json *r;

	world_say(&w, "mailboxes.create", "{'name': 'box', 'visibility_ms': 1000}");
	world_say(&w, "mailboxes.create", "{'name': 'other'}");
	for (int i = 0; i < 3; i++) {
		world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': %d}", i);
		receipts[i] = world_text(receive(&w, 1), "items.0.receipt");
	}
	for (int i = 0; i < 3; i++) {
		r = world_say(&w, "mailboxes.ack", "{'id': 'box', 'receipts': ['%.*s', '%.*s']}",
			      STR_ARG(receipts[2]), STR_ARG(receipts[2]));
		CHECK_INT(world_int(r, "acked"), i == 0);
		CHECK_INT(world_int(r, "already"), i == 0 ? 1 : 2);
		CHECK_INT(world_int(r, "in_flight"), 2);
	}
	/* the row of what is gone is given to others */
	world_say(&w, "mailboxes.send", "{'id': 'other', 'payload': 1}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 4}");
	CHECK_INT(world_int(ack(&w, receipts[2]), "already"), 1);
	CHECK_INT(world_int(box(&w), "waiting"), 1);
	/* nor is it a receipt of another mailbox, or of mail that never was */
	CHECK_ERROR(world_say(&w, "mailboxes.ack", "{'id': 'other', 'receipts': ['%.*s']}",
			      STR_ARG(receipts[2])),
		    "stale_attempt");
	CHECK_ERROR(ack(&w, STR("1-9-5-guess")), "stale_attempt");
	CHECK_ERROR(ack(&w, STR("1-9-0-guess")), "stale_attempt");
	CHECK_ERROR(ack(&w, STR("1-9-x-guess")), "stale_attempt");
	CHECK_ERROR(ack(&w, STR("1-9-1")), "stale_attempt");
	CHECK_ERROR(ack(&w, STR("1-1-1-guess")), "stale_attempt");
}

TEST(ik_m2_a_receive_may_take_another_time)
{
	WORLD_OPEN(w);

	world_say(&w, "mailboxes.create", "{'name': 'box', 'visibility_ms': 1000}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 1}");
	world_say(&w, "mailboxes.receive", "{'id': 'box', 'visibility_ms': 60000}");
	world_wait(&w, 59999);
	CHECK_INT(world_count(receive(&w, 1), "items"), 0);
	world_wait(&w, 1);
	CHECK_INT(world_count(receive(&w, 1), "items"), 1);
}

TEST(ik_m3_beyond_its_quota_mail_is_refused_and_none_is_dropped)
{
	WORLD_OPEN(w);
	const struct json *r;
	struct str receipt;

	world_say(&w, "mailboxes.create", "{'name': 'box', 'max_mail': 100}");
	for (int i = 0; i < 100; i++)
		CHECK_ERROR(world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': %d}", i),
			    NULL);
	receipt = world_text(receive(&w, 1), "items.0.receipt");
	r = world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 100}");
	CHECK_ERROR(r, "mailbox_full");
	CHECK_INT(world_int(r, "max_mail"), 100);
	ack(&w, receipt);
	CHECK_ERROR(world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 100}"), NULL);
	r = receive(&w, 100);
	CHECK_INT(world_count(r, "items"), 100);
	for (size_t i = 0; i < world_count(r, "items"); i++)
		CHECK_INT(world_int(&world_at(r, "items")->items[i], "payload"), i + 1);
}

TEST(mail_in_one_answer_is_bounded_in_bytes)
{
	WORLD_OPEN(w);
	static char text[60001];
	size_t n = 0;

	memset(text, 'x', sizeof(text) - 1);
	world_say(&w, "mailboxes.create", "{'name': 'box'}");
	for (int i = 0; i < 20; i++)
		world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': '%s'}", text);
	for (int i = 0; i < 2; i++) {
		const struct json *r = receive(&w, 100);

		CHECK_INT(world_count(r, "items"), i ? 3 : 17);
		n += world_count(r, "items");
	}
	CHECK_INT(n, 20);
}

TEST(mail_that_waits_is_told_to_who_waits_there)
{
	WORLD_OPEN(w);
	const struct store_news *news;

	world_say(&w, "mailboxes.create", "{'name': 'other'}");
	world_say(&w, "mailboxes.create", "{'name': 'box', 'visibility_ms': 1000}");
	CHECK_ERROR(world_say(&w, "mailboxes.receive", "{'id': 'box', 'wait_ms': 5000}"), NULL);
	CHECK_INT(w.wait.place.kind, STORE_PLACE_MAILBOX);
	CHECK_INT(w.wait.place.n, 2);
	CHECK_INT(w.wait.timeout_ms, 5000);
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 1}");
	news = store_news(w.store);
	CHECK_INT(news->n_ready, 1);
	CHECK_INT(news->ready[0].place.kind, STORE_PLACE_MAILBOX);
	CHECK_INT(news->ready[0].place.n, 2);
	CHECK_INT(news->ready[0].n, 1);
	receive(&w, 1);
	CHECK_INT(store_news(w.store)->due_at, store_steady_ms(w.store) + 1000);
	world_wait(&w, 1000);
	CHECK_INT(store_news(w.store)->ready[0].place.n, 2);
	world_say(&w, "mailboxes.delete", "{'id': 'box', 'confirm': true}");
	CHECK_INT(store_news(w.store)->ready[0].n, STORE_NEWS_ALL);
	w.is_time_over = true;
	CHECK_INT(world_count(world_say(&w, "mailboxes.receive",
					"{'id': 'other', 'wait_ms': 5000}"),
			      "items"),
		  0);
}

/* ---- mailboxes ---- */

TEST(mailboxes_that_are_deleted_go_with_all_their_mail_step_by_step)
{
	WORLD_OPEN(w);

	world_say(&w, "mailboxes.create", "{'name': 'box', 'visibility_ms': 1000}");
	world_say(&w, "mailboxes.create", "{'name': 'second'}");
	for (int i = 0; i < 450; i++)
		world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': %d}", i);
	world_say(&w, "mailboxes.send", "{'id': 'second', 'payload': 1}");
	receive(&w, 100);
	CHECK_INT(world_int(world_say(&w, "mailboxes.delete", "{'id': 'BOX', 'confirm': true}"),
			    "lost"),
		  450);
	world_say(&w, "mailboxes.delete", "{'id': 'second', 'confirm': true}");
	CHECK_ERROR(world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 1}"), "not_found");
	CHECK_INT(world_count(world_say(&w, "mailboxes.list", "{}"), "items"), 0);
	world_say(&w, "mailboxes.create", "{'name': 'box'}");
	CHECK_INT(world_rows(&w, "select n from mail limit 1").n, 1);
	world_wait(&w, 1);
	CHECK_INT(world_rows(&w, "select n from mail limit 1").n, 0);
	CHECK_INT(world_rows(&w, "select n from mailboxes").n, 1);
}

TEST(mailboxes_are_bounded)
{
	WORLD_OPEN(w);

	for (int i = 0; i < MAILBOXES_MAX; i++)
		world_say(&w, "mailboxes.create", "{'name': 'm%d'}", i);
	CHECK_ERROR(world_say(&w, "mailboxes.create", "{'name': 'one more'}"), "overloaded");
}

TEST(mailboxes_are_checked)
{
	WORLD_OPEN(w);
	struct str_list wrong;
	struct store_tx tx;

	world_say(&w, "mailboxes.create", "{'name': 'box'}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': 1}");
	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
	CHECK_OK(db_exec(tx.db, "update mailboxes set waiting = 7"));
	CHECK_OK(db_exec(tx.db, "update mail set due_at = 5"));
	CHECK_OK(store_check(&tx, false, &wrong));
	if (CHECK_INT(wrong.n, 2)) {
		CHECK_STR(wrong.v[0], "mailbox box: counts wrongly what is in it");
		CHECK_STR(wrong.v[1], "mail 1: was delivered, and to nobody");
	}
	store_rollback(w.store);
}

/* ---- whose ---- */

static bool may(struct world *w, struct principal p, const char *verb)
{
	struct store_tx tx;
	struct authority_question q = { &tx, &p, verb_find(str_from(verb)), STR("box") };
	enum authority_answer answer = AUTHORITY_NO;

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx));
	CHECK_OK(authority_may(&q, &answer));
	store_rollback(w->store);
	return answer == AUTHORITY_YES;
}

static struct principal person(struct world *w, struct str id)
{
	return (struct principal){ .id = str_fmt(&w->arena, "user:%.*s", STR_ARG(id)),
				   .kind = PRINCIPAL_KIND_USER,
				   .roles = 1u << ACCESS_ROLE_OPERATOR };
}

TEST(ik_m1_a_persons_mail_is_theirs_and_of_who_sits_above)
{
	WORLD_OPEN(w);
	struct principal ann, bob, boss;

	ann = person(&w, world_text(world_say(&w, "users.create", "{'name': 'ann'}"), "id"));
	bob = person(&w, world_text(world_say(&w, "users.create", "{'name': 'bob'}"), "id"));
	boss = person(&w, world_text(world_say(&w, "users.create", "{'name': 'cy'}"), "id"));
	world_say(&w, "roles.create", "{'title': 'top', 'type': 'director', 'occupant': 'cy'}");
	world_say(&w, "roles.create",
		  "{'title': 'x', 'type': 'advisor', 'occupant': 'ann', 'parents': ['r-1']}");
	world_say(&w, "mailboxes.create", "{'name': 'box', 'owner': 'ann'}");
	CHECK(may(&w, ann, "mailboxes.receive"));
	CHECK(may(&w, boss, "mailboxes.receive"));
	CHECK(!may(&w, bob, "mailboxes.receive"));
	CHECK(!may(&w, bob, "mailboxes.ack"));
	CHECK(!may(&w, bob, "mailboxes.delete"));
	CHECK(may(&w, bob, "mailboxes.send"));
	bob.roles = 1u << ACCESS_ROLE_ORG_ADMIN;
	CHECK(may(&w, bob, "mailboxes.receive"));
	world_say(&w, "users.delete", "{'id': 'ann', 'confirm': true}");
	CHECK(!may(&w, boss, "mailboxes.receive"));
}

TEST(ik_m1_a_roles_mail_is_of_who_sits_there_now)
{
	WORLD_OPEN(w);
	struct principal ann, bob;

	ann = person(&w, world_text(world_say(&w, "users.create", "{'name': 'ann'}"), "id"));
	bob = person(&w, world_text(world_say(&w, "users.create", "{'name': 'bob'}"), "id"));
	world_say(&w, "roles.create", "{'title': 'x', 'type': 'advisor', 'occupant': 'ann'}");
	world_say(&w, "mailboxes.create", "{'name': 'box', 'owner': 'role:r-1'}");
	CHECK(may(&w, ann, "mailboxes.receive"));
	CHECK(!may(&w, bob, "mailboxes.receive"));
	world_say(&w, "roles.assign", "{'id': 'r-1', 'occupant': 'bob'}");
	CHECK(!may(&w, ann, "mailboxes.receive"));
	CHECK(may(&w, bob, "mailboxes.receive"));
	world_say(&w, "roles.delete", "{'id': 'r-1', 'confirm': true}");
	CHECK(!may(&w, bob, "mailboxes.receive"));
}

TEST(ik_m1_programs_have_their_own_mail_and_nobody_elses)
{
	static const struct principal w1 = { .id = STR("worker:w1"),
					     .kind = PRINCIPAL_KIND_WORKER,
					     .roles = 1u << ACCESS_ROLE_ORG_ADMIN };
	static const struct principal shop = { .id = STR("platform:shop"),
					       .kind = PRINCIPAL_KIND_PLATFORM,
					       .roles = 1u << ACCESS_ROLE_OPERATOR };
	WORLD_OPEN(w);
	struct principal owner = w.principal;

	w.principal = w1;
	world_say(&w, "mailboxes.create", "{'name': 'box'}");
	CHECK_STR(world_text(box(&w), "owner"), "worker:w1");
	CHECK(may(&w, w1, "mailboxes.receive"));
	CHECK(!may(&w, shop, "mailboxes.receive"));
	CHECK(may(&w, shop, "mailboxes.send"));
	CHECK(may(&w, owner, "mailboxes.receive"));
}

TEST(mailboxes_are_made_for_those_one_has_authority_over)
{
	WORLD_OPEN(w);
	struct principal owner = w.principal, ann;

	ann = person(&w, world_text(world_say(&w, "users.create", "{'name': 'ann'}"), "id"));
	world_say(&w, "users.create", "{'name': 'bob'}");
	w.principal = ann;
	CHECK_ERROR(world_say(&w, "mailboxes.create", "{'name': 'b', 'owner': 'bob'}"), "denied");
	CHECK_ERROR(world_say(&w, "mailboxes.create", "{'name': 'box', 'owner': 'ann'}"), NULL);
	CHECK_STR(world_text(box(&w), "owner_name"), "ann");
	w.principal = owner;
	CHECK_ERROR(world_say(&w, "mailboxes.create", "{'name': 'b', 'owner': 'bob'}"), NULL);
	CHECK_ERROR(world_say(&w, "mailboxes.create", "{'name': 'c', 'owner': 'uid:7'}"),
		    "not_found");
	CHECK_ERROR(world_say(&w, "mailboxes.create", "{'name': 'c', 'owner': 'uid:1000'}"), NULL);
}

TEST(mailboxes_without_memory_change_nothing)
{
	WORLD_OPEN(w);
	struct str receipt;

	w.is_starving = true;
	world_say(&w, "agents.spawn", "{'name': 'kim'}");
	world_say(&w, "mailboxes.create", "{'name': 'box', 'owner': 'kim', 'about': 'x'}");
	world_say(&w, "mailboxes.send", "{'id': 'box', 'payload': {'a': 1}}");
	world_say(&w, "mailboxes.list", "{'owner': 'agent:kim'}");
	receipt = world_text(receive(&w, 3), "items.0.receipt");
	CHECK_INT(receipt.n, 38);
	CHECK_ERROR(ack(&w, STR("1-0")), "stale_attempt");
	CHECK_ERROR(ack(&w, receipt), NULL);
	world_say(&w, "mailboxes.delete", "{'id': 'box', 'confirm': true}");
	CHECK(w.n_starved > 100);
}

/* ---- a model ---- */

enum { MODEL_MAIL = 200, MODEL_STEPS = 400, MODEL_QUOTA = 20, MODEL_VISIBLE = 1000 };

struct model_mail {
	bool is_there;
	int64_t deliveries, due; /* due 0 = waits */
	struct str receipt;
};

struct model {
	struct world *w;
	struct model_mail mail[MODEL_MAIL + 1];
	int64_t last, now;
	uint64_t random;
	struct {
		struct str receipt;
		int64_t mail;
	} old[MODEL_MAIL]; /* of earlier deliveries */
	size_t n_old;
};

static int64_t pick(struct model *m, int64_t n)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(m->random >> 33) % n;
}

static int64_t n_there(const struct model *m)
{
	int64_t n = 0;

	for (int64_t i = 1; i <= m->last; i++)
		n += m->mail[i].is_there;
	return n;
}

static void model_send(struct model *m)
{
	bool is_full = n_there(m) == MODEL_QUOTA;
	const struct json *r;

	if (m->last == MODEL_MAIL)
		return;
	r = world_say(m->w, "mailboxes.send", "{'id': 'box', 'payload': %d}", (int)m->last + 1);
	CHECK_ERROR(r, is_full ? "mailbox_full" : NULL);
	if (!is_full)
		m->mail[++m->last].is_there = true;
}

static void model_receive(struct model *m)
{
	int64_t max = 1 + pick(m, 4);
	const struct json *list = world_at(receive(m->w, (int)max), "items");
	size_t n = 0;

	for (int64_t i = 1; i <= m->last && (int64_t)n < max; i++) {
		struct model_mail *mail = &m->mail[i];
		const struct json *got = n < list->n ? &list->items[n] : NULL;

		if (!mail->is_there || mail->due)
			continue;
		n++;
		if (!CHECK(got))
			return;
		CHECK_INT(world_int(got, "payload"), i);
		CHECK_INT(world_int(got, "deliveries"), ++mail->deliveries);
		if (mail->receipt.p && m->n_old < MODEL_MAIL) {
			m->old[m->n_old].receipt = mail->receipt;
			m->old[m->n_old++].mail = i;
		}
		mail->receipt = world_text(got, "receipt");
		mail->due = m->now + MODEL_VISIBLE;
	}
	CHECK_INT(list->n, n);
}

static void model_ack_old(struct model *m)
{
	size_t i = (size_t)pick(m, (int64_t)m->n_old);
	const struct json *r = ack(m->w, m->old[i].receipt);

	if (m->mail[m->old[i].mail].is_there)
		CHECK_ERROR(r, "stale_attempt");
	else
		CHECK_INT(world_int(r, "already"), 1);
}

static void model_ack(struct model *m)
{
	struct model_mail *mail = m->last ? &m->mail[1 + pick(m, m->last)] : NULL;
	const struct json *r;

	if (m->n_old && pick(m, 4) == 0)
		model_ack_old(m);
	if (!mail || !mail->receipt.p)
		return;
	r = ack(m->w, mail->receipt);
	CHECK_INT(world_int(r, "acked"), mail->is_there);
	CHECK_INT(world_int(r, "already"), !mail->is_there);
	mail->is_there = false;
}

static void model_wait(struct model *m)
{
	int64_t ms = 1 + pick(m, 800);

	world_wait(m->w, ms);
	m->now += ms;
	for (int64_t i = 1; i <= m->last; i++)
		if (m->mail[i].due && m->mail[i].due <= m->now)
			m->mail[i].due = 0;
}

TEST(ik_m2_any_history_of_a_mailbox_is_the_models)
{
	static void (*const steps[])(struct model *) = { model_send, model_send, model_receive,
							 model_ack,  model_ack,  model_wait };

	WORLD_OPEN(w);

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct model m = { .w = &w, .random = seed, .now = 1 };

		world_say(&w, "mailboxes.create",
			  "{'name': 'box', 'max_mail': %d, 'visibility_ms': %d}", MODEL_QUOTA,
			  MODEL_VISIBLE);
		for (int i = 0; i < MODEL_STEPS; i++)
			steps[pick(&m, (int64_t)ARRAY_LEN(steps))](&m);
		CHECK_INT(world_int(box(&w), "waiting") + world_int(box(&w), "in_flight"),
			  n_there(&m));
		world_say(&w, "mailboxes.delete", "{'id': 'box', 'confirm': true}");
	}
}
