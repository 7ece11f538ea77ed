// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/neighbour.h"

#include "base/checksum.h"
#include "dataplane/address.h"
#include "dataplane/icmp.h"
#include "dataplane/icmp_error.h"
#include "dataplane/mld.h"
#include "dataplane/port.h"
#include "dataplane/reply.h"

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

#define NDP_HOP_LIMIT          255 // proves that no router was crossed (RFC 4861, 3.1)
#define NDP_OPTION_SOURCE_LINK 1
#define NDP_OPTION_TARGET_LINK 2
#define NDP_SOLICITED          RTE_BE32(0x40000000)
#define NDP_OVERRIDE           RTE_BE32(0x20000000)

// A neighbour solicitation, and the advertisement that answers it.
struct ndp_message {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t flags;
	uint8_t target[16];
	// The advertisement's only option.
	uint8_t option_type, option_units; // of 8 bytes
	uint8_t link[RTE_ETHER_ADDR_LEN];
} __rte_packed;
_Static_assert(sizeof(struct ndp_message) == 32, "RFC 4861, 4.4 with one option");
#define SOLICITATION_BYTES 24 // without options

static const struct in6_addr ALL_NODES = { .s6_addr = { 0xff, 2, [15] = 1 } };

// --- ARP -----------------------------------------------------------------------------------------

void neighbour_write_arp(struct rte_mbuf *m, uint32_t address, bool is_probe)
{
	static const struct rte_ether_addr EVERYBODY = { { 255, 255, 255, 255, 255, 255 } };
	const struct packet *p = packet_of(m);
	struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, p->l2_bytes);

	*arp = (struct rte_arp_hdr){
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = RTE_ETHER_ADDR_LEN,
		.arp_plen = sizeof(uint32_t),
		.arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
		.arp_data = {
			.arp_sha = p->port->mac,
			.arp_sip = is_probe ? 0 : address,
			.arp_tip = address,
		},
	};
	reply_frame(m, &EVERYBODY, p->l2_bytes + (uint32_t)sizeof(*arp));
}

// Which of our addresses that is; n_ipv4 for none.
static uint32_t neighbour_find_ipv4(const struct port *port, uint32_t address)
{
	uint32_t i = 0;

	while (i < port->n_ipv4 && port->ipv4[i] != address)
		i++;
	return i;
}

static bool neighbour_arp_is_sound(const struct rte_arp_hdr *arp)
{
	static const struct rte_ether_addr ZERO;

	return arp->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
		arp->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
		arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(uint32_t) &&
		(arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) ||
			arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY)) &&
		!rte_is_multicast_ether_addr(&arp->arp_data.arp_sha) &&
		!rte_is_same_ether_addr(&arp->arp_data.arp_sha, &ZERO);
}

// Another host says that our address is its own (RFC 5227, 2.4).
static enum drop neighbour_defend_ipv4(struct rte_mbuf *m, uint32_t i, const void *mac)
{
	const struct packet *p = packet_of(m);

	if (!presence_defends(p->port->presence, p->port->ipv4_index[i], mac, p->arrival_tsc))
		return DROP_ADDRESS_CONFLICT;
	neighbour_write_arp(m, p->port->ipv4[i], false);
	return DROP_NONE;
}

static enum drop neighbour_arp(struct rte_mbuf *m, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	const struct port *port = p->port;
	struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, p->l2_bytes);
	uint32_t asked, claimed;
	enum drop drop;

	if (m->data_len < p->l2_bytes + sizeof(*arp) ||
		(uint32_t)m->data_len + rte_pktmbuf_tailroom(m) < RTE_ETHER_MIN_LEN)
		return DROP_TRUNCATED;
	if (!neighbour_arp_is_sound(arp) ||
		rte_is_same_ether_addr(&arp->arp_data.arp_sha, &port->mac))
		return DROP_BAD_NEIGHBOUR;
	claimed = neighbour_find_ipv4(port, arp->arp_data.arp_sip);
	if (claimed < port->n_ipv4) {
		drop = neighbour_defend_ipv4(m, claimed, &arp->arp_data.arp_sha);
		counters->neighbour_defences += drop == DROP_NONE;
		return drop;
	}
	asked = neighbour_find_ipv4(port, arp->arp_data.arp_tip);
	if (asked == port->n_ipv4 || arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST))
		return DROP_BAD_NEIGHBOUR;
	// A probe (RFC 5227, 2.1.1) comes of a host that wants our address, and the answer forbids it.
	if (arp->arp_data.arp_sip == 0)
		presence_note(port->presence, port->ipv4_index[asked], &arp->arp_data.arp_sha,
			p->arrival_tsc);
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = port->mac;
	arp->arp_data.arp_sip = port->ipv4[asked];
	reply_ethernet(m, p->l2_bytes + (uint32_t)sizeof(*arp));
	counters->neighbour_replies++;
	return DROP_NONE;
}

// --- Neighbour discovery -------------------------------------------------------------------------

static uint32_t neighbour_find_ipv6(const struct port *port, const uint8_t *address)
{
	uint32_t i = 0;

	while (i < port->n_ipv6 && memcmp(address, &port->ipv6[i], sizeof(port->ipv6[i])) != 0)
		i++;
	return i;
}

// Writes IPv6 header and checksum about a message of `bytes` that lies behind the L2 header and it.
static void neighbour_finish_ndp(
	struct rte_mbuf *m, const struct in6_addr *from, const struct in6_addr *to, uint32_t bytes)
{
	struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, packet_of(m)->l2_bytes);
	struct ndp_message *message = (struct ndp_message *)(ip + 1);
	uint64_t sum;

	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)bytes);
	ip->proto = IPPROTO_ICMPV6;
	ip->hop_limits = NDP_HOP_LIMIT;
	memcpy(ip->src_addr, from, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, to, sizeof(ip->dst_addr));
	message->checksum = 0;
	sum = checksum_pseudo(IPPROTO_ICMPV6, ip->payload_len, ip->src_addr, 32);
	message->checksum = checksum_finish(checksum_bytes(sum, message, bytes));
}

static void neighbour_finish_group(
	struct rte_mbuf *m, const struct in6_addr *from, const struct in6_addr *to, uint32_t bytes)
{
	neighbour_finish_ndp(m, from, to, bytes);
	reply_group(m, to, packet_of(m)->l2_bytes + (uint32_t)sizeof(struct rte_ipv6_hdr) + bytes);
}

static struct ndp_message *neighbour_message(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(
		m, struct ndp_message *, packet_of(m)->l2_bytes + sizeof(struct rte_ipv6_hdr));
}

static void neighbour_fill_advertisement(
	struct rte_mbuf *m, const struct in6_addr *address, uint32_t flags)
{
	struct ndp_message *message = neighbour_message(m);

	*message = (struct ndp_message){
		.type = ICMPV6_NEIGHBOUR_ADVERTISEMENT,
		.flags = flags,
		.option_type = NDP_OPTION_TARGET_LINK,
		.option_units = 1,
	};
	memcpy(message->target, address, sizeof(message->target));
	memcpy(message->link, &packet_of(m)->port->mac, sizeof(message->link));
}

void neighbour_write_advertisement(struct rte_mbuf *m, const struct in6_addr *address)
{
	neighbour_fill_advertisement(m, address, NDP_OVERRIDE);
	neighbour_finish_group(m, address, &ALL_NODES, sizeof(struct ndp_message));
}

void neighbour_write_probe(struct rte_mbuf *m, const struct in6_addr *address)
{
	const struct in6_addr group = address_solicited_node(address);
	struct ndp_message *message = neighbour_message(m);

	*message = (struct ndp_message){ .type = ICMPV6_NEIGHBOUR_SOLICITATION };
	memcpy(message->target, address, sizeof(message->target));
	neighbour_finish_group(m, &in6addr_any, &group, SOLICITATION_BYTES);
}

// Every option has a length, in units of 8 bytes, that is not 0 and fits. *source_link: whether one of them
// is the sender's link-layer address.
static bool neighbour_options_fit(const uint8_t *options, uint32_t bytes, bool *source_link)
{
	*source_link = false;
	while (bytes >= 2) {
		uint32_t option = options[1] * 8u;

		if (option == 0 || option > bytes)
			return false;
		*source_link |= options[0] == NDP_OPTION_SOURCE_LINK;
		options += option;
		bytes -= option;
	}
	return bytes == 0;
}

// Another host uses our address, or says that it is its own.
static enum drop neighbour_defend_ipv6(
	struct rte_mbuf *m, uint32_t i, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (!presence_defends(
		    p->port->presence, p->port->ipv6_index[i], &eth->src_addr, p->arrival_tsc))
		return DROP_ADDRESS_CONFLICT;
	neighbour_write_advertisement(m, &p->port->ipv6[i]);
	counters->neighbour_defences++;
	return DROP_NONE;
}

// A host asks whether it may have our address (RFC 4862, 5.4.3). It has none yet, so that the answer goes to
// all nodes (RFC 4861, 7.2.4).
static enum drop neighbour_answer_probe(
	struct rte_mbuf *m, uint32_t i, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	presence_note(p->port->presence, p->port->ipv6_index[i], &eth->src_addr, p->arrival_tsc);
	if (!limit_admits(&p->port->presence->groups, p->arrival_tsc))
		return DROP_RATE_LIMITED;
	neighbour_write_advertisement(m, &p->port->ipv6[i]);
	counters->neighbour_replies++;
	return DROP_NONE;
}

static enum drop neighbour_solicitation(
	struct rte_mbuf *m, uint32_t i, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, p->l2_bytes);
	struct in6_addr asker;

	memcpy(&asker, ip->src_addr, sizeof(asker));
	neighbour_fill_advertisement(m, &p->port->ipv6[i], NDP_SOLICITED | NDP_OVERRIDE);
	// The request may have come to a group; the reply is from the address it asked for.
	neighbour_finish_ndp(m, &p->port->ipv6[i], &asker, sizeof(struct ndp_message));
	reply_ethernet(m, p->payload_offset + (uint32_t)sizeof(struct ndp_message));
	counters->neighbour_replies++;
	return DROP_NONE;
}

// What holds for solicitations and advertisements alike (RFC 4861, 7.1), and more of a probe.
static enum drop neighbour_check_ndp(
	const struct rte_mbuf *m, const struct packet *p, const struct ndp_message *message)
{
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, p->l2_bytes);
	const bool is_probe = memcmp(ip->src_addr, &in6addr_any, sizeof(ip->src_addr)) == 0;
	bool source_link;

	if (p->payload_bytes < SOLICITATION_BYTES || message->code != 0 ||
		ip->hop_limits != NDP_HOP_LIMIT ||
		!neighbour_options_fit(
			&message->option_type, p->payload_bytes - SOLICITATION_BYTES, &source_link))
		return DROP_BAD_NEIGHBOUR;
	if (is_probe && (ip->dst_addr[0] != 0xff || source_link))
		return DROP_BAD_NEIGHBOUR;
	// What comes to a group answers no solicitation (7.1.2).
	if (message->type == ICMPV6_NEIGHBOUR_ADVERTISEMENT && ip->dst_addr[0] == 0xff &&
		(message->flags & NDP_SOLICITED))
		return DROP_BAD_NEIGHBOUR;
	if ((uint32_t)m->data_len + rte_pktmbuf_tailroom(m) < p->payload_offset + sizeof(*message))
		return DROP_BAD_NEIGHBOUR;
	return icmp_ipv6_checksum_good(m) ? DROP_NONE : DROP_BAD_L4_CHECKSUM;
}

// Of an ICMPv6 message of type 135 or 136.
static enum drop neighbour_ndp(struct rte_mbuf *m, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	const struct port *port = p->port;
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, p->l2_bytes);
	const struct ndp_message *message = neighbour_message(m);
	enum drop drop = neighbour_check_ndp(m, p, message);
	uint32_t target, source;

	if (drop != DROP_NONE)
		return drop;
	target = neighbour_find_ipv6(port, message->target);
	source = neighbour_find_ipv6(port, ip->src_addr);
	if (message->type == ICMPV6_NEIGHBOUR_ADVERTISEMENT && target < port->n_ipv6)
		return neighbour_defend_ipv6(m, target, counters);
	if (source < port->n_ipv6)
		return neighbour_defend_ipv6(m, source, counters);
	if (message->type == ICMPV6_NEIGHBOUR_ADVERTISEMENT || target == port->n_ipv6)
		return DROP_BAD_NEIGHBOUR;
	if (memcmp(ip->src_addr, &in6addr_any, sizeof(ip->src_addr)) == 0)
		return neighbour_answer_probe(m, target, counters);
	return neighbour_solicitation(m, target, counters);
}

// --- All that is not scored ----------------------------------------------------------------------

static enum drop neighbour_icmp(struct rte_mbuf *m, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	const uint8_t type =
		p->payload_bytes ? *rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_offset) : 0;
	enum drop drop;

	if (p->kind == PACKET_ICMPV6 &&
		(type == ICMPV6_NEIGHBOUR_SOLICITATION || type == ICMPV6_NEIGHBOUR_ADVERTISEMENT))
		return neighbour_ndp(m, counters);
	drop = p->kind == PACKET_ICMPV6 ? icmp_echo_ipv6(m) : icmp_echo_ipv4(m);
	counters->icmp_replies += drop == DROP_NONE;
	return drop;
}

static enum drop neighbour_answer_one(struct rte_mbuf *m, struct dataplane_counters *counters)
{
	enum drop drop;

	switch (packet_of(m)->kind) {
	case PACKET_ARP:
		return neighbour_arp(m, counters);
	case PACKET_MLD:
		drop = mld_query(m);
		counters->mld_reports += drop == DROP_NONE;
		return drop;
	case PACKET_REFUSED:
		drop = icmp_error(m);
		counters->icmp_errors += drop == DROP_NONE;
		return drop;
	default:
		return neighbour_icmp(m, counters);
	}
}

uint16_t neighbour_burst(struct rte_mbuf **mbufs, uint16_t n, struct dataplane_counters *counters)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		enum drop drop = neighbour_answer_one(mbufs[i], counters);

		if (drop == DROP_NONE) {
			mbufs[kept++] = mbufs[i];
			continue;
		}
		counters->drops[drop]++;
		rte_pktmbuf_free(mbufs[i]);
	}
	return kept;
}
