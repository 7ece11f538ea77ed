// SPDX-License-Identifier: BSD-3-Clause
// Limits of clients: who is one, the meter's sums, the table under floods, and whose requests are refused by a busy
// lcore, in simulated time.
#include "dataplane/fair/fair.h"

#include "tests/cmocka.h"
#include "tests/unit/frame.h"

#include <sodium.h>
#include <stdlib.h>

#define HZ  ((uint64_t)FRAME_TSC_HZ) // a cycle is a nanosecond
#define US  (HZ / 1000000)
#define KEY ((struct hash_key){ 0x0706050403020100, 0x0f0e0d0c0b0a0908 })

static struct fair *fair;
static struct fair_costs costs;
static struct rules *rules;
static struct dataplane_counters counters;

static int make_fair(void **state)
{
	fair = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fair));
	fair_init(fair, &KEY, &costs, HZ);
	memset(&costs, 0, sizeof(costs));
	memset(&counters, 0, sizeof(counters));
	rules = NULL;
	return 0;
}

static int free_fair(void **state)
{
	rules_destroy(rules);
	free(fair);
	return 0;
}

static void limit(const struct config_clients *config)
{
	static uint64_t generation;
	struct error err = { .text = "" };

	rules_destroy(rules);
	assert_int_equal(rules_create(config, ++generation, HZ, &rules, &err), 0);
}

static struct client ipv4(uint32_t address)
{
	return (struct client){ CLIENT_WHERE(CLIENT_IPV4, 0, 0), address };
}

// --- Who is a client -----------------------------------------------------------------------------

static struct client client_in(struct frame *f, uint16_t port)
{
	return client_of(&f->m, &f->p, port);
}

static struct frame *request_of(bool is_ipv6, bool vlan)
{
	static struct frame f;

	frame_request(&f, is_ipv6, vlan, WIRE_TYPE_SCORE, 1, 5, 32 + 20);
	f.p.is_ipv6 = is_ipv6;
	f.p.payload_offset = (uint16_t)(f.p.l2_bytes + (is_ipv6 ? 48 : 28));
	f.p.payload_bytes = 52;
	f.p.kind = PACKET_SCORE;
	return &f;
}

static void address_port_and_vlan_are_a_client(void **state)
{
	const struct client plain = client_in(request_of(false, false), 0);
	const struct client tagged = client_in(request_of(false, true), 0);

	assert_int_equal(CLIENT_KIND(plain.where), CLIENT_IPV4);
	assert_int_equal(plain.who, 0x0a4d0002);
	assert_int_equal(CLIENT_VLAN(tagged.where), 0x123);
	assert_int_equal(tagged.who, plain.who);
	assert_false(client_is(&plain, &tagged));
	assert_int_equal(CLIENT_PORT(client_in(request_of(false, false), 3).where), 3);
}

// A priority tag (VLAN id 0) is no VLAN.
static void priority_tag_is_no_other_client(void **state)
{
	const struct client plain = client_in(request_of(false, false), 0);
	struct frame *f = request_of(false, true);
	struct client tagged;

	*frame_at(f, 14) = 0x60;
	*frame_at(f, 15) = 0;
	tagged = client_in(f, 0);
	assert_true(client_is(&plain, &tagged));
}

static void ipv6_client_is_a_64(void **state)
{
	const struct client one = client_in(request_of(true, false), 0);
	struct frame *f = request_of(true, false);
	struct client other;

	frame_ipv6(f)->src_addr[15] ^= 0xff;
	frame_ipv6(f)->src_addr[8] ^= 0xff;
	other = client_in(f, 0);
	assert_true(client_is(&one, &other));
	frame_ipv6(f)->src_addr[7] ^= 1;
	other = client_in(f, 0);
	assert_false(client_is(&one, &other));
}

static void key_is_one_client_from_anywhere(void **state)
{
	struct frame *f = request_of(true, false);
	struct client one, other;

	f->p.key = 9;
	one = client_in(f, 1);
	f = request_of(false, true);
	f->p.key = 9;
	other = client_in(f, 0);
	assert_true(client_is(&one, &other));
	assert_int_equal(CLIENT_KIND(one.where), CLIENT_KEY);
	assert_int_equal(one.who, 9);
}

static void longest_prefix_holds(void **state)
{
	struct config_clients config = { .limits.rate = 1, .n_list = 4 };
	const struct {
		const char *text;
		uint8_t bits;
	} networks[] = { { "10.0.0.0", 8 }, { "10.77.0.0", 16 }, { "0.0.0.0", 0 } };
	struct client key = { CLIENT_WHERE(CLIENT_KEY, 0, 0), 7 };
	struct client in_vlan = { CLIENT_WHERE(CLIENT_IPV4, 2, 0x123), 0x0a4d0001 };
	struct client ipv6 = { CLIENT_WHERE(CLIENT_IPV6, 0, 0), 0x0a4d000100000000 };

	for (uint32_t i = 0; i < 3; i++) {
		inet_pton(AF_INET, networks[i].text, &config.list[i].network.ipv4);
		config.list[i].network.prefix_length = networks[i].bits;
	}
	config.list[3].key = 7;
	limit(&config);
	assert_int_equal(rules_find(rules, &(struct client){ ipv4(0).where, 0x0a010101 }), 1);
	assert_int_equal(rules_find(rules, &in_vlan), 2);
	assert_int_equal(rules_find(rules, &(struct client){ ipv4(0).where, 0xc0000201 }), 3);
	assert_int_equal(rules_find(rules, &key), 4);
	key.who = 8;
	assert_int_equal(rules_find(rules, &key), 0);
	assert_int_equal(rules_find(rules, &ipv6), 0);
	inet_pton(AF_INET6, "fd00:77::", &config.list[0].network.ipv6);
	config.list[0].network.is_ipv6 = true;
	config.list[0].network.prefix_length = 32;
	limit(&config);
	ipv6.who = 0xfd0000770000beef;
	assert_int_equal(rules_find(rules, &ipv6), 1);
	ipv6.who = 0xfd0000780000beef;
	assert_int_equal(rules_find(rules, &ipv6), 0);
}

static void nothing_limited_is_no_rules(void **state)
{
	limit(&(struct config_clients){ .limits.burst = 5, .n_list = 1, .list[0].key = 3 });
	assert_null(rules);
}

// --- The meter -----------------------------------------------------------------------------------

static uint64_t taken(struct meter *meter, const struct rte_meter_srtcm_profile *profile,
	uint64_t from, uint64_t until, uint64_t step)
{
	uint64_t n = 0;

	for (uint64_t now = from; now < until; now += step)
		n += meter_takes(meter, profile, now, METER_UNIT);
	return n;
}

static void meter_keeps_its_rate(void **state)
{
	static const uint32_t RATES[] = { 1, 3, 7, 1000, 99999, 1000003, 3000000 };

	for (size_t i = 0; i < RTE_DIM(RATES); i++) {
		const uint64_t seconds = RATES[i] < 10 ? 20 : 2;
		const uint64_t step = RATES[i] < 10 ? HZ / 100 : 100;
		const double wanted = (double)RATES[i] * (double)seconds;
		struct rte_meter_srtcm_profile profile;
		struct meter meter;
		double got;

		meter_profile(&profile, RATES[i], 2 + RATES[i] / 1000, HZ);
		meter_begin(&meter, &profile, HZ);
		got = (double)taken(&meter, &profile, HZ, HZ + seconds * HZ, step);
		assert_in_range((uint64_t)got, (uint64_t)(wanted * 0.999),
			(uint64_t)(wanted * 1.001) + 3 + RATES[i] / 1000);
	}
}

static void meter_takes_a_burst_and_no_more(void **state)
{
	struct rte_meter_srtcm_profile profile;
	struct meter meter;

	meter_profile(&profile, 10, 5, HZ);
	meter_begin(&meter, &profile, HZ);
	for (int i = 0; i < 5; i++)
		assert_true(meter_takes(&meter, &profile, HZ, METER_UNIT));
	assert_false(meter_takes(&meter, &profile, HZ, METER_UNIT));
	// A year later there is one burst again.
	for (int i = 0; i < 5; i++)
		assert_true(meter_takes(&meter, &profile, HZ * 31536000, METER_UNIT));
	assert_false(meter_takes(&meter, &profile, HZ * 31536000, METER_UNIT));
}

static void clock_stepped_back_gives_nothing(void **state)
{
	struct rte_meter_srtcm_profile profile;
	struct meter meter;

	meter_profile(&profile, 10, 5, HZ);
	meter_begin(&meter, &profile, 100 * HZ);
	while (meter_takes(&meter, &profile, 100 * HZ, METER_UNIT))
		;
	assert_int_equal(taken(&meter, &profile, 50 * HZ, 60 * HZ, HZ / 100), 0);
	assert_int_equal(taken(&meter, &profile, 0, 1, 1), 0);
	// And when it has caught up, all is as before.
	assert_in_range(taken(&meter, &profile, 100 * HZ, 110 * HZ, HZ / 100), 99, 101);
}

// --- The table -----------------------------------------------------------------------------------

static void hash_is_siphash(void **state)
{
	const struct hash_key key = KEY;
	uint8_t hash[8];

	for (uint64_t i = 0; i < 1000; i++) {
		const struct client client = { i * 0x9e3779b97f4a7c15, ~i * i };
		uint64_t wanted;

		crypto_shorthash(
			hash, (const uint8_t *)&client, sizeof(client), (const uint8_t *)&key);
		memcpy(&wanted, hash, sizeof(wanted));
		assert_int_equal(hash_client(&key, &client), wanted);
	}
}

// Whoever knows one appliance's key can fill a set of its table, and not of another's.
static void chosen_addresses_meet_under_one_key_only(void **state)
{
	const struct hash_key key = KEY, other = { 1, 2 };
	uint32_t sets[TABLE_SETS] = { 0 }, n = 0, most = 0;

	for (uint32_t address = 0; n < 4096; address++) {
		const struct client client = ipv4(address);

		if (hash_client(&key, &client) % TABLE_SETS != 5)
			continue;
		n++;
		sets[hash_client(&other, &client) % TABLE_SETS]++;
	}
	for (uint32_t i = 0; i < TABLE_SETS; i++)
		most = RTE_MAX(most, sets[i]);
	assert_in_range(most, 32, 80); // 32 on average
}

static struct table_entry *ask(const struct client *client, uint64_t now)
{
	struct table_entry *entry = table_find(&fair->table, rules, client, now);

	entry->last = now;
	entry->counts.requests++;
	if (entry != &fair->table.rest && entry->counts.requests >= TABLE_KNOWN_REQUESTS)
		entry->is_known = true;
	return entry;
}

#define FLOOD 1000000u

// A million addresses that come once each, and among them clients that were there before and one that begins.
static void flood_of_addresses_displaces_nobody_known(void **state)
{
	const struct client known[] = { ipv4(0x0a000001), ipv4(0x0a000002), ipv4(0x0a000003) };
	const struct client late = ipv4(0x0a0000ff);
	uint64_t now = HZ, asked[3] = { 0 }, asked_late = 0;
	uint32_t x = 12345;

	limit(&(struct config_clients){ .limits.share = 1 });
	for (uint32_t i = 0; i < 3 * TABLE_KNOWN_REQUESTS; i++, asked[i % 3]++)
		ask(&known[(i + 1) % 3], now);
	for (uint32_t i = 0; i < FLOOD; i++) {
		x = x * 1664525 + 1013904223;
		ask(&(struct client){ ipv4(0).where, x | 0x80000000 }, now += 200);
		if (i % 1000 == 0) { // 5,000 times a second
			ask(&known[i / 1000 % 3], now);
			asked[i / 1000 % 3]++;
		}
		if (i % 100 == 0) {
			ask(&late, now);
			asked_late++;
		}
	}
	for (uint32_t i = 0; i < 3; i++) {
		const struct table_entry *entry = table_find(&fair->table, rules, &known[i], now);

		assert_ptr_not_equal(entry, &fair->table.rest);
		assert_true(entry->is_known);
		assert_int_equal(entry->counts.requests, asked[i]);
	}
	// It has been counted since it got in, which the flood can delay, but not for long.
	assert_true(table_find(&fair->table, rules, &late, now)->is_known);
	assert_in_range(table_find(&fair->table, rules, &late, now)->counts.requests,
		asked_late * 9 / 10, asked_late);
	// Once they are gone there is room again.
	now += (TABLE_IDLE_SECONDS + 1) * HZ;
	for (uint32_t i = 0; i < 500; i++)
		assert_ptr_not_equal(ask(&(struct client){ ipv4(0).where, 0x0b000000 + i }, now),
			&fair->table.rest);
}

// Addresses that keep coming are known in the end; the named and the authenticated still find a place.
static void trusted_client_finds_a_full_table_open(void **state)
{
	struct config_clients config = { .limits.share = 1, .n_list = 1 };
	const struct client named = ipv4(0x0a4d0001), key = { CLIENT_KEY, 77 };
	const struct client stranger = ipv4(0x0b000001);

	inet_pton(AF_INET, "10.77.0.0", &config.list[0].network.ipv4);
	config.list[0].network.prefix_length = 16;
	limit(&config);
	for (uint32_t round = 0; round < 2 * TABLE_KNOWN_REQUESTS; round++)
		for (uint32_t i = 0; i < 8 * TABLE_ENTRIES; i++)
			for (uint32_t n = 0; n < 64;
				n++) // one after the other, so that each gets in
				ask(&(struct client){ ipv4(0).where, 0x0c000000 + i }, HZ + n);
	assert_ptr_equal(ask(&stranger, HZ), &fair->table.rest);
	assert_ptr_not_equal(ask(&named, HZ), &fair->table.rest);
	assert_ptr_not_equal(ask(&key, HZ), &fair->table.rest);
	assert_true(ask(&named, HZ)->is_known);
}

static void other_rules_are_followed_at_once(void **state)
{
	const struct client client = ipv4(0x0a4d0001);
	struct table_entry *entry;

	limit(&(struct config_clients){ .limits.rate = 10 });
	entry = ask(&client, HZ);
	assert_int_equal(entry->requests.bucket.tc, METER_UNIT);
	limit(&(struct config_clients){ .limits.rate = 10, .limits.burst = 4 });
	assert_ptr_equal(ask(&client, HZ), entry);
	assert_int_equal(entry->requests.bucket.tc, 4 * METER_UNIT);
	assert_int_equal(entry->counts.requests, 2);
}

// --- Rates ---------------------------------------------------------------------------------------

struct sent {
	uint16_t taken, refused;
};

static struct frame frames[BURST_MAX];

// `n` requests of one client at `now`.
static struct sent ask_for(uint32_t address, uint8_t type, uint16_t rows, uint16_t n, uint64_t now)
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
	fair->pressure.stretch = 4 * PRESSURE_ONE;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(
			ask_for(0x0a000001, WIRE_TYPE_SCORE, 1, 8, HZ + i * 10 * charge).taken, 8);
	for (uint64_t now = 2 * HZ; now < 3 * HZ; now += row)
		taken += ask_for(0x0a000002, WIRE_TYPE_SCORE, 1, 8, now).taken;
	// Ahead once as one of the unknown, and once by itself.
	assert_in_range(taken, HZ / charge - 5, HZ / charge + 2 * (FAIR_AHEAD_REQUESTS + 1));
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
		TEST(address_port_and_vlan_are_a_client),
		TEST(priority_tag_is_no_other_client),
		TEST(ipv6_client_is_a_64),
		TEST(key_is_one_client_from_anywhere),
		TEST(longest_prefix_holds),
		TEST(nothing_limited_is_no_rules),
		TEST(meter_keeps_its_rate),
		TEST(meter_takes_a_burst_and_no_more),
		TEST(clock_stepped_back_gives_nothing),
		TEST(hash_is_siphash),
		TEST(chosen_addresses_meet_under_one_key_only),
		TEST(flood_of_addresses_displaces_nobody_known),
		TEST(trusted_client_finds_a_full_table_open),
		TEST(other_rules_are_followed_at_once),
		TEST(rate_refuses_who_is_over_it_alone),
		TEST(rows_are_limited_by_themselves),
		TEST(both_limits_take_both_or_neither),
		TEST(request_beyond_the_burst_is_owed),
		TEST(part_of_a_rate_is_what_an_lcore_gives),
		TEST(flood_leaves_another_its_share),
		TEST(client_alone_is_never_refused),
		TEST(flood_of_addresses_is_one_client),
		TEST(seldom_client_may_ask_several_times_at_once),
		TEST(shares_are_in_proportion),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
