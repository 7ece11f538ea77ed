// SPDX-License-Identifier: BSD-3-Clause
// mld: reports unasked and in answer to queries of both versions, and which queries are ignored.
#include "dataplane/mld.h"

#include "tests/cmocka.h"
#include "tests/unit/neighbour_case.h"

// cmocka wants the three above first

#define GROUP1 "ff02::1:ff00:1"
#define GROUP2 "ff02::1:ff02:3"

static int set_up(void **state)
{
	frame_port(&port);
	return 0;
}

// A second address, which is link-local, and a third of the first one's group.
static void add_addresses(void)
{
	inet_pton(AF_INET6, "fe80::1:2:3", &port.ipv6[1]);
	inet_pton(AF_INET6, "fd00:99::1", &port.ipv6[2]);
	port.n_ipv6 = 3;
}

static void mend(uint32_t bytes)
{
	const uint8_t *addresses = frame_at(&frame, frame.p.l2_bytes + 8u);
	uint8_t *message = frame_l4(&frame) + 8;
	uint32_t sum = IPPROTO_ICMPV6 + bytes;

	message[2] = message[3] = 0;
	for (int i = 0; i < 32; i++)
		sum += i % 2 ? addresses[i] : (uint32_t)addresses[i] << 8;
	for (uint32_t i = 0; i < bytes; i++)
		sum += i % 2 ? message[i] : (uint32_t)message[i] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	message[2] = (uint8_t)(~sum >> 8);
	message[3] = (uint8_t)~sum;
}

// A header of hop-by-hop options: ICMPv6 behind it, the router alert for MLD, padding.
static const uint8_t ROUTER_ALERT[] = { 0x3a, 0, 5, 2, 0, 0, 1, 0 };

// Of a router at fe80::9, with a router alert: `bytes` is 24 in version 1. NULL: a general query.
static void query(const char *group, bool vlan, uint32_t bytes)
{
	uint8_t *l4;

	frame_ip(&frame, true, vlan, IPPROTO_HOPOPTS, 8 + bytes);
	l4 = frame_l4(&frame);
	frame_ipv6(&frame)->hop_limits = 1;
	inet_pton(AF_INET6, "fe80::9", frame_ipv6(&frame)->src_addr);
	inet_pton(AF_INET6, group ? group : "ff02::1", frame_ipv6(&frame)->dst_addr);
	memcpy(frame_at(&frame, 0), "\x33\x33", 2);
	memcpy(frame_at(&frame, 2), frame_ipv6(&frame)->dst_addr + 12, 4);
	memcpy(l4, ROUTER_ALERT, sizeof(ROUTER_ALERT));
	l4[8] = 130;
	if (group)
		inet_pton(AF_INET6, group, l4 + 16);
	mend(bytes);
}

static enum drop answer(void)
{
	struct dataplane_counters counters = { 0 };
	enum drop drop = answer_at(1000, &counters);

	if (drop == DROP_NONE)
		assert_int_equal(counters.mld_reports, 1);
	return drop;
}

static void report_unasked_is_as_the_rfc_says(void **state)
{
	frame_ethernet(&frame, RTE_ETHER_TYPE_IPV6, false);
	frame.p.port = &port;
	mld_write_joined(&frame.m);
	assert_true(frame_is(&frame,
		"33330000001602000000000186dd600000000024000100000000000000000000000000000000ff02"
		"00000000000000000000000000163a000502000001008f006f890000000104000000ff0200000000"
		"000000000001ff000001"));
}

static void general_query_is_answered_with_every_group(void **state)
{
	static const uint32_t BYTES[] = { 28, 29, 28 + 3 * 16 };

	add_addresses();
	for (size_t i = 0; i < RTE_DIM(BYTES); i++) {
		query(NULL, true, BYTES[i]);
		assert_int_equal(answer(), DROP_NONE);
		assert_true(frame_is(&frame,
			"3333000000160200000000018100612386dd6000000000380001fe800000000000000000"
			"00010002"
			"0003ff0200000000000000000000000000163a000502000001008f0072e3000000020200"
			"0000ff02"
			"00000000000000000001ff00000102000000ff0200000000000000000001ff020003"));
	}
}

static void query_of_one_group_is_answered_with_it(void **state)
{
	add_addresses();
	query(GROUP2, false, 28);
	assert_int_equal(answer(), DROP_NONE);
	assert_true(frame_is(&frame,
		"33330000001602000000000186dd6000000000240001fe800000000000000000000100020003ff02"
		"00000000000000000000000000163a000502000001008f0072fe0000000102000000ff0200000000"
		"000000000001ff020003"));
}

static void query_of_version_1_is_answered_in_kind(void **state)
{
	uint64_t tags;

	add_addresses();
	query(GROUP1, false, 24);
	assert_int_equal(answer(), DROP_NONE);
	assert_true(frame_is(&frame,
		"3333ff00000102000000000186dd6000000000200001fe800000000000000000000100020003ff02"
		"00000000000000000001ff0000013a000502000001008300821a00000000ff020000000000000000"
		"0001ff000001"));
	assert_false(port.presence->mld1_asked);
	query(NULL, true, 24); // the other group is left to the control thread, in the same VLAN
	assert_int_equal(answer(), DROP_NONE);
	assert_int_equal(frame_l4(&frame)[8], 131);
	assert_true(port.presence->mld1_asked);
	tags = port.presence->mld1_tags;
	assert_memory_equal(&tags, "\x81\x00\x61\x23\x00\x00\x00\x00", 8);
}

static void query_of_another_group_drops(void **state)
{
	query(GROUP2, false, 28);
	assert_int_equal(answer(), DROP_NOT_OUR_ADDRESS);
	query(NULL, false, 28);
	inet_pton(AF_INET6, GROUP2, frame_l4(&frame) + 16);
	mend(28);
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
}

static void malformed_query_drops(void **state)
{
	static const struct {
		int offset; // from the IP header
		uint8_t value;
		enum drop drop;
	} CASES[] = {
		{ 7, 2, DROP_BAD_NEIGHBOUR },         // hop limit
		{ 7, 255, DROP_BAD_NEIGHBOUR },       //
		{ 8, 0xfd, DROP_BAD_NEIGHBOUR },      // source not link-local
		{ 8, 0xff, DROP_BAD_SOURCE_ADDRESS }, //
		{ 40, 17, DROP_NOT_HANDLED },         // not ICMPv6
		{ 41, 1, DROP_NOT_HANDLED },     // options over the message, which is no query then
		{ 41, 255, DROP_NOT_HANDLED },   // and beyond the packet
		{ 42, 1, DROP_BAD_NEIGHBOUR },   // no router alert
		{ 43, 0, DROP_BAD_NEIGHBOUR },   // one without a value
		{ 43, 200, DROP_BAD_NEIGHBOUR }, // one beyond the header
		{ 48, 131, DROP_NOT_HANDLED },   // another's report
		{ 48 + 10, 0xaa, DROP_BAD_NEIGHBOUR }, // of no group of ours
	};

	for (size_t i = 0; i < RTE_DIM(CASES); i++) {
		query(NULL, false, 28);
		frame_at(&frame, 14)[CASES[i].offset] = CASES[i].value;
		if (CASES[i].offset != 41)
			mend(28);
		assert_int_equal(answer(), CASES[i].drop);
	}
	for (uint32_t bytes = 20; bytes < 28; bytes++) {
		if (bytes == 24)
			continue;
		query(NULL, false, bytes);
		assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	}
	query(NULL, false, 28);
	frame_l4(&frame)[10] ^= 1;
	assert_int_equal(answer(), DROP_BAD_L4_CHECKSUM);
	for (uint32_t bytes = 0; bytes < 8; bytes++) {
		query(NULL, false, 28);
		frame_ipv6(&frame)->payload_len = htons((uint16_t)bytes);
		assert_int_equal(answer(), DROP_NOT_HANDLED);
	}
}

static void queries_are_limited(void **state)
{
	for (int i = 0; i < 100; i++) {
		query(NULL, false, 28);
		assert_int_equal(answer(), DROP_NONE);
	}
	query(NULL, false, 28);
	assert_int_equal(answer(), DROP_RATE_LIMITED);
}

static void port_without_ipv6_drops(void **state)
{
	port.n_ipv6 = 0;
	query(NULL, false, 28);
	assert_int_equal(answer(), DROP_NOT_HANDLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(report_unasked_is_as_the_rfc_says, set_up),
		cmocka_unit_test_setup(general_query_is_answered_with_every_group, set_up),
		cmocka_unit_test_setup(query_of_one_group_is_answered_with_it, set_up),
		cmocka_unit_test_setup(query_of_version_1_is_answered_in_kind, set_up),
		cmocka_unit_test_setup(query_of_another_group_drops, set_up),
		cmocka_unit_test_setup(malformed_query_drops, set_up),
		cmocka_unit_test_setup(queries_are_limited, set_up),
		cmocka_unit_test_setup(port_without_ipv6_drops, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
