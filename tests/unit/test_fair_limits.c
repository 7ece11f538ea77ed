// SPDX-License-Identifier: BSD-3-Clause
// Limits of clients: whose requests are over a rate, and whose are refused by a busy lcore, in simulated time.
#include "tests/unit/fair_case.h"

#include <sodium.h>

// --- Rates ---------------------------------------------------------------------------------------

static void rate_refuses_who_is_over_it_alone(void **state)
{
	uint64_t taken_a = 0, taken_b = 0;
	const struct client a = ipv4(0x0a000001), b = ipv4(0x0a000002);

	limit(&(struct config_clients){ .limits.rate = 1000, .limits.burst = 32 });
	for (uint64_t ms = 0; ms < 2000; ms++) {
		taken_a += ask_for(a.who, WIRE_TYPE_SCORE, 1, 60, HZ + ms * HZ / 1000).taken;
		if (ms % 2 == 0)
			taken_b += ask_for(b.who, WIRE_TYPE_PING, 0, 1, HZ + ms * HZ / 1000).taken;
	}
	assert_in_range(taken_a, 2000, 2000 + 33);
	assert_int_equal(taken_b, 1000);
	assert_int_equal(counters.over_rate, 2000 * 60 - taken_a);
	assert_int_equal(
		table_find(&fair->table, rules, &a, HZ * 3)->counts.over_rate, counters.over_rate);
	assert_int_equal(table_find(&fair->table, rules, &b, HZ * 3)->counts.over_rate, 0);
	assert_int_equal(counters.over_share, 0);
}

static void rows_are_limited_by_themselves(void **state)
{
	struct sent sent;

	limit(&(struct config_clients){ .limits.rows = 100, .limits.rows_burst = 200 });
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 100, 3, HZ).taken, 2);
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 100, 3, HZ * 2 + US).taken, 1);
	// PINGs have none, nor has what claims more than its datagram holds.
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_PING, 100, 64, HZ * 2 + US).taken, 64);
	sent = ask_for(1u << 24, WIRE_TYPE_SCORE, 65535, 64, HZ * 2 + US);
	assert_int_equal(sent.taken, 64);
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 1, 64, HZ * 2 + US).taken, 0);
}

// What the rows refuse has not taken of the requests.
static void both_limits_take_both_or_neither(void **state)
{
	limit(&(struct config_clients){
		.limits = { .rate = 1, .burst = 10, .rows = 1, .rows_burst = 100 } });
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 100, 5, HZ).taken, 1);
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_PING, 0, 64, HZ).taken, 9);
}

// More than a burst can hold is given, and then paid for.
static void request_beyond_the_burst_is_owed(void **state)
{
	limit(&(struct config_clients){ .limits.rows = 100, .limits.rows_burst = 10 });
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 200, 2, HZ).taken, 1);
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 1, 1, HZ * 5 / 2).taken, 0);
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 1, 64, HZ * 29 / 10).taken, 0);
	assert_int_equal(ask_for(1u << 24, WIRE_TYPE_SCORE, 1, 64, HZ * 3 - HZ / 50).taken, 8);
}

static uint64_t send_for_a_second(uint64_t from)
{
	uint64_t n = 0;

	for (uint64_t us = 0; us < 1000000; us += 100)
		n += ask_for(0x0a000001, WIRE_TYPE_SCORE, 1, 1, from + us * US).taken;
	return n;
}

static void part_of_a_rate_is_what_an_lcore_gives(void **state)
{
	const struct client client = ipv4(0x0a000001);
	struct table_entry *entry;

	limit(&(struct config_clients){ .limits.rate = 1000, .limits.burst = 1 });
	ask_for(0x0a000001, WIRE_TYPE_SCORE, 1, 1, HZ);
	entry = table_find(&fair->table, rules, &client, HZ);
	table_set_price(entry, entry->hash, TABLE_PARTS / 4);
	assert_in_range(send_for_a_second(HZ + HZ / 1000), 248, 252);
	// Meant for another client that had this place before: all of the rate.
	table_set_price(entry, entry->hash + (1ull << 32), 1);
	assert_in_range(send_for_a_second(HZ * 3), 999, 1002);
}

// --- Shares --------------------------------------------------------------------------------------

#define RX_RING    1024
#define SCORE_NS   1000 // a row
#define HANDLE_NS  60   // a packet that is received and refused
#define EMPTY_NS   50   // a poll
#define FLOOD_NS   150  // between its packets
#define PACED_NS   50000
#define PACED_MOST 20000

// An lcore with two ports, in simulated time: packets that came in time order, those that the ring had no room for lost.
struct lcore_sim {
	uint64_t now, busy;
	uint64_t flood_next, paced_next;
	uint32_t flood_waiting, n_paced;
	uint64_t flood_taken, flood_refused, flood_lost, paced_refused;
	uint64_t waits[PACED_MOST]; // of the paced client's requests, until answered
	bool invents;               // the flood's addresses: each another
	uint32_t invented;
};

static void sim_take(struct lcore_sim *sim, uint16_t taken, uint16_t refused)
{
	const uint64_t took = (uint64_t)taken * SCORE_NS + (uint64_t)(taken + refused) * HANDLE_NS;

	sim->now += took;
	sim->busy += took;
	fair->scoring += (uint64_t)taken * SCORE_NS;
}

static void sim_poll_flood(struct lcore_sim *sim)
{
	struct sent sent = { 0 };
	uint16_t n;

	for (; sim->flood_next <= sim->now; sim->flood_next += FLOOD_NS) {
		if (sim->flood_waiting < RX_RING)
			sim->flood_waiting++;
		else
			sim->flood_lost++;
	}
	n = (uint16_t)RTE_MIN(sim->flood_waiting, (uint32_t)BURST_MAX);
	sim->flood_waiting -= n;
	for (uint16_t i = 0; sim->invents && i < n; i++) {
		const struct sent one =
			ask_for(0x80000000 + sim->invented++ * 2654435761u % 0x40000000,
				WIRE_TYPE_SCORE, 1, 1, sim->now);

		sent.taken += one.taken;
		sent.refused += one.refused;
	}
	if (!sim->invents && n)
		sent = ask_for(0x0a000001, WIRE_TYPE_SCORE, 1, n, sim->now);
	sim->flood_taken += sent.taken;
	sim->flood_refused += sent.refused;
	sim_take(sim, sent.taken, sent.refused);
}

static void sim_poll_paced(struct lcore_sim *sim)
{
	while (sim->paced_next <= sim->now && sim->n_paced < PACED_MOST) {
		const uint64_t came = sim->paced_next;
		const struct sent sent = ask_for(0x0a000002, WIRE_TYPE_SCORE, 1, 1, sim->now);

		sim->paced_next += PACED_NS;
		sim_take(sim, sent.taken, sent.refused);
		sim->paced_refused += sent.refused;
		sim->waits[sim->n_paced++] = sim->now - came;
	}
}

static int compare_waits(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

// Until the paced client has asked `n` times, the flood from `flood_from` on. Returns its p99, ns, after `skip` of them.
static uint64_t sim_run(struct lcore_sim *sim, uint32_t n, uint32_t skip)
{
	if (rules && rules->has_shares)
		costs.row_cycles[7] = SCORE_NS;
	while (sim->n_paced < n) {
		if (rules && pressure_is_due(&fair->pressure, sim->now))
			pressure_look(&fair->pressure, sim->now, sim->busy, fair->scoring, 1);
		sim_poll_flood(sim);
		sim_poll_paced(sim);
		sim->now += EMPTY_NS;
	}
	qsort(sim->waits + skip, n - skip, sizeof(sim->waits[0]), compare_waits);
	return sim->waits[skip + (n - skip) * 99 / 100];
}

static void flood_leaves_another_its_share(void **state)
{
	static struct lcore_sim sim;
	uint64_t p99;

	sim = (struct lcore_sim){ .now = HZ, .flood_next = HZ + HZ / 100, .paced_next = HZ };
	limit(&(struct config_clients){ .limits.share = 1 });
	p99 = sim_run(&sim, 10000, 400); // half a second
	print_message("p99 %" PRIu64 " ns; flood: %" PRIu64 " scored, %" PRIu64 " refused, %" PRIu64
		      " lost\n",
		p99, sim.flood_taken, sim.flood_refused, sim.flood_lost);
	assert_int_equal(sim.paced_refused, 0);
	assert_true(sim.flood_refused > sim.flood_taken);
	// What is left of the lcore's time is not wasted: it scores for the flood what it can.
	assert_true(sim.flood_taken > 150000);
	assert_in_range(p99, SCORE_NS, 20000);
	assert_int_equal(counters.over_share, sim.flood_refused);
}

// Alone it may have all of the lcore, however long it floods.
static void client_alone_is_never_refused(void **state)
{
	static struct lcore_sim sim;

	sim = (struct lcore_sim){ .now = HZ, .flood_next = HZ, .paced_next = UINT64_MAX };
	limit(&(struct config_clients){ .limits.share = 1 });
	while (sim.now < 2 * HZ) {
		if (pressure_is_due(&fair->pressure, sim.now))
			pressure_look(&fair->pressure, sim.now, sim.busy, fair->scoring, 1);
		sim_poll_flood(&sim);
	}
	assert_int_equal(sim.flood_refused, 0);
	assert_true(sim.flood_taken > 900000);
}

// A flood of addresses that come once each is as one client; whoever was known before loses nothing.
static void flood_of_addresses_is_one_client(void **state)
{
	static struct lcore_sim sim;
	uint64_t p99;

	sim = (struct lcore_sim){
		.now = HZ, .flood_next = HZ + HZ / 100, .paced_next = HZ, .invents = true
	};
	limit(&(struct config_clients){ .limits.share = 1 });
	p99 = sim_run(&sim, 2000, 400);
	print_message("p99 %" PRIu64 " ns\n", p99);
	assert_int_equal(sim.paced_refused, 0);
	assert_true(sim.flood_refused > sim.flood_taken);
	assert_in_range(p99, SCORE_NS, 20000);
}

// Rows that take long, each longer than FAIR_AHEAD_US of its client's part: several may come at once, and of a flood no
// more is scored than its part.
static void seldom_client_may_ask_several_times_at_once(void **state)
{
	const uint64_t row = 200 * US, charge = row * 4;
	uint64_t taken = 0;

	limit(&(struct config_clients){ .limits.share = 1 });
	costs.row_cycles[7] = (uint32_t)row;
	ask_for(0x0a000001, WIRE_TYPE_PING, 0, TABLE_KNOWN_REQUESTS, HZ / 2); // no stranger
	fair->pressure.stretch = 4 * PRESSURE_ONE;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(
			ask_for(0x0a000001, WIRE_TYPE_SCORE, 1, 8, HZ + i * 10 * charge).taken, 8);
	for (uint64_t now = 2 * HZ; now < 3 * HZ; now += row)
		taken += ask_for(0x0a000002, WIRE_TYPE_SCORE, 1, 8, now).taken;
	// Ahead by a request as one of the unknown, and then by itself.
	assert_in_range(taken, HZ / charge - 5, HZ / charge + FAIR_AHEAD_REQUESTS + 2);
}

// Strangers that ask for rows which take long, each once, get no further ahead than by one of them: that neither delays
// others by eight at once, nor takes the strangers' part from those among them who ask for little.
static void strangers_are_not_ahead_by_several_requests(void **state)
{
	const uint64_t row = 200 * US, charge = row * 4;
	uint64_t slow = 0, quick = 0, asked = 0;
	uint32_t address = 0x80000000;

	limit(&(struct config_clients){ .limits.share = 1 });
	costs.row_cycles[7] = (uint32_t)row;
	fair->pressure.stretch = 4 * PRESSURE_ONE;
	for (uint32_t i = 0; i < 64; i++)
		slow += ask_for(address++, WIRE_TYPE_SCORE, 1, 1, HZ).taken;
	assert_int_equal(slow, 1);
	slow = 0;
	for (uint64_t us = 0; us < 1000000; us += 10) {
		const uint64_t now = 2 * HZ + us * US;

		if (us % 100 == 0)
			slow += ask_for(address++, WIRE_TYPE_SCORE, 1, 1, now).taken;
		if (us % 130 == 0) {
			quick += ask_for(address++, WIRE_TYPE_PING, 0, 1, now).taken;
			asked++;
		}
	}
	print_message("%" PRIu64 " slow, %" PRIu64 " of %" PRIu64 " quick\n", slow, quick, asked);
	assert_in_range(slow, HZ / charge / 2, HZ / charge + 2);
	assert_in_range(quick, asked / 40, asked);
}

// Two floods share by their weights: 3 to 1.
static void shares_are_in_proportion(void **state)
{
	struct config_clients config = { .limits.share = 1, .n_list = 1 };
	uint64_t now = HZ, busy = 0, taken[2] = { 0 };

	inet_pton(AF_INET, "10.77.0.0", &config.list[0].network.ipv4);
	config.list[0].network.prefix_length = 16;
	config.list[0].limits.share = 3;
	limit(&config);
	costs.row_cycles[7] = SCORE_NS;
	for (uint32_t i = 0; i < 200000; i++) {
		const struct sent sent =
			ask_for(i % 2 ? 0x0a4d0001 : 0x0a000001, WIRE_TYPE_SCORE, 1, 8, now);
		const uint64_t took = sent.taken * SCORE_NS + 8 * HANDLE_NS;

		if (pressure_is_due(&fair->pressure, now))
			pressure_look(&fair->pressure, now, busy, fair->scoring, 1);
		if (i > 10000)
			taken[i % 2] += sent.taken;
		now += took;
		busy += took;
		fair->scoring += sent.taken * SCORE_NS;
		now += EMPTY_NS;
	}
	print_message("%" PRIu64 " to %" PRIu64 "\n", taken[1], taken[0]);
	assert_in_range(taken[1] * 100 / taken[0], 270, 330);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fair, free_fair)
	const struct CMUnitTest tests[] = {
		TEST(rate_refuses_who_is_over_it_alone),
		TEST(rows_are_limited_by_themselves),
		TEST(both_limits_take_both_or_neither),
		TEST(request_beyond_the_burst_is_owed),
		TEST(part_of_a_rate_is_what_an_lcore_gives),
		TEST(flood_leaves_another_its_share),
		TEST(client_alone_is_never_refused),
		TEST(flood_of_addresses_is_one_client),
		TEST(seldom_client_may_ask_several_times_at_once),
		TEST(strangers_are_not_ahead_by_several_requests),
		TEST(shares_are_in_proportion),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
