// SPDX-License-Identifier: BSD-3-Clause
#include "base/leftovers.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct leftover *first;

void leftovers_lock(void)
{
	pthread_mutex_lock(&lock);
}

void leftovers_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void leftovers_add(struct leftover *leftover)
{
	leftover->next = first;
	leftover->link = &first;
	if (first)
		first->link = &leftover->next;
	first = leftover;
}

void leftovers_drop(struct leftover *leftover)
{
	if (!leftover->link)
		return;
	*leftover->link = leftover->next;
	if (leftover->next)
		leftover->next->link = leftover->link;
	leftover->link = NULL;
}

void leftovers_remove(void)
{
	leftovers_lock();
	for (const struct leftover *at = first; at; at = at->next)
		at->remove(at->arg);
}
