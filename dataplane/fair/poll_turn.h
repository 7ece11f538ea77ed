// SPDX-License-Identifier: BSD-3-Clause
// How many packets one poll takes from a receive queue, where clients are limited and other queues of the lcore have packets,
// too: what waits in those is not looked at before these are answered. As many as take about POLL_TURN_US, by what the
// queue's packets took lately; where no other queue has had any for POLL_TURN_SHARED_MS, as many as a poll ever takes.
#pragma once

#include "dataplane/packet.h"

#include <stdint.h>

// Packets, and multiples of it: drivers that read eight descriptors at a time give none where fewer are asked for.
#define POLL_TURN_LEAST     8u
#define POLL_TURN_US        2
#define POLL_TURN_SHARED_MS 100
#define POLL_TURN_WEIGHT    8 // the newest poll's part of the average is one of these

struct poll_turn {              // of one queue
	uint64_t packet_cycles; // what one of its packets took, on average
	uint16_t most;          // that a poll takes for that; 0: nothing is known yet
};

struct poll_turns {                          // of one lcore
	uint64_t most_cycles, shared_cycles; // fixed at start
	uint64_t shared_until;               // TSC: two queues have had packets not long before
	const struct poll_turn *last;        // of the queue that had packets last
};

static inline void poll_turns_init(struct poll_turns *turns, uint64_t tsc_hz)
{
	*turns = (struct poll_turns){ .most_cycles = tsc_hz / 1000000 * POLL_TURN_US,
		.shared_cycles = tsc_hz / 1000 * POLL_TURN_SHARED_MS };
}

static inline uint16_t poll_turn_begin(
	const struct poll_turns *turns, const struct poll_turn *turn, uint64_t now)
{
	return now < turns->shared_until && turn->most ? turn->most : BURST_MAX;
}

// `n` packets, one at least, were taken and answered from `begin` to `now`.
static inline void poll_turn_end(
	struct poll_turns *turns, struct poll_turn *turn, uint16_t n, uint64_t begin, uint64_t now)
{
	const uint64_t cycles = (now - begin) / n;
	uint64_t most;

	turn->packet_cycles = turn->packet_cycles
		? (turn->packet_cycles * (POLL_TURN_WEIGHT - 1) + cycles + POLL_TURN_WEIGHT - 1) /
			POLL_TURN_WEIGHT
		: cycles;
	most = turn->packet_cycles ? turns->most_cycles / turn->packet_cycles : BURST_MAX;
	turn->most = (uint16_t)(most >= BURST_MAX ? BURST_MAX
			: most < POLL_TURN_LEAST  ? POLL_TURN_LEAST
						  : most / POLL_TURN_LEAST * POLL_TURN_LEAST);
	if (turns->last != turn && turns->last)
		turns->shared_until = now + turns->shared_cycles;
	turns->last = turn;
}
