/* SPDX-License-Identifier: Apache-2.0 */
/* [[names]] in Markdown. */
#include "base/buf.h"
#include "tests/unit/test.h"
#include "verbs/mentions.h"

static struct mentions found;

static size_t find(const char *content)
{
	mentions_find(str_from(content), &found);
	return found.n;
}

TEST(mentions_and_embeds_are_told_apart)
{
	CHECK_INT(find("see [[One]] and ![[Two things]]"), 2);
	CHECK_STR(found.v[0].type, "mention");
	CHECK_STR(found.v[0].name, "One");
	CHECK_STR(found.v[1].type, "embed");
	CHECK_STR(found.v[1].name, "Two things");
}

TEST(mentions_count_once_a_name)
{
	CHECK_INT(find("[[A]] [[A]] [[ A ]] ![[A]]"), 2);
}

TEST(mentions_in_code_are_none)
{
	CHECK_INT(find("`[[A]]` ``x ` [[B]]`` \n```\n[[C]]\n```\n"), 0);
	CHECK_INT(find("` [[A]] without an end"), 1);
	CHECK_INT(find("```\n[[A]]"), 1);
}

TEST(mentions_that_are_no_names_are_none)
{
	CHECK_INT(find("[[]] [[ ]] [[a\nb]] [[a [[b"), 0);
	CHECK_INT(find("[["), 0);
	CHECK_INT(find("[[a]"), 0);
	CHECK_INT(find("[[[a]]]"), 1);
	CHECK_STR(found.v[0].name, "a");
}

TEST(mentions_are_bounded)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 300; i++)
		buf_fmt(&b, "[[n%d]] ", i);
	mentions_find(buf_str(&b), &found);
	CHECK_INT(found.n, MENTIONS_MAX);
}
