// SPDX-License-Identifier: BSD-3-Clause
// parse, up to the network layer: one case for each silent drop of docs/wire.md that is decided there,
// and for what is accepted.
#include "tests/cmocka.h"
#include "tests/unit/parse_case.h"

// cmocka wants the three above first

static void request_is_kept_with_its_offsets(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		for (int vlan = 0; vlan < 2; vlan++) {
			request(v6, vlan);
			assert_int_equal(parse(), DROP_NONE);
			assert_int_equal(frame.p.kind, PACKET_SCORE);
			assert_int_equal(frame.p.is_ipv6, v6);
			assert_int_equal(frame.p.l2_bytes, vlan ? 18 : 14);
			assert_int_equal(
				frame.p.payload_offset, (vlan ? 18 : 14) + (v6 ? 40 : 20) + 8);
			assert_int_equal(frame.p.payload_bytes, 64);
			assert_ptr_equal(frame.p.port, &port);
			assert_false(frame.p.flags & WIRE_FLAG_PRIORITY);
		}
	}
}

static void ethernet_padding_is_not_payload(void **state)
{
	frame_request(&frame, false, false, WIRE_TYPE_PING, 0, 0, 32);
	frame_length(&frame, frame.m.data_len + 50u);
	assert_int_equal(parse(), DROP_NONE);
	assert_int_equal(frame.p.payload_bytes, 32);
}

static void ipv4_options_are_stepped_over(void **state)
{
	struct rte_ipv4_hdr *ip;

	request(false, false);
	ip = frame_ipv4(&frame);
	memmove((uint8_t *)ip + 24, (uint8_t *)ip + 20, 72);
	memset((uint8_t *)ip + 20, 1, 4); // four times "no operation"
	ip->version_ihl = 0x46;
	ip->total_length = htons((uint16_t)(ntohs(ip->total_length) + 4));
	frame_length(&frame, frame.m.data_len + 4u);
	frame_mend_ipv4(&frame);
	assert_int_equal(parse(), DROP_NONE);
	assert_int_equal(frame.p.l3_bytes, 24);
	assert_int_equal(frame.p.payload_offset, 14 + 24 + 8);
	ip->hdr_checksum ^= 1;
	assert_int_equal(parse(), DROP_BAD_IP_CHECKSUM);
}

static void priority_flag_is_seen(void **state)
{
	request(false, false);
	frame_wire(&frame)->flags = WIRE_FLAG_PRIORITY;
	frame_mend_udp(&frame);
	assert_int_equal(parse(), DROP_NONE);
	assert_true(frame.p.flags & WIRE_FLAG_PRIORITY);
}

static void another_mac_drops(void **state)
{
	request(false, false);
	ethernet()->dst_addr.addr_bytes[5] = 9;
	assert_int_equal(parse(), DROP_NOT_OUR_MAC);
}

static void group_mac_drops_requests(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		request(v6, false);
		memset(&ethernet()->dst_addr, 0xff, 6);
		assert_int_equal(parse(), DROP_NOT_OUR_MAC);
	}
}

static void bad_source_mac_drops(void **state)
{
	request(false, false);
	memset(&ethernet()->src_addr, 0xff, 6);
	assert_int_equal(parse(), DROP_BAD_SOURCE_ADDRESS);
	ethernet()->src_addr = FRAME_OUR_MAC;
	assert_int_equal(parse(), DROP_BAD_SOURCE_ADDRESS);
}

static void another_address_drops(void **state)
{
	request(false, false);
	frame_ipv4(&frame)->dst_addr = inet_addr("10.77.0.9");
	frame_mend_ipv4(&frame);
	assert_int_equal(parse(), DROP_NOT_OUR_ADDRESS);
	request(true, false);
	frame_ipv6(&frame)->dst_addr[15] = 9;
	assert_int_equal(parse(), DROP_NOT_OUR_ADDRESS);
}

// Every shorter version of a frame is refused, without a byte read past its end: ASan watches.
static void truncated_frame_drops_at_every_length(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		request(v6, true);
		for (uint32_t bytes = 0, whole = frame.m.data_len; bytes < whole; bytes++) {
			frame_length(&frame, bytes);
			assert_int_equal(parse(), DROP_TRUNCATED);
		}
	}
}

static void chained_segments_drop(void **state)
{
	request(false, false);
	frame.m.nb_segs = 2;
	assert_int_equal(parse(), DROP_TOO_LONG);
}

static void longer_than_mtu_drops(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t fits = 1500 - (v6 ? 40 : 20) - 8;

		frame_request(&frame, v6, false, WIRE_TYPE_PING, 0, 0, fits);
		assert_int_equal(parse(), DROP_NONE);
		frame_request(&frame, v6, false, WIRE_TYPE_PING, 0, 0, fits + 1);
		assert_int_equal(parse(), DROP_TOO_LONG);
	}
}

static void bad_ipv4_header_drops(void **state)
{
	static const struct {
		uint8_t version_ihl;
		uint16_t total_length;
	} CASES[] = { { 0x44, 92 }, { 0x40, 92 }, { 0x55, 92 }, { 0x65, 92 }, { 0x45, 19 },
		{ 0x45, 0 }, { 0x4f, 59 } };

	for (size_t i = 0; i < RTE_DIM(CASES); i++) {
		request(false, false);
		frame_ipv4(&frame)->version_ihl = CASES[i].version_ihl;
		frame_ipv4(&frame)->total_length = htons(CASES[i].total_length);
		frame_mend_ipv4(&frame);
		assert_int_equal(parse(), DROP_BAD_IP_HEADER);
	}
}

static void bad_ipv6_version_drops(void **state)
{
	request(true, false);
	frame_ipv6(&frame)->vtc_flow = htonl(0x50000000);
	assert_int_equal(parse(), DROP_BAD_IP_HEADER);
}

static void bad_ip_checksum_drops(void **state)
{
	request(false, false);
	frame_ipv4(&frame)->hdr_checksum ^= htons(0x0100);
	assert_int_equal(parse(), DROP_BAD_IP_CHECKSUM);
}

static void fragment_drops(void **state)
{
	static const uint16_t FIELDS[] = { 0x2000, 1, 0x2001, 0x1fff };

	for (size_t i = 0; i < RTE_DIM(FIELDS); i++) {
		request(false, false);
		frame_ipv4(&frame)->fragment_offset = htons(FIELDS[i]);
		frame_mend_ipv4(&frame);
		assert_int_equal(parse(), DROP_FRAGMENT);
	}
	request(false, false);
	frame_ipv4(&frame)->fragment_offset = htons(0x4000); // "do not fragment" is no fragment
	frame_mend_ipv4(&frame);
	assert_int_equal(parse(), DROP_NONE);
	request(true, false);
	frame_ipv6(&frame)->proto = 44;
	assert_int_equal(parse(), DROP_FRAGMENT);
}

static void bad_ipv4_source_drops(void **state)
{
	static const char *const SOURCES[] = { "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
		"239.255.255.250", "240.0.0.1", "255.255.255.255", "10.77.0.255", "10.77.0.1" };

	for (size_t i = 0; i < RTE_DIM(SOURCES); i++) {
		request(false, false);
		frame_ipv4(&frame)->src_addr = inet_addr(SOURCES[i]);
		frame_mend_ipv4(&frame);
		frame_mend_udp(&frame);
		assert_int_equal(parse(), DROP_BAD_SOURCE_ADDRESS);
	}
}

static void bad_ipv6_source_drops(void **state)
{
	static const char *const SOURCES[] = { "::", "::1", "ff02::1", "fd00:77::1" };

	for (size_t i = 0; i < RTE_DIM(SOURCES); i++) {
		request(true, false);
		inet_pton(AF_INET6, SOURCES[i], frame_ipv6(&frame)->src_addr);
		frame_mend_udp(&frame);
		assert_int_equal(parse(), DROP_BAD_SOURCE_ADDRESS);
	}
}

static void unserved_protocol_drops(void **state)
{
	static const uint8_t PROTOCOLS[] = { 0, 6, 43, 50, 60, 132, 255 };

	for (size_t i = 0; i < RTE_DIM(PROTOCOLS); i++) {
		request(false, false);
		frame_ipv4(&frame)->next_proto_id = PROTOCOLS[i];
		frame_mend_ipv4(&frame);
		assert_int_equal(parse(), DROP_NOT_HANDLED);
		request(true, false);
		frame_ipv6(&frame)->proto = PROTOCOLS[i];
		assert_int_equal(parse(), DROP_NOT_HANDLED);
	}
}

static void unserved_ethertype_drops(void **state)
{
	static const uint16_t TYPES[] = { 0x88cc, 0x8100, 0x88a8, 0x8847, 0 };

	for (size_t i = 0; i < RTE_DIM(TYPES); i++) {
		uint16_t type = htons(TYPES[i]);

		request(false, true); // behind a first tag: a second one is not served
		memcpy(frame_at(&frame, 16), &type, sizeof(type));
		assert_int_equal(parse(), DROP_NOT_HANDLED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_kept_with_its_offsets),
		cmocka_unit_test(ethernet_padding_is_not_payload),
		cmocka_unit_test(ipv4_options_are_stepped_over),
		cmocka_unit_test(priority_flag_is_seen),
		cmocka_unit_test(another_mac_drops),
		cmocka_unit_test(group_mac_drops_requests),
		cmocka_unit_test(bad_source_mac_drops),
		cmocka_unit_test(another_address_drops),
		cmocka_unit_test(truncated_frame_drops_at_every_length),
		cmocka_unit_test(chained_segments_drop),
		cmocka_unit_test(longer_than_mtu_drops),
		cmocka_unit_test(bad_ipv4_header_drops),
		cmocka_unit_test(bad_ipv6_version_drops),
		cmocka_unit_test(bad_ip_checksum_drops),
		cmocka_unit_test(fragment_drops),
		cmocka_unit_test(bad_ipv4_source_drops),
		cmocka_unit_test(bad_ipv6_source_drops),
		cmocka_unit_test(unserved_protocol_drops),
		cmocka_unit_test(unserved_ethertype_drops),
	};

	frame_port(&port);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
