// SPDX-License-Identifier: BSD-3-Clause
// One polling or scoring lcore: what it was given at start, and what it alone writes.
#pragma once

#include "dataplane/clock.h"
#include "dataplane/fair/fair.h"
#include "dataplane/fair/poll_turn.h"
#include "dataplane/lane.h"
#include "dataplane/packet.h"
#include "dataplane/port.h"
#include "dataplane/registry.h"

#include <rte_ring.h>

#define LCORE_QUEUES_MAX 64

struct lcore_queue {
	const struct port *port;
	uint16_t queue;
};

struct lcore_traffic { // by one port
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, drops, unfinished_checksums;
};

struct lcore_tx { // replies to one port, on their way out
	uint16_t n;
	struct rte_mbuf *mbufs[BURST_MAX];
};

// What the control thread can ask of an lcore, in one word that it reads once in a round.
#define LCORE_STOP 1u
#define LCORE_SEND 2u // what is in `outbox`

struct lcore {
	// Set before the lcore starts, then only read.
	uint32_t index; // also its thread id in `qsbr` and its TX queue on each port
	uint32_t cpu;
	enum lcore_role role;
	bool sleeps_when_idle;
	const struct port *ports;
	uint32_t n_ports;
	struct registry *registry;
	struct rte_rcu_qsbr *qsbr;
	struct clock clock;
	struct lcore_queue queues[LCORE_QUEUES_MAX]; // RX, of I/O and run-to-completion lcores
	uint32_t n_queues;
	struct rte_ring *rings[CONFIG_CPUS_MAX]; // I/O: to each worker; worker: from each I/O lcore
	uint32_t n_rings;
	struct rte_ring *outbox; // frames of the control thread's; NULL: another lcore sends them
	uint8_t *scratch, *lane_memory;
	_Atomic(const struct rules *)
		*rules;              // of clients; what it points to is NULL where none is limited
	struct fair *fair;           // of those that poll
	const struct lcore *workers; // I/O: [n_rings] that it hands requests to

	// Written by the control thread, read by the lcore.
	_Atomic(uint32_t) orders; // LCORE_STOP and LCORE_SEND

	// Written by the lcore, read by the control thread.
	struct dataplane_counters counters __rte_cache_aligned;
	struct lcore_traffic traffic[CONFIG_PORTS_MAX];
	struct slot_stats pings;
	_Atomic(uint64_t) start_tsc; // 0 until it runs
	_Atomic(uint64_t) handed;    // I/O: requests put into rings
	_Atomic(uint64_t) finished;  // worker: requests taken from rings, and answered

	// The lcore's own.
	uint32_t next_ring;
	struct poll_turns turns;
	struct lane lane; // of those that score
	struct lcore_tx tx[CONFIG_PORTS_MAX];
} __rte_cache_aligned;
