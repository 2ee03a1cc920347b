/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch leaves for those who wait: ready tasks, and times to look at. */
#pragma once

#include "store/tasks.h"

/* One more of these; merged with what is there already. */
void store_news_ready(struct store_tx *tx, const struct store_news_ready *ready);
/* A task that can be claimed now. */
void store_news_task(struct store_tx *tx, const struct store_task *t);
/* Something in the queue may be claimed that could not before. */
void store_news_room(struct store_tx *tx, int64_t queue, int64_t n);
/* Steady and wall times; 0 = none. */
void store_news_times(struct store_tx *tx, int64_t due_at, int64_t wake_at);
