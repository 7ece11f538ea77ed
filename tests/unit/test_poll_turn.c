// SPDX-License-Identifier: BSD-3-Clause
// How many packets a poll takes from a queue while clients are limited and other queues of the lcore have packets, too.
#include "dataplane/fair/poll_turn.h"

#include "tests/unit/fair_case.h"

static struct poll_turns turns;
static struct poll_turn queues[2];

static int make_turns(void **state)
{
	poll_turns_init(&turns, HZ);
	memset(queues, 0, sizeof(queues));
	return 0;
}

// A turn of queue `i` that ends at `now`, in which each of `n` packets took `ns`.
static void take(int i, uint16_t n, uint64_t ns, uint64_t now)
{
	poll_turn_end(&turns, &queues[i], n, now - n * ns, now);
}

static void test_a_queue_alone_is_taken_from_whole(void **state)
{
	assert_int_equal(poll_turn_begin(&turns, &queues[0], 1), BURST_MAX);
	for (uint64_t i = 1; i < 100; i++)
		take(0, BURST_MAX, 100000, i * HZ);
	assert_int_equal(poll_turn_begin(&turns, &queues[0], 100 * HZ), BURST_MAX);
}

static void test_two_queues_share_the_time(void **state)
{
	take(0, BURST_MAX, 200, (HZ));
	take(1, 1, 1000, (HZ) + US);
	assert_int_equal(poll_turn_begin(&turns, &queues[0], (HZ) + US),
		8); // ten would do, but for the drivers
	assert_int_equal(poll_turn_begin(&turns, &queues[1], (HZ) + US), POLL_TURN_LEAST);
	// ... until one of them has been quiet for a while, whatever the other does.
	for (uint64_t ms = 1; ms < POLL_TURN_SHARED_MS; ms++)
		take(1, 8, 1000, (HZ) + ms * 1000 * US);
	assert_int_equal(poll_turn_begin(&turns, &queues[1], (HZ) + 99000 * US), POLL_TURN_LEAST);
	assert_int_equal(poll_turn_begin(&turns, &queues[1], (HZ) + 100001 * US), BURST_MAX);
}

static void test_few_packets_that_take_long_and_many_that_do_not(void **state)
{
	take(0, 1, 1000000, (HZ));
	take(1, BURST_MAX, 1, (HZ) + US);
	assert_int_equal(poll_turn_begin(&turns, &queues[0], (HZ) + US), POLL_TURN_LEAST);
	assert_int_equal(poll_turn_begin(&turns, &queues[1], (HZ) + US), BURST_MAX);
}

static void test_one_poll_that_was_held_up_is_forgotten(void **state)
{
	take(1, 1, 100, (HZ));
	for (uint64_t i = 1; i < 10; i++)
		take(0, 32, 60, (HZ) + i * 2 * US);
	assert_int_equal(poll_turn_begin(&turns, &queues[0], (HZ) + 20 * US), 32);
	take(0, 32, 3000, (HZ) + 100 * US); // 96 us, for another program had the CPU
	assert_in_range(poll_turn_begin(&turns, &queues[0], (HZ) + 100 * US), POLL_TURN_LEAST, 8);
	for (uint64_t i = 1; i < 40; i++)
		take(0, 8, 60, (HZ) + (100 + i) * US);
	assert_in_range(poll_turn_begin(&turns, &queues[0], (HZ) + 140 * US), 24, 32);
}

// As Intel's drivers do that read descriptors in registers of 256 and 512 bits.
static uint16_t take_by_eights(uint16_t most)
{
	return most / 8 * 8;
}

static void test_drivers_that_give_packets_by_eights(void **state)
{
	uint64_t taken[2] = { 0, 0 };

	take(0, 8, 2000, HZ);
	take(1, 8, 2000, HZ + 1);
	for (uint64_t now = HZ; now < HZ + 100000 * US;) {
		for (int i = 0; i < 2; i++) {
			const uint16_t n = take_by_eights(poll_turn_begin(&turns, &queues[i], now));

			now += 100 + n * 2000;
			if (n)
				take(i, n, 2000, now);
			taken[i] += n;
		}
	}
	// Of 50,000 that there is time for.
	assert_in_range(taken[0] + taken[1], 48000, 50100);
	assert_in_range(taken[0], taken[1] - 100, taken[1] + 100);
}

static void test_packets_that_take_no_time(void **state)
{
	take(0, BURST_MAX, 0, (HZ));
	take(1, BURST_MAX, 0, (HZ));
	assert_int_equal(poll_turn_begin(&turns, &queues[1], (HZ)), BURST_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_queue_alone_is_taken_from_whole, make_turns),
		cmocka_unit_test_setup(test_two_queues_share_the_time, make_turns),
		cmocka_unit_test_setup(
			test_few_packets_that_take_long_and_many_that_do_not, make_turns),
		cmocka_unit_test_setup(test_one_poll_that_was_held_up_is_forgotten, make_turns),
		cmocka_unit_test_setup(test_drivers_that_give_packets_by_eights, make_turns),
		cmocka_unit_test_setup(test_packets_that_take_no_time, make_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
