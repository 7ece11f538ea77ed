// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/deadline.h"

#include <event2/event.h>
#include <time.h>

uint64_t deadline_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void deadline_arm(struct deadline *d, uint64_t now)
{
	const uint64_t ms = d->at_ms > now ? d->at_ms - now : 1;
	const struct timeval wait = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	d->armed_ms = d->at_ms;
	event_add(d->timer, &wait);
}

static void deadline_on_timer(int fd, short what, void *arg)
{
	struct deadline *d = arg;
	const uint64_t now = deadline_now_ms();

	d->armed_ms = 0;
	if (d->at_ms == DEADLINE_NEVER)
		return;
	if (d->at_ms > now)
		deadline_arm(d, now);
	else
		d->expire(d->arg);
}

bool deadline_init(
	struct deadline *d, struct event_base *base, void (*expire)(void *arg), void *arg)
{
	d->at_ms = DEADLINE_NEVER;
	d->expire = expire;
	d->arg = arg;
	d->timer = evtimer_new(base, deadline_on_timer, d);
	return d->timer;
}

void deadline_fini(struct deadline *d)
{
	if (d->timer)
		event_free(d->timer);
	d->timer = NULL;
}

void deadline_set(struct deadline *d, uint64_t at_ms)
{
	d->at_ms = at_ms;
	if (at_ms != DEADLINE_NEVER && (!d->armed_ms || d->armed_ms > at_ms))
		deadline_arm(d, deadline_now_ms());
}
