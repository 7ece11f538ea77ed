// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/neighbour.h"

#include <netinet/in.h>
#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define ND_HOP_LIMIT      255 // proves that no router was crossed (RFC 4861, 3.1)
#define ND_SOLICITATION   135
#define ND_ADVERTISEMENT  136
#define ND_OPTION_SOURCE  1                    // the sender's link-layer address
#define ND_OPTION_TARGET  2                    // the target's link-layer address
#define ND_FLAGS_ANSWERED RTE_BE32(0x60000000) // solicited, override

struct neighbour_arp_frame {
	struct rte_ether_hdr ethernet;
	struct rte_arp_hdr arp;
} __rte_packed __rte_aligned(2);

struct neighbour_nd_frame {
	struct rte_ether_hdr ethernet;
	struct rte_ipv6_hdr ip;
	struct neighbour_nd { // a solicitation or an advertisement, with one option
		uint8_t type, code;
		uint16_t checksum;
		uint32_t flags;
		uint8_t target[16];
		uint8_t option_type, option_units; // of 8 bytes
		struct rte_ether_addr option_mac;
	} __rte_packed __rte_aligned(2) nd;
} __rte_packed __rte_aligned(2);
_Static_assert(sizeof(struct neighbour_nd_frame) == NEIGHBOUR_FRAME_MAX, "the longer of the two");
#define ND_FRAME_BYTES_MIN offsetof(struct neighbour_nd_frame, nd.option_type)

static void neighbour_ethernet(struct rte_ether_hdr *ethernet, const uint8_t from[6],
	const struct rte_ether_addr *to, uint16_t type_be)
{
	memcpy(&ethernet->src_addr, from, sizeof(ethernet->src_addr));
	ethernet->dst_addr = *to;
	ethernet->ether_type = type_be;
}

static uint32_t neighbour_write_arp(uint8_t *dst, uint16_t opcode_be, const uint8_t our_mac[6],
	struct in_addr ours, const struct rte_ether_addr *mac, struct in_addr address)
{
	struct neighbour_arp_frame frame = {
		.arp = {
			.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
			.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
			.arp_hlen = RTE_ETHER_ADDR_LEN,
			.arp_plen = sizeof(ours),
			.arp_opcode = opcode_be,
			.arp_data = { .arp_sip = ours.s_addr, .arp_tip = address.s_addr },
		},
	};

	neighbour_ethernet(&frame.ethernet, our_mac, mac, RTE_BE16(RTE_ETHER_TYPE_ARP));
	frame.arp.arp_data.arp_sha = frame.ethernet.src_addr;
	if (opcode_be == RTE_BE16(RTE_ARP_OP_REPLY)) // who asks does not know it: it stays zero
		frame.arp.arp_data.arp_tha = *mac;
	memcpy(dst, &frame, sizeof(frame));
	return sizeof(frame);
}

static uint32_t neighbour_write_nd(uint8_t *dst, uint8_t type, const uint8_t our_mac[6],
	const struct rte_ether_addr *mac, const struct in6_addr *from, const struct in6_addr *to,
	const struct in6_addr *target)
{
	const bool answers = type == ND_ADVERTISEMENT;
	struct neighbour_nd_frame frame = {
		.ip = {
			.vtc_flow = RTE_BE32(6u << 28),
			.payload_len = RTE_BE16(sizeof(frame.nd)),
			.proto = IPPROTO_ICMPV6,
			.hop_limits = ND_HOP_LIMIT,
		},
		.nd = {
			.type = type,
			.flags = answers ? ND_FLAGS_ANSWERED : 0,
			.option_type = answers ? ND_OPTION_TARGET : ND_OPTION_SOURCE,
			.option_units = 1,
		},
	};

	neighbour_ethernet(&frame.ethernet, our_mac, mac, RTE_BE16(RTE_ETHER_TYPE_IPV6));
	memcpy(frame.ip.src_addr, from, sizeof(frame.ip.src_addr));
	memcpy(frame.ip.dst_addr, to, sizeof(frame.ip.dst_addr));
	memcpy(frame.nd.target, target, sizeof(frame.nd.target));
	frame.nd.option_mac = frame.ethernet.src_addr;
	frame.nd.checksum = rte_ipv6_udptcp_cksum(&frame.ip, &frame.nd);
	memcpy(dst, &frame, sizeof(frame));
	return sizeof(frame);
}

uint32_t neighbour_ask(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *from,
	const struct config_address *to)
{
	static const struct rte_ether_addr BROADCAST = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	// The solicited-node group of an address is ff02::1:ff00:0/104 and the address's last 24
	// bits (RFC 4291, 2.7.1), and its MAC is 33:33:ff and the same (RFC 2464, 7).
	struct in6_addr group = { .s6_addr = { 0xff, 0x02, [11] = 1, [12] = 0xff } };
	struct rte_ether_addr mac = { { 0x33, 0x33, 0xff } };

	if (!to->is_ipv6)
		return neighbour_write_arp(dst, RTE_BE16(RTE_ARP_OP_REQUEST), our_mac, from->ipv4,
			&BROADCAST, to->ipv4);
	memcpy(group.s6_addr + 13, to->ipv6.s6_addr + 13, 3);
	memcpy(mac.addr_bytes + 3, to->ipv6.s6_addr + 13, 3);
	return neighbour_write_nd(
		dst, ND_SOLICITATION, our_mac, &mac, &from->ipv6, &group, &to->ipv6);
}

uint32_t neighbour_answer(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *ours,
	const struct neighbour_message *question)
{
	struct rte_ether_addr mac;

	memcpy(&mac, question->mac, sizeof(mac));
	if (!ours->is_ipv6)
		return neighbour_write_arp(dst, RTE_BE16(RTE_ARP_OP_REPLY), our_mac, ours->ipv4,
			&mac, question->address.ipv4);
	return neighbour_write_nd(dst, ND_ADVERTISEMENT, our_mac, &mac, &ours->ipv6,
		&question->address.ipv6, &ours->ipv6);
}

static struct neighbour_message neighbour_read_arp(const struct rte_arp_hdr *arp,
	const struct config_address *ours, const struct config_address *peer)
{
	struct neighbour_message message = { .kind = NEIGHBOUR_NONE };

	if (arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
		arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
		arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(ours->ipv4) ||
		arp->arp_data.arp_tip != ours->ipv4.s_addr)
		return message;
	memcpy(message.mac, &arp->arp_data.arp_sha, sizeof(message.mac));
	message.address.ipv4.s_addr = arp->arp_data.arp_sip;
	if (arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST))
		message.kind = NEIGHBOUR_ASKS;
	else if (arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY) &&
		arp->arp_data.arp_sip == peer->ipv4.s_addr)
		message.kind = NEIGHBOUR_IS_AT;
	return message;
}

static struct neighbour_message neighbour_read_nd(const struct neighbour_nd_frame *frame,
	bool has_option, const struct config_address *ours, const struct config_address *peer)
{
	struct neighbour_message message = { .kind = NEIGHBOUR_NONE };
	const struct neighbour_nd *nd = &frame->nd;

	if (frame->ip.proto != IPPROTO_ICMPV6 || frame->ip.hop_limits != ND_HOP_LIMIT || nd->code)
		return message;
	message.address.is_ipv6 = true;
	memcpy(&message.address.ipv6, frame->ip.src_addr, sizeof(message.address.ipv6));
	memcpy(message.mac, &frame->ethernet.src_addr, sizeof(message.mac));
	if (nd->type == ND_SOLICITATION && memcmp(nd->target, &ours->ipv6, sizeof(nd->target)) == 0)
		message.kind = NEIGHBOUR_ASKS;
	else if (nd->type == ND_ADVERTISEMENT &&
		memcmp(nd->target, &peer->ipv6, sizeof(nd->target)) == 0)
		message.kind = NEIGHBOUR_IS_AT;
	if (message.kind == NEIGHBOUR_IS_AT && has_option && nd->option_type == ND_OPTION_TARGET &&
		nd->option_units == 1)
		memcpy(message.mac, &nd->option_mac, sizeof(message.mac));
	return message;
}

struct neighbour_message neighbour_read(const uint8_t *frame, uint32_t size,
	const struct config_address *ours, const struct config_address *peer)
{
	const struct rte_ether_hdr *ethernet = (const struct rte_ether_hdr *)frame;
	const bool is_arp = size >= sizeof(struct neighbour_arp_frame) &&
		ethernet->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP);
	const bool is_ipv6 =
		size >= ND_FRAME_BYTES_MIN && ethernet->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6);

	if (is_arp && !ours->is_ipv6)
		return neighbour_read_arp(
			&((const struct neighbour_arp_frame *)frame)->arp, ours, peer);
	if (is_ipv6 && ours->is_ipv6)
		return neighbour_read_nd((const struct neighbour_nd_frame *)frame,
			size >= sizeof(struct neighbour_nd_frame), ours, peer);
	return (struct neighbour_message){ .kind = NEIGHBOUR_NONE };
}
