/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of events there are: the runtime's own, and the form of those of others. */
#include "verbs/event_kinds.h"

#include "base/glob.h"
#include "store/events.h"
#include "store/quests.h"
#include "store/sessions.h"
#include "store/tasks.h"

static const struct str reserved[] = {
	STR("agent"),   STR("quest"),      STR("idea"),     STR("system"),       STR("role"),
	STR("session"), STR("task"),       STR("schedule"), STR("queue"),        STR("worker"),
	STR("user"),    STR("key"),        STR("firing"),   STR("subscription"), STR("mail"),
	STR("mailbox"), STR("credential"), STR("hook"),     STR("channel")
};

/* All that the runtime itself fires. */
static const struct str kinds[] = {
	STR("agent.erased"),
	STR("agent.retired"),
	STR("agent.spawned"),
	STR("agent.updated"),
	STR("channel.created"),
	STR("channel.deleted"),
	STR("channel.disabled"),
	STR("channel.enabled"),
	STR("channel.updated"),
	STR("credential.created"),
	STR("credential.deleted"),
	STR("credential.rotated"),
	STR("credential.updated"),
	STR("credential.used"),
	STR("firing.failed"),
	STR("hook.created"),
	STR("hook.deleted"),
	STR("hook.rotated"),
	STR("idea.deleted"),
	STR("idea.linked"),
	STR("idea.stored"),
	STR("idea.unlinked"),
	STR("idea.updated"),
	STR("key.created"),
	STR("key.revoked"),
	STR("key.rotated"),
	STR("mail.sent"),
	STR("mailbox.created"),
	STR("mailbox.deleted"),
	STR("quest.assigned"),
	STR("quest.blocked"),
	STR("quest.claimed"),
	STR("quest.closed"),
	STR("quest.created"),
	STR("quest.lapsed"),
	STR("quest.released"),
	STR("quest.unblocked"),
	STR("quest.updated"),
	STR("queue.paused"),
	STR("queue.purged"),
	STR("queue.resumed"),
	STR("queue.updated"),
	STR("role.assigned"),
	STR("role.created"),
	STR("role.deleted"),
	STR("role.updated"),
	STR("role.vacated"),
	STR("schedule.created"),
	STR("schedule.deleted"),
	STR("schedule.missed"),
	STR("schedule.skipped"),
	STR("schedule.tick"),
	STR("schedule.updated"),
	STR("session.closed"),
	STR("session.created"),
	STR("session.dismissed"),
	STR("session.forked"),
	STR("session.joined"),
	STR("session.mentioned"),
	STR("session.message"),
	STR("session.reopened"),
	STR("subscription.created"),
	STR("subscription.deleted"),
	STR("subscription.stopped"),
	STR("task.awaiting_approval"),
	STR("task.awaiting_input"),
	STR("task.cancel_requested"),
	STR("task.cancelled"),
	STR("task.claimed"),
	STR("task.completed"),
	STR("task.created"),
	STR("task.dependency_failed"),
	STR("task.failed"),
	STR("task.in_progress"),
	STR("task.output_pending_review"),
	STR("task.pending"),
	STR("task.ready"),
	STR("task.reassigned"),
	STR("user.created"),
	STR("user.deleted"),
	STR("user.updated"),
	STR("worker.degraded"),
	STR("worker.disconnected"),
	STR("worker.draining"),
	STR("worker.offline"),
	STR("worker.registered"),
	STR("worker.removed"),
	STR("worker.resumed"),
};

static bool is_reserved(struct str kind)
{
	struct str rest = kind, first = str_cut(&rest, '.');

	for (size_t i = 0; rest.p && i < ARRAY_LEN(reserved); i++)
		if (str_eq(first, reserved[i]))
			return true;
	return false;
}

/* Dotted words of [a-z0-9_-], at least two. */
static bool is_kind(struct str s)
{
	size_t n_dots = 0;

	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (ch == '.' && (i == 0 || i + 1 == s.n || s.p[i - 1] == '.'))
			return false;
		n_dots += ch == '.';
		if (ch != '.' && ch != '_' && ch != '-' && !(ch >= 'a' && ch <= 'z') &&
		    !(ch >= '0' && ch <= '9'))
			return false;
	}
	return n_dots > 0;
}

int event_kind_check(struct call *c, const char *field, struct str kind)
{
	struct str rest = kind, first = str_cut(&rest, '.');

	if (!is_kind(kind))
		return call_fail_field(
		    c, ERROR_INVALID_PARAMS, field,
		    "'%.*s' is not of the form 'build.finished': lower-case words with dots",
		    STR_ARG(kind));
	if (!is_reserved(kind))
		return 0;
	return call_fail_field(c, ERROR_INVALID_PARAMS, field,
			       "kinds that begin with '%.*s.' are the runtime's own",
			       STR_ARG(first));
}

/* "agent.*, idea.*, quest.*": the kinds are in order. */
static struct str list_families(struct arena *a)
{
	struct str out = STR(""), last = STR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct str rest = kinds[i], family = str_cut(&rest, '.');

		if (!last.p || !str_eq(family, last))
			out = str_fmt(a, "%.*s%s%.*s.*", STR_ARG(out), out.n ? ", " : "",
				      STR_ARG(family));
		last = family;
	}
	return out;
}

/* hook.NAME: what a hook is called nobody knows beforehand. */
static bool is_named_by_people(struct str glob)
{
	return str_starts(glob, STR("hook."));
}

static int refuse_glob(struct call *c, const char *field, struct str glob)
{
	struct str nearest = str_nearest(glob, kinds, ARRAY_LEN(kinds));

	if (nearest.p) {
		call_data_str(c, "nearest", nearest);
		c->failure.hint = str_fmt(c->arena, "did you mean %.*s?", STR_ARG(nearest));
	} else {
		c->failure.hint =
		    str_fmt(c->arena,
			    "of the runtime's kinds there are %.*s; your own, such as build.*, may "
			    "be any others",
			    STR_ARG(list_families(c->arena)));
	}
	return call_fail_field(c, ERROR_INVALID_PARAMS, field, "no event is of kind '%.*s'",
			       STR_ARG(glob));
}

/* A kind that the runtime would have to fire and does not is a slip, and never comes. */
int event_kind_check_filter(struct call *c, struct str glob)
{
	if (!is_reserved(glob) || is_named_by_people(glob))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (store_event_kind_matches(glob, kinds[i]))
			return 0;
	return refuse_glob(c, "kinds", glob);
}

/* ---- patterns of subscriptions ---- */

/* Words of a kind's letters and stars; such that a kind, which has two words at least, may match.
 */
static const char *check_pattern(struct str s)
{
	bool has_room = false, is_empty = true;

	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (ch == '.' && is_empty)
			return "a word is missing beside a dot";
		has_room |= ch == '.' || (ch == '*' && i && s.p[i - 1] == '*');
		is_empty = ch == '.';
		if (ch != '.' && ch != '_' && ch != '-' && ch != '*' && !(ch >= 'a' && ch <= 'z') &&
		    !(ch >= '0' && ch <= '9'))
			return "kinds are lower-case letters, digits, _ and - with dots between "
			       "words";
	}
	if (is_empty)
		return "a word is missing behind the last dot";
	return has_room ? NULL : "kinds have two words at least: build.*, or ** for all";
}

/* A first word that is nearly one of the runtime's. */
static int warn_of_slip(struct call *c, struct str pattern, struct str *warning)
{
	struct str rest = pattern, first = str_cut(&rest, '.'), nearest;

	if (glob_is(first))
		return 0;
	nearest = str_nearest(first, reserved, ARRAY_LEN(reserved));
	if (!nearest.p)
		return 0;
	*warning = str_fmt(c->arena,
			   "the runtime fires no '%.*s.*' of its own: did you mean '%.*s.*'?",
			   STR_ARG(first), STR_ARG(nearest));
	return warning->p ? 0 : err_nomem();
}

int event_kind_check_pattern(struct call *c, const char *field, struct str pattern,
			     struct str *warning)
{
	const char *why = check_pattern(pattern);

	*warning = STR_NONE;
	if (why)
		return call_fail_field(c, ERROR_INVALID_PARAMS, field,
				       "no event is of kind '%.*s': %s", STR_ARG(pattern), why);
	if (!is_reserved(pattern))
		return warn_of_slip(c, pattern, warning);
	if (is_named_by_people(pattern))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (glob_matches(pattern, kinds[i], '.'))
			return 0;
	return refuse_glob(c, field, pattern);
}

int event_find_subject(struct call *c, struct str *subject)
{
	struct store_quest q;
	struct store_task t;
	struct store_session s;
	int e = STORE_NONE;

	if (str_starts(*subject, STR("q-"))) {
		e = store_quest_get(c->tx, *subject, &q);
		if (e == 0)
			*subject = q.quest.id;
	} else if (str_starts(*subject, STR("t-"))) {
		e = store_task_get(c->tx, *subject, &t);
		if (e == 0)
			*subject = t.task.id;
	} else if (str_starts(*subject, STR("s-"))) {
		e = store_session_find(c->tx, *subject, &s);
		if (e == 0)
			*subject = s.session.id;
	}
	return e == STORE_NONE ? 0 : err_trace(e);
}
