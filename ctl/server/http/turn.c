// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/turn.h"

#include "base/clock.h"

#include <event2/event.h>
#include <sys/time.h>

#define TURN_NS 1000000 // of a turn of the event loop, for all that wait

static bool turns_set(struct turns *turns)
{
	static const struct timeval AT_ONCE;

	return evtimer_add(turns->event, &AT_ONCE) == 0;
}

static void turns_on_timer(int fd, short what, void *arg)
{
	struct turns *turns = arg;
	const uint64_t begin = clock_ns();
	struct turn *turn;

	do {
		turn = TAILQ_FIRST(&turns->waiting);
		if (!turn)
			return;
		turn_leave(turns, turn);
		turn->go(turn->arg);
	} while (clock_ns() - begin < TURN_NS);
	if (!TAILQ_EMPTY(&turns->waiting))
		turns_set(turns);
}

bool turn_wait(struct turns *turns, struct event_base *base, struct turn *turn)
{
	if (turn->is_waiting)
		return true;
	if (!turns->event) {
		turns->event = evtimer_new(base, turns_on_timer, turns);
		TAILQ_INIT(&turns->waiting);
	}
	if (!turns->event || (TAILQ_EMPTY(&turns->waiting) && !turns_set(turns)))
		return false;
	turn->is_waiting = true;
	TAILQ_INSERT_TAIL(&turns->waiting, turn, next);
	return true;
}

void turn_leave(struct turns *turns, struct turn *turn)
{
	if (turn->is_waiting)
		TAILQ_REMOVE(&turns->waiting, turn, next);
	turn->is_waiting = false;
}

void turns_fini(struct turns *turns)
{
	if (turns->event)
		event_free(turns->event);
	turns->event = NULL;
}
