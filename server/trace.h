/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context (W3C): who calls us may say which trace the call is part of, in the header
 * traceparent or in _meta of an MCP request. Its id goes into each line that the log has about the
 * call, so that both sides' records can be laid side by side. */
#pragma once

#include "base/str.h"

#define TRACE_ID_LEN 32

/* The 32 hex digits of the trace, a view; NONE when it is not of the format: such a context is as
 * if it were not there. */
struct str trace_id(struct str traceparent);
