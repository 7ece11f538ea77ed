// SPDX-License-Identifier: BSD-3-Clause
// Frames in hand-made mbufs, for tests of the stages without EAL. Every frame starts right; a test
// then spoils one field and, where that field is covered, mends the checksums.
#pragma once

#include "base/checksum.h"
#include "dataplane/packet.h"
#include "dataplane/port.h"

#include <arpa/inet.h>
#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdio.h>

#define FRAME_ROOM   4096
#define FRAME_TSC_HZ 1000000000u

struct frame {
	struct rte_mbuf m;
	struct packet p; // where rte_mbuf_to_priv looks
	uint8_t room[FRAME_ROOM] __attribute__((aligned(64)));
};
_Static_assert(offsetof(struct frame, p) == sizeof(struct rte_mbuf), "private area follows");

static const struct rte_ether_addr FRAME_OUR_MAC = { { 2, 0, 0, 0, 0, 1 } };
static const struct rte_ether_addr FRAME_PEER_MAC = { { 2, 0, 0, 0, 0, 2 } };

static inline void frame_port(struct port *port)
{
	static struct config_port config = {
		.name = "edge", .udp_port = 7797, .mtu = 1500, .icmp_per_second = 1000
	};
	static struct presence presence;

	config.n_addresses = 2;
	config.addresses[0].prefix_length = 24;
	inet_pton(AF_INET, "10.77.0.1", &config.addresses[0].ipv4);
	config.addresses[1].is_ipv6 = true;
	config.addresses[1].prefix_length = 64;
	inet_pton(AF_INET6, "fd00:77::1", &config.addresses[1].ipv6);
	presence_init(&presence, &config, FRAME_TSC_HZ);
	port_init(port, 0, &config, &presence);
	port->mac = FRAME_OUR_MAC;
}

static inline uint8_t *frame_at(struct frame *f, uint32_t offset)
{
	return rte_pktmbuf_mtod_offset(&f->m, uint8_t *, offset);
}

// Whether the frame is what `hex` says, of which every byte was computed elsewhere.
static inline bool frame_is(struct frame *f, const char *hex)
{
	const uint32_t bytes = (uint32_t)strlen(hex) / 2;

	if (f->m.data_len != bytes || f->m.pkt_len != bytes)
		return false;
	for (uint32_t i = 0; i < bytes; i++) {
		char text[3];

		snprintf(text, sizeof(text), "%02x", *frame_at(f, i));
		if (memcmp(text, hex + 2 * (size_t)i, 2) != 0)
			return false;
	}
	return true;
}

static inline void frame_length(struct frame *f, uint32_t bytes)
{
	f->m.data_len = (uint16_t)bytes;
	f->m.pkt_len = bytes;
}

static inline void frame_ethernet(struct frame *f, uint16_t type, bool vlan)
{
	struct rte_ether_hdr *eth;

	memset(f, 0, sizeof(*f));
	f->m.buf_addr = f->room;
	f->m.buf_len = sizeof(f->room);
	f->m.data_off = RTE_PKTMBUF_HEADROOM;
	f->m.nb_segs = 1;
	f->m.priv_size = sizeof(struct packet);
	rte_mbuf_refcnt_set(&f->m, 2); // freeing gives one back, and needs no pool
	eth = (struct rte_ether_hdr *)frame_at(f, 0);
	eth->dst_addr = FRAME_OUR_MAC;
	eth->src_addr = FRAME_PEER_MAC;
	eth->ether_type = htons(vlan ? RTE_ETHER_TYPE_VLAN : type);
	f->p.l2_bytes = vlan ? 18 : 14;
	if (vlan) {
		uint16_t tag[2] = { htons(0x6123), htons(type) };

		memcpy(frame_at(f, 14), tag, sizeof(tag));
	}
}

// Who of all on the link has our IPv4 address?
static inline void frame_arp_request(struct frame *f, bool vlan)
{
	const struct rte_arp_hdr arp = {
		.arp_hardware = htons(1),
		.arp_protocol = htons(0x0800),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = htons(1),
		.arp_data = { .arp_sha = FRAME_PEER_MAC,
			.arp_sip = inet_addr("10.77.0.2"),
			.arp_tip = inet_addr("10.77.0.1") },
	};

	frame_ethernet(f, RTE_ETHER_TYPE_ARP, vlan);
	memset(frame_at(f, 0), 0xff, 6);
	memcpy(frame_at(f, f->p.l2_bytes), &arp, sizeof(arp));
	frame_length(f, f->p.l2_bytes + (uint32_t)sizeof(arp));
}

static inline struct rte_ipv4_hdr *frame_ipv4(struct frame *f)
{
	return (struct rte_ipv4_hdr *)frame_at(f, f->p.l2_bytes);
}

static inline struct rte_ipv6_hdr *frame_ipv6(struct frame *f)
{
	return (struct rte_ipv6_hdr *)frame_at(f, f->p.l2_bytes);
}

// Of a frame whose IP header has the usual length.
static inline uint8_t *frame_l4(struct frame *f)
{
	return frame_at(f, f->p.l2_bytes + (*frame_at(f, f->p.l2_bytes) >> 4 == 6 ? 40u : 20u));
}

// Makes the IPv4 header's checksum right for what is there now, as a bystander computes it.
static inline void frame_mend_ipv4(struct frame *f)
{
	struct rte_ipv4_hdr *ip = frame_ipv4(f);
	uint32_t sum = 0;

	ip->hdr_checksum = 0;
	for (uint32_t i = 0; i < (ip->version_ihl & 15u) * 4; i += 2)
		sum += (uint32_t)((const uint8_t *)ip)[i] << 8 | ((const uint8_t *)ip)[i + 1];
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	ip->hdr_checksum = htons((uint16_t)~sum);
}

// The same for UDP, ICMP or ICMPv6: byte by byte, with RFC 768's and RFC 8200's pseudo headers.
static inline uint16_t frame_l4_checksum(struct frame *f, uint32_t l4_bytes, uint8_t protocol)
{
	const uint8_t *l4 = frame_l4(f);
	bool is_ipv6 = *frame_at(f, f->p.l2_bytes) >> 4 == 6;
	uint32_t address_bytes = is_ipv6 ? 32 : 8, sum = 0;

	if (protocol != IPPROTO_ICMP) {
		sum = protocol + l4_bytes;
		for (uint32_t i = 0; i < address_bytes; i += 2)
			sum += (uint32_t)(l4 - address_bytes)[i] << 8 | (l4 - address_bytes)[i + 1];
	}
	for (uint32_t i = 0; i < l4_bytes; i++)
		sum += i % 2 ? l4[i] : (uint32_t)l4[i] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return htons((uint16_t)~sum);
}

static inline void frame_mend_udp(struct frame *f)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)frame_l4(f);

	udp->dgram_cksum = 0;
	udp->dgram_cksum = frame_l4_checksum(f, ntohs(udp->dgram_len), IPPROTO_UDP);
	if (!udp->dgram_cksum)
		udp->dgram_cksum = 0xffff;
}

// An IP header for `bytes` of `protocol` behind it, from the peer to us.
static inline void frame_ip(
	struct frame *f, bool is_ipv6, bool vlan, uint8_t protocol, uint32_t bytes)
{
	frame_ethernet(f, is_ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4, vlan);
	frame_length(f, f->p.l2_bytes + (is_ipv6 ? 40 : 20) + bytes);
	if (is_ipv6) {
		struct rte_ipv6_hdr *ip = frame_ipv6(f);

		ip->vtc_flow = htonl(0x6b812345); // DSCP 46, ECN 0, a flow label
		ip->payload_len = htons((uint16_t)bytes);
		ip->proto = protocol;
		ip->hop_limits = 255;
		inet_pton(AF_INET6, "fd00:77::2", ip->src_addr);
		inet_pton(AF_INET6, "fd00:77::1", ip->dst_addr);
		return;
	}
	*frame_ipv4(f) = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.type_of_service = 0xb9, // DSCP 46, ECN 1
		.total_length = htons((uint16_t)(20 + bytes)),
		.packet_id = htons(77),
		.time_to_live = 3,
		.next_proto_id = protocol,
		.src_addr = inet_addr("10.77.0.2"),
		.dst_addr = inet_addr("10.77.0.1"),
	};
	frame_mend_ipv4(f);
}

static inline struct wire_header *frame_wire(struct frame *f)
{
	return (struct wire_header *)(frame_l4(f) + sizeof(struct rte_udp_hdr));
}

// A request, as docs/wire.md has it, of `payload_bytes` >= 32: header, then bytes that count up.
static inline void frame_request(struct frame *f, bool is_ipv6, bool vlan, uint8_t type,
	uint16_t rows, uint16_t columns, uint32_t payload_bytes)
{
	struct rte_udp_hdr *udp;

	frame_ip(f, is_ipv6, vlan, IPPROTO_UDP, payload_bytes + (uint32_t)sizeof(*udp));
	udp = (struct rte_udp_hdr *)frame_l4(f);
	udp->src_port = htons(40000);
	udp->dst_port = htons(7797);
	udp->dgram_len = htons((uint16_t)(payload_bytes + sizeof(*udp)));
	for (uint32_t i = 0; i < payload_bytes; i++)
		((uint8_t *)(udp + 1))[i] = (uint8_t)(i * 7);
	*frame_wire(f) = (struct wire_header){
		.magic = { 'M', 'L' },
		.version = 1,
		.type = type,
		.model = 7,
		.request_id = 0x1122334455667788,
		.rows = rows,
		.columns = columns,
		.key_id = 0xabcd,
	};
	frame_mend_udp(f);
}
