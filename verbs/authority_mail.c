/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/authority_mail.h"

#include "store/mailboxes.h"
#include "verbs.gen.h"
#include "verbs/authority_over.h"

static bool is_over_all(const struct principal *p)
{
	return p->is_owner ||
	       (p->kind == PRINCIPAL_KIND_USER && p->roles & 1u << ACCESS_ROLE_ORG_ADMIN);
}

int authority_rule_mailbox(const struct authority_question *q, enum authority_answer *out)
{
	struct store_mailbox m;
	bool may = q->verb->id == VERB_MAILBOXES_SEND || is_over_all(q->who);
	int e = store_mailbox_find(q->tx, q->target, &m);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	if (!may)
		e = authority_over_principal(q->tx, q->who, m.mailbox.owner, &may);
	*out = may ? AUTHORITY_YES : AUTHORITY_NO;
	return err_trace(e);
}
