// SPDX-License-Identifier: BSD-3-Clause
// reply: addresses and ports swapped, fields as docs/wire.md has them in a reply, checksums right.
#include "dataplane/reply.h"

#include "dataplane/admit.h"
#include "dataplane/parse.h"
#include "tests/cmocka.h"
#include "tests/unit/frame.h"

// cmocka wants the three above first

static struct port port;
static struct frame frame, before;
static struct dataplane_counters counters;
static struct clock clk;

static void remember(void)
{
	before = frame;
	before.m.buf_addr = before.room;
}

static void parsed_request(bool is_ipv6, bool vlan, uint8_t type, uint32_t payload_bytes)
{
	frame_request(&frame, is_ipv6, vlan, type, 1, 4, payload_bytes);
	frame_wire(&frame)->flags = WIRE_FLAG_PRIORITY;
	frame_wire(&frame)->budget_us = 0xfedcba98;
	frame_wire(&frame)->dtype = 3;
	frame_wire(&frame)->model_version = 0;
	frame_mend_udp(&frame);
	assert_int_equal(parse_packet(&port, &frame.m), DROP_NONE);
	frame.p.arrival_tsc = 1000;
	frame.p.status = WIRE_STATUS_OK;
	remember();
}

static void check_udp_checksum(void)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)frame_l4(&frame);
	uint16_t checksum = udp->dgram_cksum;

	assert_int_not_equal(checksum, 0);
	frame_mend_udp(&frame);
	assert_int_equal(checksum, udp->dgram_cksum);
}

static void check_ip(bool is_ipv6)
{
	if (is_ipv6) {
		struct rte_ipv6_hdr *ip = frame_ipv6(&frame), *old = frame_ipv6(&before);

		assert_memory_equal(ip->src_addr, old->dst_addr, 16);
		assert_memory_equal(ip->dst_addr, old->src_addr, 16);
		assert_int_equal(ip->hop_limits, 64);
		assert_int_equal(ntohl(ip->vtc_flow), 0x6b800000);
	} else {
		struct rte_ipv4_hdr *ip = frame_ipv4(&frame), *old = frame_ipv4(&before);
		uint16_t checksum = ip->hdr_checksum;

		assert_int_equal(ip->src_addr, old->dst_addr);
		assert_int_equal(ip->dst_addr, old->src_addr);
		assert_int_equal(ip->time_to_live, 64);
		assert_int_equal(ip->type_of_service, 0xb8);
		assert_int_equal(ip->version_ihl, 0x45);
		assert_int_equal(ip->fragment_offset, htons(0x4000));
		frame_mend_ipv4(&frame);
		assert_int_equal(checksum, ip->hdr_checksum);
	}
}

static void check_frame(bool is_ipv6, bool vlan, uint32_t payload_bytes)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)frame_at(&frame, 0);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)frame_l4(&frame);

	assert_memory_equal(&eth->dst_addr, &FRAME_PEER_MAC, 6);
	assert_memory_equal(&eth->src_addr, &FRAME_OUR_MAC, 6);
	assert_memory_equal(frame_at(&frame, 12), frame_at(&before, 12), vlan ? 6 : 2);
	assert_int_equal(udp->src_port, htons(7797));
	assert_int_equal(udp->dst_port, htons(40000));
	assert_int_equal(ntohs(udp->dgram_len), 8 + payload_bytes);
	assert_int_equal(
		frame.m.pkt_len, (vlan ? 18 : 14) + (is_ipv6 ? 40 : 20) + 8 + payload_bytes);
	assert_int_equal(frame.m.data_len, frame.m.pkt_len);
	check_ip(is_ipv6);
	check_udp_checksum();
}

static void pong_returns_the_payload(void **state)
{
	for (uint32_t bytes = 32; bytes < 140; bytes++) {
		bool is_ipv6 = bytes & 1, vlan = bytes & 2;

		parsed_request(is_ipv6, vlan, WIRE_TYPE_PING, bytes);
		frame.p.kind = PACKET_PONG;
		reply_packet(&frame.m, 1000 + 2600, &clk, &counters);
		check_frame(is_ipv6, vlan, bytes);
		assert_int_equal(frame_wire(&frame)->type, WIRE_TYPE_PONG);
		assert_memory_equal(frame_wire(&frame) + 1, frame_wire(&before) + 1, bytes - 32);
	}
}

static void pong_without_request_checksum_gets_one(void **state)
{
	parsed_request(false, false, WIRE_TYPE_PING, 64);
	((struct rte_udp_hdr *)frame_l4(&frame))->dgram_cksum = 0;
	frame.p.kind = PACKET_PONG;
	reply_packet(&frame.m, 1000, &clk, &counters);
	check_frame(false, false, 64);
}

// A payload damaged after its checksum was checked must not be blessed by a new checksum.
static void pong_checksum_is_end_to_end(void **state)
{
	struct rte_udp_hdr *udp;
	uint16_t checksum;

	parsed_request(false, false, WIRE_TYPE_PING, 64);
	((uint8_t *)(frame_wire(&frame) + 1))[5] ^= 0x10;
	frame.p.kind = PACKET_PONG;
	reply_packet(&frame.m, 1000, &clk, &counters);
	udp = (struct rte_udp_hdr *)frame_l4(&frame);
	checksum = udp->dgram_cksum;
	frame_mend_udp(&frame);
	assert_int_not_equal(checksum, udp->dgram_cksum);
}

static void fields_of_every_reply(const struct wire_header *reply)
{
	const struct wire_header *request = frame_wire(&before);

	assert_memory_equal(reply->magic, "ML", 2);
	assert_int_equal(reply->version, 1);
	assert_int_equal(reply->model, request->model);
	assert_int_equal(reply->request_id, request->request_id);
	assert_int_equal(reply->dtype, 0);
	assert_int_equal(reply->key_id, request->key_id);
	assert_int_equal(reply->flags, request->flags & WIRE_FLAG_AUTHENTICATED);
	assert_int_equal(reply->reserved_8, 0);
	assert_int_equal(reply->reserved_16, 0);
}

static void result_carries_outputs(void **state)
{
	const float outputs[3] = { 1.5f, -2, 3e9f };

	for (int v6 = 0; v6 < 2; v6++) {
		const struct wire_header *reply;

		parsed_request(v6, true, WIRE_TYPE_SCORE, 80);
		frame.p.kind = PACKET_RESULT;
		frame.p.rows = 1;
		frame.p.outputs = 3;
		frame.p.version = 12;
		memcpy(frame_wire(&frame) + 1, outputs, sizeof(outputs));
		reply_packet(&frame.m, 1000 + 2600, &clk, &counters);
		check_frame(v6, true, 32 + sizeof(outputs));
		reply = frame_wire(&frame);
		fields_of_every_reply(reply);
		assert_int_equal(reply->type, WIRE_TYPE_RESULT);
		assert_int_equal(reply->status, WIRE_STATUS_OK);
		assert_int_equal(reply->model_version, 12);
		assert_int_equal(reply->rows, 1);
		assert_int_equal(reply->columns, 3);
		assert_memory_equal(reply + 1, outputs, sizeof(outputs));
	}
}

// Addresses whose words sum to just below 2^64: what is added to them must not lose its carry.
static void result_checksum_keeps_every_carry(void **state)
{
	static const char *sources[] = { "fd00:77:ffff:fffc::2",
		"fd00:77:ffff:ffff:ffff:ffff::", "fd00:77:ffff:fffd::ffff",
		"fdff:ffff:ffff:fffc:0:0:0:2" };

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		frame_request(&frame, true, false, WIRE_TYPE_SCORE, 1, 4, 64);
		inet_pton(AF_INET6, sources[i], frame_ipv6(&frame)->src_addr);
		frame_mend_udp(&frame);
		assert_int_equal(parse_packet(&port, &frame.m), DROP_NONE);
		frame.p.kind = PACKET_RESULT;
		frame.p.status = WIRE_STATUS_NO_MODEL;
		reply_packet(&frame.m, 1000, &clk, &counters);
		check_udp_checksum();
	}
}

static void refusal_is_a_bare_header(void **state)
{
	for (unsigned status = 1; status < WIRE_STATUS_COUNT; status++) {
		const struct wire_header *reply;

		counters = (struct dataplane_counters){ 0 };
		parsed_request(status & 1, false, WIRE_TYPE_SCORE, 100);
		frame_wire(&frame)->flags |= WIRE_FLAG_AUTHENTICATED;
		remember();
		frame.p.kind = PACKET_RESULT;
		frame.p.status = (uint8_t)status;
		frame.p.rows = 1;
		frame.p.outputs = 3;
		reply_packet(&frame.m, 1000, &clk, &counters);
		check_frame(status & 1, false, 32);
		reply = frame_wire(&frame);
		fields_of_every_reply(reply);
		assert_int_equal(reply->type, WIRE_TYPE_RESULT);
		assert_int_equal(reply->status, status);
		assert_int_equal(reply->rows, 0);
		assert_int_equal(reply->columns, 0);
		assert_int_equal(reply->model_version, 0);
		assert_int_equal(counters.status[status], 1);
	}
}

static void server_ns_is_exact_and_saturates(void **state)
{
	parsed_request(false, false, WIRE_TYPE_PING, 32);
	frame.p.kind = PACKET_PONG;
	reply_packet(&frame.m, 1000 + 2600, &clk, &counters);
	assert_in_range(frame_wire(&frame)->server_ns, 999, 1000);
	parsed_request(false, false, WIRE_TYPE_PING, 32);
	frame.p.kind = PACKET_PONG;
	reply_packet(&frame.m, 1000 + 2600000000u * 5ull, &clk, &counters);
	assert_int_equal(frame_wire(&frame)->server_ns, UINT32_MAX);
}

static void latency_is_recorded_where_scored(void **state)
{
	static struct slot_stats stats;

	histogram_reset(&stats.latency);
	parsed_request(false, false, WIRE_TYPE_PING, 32);
	frame.p.kind = PACKET_PONG;
	frame.p.stats = &stats;
	reply_packet(&frame.m, 1000 + 2600, &clk, &counters);
	assert_int_equal(stats.latency.count, 1);
	parsed_request(false, false, WIRE_TYPE_SCORE, 64);
	frame.p.kind = PACKET_RESULT;
	frame.p.status = WIRE_STATUS_EXPIRED;
	frame.p.stats = &stats;
	reply_packet(&frame.m, 1000 + 2600, &clk, &counters);
	assert_int_equal(stats.latency.count, 1);
}

static void ipv4_options_are_dropped(void **state)
{
	struct rte_ipv4_hdr *ip;
	uint8_t *start;

	frame_request(&frame, false, true, WIRE_TYPE_PING, 0, 0, 48);
	remember();
	ip = frame_ipv4(&frame);
	memmove((uint8_t *)ip + 60, (uint8_t *)ip + 20, 56);
	memset((uint8_t *)ip + 20, 1, 40);
	ip->version_ihl = 0x4f;
	ip->total_length = htons((uint16_t)(ntohs(ip->total_length) + 40));
	frame_length(&frame, frame.m.data_len + 40u);
	frame_mend_ipv4(&frame);
	assert_int_equal(parse_packet(&port, &frame.m), DROP_NONE);
	frame.p.arrival_tsc = 1000;
	frame.p.kind = PACKET_PONG;
	start = frame_at(&frame, 0);
	reply_packet(&frame.m, 1000, &clk, &counters);
	assert_ptr_equal(frame_at(&frame, 0), start + 40);
	check_frame(false, true, 48);
	assert_memory_equal(frame_wire(&frame) + 1, frame_wire(&before) + 1, 16);
}

static void device_makes_checksums_where_it_can(void **state)
{
	struct rte_udp_hdr *udp;
	uint16_t pseudo;

	port.tx_checksum = true;
	for (int v6 = 0; v6 < 2; v6++) {
		parsed_request(v6, true, WIRE_TYPE_PING, 64);
		frame.p.kind = PACKET_PONG;
		reply_packet(&frame.m, 1000, &clk, &counters);
		assert_int_equal(frame.m.l2_len, 18);
		assert_int_equal(frame.m.l3_len, v6 ? 40 : 20);
		assert_int_equal(frame.m.ol_flags,
			RTE_MBUF_F_TX_UDP_CKSUM |
				(v6 ? RTE_MBUF_F_TX_IPV6
				    : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM));
		udp = (struct rte_udp_hdr *)frame_l4(&frame);
		pseudo = v6 ? rte_ipv6_phdr_cksum(frame_ipv6(&frame), 0)
			    : rte_ipv4_phdr_cksum(frame_ipv4(&frame), 0);
		assert_int_equal(udp->dgram_cksum, pseudo);
	}
	port.tx_checksum = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pong_returns_the_payload),
		cmocka_unit_test(pong_without_request_checksum_gets_one),
		cmocka_unit_test(pong_checksum_is_end_to_end),
		cmocka_unit_test(result_carries_outputs),
		cmocka_unit_test(result_checksum_keeps_every_carry),
		cmocka_unit_test(refusal_is_a_bare_header),
		cmocka_unit_test(server_ns_is_exact_and_saturates),
		cmocka_unit_test(latency_is_recorded_where_scored),
		cmocka_unit_test(ipv4_options_are_dropped),
		cmocka_unit_test(device_makes_checksums_where_it_can),
	};

	frame_port(&port);
	clock_init(&clk, 2600000000u);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
