// SPDX-License-Identifier: BSD-3-Clause
// ARP requests (RFC 826) and IPv6 neighbour solicitations (RFC 4861) for our addresses: each
// becomes, in its own mbuf, the answer to whoever asked. The dataplane keeps no table of
// neighbours, for replies go to the MAC that asked.
#pragma once

#include "dataplane/packet.h"

// Answer one that parse_burst() found. DROP_NONE: the mbuf now holds the reply.
enum drop neighbour_arp(struct rte_mbuf *m);
enum drop neighbour_solicitation(struct rte_mbuf *m); // of an ICMPv6 message of type 135

// Answers every ARP request, neighbour solicitation and echo request among `n` mbufs; what is
// dropped is counted and freed. The replies are moved to the front of the array. Returns how many
// there are.
uint16_t neighbour_burst(struct rte_mbuf **mbufs, uint16_t n, struct dataplane_counters *counters);
