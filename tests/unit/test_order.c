// SPDX-License-Identifier: BSD-3-Clause
#include "base/random.h"
#include "dataplane/flow/order.h"
#include "tests/cmocka.h"

#define PACKETS 5000

// Puts packets of these times through, each with its number as window. Returns how many came out.
static uint32_t run(uint32_t capacity, const uint64_t *times, uint32_t n, struct flow_packet *out,
	struct order_stats *stats)
{
	struct order *order;
	struct error err;
	uint32_t got = 0;

	assert_int_equal(order_create(capacity, &order, &err), 0);
	for (uint32_t i = 0; i < n; i++) {
		const struct flow_packet packet = { .time_ns = times[i], .window = (uint16_t)i };

		got += order_put(order, &packet, &out[got]);
		assert_int_equal(got, i < capacity ? 0 : i + 1 - capacity);
	}
	while (order_take(order, &out[got]))
		got++;
	*stats = *order_stats(order);
	order_destroy(order);
	return got;
}

static void equal_times_keep_their_order(void **state)
{
	static const uint64_t TIMES[] = { 5, 5, 4, 5, 4 };
	static const uint16_t RIGHT[] = { 2, 4, 0, 1, 3 };
	struct flow_packet out[5];
	struct order_stats stats;

	assert_int_equal(run(8, TIMES, 5, out, &stats), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(out[i].window, RIGHT[i]);
	assert_int_equal(stats.unordered, 2);
	assert_int_equal(stats.late, 0);
}

static void displaced_by_less_than_is_held_back(void **state)
{
	static uint64_t times[PACKETS];
	static struct flow_packet out[PACKETS];
	struct order_stats stats;
	uint64_t seed = 7;

	for (uint32_t i = 0; i < PACKETS; i++)
		times[i] = i + random_next(&seed) % 64;
	assert_int_equal(run(64, times, PACKETS, out, &stats), PACKETS);
	for (uint32_t i = 1; i < PACKETS; i++)
		assert_true(out[i - 1].time_ns <= out[i].time_ns);
	assert_true(stats.unordered > 0);
	assert_int_equal(stats.late, 0);
}

static void what_comes_too_late_is_counted(void **state)
{
	static const uint64_t TIMES[] = { 10, 20, 30, 40, 1, 2, 50 };
	static const uint64_t RIGHT[] = { 10, 20, 1, 2, 30, 40, 50 };
	struct flow_packet out[7];
	struct order_stats stats;

	assert_int_equal(run(2, TIMES, 7, out, &stats), 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(out[i].time_ns, RIGHT[i]);
	assert_int_equal(stats.unordered, 2);
	assert_int_equal(stats.late, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_times_keep_their_order),
		cmocka_unit_test(displaced_by_less_than_is_held_back),
		cmocka_unit_test(what_comes_too_late_is_counted),
	};
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
