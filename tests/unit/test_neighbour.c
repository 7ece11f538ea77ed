// SPDX-License-Identifier: BSD-3-Clause
// neighbour and icmp: ARP, neighbour solicitations, echo over both IPs; and what they refuse.
#include "dataplane/neighbour.h"

#include "dataplane/icmp.h"
#include "dataplane/parse.h"
#include "tests/cmocka.h"
#include "tests/unit/frame.h"

// cmocka wants the three above first

static struct port port;
static struct frame frame;

// Parses the frame and lets neighbour_burst answer it. DROP_NONE: it is a reply now.
static enum drop answer(void)
{
	struct dataplane_counters counters = { 0 };
	struct rte_mbuf *m = &frame.m;
	enum drop drop = parse_packet(&port, m);

	if (drop != DROP_NONE)
		return drop;
	if (neighbour_burst(&m, 1, &counters)) {
		assert_int_equal(counters.neighbour_replies + counters.icmp_replies, 1);
		return DROP_NONE;
	}
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	for (int i = 0; i < DROP_COUNT; i++)
		if (counters.drops[i])
			return (enum drop)i;
	fail();
	return DROP_NONE;
}

static struct rte_arp_hdr *arp(void)
{
	return (struct rte_arp_hdr *)frame_at(&frame, frame.p.l2_bytes);
}

static void arp_request(bool vlan)
{
	frame_ethernet(&frame, RTE_ETHER_TYPE_ARP, vlan);
	memset(frame_at(&frame, 0), 0xff, 6);
	frame_length(&frame, frame.p.l2_bytes + 28u);
	*arp() = (struct rte_arp_hdr){
		.arp_hardware = htons(1),
		.arp_protocol = htons(0x0800),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = htons(1),
		.arp_data = { .arp_sha = FRAME_PEER_MAC,
			.arp_sip = inet_addr("10.77.0.2"),
			.arp_tip = inet_addr("10.77.0.1") },
	};
}

static void check_ethernet(void)
{
	assert_memory_equal(frame_at(&frame, 0), &FRAME_PEER_MAC, 6);
	assert_memory_equal(frame_at(&frame, 6), &FRAME_OUR_MAC, 6);
	assert_true(frame.m.pkt_len >= 60);
	assert_int_equal(frame.m.pkt_len, frame.m.data_len);
}

static void arp_request_is_answered(void **state)
{
	for (int vlan = 0; vlan < 2; vlan++) {
		uint8_t zeros[18] = { 0 };

		arp_request(vlan);
		memset(frame_at(&frame, frame.m.data_len), 0xa5,
			32); // must not leak into the padding
		assert_int_equal(answer(), DROP_NONE);
		check_ethernet();
		assert_int_equal(arp()->arp_opcode, htons(2));
		assert_memory_equal(&arp()->arp_data.arp_sha, &FRAME_OUR_MAC, 6);
		assert_memory_equal(&arp()->arp_data.arp_tha, &FRAME_PEER_MAC, 6);
		assert_int_equal(arp()->arp_data.arp_sip, inet_addr("10.77.0.1"));
		assert_int_equal(arp()->arp_data.arp_tip, inet_addr("10.77.0.2"));
		assert_int_equal(frame.m.pkt_len, 60);
		assert_memory_equal(arp() + 1, zeros, vlan ? 14 : 18);
	}
}

static void arp_probe_is_answered(void **state)
{
	arp_request(false);
	arp()->arp_data.arp_sip = 0;
	assert_int_equal(answer(), DROP_NONE);
	assert_int_equal(arp()->arp_data.arp_tip, 0);
}

static void arp_not_for_us_drops(void **state)
{
	arp_request(false);
	arp()->arp_data.arp_tip = inet_addr("10.77.0.3");
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
}

static void arp_malformed_drops(void **state)
{
	static const struct {
		uint8_t offset, value;
	} CASES[] = { { 1, 6 }, { 2, 0x86 }, { 4, 8 }, { 5, 16 }, { 7, 2 }, { 7, 0 }, { 8, 0xff } };

	for (size_t i = 0; i < RTE_DIM(CASES); i++) {
		arp_request(false);
		((uint8_t *)arp())[CASES[i].offset] = CASES[i].value;
		assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	}
	arp_request(false);
	arp()->arp_data.arp_sip = inet_addr("10.77.0.1"); // claims to be us
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	for (uint32_t bytes = 14; bytes < 42; bytes++) {
		arp_request(false);
		frame_length(&frame, bytes);
		assert_int_equal(answer(), DROP_TRUNCATED);
	}
}

static uint8_t *icmp(void)
{
	return frame_l4(&frame);
}

static void mend_icmp(uint32_t bytes, uint8_t protocol)
{
	uint16_t checksum;

	memset(icmp() + 2, 0, 2);
	checksum = frame_l4_checksum(&frame, bytes, protocol);
	memcpy(icmp() + 2, &checksum, 2);
}

// A neighbour solicitation for our address with a source link-layer option.
static void solicitation(bool to_group, uint32_t bytes)
{
	frame_ip(&frame, true, false, IPPROTO_ICMPV6, bytes);
	if (to_group) {
		inet_pton(AF_INET6, "ff02::1:ff00:1", frame_ipv6(&frame)->dst_addr);
		memcpy(frame_at(&frame, 0), "\x33\x33\xff\x00\x00\x01", 6);
	}
	icmp()[0] = 135;
	inet_pton(AF_INET6, "fd00:77::1", icmp() + 8);
	if (bytes >= 32) {
		icmp()[24] = 1;
		icmp()[25] = 1;
		memcpy(icmp() + 26, &FRAME_PEER_MAC, 6);
	}
	mend_icmp(bytes, IPPROTO_ICMPV6);
}

static void solicitation_is_answered(void **state)
{
	for (int group = 0; group < 2; group++) {
		for (uint32_t bytes = 24; bytes <= 32; bytes += 8) {
			uint8_t ours[16], peer[16], checksum[2];

			inet_pton(AF_INET6, "fd00:77::1", ours);
			inet_pton(AF_INET6, "fd00:77::2", peer);
			solicitation(group, bytes);
			assert_int_equal(answer(), DROP_NONE);
			check_ethernet();
			assert_memory_equal(frame_ipv6(&frame)->src_addr, ours, 16);
			assert_memory_equal(frame_ipv6(&frame)->dst_addr, peer, 16);
			assert_int_equal(frame_ipv6(&frame)->hop_limits, 255);
			assert_int_equal(frame_ipv6(&frame)->payload_len, htons(32));
			assert_int_equal(icmp()[0], 136);
			assert_int_equal(icmp()[4], 0x60); // solicited, override
			assert_memory_equal(icmp() + 8, ours, 16);
			assert_memory_equal(icmp() + 24, "\x02\x01", 2);
			assert_memory_equal(icmp() + 26, &FRAME_OUR_MAC, 6);
			memcpy(checksum, icmp() + 2, 2);
			mend_icmp(32, IPPROTO_ICMPV6);
			assert_memory_equal(checksum, icmp() + 2, 2);
			assert_int_equal(frame.m.pkt_len, 14 + 40 + 32);
		}
	}
}

static void solicitation_malformed_drops(void **state)
{
	solicitation(true, 32);
	frame_ipv6(&frame)->hop_limits = 254; // came through a router
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	solicitation(true, 32);
	icmp()[1] = 1;
	mend_icmp(32, IPPROTO_ICMPV6);
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	solicitation(true, 32);
	icmp()[8 + 15] = 2; // asks for another
	mend_icmp(32, IPPROTO_ICMPV6);
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	for (int units = 0; units < 256; units += units ? 127 : 2) { // all but 1
		solicitation(true, 32);
		icmp()[25] = (uint8_t)units;
		mend_icmp(32, IPPROTO_ICMPV6);
		assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	}
	for (uint32_t bytes = 8; bytes < 32; bytes++) {
		if (bytes == 24)
			continue;
		solicitation(false, 32);
		frame_ipv6(&frame)->payload_len = htons((uint16_t)bytes);
		mend_icmp(bytes, IPPROTO_ICMPV6);
		assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	}
	solicitation(true, 32);
	icmp()[2] ^= 1;
	assert_int_equal(answer(), DROP_BAD_L4_CHECKSUM);
}

static void echo(bool is_ipv6, bool vlan, uint32_t bytes)
{
	frame_ip(&frame, is_ipv6, vlan, is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, bytes);
	for (uint32_t i = 4; i < bytes; i++)
		icmp()[i] = (uint8_t)(i * 13);
	icmp()[0] = is_ipv6 ? 128 : 8;
	mend_icmp(bytes, is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static void echo_is_answered(void **state)
{
	for (uint32_t bytes = 8; bytes < 100; bytes++) {
		bool is_ipv6 = bytes & 1, vlan = bytes & 2;
		uint8_t checksum[2];

		echo(is_ipv6, vlan, bytes);
		assert_int_equal(answer(), DROP_NONE);
		check_ethernet();
		assert_int_equal(icmp()[0], is_ipv6 ? 129 : 0);
		assert_int_equal(icmp()[1], 0);
		for (uint32_t i = 4; i < bytes; i++)
			assert_int_equal(icmp()[i], (uint8_t)(i * 13));
		memcpy(checksum, icmp() + 2, 2);
		mend_icmp(bytes, is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		assert_memory_equal(checksum, icmp() + 2, 2);
		if (!is_ipv6) {
			assert_int_equal(frame_ipv4(&frame)->src_addr, inet_addr("10.77.0.1"));
			assert_int_equal(frame_ipv4(&frame)->dst_addr, inet_addr("10.77.0.2"));
			assert_int_equal(frame_ipv4(&frame)->type_of_service, 0xb8);
		}
	}
}

static void icmp_malformed_drops(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		echo(v6, false, 20);
		icmp()[10] ^= 1;
		assert_int_equal(answer(), DROP_BAD_L4_CHECKSUM);
		for (uint32_t bytes = 0; bytes < 8; bytes++) {
			echo(v6, false, bytes);
			assert_int_equal(answer(), DROP_BAD_ICMP);
		}
		echo(v6, false, 20);
		icmp()[1] = 1;
		mend_icmp(20, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		assert_int_equal(answer(), DROP_BAD_ICMP);
	}
}

static void icmp_that_is_no_request_drops(void **state)
{
	static const uint8_t TYPES[] = { 0, 3, 5, 13, 129, 136, 1, 2, 255 };

	for (size_t i = 0; i < RTE_DIM(TYPES); i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			echo(v6, false, 20);
			icmp()[0] = TYPES[i];
			mend_icmp(20, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
			assert_int_equal(answer(), DROP_BAD_ICMP);
		}
	}
}

// An echo to a group would be answered by everybody in it.
static void echo_to_a_group_drops(void **state)
{
	echo(true, false, 20);
	inet_pton(AF_INET6, "ff02::1:ff00:1", frame_ipv6(&frame)->dst_addr);
	mend_icmp(20, IPPROTO_ICMPV6);
	assert_int_equal(answer(), DROP_BAD_ICMP);
	memcpy(frame_at(&frame, 0), "\x33\x33\xff\x00\x00\x01", 6);
	rte_mbuf_refcnt_set(&frame.m, 2);
	assert_int_equal(answer(), DROP_NOT_OUR_MAC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_request_is_answered),
		cmocka_unit_test(arp_probe_is_answered),
		cmocka_unit_test(arp_not_for_us_drops),
		cmocka_unit_test(arp_malformed_drops),
		cmocka_unit_test(solicitation_is_answered),
		cmocka_unit_test(solicitation_malformed_drops),
		cmocka_unit_test(echo_is_answered),
		cmocka_unit_test(icmp_malformed_drops),
		cmocka_unit_test(icmp_that_is_no_request_drops),
		cmocka_unit_test(echo_to_a_group_drops),
	};

	frame_port(&port);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
