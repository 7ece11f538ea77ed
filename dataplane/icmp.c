// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/icmp.h"

#include "base/checksum.h"
#include "dataplane/port.h"
#include "dataplane/reply.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#define ICMP_ECHO_BYTES     8 // type, code, checksum, identifier, sequence
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY   129

static inline uint8_t *icmp_message(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(
		m, uint8_t *, packet_of((struct rte_mbuf *)m)->payload_offset);
}

// Makes the echo reply of the request. Of what the checksum covers only the type changes, for the
// two addresses merely change places.
static void icmp_reply(struct rte_mbuf *m, uint8_t type)
{
	struct packet *p = packet_of(m);
	uint64_t address_sum;
	struct rte_icmp_hdr *icmp =
		(struct rte_icmp_hdr *)reply_ip(m, p->payload_bytes, &address_sum);
	uint16_t before, after;

	memcpy(&before, icmp, sizeof(before));
	icmp->icmp_type = type;
	memcpy(&after, icmp, sizeof(after));
	icmp->icmp_cksum = checksum_update(icmp->icmp_cksum, before, after);
	reply_ethernet(m, (uint32_t)p->l2_bytes + p->l3_bytes + p->payload_bytes);
}

static bool icmp_fits_shortest_frame(const struct rte_mbuf *m)
{
	return (uint32_t)m->data_len + rte_pktmbuf_tailroom(m) >= RTE_ETHER_MIN_LEN;
}

enum drop icmp_echo_ipv4(struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	const struct rte_icmp_hdr *icmp = (const struct rte_icmp_hdr *)icmp_message(m);

	if (p->payload_bytes < ICMP_ECHO_BYTES || !icmp_fits_shortest_frame(m))
		return DROP_BAD_ICMP;
	if (icmp->icmp_type != RTE_IP_ICMP_ECHO_REQUEST || icmp->icmp_code != 0)
		return DROP_BAD_ICMP;
	if (checksum_fold(checksum_bytes(0, icmp, p->payload_bytes)) != 0xffff)
		return DROP_BAD_L4_CHECKSUM;
	if (!limit_admits(&p->port->presence->echo, p->arrival_tsc))
		return DROP_RATE_LIMITED;
	icmp_reply(m, RTE_IP_ICMP_ECHO_REPLY);
	return DROP_NONE;
}

bool icmp_ipv6_checksum_good(const struct rte_mbuf *m)
{
	const struct packet *p = packet_of((struct rte_mbuf *)m);
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, p->l2_bytes);
	const uint64_t sum = checksum_pseudo(
		IPPROTO_ICMPV6, rte_cpu_to_be_16((uint16_t)p->payload_bytes), ip->src_addr, 32);

	return checksum_fold(checksum_bytes(sum, icmp_message(m), p->payload_bytes)) == 0xffff;
}

enum drop icmp_echo_ipv6(struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct packet *p = packet_of(m);
	const struct rte_icmp_hdr *icmp = (const struct rte_icmp_hdr *)icmp_message(m);

	if (rte_is_multicast_ether_addr(&eth->dst_addr))
		return DROP_NOT_OUR_MAC;
	if (p->payload_bytes < ICMP_ECHO_BYTES || !icmp_fits_shortest_frame(m))
		return DROP_BAD_ICMP;
	if (icmp->icmp_type != ICMPV6_ECHO_REQUEST || icmp->icmp_code != 0)
		return DROP_BAD_ICMP;
	// The destination address ends where the message begins. A group cannot be the source of a
	// reply.
	if (icmp_message(m)[-16] == 0xff)
		return DROP_BAD_ICMP;
	if (!icmp_ipv6_checksum_good(m))
		return DROP_BAD_L4_CHECKSUM;
	if (!limit_admits(&p->port->presence->echo, p->arrival_tsc))
		return DROP_RATE_LIMITED;
	icmp_reply(m, ICMPV6_ECHO_REPLY);
	return DROP_NONE;
}
