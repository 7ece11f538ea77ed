// SPDX-License-Identifier: BSD-3-Clause
// Multicast listener discovery of version 2 (RFC 3810), and of 1 (RFC 2710) where a querier speaks no
// other: which groups the port listens to, so that switches which look at it pass solicitations of our
// addresses on. The groups are the solicited-node groups of our addresses, of any source.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/port.h"

#include <rte_ip.h>

// The most bytes that one of the below puts behind an L2 header.
#define MLD_BYTES_MAX (sizeof(struct rte_ipv6_hdr) + 8 + 8 + CONFIG_ADDRESSES_MAX * 20)

// Fills groups[CONFIG_ADDRESSES_MAX]; addresses that end alike share one. Returns how many there are.
uint32_t mld_groups(const struct port *port, struct in6_addr *groups);

// Writes a report of all groups behind the frame's L2 header (packet->l2_bytes) and addresses the frame:
// that we have begun to listen.
void mld_write_joined(struct rte_mbuf *m);
// A report of version 1, which is of one group.
void mld_write_report1(struct rte_mbuf *m, const struct in6_addr *group);

// Turns a query, a PACKET_MLD, into the report that it asks for. DROP_NONE, or what to drop it for.
enum drop mld_query(struct rte_mbuf *m);
