// SPDX-License-Identifier: BSD-3-Clause
// How a client's rate is divided among lcores by where its requests arrive.
#include "dataplane/clients.h"

#include "tests/unit/fair_case.h"

#include <sodium.h>

#define LCORES 4
#define RATE   1000

static struct clients *clients;
static struct registry *registry;

// As clients_create() makes them, but for the memory, which would be DPDK's.
static int setup(void **state)
{
	clients = calloc(1, sizeof(*clients));
	clients->tsc_hz = HZ;
	clients->was = calloc((size_t)LCORES * TABLE_ENTRIES, sizeof(*clients->was));
	for (uint32_t i = 0; i < LCORES; i++) {
		clients->fairs[i] = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fair));
		fair_init(clients->fairs[i], &KEY, &clients->costs, HZ);
		clients->n++;
	}
	return registry_create(LCORES, 1 << 16, 1500, NULL, &registry, NULL) ||
		clients_limit(clients,
			&(struct config_clients){ .limits = { .rate = RATE, .burst = 20 } }, NULL);
}

static int teardown(void **state)
{
	for (uint32_t i = 0; i < LCORES; i++)
		free(clients->fairs[i]);
	rules_destroy(clients->current);
	free(clients->was);
	free(clients);
	registry_destroy(registry);
	return 0;
}

// How many of `n` PINGs of a client at an lcore are taken.
static uint32_t ask_at(uint32_t lcore, uint32_t address, uint16_t n, uint64_t now)
{
	fair = clients->fairs[lcore];
	rules = clients->current;
	return ask_for(address, WIRE_TYPE_PING, 0, n, now).taken;
}

// Tokens that an lcore takes of a client's bucket for a request.
static uint32_t price_at(uint32_t lcore, uint32_t address)
{
	const struct client client = ipv4(address);

	return table_price(
		table_find(&clients->fairs[lcore]->table, clients->current, &client, HZ));
}

static void rate_is_divided_by_where_requests_arrive(void **state)
{
	ask_at(0, 1, 48, HZ);
	ask_at(1, 1, 12, HZ);
	ask_at(2, 1, 4, HZ);
	for (uint32_t lcore = 0; lcore < 3; lcore++)
		assert_int_equal(price_at(lcore, 1), METER_UNIT);
	clients_tick(clients, registry);
	assert_int_equal(price_at(0, 1), METER_UNIT * 64 / 48);
	assert_int_equal(price_at(1, 1), METER_UNIT * 64 / 12);
	assert_int_equal(price_at(2, 1), METER_UNIT * 64 / 4);
	assert_int_equal(price_at(3, 1), METER_UNIT);
}

// What counts is what came since the last look, and who asked nothing since then may ask anywhere.
static void division_follows_the_client(void **state)
{
	ask_at(0, 1, 60, HZ);
	ask_at(1, 1, 4, HZ);
	clients_tick(clients, registry);
	ask_at(0, 1, 4, 2 * HZ);
	ask_at(1, 1, 60, 2 * HZ);
	clients_tick(clients, registry);
	assert_int_equal(price_at(0, 1), METER_UNIT * 64 / 4);
	assert_int_equal(price_at(1, 1), METER_UNIT * 64 / 60);
	clients_tick(clients, registry);
	assert_int_equal(price_at(0, 1), METER_UNIT);
	assert_int_equal(price_at(1, 1), METER_UNIT);
}

// One that was displaced and is back in its place between two looks has counted less than it had.
static void client_that_comes_back_is_counted_anew(void **state)
{
	for (uint32_t lcores = 1; lcores <= 2; lcores++) {
		const uint32_t address = 40 + lcores;
		const struct client client = ipv4(address);

		for (uint32_t lcore = 0; lcore < lcores; lcore++)
			ask_at(lcore, address, 32, lcores * HZ);
		clients_tick(clients, registry);
		for (uint32_t lcore = 0; lcore < lcores; lcore++)
			table_find(&clients->fairs[lcore]->table, clients->current, &client,
				lcores * HZ)
				->counts.requests = 4;
		clients_tick(clients, registry);
		for (uint32_t lcore = 0; lcore < lcores; lcore++)
			assert_int_equal(price_at(lcore, address), METER_UNIT * lcores);
	}
}

static void clients_do_not_share_a_division(void **state)
{
	for (uint32_t address = 1; address <= 100; address++)
		for (uint32_t lcore = 0; lcore < LCORES; lcore++)
			ask_at(lcore, address, (uint16_t)(1 + address % (lcore + 2)), HZ);
	clients_tick(clients, registry);
	for (uint32_t address = 1; address <= 100; address++) {
		uint32_t all = 0;

		for (uint32_t lcore = 0; lcore < LCORES; lcore++)
			all += 1 + address % (lcore + 2);
		for (uint32_t lcore = 0; lcore < LCORES; lcore++) {
			const uint32_t parts =
				((1 + address % (lcore + 2)) * TABLE_PARTS + all - 1) / all;

			assert_int_equal(
				price_at(lcore, address), METER_UNIT * TABLE_PARTS / parts);
		}
	}
}

// All lcores together give the rate, whether requests come evenly or not. Parts are rounded up: a little more.
static void all_lcores_together_give_the_rate(void **state)
{
	static const uint16_t ARRIVING[][LCORES] = { { 1, 1, 1, 1 }, { 9, 3, 1, 0 },
		{ 12, 0, 0, 0 } };

	for (size_t i = 0; i < RTE_DIM(ARRIVING); i++) {
		const uint64_t begin = HZ * (10 * i + 1);
		uint64_t taken = 0;

		for (uint64_t ms = 0; ms < 3000; ms++) {
			for (uint32_t lcore = 0; lcore < LCORES; lcore++) {
				const uint32_t some = !ARRIVING[i][lcore]
					? 0
					: ask_at(lcore, 1, ARRIVING[i][lcore],
						  begin + ms * HZ / 1000);

				taken += ms >= 1000 ? some : 0;
			}
			if (ms % 250 == 249)
				clients_tick(clients, registry);
		}
		print_message("%" PRIu64 " of %d\n", taken, 2 * RATE);
		assert_in_range(taken, 2 * RATE * 95 / 100, 2 * RATE * 110 / 100);
	}
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(rate_is_divided_by_where_requests_arrive),
		CASE(division_follows_the_client),
		CASE(client_that_comes_back_is_counted_anew),
		CASE(clients_do_not_share_a_division),
		CASE(all_lcores_together_give_the_rate),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
