// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a frame: parse, then the answer that would go out. What comes back must parse as a
// frame of ours, be no longer than what came in (but for what the RFCs give a length of its own: neighbour
// advertisements, MLD reports, ICMP errors, and the shortest frame's padding), and carry right checksums.
#include "base/checksum.h"
#include "base/trust/datagram.h"
#include "dataplane/admit.h"
#include "dataplane/auth/check.h"
#include "dataplane/icmp_error.h"
#include "dataplane/mld.h"
#include "dataplane/neighbour.h"
#include "dataplane/parse.h"
#include "dataplane/reply.h"
#include "infer/infer.h"
#include "tests/unit/frame.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct port port;
static struct registry *registry;
static struct slot_stats pings;
static struct clock clk;

static void check(bool right)
{
	if (!right)
		abort();
}

static void set_up(void)
{
	struct error err;

	frame_port(&port);
	clock_init(&clk, 2600000000u);
	histogram_reset(&pings.latency);
	check(registry_create(1, 1 << 16, 1500, NULL, &registry, &err) == 0);
}

static void mend_icmp(struct frame *frame)
{
	uint8_t *message = frame_at(frame, frame->p.payload_offset);
	uint64_t sum = 0;
	uint16_t checksum = 0;

	memcpy(message + 2, &checksum, sizeof(checksum));
	if (frame->p.is_ipv6)
		sum = checksum_bytes(
			(uint64_t)htons(IPPROTO_ICMPV6) + htons((uint16_t)frame->p.payload_bytes),
			frame_at(frame, frame->p.l2_bytes + 8u), 32);
	checksum = checksum_finish(checksum_bytes(sum, message, frame->p.payload_bytes));
	memcpy(message + 2, &checksum, sizeof(checksum));
}

static void check_reply(struct frame *frame, uint32_t request_bytes, bool nic_checks)
{
	uint32_t longest = RTE_MAX(request_bytes, 60u);
	const uint8_t *ip = frame_at(frame, frame->p.l2_bytes);

	if (frame->p.kind == PACKET_ICMPV6)
		longest += 8;
	if (frame->p.kind == PACKET_MLD)
		longest = RTE_MAX(longest, (uint32_t)(frame->p.l2_bytes + MLD_BYTES_MAX));
	if (frame->p.kind == PACKET_REFUSED)
		longest = RTE_MIN(longest + 48, frame->p.l2_bytes + 1280u);
	check(frame->m.data_len == frame->m.pkt_len && frame->m.pkt_len <= longest);
	check(memcmp(frame_at(frame, 6), &FRAME_OUR_MAC, 6) == 0);
	// Only what tells several hosts of our addresses and groups goes to a group.
	check(!(*frame_at(frame, 0) & 1) || frame->p.kind == PACKET_ARP ||
		frame->p.kind == PACKET_ICMPV6 || frame->p.kind == PACKET_MLD);
	if (frame->p.kind == PACKET_ARP)
		return;
	if (*ip >> 4 == 4)
		check(ip[0] == 0x45 && checksum_fold(checksum_bytes(0, ip, 20)) == 0xffff);
	// A PONG's checksum is as right as its request's was.
	if (frame->p.kind == PACKET_RESULT || (frame->p.kind == PACKET_PONG && !nic_checks)) {
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)frame_l4(frame);
		uint16_t checksum = udp->dgram_cksum;

		frame_mend_udp(frame);
		check(checksum == udp->dgram_cksum);
	}
}

// Guessing checksums is not what a fuzzer is good at: in the second pass a NIC has found them
// right.
static struct auth *auth;
static const uint8_t SECRET[KEY_SECRET_BYTES] = "sixteen bytes...";

// Key 1, of a model that is not there.
static void set_up_auth(void)
{
	static const struct config_trust nothing;
	struct wire_keys *keys = calloc(1, sizeof(*keys) + sizeof(keys->keys[0]));
	struct auth_table *table;

	check(keys && sodium_init() >= 0);
	keys->n = 1;
	keys->keys[0].id = 1;
	memcpy(keys->keys[0].secret, SECRET, sizeof(SECRET));
	check(auth_create(NULL, isa_detected(), &auth, NULL) == 0);
	check(auth_prepare_keys(auth, &nothing, keys, 1, &table, NULL) == 0);
	auth_commit(auth, table);
	free(keys);
}

// The stage of authentication frees what it drops; here it stays. Does it let the request pass?
static bool is_let_in(struct frame *frame)
{
	struct dataplane_counters counters = { 0 };
	struct rte_mbuf *m = &frame->m;

	rte_mbuf_refcnt_set(m, 2);
	const uint16_t n = auth_check(&m, 1, auth, registry, &counters);

	rte_mbuf_refcnt_set(&frame->m, 1);
	return n == 1;
}

// The request once more, sealed as a client with the key would: it is let in, once, and its reply has its trailer.
static void pass_sealed(struct frame *frame, uint32_t size)
{
	static uint64_t counter;
	struct dataplane_counters counters = { 0 };
	const uint32_t bytes = frame->p.payload_bytes;
	uint8_t *payload = frame_at(frame, frame->p.payload_offset);
	struct wire_header *wire = (struct wire_header *)payload;

	if (bytes < WIRE_HEADER_BYTES + DATAGRAM_TRAILER_BYTES)
		return;
	wire->flags |= WIRE_FLAG_AUTHENTICATED;
	wire->key_id = 1;
	datagram_seal(payload, bytes - DATAGRAM_TRAILER_BYTES, SECRET, ++counter);
	payload[bytes - 1] ^= 1;
	check(!is_let_in(frame) && frame->p.key == 0 && frame->p.payload_bytes == bytes);
	payload[bytes - 1] ^= 1;
	check(is_let_in(frame) && frame->p.key == 1);
	check(frame->p.payload_bytes == bytes - DATAGRAM_TRAILER_BYTES);
	struct frame again = *frame;

	again.m.buf_addr = again.room;
	again.p.payload_bytes = bytes;
	check(!is_let_in(&again));
	admit_packet(&frame->m, registry, 0, &pings);
	struct rte_mbuf *m = &frame->m;

	reply_burst(&m, 1, 100, &clk, &counters, auth);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)frame_l4(frame);

	check(datagram_is_sealed(udp + 1, ntohs(udp->dgram_len) - sizeof(*udp), SECRET, counter));
	check_reply(frame, size, false);
}

static void pass(const uint8_t *data, size_t size, bool nic_checks)
{
	struct dataplane_counters counters = { 0 };
	static struct frame frame;
	struct rte_mbuf *m = &frame.m;
	static uint64_t now; // so far on each time that no limit is reached
	enum drop drop;

	frame_ethernet(&frame, 0, false);
	frame.m.buf_len = (uint16_t)(RTE_PKTMBUF_HEADROOM + size + 128);
	memcpy(frame_at(&frame, 0), data, size);
	frame_length(&frame, (uint32_t)size);
	frame.m.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	port.rx_checksum = nic_checks;
	drop = parse_packet(&port, m);
	if (drop != DROP_NONE && !icmp_error_due(&port, m, drop))
		return;
	frame.p.arrival_tsc = now += 100 * (uint64_t)FRAME_TSC_HZ;
	if (frame.p.kind == PACKET_SCORE) {
		static struct frame sealed;

		sealed = frame;
		sealed.m.buf_addr = sealed.room;
		pass_sealed(&sealed, (uint32_t)size);
		if (!is_let_in(&frame)) // says authenticated, and is not
			return;
		admit_packet(m, registry, 0, &pings);
		check(frame.p.kind != PACKET_SCORE); // nothing is deployed
		reply_packet(m, 100, &clk, &counters);
	} else {
		if (nic_checks && frame.p.kind != PACKET_ARP && frame.p.kind != PACKET_REFUSED &&
			frame.p.payload_bytes >= 4)
			mend_icmp(&frame);
		if (!neighbour_burst(&m, 1, &counters))
			return;
	}
	check_reply(&frame, (uint32_t)size, nic_checks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!registry) {
		set_up();
		set_up_auth();
	}
	if (size > 2048)
		return 0;
	pass(data, size, false);
	pass(data, size, true);
	return 0;
}
