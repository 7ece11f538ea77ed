// SPDX-License-Identifier: BSD-3-Clause
// Limits of clients: who is one, the meter's sums, and the table under floods.
#include "tests/unit/fair_case.h"

#include <sodium.h>

// --- Who is a client -----------------------------------------------------------------------------

static struct client client_in(struct frame *f, uint16_t port)
{
	return client_of(&f->m, &f->p, port);
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
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
