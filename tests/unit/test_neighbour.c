// SPDX-License-Identifier: BSD-3-Clause
// neighbour and icmp: ARP, neighbour discovery, echo over both IPs; what they refuse, who else claims our
// addresses, and how often each is said.
#include "dataplane/neighbour.h"

#include "dataplane/icmp.h"
#include "tests/cmocka.h"
#include "tests/unit/neighbour_case.h"

// cmocka wants the four above first

static uint64_t now; // TSC, at FRAME_TSC_HZ

#define SECONDS(n) ((uint64_t)(n)*FRAME_TSC_HZ)

static int set_up(void **state)
{
	frame_port(&port);
	now = SECONDS(1);
	return 0;
}

// Parses the frame and lets neighbour_burst answer it. DROP_NONE: it is a reply now.
static enum drop answer(void)
{
	struct dataplane_counters counters = { 0 };
	enum drop drop = answer_at(now, &counters);

	if (drop == DROP_NONE)
		assert_int_equal(counters.neighbour_replies + counters.icmp_replies +
				counters.neighbour_defences,
			1);
	return drop;
}

static struct rte_arp_hdr *arp(void)
{
	return (struct rte_arp_hdr *)frame_at(&frame, frame.p.l2_bytes);
}

static void arp_request(bool vlan)
{
	frame_arp_request(&frame, vlan);
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
	assert_int_equal(port.presence->claims[0].packets, 1); // it wants our address
	assert_int_equal(port.presence->claims[0].defences, 0);
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
	arp()->arp_data.arp_sip = inet_addr("10.77.0.1");
	arp()->arp_data.arp_sha = FRAME_OUR_MAC; // we said so ourselves
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	assert_int_equal(port.presence->claims[0].packets, 0);
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
	static const uint8_t TYPES[] = { 0, 3, 5, 13, 129, 134, 1, 2, 255 };

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

#define ARP_ANNOUNCEMENT                                                                           \
	"ffffffffffff020000000001080600010800060400010200000000010a4d00010000000000000a4d"         \
	"0001000000000000000000000000000000000000"
#define ARP_PROBE                                                                                  \
	"ffffffffffff02000000000108060001080006040001020000000001000000000000000000000a4d"         \
	"0001000000000000000000000000000000000000"
#define NDP_ANNOUNCEMENT                                                                           \
	"33330000000102000000000186dd6000000000203afffd000077000000000000000000000001ff02"         \
	"0000000000000000000000000001880059ad20000000fd0000770000000000000000000000010201"         \
	"020000000001"
#define NDP_PROBE                                                                                  \
	"3333ff00000102000000000186dd6000000000183aff00000000000000000000000000000000ff02"         \
	"00000000000000000001ff00000187007d2e00000000fd000077000000000000000000000001"

static void announcements_are_as_the_rfcs_say(void **state)
{
	for (int probe = 0; probe < 2; probe++) {
		frame_ethernet(&frame, RTE_ETHER_TYPE_ARP, false);
		frame.p.port = &port;
		neighbour_write_arp(&frame.m, port.ipv4[0], probe);
		assert_true(frame_is(&frame, probe ? ARP_PROBE : ARP_ANNOUNCEMENT));
		frame_ethernet(&frame, RTE_ETHER_TYPE_IPV6, false);
		frame.p.port = &port;
		if (probe)
			neighbour_write_probe(&frame.m, &port.ipv6[0]);
		else
			neighbour_write_advertisement(&frame.m, &port.ipv6[0]);
		assert_true(frame_is(&frame, probe ? NDP_PROBE : NDP_ANNOUNCEMENT));
	}
}

// Ten thousand a second for 25 s: the first is answered, and then one in ten seconds.
static void flood_of_claims(void (*claim)(bool vlan), uint32_t index, const char *defence)
{
	struct claim *counted = &port.presence->claims[index];
	uint32_t defended = 0;

	for (uint32_t i = 0; i < 250000; i++, now += SECONDS(1) / 10000) {
		const bool vlan = i % 100000; // but for those that are answered
		enum drop drop;

		claim(vlan);
		drop = answer();
		assert_int_equal(drop, i % 100000 ? DROP_ADDRESS_CONFLICT : DROP_NONE);
		if (drop == DROP_NONE) {
			defended++;
			assert_true(frame_is(&frame, defence));
		}
	}
	assert_int_equal(defended, 3);
	assert_int_equal(counted->packets, 250000);
	assert_int_equal(counted->defences, 3);
	assert_memory_equal(&counted->mac, &FRAME_PEER_MAC, 6);
}

static void gratuitous_arp(bool vlan)
{
	arp_request(vlan);
	arp()->arp_data.arp_sip = arp()->arp_data.arp_tip;
}

static void claims_of_our_ipv4_are_answered_once_in_an_interval(void **state)
{
	flood_of_claims(gratuitous_arp, 0, ARP_ANNOUNCEMENT);
}

static void arp_reply_that_claims_our_address_is_defended_in_its_vlan(void **state)
{
	arp_request(true);
	arp()->arp_opcode = htons(2);
	arp()->arp_data.arp_sip = inet_addr("10.77.0.1");
	arp()->arp_data.arp_tip = inet_addr("10.77.0.9");
	assert_int_equal(answer(), DROP_NONE);
	assert_memory_equal(frame_at(&frame, 0), "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(frame_at(&frame, 12), "\x81\x00\x61\x23\x08\x06", 6);
	assert_int_equal(arp()->arp_opcode, htons(1));
	assert_memory_equal(&arp()->arp_data.arp_sha, &FRAME_OUR_MAC, 6);
	assert_int_equal(arp()->arp_data.arp_sip, arp()->arp_data.arp_tip);
	assert_int_equal(frame.m.pkt_len, 60);
}

// Another's unsolicited advertisement of our address to all nodes.
static void advertisement(bool vlan)
{
	frame_ip(&frame, true, vlan, IPPROTO_ICMPV6, 32);
	memcpy(frame_at(&frame, 0), "\x33\x33\x00\x00\x00\x01", 6);
	inet_pton(AF_INET6, "fd00:77::1", frame_ipv6(&frame)->src_addr);
	inet_pton(AF_INET6, "ff02::1", frame_ipv6(&frame)->dst_addr);
	icmp()[0] = 136;
	icmp()[4] = 0x20;
	inet_pton(AF_INET6, "fd00:77::1", icmp() + 8);
	icmp()[24] = 2;
	icmp()[25] = 1;
	memcpy(icmp() + 26, &FRAME_PEER_MAC, 6);
	mend_icmp(32, IPPROTO_ICMPV6);
}

static void claims_of_our_ipv6_are_answered_once_in_an_interval(void **state)
{
	flood_of_claims(advertisement, 1, NDP_ANNOUNCEMENT);
}

static void solicitation_from_our_address_is_defended(void **state)
{
	solicitation(true, 24);
	inet_pton(AF_INET6, "fd00:77::1", frame_ipv6(&frame)->src_addr);
	inet_pton(AF_INET6, "fd00:77::100:1", icmp() + 8); // of the same group
	mend_icmp(24, IPPROTO_ICMPV6);
	assert_int_equal(answer(), DROP_NONE);
	assert_true(frame_is(&frame, NDP_ANNOUNCEMENT));
}

static void advertisement_of_others_is_no_claim(void **state)
{
	advertisement(false);
	inet_pton(AF_INET6, "fd00:77::9", frame_ipv6(&frame)->src_addr);
	inet_pton(AF_INET6, "fd00:77::9", icmp() + 8);
	mend_icmp(32, IPPROTO_ICMPV6);
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	advertisement(false);
	icmp()[2] ^= 1;
	assert_int_equal(answer(), DROP_BAD_L4_CHECKSUM);
	advertisement(false);
	frame_ipv6(&frame)->hop_limits = 254;
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	advertisement(false);
	icmp()[4] = 0x60; // solicited, and yet to all nodes
	mend_icmp(32, IPPROTO_ICMPV6);
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	assert_int_equal(port.presence->claims[1].packets, 0);
}

// What a host sends that wants an address (RFC 4862, 5.4.2).
static void probe_ipv6(bool to_group, uint32_t bytes)
{
	solicitation(to_group, bytes);
	memset(frame_ipv6(&frame)->src_addr, 0, 16);
	mend_icmp(bytes, IPPROTO_ICMPV6);
}

static void ipv6_probe_is_told_that_the_address_is_taken(void **state)
{
	probe_ipv6(true, 24);
	assert_int_equal(answer(), DROP_NONE);
	assert_true(frame_is(&frame, NDP_ANNOUNCEMENT));
	assert_int_equal(port.presence->claims[1].packets, 1);
	probe_ipv6(true, 32); // names its MAC
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	probe_ipv6(false, 24); // to one
	assert_int_equal(answer(), DROP_BAD_NEIGHBOUR);
	assert_int_equal(port.presence->claims[1].packets, 1);
}

static void ipv6_probes_are_limited(void **state)
{
	for (int i = 0; i < 100; i++) {
		probe_ipv6(true, 24);
		assert_int_equal(answer(), DROP_NONE);
	}
	probe_ipv6(true, 24);
	assert_int_equal(answer(), DROP_RATE_LIMITED);
}

// 1000 a second, of which a tenth may come at once.
static void echo_is_limited(void **state)
{
	for (int v6 = 0; v6 < 2; v6++, now += SECONDS(1)) {
		for (int i = 0; i < 100; i++) {
			echo(v6, false, 20);
			assert_int_equal(answer(), DROP_NONE);
		}
		for (int i = 0; i < 100; i++) {
			echo(v6, false, 20);
			assert_int_equal(answer(), DROP_RATE_LIMITED);
		}
		for (int i = 0; i < 10; i++) {
			now += SECONDS(1) / 1000;
			echo(v6, false, 20);
			assert_int_equal(answer(), DROP_NONE);
			echo(v6, false, 20);
			assert_int_equal(answer(), DROP_RATE_LIMITED);
		}
	}
}

static void echo_is_never_answered_where_the_limit_is_0(void **state)
{
	limit_init(&port.presence->echo, 0, FRAME_TSC_HZ);
	echo(false, false, 20);
	assert_int_equal(answer(), DROP_RATE_LIMITED);
}

static void claims_are_said_once_in_an_interval(void **state)
{
	char text[512];
	uint64_t now_ns = 5000000000u;

	assert_false(presence_news(port.presence, port.config, now_ns, text, sizeof(text)));
	for (int i = 0; i < 3; i++) {
		gratuitous_arp(false);
		answer();
	}
	assert_true(presence_news(port.presence, port.config, now_ns, text, sizeof(text)));
	assert_string_equal(text,
		"port edge: 02:00:00:00:00:02 claims our address 10.77.0.1 as well (3 packets, 1 "
		"defences sent since the start): give one of the two another");
	gratuitous_arp(false);
	answer();
	assert_false(presence_news(
		port.presence, port.config, now_ns + 9999999999u, text, sizeof(text)));
	assert_true(presence_news(
		port.presence, port.config, now_ns + 10000000000u, text, sizeof(text)));
	assert_non_null(strstr(text, "(4 packets"));
	assert_false(presence_news(
		port.presence, port.config, now_ns + 90000000000u, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(arp_request_is_answered, set_up),
		cmocka_unit_test_setup(arp_probe_is_answered, set_up),
		cmocka_unit_test_setup(arp_not_for_us_drops, set_up),
		cmocka_unit_test_setup(arp_malformed_drops, set_up),
		cmocka_unit_test_setup(solicitation_is_answered, set_up),
		cmocka_unit_test_setup(solicitation_malformed_drops, set_up),
		cmocka_unit_test_setup(echo_is_answered, set_up),
		cmocka_unit_test_setup(icmp_malformed_drops, set_up),
		cmocka_unit_test_setup(icmp_that_is_no_request_drops, set_up),
		cmocka_unit_test_setup(echo_to_a_group_drops, set_up),
		cmocka_unit_test_setup(announcements_are_as_the_rfcs_say, set_up),
		cmocka_unit_test_setup(claims_of_our_ipv4_are_answered_once_in_an_interval, set_up),
		cmocka_unit_test_setup(
			arp_reply_that_claims_our_address_is_defended_in_its_vlan, set_up),
		cmocka_unit_test_setup(claims_of_our_ipv6_are_answered_once_in_an_interval, set_up),
		cmocka_unit_test_setup(solicitation_from_our_address_is_defended, set_up),
		cmocka_unit_test_setup(advertisement_of_others_is_no_claim, set_up),
		cmocka_unit_test_setup(ipv6_probe_is_told_that_the_address_is_taken, set_up),
		cmocka_unit_test_setup(ipv6_probes_are_limited, set_up),
		cmocka_unit_test_setup(echo_is_limited, set_up),
		cmocka_unit_test_setup(echo_is_never_answered_where_the_limit_is_0, set_up),
		cmocka_unit_test_setup(claims_are_said_once_in_an_interval, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
