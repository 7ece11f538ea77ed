// SPDX-License-Identifier: BSD-3-Clause
// From a frame to a struct packet: Ethernet, VLAN, IPv4, IPv6, UDP, and of the header in
// docs/wire.md the fields that every request must have right. What is not for us or not well formed
// ends here, each kind under the name of its drop.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/port.h"

// Parses one packet: the step of parse_burst(), for tests of single frames. Fills the private area
// and returns DROP_NONE, or the reason to drop the packet. The payload of a PACKET_SCORE begins
// with a wire header whose magic, version and reserved fields are right; a PING is one as well
// until admit.c looks.
enum drop parse_packet(const struct port *port, struct rte_mbuf *m);

struct parsed { // what parse_burst() found beside requests
	uint16_t n_others;
	uint8_t flags; // of all requests, each that any has
};

// Parses `n` mbufs that arrived at `now` (TSC) and parts them: scoring requests and pings go to
// `requests`, ARP, ICMP and what is to be answered by an ICMP error to `others`; what is dropped is
// counted and freed. Each array holds BURST_MAX. Returns how many requests there are.
uint16_t parse_burst(const struct port *port, struct rte_mbuf **mbufs, uint16_t n, uint64_t now,
	struct dataplane_counters *counters, struct rte_mbuf **requests, struct rte_mbuf **others,
	struct parsed *parsed);
