// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/icmp_error.h"

#include "base/checksum.h"
#include "dataplane/address.h"
#include "dataplane/reply.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define ICMP_ERROR_BYTES     8 // type, code, checksum, and a word that is the MTU or 0
#define ICMP_ERROR_TTL       64
#define ICMP_ERROR_IPV4_MAX  576u  // the whole packet: RFC 1812, 4.3.2.3
#define ICMP_ERROR_IPV6_MAX  1280u // RFC 4443, 2.4 (c)
#define ICMP_ERROR_TOS       0xc0  // internetwork control: RFC 1812, 4.3.2.5
#define UNREACHABLE          3
#define UNREACHABLE_PORT     3
#define UNREACHABLE_FRAGMENT 4 // fragmentation needed and DF set
#define ICMPV6_UNREACHABLE   1
#define ICMPV6_PORT          4
#define ICMPV6_TOO_BIG       2

// Behind the L2 header, as far as it has been received.
struct icmp_subject {
	const uint8_t *ip;
	uint32_t bytes; // of the IP packet: at least its header is there
	bool is_ipv6;
};

static bool icmp_error_udp_good(const struct port *port, const struct icmp_subject *s)
{
	const uint32_t header = s->is_ipv6 ? sizeof(struct rte_ipv6_hdr) : (s->ip[0] & 15u) * 4;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(s->ip + header);
	uint32_t bytes;
	uint64_t sum;

	if (s->bytes < header + sizeof(*udp))
		return false;
	bytes = rte_be_to_cpu_16(udp->dgram_len);
	if (bytes < sizeof(*udp) || bytes > s->bytes - header)
		return false;
	if (port->trusts_checksum)
		return true;
	if (!udp->dgram_cksum)
		return !s->is_ipv6;
	sum = checksum_pseudo(
		IPPROTO_UDP, udp->dgram_len, s->ip + (s->is_ipv6 ? 8 : 12), s->is_ipv6 ? 32 : 8);
	return checksum_fold(checksum_bytes(sum, udp, bytes)) == 0xffff;
}

static bool icmp_error_ipv4_due(
	const struct port *port, const struct icmp_subject *s, bool too_long)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)s->ip;

	if (ip->next_proto_id != IPPROTO_UDP ||
		(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		return false;
	if (too_long && !(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))
		return false;
	return address_ipv4_is_ours(port, ip->dst_addr) &&
		!address_ipv4_is_bad_source(port, ip->src_addr) &&
		checksum_fold(checksum_bytes(0, ip, (ip->version_ihl & 15u) * 4)) == 0xffff;
}

static bool icmp_error_ipv6_due(
	const struct port *port, const struct icmp_subject *s, bool too_long)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)s->ip;

	// No link of IPv6 has an MTU below 1280, and none may be told (RFC 8200, 5).
	if (ip->proto != IPPROTO_UDP || (too_long && port->mtu < ICMP_ERROR_IPV6_MAX))
		return false;
	return address_ipv6_is_ours(port, ip->dst_addr) &&
		!address_ipv6_is_bad_source(port, ip->src_addr);
}

// What of the frame is the IP packet, and of that what is there: one that is too long may have come cut off.
// False where its header is not whole, or it is no IP at all.
static bool icmp_error_subject(struct rte_mbuf *m, struct icmp_subject *s)
{
	const struct packet *p = packet_of(m);
	const uint32_t have = (uint32_t)m->data_len - p->l2_bytes;
	uint16_t type_be;

	memcpy(&type_be, rte_pktmbuf_mtod_offset(m, uint8_t *, p->l2_bytes - 2u), sizeof(type_be));
	s->ip = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l2_bytes);
	s->is_ipv6 = type_be == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV4) && have >= sizeof(struct rte_ipv4_hdr)) {
		const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)s->ip;
		const uint32_t header = (ip->version_ihl & 15u) * 4;

		s->bytes = RTE_MIN((uint32_t)rte_be_to_cpu_16(ip->total_length), have);
		return ip->version_ihl >> 4 == 4 && header >= sizeof(*ip) && s->bytes >= header;
	}
	if (!s->is_ipv6 || have < sizeof(struct rte_ipv6_hdr) || s->ip[0] >> 4 != 6)
		return false;
	s->bytes = (uint32_t)sizeof(struct rte_ipv6_hdr) +
		rte_be_to_cpu_16(((const struct rte_ipv6_hdr *)s->ip)->payload_len);
	s->bytes = RTE_MIN(s->bytes, have);
	return true;
}

bool icmp_error_due(const struct port *port, struct rte_mbuf *m, enum drop drop)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct packet *p = packet_of(m);
	const bool too_long = drop == DROP_TOO_LONG;
	struct icmp_subject s;

	if ((drop != DROP_NOT_HANDLED && !too_long) || m->nb_segs != 1)
		return false;
	// Of these two alone parse.c has gone as far as the IP header, and p->l2_bytes is set.
	if (!rte_is_same_ether_addr(&eth->dst_addr, &port->mac) || !icmp_error_subject(m, &s))
		return false;
	if (!(s.is_ipv6 ? icmp_error_ipv6_due(port, &s, too_long)
			: icmp_error_ipv4_due(port, &s, too_long)) ||
		(!too_long && !icmp_error_udp_good(port, &s)))
		return false;
	p->kind = PACKET_REFUSED;
	p->status = (uint8_t)drop;
	p->is_ipv6 = s.is_ipv6;
	return true;
}

static void icmp_error_write_ipv4(
	uint8_t *at, const struct rte_ipv4_hdr *about, uint32_t quoted, bool too_long, uint16_t mtu)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = ICMP_ERROR_TOS,
		.total_length =
			rte_cpu_to_be_16((uint16_t)(sizeof(ip) + ICMP_ERROR_BYTES + quoted)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = ICMP_ERROR_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = about->dst_addr,
		.dst_addr = about->src_addr,
	};
	uint8_t icmp[ICMP_ERROR_BYTES] = { UNREACHABLE,
		too_long ? UNREACHABLE_FRAGMENT : UNREACHABLE_PORT };
	uint16_t checksum;

	if (too_long) {
		icmp[6] = (uint8_t)(mtu >> 8);
		icmp[7] = (uint8_t)mtu;
	}
	ip.hdr_checksum = checksum_finish(checksum_ipv4_sum(&ip));
	checksum = checksum_finish(checksum_bytes(
		checksum_bytes(0, icmp, sizeof(icmp)), at + sizeof(ip) + sizeof(icmp), quoted));
	memcpy(icmp + 2, &checksum, sizeof(checksum));
	memcpy(at, &ip, sizeof(ip));
	memcpy(at + sizeof(ip), icmp, sizeof(icmp));
}

static void icmp_error_write_ipv6(
	uint8_t *at, const struct rte_ipv6_hdr *about, uint32_t quoted, bool too_long, uint16_t mtu)
{
	const uint16_t bytes_be = rte_cpu_to_be_16((uint16_t)(ICMP_ERROR_BYTES + quoted));
	struct rte_ipv6_hdr ip = {
		.vtc_flow = RTE_BE32(6u << 28),
		.payload_len = bytes_be,
		.proto = IPPROTO_ICMPV6,
		.hop_limits = ICMP_ERROR_TTL,
	};
	uint8_t icmp[ICMP_ERROR_BYTES] = { too_long ? ICMPV6_TOO_BIG : ICMPV6_UNREACHABLE,
		too_long ? 0 : ICMPV6_PORT };
	uint16_t checksum;
	uint64_t sum;

	memcpy(ip.src_addr, about->dst_addr, sizeof(ip.src_addr));
	memcpy(ip.dst_addr, about->src_addr, sizeof(ip.dst_addr));
	if (too_long) {
		icmp[6] = (uint8_t)(mtu >> 8);
		icmp[7] = (uint8_t)mtu;
	}
	sum = checksum_pseudo(IPPROTO_ICMPV6, bytes_be, ip.src_addr, 32);
	sum = checksum_bytes(sum, icmp, sizeof(icmp));
	checksum = checksum_finish(checksum_bytes(sum, at + sizeof(ip) + sizeof(icmp), quoted));
	memcpy(icmp + 2, &checksum, sizeof(checksum));
	memcpy(at, &ip, sizeof(ip));
	memcpy(at + sizeof(ip), icmp, sizeof(icmp));
}

// The packet that it is about stays where it is, cut off where the error would be too long; what the
// error begins with is written before it.
enum drop icmp_error(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	const uint32_t ip_bytes =
		(uint32_t)(p->is_ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
	const uint32_t before = ip_bytes + ICMP_ERROR_BYTES;
	const uint32_t may = p->is_ipv6 ? ICMP_ERROR_IPV6_MAX : ICMP_ERROR_IPV4_MAX;
	const uint32_t most = RTE_MIN(may, (uint32_t)p->port->mtu);
	const bool too_long = p->status == DROP_TOO_LONG;
	struct presence *presence = p->port->presence;
	struct icmp_subject s;
	uint32_t quoted;
	uint8_t *frame, *ip;

	if (!icmp_error_subject(m, &s) || rte_pktmbuf_headroom(m) < before ||
		!limit_admits(&presence->errors, p->arrival_tsc))
		return (enum drop)p->status;
	quoted = RTE_MIN(s.bytes, most - before);
	frame = rte_pktmbuf_mtod(m, uint8_t *) - before;
	memmove(frame, frame + before, p->l2_bytes);
	m->data_off = (uint16_t)(m->data_off - before);
	ip = frame + p->l2_bytes;
	if (p->is_ipv6)
		icmp_error_write_ipv6(ip, (const struct rte_ipv6_hdr *)(ip + before), quoted,
			too_long, p->port->mtu);
	else
		icmp_error_write_ipv4(ip, (const struct rte_ipv4_hdr *)(ip + before), quoted,
			too_long, p->port->mtu);
	reply_ethernet(m, p->l2_bytes + before + quoted);
	return DROP_NONE;
}
