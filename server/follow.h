/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of lane stream: frames of events until somebody ends it, then the answer. */
#pragma once

struct request;

/* r->call.follow says what. */
void follow_start(struct request *r);
