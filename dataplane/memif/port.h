// SPDX-License-Identifier: BSD-3-Clause
// A memif interface that we serve: what lcores receive from and send by, as by a DPDK device.
//
// A peer's link is one pointer, published and withdrawn by the server's thread; an lcore looks it up
// anew for each burst, and never keeps it past its quiescent state.
#pragma once

#include "dataplane/memif/link.h"

#include <rte_mbuf.h>

struct memif_queue { // of one lcore
	// Written by the lcore, read by the control thread.
	uint64_t missed; // descriptors that the peer wrote over before they were read
	uint64_t errors; // frames in descriptors that break the rules
	uint64_t no_mbuf;

	uint32_t next; // the lcore's own: which ring it begins with, where it has several
} __rte_cache_aligned;

struct memif_port {
	// What lcores read.
	_Atomic(struct memif_link *) link; // NULL: no peer
	struct rte_mempool *pool;
	uint32_t room; // for a frame, in an mbuf
	uint16_t n_rx, n_tx;

	// What the server's thread reads.
	char name[64];
	uint32_t id;
	char secret[MEMIF_SECRET_BYTES + 1]; // "": none is asked for
	_Atomic(uint64_t) turned_away;       // peers; it counts them, the control thread reads

	struct memif_queue rx[MEMIF_RINGS_MAX], tx[MEMIF_RINGS_MAX];
};

struct memif_port_stats {
	uint64_t rx_missed, rx_errors, rx_nombuf, tx_errors;
	uint64_t peers_turned_away;
};

// Up to MEMIF_RINGS_MAX queues each. NULL with a sentence.
struct memif_port *memif_port_create(
	struct rte_mempool *pool, uint16_t n_rx, uint16_t n_tx, struct error *err);
void memif_port_destroy(struct memif_port *port); // it must have no link; NULL is fine

void memif_port_stats(const struct memif_port *port, struct memif_port_stats *stats);

// What rte_eth_rx_burst() and rte_eth_tx_burst() are to a device. A peer may have another number of
// rings than we have queues: a queue receives from every n_rx-th ring, and where there are fewer
// rings to send by they are shared, in which case a burst may find its own in use and send nothing.
//
// A frame that is longer than an mbuf comes cut off, marked as one of two segments, so that it is
// dropped by the name of what is too long.
uint16_t memif_port_rx(
	struct memif_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t memif_port_tx(
	struct memif_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n);
