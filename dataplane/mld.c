// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mld.h"

#include "base/checksum.h"
#include "dataplane/address.h"
#include "dataplane/icmp.h"
#include "dataplane/reply.h"

#include <rte_byteorder.h>
#include <rte_ip.h>

#define MLD_QUERY      130
#define MLD_REPORT1    131
#define MLD_REPORT2    143
#define MLD_QUERY1     24u // bytes; of version 2 they are 28 or more (RFC 3810, 8.1)
#define MLD_QUERY2     28u
#define MLD_HOP_LIMIT  1
#define MLD_IS_EXCLUDE 2 // of no source: we listen to all. The answer to a query
#define MLD_TO_EXCLUDE 4 // we have begun to
#define OPTION_PAD1    0
#define OPTION_PADN    1
#define OPTION_ROUTER  5 // router alert (RFC 2711)
#define MESSAGE_OFFSET                                                                             \
	8 // of the group in messages of version 1, and of the first record in those of 2
#define RECORD_BYTES 20

// What every message of ours begins with: IPv6, then hop by hop a router alert that says MLD, and two
// bytes of padding.
struct mld_head {
	struct rte_ipv6_hdr ip;
	uint8_t options[8];
} __rte_packed;

static bool mld_is_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

uint32_t mld_groups(const struct port *port, struct in6_addr *groups)
{
	uint32_t n = 0, k;

	for (uint32_t i = 0; i < port->n_ipv6; i++) {
		const struct in6_addr group = address_solicited_node(&port->ipv6[i]);

		for (k = 0; k < n && memcmp(&groups[k], &group, sizeof(group)) != 0; k++)
			;
		if (k == n)
			groups[n++] = group;
	}
	return n;
}

// Writes what goes before a message of `bytes` to the group `to`, the message's checksum, and the frame's
// addresses.
static void mld_finish(struct rte_mbuf *m, const struct in6_addr *to, uint32_t bytes)
{
	const struct packet *p = packet_of(m);
	struct mld_head *head = rte_pktmbuf_mtod_offset(m, struct mld_head *, p->l2_bytes);
	uint8_t *message = (uint8_t *)(head + 1);
	uint16_t checksum = 0;
	uint64_t sum;

	*head = (struct mld_head){
		.ip = {
			.vtc_flow = RTE_BE32(6u << 28),
			.payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(head->options) + bytes)),
			.proto = IPPROTO_HOPOPTS,
			.hop_limits = MLD_HOP_LIMIT,
		},
		.options = { IPPROTO_ICMPV6, 0, OPTION_ROUTER, 2, 0, 0, OPTION_PADN, 0 },
	};
	// From a link-local address; who has none reports all the same (RFC 3590).
	for (uint32_t i = 0; i < p->port->n_ipv6; i++)
		if (mld_is_link_local(p->port->ipv6[i].s6_addr)) {
			memcpy(head->ip.src_addr, &p->port->ipv6[i], sizeof(head->ip.src_addr));
			break;
		}
	memcpy(head->ip.dst_addr, to, sizeof(*to));
	memcpy(message + 2, &checksum, sizeof(checksum));
	sum = checksum_pseudo(
		IPPROTO_ICMPV6, rte_cpu_to_be_16((uint16_t)bytes), head->ip.src_addr, 32);
	checksum = checksum_finish(checksum_bytes(sum, message, bytes));
	memcpy(message + 2, &checksum, sizeof(checksum));
	reply_group(m, to, p->l2_bytes + (uint32_t)sizeof(*head) + bytes);
}

static uint8_t *mld_message(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(
		m, uint8_t *, packet_of(m)->l2_bytes + sizeof(struct mld_head));
}

static void mld_write_report2(
	struct rte_mbuf *m, uint8_t record, const struct in6_addr *groups, uint32_t n)
{
	static const struct in6_addr ROUTERS = { .s6_addr = { 0xff, 2, [15] = 0x16 } };
	uint8_t *message = mld_message(m);

	memset(message, 0, MESSAGE_OFFSET + n * RECORD_BYTES);
	message[0] = MLD_REPORT2;
	message[7] = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *at = message + MESSAGE_OFFSET + (size_t)i * RECORD_BYTES;

		at[0] = record;
		memcpy(at + 4, &groups[i], sizeof(groups[i]));
	}
	mld_finish(m, &ROUTERS, MESSAGE_OFFSET + n * RECORD_BYTES);
}

void mld_write_joined(struct rte_mbuf *m)
{
	struct in6_addr groups[CONFIG_ADDRESSES_MAX];
	uint32_t n = mld_groups(packet_of(m)->port, groups);

	mld_write_report2(m, MLD_TO_EXCLUDE, groups, n);
}

void mld_write_report1(struct rte_mbuf *m, const struct in6_addr *group)
{
	uint8_t *message = mld_message(m);

	memset(message, 0, MESSAGE_OFFSET);
	message[0] = MLD_REPORT1;
	memcpy(message + MESSAGE_OFFSET, group, sizeof(*group));
	mld_finish(m, group, MESSAGE_OFFSET + (uint32_t)sizeof(*group));
}

// A query without a router alert is ignored (RFC 3810, 6.2).
static bool mld_has_router_alert(const uint8_t *options, uint32_t bytes)
{
	bool found = false;

	for (uint32_t at = 2; at < bytes;) {
		if (options[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (at + 2 > bytes || at + 2 + options[at + 1] > bytes)
			return false;
		found |= options[at] == OPTION_ROUTER && options[at + 1] == 2;
		at += 2u + options[at + 1];
	}
	return found;
}

static enum drop mld_query_check(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, p->l2_bytes);
	const uint8_t *message = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->payload_offset);

	if (p->payload_bytes < 1 || message[0] != MLD_QUERY)
		return DROP_NOT_HANDLED;
	if (ip->hop_limits != MLD_HOP_LIMIT || !mld_is_link_local(ip->src_addr) ||
		(p->payload_bytes != MLD_QUERY1 && p->payload_bytes < MLD_QUERY2) ||
		!mld_has_router_alert((const uint8_t *)(ip + 1), p->l3_bytes - sizeof(*ip)) ||
		(uint32_t)m->data_len + rte_pktmbuf_tailroom(m) < p->l2_bytes + MLD_BYTES_MAX)
		return DROP_BAD_NEIGHBOUR;
	return icmp_ipv6_checksum_good(m) ? DROP_NONE : DROP_BAD_L4_CHECKSUM;
}

// Whether a report of one group answers: of those that a general query (of group 0) asks for, it is the
// first, and the others are left to the control thread.
static void mld_answer1(struct rte_mbuf *m, const struct in6_addr *group, bool others)
{
	const struct packet *p = packet_of(m);
	struct presence *presence = p->port->presence;
	uint64_t tags = 0;

	if (others) {
		memcpy(&tags, rte_pktmbuf_mtod_offset(m, uint8_t *, 2 * RTE_ETHER_ADDR_LEN),
			RTE_MIN(sizeof(tags), (size_t)p->l2_bytes - RTE_ETHER_HDR_LEN));
		atomic_store_explicit(&presence->mld1_tags, tags, memory_order_relaxed);
		atomic_store_explicit(&presence->mld1_asked, true, memory_order_release);
	}
	mld_write_report1(m, group);
}

enum drop mld_query(struct rte_mbuf *m)
{
	static const struct in6_addr GENERAL;
	struct packet *p = packet_of(m);
	struct in6_addr groups[CONFIG_ADDRESSES_MAX], asked;
	uint32_t n, first = 0;
	bool general, is_version1 = p->payload_bytes == MLD_QUERY1;
	enum drop drop = mld_query_check(m);

	if (drop != DROP_NONE)
		return drop;
	n = mld_groups(p->port, groups);
	memcpy(&asked, rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_offset + MESSAGE_OFFSET),
		sizeof(asked));
	general = memcmp(&asked, &GENERAL, sizeof(asked)) == 0;
	while (!general && first < n && memcmp(&groups[first], &asked, sizeof(asked)) != 0)
		first++;
	if (first == n)
		return DROP_BAD_NEIGHBOUR;
	if (!limit_admits(&p->port->presence->groups, p->arrival_tsc))
		return DROP_RATE_LIMITED;
	if (is_version1)
		mld_answer1(m, &groups[first], general && n > 1);
	else
		mld_write_report2(m, MLD_IS_EXCLUDE, groups + first, general ? n : 1);
	return DROP_NONE;
}
