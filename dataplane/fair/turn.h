// SPDX-License-Identifier: BSD-3-Clause
// How many packets one poll takes from a receive queue, where clients are limited and other queues of the lcore have packets,
// too: what waits in those is not looked at before these are answered. As many as take about TURN_US, by what the
// queue's packets took lately; where no other queue has had any for TURN_SHARED_MS, as many as a poll ever takes.
#pragma once

#include "dataplane/packet.h"

#include <stdint.h>

// Packets, and multiples of it: drivers that read eight descriptors at a time give none where fewer are asked for.
#define TURN_LEAST     8u
#define TURN_US        4
#define TURN_SHARED_MS 100
#define TURN_WEIGHT    8 // the newest poll's part of the average is one of these

struct turn {                   // of one queue
	uint64_t packet_cycles; // what one of its packets took, on average; 0: nothing is known yet
};

struct turns {                               // of one lcore
	uint64_t most_cycles, shared_cycles; // fixed at start
	uint64_t shared_until;               // TSC: two queues have had packets not long before
	const struct turn *last;             // of the queue that had packets last
};

static inline void turns_init(struct turns *turns, uint64_t tsc_hz)
{
	*turns = (struct turns){ .most_cycles = tsc_hz / 1000000 * TURN_US,
		.shared_cycles = tsc_hz / 1000 * TURN_SHARED_MS };
}

static inline uint16_t turn_begin(const struct turns *turns, const struct turn *turn, uint64_t now)
{
	uint64_t n;

	if (now >= turns->shared_until || !turn->packet_cycles)
		return BURST_MAX;
	n = turns->most_cycles / turn->packet_cycles;
	return (uint16_t)(n >= BURST_MAX ? BURST_MAX
			: n < TURN_LEAST ? TURN_LEAST
					 : n / TURN_LEAST * TURN_LEAST);
}

// `n` packets, one at least, were taken and answered from `begin` to `now`.
static inline void turn_end(
	struct turns *turns, struct turn *turn, uint16_t n, uint64_t begin, uint64_t now)
{
	const uint64_t cycles = (now - begin) / n;

	turn->packet_cycles = turn->packet_cycles
		? (turn->packet_cycles * (TURN_WEIGHT - 1) + cycles + TURN_WEIGHT - 1) / TURN_WEIGHT
		: cycles;
	if (turns->last != turn && turns->last)
		turns->shared_until = now + turns->shared_cycles;
	turns->last = turn;
}
