// SPDX-License-Identifier: BSD-3-Clause
// One captured or received packet, reduced to what a flow needs to know of it.
//
// No allocation, no state, no DPDK, no libpcap: any thread may call it on any bytes. Nothing is
// read past `captured` bytes, whatever the packet's own length fields claim.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// What comes first in the bytes.
enum packet_link {
	PACKET_LINK_ETHERNET,
	PACKET_LINK_RAW_IP, // IPv4 or IPv6, told apart by the version nibble
	PACKET_LINK_NULL,   // BSD loopback: a 4-byte address family, then IP
	PACKET_LINK_SLL,    // Linux cooked capture, 16-byte header
	PACKET_LINK_SLL2,   // Linux cooked capture v2, 20-byte header
};

// What a packet turned out to be. X(VERDICT, "what it means, as a count of packets is reported")
#define PACKET_VERDICT_LIST(X)                                                                     \
	X(PACKET_OK, "in flows")                                                                   \
	X(PACKET_NOT_IP, "not IP")                                                                 \
	X(PACKET_OTHER_PROTOCOL, "IP, but neither TCP nor UDP nor ICMP")                           \
	X(PACKET_FRAGMENT, "fragments after the first")                                            \
	X(PACKET_SNAPPED, "captured too short to hold their headers")                              \
	X(PACKET_MALFORMED, "malformed")

enum packet_verdict {
#define X(verdict, text) verdict,
	PACKET_VERDICT_LIST(X)
#undef X
		PACKET_VERDICTS
};
const char *packet_verdict_text(enum packet_verdict verdict);

#define PACKET_PROTOCOL_ICMP   1
#define PACKET_PROTOCOL_TCP    6
#define PACKET_PROTOCOL_UDP    17
#define PACKET_PROTOCOL_ICMPV6 58

// TCP's flags, as in the header's 14th byte.
#define PACKET_FIN 0x01
#define PACKET_SYN 0x02
#define PACKET_RST 0x04
#define PACKET_PSH 0x08
#define PACKET_ACK 0x10
#define PACKET_URG 0x20

// One end of a flow. IPv4 in the first four bytes, the rest zero. ICMP echo: the identifier as port
// on both ends; other ICMP: 0.
struct packet_end {
	uint8_t address[16];
	uint16_t port; // host byte order
};

struct flow_packet {
	uint64_t time_ns;
	struct packet_end source;
	struct packet_end destination;
	uint8_t protocol;   // PACKET_PROTOCOL_*
	uint8_t ip_version; // 4 or 6
	uint8_t tcp_flags;  // 0 unless TCP
	uint16_t window;    // TCP, unscaled; 0 otherwise
	uint32_t
		ip_bytes; // as the IP length says, without the link's padding; where it is 0, the frame's
	uint32_t header_bytes;  // IP and transport headers together
	uint32_t payload_bytes; // behind the transport header
	uint32_t transport_at;  // where that begins, in the bytes given
	bool is_fragment;       // the first of several
};

// `captured` bytes are there of a packet that was `wire_bytes` long. Fills `out` only for
// PACKET_OK. Formats: IEEE 802.1Q/ad, RFC 791, 8200, 9293, 768, 792, 4443; LINUX_SLL and LINUX_SLL2
// of tcpdump.org.
enum packet_verdict packet_parse(enum packet_link link, const uint8_t *bytes, uint32_t captured,
	uint32_t wire_bytes, uint64_t time_ns, struct flow_packet *out);
