// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/neighbour.h"

#include "base/checksum.h"
#include "dataplane/icmp.h"
#include "dataplane/port.h"
#include "dataplane/reply.h"

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

#define NDP_HOP_LIMIT          255 // proves that no router was crossed (RFC 4861, 3.1)
#define NDP_OPTION_TARGET_LINK 2
#define NDP_FLAGS              RTE_BE32(0x60000000) // solicited, override

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

static bool neighbour_arp_is_ours(const struct port *port, const struct rte_arp_hdr *arp)
{
	static const struct rte_ether_addr ZERO;
	bool ours = false;

	for (uint32_t i = 0; i < port->n_ipv4; i++) {
		ours |= arp->arp_data.arp_tip == port->ipv4[i];
		if (arp->arp_data.arp_sip == port->ipv4[i]) // somebody else claims our address
			return false;
	}
	return ours && !rte_is_multicast_ether_addr(&arp->arp_data.arp_sha) &&
		!rte_is_same_ether_addr(&arp->arp_data.arp_sha, &ZERO);
}

enum drop neighbour_arp(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, p->l2_bytes);
	uint32_t asked;

	if (m->data_len < p->l2_bytes + sizeof(*arp) ||
		(uint32_t)m->data_len + rte_pktmbuf_tailroom(m) < RTE_ETHER_MIN_LEN)
		return DROP_TRUNCATED;
	if (arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
		arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
		arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(uint32_t) ||
		arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) ||
		!neighbour_arp_is_ours(p->port, arp))
		return DROP_BAD_NEIGHBOUR;
	asked = arp->arp_data.arp_tip;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip =
		arp->arp_data.arp_sip; // 0 in a probe (RFC 5227), which is answered, too
	arp->arp_data.arp_sha = p->port->mac;
	arp->arp_data.arp_sip = asked;
	reply_ethernet(m, p->l2_bytes + (uint32_t)sizeof(*arp));
	return DROP_NONE;
}

// Every option has a length, in units of 8 bytes, that is not 0 and fits.
static bool neighbour_options_fit(const uint8_t *options, uint32_t bytes)
{
	while (bytes >= 2) {
		uint32_t option = options[1] * 8u;

		if (option == 0 || option > bytes)
			return false;
		options += option;
		bytes -= option;
	}
	return bytes == 0;
}

static bool neighbour_solicitation_is_ours(
	const struct packet *p, const struct rte_ipv6_hdr *ip, const struct ndp_message *message)
{
	if (p->payload_bytes < SOLICITATION_BYTES || message->code != 0 ||
		ip->hop_limits != NDP_HOP_LIMIT)
		return false;
	if (!neighbour_options_fit(&message->option_type, p->payload_bytes - SOLICITATION_BYTES))
		return false;
	for (uint32_t i = 0; i < p->port->n_ipv6; i++)
		if (memcmp(message->target, &p->port->ipv6[i], sizeof(message->target)) == 0)
			return true;
	return false;
}

enum drop neighbour_solicitation(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, p->l2_bytes);
	struct ndp_message *message = (struct ndp_message *)(ip + 1);
	uint64_t sum;

	if (!neighbour_solicitation_is_ours(p, ip, message) ||
		(uint32_t)m->data_len + rte_pktmbuf_tailroom(m) <
			p->payload_offset + sizeof(*message))
		return DROP_BAD_NEIGHBOUR;
	if (!icmp_ipv6_checksum_good(m))
		return DROP_BAD_L4_CHECKSUM;
	reply_ip(m, sizeof(*message), &sum);
	ip->hop_limits = NDP_HOP_LIMIT;
	// The request may have come to a group; the reply is from the address it asked for.
	memcpy(ip->src_addr, message->target, sizeof(message->target));
	message->type = ICMPV6_NEIGHBOUR_ADVERTISEMENT;
	message->flags = NDP_FLAGS;
	message->option_type = NDP_OPTION_TARGET_LINK;
	message->option_units = 1;
	memcpy(message->link, &p->port->mac, sizeof(message->link));
	message->checksum = 0;
	sum = (uint64_t)rte_cpu_to_be_16(IPPROTO_ICMPV6) + rte_cpu_to_be_16(sizeof(*message));
	message->checksum = checksum_finish(
		checksum_bytes(sum, ip->src_addr, 2 * sizeof(ip->src_addr) + sizeof(*message)));
	reply_ethernet(m, p->payload_offset + (uint32_t)sizeof(*message));
	return DROP_NONE;
}

static enum drop neighbour_answer_one(struct rte_mbuf *m, struct dataplane_counters *counters)
{
	const struct packet *p = packet_of(m);
	enum drop drop;

	if (p->kind == PACKET_ARP) {
		drop = neighbour_arp(m);
		counters->neighbour_replies += drop == DROP_NONE;
		return drop;
	}
	if (p->kind == PACKET_ICMPV6 && p->payload_bytes > 0 &&
		*rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_offset) ==
			ICMPV6_NEIGHBOUR_SOLICITATION) {
		drop = neighbour_solicitation(m);
		counters->neighbour_replies += drop == DROP_NONE;
		return drop;
	}
	drop = p->kind == PACKET_ICMPV6 ? icmp_echo_ipv6(m) : icmp_echo_ipv4(m);
	counters->icmp_replies += drop == DROP_NONE;
	return drop;
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
