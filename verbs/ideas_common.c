/* SPDX-License-Identifier: Apache-2.0 */
/* Who reads an idea, and finding one by its id. */
#include "verbs/ideas_common.h"

struct idea_reader ideas_reader(const struct call *c)
{
	return (struct idea_reader){ .id = c->principal->id, .sees_all = c->principal->is_owner };
}

int ideas_named(struct call *c, const char *field, struct str id, struct idea_row *out)
{
	struct idea_reader reader = ideas_reader(c);
	int e = store_idea_get(c->tx, id, out);

	if (e < 0)
		return err_trace(e);
	if (e == IDEA_NONE || !idea_is_visible(&reader, out->idea.scope, out->idea.owner))
		return call_not_found(c, "idea", field, id);
	return 0;
}
