// SPDX-License-Identifier: BSD-3-Clause
// A time at which something ends, and which is moved on often: for each request of a connection. To move
// it on costs nothing, since a timer that fires too early is set anew then. Control thread only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

#define DEADLINE_NEVER UINT64_MAX

struct deadline {
	struct event *timer;
	uint64_t at_ms;
	uint64_t armed_ms; // when the timer fires; 0: it does not
	void (*expire)(void *arg);
	void *arg;
};

uint64_t deadline_now_ms(void); // of CLOCK_MONOTONIC, a tick of the kernel late

// Zeroed before; expire() is called at its time, from the event loop, and may end it. False without
// memory.
bool deadline_init(
	struct deadline *deadline, struct event_base *base, void (*expire)(void *arg), void *arg);
void deadline_fini(struct deadline *deadline); // zeroed: fine
void deadline_set(struct deadline *deadline, uint64_t at_ms);
