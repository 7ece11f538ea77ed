// SPDX-License-Identifier: BSD-3-Clause
// How many packets a poll takes from a queue while clients are limited and other queues of the lcore have packets, too.
#include "dataplane/fair/poll_turn.h"

#include "tests/unit/fair_case.h"

#define MS (HZ / 1000)

static struct poll_turns turns;

static int make_turns(void **state)
{
	poll_turns_init(&turns, HZ);
	return 0;
}

static void test_a_queue_alone_is_taken_from_whole(void **state)
{
	assert_int_equal(poll_turns_most(&turns, 1), BURST_MAX);
	for (uint64_t i = 1; i < 100; i++) {
		poll_turns_had(&turns, 0, i * MS);
		assert_int_equal(poll_turns_most(&turns, i * MS + 1), BURST_MAX);
	}
}

static void test_two_queues_take_turns(void **state)
{
	poll_turns_had(&turns, 0, HZ);
	assert_int_equal(poll_turns_most(&turns, HZ), BURST_MAX);
	poll_turns_had(&turns, 1, HZ);
	assert_int_equal(poll_turns_most(&turns, HZ + 1), POLL_TURN);
	// ... until one of them has been quiet for a while, whatever the other does.
	for (uint64_t ms = 1; ms < POLL_TURN_SHARED_MS; ms++)
		poll_turns_had(&turns, 1, HZ + ms * MS);
	assert_int_equal(poll_turns_most(&turns, HZ + (POLL_TURN_SHARED_MS - 1) * MS), POLL_TURN);
	assert_int_equal(poll_turns_most(&turns, HZ + POLL_TURN_SHARED_MS * MS), BURST_MAX);
	// It comes back.
	poll_turns_had(&turns, 0, 2 * HZ);
	assert_int_equal(poll_turns_most(&turns, 2 * HZ + 1), POLL_TURN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_queue_alone_is_taken_from_whole, make_turns),
		cmocka_unit_test_setup(test_two_queues_take_turns, make_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
