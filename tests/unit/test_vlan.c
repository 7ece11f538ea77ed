// SPDX-License-Identifier: BSD-3-Clause
// VLAN tags: which frames a port takes, and that replies of every kind carry their requests' tags.
#include "tests/cmocka.h"
#include "tests/unit/parse_case.h"

#include "dataplane/neighbour.h"
#include "dataplane/reply.h"

// cmocka wants its three above first

#define CTAG 0x8100
#define STAG 0x88a8

// Puts a tag in front of those that are there.
static void tag(uint16_t type, uint16_t tci)
{
	const uint16_t words[2] = { htons(type), htons(tci) };

	memmove(frame_at(&frame, 16), frame_at(&frame, 12), frame.m.data_len - 12u);
	memcpy(frame_at(&frame, 12), words, sizeof(words));
	frame_length(&frame, frame.m.data_len + 4u);
}

static void takes(uint32_t n, const uint32_t *vlans, enum config_vlan_type type)
{
	static struct config_port config; // the port keeps a pointer to it

	frame_port(&port);
	config = *port.config;
	config.n_vlans = n;
	config.vlan_type = type;
	for (uint32_t i = 0; i < n; i++)
		config.vlans[i] = vlans[i];
	port_init(&port, 0, &config, port.presence);
	port.mac = FRAME_OUR_MAC;
}

static void any_takes_no_tag_or_one_of_either_type(void **state)
{
	takes(0, NULL, CONFIG_VLAN_TYPE_ANY);
	request(false, false);
	assert_int_equal(parse(), DROP_NONE);
	for (int v6 = 0; v6 < 2; v6++) {
		for (int i = 0; i < 2; i++) {
			request(v6, false);
			tag(i ? STAG : CTAG, 77);
			assert_int_equal(parse(), DROP_NONE);
			assert_int_equal(frame.p.l2_bytes, 18);
		}
	}
	request(false, false);
	tag(CTAG, 7);
	tag(STAG, 100);
	assert_int_equal(parse(), DROP_NOT_HANDLED);
}

static void named_vlans_are_taken_and_no_others(void **state)
{
	const uint32_t vlans[] = { 10, CONFIG_VLAN(100, 7) };

	takes(2, vlans, CONFIG_VLAN_TYPE_ANY);
	request(false, false);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	tag(CTAG, 0xb00a); // VLAN 10, priority 5, drop eligible
	assert_int_equal(parse(), DROP_NONE);
	request(false, false);
	tag(CTAG, 11);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	request(false, false);
	tag(CTAG, 10);
	tag(STAG, 100);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	for (int i = 0; i < 4; i++) {
		request(i & 1, false);
		tag(CTAG, 7);
		tag(i & 2 ? STAG : CTAG, 100);
		assert_int_equal(parse(), DROP_NONE);
		assert_int_equal(frame.p.l2_bytes, 22);
		assert_int_equal(frame.p.payload_offset, 22 + (i & 1 ? 40 : 20) + 8);
	}
	request(false, false);
	tag(CTAG, 100); // the other way round
	tag(CTAG, 7);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	request(false, false);
	tag(CTAG, 1); // a third one
	tag(CTAG, 7);
	tag(STAG, 100);
	assert_int_equal(parse(), DROP_NOT_HANDLED);
}

static void priority_tag_is_no_vlan(void **state)
{
	const uint32_t none[] = { 0 }, ten[] = { 10 };

	takes(1, none, CONFIG_VLAN_TYPE_ANY);
	request(false, false);
	assert_int_equal(parse(), DROP_NONE);
	tag(CTAG, 0xe000);
	assert_int_equal(parse(), DROP_NONE);
	assert_int_equal(frame.p.l2_bytes, 18);
	request(false, false);
	tag(CTAG, 1);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	takes(1, ten, CONFIG_VLAN_TYPE_ANY);
	request(false, false);
	tag(CTAG, 0x6000);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	request(false, false);
	tag(CTAG, 10);
	tag(STAG, 0x6000);
	assert_int_equal(parse(), DROP_NONE);
}

static void outer_type_is_held_to(void **state)
{
	const uint32_t vlans[] = { 10, CONFIG_VLAN(100, 7) };

	for (int service = 0; service < 2; service++) {
		const uint16_t right = service ? STAG : CTAG, wrong = service ? CTAG : STAG;

		takes(2, vlans, service ? CONFIG_VLAN_TYPE_8021AD : CONFIG_VLAN_TYPE_8021Q);
		request(false, false);
		tag(wrong, 10);
		assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
		request(false, false);
		tag(right, 10);
		assert_int_equal(parse(), DROP_NONE);
		request(false, false);
		tag(CTAG, 7);
		tag(right, 100);
		assert_int_equal(parse(), DROP_NONE);
		request(false, false);
		tag(CTAG, 7);
		tag(wrong, 100);
		assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	}
}

// As AF_PACKET's driver leaves it: every outer tag reads 0x8100.
static void hidden_type_is_put_back(void **state)
{
	const uint16_t service = htons(STAG);

	takes(0, NULL, CONFIG_VLAN_TYPE_8021AD);
	port.tag_type_hidden = true;
	request(false, false);
	tag(CTAG, 10);
	assert_int_equal(parse(), DROP_NONE);
	assert_memory_equal(frame_at(&frame, 12), &service, 2);
	request(false, false);
	tag(CTAG, 10);
	frame_length(&frame, 18); // what the kernel leaves of a frame with another type
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
}

static void cut_frames_are_not_read_beyond(void **state)
{
	const uint32_t vlans[] = { CONFIG_VLAN(100, 7) };

	takes(1, vlans, CONFIG_VLAN_TYPE_ANY);
	for (uint32_t bytes = 14; bytes < 22 + 20 + 8 + 64; bytes++) {
		request(false, false);
		tag(CTAG, 7);
		tag(STAG, 100);
		frame_length(&frame, bytes);
		assert_int_equal(parse(), DROP_TRUNCATED);
	}
}

static void replies_carry_both_tags(void **state)
{
	const uint32_t vlans[] = { CONFIG_VLAN(100, 7) };
	const struct clock clock = { 0 };
	struct dataplane_counters counters = { 0 };
	uint8_t before[8];

	takes(1, vlans, CONFIG_VLAN_TYPE_ANY);
	for (int v6 = 0; v6 < 2; v6++) {
		frame_request(&frame, v6, false, WIRE_TYPE_PING, 0, 0, 40);
		tag(CTAG, 0x4007);
		tag(STAG, 0x6064);
		memcpy(before, frame_at(&frame, 12), sizeof(before));
		assert_int_equal(parse(), DROP_NONE);
		frame.p.kind = PACKET_PONG;
		reply_packet(&frame.m, 1, &clock, &counters);
		assert_memory_equal(frame_at(&frame, 12), before, sizeof(before));
		assert_memory_equal(frame_at(&frame, 0), &FRAME_PEER_MAC, 6);
		assert_int_equal(frame.m.pkt_len, 22 + (v6 ? 40 : 20) + 8 + 40);
	}
}

static void neighbours_are_answered_in_their_vlan(void **state)
{
	const uint32_t vlans[] = { CONFIG_VLAN(100, 7) };
	struct dataplane_counters counters = { 0 };
	struct rte_mbuf *mbufs[1] = { &frame.m };
	uint8_t before[8];

	takes(1, vlans, CONFIG_VLAN_TYPE_ANY);
	frame_arp_request(&frame, false);
	assert_int_equal(parse(), DROP_NOT_OUR_VLAN);
	tag(CTAG, 7);
	tag(STAG, 100);
	memcpy(before, frame_at(&frame, 12), sizeof(before));
	assert_int_equal(parse(), DROP_NONE);
	assert_int_equal(neighbour_burst(mbufs, 1, &counters), 1);
	assert_memory_equal(frame_at(&frame, 12), before, sizeof(before));
	assert_int_equal(*frame_at(&frame, 22 + 7), 2); // ARP reply
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_takes_no_tag_or_one_of_either_type),
		cmocka_unit_test(named_vlans_are_taken_and_no_others),
		cmocka_unit_test(priority_tag_is_no_vlan),
		cmocka_unit_test(outer_type_is_held_to),
		cmocka_unit_test(hidden_type_is_put_back),
		cmocka_unit_test(cut_frames_are_not_read_beyond),
		cmocka_unit_test(replies_carry_both_tags),
		cmocka_unit_test(neighbours_are_answered_in_their_vlan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
