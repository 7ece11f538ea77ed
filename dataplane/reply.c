// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/reply.h"

#include "dataplane/checksum.h"
#include "dataplane/port.h"
#include "dataplane/registry.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#define REPLY_TTL	64
#define DSCP_MASK	0xfcu // the rest of the octet is ECN, which says nothing of our own path
#define FRAME_BYTES_MIN 60

void clock_init(struct clock *clock, uint64_t tsc_hz)
{
	clock->ns_mult = (uint64_t)(((unsigned __int128)1000000000u << 32) / tsc_hz);
	clock->us_cycles = tsc_hz / 1000000u;
}

void reply_ethernet(struct rte_mbuf *m, uint32_t bytes)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	eth->dst_addr = eth->src_addr;
	eth->src_addr = packet_of(m)->port->mac;
	if (bytes < FRAME_BYTES_MIN) {
		memset((uint8_t *)eth + bytes, 0, FRAME_BYTES_MIN - bytes);
		bytes = FRAME_BYTES_MIN;
	}
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

// Options ask routers for things (a route, a record) that are no business of the reply: the
// headers before them move up against what follows.
static void drop_ipv4_options(struct rte_mbuf *m, struct packet *p)
{
	uint8_t options = (uint8_t)(p->l3_bytes - sizeof(struct rte_ipv4_hdr));
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	memmove(frame + options, frame, p->l2_bytes + sizeof(struct rte_ipv4_hdr));
	rte_pktmbuf_adj(m, options);
	p->l3_bytes = sizeof(struct rte_ipv4_hdr);
	p->payload_offset -= options;
}

static uint8_t *reply_ipv4(struct rte_mbuf *m, struct packet *p, uint32_t bytes)
{
	struct rte_ipv4_hdr *ip;
	uint32_t source;

	if (unlikely(p->l3_bytes != sizeof(*ip)))
		drop_ipv4_options(m, p);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, p->l2_bytes);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service &= DSCP_MASK;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + bytes));
	ip->packet_id = 0; // never fragmented, so never needed (RFC 6864, 4.1)
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = REPLY_TTL;
	source = ip->src_addr;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = source;
	ip->hdr_checksum = 0;
	if (p->port->tx_checksum) {
		m->l2_len = p->l2_bytes;
		m->l3_len = sizeof(*ip);
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	} else {
		ip->hdr_checksum = checksum_finish(checksum_ipv4_sum(ip));
	}
	return (uint8_t *)(ip + 1);
}

static uint8_t *reply_ipv6(struct rte_mbuf *m, struct packet *p, uint32_t bytes)
{
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, p->l2_bytes);
	uint8_t source[16];

	ip->vtc_flow &= RTE_BE32(0xf0000000 | DSCP_MASK << 20);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)bytes);
	ip->hop_limits = REPLY_TTL;
	memcpy(source, ip->src_addr, sizeof(source));
	memcpy(ip->src_addr, ip->dst_addr, sizeof(source));
	memcpy(ip->dst_addr, source, sizeof(source));
	if (p->port->tx_checksum) {
		m->l2_len = p->l2_bytes;
		m->l3_len = sizeof(*ip);
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	}
	return (uint8_t *)(ip + 1);
}

uint8_t *reply_ip(struct rte_mbuf *m, uint32_t bytes)
{
	struct packet *p = packet_of(m);

	return p->is_ipv6 ? reply_ipv6(m, p, bytes) : reply_ipv4(m, p, bytes);
}

// Sum of the pseudo header that UDP's checksum covers besides the datagram itself.
static uint64_t pseudo_sum(const struct packet *p, const struct rte_udp_hdr *udp)
{
	uint32_t addresses = p->is_ipv6 ? 32 : 8;
	uint64_t sum = (uint64_t)rte_cpu_to_be_16(IPPROTO_UDP) + udp->dgram_len;

	// In both IPs the addresses are the last thing before the payload.
	return checksum_bytes(sum, (const uint8_t *)udp - addresses, addresses);
}

static uint16_t udp_checksum_in_full(
	const struct packet *p, const struct rte_udp_hdr *udp, uint32_t udp_bytes)
{
	uint16_t checksum = checksum_finish(checksum_bytes(pseudo_sum(p, udp), udp, udp_bytes));

	return checksum ? checksum : 0xffff;
}

// `before` and `after`: sums of the wire header as it came and as it goes. A PONG changes nothing
// else that the checksum covers, for addresses and ports only change places.
static void reply_udp_checksum(struct rte_mbuf *m, struct packet *p, struct rte_udp_hdr *udp,
	uint32_t udp_bytes, uint64_t before, uint64_t after)
{
	uint16_t checksum;

	if (p->port->tx_checksum) {
		udp->dgram_cksum = checksum_fold(pseudo_sum(p, udp));
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	} else if (p->kind == PACKET_PONG && udp->dgram_cksum) {
		checksum = checksum_update(udp->dgram_cksum, before, after);
		udp->dgram_cksum = checksum ? checksum : 0xffff;
	} else {
		udp->dgram_cksum = 0;
		udp->dgram_cksum = udp_checksum_in_full(p, udp, udp_bytes);
	}
}

// Fields that wire.md gives a meaning in replies; magic, version, model, request_id and key_id
// go back as they came.
static void reply_wire(struct wire_header *header, const struct packet *p, uint32_t server_ns)
{
	bool scored = p->kind == PACKET_RESULT && p->status == WIRE_STATUS_OK;

	header->type = p->kind == PACKET_PONG ? WIRE_TYPE_PONG : WIRE_TYPE_RESULT;
	header->model_version = scored ? p->version : 0;
	header->rows = scored ? p->rows : 0;
	header->columns = scored ? p->outputs : 0;
	header->dtype = 0;
	header->status = p->status;
	header->flags &= WIRE_FLAG_AUTHENTICATED;
	header->server_ns = server_ns;
}

static inline uint32_t reply_payload_bytes(const struct packet *p)
{
	if (p->kind == PACKET_PONG)
		return p->payload_bytes;
	if (p->status != WIRE_STATUS_OK)
		return WIRE_HEADER_BYTES;
	return WIRE_HEADER_BYTES + (uint32_t)p->rows * p->outputs * (uint32_t)sizeof(float);
}

static inline void reply_count(
	const struct packet *p, uint64_t ns, struct dataplane_counters *counters)
{
	if (p->kind == PACKET_PONG)
		counters->pongs++;
	else
		counters->status[p->status]++;
	if (p->stats && p->status == WIRE_STATUS_OK)
		histogram_record(&p->stats->latency, ns);
}

void reply_packet(struct rte_mbuf *m, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters)
{
	struct packet *p = packet_of(m);
	uint32_t payload_bytes = reply_payload_bytes(p);
	uint32_t udp_bytes = (uint32_t)sizeof(struct rte_udp_hdr) + payload_bytes;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)reply_ip(m, udp_bytes);
	struct wire_header *header = (struct wire_header *)(udp + 1);
	uint64_t ns = clock_ns(clock, now - p->arrival_tsc);
	uint64_t before = checksum_bytes(0, header, WIRE_HEADER_BYTES);
	uint16_t source = udp->src_port;

	udp->src_port = udp->dst_port;
	udp->dst_port = source;
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)udp_bytes);
	reply_wire(header, p, ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns);
	reply_udp_checksum(
		m, p, udp, udp_bytes, before, checksum_bytes(0, header, WIRE_HEADER_BYTES));
	reply_ethernet(m, (uint32_t)p->l2_bytes + p->l3_bytes + udp_bytes);
	reply_count(p, ns, counters);
}

void reply_burst(struct rte_mbuf **mbufs, uint16_t n, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters)
{
	for (uint16_t i = 0; i < n; i++)
		reply_packet(mbufs[i], now, clock, counters);
}
