// SPDX-License-Identifier: BSD-3-Clause
// parse from UDP on: lengths, ports, checksums and the wire header, and a burst of all sorts.
#include "tests/cmocka.h"
#include "tests/unit/parse_case.h"

// cmocka wants the three above first

static void bad_udp_length_drops(void **state)
{
	static const uint16_t LENGTHS[] = { 0, 7, 73, 65535 };

	for (size_t i = 0; i < RTE_DIM(LENGTHS); i++) {
		request(false, false);
		udp()->dgram_len = htons(LENGTHS[i]);
		assert_int_equal(parse(), DROP_BAD_UDP_LENGTH);
	}
	frame_ip(&frame, false, false, IPPROTO_UDP, 7);
	assert_int_equal(parse(), DROP_BAD_UDP_LENGTH);
}

static void another_port_drops(void **state)
{
	request(false, false);
	udp()->dst_port = htons(53);
	frame_mend_udp(&frame);
	assert_int_equal(parse(), DROP_NOT_HANDLED);
}

static void bad_source_port_drops(void **state)
{
	request(false, false);
	udp()->src_port = 0;
	frame_mend_udp(&frame);
	assert_int_equal(parse(), DROP_BAD_SOURCE_PORT);
	udp()->src_port = htons(7797);
	frame_mend_udp(&frame);
	assert_int_equal(parse(), DROP_BAD_SOURCE_PORT);
}

static void any_flipped_bit_fails_the_udp_checksum(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		for (uint32_t i = 0; i < 64 * 8; i++) {
			request(v6, false);
			((uint8_t *)(udp() + 1))[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM);
		}
	}
}

static void odd_lengths_have_right_checksums(void **state)
{
	for (uint32_t bytes = 32; bytes < 120; bytes++) {
		frame_request(&frame, bytes % 2, false, WIRE_TYPE_PING, 0, 0, bytes);
		memset(frame_at(&frame, frame.m.data_len), 0xa5, 40); // must not count
		assert_int_equal(parse(), DROP_NONE);
	}
}

static void absent_udp_checksum_is_for_ipv4_only(void **state)
{
	request(false, false);
	udp()->dgram_cksum = 0;
	assert_int_equal(parse(), DROP_NONE);
	request(true, false);
	udp()->dgram_cksum = 0;
	assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM);
}

static void nic_verdict_stands_where_the_offload_is_in_use(void **state)
{
	request(false, false);
	udp()->dgram_cksum ^= 1;
	frame.m.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM); // not in use: flags mean nothing
	port.rx_checksum = true;
	assert_int_equal(parse(), DROP_NONE);
	frame.m.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN | RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN;
	assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM);
	frame.m.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
	assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM);
	frame_mend_udp(&frame);
	frame.m.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM);
	frame.m.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	assert_int_equal(parse(), DROP_BAD_IP_CHECKSUM);
	port.rx_checksum = false;
}

// What Linux leaves for a card to finish: the sum of the pseudo header, not complemented.
static void leave_checksum_to_offload(bool is_ipv6)
{
	uint32_t sum = 0;
	const uint8_t *addresses = (const uint8_t *)udp() - (is_ipv6 ? 32 : 8);

	for (int i = 0; i < (is_ipv6 ? 32 : 8); i += 2)
		sum += (uint32_t)addresses[i] << 8 | addresses[i + 1];
	sum += IPPROTO_UDP + ntohs(udp()->dgram_len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	udp()->dgram_cksum = htons((uint16_t)sum);
}

static void trusting_port_takes_wrong_udp_checksums_only(void **state)
{
	port.trusts_checksum = true;
	for (int v6 = 0; v6 < 2; v6++) {
		request(v6, false);
		leave_checksum_to_offload(v6);
		assert_int_equal(parse(), DROP_NONE);
		request(v6, false);
		udp()->dgram_cksum ^= 0x55;
		assert_int_equal(parse(), DROP_NONE);
	}
	request(true, false);
	udp()->dgram_cksum = 0;
	assert_int_equal(parse(), DROP_BAD_L4_CHECKSUM);
	request(false, false);
	((struct rte_ipv4_hdr *)(ethernet() + 1))->hdr_checksum ^= 1;
	assert_int_equal(parse(), DROP_BAD_IP_CHECKSUM);
	port.trusts_checksum = false;
}

static void unfinished_checksums_are_told_from_wrong_ones(void **state)
{
	struct rte_mbuf *mbuf = &frame.m, *requests[BURST_MAX], *others[BURST_MAX];
	struct parsed parsed;

	for (int i = 0; i < 8; i++) {
		bool is_ipv6 = i & 1, vlan = i & 2, unfinished = i & 4;
		struct dataplane_counters counters = { 0 };

		request(is_ipv6, vlan);
		if (unfinished)
			leave_checksum_to_offload(is_ipv6);
		else
			udp()->dgram_cksum ^= 1;
		assert_int_equal(
			parse_burst(&port, &mbuf, 1, 0, &counters, requests, others, &parsed), 0);
		assert_int_equal(counters.drops[DROP_BAD_L4_CHECKSUM], 1);
		assert_int_equal(counters.unfinished_checksums, unfinished);
	}
}

static void payload_shorter_than_the_header_drops(void **state)
{
	for (uint32_t bytes = 0; bytes < 32; bytes++) {
		frame_ip(&frame, false, false, IPPROTO_UDP, 8 + bytes);
		udp()->src_port = htons(40000);
		udp()->dst_port = htons(7797);
		udp()->dgram_len = htons((uint16_t)(8 + bytes));
		frame_mend_udp(&frame);
		assert_int_equal(parse(), DROP_SHORT_HEADER);
	}
}

// Sets one byte of the wire header and says what becomes of the request.
static enum drop with_byte(uint32_t offset, uint8_t value)
{
	request(false, false);
	((uint8_t *)frame_wire(&frame))[offset] = value;
	frame_mend_udp(&frame);
	return parse();
}

static void wrong_magic_or_version_drops(void **state)
{
	assert_int_equal(with_byte(0, 'm'), DROP_BAD_MAGIC);
	assert_int_equal(with_byte(1, 'M'), DROP_BAD_MAGIC);
	assert_int_equal(with_byte(2, 0), DROP_BAD_VERSION);
	assert_int_equal(with_byte(2, 2), DROP_BAD_VERSION);
}

static void reserved_fields_not_zero_drop(void **state)
{
	assert_int_equal(
		with_byte(21, 1), DROP_RESERVED_NOT_ZERO); // status: a reply, not a request
	assert_int_equal(with_byte(23, 1), DROP_RESERVED_NOT_ZERO);
	assert_int_equal(with_byte(30, 1), DROP_RESERVED_NOT_ZERO);
	assert_int_equal(with_byte(31, 0x80), DROP_RESERVED_NOT_ZERO);
	for (uint32_t bit = 0; bit < 8; bit++)
		assert_int_equal(with_byte(22, (uint8_t)(1 << bit)),
			bit < 2 ? DROP_NONE : DROP_RESERVED_NOT_ZERO);
}

static void fields_a_client_may_fill_are_kept(void **state)
{
	static const uint8_t FREE[] = { 3, 4, 5, 6, 7, 8, 15, 16, 19, 20, 24, 27, 28, 29 };

	for (size_t i = 0; i < RTE_DIM(FREE); i++)
		assert_int_equal(with_byte(FREE[i], 0xff), DROP_NONE);
}

static void burst_sorts_counts_and_frees(void **state)
{
	static struct frame frames[4];
	struct rte_mbuf *mbufs[4], *requests[BURST_MAX], *others[BURST_MAX];
	struct dataplane_counters counters = { 0 };
	struct parsed parsed;
	uint16_t n_requests;

	frame_request(&frames[0], false, false, WIRE_TYPE_SCORE, 1, 4, 64);
	frame_ethernet(&frames[1], RTE_ETHER_TYPE_ARP, false);
	frame_length(&frames[1], 42);
	frame_ethernet(&frames[2], 0x88cc, false);
	frame_length(&frames[2], 60);
	frame_request(&frames[3], true, false, WIRE_TYPE_PING, 0, 0, 64);
	frame_wire(&frames[0])->flags = WIRE_FLAG_PRIORITY;
	frame_mend_udp(&frames[0]);
	frame_wire(&frames[3])->flags = WIRE_FLAG_AUTHENTICATED;
	frame_mend_udp(&frames[3]);
	for (int i = 0; i < 4; i++)
		mbufs[i] = &frames[i].m;
	n_requests = parse_burst(&port, mbufs, 4, 1234, &counters, requests, others, &parsed);
	assert_int_equal(n_requests, 2);
	assert_ptr_equal(requests[0], &frames[0].m);
	assert_ptr_equal(requests[1], &frames[3].m);
	assert_int_equal(frames[3].p.arrival_tsc, 1234);
	assert_int_equal(parsed.n_others, 1);
	assert_int_equal(parsed.flags, WIRE_FLAG_PRIORITY | WIRE_FLAG_AUTHENTICATED);
	assert_ptr_equal(others[0], &frames[1].m);
	assert_int_equal(counters.received, 4);
	assert_int_equal(counters.received_bytes, 106 + 42 + 60 + 126);
	assert_int_equal(counters.drops[DROP_NOT_HANDLED], 1);
	assert_int_equal(rte_mbuf_refcnt_read(&frames[2].m), 1);
	assert_int_equal(rte_mbuf_refcnt_read(&frames[0].m), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_udp_length_drops),
		cmocka_unit_test(another_port_drops),
		cmocka_unit_test(bad_source_port_drops),
		cmocka_unit_test(any_flipped_bit_fails_the_udp_checksum),
		cmocka_unit_test(odd_lengths_have_right_checksums),
		cmocka_unit_test(absent_udp_checksum_is_for_ipv4_only),
		cmocka_unit_test(trusting_port_takes_wrong_udp_checksums_only),
		cmocka_unit_test(unfinished_checksums_are_told_from_wrong_ones),
		cmocka_unit_test(nic_verdict_stands_where_the_offload_is_in_use),
		cmocka_unit_test(payload_shorter_than_the_header_drops),
		cmocka_unit_test(wrong_magic_or_version_drops),
		cmocka_unit_test(reserved_fields_not_zero_drop),
		cmocka_unit_test(fields_a_client_may_fill_are_kept),
		cmocka_unit_test(burst_sorts_counts_and_frees),
	};

	frame_port(&port);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
