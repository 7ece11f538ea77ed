// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/parse.h"

#include "base/checksum.h"
#include "dataplane/address.h"
#include "dataplane/icmp.h"
#include "dataplane/icmp_error.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define IPV6_FRAGMENT     44 // next header
#define TAGS_MAX          2
#define PREFETCH_AHEAD    4
// Of options: more than any router alert has with it, and such that l3_bytes holds it.
#define HOP_BY_HOP_BYTES_MAX 64u

static __rte_always_inline enum drop parse_wire(struct packet *p, const uint8_t *payload)
{
	const struct wire_header *header = (const struct wire_header *)payload;

	if (p->payload_bytes < WIRE_HEADER_BYTES)
		return DROP_SHORT_HEADER;
	if (!wire_has_magic(header))
		return DROP_BAD_MAGIC;
	if (header->version != WIRE_VERSION)
		return DROP_BAD_VERSION;
	if (!wire_reserved_is_zero(header))
		return DROP_RESERVED_NOT_ZERO;
	p->kind = PACKET_SCORE;
	p->flags = header->flags;
	p->key = 0;
	return DROP_NONE;
}

// What the NIC says of a checksum in `ol_flags`, where that offload is in use. 1: it is right; 0:
// it is wrong; -1: it has to be computed.
static inline int parse_nic_verdict(
	const struct port *port, const struct rte_mbuf *m, uint64_t good, uint64_t bad)
{
	if (!port->rx_checksum)
		return -1;
	// Neither flag says that the NIC does not know, both that the checksum is not complete.
	if (!(m->ol_flags & good) == !(m->ol_flags & bad))
		return -1;
	return (m->ol_flags & good) != 0;
}

// `addresses` are source and destination as they lie in the packet, `address_bytes` both together.
static __rte_always_inline bool parse_udp_checksum_good(const struct port *port,
	const struct rte_mbuf *m, const struct packet *p, const struct rte_udp_hdr *udp,
	const void *addresses, uint32_t address_bytes)
{
	uint32_t udp_bytes = rte_be_to_cpu_16(udp->dgram_len);
	uint64_t sum;
	int nic;

	if (!udp->dgram_cksum) // none was made: IPv4 allows that, IPv6 does not (RFC 8200, 8.1)
		return !p->is_ipv6;
	if (port->trusts_checksum)
		return true;
	nic = parse_nic_verdict(port, m, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD);
	if (nic >= 0)
		return nic;
	sum = checksum_pseudo(IPPROTO_UDP, udp->dgram_len, addresses, address_bytes);
	return checksum_fold(checksum_bytes(sum, udp, udp_bytes)) == 0xffff;
}

// Whether the checksum of a UDP datagram is what a kernel leaves there for a card to finish (Linux's
// CHECKSUM_PARTIAL): the sum of the pseudo header alone. Over a veth nothing finishes it. Only of a packet
// that parse_udp() dropped for its checksum.
static bool parse_is_unfinished(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l2_bytes);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(l3 + p->l3_bytes);
	const uint8_t *addresses = l3 +
		(p->is_ipv6 ? offsetof(struct rte_ipv6_hdr, src_addr)
			    : offsetof(struct rte_ipv4_hdr, src_addr));

	return checksum_fold(checksum_pseudo(IPPROTO_UDP, udp->dgram_len, addresses,
		       p->is_ipv6 ? 32 : 8)) == udp->dgram_cksum;
}

// `l4_bytes` is the length of the IP payload: a longer UDP length is refused; where it is shorter,
// what follows the datagram is ignored (RFC 768).
static __rte_always_inline enum drop parse_udp(const struct port *port, const struct rte_mbuf *m,
	struct packet *p, const uint8_t *l4, uint32_t l4_bytes, const void *addresses,
	uint32_t address_bytes)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)l4;
	uint32_t udp_bytes;

	if (l4_bytes < sizeof(*udp))
		return DROP_BAD_UDP_LENGTH;
	udp_bytes = rte_be_to_cpu_16(udp->dgram_len);
	if (udp_bytes < sizeof(*udp) || udp_bytes > l4_bytes)
		return DROP_BAD_UDP_LENGTH;
	if (udp->dst_port != port->udp_port_be)
		return DROP_NOT_HANDLED;
	if (udp->src_port == 0 || udp->src_port == port->udp_port_be)
		return DROP_BAD_SOURCE_PORT;
	if (!parse_udp_checksum_good(port, m, p, udp, addresses, address_bytes))
		return DROP_BAD_L4_CHECKSUM;
	p->payload_offset = (uint16_t)(p->l2_bytes + p->l3_bytes + sizeof(*udp));
	p->payload_bytes = udp_bytes - (uint32_t)sizeof(*udp);
	return parse_wire(p, l4 + sizeof(*udp));
}

static enum drop parse_icmp(struct packet *p, enum packet_kind kind, uint32_t bytes)
{
	p->kind = kind;
	p->payload_offset = (uint16_t)(p->l2_bytes + p->l3_bytes);
	p->payload_bytes = bytes;
	return DROP_NONE;
}

static inline bool parse_ipv4_checksum_good(
	const struct port *port, const struct rte_mbuf *m, const uint8_t *l3, uint32_t bytes)
{
	int nic =
		parse_nic_verdict(port, m, RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_BAD);

	if (nic >= 0)
		return nic;
	if (bytes == IPV4_HEADER_BYTES)
		return checksum_fold(checksum_ipv4_sum(l3)) == 0xffff;
	return checksum_fold(checksum_bytes(0, l3, bytes)) == 0xffff;
}

static __rte_always_inline enum drop parse_ipv4(const struct port *port, const struct rte_mbuf *m,
	struct packet *p, const uint8_t *l3, uint32_t bytes)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)l3;
	uint32_t header_bytes, total;

	if (bytes < IPV4_HEADER_BYTES)
		return DROP_TRUNCATED;
	header_bytes = (ip->version_ihl & 15u) * 4;
	total = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES || total < header_bytes)
		return DROP_BAD_IP_HEADER;
	if (total > port->mtu)
		return DROP_TOO_LONG;
	if (total > bytes)
		return DROP_TRUNCATED;
	if (!parse_ipv4_checksum_good(port, m, l3, header_bytes))
		return DROP_BAD_IP_CHECKSUM;
	if (!address_ipv4_is_ours(port, ip->dst_addr))
		return DROP_NOT_OUR_ADDRESS;
	if (address_ipv4_is_bad_source(port, ip->src_addr))
		return DROP_BAD_SOURCE_ADDRESS;
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return DROP_FRAGMENT;
	p->is_ipv6 = false;
	p->l3_bytes = (uint8_t)header_bytes;
	if (ip->next_proto_id == IPPROTO_UDP)
		return parse_udp(
			port, m, p, l3 + header_bytes, total - header_bytes, &ip->src_addr, 8);
	if (ip->next_proto_id == IPPROTO_ICMP)
		return parse_icmp(p, PACKET_ICMPV4, total - header_bytes);
	return DROP_NOT_HANDLED;
}

static bool parse_ipv6_is_our_group(const struct port *port, const uint8_t *address)
{
	for (uint32_t i = 0; i < port->n_ipv6; i++) {
		const struct in6_addr group = address_solicited_node(&port->ipv6[i]);

		if (address_ipv6_is(address, &group))
			return true;
	}
	return false;
}

static bool parse_ipv6_is_all_nodes(const uint8_t *address)
{
	static const struct in6_addr ALL_NODES = { .s6_addr = { 0xff, 2, [15] = 1 } };

	return address_ipv6_is(address, &ALL_NODES);
}

// Which addresses an ICMPv6 message may have. Beside what is for one address, solicitations of
// neighbours come to groups and their advertisements to all nodes; and both may come from the
// unspecified address or from ours, which is what neighbour.c has to hear of. It and icmp.c drop what
// else comes to a group.
static enum drop parse_icmpv6(const struct port *port, struct packet *p,
	const struct rte_ipv6_hdr *ip, const uint8_t *message, uint32_t bytes)
{
	const uint8_t type = bytes ? message[0] : 0;
	const bool solicits = type == ICMPV6_NEIGHBOUR_SOLICITATION;
	const bool advertises = type == ICMPV6_NEIGHBOUR_ADVERTISEMENT;

	if (!address_ipv6_is_ours(port, ip->dst_addr) &&
		!parse_ipv6_is_our_group(port, ip->dst_addr) &&
		!(advertises && parse_ipv6_is_all_nodes(ip->dst_addr)))
		return DROP_NOT_OUR_ADDRESS;
	if (address_ipv6_is_bad_source(port, ip->src_addr) &&
		!(solicits && address_ipv6_is(ip->src_addr, &in6addr_any)) &&
		!((solicits || advertises) && address_ipv6_is_ours(port, ip->src_addr)))
		return DROP_BAD_SOURCE_ADDRESS;
	return parse_icmp(p, PACKET_ICMPV6, bytes);
}

// A hop-by-hop header, of which mld.c makes what it can: nobody else here wants one.
static enum drop parse_hop_by_hop(const struct port *port, struct packet *p,
	const struct rte_ipv6_hdr *ip, const uint8_t *header, uint32_t bytes)
{
	const uint32_t header_bytes = bytes >= 8 ? (header[1] + 1u) * 8 : UINT32_MAX;

	if (!parse_ipv6_is_our_group(port, ip->dst_addr) && !parse_ipv6_is_all_nodes(ip->dst_addr))
		return address_ipv6_is_ours(port, ip->dst_addr) ? DROP_NOT_HANDLED
								: DROP_NOT_OUR_ADDRESS;
	if (header_bytes > HOP_BY_HOP_BYTES_MAX || header_bytes > bytes ||
		header[0] != IPPROTO_ICMPV6 || port->n_ipv6 == 0)
		return DROP_NOT_HANDLED;
	if (address_ipv6_is_bad_source(port, ip->src_addr))
		return DROP_BAD_SOURCE_ADDRESS;
	p->l3_bytes = (uint8_t)(IPV6_HEADER_BYTES + header_bytes);
	return parse_icmp(p, PACKET_MLD, bytes - header_bytes);
}

static __rte_always_inline enum drop parse_ipv6_addresses(
	const struct port *port, const struct rte_ipv6_hdr *ip, bool to_our_mac)
{
	if (!address_ipv6_is_ours(port, ip->dst_addr))
		return DROP_NOT_OUR_ADDRESS;
	if (address_ipv6_is_bad_source(port, ip->src_addr))
		return DROP_BAD_SOURCE_ADDRESS;
	return to_our_mac ? DROP_NONE : DROP_NOT_OUR_MAC;
}

// All but UDP.
static __rte_noinline enum drop parse_ipv6_rest(const struct port *port, struct packet *p,
	const struct rte_ipv6_hdr *ip, uint32_t payload, bool to_our_mac)
{
	const uint8_t *rest = (const uint8_t *)(ip + 1);
	enum drop drop;

	if (ip->proto == IPPROTO_ICMPV6)
		return parse_icmpv6(port, p, ip, rest, payload);
	if (ip->proto == IPPROTO_HOPOPTS)
		return parse_hop_by_hop(port, p, ip, rest, payload);
	drop = parse_ipv6_addresses(port, ip, to_our_mac);
	if (drop != DROP_NONE)
		return drop;
	return ip->proto == IPV6_FRAGMENT ? DROP_FRAGMENT : DROP_NOT_HANDLED;
}

static enum drop parse_ipv6(const struct port *port, const struct rte_mbuf *m, struct packet *p,
	const uint8_t *l3, uint32_t bytes, bool to_our_mac)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)l3;
	uint32_t payload;
	enum drop drop;

	if (bytes < IPV6_HEADER_BYTES)
		return DROP_TRUNCATED;
	if (l3[0] >> 4 != 6)
		return DROP_BAD_IP_HEADER;
	payload = rte_be_to_cpu_16(ip->payload_len);
	if (IPV6_HEADER_BYTES + payload > port->mtu)
		return DROP_TOO_LONG;
	if (IPV6_HEADER_BYTES + payload > bytes)
		return DROP_TRUNCATED;
	p->is_ipv6 = true;
	p->l3_bytes = IPV6_HEADER_BYTES;
	if (unlikely(ip->proto != IPPROTO_UDP))
		return parse_ipv6_rest(port, p, ip, payload, to_our_mac);
	drop = parse_ipv6_addresses(port, ip, to_our_mac);
	if (drop != DROP_NONE)
		return drop;
	return parse_udp(port, m, p, l3 + IPV6_HEADER_BYTES, payload, ip->src_addr, 32);
}

static __rte_always_inline enum drop parse_ethertype(const struct port *port,
	const struct rte_mbuf *m, struct packet *p, uint16_t type_be, bool to_our_mac)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l2_bytes);
	uint32_t bytes = (uint32_t)m->data_len - p->l2_bytes;

	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return to_our_mac ? parse_ipv4(port, m, p, l3, bytes) : DROP_NOT_OUR_MAC;
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return parse_ipv6(port, m, p, l3, bytes, to_our_mac);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_ARP)) {
		p->kind = PACKET_ARP;
		p->l3_bytes = 0;
		return DROP_NONE;
	}
	return to_our_mac ? DROP_NOT_HANDLED : DROP_NOT_OUR_MAC;
}

static inline bool parse_is_tag(uint16_t type_be)
{
	return type_be == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type_be == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

static bool parse_vlan_is_ours(const struct port *port, uint32_t vlan)
{
	for (uint32_t i = 0; i < port->n_vlans; i++)
		if (port->vlans[i] == vlan)
			return true;
	return port->n_vlans == 0;
}

// What the device hides of an outer tag's type is put back into the frame, which becomes the reply. A
// frame whose tag was of another type comes as its Ethernet header alone: see device_tags.h.
static bool parse_restore_tag_type(const struct port *port, struct rte_mbuf *m, uint16_t *type_be)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	if (m->data_len <= RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
		return false;
	eth->ether_type = port->tag_type_be;
	*type_be = port->tag_type_be;
	return true;
}

// Steps over VLAN tags, and finds out whether the port takes frames of their VLAN. One tag too many (two
// are taken where VLANs are named, else one) stays where it is, an ethertype that nobody serves. VLAN id 0
// says that a tag has a priority and no VLAN.
static __rte_noinline enum drop parse_tags(
	const struct port *port, struct rte_mbuf *m, struct packet *p, uint16_t *type_be)
{
	const unsigned most = port->n_vlans ? TAGS_MAX : 1;
	uint32_t vlan = 0;

	if (port->tag_type_hidden && parse_is_tag(*type_be) &&
		!parse_restore_tag_type(port, m, type_be))
		return DROP_NOT_OUR_VLAN;
	if (port->tag_type_be && parse_is_tag(*type_be) && *type_be != port->tag_type_be)
		return DROP_NOT_OUR_VLAN;
	for (unsigned tags = 0; tags < most && parse_is_tag(*type_be); tags++) {
		const struct rte_vlan_hdr *tag =
			rte_pktmbuf_mtod_offset(m, const struct rte_vlan_hdr *, p->l2_bytes);
		uint32_t id;

		if (m->data_len < p->l2_bytes + RTE_VLAN_HLEN)
			return DROP_TRUNCATED;
		id = rte_be_to_cpu_16(tag->vlan_tci) & 0xfffu;
		if (id)
			vlan = CONFIG_VLAN(vlan, id);
		p->l2_bytes += RTE_VLAN_HLEN;
		*type_be = tag->eth_proto;
	}
	return parse_vlan_is_ours(port, vlan) ? DROP_NONE : DROP_NOT_OUR_VLAN;
}

static __rte_always_inline enum drop parse_one(const struct port *port, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct packet *p = packet_of(m);
	uint16_t type_be;
	bool to_our_mac;

	if (unlikely(m->nb_segs != 1))
		return DROP_TOO_LONG;
	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN))
		return DROP_TRUNCATED;
	to_our_mac = rte_is_same_ether_addr(&eth->dst_addr, &port->mac);
	if (unlikely(!to_our_mac && !rte_is_multicast_ether_addr(&eth->dst_addr)))
		return DROP_NOT_OUR_MAC;
	// A reply to a group's address, or to our own, would come back to us.
	if (unlikely(rte_is_multicast_ether_addr(&eth->src_addr) ||
		    rte_is_same_ether_addr(&eth->src_addr, &port->mac)))
		return DROP_BAD_SOURCE_ADDRESS;
	p->port = port;
	p->l2_bytes = RTE_ETHER_HDR_LEN;
	type_be = eth->ether_type;
	if (unlikely(parse_is_tag(type_be) | port->refuses_untagged)) {
		enum drop drop = parse_tags(port, m, p, &type_be);

		if (drop != DROP_NONE)
			return drop;
	}
	return parse_ethertype(port, m, p, type_be, to_our_mac);
}

enum drop parse_packet(const struct port *port, struct rte_mbuf *m)
{
	return parse_one(port, m);
}

// Neither our private area nor, perhaps, the frame is in a cache yet: the device has written only
// the frame.
static inline void parse_prefetch(struct rte_mbuf *m)
{
	rte_prefetch0(packet_of(m));
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
}

// A memif frame longer than a buffer has what fits of it in its first segment, and no second. As much is
// looked at as an ICMP error wants: whatever else it is, it is too long.
static enum drop parse_whole_again(const struct port *port, struct rte_mbuf *m, enum drop drop)
{
	if (m->nb_segs == 1 || m->next)
		return drop;
	m->nb_segs = 1;
	m->pkt_len = m->data_len;
	if (parse_packet(port, m) != DROP_TOO_LONG) // no IP packet for us that says so
		m->nb_segs = 2;
	return DROP_TOO_LONG;
}

// Counts and frees what is dropped. True where it is to be answered by an ICMP error instead. Apart from
// the loop, which it would make longer.
static __rte_noinline bool parse_refuses(const struct port *port, struct rte_mbuf *m,
	enum drop drop, struct dataplane_counters *counters)
{
	if (port->icmp_errors) {
		drop = parse_whole_again(port, m, drop);
		if (icmp_error_due(port, m, drop))
			return true;
	}
	counters->drops[drop]++;
	if (drop == DROP_BAD_L4_CHECKSUM)
		counters->unfinished_checksums += parse_is_unfinished(m);
	rte_pktmbuf_free(m);
	return false;
}

uint16_t parse_burst(const struct port *port, struct rte_mbuf **mbufs, uint16_t n, uint64_t now,
	struct dataplane_counters *counters, struct rte_mbuf **requests, struct rte_mbuf **others,
	struct parsed *parsed)
{
	uint16_t n_requests = 0, n_rest = 0;
	uint64_t bytes = 0;
	uint8_t flags = 0;

	for (uint16_t i = 0; i < n && i < PREFETCH_AHEAD; i++)
		parse_prefetch(mbufs[i]);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		enum drop drop;

		if (i + PREFETCH_AHEAD < n)
			parse_prefetch(mbufs[i + PREFETCH_AHEAD]);
		bytes += m->pkt_len;
		packet_of(m)->arrival_tsc = now;
		drop = parse_one(port, m);
		if (unlikely(drop != DROP_NONE)) {
			if (parse_refuses(port, m, drop, counters))
				others[n_rest++] = m;
		} else if (packet_of(m)->kind == PACKET_SCORE) {
			requests[n_requests++] = m;
			flags |= packet_of(m)->flags;
		} else {
			others[n_rest++] = m;
		}
	}
	counters->received += n;
	counters->received_bytes += bytes;
	parsed->n_others = n_rest;
	parsed->flags = flags;
	return n_requests;
}
