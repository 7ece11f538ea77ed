// SPDX-License-Identifier: BSD-3-Clause
// What authentication costs a request of 200 bytes, in bursts of 1 to 64: its check, and the trailer of its reply
// beside a reply without one. And whether a wrong tag takes longer the later its first wrong byte comes: the means of
// many checks, in turns, and Welch's t of their difference. No device, no ring. Prints JSON.
// usage: bench_auth
#include "base/trust/datagram.h"
#include "dataplane/auth/check.h"
#include "dataplane/parse.h"
#include "dataplane/reply.h"
#include "infer/infer.h"
#include "tests/bench/tsc.h"
#include "tests/unit/frame.h"

#include <math.h>
#include <rte_cycles.h>
#include <sodium.h>
#include <stdlib.h>

#define UDP_BYTES  200 // of the payload, trailer included
#define RUNS       20000
#define WRONG_RUNS 400000
#define KEY        7

static const uint16_t BURSTS[] = { 1, 4, 16, 64 };
static const uint8_t SECRET[KEY_SECRET_BYTES] = "sixteen bytes...";

static struct frame frames[BURST_MAX];
static struct port port;
static struct clock clk;
static struct dataplane_counters counters;
static struct registry *registry;
static struct auth *auth;
static uint64_t counter;
static double ns_a_cycle;

// A burst of pings, parsed; sealed with counters of their own where they have a key.
static void make_burst(struct rte_mbuf **mbufs, uint16_t n, bool has_key)
{
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = &frames[i];

		frame_request(f, false, false, WIRE_TYPE_PING, 1, 4, UDP_BYTES);
		if (has_key) {
			frame_wire(f)->flags = WIRE_FLAG_AUTHENTICATED;
			frame_wire(f)->key_id = KEY;
			datagram_seal(frame_wire(f), UDP_BYTES - DATAGRAM_TRAILER_BYTES, SECRET,
				++counter);
		}
		frame_mend_udp(f);
		if (parse_packet(&port, &f->m) != DROP_NONE)
			abort();
		f->p.kind = PACKET_PONG;
		f->p.status = WIRE_STATUS_OK;
		f->p.stats = NULL;
		rte_mbuf_refcnt_set(&f->m, 2); // what frees it leaves it where it is
		mbufs[i] = &f->m;
	}
}

// The least that a burst's check, or with `replies` its replies, took: nanoseconds a packet.
static double least_ns(uint16_t n, bool has_key, bool replies)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t run = 0; run < RUNS / n + 500u; run++) {
		struct rte_mbuf *mbufs[BURST_MAX];
		uint64_t begin, cycles;

		make_burst(mbufs, n, has_key);
		begin = rte_rdtsc();
		if (auth_burst(mbufs, n, WIRE_FLAG_AUTHENTICATED, auth, registry, &counters) != n)
			abort();
		cycles = rte_rdtsc() - begin;
		if (replies) {
			begin = rte_rdtsc();
			reply_burst(mbufs, n, begin, &clk, &counters, auth);
			cycles = rte_rdtsc() - begin;
		}
		least = RTE_MIN(least, cycles);
	}
	return (double)least * ns_a_cycle / n;
}

struct moments {
	double n, mean, m2;
};

static void moments_add(struct moments *of, double x)
{
	const double apart = x - of->mean;

	of->mean += apart / ++of->n;
	of->m2 += apart * (x - of->mean);
}

// Checks of one datagram whose tag is wrong in its first byte or its last, chosen at random. What was interrupted
// is left out: it says nothing of the tag.
static void wrong_tags(struct moments sides[2])
{
	for (uint32_t run = 0; run < WRONG_RUNS; run++) {
		const int side = (int)(randombytes_random() & 1);
		struct rte_mbuf *mbufs[1];
		uint64_t begin, cycles;

		make_burst(mbufs, 1, true);
		*((uint8_t *)frame_wire(&frames[0]) + UDP_BYTES - (side ? 1 : 8)) ^= 0x55;
		begin = rte_rdtsc();
		if (auth_burst(mbufs, 1, WIRE_FLAG_AUTHENTICATED, auth, registry, &counters) != 0)
			abort();
		cycles = rte_rdtsc() - begin;
		if ((double)cycles * ns_a_cycle < 1000)
			moments_add(&sides[side], (double)cycles * ns_a_cycle);
	}
}

static int setup(struct error *err)
{
	const struct config_trust nothing = { .n_require_authentication = 0 };
	struct wire_keys *keys = calloc(1, sizeof(*keys) + sizeof(keys->keys[0]));
	struct auth_table *table;
	int rc = sodium_init() < 0 || !keys ? -ENOMEM : 0;

	if (rc == 0)
		rc = registry_create(1, 1 << 20, 1500, NULL, &registry, err);
	if (rc == 0)
		rc = auth_create(NULL, isa_detected(), &auth, err);
	if (rc != 0)
		return rc;
	keys->n = 1;
	keys->keys[0].id = KEY;
	memcpy(keys->keys[0].secret, SECRET, sizeof(SECRET));
	rc = auth_prepare_keys(auth, &nothing, keys, 1, &table, err);
	free(keys);
	if (rc != 0)
		return rc;
	auth_commit(auth, table);
	ns_a_cycle = 1e9 / bench_tsc_hz();
	clock_init(&clk, (uint64_t)(1e9 / ns_a_cycle));
	frame_port(&port);
	return 0;
}

int main(void)
{
	struct moments sides[2] = { { 0 } };
	struct error err = { .text = "no memory" };

	if (setup(&err) != 0) {
		fprintf(stderr, "bench_auth: %s\n", err.text);
		return 1;
	}
	printf("{");
	for (size_t b = 0; b < RTE_DIM(BURSTS); b++) {
		const uint16_t n = BURSTS[b];

		printf("\"%u\": {\"check\": %.1f, \"seal\": %.1f}, ", n, least_ns(n, true, false),
			least_ns(n, true, true) - least_ns(n, false, true));
	}
	wrong_tags(sides);
	printf("\"wrong\": {\"first_byte_ns\": %.2f, \"last_byte_ns\": %.2f, \"t\": %.2f}}\n",
		sides[0].mean, sides[1].mean,
		(sides[0].mean - sides[1].mean) /
			sqrt(sides[0].m2 / sides[0].n / (sides[0].n - 1) +
				sides[1].m2 / sides[1].n / (sides[1].n - 1)));
	auth_destroy(auth);
	registry_destroy(registry);
	return 0;
}
