// SPDX-License-Identifier: BSD-3-Clause
// What the stages know about a packet. parse.c writes it into the mbuf's private area, and every
// later stage reads it there, so that no header is parsed twice. Owner: whichever lcore holds the
// mbuf.
#pragma once

#include "dataplane/info.h"

#include <rte_mbuf.h>

#define BURST_MAX 64 // packets a stage takes at a time

struct port;
struct deployment;
struct slot_stats;

enum packet_kind {
	PACKET_SCORE,  // admitted: to be scored
	PACKET_RESULT, // answered with packet->status
	PACKET_PONG,
	PACKET_ARP,
	PACKET_ICMPV4,
	PACKET_ICMPV6,
	PACKET_MLD,     // behind a hop-by-hop header
	PACKET_REFUSED, // to be answered by an ICMP error; packet->status is why (enum drop)
};

struct packet {
	uint64_t arrival_tsc;
	const struct port *port;             // that it came in by and the reply leaves by
	const struct deployment *deployment; // valid until the lcore's next quiescent state
	struct slot_stats *stats;            // of this lcore and slot; NULL where none are kept
	uint32_t payload_bytes;              // UDP payload, or ICMP message
	uint16_t payload_offset;             // of the same, from the frame's start
	uint16_t rows;
	uint16_t outputs; // columns of the reply
	uint16_t version; // of the model that scores it
	uint16_t key;     // that authenticates it; 0: none does
	uint8_t l2_bytes; // 14, and 4 for each VLAN tag
	uint8_t l3_bytes; // IP header with its options
	uint8_t kind;     // enum packet_kind
	uint8_t status;   // enum wire_status
	bool is_ipv6;
	uint8_t flags; // of its wire header
	bool done;     // score.c's: its result or refusal is decided
};

// The private area is a whole cache line, so that the frame behind it begins at one, too: devices
// and memcpy() alike are markedly slower where every line of a frame straddles two lines of the
// cache.
#define PACKET_BYTES RTE_CACHE_LINE_SIZE
_Static_assert(sizeof(struct packet) <= PACKET_BYTES, "struct packet fits its cache line");

static inline struct packet *packet_of(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}
