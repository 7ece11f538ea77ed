// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826) and neighbour discovery (RFC 4861): who asks for our addresses is answered in the mbuf
// that asked; who wants them as well is told that they are taken (RFC 5227, RFC 4862), and noted. The
// dataplane keeps no table of neighbours, for replies go to the MAC that asked.
#pragma once

#include "dataplane/packet.h"

#include <netinet/in.h>

// Answers every ARP packet, ICMP message, query of MLD, and packet that is to be refused by an ICMP error
// among `n` mbufs; what is dropped is counted and freed. The answers are moved to the front of the array.
// Returns how many there are.
uint16_t neighbour_burst(struct rte_mbuf **mbufs, uint16_t n, struct dataplane_counters *counters);

// What announces an address, and what asks whether anybody else has it. Each is written behind the frame's
// L2 header (packet->l2_bytes) for packet->port, and the frame addressed.
void neighbour_write_arp(struct rte_mbuf *m, uint32_t address, bool is_probe);
void neighbour_write_advertisement(struct rte_mbuf *m, const struct in6_addr *address);
void neighbour_write_probe(struct rte_mbuf *m, const struct in6_addr *address);
