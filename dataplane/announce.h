// SPDX-License-Identifier: BSD-3-Clause
// What a port says on its link unasked: whether anybody else has its addresses (an ARP probe, a neighbour
// solicitation from ::), that it has them (a gratuitous ARP, an unsolicited neighbour advertisement), and
// which groups it listens to (an MLD report). The control thread makes the frames and decides when; an
// lcore sends them, for every transmit queue is one lcore's.
//
// Requests are answered from the start: the appliance does not wait for what its probes bring.
#pragma once

#include "base/error.h"
#include "dataplane/lcore.h"

struct announcer;

// `sender`: the lcore that sends, which does not run yet. It must have ended before the announcer is
// destroyed.
int announcer_create(struct lcore *sender, struct rte_mempool *pool, const struct port *ports,
	uint32_t n_ports, struct announcer **out, struct error *err);
void announcer_destroy(struct announcer *announcer); // NULL is fine

// What is due by now: a port whose link has come up begins with its probes, a second later it announces, and
// two seconds after that again (RFC 5227, 2.3). To be called now and then (100 ms).
void announcer_tick(struct announcer *announcer, uint64_t now_ns);
// Announces the port's addresses at once, and again later. -ENETDOWN where it has no link.
int announcer_begin(struct announcer *announcer, uint32_t port, uint64_t now_ns, struct error *err);
