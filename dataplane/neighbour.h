// SPDX-License-Identifier: BSD-3-Clause
// ARP requests (RFC 826) and IPv6 neighbour solicitations (RFC 4861) for our addresses: each is
// turned, in its mbuf, into the answer to whoever asked. We keep no neighbour table ourselves:
// replies go to the MAC that asked.
#pragma once

#include "dataplane/packet.h"

// DROP_NONE: the mbuf now holds the reply. `m` has been through parse_packet.
enum drop neighbour_arp(struct rte_mbuf *m);
enum drop neighbour_solicitation(struct rte_mbuf *m); // of an ICMPv6 message of type 135

// Answers every ARP, solicitation and echo request among `n` mbufs; drops are counted and freed.
// The array is compacted to the replies. Returns how many.
uint16_t neighbour_burst(struct rte_mbuf **mbufs, uint16_t n, struct dataplane_counters *counters);
