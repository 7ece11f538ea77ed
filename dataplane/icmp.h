// SPDX-License-Identifier: BSD-3-Clause
// ICMP and ICMPv6 echo, answered in place (RFC 792, RFC 4443), so many a second.
#pragma once

#include "dataplane/packet.h"

#define ICMPV6_NEIGHBOUR_SOLICITATION  135
#define ICMPV6_NEIGHBOUR_ADVERTISEMENT 136

// Answer an echo request that parse_burst() found. DROP_NONE: the mbuf now holds the reply.
enum drop icmp_echo_ipv4(struct rte_mbuf *m);
enum drop icmp_echo_ipv6(struct rte_mbuf *m);

// True if the checksum over an ICMPv6 message and its pseudo header is right.
bool icmp_ipv6_checksum_good(const struct rte_mbuf *m);
