/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"
#include "transport/sse.h"

TEST(an_event_has_its_fields_and_a_data_line_for_each_line)
{
	struct buf b;

	buf_init(&b, 0);
	sse_put(&b, STR("quest.created"), STR("3f.17"), STR("{\"a\":1}"));
	CHECK_STR(buf_str(&b), "event: quest.created\nid: 3f.17\ndata: {\"a\":1}\n\n");
	buf_clear(&b);
	sse_put(&b, STR_NONE, STR_NONE, STR("a\nb\r\nc\rd\n"));
	CHECK_STR(buf_str(&b), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
	buf_clear(&b);
	sse_put(&b, STR_NONE, STR_NONE, STR(""));
	CHECK_STR(buf_str(&b), "data: \n\n");
	buf_deinit(&b);
}

TEST(no_field_can_begin_another)
{
	struct buf b;

	buf_init(&b, 0);
	sse_put(&b, STR("a\ndata: evil"), STR("1\r\nevent: evil"), STR("x"));
	CHECK_STR(buf_str(&b), "event: adata: evil\nid: 1event: evil\ndata: x\n\n");
	buf_clear(&b);
	sse_put_comment(&b, STR("a\n\ndata: evil"));
	sse_put_retry(&b, 2500);
	CHECK_STR(buf_str(&b), ": adata: evil\n\nretry: 2500\n\n");
	buf_deinit(&b);
}
