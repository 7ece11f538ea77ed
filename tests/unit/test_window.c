// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/window.h"

#include "tests/cmocka.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS  4
#define COUNTERS 20000u

static struct window window;

static int setup(void **state)
{
	memset(&window, 0, sizeof(window));
	return 0;
}

// As a burst of one.
static bool window_accept(struct window *of, uint64_t counter)
{
	if (!window_mark(of, counter))
		return false;
	window_raise(of, counter);
	return true;
}

static void counter_is_accepted_once(void **state)
{
	static const uint64_t COUNTERS_OF[] = { 0, 1, 7, 8, 1023, 1024, 2047, 2048, 1ull << 32,
		(1ull << 53) + 5, UINT64_MAX - 1, UINT64_MAX };

	for (size_t i = 0; i < sizeof(COUNTERS_OF) / sizeof(COUNTERS_OF[0]); i++) {
		assert_true(window_accept(&window, COUNTERS_OF[i]));
		assert_false(window_accept(&window, COUNTERS_OF[i]));
	}
}

static void order_within_the_window_is_any(void **state)
{
	const uint64_t newest = 1000000;

	assert_true(window_accept(&window, newest));
	for (uint64_t i = 1; i < WINDOW_COUNTERS; i++)
		assert_true(window_accept(&window, newest - i));
	for (uint64_t i = 0; i < WINDOW_COUNTERS; i++)
		assert_false(window_accept(&window, newest - i));
}

static void older_than_the_window_is_refused(void **state)
{
	assert_true(window_accept(&window, 5000));
	assert_false(window_accept(&window, 5000 - WINDOW_COUNTERS));
	assert_false(window_accept(&window, 5000 - WINDOW_COUNTERS - 1));
	assert_false(window_accept(&window, 0));
	assert_true(window_accept(&window, 5000 - WINDOW_COUNTERS + 1));
}

static void clock_set_back_is_refused_until_it_has_grown(void **state)
{
	assert_true(window_accept(&window, 1ull << 60));
	assert_false(window_accept(&window, (1ull << 60) - 1000000000));
	assert_true(window_accept(&window, (1ull << 60) + 1));
}

// Datagrams that came in one burst: the window moves once, after all of them.
static void burst_is_marked_before_the_window_moves(void **state)
{
	assert_true(window_mark(&window, 5000));
	assert_false(window_mark(&window, 5000));
	assert_true(window_mark(&window, 100));
	window_raise(&window, 5000);
	assert_false(window_mark(&window, 100));
	assert_false(window_mark(&window, 101));
	window_raise(&window, 4000); // it never goes back
	assert_false(window_mark(&window, 5000 - WINDOW_COUNTERS));
	assert_false(window_mark(&window, 5000));
	assert_true(window_mark(&window, 4999));
}

// Against a list of all that was accepted: jumps of every size, back and forth.
static void random_counters_as_by_a_list(void **state)
{
	const unsigned seed =
		getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
	static uint64_t seen[50000];
	uint64_t newest = 0, base = 0;
	size_t n = 0;

	print_message("SEED=%u\n", seed);
	srand(seed);
	for (uint32_t i = 0; i < 50000; i++) {
		const uint64_t back = (uint64_t)rand() % (rand() % 8 ? 64 : 1500);
		bool expected = true;
		uint64_t counter;

		base += (uint64_t)rand() % (rand() % 64 ? 8 : 5000);
		counter = base > back ? base - back : base;
		if (n && newest >= WINDOW_COUNTERS && counter <= newest - WINDOW_COUNTERS)
			expected = false;
		// What is further back than the window need not be looked for.
		for (size_t k = n; k > 0 && expected; k--)
			expected = seen[k - 1] != counter;
		assert_int_equal(window_accept(&window, counter), expected);
		if (expected)
			seen[n++] = counter;
		newest = expected && counter > newest ? counter : newest;
	}
}

static void closed_window_takes_only_what_is_newer(void **state)
{
	static const uint64_t NEWEST[] = { 0, 1, 7, 8, 1022, 1023, 1024, 1025, 2047, 2048,
		1ull << 60, UINT64_MAX - 1, UINT64_MAX };

	for (size_t i = 0; i < sizeof(NEWEST) / sizeof(NEWEST[0]); i++) {
		const uint64_t newest = NEWEST[i];
		uint64_t found;

		memset(&window, 0, sizeof(window));
		assert_false(window_newest(&window, &found));
		window_close(&window, newest);
		assert_true(window_newest(&window, &found));
		assert_true(found == newest);
		for (uint64_t back = 0; back < 5000 && back <= newest; back++)
			assert_false(window_accept(&window, newest - back));
		assert_false(window_accept(&window, 0));
		for (uint64_t ahead = 1; ahead < 5000 && ahead <= UINT64_MAX - newest; ahead++) {
			assert_true(window_accept(&window, newest + ahead));
			assert_false(window_accept(&window, newest + ahead));
		}
	}
}

// Marked is not yet newest; and counter 0 differs from none.
static void newest_is_what_was_raised(void **state)
{
	uint64_t newest;

	assert_true(window_mark(&window, 2048)); // where 0 lies, too
	assert_false(window_newest(&window, &newest));
	window_raise(&window, 2048);
	assert_true(window_newest(&window, &newest));
	assert_true(newest == 2048);
	memset(&window, 0, sizeof(window));
	assert_true(window_accept(&window, 1));
	assert_true(window_newest(&window, &newest));
	assert_true(newest == 1);
	memset(&window, 0, sizeof(window));
	assert_true(window_accept(&window, 0));
	assert_true(window_newest(&window, &newest));
	assert_true(newest == 0);
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	unsigned seed;
	_Atomic(uint8_t) *accepted; // [COUNTERS]
};

#define BURST 32

// What lcores do with a burst: a mark for each, and then one raise, of the largest that was accepted.
static void race_burst(struct racer *racer, const uint32_t *indices, uint32_t n)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < n; i++) {
		// Far apart in one half, so that words change their round all the time.
		const uint64_t counter = indices[i] < COUNTERS / 2
			? indices[i]
			: COUNTERS + (uint64_t)indices[i] * 2040;

		if (!window_mark(&window, counter))
			continue;
		atomic_fetch_add(&racer->accepted[indices[i]], 1);
		most = counter > most ? counter : most;
	}
	if (most)
		window_raise(&window, most);
}

// All threads present all counters, in runs whose order differs, a few of a run ahead of each other, and in bursts of
// any length: while one marks, others raise.
static void *race(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->start);
	for (uint32_t base = 0; base < COUNTERS; base += 64) {
		const uint32_t turn = (uint32_t)rand_r(&racer->seed) % 64;
		uint32_t burst = 1 + (uint32_t)rand_r(&racer->seed) % BURST;
		uint32_t indices[BURST], n = 0;

		for (uint32_t i = 0; i < 64; i++) {
			const uint32_t index =
				base + (i * 29 + turn) % 64; // 29 and 64 share no factor

			if (index < COUNTERS)
				indices[n++] = index;
			if (n == burst || i == 63) {
				race_burst(racer, indices, n);
				burst = 1 + (uint32_t)rand_r(&racer->seed) % BURST;
				n = 0;
			}
		}
	}
	return NULL;
}

static void threads_accept_none_twice(void **state)
{
	static _Atomic(uint8_t) accepted[COUNTERS];
	struct racer racers[THREADS];
	pthread_barrier_t start;
	uint32_t n = 0;

	for (uint32_t round = 0; round < 20; round++) {
		memset(&window, 0, sizeof(window));
		memset((void *)accepted, 0, sizeof(accepted));
		pthread_barrier_init(&start, NULL, THREADS);
		for (unsigned i = 0; i < THREADS; i++) {
			racers[i] = (struct racer){
				.start = &start, .seed = round * THREADS + i, .accepted = accepted
			};
			assert_int_equal(
				pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(racers[i].thread, NULL);
		pthread_barrier_destroy(&start);
		for (uint32_t i = 0; i < COUNTERS; i++) {
			assert_in_range(accepted[i], 0, 1);
			n += accepted[i];
		}
	}
	assert_true(n > COUNTERS); // of 20 times as many: the rest came too late
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counter_is_accepted_once, setup),
		cmocka_unit_test_setup(order_within_the_window_is_any, setup),
		cmocka_unit_test_setup(older_than_the_window_is_refused, setup),
		cmocka_unit_test_setup(clock_set_back_is_refused_until_it_has_grown, setup),
		cmocka_unit_test_setup(burst_is_marked_before_the_window_moves, setup),
		cmocka_unit_test_setup(random_counters_as_by_a_list, setup),
		cmocka_unit_test_setup(closed_window_takes_only_what_is_newer, setup),
		cmocka_unit_test_setup(newest_is_what_was_raised, setup),
		cmocka_unit_test_setup(threads_accept_none_twice, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
