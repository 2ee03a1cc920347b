/* SPDX-License-Identifier: Apache-2.0 */
/* streams.*: who follows events. */
#include "handlers.gen.h"
#include "types.gen.h"
#include "verbs.gen.h"
#include "verbs/call.h"

#define STREAMS_SHOWN_MAX 200

int streams_list(struct call *call, const struct streams_list_params *p,
		 struct streams_list_result *r)
{
	const struct call_server *s = call->server;
	int e = s->streams(s->data, call, &r->items);

	if (e)
		return err_trace(e);
	r->more = r->items.n > STREAMS_SHOWN_MAX;
	if (r->more)
		r->items.n = STREAMS_SHOWN_MAX;
	return 0;
}
