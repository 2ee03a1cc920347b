/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked ring. A `struct list` is both head and link; an unlinked link points to
 * itself, so unlinking twice is harmless. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_after(struct list *at, struct list *l)
{
	l->prev = at;
	l->next = at->next;
	at->next->prev = l;
	at->next = l;
}

static inline void list_push_back(struct list *head, struct list *l)
{
	list_insert_after(head->prev, l);
}

static inline void list_push_front(struct list *head, struct list *l)
{
	list_insert_after(head, l);
}

static inline void list_unlink(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* Removes and returns the first link, or NULL. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *l = head->next;

	if (l == head)
		return NULL;
	list_unlink(l);
	return l;
}

/* Moves all of `from` behind the last of `to`; `from` is empty afterwards. */
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(l, type, member) container_of(l, type, member)
/* Safe against unlinking the current entry. */
#define list_for_each(it, tmp, head)                                        \
	for (struct list *it = (head)->next, *tmp = it->next; it != (head); \
	     it = tmp, tmp = it->next)
