// SPDX-License-Identifier: BSD-3-Clause
// From a struct packet to the frame that answers it, in the same mbuf: headers turned round, VLAN
// tag and DSCP kept, checksums made by the device where it can and by incremental update or in
// full where it cannot.
#pragma once

#include "dataplane/clock.h"
#include "dataplane/packet.h"

// Turns the Ethernet addresses round and sets the frame's length, padding to the 60 bytes of
// the shortest frame. `bytes` must not exceed data_len + tailroom.
void reply_ethernet(struct rte_mbuf *m, uint32_t bytes);
// Turns the IP header round for a payload of `bytes`: TTL 64, no options, DF, checksum.
// Returns where the IP payload lies (dropping options moves it within the frame), and the sum of
// both addresses for the checksums that cover them.
uint8_t *reply_ip(struct rte_mbuf *m, uint32_t bytes, uint64_t *address_sum);

// Writes the reply for PACKET_PONG and PACKET_RESULT packets; a RESULT of status OK finds its
// outputs behind the wire header already. `now`: TSC just before transmission. Counts statuses,
// PONGs, and the latency of each.
void reply_packet(struct rte_mbuf *m, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters);
void reply_burst(struct rte_mbuf **mbufs, uint16_t n, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters);
