// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/frame.h"

#include "base/checksum.h"

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stddef.h>
#include <string.h>

static uint32_t frame_write_ipv4(uint8_t *dst, const struct frame_peer *peer, uint16_t udp_bytes)
{
	struct rte_ipv4_hdr ip = { .version_ihl = RTE_IPV4_VHL_DEF,
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + udp_bytes)),
		.src_addr = peer->from.ipv4.s_addr,
		.dst_addr = peer->to.ipv4.s_addr };

	ip.hdr_checksum = checksum_finish(checksum_ipv4_sum(&ip));
	memcpy(dst, &ip, sizeof(ip));
	return sizeof(ip);
}

static uint32_t frame_write_ipv6(uint8_t *dst, const struct frame_peer *peer, uint16_t udp_bytes)
{
	struct rte_ipv6_hdr ip = { .vtc_flow = RTE_BE32(6u << 28),
		.payload_len = rte_cpu_to_be_16(udp_bytes),
		.proto = IPPROTO_UDP,
		.hop_limits = 64 };

	memcpy(ip.src_addr, &peer->from.ipv6, sizeof(ip.src_addr));
	memcpy(ip.dst_addr, &peer->to.ipv6, sizeof(ip.dst_addr));
	memcpy(dst, &ip, sizeof(ip));
	return sizeof(ip);
}

// Sum of the pseudo header, which is the same for both families: addresses, protocol, UDP length.
static uint64_t frame_pseudo_sum(
	const struct config_address *a, const struct config_address *b, uint16_t udp_bytes_be)
{
	const uint32_t size = a->is_ipv6 ? sizeof(a->ipv6) : sizeof(a->ipv4);
	const void *from = a->is_ipv6 ? (const void *)&a->ipv6 : &a->ipv4;
	const void *to = a->is_ipv6 ? (const void *)&b->ipv6 : &b->ipv4;
	const uint64_t sum = (uint64_t)RTE_BE16(IPPROTO_UDP) + udp_bytes_be;

	return checksum_bytes(checksum_bytes(sum, from, size), to, size);
}

void frame_template_init(struct frame_template *template, const struct frame_peer *peer,
	const struct wire_header *wire, uint16_t payload_bytes)
{
	const uint16_t trailer_bytes =
		wire->flags & WIRE_FLAG_AUTHENTICATED ? DATAGRAM_TRAILER_BYTES : 0;
	const uint16_t udp_bytes = (uint16_t)(sizeof(struct rte_udp_hdr) + WIRE_HEADER_BYTES +
		payload_bytes + trailer_bytes);
	const struct rte_udp_hdr udp = { .src_port = rte_cpu_to_be_16(peer->source_port),
		.dst_port = rte_cpu_to_be_16(peer->port),
		.dgram_len = rte_cpu_to_be_16(udp_bytes) };
	struct rte_ether_hdr ethernet;
	uint8_t *dst = template->headers;
	uint64_t sum;

	memset(template, 0, sizeof(*template));
	template->peer = *peer;
	template->wire = *wire;
	template->wire.request_id = 0;
	template->wire.rows = 0;
	template->payload_bytes = payload_bytes;
	template->trailer_bytes = trailer_bytes;
	memcpy(&ethernet.dst_addr, peer->peer_mac, sizeof(ethernet.dst_addr));
	memcpy(&ethernet.src_addr, peer->our_mac, sizeof(ethernet.src_addr));
	ethernet.ether_type =
		peer->to.is_ipv6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(dst, &ethernet, sizeof(ethernet));
	dst += sizeof(ethernet);
	dst += peer->to.is_ipv6 ? frame_write_ipv6(dst, peer, udp_bytes)
				: frame_write_ipv4(dst, peer, udp_bytes);
	memcpy(dst, &udp, sizeof(udp));
	memcpy(dst + sizeof(udp), &template->wire, WIRE_HEADER_BYTES);
	template->udp_offset = (uint16_t)(dst - template->headers);
	template->headers_bytes =
		(uint16_t)(template->udp_offset + sizeof(udp) + WIRE_HEADER_BYTES);
	sum = frame_pseudo_sum(&peer->from, &peer->to, udp.dgram_len);
	template->sum = checksum_fold(checksum_bytes(sum, dst, sizeof(udp) + WIRE_HEADER_BYTES));
}

void frame_write(const struct frame_template *template, uint8_t *dst, uint64_t request_id,
	uint16_t rows, const uint8_t *payload, uint32_t payload_sum)
{
	uint8_t *udp = dst + template->udp_offset;
	uint8_t *wire = udp + sizeof(struct rte_udp_hdr);
	const uint64_t sum = (uint64_t) template->sum + payload_sum + rows +
		(request_id & 0xffffffff) + (request_id >> 32);
	const uint16_t checksum = checksum_finish_udp(sum);

	// A copy of constant size takes the least time. What it copies too much, the payload
	// overwrites.
	memcpy(dst, template->headers, FRAME_HEADERS_MAX);
	memcpy(wire + offsetof(struct wire_header, request_id), &request_id, sizeof(request_id));
	memcpy(wire + offsetof(struct wire_header, rows), &rows, sizeof(rows));
	memcpy(udp + offsetof(struct rte_udp_hdr, dgram_cksum), &checksum, sizeof(checksum));
	memcpy(dst + template->headers_bytes, payload, template->payload_bytes);
}

void frame_seal(const struct frame_template *template, uint8_t *dst,
	const uint8_t secret[KEY_SECRET_BYTES], uint64_t counter)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(dst + template->udp_offset);
	const struct frame_peer *peer = &template->peer;

	datagram_seal(
		udp + 1, (size_t)WIRE_HEADER_BYTES + template->payload_bytes, secret, counter);
	udp->dgram_cksum = 0;
	udp->dgram_cksum = checksum_finish_udp(
		checksum_bytes(frame_pseudo_sum(&peer->from, &peer->to, udp->dgram_len), udp,
			rte_be_to_cpu_16(udp->dgram_len)));
}

static enum frame_verdict frame_check_ipv4(const struct frame_peer *peer, const uint8_t *l3,
	uint32_t size, uint32_t *ip_bytes, uint32_t *total)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)l3;

	if (size < sizeof(*ip))
		return FRAME_MALFORMED;
	*ip_bytes = (ip->version_ihl & 15u) * 4;
	*total = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || *ip_bytes < sizeof(*ip) || *ip_bytes > size ||
		*total > size || *total < *ip_bytes)
		return FRAME_MALFORMED;
	if (ip->next_proto_id != IPPROTO_UDP || ip->src_addr != peer->to.ipv4.s_addr ||
		ip->dst_addr != peer->from.ipv4.s_addr)
		return FRAME_OTHER;
	return checksum_fold(checksum_bytes(0, ip, *ip_bytes)) == 0xffff ? FRAME_REPLY
									 : FRAME_BAD_CHECKSUM;
}

static enum frame_verdict frame_check_ipv6(const struct frame_peer *peer, const uint8_t *l3,
	uint32_t size, uint32_t *ip_bytes, uint32_t *total)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)l3;

	if (size < sizeof(*ip))
		return FRAME_MALFORMED;
	*ip_bytes = sizeof(*ip);
	*total = (uint32_t)sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (l3[0] >> 4 != 6 || *total > size)
		return FRAME_MALFORMED;
	if (ip->proto != IPPROTO_UDP ||
		memcmp(ip->src_addr, &peer->to.ipv6, sizeof(ip->src_addr)) != 0 ||
		memcmp(ip->dst_addr, &peer->from.ipv6, sizeof(ip->dst_addr)) != 0)
		return FRAME_OTHER;
	return FRAME_REPLY;
}

// IPv4 may leave the UDP checksum out (RFC 768); IPv6 may not (RFC 8200, 8.1).
static bool frame_udp_checksum_good(
	const struct frame_peer *peer, const struct rte_udp_hdr *udp, uint32_t udp_bytes)
{
	uint64_t sum;

	if (!udp->dgram_cksum)
		return !peer->to.is_ipv6;
	sum = frame_pseudo_sum(&peer->from, &peer->to, udp->dgram_len);
	return checksum_fold(checksum_bytes(sum, udp, udp_bytes)) == 0xffff;
}

enum frame_verdict frame_read(const struct frame_template *template, const uint8_t *frame,
	uint32_t size, struct frame_reply *reply)
{
	const struct frame_peer *peer = &template->peer;
	const uint8_t *l3 = frame + sizeof(struct rte_ether_hdr);
	const struct rte_udp_hdr *udp;
	uint32_t l3_bytes, ip_bytes, total, udp_bytes;
	enum frame_verdict verdict;

	// A reply has the type of what was sent.
	if (size < sizeof(struct rte_ether_hdr) ||
		((const struct rte_ether_hdr *)frame)->ether_type !=
			((const struct rte_ether_hdr *)template->headers)->ether_type)
		return FRAME_OTHER;
	l3_bytes = size - (uint32_t)sizeof(struct rte_ether_hdr);
	verdict = peer->to.is_ipv6 ? frame_check_ipv6(peer, l3, l3_bytes, &ip_bytes, &total)
				   : frame_check_ipv4(peer, l3, l3_bytes, &ip_bytes, &total);
	if (verdict != FRAME_REPLY)
		return verdict;
	udp = (const struct rte_udp_hdr *)(l3 + ip_bytes);
	if (total < ip_bytes + sizeof(*udp))
		return FRAME_MALFORMED;
	if (rte_be_to_cpu_16(udp->src_port) != peer->port ||
		rte_be_to_cpu_16(udp->dst_port) != peer->source_port)
		return FRAME_OTHER;
	udp_bytes = rte_be_to_cpu_16(udp->dgram_len);
	if (udp_bytes < sizeof(*udp) + WIRE_HEADER_BYTES || udp_bytes > total - ip_bytes)
		return FRAME_MALFORMED;
	if (!frame_udp_checksum_good(peer, udp, udp_bytes))
		return FRAME_BAD_CHECKSUM;
	reply->wire = (const struct wire_header *)(udp + 1);
	reply->payload = (const uint8_t *)(reply->wire + 1);
	reply->payload_bytes = udp_bytes - (uint32_t)sizeof(*udp) - WIRE_HEADER_BYTES;
	return FRAME_REPLY;
}
