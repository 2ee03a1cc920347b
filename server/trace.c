/* SPDX-License-Identifier: Apache-2.0 */
/* "00-<32 hex digits: trace>-<16: parent>-<2: flags>"; a later version may go on behind a "-". */
#include "server/trace.h"

#define PARENT_LEN 16
#define WHOLE_LEN  55

/* Lower-case hex digits, and not all of them 0 where `is_id`. */
static bool is_hex(struct str s, bool is_id)
{
	bool is_zero = true;

	for (size_t i = 0; i < s.n; i++) {
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
		is_zero = is_zero && s.p[i] == '0';
	}
	return !is_id || !is_zero;
}

struct str trace_id(struct str traceparent)
{
	struct str rest = traceparent, version = str_cut(&rest, '-'), trace = str_cut(&rest, '-'),
		   parent = str_cut(&rest, '-'), flags = str_cut(&rest, '-');
	bool is_first = str_eq(version, STR("00"));

	if (version.n != 2 || !is_hex(version, false) || str_eq(version, STR("ff")) ||
	    (is_first && traceparent.n != WHOLE_LEN))
		return STR_NONE;
	if (trace.n != TRACE_ID_LEN || !is_hex(trace, true) || parent.n != PARENT_LEN ||
	    !is_hex(parent, true) || flags.n != 2 || !is_hex(flags, false))
		return STR_NONE;
	return trace;
}
