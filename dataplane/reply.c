// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/reply.h"

#include "base/checksum.h"
#include "dataplane/auth/seal.h"
#include "dataplane/port.h"
#include "dataplane/registry.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#define REPLY_TTL       64
#define DSCP_MASK       0xfcu // the rest of the octet is ECN, which says nothing of our own path
#define FRAME_BYTES_MIN 60
#define PREFETCH_AHEAD  4

void reply_ethernet(struct rte_mbuf *m, uint32_t bytes)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	reply_frame(m, &eth->src_addr, bytes);
}

void reply_frame(struct rte_mbuf *m, const struct rte_ether_addr *to, uint32_t bytes)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	eth->dst_addr = *to;
	eth->src_addr = packet_of(m)->port->mac;
	if (bytes < FRAME_BYTES_MIN) {
		memset((uint8_t *)eth + bytes, 0, FRAME_BYTES_MIN - bytes);
		bytes = FRAME_BYTES_MIN;
	}
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

void reply_group(struct rte_mbuf *m, const struct in6_addr *to, uint32_t bytes)
{
	// RFC 2464, 7.
	struct rte_ether_addr mac = { { 0x33, 0x33 } };

	memcpy(mac.addr_bytes + 2, to->s6_addr + 12, 4);
	reply_frame(m, &mac, bytes);
}

// Options ask routers for things (a route, a record) that are no business of the reply. The headers
// before them are moved up to what follows.
static void reply_drop_ipv4_options(struct rte_mbuf *m, struct packet *p)
{
	uint8_t options = (uint8_t)(p->l3_bytes - sizeof(struct rte_ipv4_hdr));
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	memmove(frame + options, frame, p->l2_bytes + sizeof(struct rte_ipv4_hdr));
	rte_pktmbuf_adj(m, options);
	p->l3_bytes = sizeof(struct rte_ipv4_hdr);
	p->payload_offset -= options;
}

// The header is put together in registers and summed there: a wide load of what was just stored in
// narrow pieces would have to wait for the stores.
static inline uint8_t *reply_ipv4(
	struct rte_mbuf *m, struct packet *p, uint32_t bytes, uint64_t *address_sum)
{
	struct rte_ipv4_hdr *ip;
	uint32_t source, destination, words[3];
	uint64_t sum;

	if (unlikely(p->l3_bytes != sizeof(*ip)))
		reply_drop_ipv4_options(m, p);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, p->l2_bytes);
	source = ip->dst_addr;
	destination = ip->src_addr;
	// Word 0 is version, header length, DSCP and total length. Word 1 is the identification, 0
	// as DF is set (RFC 6864, 4.1), and DF. Word 2 is TTL, protocol and checksum.
	words[0] = RTE_IPV4_VHL_DEF | (ip->type_of_service & DSCP_MASK) << 8 |
		(uint32_t)rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + bytes)) << 16;
	words[1] = (uint32_t)RTE_BE16(RTE_IPV4_HDR_DF_FLAG) << 16;
	words[2] = REPLY_TTL | (uint32_t)ip->next_proto_id << 8;
	*address_sum = (uint64_t)source + destination;
	if (p->port->tx_checksum) {
		m->l2_len = p->l2_bytes;
		m->l3_len = sizeof(*ip);
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	} else {
		sum = *address_sum + words[0] + words[1] + words[2];
		words[2] |= (uint32_t)checksum_finish(sum) << 16;
	}
	memcpy(ip, words, sizeof(words));
	ip->src_addr = source;
	ip->dst_addr = destination;
	return (uint8_t *)(ip + 1);
}

static uint8_t *reply_ipv6(
	struct rte_mbuf *m, struct packet *p, uint32_t bytes, uint64_t *address_sum)
{
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, p->l2_bytes);
	uint8_t source[16];

	// Folded, so that more can be added with + alone.
	*address_sum = checksum_fold(checksum_bytes(0, ip->src_addr, 32));
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

static inline uint8_t *reply_l3(
	struct rte_mbuf *m, struct packet *p, uint32_t bytes, uint64_t *address_sum)
{
	return p->is_ipv6 ? reply_ipv6(m, p, bytes, address_sum)
			  : reply_ipv4(m, p, bytes, address_sum);
}

uint8_t *reply_ip(struct rte_mbuf *m, uint32_t bytes, uint64_t *address_sum)
{
	return reply_l3(m, packet_of(m), bytes, address_sum);
}

// The wire header as the words that the checksum is made of.
struct reply_words {
	uint16_t magic, version_type, model, model_version;
	uint64_t request_id;
	uint16_t rows, columns, dtype_status, flags;
	uint32_t time;
	uint16_t key_id, reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct reply_words) == WIRE_HEADER_BYTES, "a view of struct wire_header");

// The sum of the fields that a reply changes, and below of those that it keeps.
static inline uint64_t reply_sum_changing(const struct reply_words *words)
{
	return (uint64_t)words->version_type + words->model_version + words->rows + words->columns +
		words->dtype_status + words->flags + words->time;
}

static inline uint64_t reply_sum_lasting(const struct reply_words *words)
{
	return (words->request_id >> 32) + (uint32_t)words->request_id + words->magic +
		words->model + words->key_id + words->reserved;
}

static inline uint32_t reply_server_ns(uint64_t ns)
{
	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

// The fields that docs/wire.md gives a meaning in replies. Magic, model, request_id and key_id go
// back as they came.
static inline struct reply_words reply_wire(
	const struct reply_words *request, const struct packet *p, uint32_t server_ns)
{
	bool scored = p->kind == PACKET_RESULT && p->status == WIRE_STATUS_OK;
	uint16_t type = p->kind == PACKET_PONG ? WIRE_TYPE_PONG : WIRE_TYPE_RESULT;

	return (struct reply_words){
		.version_type = (uint16_t)(WIRE_VERSION | type << 8),
		.model_version = scored ? p->version : 0,
		.rows = scored ? p->rows : 0,
		.columns = scored ? p->outputs : 0,
		.dtype_status = (uint16_t)(p->status << 8),
		.flags = request->flags & WIRE_FLAG_AUTHENTICATED,
		.time = server_ns,
	};
}

static inline void reply_store(struct reply_words *to, const struct reply_words *reply)
{
	to->version_type = reply->version_type;
	to->model_version = reply->model_version;
	to->rows = reply->rows;
	to->columns = reply->columns;
	to->dtype_status = reply->dtype_status;
	to->flags = reply->flags;
	to->time = reply->time;
}

// Of what a PING's checksum covered, its PONG changes nothing but the wire header, for addresses
// and ports merely change places: the checksum is updated, where it is known to be right. A RESULT
// is summed: its header's words, then what follows.
static inline uint16_t reply_udp_checksum(const struct packet *p, const struct rte_udp_hdr *udp,
	const struct reply_words *before, const struct reply_words *after, uint64_t pseudo_sum)
{
	uint32_t payload_bytes = (uint32_t)rte_be_to_cpu_16(udp->dgram_len) - sizeof(*udp);
	uint16_t checksum;
	uint64_t sum;

	if (p->kind == PACKET_PONG && udp->dgram_cksum && !p->port->trusts_checksum) {
		checksum = checksum_update(
			udp->dgram_cksum, reply_sum_changing(before), reply_sum_changing(after));
		return checksum ? checksum : 0xffff;
	}
	sum = pseudo_sum + udp->src_port + udp->dst_port + udp->dgram_len;
	sum += reply_sum_lasting(before) + reply_sum_changing(after);
	return checksum_finish_udp(
		checksum_bytes(sum, before + 1, payload_bytes - WIRE_HEADER_BYTES));
}

// Without a trailer.
static inline uint32_t reply_payload_bytes(const struct packet *p)
{
	if (p->kind == PACKET_PONG)
		return p->payload_bytes;
	if (p->status != WIRE_STATUS_OK)
		return WIRE_HEADER_BYTES;
	return WIRE_HEADER_BYTES + (uint32_t)p->rows * p->outputs * (uint32_t)sizeof(float);
}

static inline void reply_count(const struct packet *p, struct dataplane_counters *counters)
{
	if (p->kind == PACKET_PONG)
		counters->pongs++;
	else
		counters->status[p->status]++;
	if (unlikely(p->status != WIRE_STATUS_OK) && p->stats)
		p->stats->refused[p->status]++;
}

// The replies of a burst that have a trailer: their tags are made side by side once all are written, and then the
// checksums that cover these.
struct reply_sealed {
	const struct auth *auth;
	struct auth_seals seals;
	uint16_t n; // of those that the device makes no checksum of
	struct rte_udp_hdr *udps[BURST_MAX];
	uint64_t sums[BURST_MAX]; // of their pseudo headers
};

// One more, whose wire header is stored already.
static __rte_noinline void reply_seal(struct reply_sealed *sealed, const struct packet *p,
	struct rte_udp_hdr *udp, uint64_t pseudo_sum)
{
	auth_seal_add(&sealed->seals, auth_table(sealed->auth), p, (uint8_t *)(udp + 1),
		reply_payload_bytes(p));
	if (p->port->tx_checksum)
		return;
	sealed->udps[sealed->n] = udp;
	sealed->sums[sealed->n++] = pseudo_sum;
}

static __rte_noinline void reply_seal_end(struct reply_sealed *sealed)
{
	auth_seal(&sealed->seals, sealed->auth);
	for (uint16_t i = 0; i < sealed->n; i++) {
		struct rte_udp_hdr *udp = sealed->udps[i];

		udp->dgram_cksum = 0;
		udp->dgram_cksum = checksum_finish_udp(
			checksum_bytes(sealed->sums[i], udp, rte_be_to_cpu_16(udp->dgram_len)));
	}
}

static inline void reply_one(struct rte_mbuf *m, struct packet *p, uint64_t ns,
	struct dataplane_counters *counters, struct reply_sealed *sealed)
{
	uint32_t payload_bytes =
		reply_payload_bytes(p) + (unlikely(p->key) ? AUTH_TRAILER_BYTES : 0);
	uint32_t udp_bytes = (uint32_t)sizeof(struct rte_udp_hdr) + payload_bytes;
	uint64_t sum;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)reply_l3(m, p, udp_bytes, &sum);
	struct reply_words *words = (struct reply_words *)(udp + 1);
	struct reply_words reply = reply_wire(words, p, reply_server_ns(ns));
	uint16_t source = udp->src_port;

	udp->src_port = udp->dst_port;
	udp->dst_port = source;
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)udp_bytes);
	sum += (uint64_t)rte_cpu_to_be_16(IPPROTO_UDP) + udp->dgram_len;
	if (p->port->tx_checksum) {
		udp->dgram_cksum = checksum_fold(sum);
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	} else if (likely(!p->key)) {
		udp->dgram_cksum = reply_udp_checksum(p, udp, words, &reply, sum);
	}
	reply_store(words, &reply);
	if (unlikely(p->key))
		reply_seal(sealed, p, udp, sum);
	reply_ethernet(m, (uint32_t)p->l2_bytes + p->l3_bytes + udp_bytes);
	reply_count(p, counters);
}

// Packets that arrived together leave together: a run of them has one latency, which is recorded
// once.
struct reply_run {
	struct slot_stats *stats; // NULL where none are kept
	uint64_t arrival_tsc, ns;
	uint32_t n;
};

static inline void reply_run_end(struct reply_run *run)
{
	if (run->n && run->stats)
		histogram_record_many(&run->stats->latency, run->ns, run->n);
	run->n = 0;
}

static inline void reply_run_add(
	struct reply_run *run, const struct packet *p, uint64_t now, const struct clock *clock)
{
	struct slot_stats *stats = p->status == WIRE_STATUS_OK ? p->stats : NULL;

	if (!run->n || run->stats != stats || run->arrival_tsc != p->arrival_tsc) {
		reply_run_end(run);
		run->stats = stats;
		run->arrival_tsc = p->arrival_tsc;
		run->ns = clock_ns(clock, now - p->arrival_tsc);
	}
	run->n++;
}

// Scoring a burst has pushed the frames out of the first-level cache.
static inline void reply_prefetch(struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
	rte_prefetch0(rte_pktmbuf_mtod_offset(m, void *, RTE_CACHE_LINE_SIZE));
	rte_prefetch0(packet_of(m));
}

void reply_burst(struct rte_mbuf **mbufs, uint16_t n, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters, const struct auth *auth)
{
	struct reply_run run = { .n = 0 };
	struct reply_sealed sealed;

	sealed.auth = auth;
	sealed.n = sealed.seals.n = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct packet *p = packet_of(mbufs[i]);

		if (i + PREFETCH_AHEAD < n)
			reply_prefetch(mbufs[i + PREFETCH_AHEAD]);
		reply_run_add(&run, p, now, clock);
		reply_one(mbufs[i], p, run.ns, counters, &sealed);
	}
	reply_run_end(&run);
	if (unlikely(sealed.seals.n | sealed.n))
		reply_seal_end(&sealed);
}

void reply_packet(struct rte_mbuf *m, uint64_t now, const struct clock *clock,
	struct dataplane_counters *counters)
{
	reply_burst(&m, 1, now, clock, counters, NULL);
}
