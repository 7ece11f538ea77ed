// SPDX-License-Identifier: BSD-3-Clause
// How many packets one poll takes from a receive queue, where clients are limited and other queues of the lcore have packets,
// too: what waits in those is looked at before many of this one's are answered. Where no other queue has had any for
// POLL_TURN_SHARED_MS, as many as a poll ever takes. One lcore's own.
#pragma once

#include "dataplane/packet.h"

#include <stdint.h>

// Drivers that read eight descriptors at a time give none where fewer are asked for.
#define POLL_TURN           8u
#define POLL_TURN_SHARED_MS 100
#define POLL_TURN_NOBODY    UINT32_MAX
_Static_assert(POLL_TURN % 8 == 0 && POLL_TURN <= BURST_MAX, "drivers would give none");

struct poll_turns {
	uint64_t shared_cycles; // fixed at start
	uint64_t shared_until;  // TSC: two queues have had packets not long before
	uint32_t last;          // queue that had packets last
};

static inline void poll_turns_init(struct poll_turns *turns, uint64_t tsc_hz)
{
	*turns = (struct poll_turns){ .shared_cycles = tsc_hz / 1000 * POLL_TURN_SHARED_MS,
		.last = POLL_TURN_NOBODY };
}

static inline uint16_t poll_turns_most(const struct poll_turns *turns, uint64_t now)
{
	return now < turns->shared_until ? POLL_TURN : BURST_MAX;
}

// The lcore's queue of that index had packets.
static inline void poll_turns_had(struct poll_turns *turns, uint32_t queue, uint64_t now)
{
	if (turns->last != queue && turns->last != POLL_TURN_NOBODY)
		turns->shared_until = now + turns->shared_cycles;
	turns->last = queue;
}
