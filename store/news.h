/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch leaves for those who wait: ready tasks, mail, and times to look at. */
#pragma once

#include "store/tasks.h"

/* All who wait there look; what is told of a place adds up and stays far below what overflows. */
#define STORE_NEWS_ALL (INT64_C(1) << 40)

/* So many more can be taken there, by anybody. */
void store_news_there(struct store_tx *tx, struct store_place place, int64_t n);
/* A task that can be claimed now. */
void store_news_task(struct store_tx *tx, const struct store_task *t);
/* Something in the queue may be claimed that could not before. */
void store_news_room(struct store_tx *tx, int64_t queue, int64_t n);
/* Steady and wall times; 0 = none. */
void store_news_times(struct store_tx *tx, int64_t due_at, int64_t wake_at);
