// SPDX-License-Identifier: BSD-3-Clause
// From a frame to a struct packet: Ethernet, VLAN, IPv4, IPv6, UDP, and the fixed part of wire.md's
// header. Whatever is not for us or not well formed ends here, each under the name of its drop.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/port.h"

// Fills the packet's private area. Returns DROP_NONE, or why nobody should see this packet again.
// A PACKET_SCORE's payload starts with a wire header: magic, version and reserved fields right.
enum drop parse_packet(const struct port *port, struct rte_mbuf *m);

// Sorts `n` mbufs that arrived at `now`: scoring requests and pings to `requests`, ARP and ICMP to
// `others`; drops are counted and freed. Each array holds BURST_MAX. Returns how many requests.
uint16_t parse_burst(const struct port *port, struct rte_mbuf **mbufs, uint16_t n, uint64_t now,
	struct dataplane_counters *counters, struct rte_mbuf **requests, struct rte_mbuf **others,
	uint16_t *n_others);
