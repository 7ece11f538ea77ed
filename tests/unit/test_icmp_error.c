// SPDX-License-Identifier: BSD-3-Clause
// icmp_error: port unreachable, fragmentation needed and packet too big; and for what none is sent.
#include "dataplane/icmp_error.h"

#include "tests/cmocka.h"
#include "tests/unit/neighbour_case.h"

// cmocka wants the three above first

static uint8_t sent[FRAME_ROOM]; // the IP packet that the error is about

static int set_up(void **state)
{
	frame_port(&port);
	port.icmp_errors = true;
	return 0;
}

static void freeze(void)
{
	memcpy(sent, frame_at(&frame, frame.p.l2_bytes), FRAME_ROOM - RTE_PKTMBUF_HEADROOM - 64);
}

// A datagram of `payload` bytes to another port than ours.
static void datagram(bool is_ipv6, bool vlan, uint32_t payload)
{
	struct rte_udp_hdr *udp;

	frame_request(&frame, is_ipv6, vlan, 1, 1, 1, payload);
	udp = (struct rte_udp_hdr *)frame_l4(&frame);
	udp->dst_port = htons(53);
	if (!is_ipv6) {
		frame_ipv4(&frame)->fragment_offset = htons(0x4000);
		frame_mend_ipv4(&frame);
	}
	frame_mend_udp(&frame);
}

static bool answer(enum drop *drop)
{
	struct dataplane_counters counters = { 0 };
	struct rte_mbuf *m = &frame.m, *requests[BURST_MAX], *others[BURST_MAX];
	uint16_t n_others, n_requests;
	struct parsed parsed;

	freeze();
	rte_mbuf_refcnt_set(m, 2);
	n_requests = parse_burst(&port, &m, 1, 1000, &counters, requests, others, &parsed);
	assert_int_equal(n_requests, 0);
	n_others = neighbour_burst(others, parsed.n_others, &counters);
	*drop = dropped(&counters);
	assert_int_equal(counters.icmp_errors + (*drop != DROP_NONE), 1);
	assert_int_equal(n_others, counters.icmp_errors);
	return n_others;
}

static void check_error(
	bool is_ipv6, bool vlan, uint8_t type, uint8_t code, uint32_t word, uint32_t ip_bytes)
{
	const uint32_t head = is_ipv6 ? 48 : 28;
	const uint8_t *icmp = frame_l4(&frame);
	uint8_t checksum[2];
	uint16_t mended;

	assert_memory_equal(frame_at(&frame, 0), &FRAME_PEER_MAC, 6);
	assert_memory_equal(frame_at(&frame, 6), &FRAME_OUR_MAC, 6);
	if (vlan)
		assert_memory_equal(frame_at(&frame, 12), "\x81\x00\x61\x23", 4);
	assert_int_equal(frame.m.pkt_len, frame.p.l2_bytes + ip_bytes);
	if (is_ipv6) {
		uint8_t address[16];

		assert_int_equal(frame_ipv6(&frame)->payload_len, htons((uint16_t)(ip_bytes - 40)));
		assert_int_equal(frame_ipv6(&frame)->proto, IPPROTO_ICMPV6);
		inet_pton(AF_INET6, "fd00:77::1", address);
		assert_memory_equal(frame_ipv6(&frame)->src_addr, address, 16);
		inet_pton(AF_INET6, "fd00:77::2", address);
		assert_memory_equal(frame_ipv6(&frame)->dst_addr, address, 16);
	} else {
		uint16_t before = frame_ipv4(&frame)->hdr_checksum;

		assert_int_equal(frame_ipv4(&frame)->version_ihl, 0x45);
		assert_int_equal(frame_ipv4(&frame)->total_length, htons((uint16_t)ip_bytes));
		assert_int_equal(frame_ipv4(&frame)->next_proto_id, IPPROTO_ICMP);
		assert_int_equal(frame_ipv4(&frame)->src_addr, inet_addr("10.77.0.1"));
		assert_int_equal(frame_ipv4(&frame)->dst_addr, inet_addr("10.77.0.2"));
		frame_mend_ipv4(&frame);
		assert_int_equal(before, frame_ipv4(&frame)->hdr_checksum);
	}
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], code);
	assert_int_equal((uint32_t)icmp[4] << 24 | icmp[5] << 16 | icmp[6] << 8 | icmp[7], word);
	assert_memory_equal(icmp + 8, sent, ip_bytes - head);
	memcpy(checksum, icmp + 2, 2);
	memset(frame_l4(&frame) + 2, 0, 2);
	mended = frame_l4_checksum(
		&frame, ip_bytes - (head - 8), is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	assert_memory_equal(checksum, &mended, 2);
}

static void port_that_nobody_serves_is_unreachable(void **state)
{
	enum drop drop;

	for (int i = 0; i < 4; i++) {
		const bool is_ipv6 = i & 1, vlan = i & 2;

		datagram(is_ipv6, vlan, 32);
		assert_true(answer(&drop));
		check_error(is_ipv6, vlan, is_ipv6 ? 1 : 3, is_ipv6 ? 4 : 3, 0,
			is_ipv6 ? 48 + 40 + 8 + 32 : 28 + 20 + 8 + 32);
		datagram(is_ipv6, vlan, 1400); // of which it quotes as much as may be
		assert_true(answer(&drop));
		check_error(
			is_ipv6, vlan, is_ipv6 ? 1 : 3, is_ipv6 ? 4 : 3, 0, is_ipv6 ? 1280 : 576);
	}
}

static void packet_beyond_the_mtu_is_told_the_mtu(void **state)
{
	enum drop drop;

	for (int i = 0; i < 4; i++) {
		const bool is_ipv6 = i & 1, vlan = i & 2;
		const uint32_t fits = 1500 - 8 - (is_ipv6 ? 40 : 20);

		frame_request(&frame, is_ipv6, vlan, 1, 1, 1, fits + 1);
		if (!is_ipv6) {
			frame_ipv4(&frame)->fragment_offset = htons(0x4000);
			frame_mend_ipv4(&frame);
		}
		assert_true(answer(&drop));
		check_error(is_ipv6, vlan, is_ipv6 ? 2 : 3, is_ipv6 ? 0 : 4, 1500,
			is_ipv6 ? 1280 : 576);
	}
}

static void packet_beyond_the_mtu_may_come_cut_off(void **state)
{
	enum drop drop;

	datagram(true, false, 1500);
	frame_length(&frame, 14 + 200);
	assert_true(answer(&drop));
	check_error(true, false, 2, 0, 1500, 48 + 200);
}

static void refused(enum drop want)
{
	enum drop drop;

	assert_false(answer(&drop));
	assert_int_equal(drop, want);
}

// As memif has a frame that is longer than a buffer: two segments, of which the second is not there.
static void packet_beyond_a_buffer_is_told_the_mtu(void **state)
{
	enum drop drop;

	datagram(true, true, 1500);
	frame_length(&frame, 18 + 1400);
	frame.m.pkt_len = 2000;
	frame.m.nb_segs = 2;
	assert_true(answer(&drop));
	assert_int_equal(frame.m.nb_segs, 1);
	check_error(true, true, 2, 0, 1500, 1280);
	datagram(true, false, 32); // within which there is less: no error that would help
	frame.m.nb_segs = 2;
	refused(DROP_TOO_LONG);
}

static void nothing_is_sent_where_it_is_not_configured(void **state)
{
	port.icmp_errors = false;
	datagram(false, false, 32);
	refused(DROP_NOT_HANDLED);
	datagram(true, false, 1500);
	refused(DROP_TOO_LONG);
}

static void nothing_is_sent_about_what_may_be_fragmented(void **state)
{
	frame_request(&frame, false, false, 1, 1, 1, 1500);
	refused(DROP_TOO_LONG);
}

static void nothing_is_sent_below_the_least_mtu_of_ipv6(void **state)
{
	port.mtu = 1279;
	datagram(true, false, 1300);
	refused(DROP_TOO_LONG);
}

static void nothing_is_sent_to_or_about_groups(void **state)
{
	static const char *const SOURCES[] = { "255.255.255.255", "10.77.0.255", "224.0.0.5",
		"127.0.0.1", "0.0.0.0", "10.77.0.1" };

	for (size_t i = 0; i < RTE_DIM(SOURCES); i++) {
		datagram(false, false, 32);
		frame_ipv4(&frame)->src_addr = inet_addr(SOURCES[i]);
		frame_mend_ipv4(&frame);
		frame_mend_udp(&frame);
		refused(DROP_BAD_SOURCE_ADDRESS);
		datagram(false, false,
			1500); // which is found too long before its addresses are read
		frame_ipv4(&frame)->src_addr = inet_addr(SOURCES[i]);
		frame_mend_ipv4(&frame);
		frame_mend_udp(&frame);
		refused(DROP_TOO_LONG);
	}
	datagram(false, false, 1500);
	frame_ipv4(&frame)->dst_addr = inet_addr("10.77.0.255");
	frame_mend_ipv4(&frame);
	frame_mend_udp(&frame);
	refused(DROP_TOO_LONG);
	for (int i = 0; i < 3; i++) {
		static const char *const SOURCES6[] = { "ff02::1", "::", "::1" };

		datagram(true, false, 1500);
		inet_pton(AF_INET6, SOURCES6[i], frame_ipv6(&frame)->src_addr);
		frame_mend_udp(&frame);
		refused(DROP_TOO_LONG);
	}
	datagram(true, false, 1500);
	memcpy(frame_at(&frame, 0), "\x33\x33\x00\x00\x00\x01", 6);
	refused(DROP_TOO_LONG);
}

static void nothing_is_sent_about_fragments_icmp_and_others(void **state)
{
	datagram(false, false, 1500);
	frame_ipv4(&frame)->fragment_offset = htons(0x2000);
	frame_mend_ipv4(&frame);
	refused(DROP_TOO_LONG);
	datagram(false, false, 32);
	frame_ipv4(&frame)->next_proto_id = IPPROTO_TCP;
	frame_mend_ipv4(&frame);
	refused(DROP_NOT_HANDLED);
	datagram(true, false, 1500);
	frame_ipv6(&frame)->proto = IPPROTO_ICMPV6;
	refused(DROP_TOO_LONG);
	frame_ethernet(&frame, 0x88cc, false);
	frame_length(&frame, 60);
	refused(DROP_NOT_HANDLED);
}

static void nothing_is_sent_about_what_is_damaged(void **state)
{
	datagram(false, false, 32);
	frame_l4(&frame)[6] ^= 1;
	refused(DROP_NOT_HANDLED);
	datagram(true, false, 32);
	memset(frame_l4(&frame) + 6, 0, 2);
	refused(DROP_NOT_HANDLED);
	datagram(false, false, 1500);
	frame_ipv4(&frame)->hdr_checksum ^= 1;
	refused(DROP_TOO_LONG);
}

static void errors_are_limited(void **state)
{
	enum drop drop;

	for (int i = 0; i < 100; i++) {
		datagram(i & 1, false, 32);
		assert_true(answer(&drop));
	}
	datagram(false, false, 32);
	refused(DROP_NOT_HANDLED);
	datagram(true, false, 1500);
	refused(DROP_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(port_that_nobody_serves_is_unreachable, set_up),
		cmocka_unit_test_setup(packet_beyond_the_mtu_is_told_the_mtu, set_up),
		cmocka_unit_test_setup(packet_beyond_the_mtu_may_come_cut_off, set_up),
		cmocka_unit_test_setup(packet_beyond_a_buffer_is_told_the_mtu, set_up),
		cmocka_unit_test_setup(nothing_is_sent_where_it_is_not_configured, set_up),
		cmocka_unit_test_setup(nothing_is_sent_about_what_may_be_fragmented, set_up),
		cmocka_unit_test_setup(nothing_is_sent_below_the_least_mtu_of_ipv6, set_up),
		cmocka_unit_test_setup(nothing_is_sent_to_or_about_groups, set_up),
		cmocka_unit_test_setup(nothing_is_sent_about_fragments_icmp_and_others, set_up),
		cmocka_unit_test_setup(nothing_is_sent_about_what_is_damaged, set_up),
		cmocka_unit_test_setup(errors_are_limited, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
