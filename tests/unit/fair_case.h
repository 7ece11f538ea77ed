// SPDX-License-Identifier: BSD-3-Clause
// For the tests of clients' limits: one lcore's tables, and requests of any client at any time.
#pragma once

#include "dataplane/fair/fair.h"

#include "tests/cmocka.h"
#include "tests/unit/frame.h"

#include <stdlib.h>

#define HZ  ((uint64_t)FRAME_TSC_HZ) // a cycle is a nanosecond
#define US  (HZ / 1000000)
#define KEY ((struct hash_key){ 0x0706050403020100, 0x0f0e0d0c0b0a0908 })

static struct fair *fair;
static struct fair_costs costs;
static struct rules *rules;
static struct dataplane_counters counters;

static inline int make_fair(void **state)
{
	fair = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fair));
	fair_init(fair, &KEY, &costs, HZ);
	memset(&costs, 0, sizeof(costs));
	memset(&counters, 0, sizeof(counters));
	rules = NULL;
	return 0;
}

static inline int free_fair(void **state)
{
	rules_destroy(rules);
	free(fair);
	return 0;
}

static inline void limit(const struct config_clients *config)
{
	static uint64_t generation;
	struct error err = { .text = "" };

	rules_destroy(rules);
	assert_int_equal(rules_create(config, ++generation, HZ, &rules, &err), 0);
}

static inline struct client ipv4(uint32_t address)
{
	return (struct client){ CLIENT_WHERE(CLIENT_IPV4, 0, 0), address };
}

static inline struct frame *request_of(bool is_ipv6, bool vlan)
{
	static struct frame f;

	frame_request(&f, is_ipv6, vlan, WIRE_TYPE_SCORE, 1, 5, 32 + 20);
	f.p.is_ipv6 = is_ipv6;
	f.p.payload_offset = (uint16_t)(f.p.l2_bytes + (is_ipv6 ? 48 : 28));
	f.p.payload_bytes = 52;
	f.p.kind = PACKET_SCORE;
	return &f;
}

struct sent {
	uint16_t taken, refused;
};

static struct frame frames[BURST_MAX];

// `n` requests of one client at `now`.
static inline struct sent ask_for(
	uint32_t address, uint8_t type, uint16_t rows, uint16_t n, uint64_t now)
{
	struct rte_mbuf *mbufs[BURST_MAX], *refused[BURST_MAX];
	struct sent sent;

	for (uint16_t i = 0; i < n; i++) {
		frames[i] = *request_of(false, false);
		frames[i].m.buf_addr = frames[i].room;
		frame_ipv4(&frames[i])->src_addr = htonl(address);
		frame_wire(&frames[i])->type = type;
		frame_wire(&frames[i])->rows = rows;
		frame_wire(&frames[i])->columns = 1;
		frames[i].p.payload_bytes = 32 + 4 * 200;
		mbufs[i] = &frames[i].m;
	}
	sent.taken = fair_burst(fair, rules, 0, mbufs, n, now, &counters, refused, &sent.refused);
	for (uint16_t i = 0; i < sent.refused; i++) {
		assert_int_equal(packet_of(refused[i])->kind, PACKET_RESULT);
		assert_int_equal(packet_of(refused[i])->status, WIRE_STATUS_BUSY);
		assert_null(packet_of(refused[i])->stats);
	}
	for (uint16_t i = 0; i < sent.taken; i++) {
		assert_int_equal(packet_of(mbufs[i])->kind, PACKET_SCORE);
		assert_true(i == 0 || mbufs[i - 1] < mbufs[i]); // in their order
	}
	assert_int_equal(sent.taken + sent.refused, n);
	return sent;
}
