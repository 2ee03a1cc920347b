/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics.h"

#include <string.h>

#include "tests/unit/test.h"
#include "world.h"

#define CALL(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* `name{label="value",…} number`, as the text format 0.0.4 has it. */
static bool is_sample(struct str line)
{
	double value;
	size_t i = 0;

	while (i < line.n && is_name_byte(line.p[i]))
		i++;
	if (!i)
		return false;
	if (i < line.n && line.p[i] == '{') {
		i = str_find(line, '}', i);
		if (i == line.n)
			return false;
		i++;
	}
	return i < line.n && line.p[i] == ' ' &&
	       str_to_double(str_slice(line, i + 1, line.n), &value);
}

static struct str page(struct world *w, struct buf *b)
{
	buf_init(b, 0);
	metrics_write(&w->server, b);
	return buf_str(b);
}

TEST(metrics_page_is_prometheus_text)
{
	struct world w;
	struct peer p;
	struct buf b;
	struct str rest, line;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_ask(&p, CALL("1", "system.ping", "{}"));
	rest = page(&w, &b);
	CHECK(str_ends(rest, STR("\n")));
	while (rest.n) {
		line = str_cut(&rest, '\n');
		if (!str_starts(line, STR("# HELP ")) && !str_starts(line, STR("# TYPE ")))
			CHECK(is_sample(line));
	}
	buf_deinit(&b);
	peer_close(&p);
	world_close(&w);
}

TEST(metrics_count_calls_errors_refusals_and_latency)
{
	struct world w;
	struct peer p;
	struct buf b;
	struct str text;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_ask(&p, CALL("1", "system.ping", "{}"));
	peer_ask(&p, CALL("1", "system.ping", "{}"));
	peer_ask(&p, CALL("1", "quests.get", "{\"id\":\"q-1\"}"));
	peer_ask(&p, CALL("1", "nope", "{}"));
	peer_ask(&p, "{");
	peer_ask(&p, CALL("1", "events.fire", "{\"kind\":\"a.b\"}"));
	text = page(&w, &b);
	CHECK_HAS(text, "\nquestd_calls_total{verb=\"system.ping\"} 2\n");
	CHECK_HAS(text, "\nquestd_errors_total{verb=\"quests.get\",code=\"not_found\"} 1\n");
	CHECK_HAS(text, "\nquestd_refused_total{code=\"method_not_found\"} 1\n");
	CHECK_HAS(text, "\nquestd_refused_total{code=\"parse_error\"} 1\n");
	CHECK_HAS(text, "\nquestd_call_seconds_bucket{verb=\"system.ping\",le=\"+Inf\"} 2\n");
	CHECK_HAS(text, "\nquestd_call_seconds_count{verb=\"system.ping\"} 2\n");
	CHECK_HAS(text, "\nquestd_committed_calls_total ");
	CHECK_HAS(text, "\nquestd_store_degraded 0\n");
	buf_deinit(&b);
	peer_close(&p);
	world_close(&w);
}
