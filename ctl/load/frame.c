// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/frame.h"

#include "ctl/load/checksum.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#define ETHERNET_BYTES 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define UDP_HEADER     8

static uint16_t read_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void write_be16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint32_t write_ipv4(uint8_t *dst, const struct frame_peer *peer, uint16_t udp_bytes)
{
	struct iphdr ip = { .version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.frag_off = htons(IP_DF),
		.tot_len = htons((uint16_t)(sizeof(ip) + udp_bytes)),
		.saddr = peer->from.ipv4.s_addr,
		.daddr = peer->to.ipv4.s_addr };

	ip.check = (uint16_t)~checksum_sum(&ip, sizeof(ip));
	memcpy(dst, &ip, sizeof(ip));
	return sizeof(ip);
}

static uint32_t write_ipv6(uint8_t *dst, const struct frame_peer *peer, uint16_t udp_bytes)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(udp_bytes),
		.ip6_nxt = IPPROTO_UDP,
		.ip6_hlim = 64,
		.ip6_src = peer->from.ipv6,
		.ip6_dst = peer->to.ipv6 };

	memcpy(dst, &ip, sizeof(ip));
	return sizeof(ip);
}

// Pseudo header of both families: addresses, protocol, UDP length.
static uint64_t pseudo_sum(
	const struct config_address *a, const struct config_address *b, uint16_t udp_bytes)
{
	const size_t size = a->is_ipv6 ? 16 : 4;
	const void *from = a->is_ipv6 ? (const void *)&a->ipv6 : &a->ipv4;
	const void *to = a->is_ipv6 ? (const void *)&b->ipv6 : &b->ipv4;

	return (uint64_t)checksum_sum(from, size) + checksum_sum(to, size) + htons(IPPROTO_UDP) +
		htons(udp_bytes);
}

void frame_template_init(struct frame_template *template, const struct frame_peer *peer,
	const struct wire_header *wire, uint16_t payload_bytes)
{
	const uint16_t udp_bytes = (uint16_t)(UDP_HEADER + WIRE_HEADER_BYTES + payload_bytes);
	uint8_t *dst = template->headers;
	uint8_t *udp;

	memset(template, 0, sizeof(*template));
	template->peer = *peer;
	template->wire = *wire;
	template->wire.request_id = 0;
	template->wire.rows = 0;
	template->payload_bytes = payload_bytes;
	memcpy(dst, peer->peer_mac, 6);
	memcpy(dst + 6, peer->our_mac, 6);
	write_be16(dst + 12, peer->to.is_ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	dst += ETHERNET_BYTES;
	dst += peer->to.is_ipv6 ? write_ipv6(dst, peer, udp_bytes)
				: write_ipv4(dst, peer, udp_bytes);
	udp = dst;
	write_be16(udp, peer->source_port);
	write_be16(udp + 2, peer->port);
	write_be16(udp + 4, udp_bytes);
	memcpy(udp + UDP_HEADER, &template->wire, WIRE_HEADER_BYTES);
	template->udp_offset = (uint16_t)(udp - template->headers);
	template->headers_bytes = (uint16_t)(template->udp_offset + UDP_HEADER + WIRE_HEADER_BYTES);
	template->sum = checksum_fold(pseudo_sum(&peer->from, &peer->to, udp_bytes) +
		checksum_sum(udp, UDP_HEADER + WIRE_HEADER_BYTES));
}

void frame_write(const struct frame_template *template, uint8_t *dst, uint64_t request_id,
	uint16_t rows, const uint8_t *payload, uint32_t payload_sum)
{
	uint8_t *udp = dst + template->udp_offset;
	uint8_t *wire = udp + UDP_HEADER;
	const uint64_t sum = (uint64_t) template->sum + payload_sum + rows +
		(request_id & 0xffffffff) + (request_id >> 32);
	const uint16_t checksum = checksum_finish(sum);

	memcpy(dst, template->headers,
		FRAME_HEADERS_MAX); // constant size; the payload overwrites the rest
	memcpy(wire + offsetof(struct wire_header, request_id), &request_id, 8);
	memcpy(wire + offsetof(struct wire_header, rows), &rows, 2);
	memcpy(udp + 6, &checksum, 2);
	memcpy(dst + template->headers_bytes, payload, template->payload_bytes);
}

static enum frame_verdict check_ipv4(const struct frame_peer *peer, const uint8_t *ip,
	uint32_t size, uint32_t *ip_bytes, uint32_t *total)
{
	if (size < 20)
		return FRAME_MALFORMED;
	*ip_bytes = (ip[0] & 15u) * 4;
	*total = read_be16(ip + 2);
	if (ip[0] >> 4 != 4 || *ip_bytes < 20 || *ip_bytes > size || *total > size ||
		*total < *ip_bytes)
		return FRAME_MALFORMED;
	if (ip[9] != IPPROTO_UDP || memcmp(ip + 12, &peer->to.ipv4, 4) ||
		memcmp(ip + 16, &peer->from.ipv4, 4))
		return FRAME_OTHER;
	return checksum_sum(ip, *ip_bytes) == 0xffff ? FRAME_REPLY : FRAME_BAD_CHECKSUM;
}

static enum frame_verdict check_ipv6(const struct frame_peer *peer, const uint8_t *ip,
	uint32_t size, uint32_t *ip_bytes, uint32_t *total)
{
	if (size < 40)
		return FRAME_MALFORMED;
	*ip_bytes = 40;
	*total = 40u + read_be16(ip + 4);
	if (ip[0] >> 4 != 6 || *total > size)
		return FRAME_MALFORMED;
	if (ip[6] != IPPROTO_UDP || memcmp(ip + 8, &peer->to.ipv6, 16) ||
		memcmp(ip + 24, &peer->from.ipv6, 16))
		return FRAME_OTHER;
	return FRAME_REPLY;
}

enum frame_verdict frame_read(const struct frame_template *template, const uint8_t *frame,
	uint32_t size, struct frame_reply *reply)
{
	const struct frame_peer *peer = &template->peer;
	const uint8_t *ip = frame + ETHERNET_BYTES, *udp;
	uint32_t ip_bytes, total, udp_bytes;
	enum frame_verdict verdict;

	if (size < ETHERNET_BYTES ||
		read_be16(frame + 12) != (peer->to.is_ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4))
		return FRAME_OTHER;
	verdict = peer->to.is_ipv6 ? check_ipv6(peer, ip, size - ETHERNET_BYTES, &ip_bytes, &total)
				   : check_ipv4(peer, ip, size - ETHERNET_BYTES, &ip_bytes, &total);
	if (verdict != FRAME_REPLY)
		return verdict;
	udp = ip + ip_bytes;
	if (total < ip_bytes + UDP_HEADER)
		return FRAME_MALFORMED;
	if (read_be16(udp) != peer->port || read_be16(udp + 2) != peer->source_port)
		return FRAME_OTHER;
	udp_bytes = read_be16(udp + 4);
	if (udp_bytes < UDP_HEADER + WIRE_HEADER_BYTES || udp_bytes > total - ip_bytes)
		return FRAME_MALFORMED;
	// IPv4 may leave the UDP checksum out (RFC 768); IPv6 may not (RFC 8200).
	if ((peer->to.is_ipv6 || read_be16(udp + 6)) &&
		checksum_fold(pseudo_sum(&peer->from, &peer->to, (uint16_t)udp_bytes) +
			checksum_sum(udp, udp_bytes)) != 0xffff)
		return FRAME_BAD_CHECKSUM;
	reply->wire = (const struct wire_header *)(udp + UDP_HEADER);
	reply->payload = udp + UDP_HEADER + WIRE_HEADER_BYTES;
	reply->payload_bytes = udp_bytes - UDP_HEADER - WIRE_HEADER_BYTES;
	return FRAME_REPLY;
}
