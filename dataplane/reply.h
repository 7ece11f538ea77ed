// SPDX-License-Identifier: BSD-3-Clause
// From a struct packet to the frame that answers it, in the same mbuf: addresses and ports are
// swapped, VLAN tag and DSCP kept. Checksums are left to the device where it makes them; otherwise
// they are updated or computed here.
#pragma once

#include "dataplane/clock.h"
#include "dataplane/packet.h"

#include <netinet/in.h>
#include <rte_ether.h>

struct auth;

// Swaps the Ethernet addresses and sets the frame's length, padding it to the 60 bytes of the
// shortest frame. `bytes` must not exceed data_len + tailroom.
void reply_ethernet(struct rte_mbuf *m, uint32_t bytes);
// The same, to another than who sent the frame: `to` may lie in it.
void reply_frame(struct rte_mbuf *m, const struct rte_ether_addr *to, uint32_t bytes);
// The same, to a group of IPv6's.
void reply_group(struct rte_mbuf *m, const struct in6_addr *to, uint32_t bytes);
// Swaps the IP addresses and writes the header for a payload of `bytes`: TTL 64, no options, DF,
// checksum. Returns where the IP payload lies, which changes within the frame where options are
// dropped, and the sum of both addresses for the checksums that cover them.
uint8_t *reply_ip(struct rte_mbuf *m, uint32_t bytes, uint64_t *address_sum);

// Writes the replies to PACKET_PONG and PACKET_RESULT packets; behind the wire header of a RESULT
// of status OK its outputs lie already. `now` is the TSC just before transmission. Counts statuses,
// PONGs and the latency of each. Those to requests with a key get their trailer by `auth`, which may
// be NULL where none has one.
void reply_burst(struct rte_mbuf **mbufs, uint16_t n, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters, const struct auth *auth);
// A burst of one without a key, for tests.
void reply_packet(struct rte_mbuf *m, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters);
