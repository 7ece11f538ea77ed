// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/neighbour.h"

#include "ctl/load/checksum.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define ARP_FRAME      42 // 14 Ethernet, 28 ARP
#define ARP_REQUEST    1
#define ARP_REPLY      2
#define ND_FRAME       86 // 14 Ethernet, 40 IPv6, 24 message, 8 option
#define ND_BYTES       32
#define ND_SOLICIT     135
#define ND_ADVERTISE   136
#define ND_OPTION_FROM 1    // source link-layer address
#define ND_OPTION_IS   2    // target link-layer address
#define ND_SOLICITED   0x60 // solicited, override

static const uint8_t ARP_FIXED[] = { 0, 1, 8, 0, 6, 4,
	0 }; // Ethernet, IPv4, 6 and 4 bytes, op's high byte
static const uint8_t BROADCAST[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static uint32_t write_arp(uint8_t *dst, uint8_t op, const uint8_t our_mac[6], struct in_addr ours,
	const uint8_t mac[6], struct in_addr address)
{
	memcpy(dst, mac, 6);
	memcpy(dst + 6, our_mac, 6);
	dst[12] = 0x08;
	dst[13] = 0x06;
	memcpy(dst + 14, ARP_FIXED, sizeof(ARP_FIXED));
	dst[21] = op;
	memcpy(dst + 22, our_mac, 6);
	memcpy(dst + 28, &ours, 4);
	memcpy(dst + 32, mac, 6);
	memcpy(dst + 38, &address, 4);
	if (op == ARP_REQUEST)
		memset(dst + 32, 0, 6);
	return ARP_FRAME;
}

static uint32_t write_nd(uint8_t *dst, uint8_t type, const uint8_t our_mac[6], const uint8_t mac[6],
	const struct in6_addr *from, const struct in6_addr *to, const struct in6_addr *target)
{
	static const uint8_t IPV6_FIXED[] = { 0x60, 0, 0, 0, 0, ND_BYTES, IPPROTO_ICMPV6, 255 };
	uint8_t *ip = dst + 14, *nd = ip + 40;
	uint16_t checksum;

	memset(dst, 0, ND_FRAME);
	memcpy(dst, mac, 6);
	memcpy(dst + 6, our_mac, 6);
	dst[12] = 0x86;
	dst[13] = 0xdd;
	memcpy(ip, IPV6_FIXED, sizeof(IPV6_FIXED));
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	nd[0] = type;
	nd[4] = type == ND_ADVERTISE ? ND_SOLICITED : 0;
	memcpy(nd + 8, target, 16);
	nd[24] = type == ND_ADVERTISE ? ND_OPTION_IS : ND_OPTION_FROM;
	nd[25] = 1; // in units of 8 bytes
	memcpy(nd + 26, our_mac, 6);
	checksum = checksum_finish((uint64_t)checksum_sum(ip + 8, 32) + htons(IPPROTO_ICMPV6) +
		htons(ND_BYTES) + checksum_sum(nd, ND_BYTES));
	memcpy(nd + 2, &checksum, 2);
	return ND_FRAME;
}

uint32_t neighbour_ask(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *from,
	const struct config_address *to)
{
	// ff02::1:ff00:0/104 and the last 24 bits, on the wire at 33:33:ff and the same (RFC 4291,
	// 2464).
	struct in6_addr group = { .s6_addr = { 0xff, 0x02, [11] = 1, [12] = 0xff } };
	uint8_t mac[6] = { 0x33, 0x33, 0xff };

	if (!to->is_ipv6)
		return write_arp(dst, ARP_REQUEST, our_mac, from->ipv4, BROADCAST, to->ipv4);
	memcpy(group.s6_addr + 13, to->ipv6.s6_addr + 13, 3);
	memcpy(mac + 3, to->ipv6.s6_addr + 13, 3);
	return write_nd(dst, ND_SOLICIT, our_mac, mac, &from->ipv6, &group, &to->ipv6);
}

uint32_t neighbour_answer(uint8_t *dst, const uint8_t our_mac[6], const struct config_address *ours,
	const struct neighbour_message *question)
{
	if (!ours->is_ipv6)
		return write_arp(
			dst, ARP_REPLY, our_mac, ours->ipv4, question->mac, question->address.ipv4);
	return write_nd(dst, ND_ADVERTISE, our_mac, question->mac, &ours->ipv6,
		&question->address.ipv6, &ours->ipv6);
}

static struct neighbour_message read_arp(const uint8_t *frame, uint32_t size,
	const struct config_address *ours, const struct config_address *peer)
{
	struct neighbour_message message = { .kind = NEIGHBOUR_NONE };

	if (size < ARP_FRAME || memcmp(frame + 14, ARP_FIXED, sizeof(ARP_FIXED)) ||
		memcmp(frame + 38, &ours->ipv4, 4))
		return message;
	memcpy(message.mac, frame + 22, 6);
	memcpy(&message.address.ipv4, frame + 28, 4);
	if (frame[21] == ARP_REQUEST)
		message.kind = NEIGHBOUR_ASKS;
	else if (frame[21] == ARP_REPLY && !memcmp(frame + 28, &peer->ipv4, 4))
		message.kind = NEIGHBOUR_IS_AT;
	return message;
}

static struct neighbour_message read_nd(const uint8_t *frame, uint32_t size,
	const struct config_address *ours, const struct config_address *peer)
{
	struct neighbour_message message = { .kind = NEIGHBOUR_NONE };
	const uint8_t *ip = frame + 14, *nd = ip + 40;

	if (size < ND_FRAME - 8 || ip[6] != IPPROTO_ICMPV6 || ip[7] != 255 || nd[1])
		return message;
	message.address.is_ipv6 = true;
	memcpy(&message.address.ipv6, ip + 8, 16);
	memcpy(message.mac, frame + 6, 6);
	if (nd[0] == ND_SOLICIT && !memcmp(nd + 8, &ours->ipv6, 16))
		message.kind = NEIGHBOUR_ASKS;
	else if (nd[0] == ND_ADVERTISE && !memcmp(nd + 8, &peer->ipv6, 16))
		message.kind = NEIGHBOUR_IS_AT;
	if (message.kind == NEIGHBOUR_IS_AT && size >= ND_FRAME && nd[24] == ND_OPTION_IS &&
		nd[25] == 1)
		memcpy(message.mac, nd + 26, 6);
	return message;
}

struct neighbour_message neighbour_read(const uint8_t *frame, uint32_t size,
	const struct config_address *ours, const struct config_address *peer)
{
	const bool is_arp = size >= 14 && frame[12] == 0x08 && frame[13] == 0x06;
	const bool is_ipv6 = size >= 14 && frame[12] == 0x86 && frame[13] == 0xdd;

	if (is_arp && !ours->is_ipv6)
		return read_arp(frame, size, ours, peer);
	if (is_ipv6 && ours->is_ipv6)
		return read_nd(frame, size, ours, peer);
	return (struct neighbour_message){ .kind = NEIGHBOUR_NONE };
}
