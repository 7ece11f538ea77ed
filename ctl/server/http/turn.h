// SPDX-License-Identifier: BSD-3-Clause
// Who has more to do than is done at a time waits here for a turn of his own: they come one after the other, so
// many in a turn of the event loop as TURN_NS allow, and between those everybody else is heard. Whatever is
// made active or deferred from within a callback of libevent's would run before that. Control thread only.
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

struct event;
struct event_base;

struct turn {
	void (*go)(void *arg); // it waits no more; it may end, and wait again
	void *arg;
	bool is_waiting;
	TAILQ_ENTRY(turn) next;
};

struct turns { // zeroed before
	struct event *event;
	TAILQ_HEAD(turn_list, turn) waiting;
};

// Nobody may wait any more.
void turns_fini(struct turns *turns);
// At the end of those that wait; where it waits already it stays there. False without memory.
bool turn_wait(struct turns *turns, struct event_base *base, struct turn *turn);
void turn_leave(struct turns *turns, struct turn *turn); // also where it does not wait
