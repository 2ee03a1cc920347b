/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events (WHATWG HTML §9.2): frames out. */
#include "transport/sse.h"

/* A line end inside a field would start another one: it is left out. */
static void sse_put_field(struct buf *b, struct str name, struct str value)
{
	buf_put_str(b, name);
	for (size_t from = 0; from < value.n;) {
		size_t to = from;

		while (to < value.n && value.p[to] != '\n' && value.p[to] != '\r' &&
		       value.p[to] != '\0')
			to++;
		buf_put(b, value.p + from, to - from);
		from = to + 1;
	}
	buf_put_char(b, '\n');
}

/* CR, LF and CRLF all end a line for the reader. */
static size_t sse_line_end(struct str s, size_t from)
{
	while (from < s.n && s.p[from] != '\n' && s.p[from] != '\r')
		from++;
	return from;
}

void sse_put(struct buf *b, struct str event, struct str id, struct str data)
{
	size_t from = 0;

	if (!data.p)
		data = STR("");
	if (event.p)
		sse_put_field(b, STR("event: "), event);
	if (id.p)
		sse_put_field(b, STR("id: "), id);
	for (;;) {
		size_t to = sse_line_end(data, from);

		BUF_LIT(b, "data: ");
		buf_put(b, data.p + from, to - from);
		buf_put_char(b, '\n');
		if (to >= data.n)
			break;
		from = to +
		       (data.p[to] == '\r' && to + 1 < data.n && data.p[to + 1] == '\n' ? 2 : 1);
	}
	buf_put_char(b, '\n');
}

void sse_put_comment(struct buf *b, struct str text)
{
	sse_put_field(b, STR(": "), text);
	buf_put_char(b, '\n');
}

void sse_put_retry(struct buf *b, int64_t ms)
{
	BUF_LIT(b, "retry: ");
	buf_put_i64(b, ms);
	BUF_LIT(b, "\n\n");
}
