// SPDX-License-Identifier: BSD-3-Clause
// verdict: intervals that hold whenever one looks, and what is advised by them.
#include "ctl/server/compare/verdict.h"

#include "base/random.h"
#include "tests/cmocka.h"

#include <math.h>
#include <string.h>

static const struct verdict_bounds BOUNDS = { .differ = 0.02, .alpha = 0.05, .rows_min = 500 };

static double draw(uint64_t *seed)
{
	return (double)(random_next(seed) >> 11) * 0x1p-53;
}

static void share_by_hand(void **state)
{
	struct verdict_interval none = verdict_share(0, 0, 0.05),
				zero = verdict_share(0, 100, 0.05);
	struct verdict_interval all = verdict_share(100, 100, 0.05), half;

	assert_true(none.low == 0 && none.high == 1);
	// No hit of n: M = 1 / (n + 1) / (1 - p)^n, so that 1 - p = (alpha / (n + 1))^(1 / n).
	assert_true(zero.low == 0);
	assert_true(fabs(zero.high - (1 - pow(0.05 / 101, 0.01))) < 1e-9);
	assert_true(all.high == 1 && fabs(all.low - pow(0.05 / 101, 0.01)) < 1e-9);
	half = verdict_share(500, 1000, 0.05);
	assert_true(fabs(half.low + half.high - 1) < 1e-9);
	assert_true(half.low > 0.43 && half.low < 0.47);
	// Large counts neither overflow nor lose the interval.
	half = verdict_share(UINT64_C(1) << 40, UINT64_C(1) << 41, 0.05);
	assert_true(half.low > 0.4999 && half.low < 0.5 && half.high > 0.5);
}

static void mean_says_nothing_of_few_values(void **state)
{
	struct verdict_interval i = verdict_mean(29, 29, 29, 0.05);

	assert_true(isinf(i.low) && isinf(i.high));
	i = verdict_mean(1000, 500, 250, 0.05);
	assert_true(fabs(i.low - 0.5) < 1e-6 && fabs(i.high - 0.5) < 1e-6); // all the same
}

// A share at the bound itself, looked at after every row: as few runs as alpha says are blamed.
static void looking_at_any_time_blames_no_more_than_alpha(void **state)
{
	const int runs = 600, rows = 3000;
	uint64_t seed = 13;
	int blamed = 0, missed = 0;

	for (int run = 0; run < runs; run++) {
		struct verdict_counts c = { 0 };
		bool is_blamed = false, is_missed = false;

		for (int row = 1; row <= rows; row++) {
			bool hit = draw(&seed) < BOUNDS.differ;

			c.compared++;
			c.differ += hit;
			// A miss only makes the lower end fall.
			if (hit && !is_blamed)
				is_blamed = verdict_share(c.differ, c.compared, 0.05).low > 0.02;
			if (!hit && row % 50 == 0 && !is_missed)
				is_missed = verdict_share(c.differ, c.compared, 0.05).high < 0.02;
		}
		blamed += is_blamed;
		missed += is_missed;
	}
	assert_true(blamed + missed <= runs * 5 / 100);
}

// The normal mixture is one of the limit: of values with a tail, looked at after each from the 500th on.
static void means_looked_at_any_time_hold(void **state)
{
	const int runs = 400;
	uint64_t seed = 17;
	int wrong = 0;

	for (int run = 0; run < runs; run++) {
		double sum = 0, squares = 0;
		bool is_wrong = false;

		for (uint64_t n = 1; n <= 3000; n++) {
			double x = -log(1 - draw(&seed)); // mean 1

			sum += x;
			squares += x * x;
			if (n >= 500) {
				struct verdict_interval i = verdict_mean(n, sum, squares, 0.05);

				is_wrong = is_wrong || i.low > 1 || i.high < 1;
			}
		}
		wrong += is_wrong;
	}
	assert_true(wrong <= runs * 5 / 100);
}

// Twice the allowed share is found out in all runs, and soon: that is the power.
static void twice_the_share_is_rolled_back_soon(void **state)
{
	uint64_t seed = 19, rows = 0;

	for (int run = 0; run < 200; run++) {
		struct verdict_counts c = { 0 };
		struct verdict v = { .advice = VERDICT_WATCH };

		do {
			c.compared++;
			c.differ += draw(&seed) < 2 * BOUNDS.differ;
			if (c.compared % 20 != 0)
				continue;
			verdict_judge(&c, &BOUNDS, &v);
			assert_true(c.compared < 6000);
		} while (v.advice != VERDICT_ROLL_BACK);
		rows += c.compared;
	}
	assert_true(rows / 200 < 1500);
}

static void advice_and_its_sentence(void **state)
{
	static const struct {
		struct verdict_counts counts;
		struct verdict_bounds bounds;
		enum verdict_advice advice;
		const char *why;
	} CASES[] = {
		{ { .compared = 1000 }, BOUNDS, VERDICT_PROMOTE,
			"0 of 1000 rows are decided differently: the share is at most 0.009856, "
			"and "
			"0.02 is allowed" },
		{ { .compared = 400 }, BOUNDS, VERDICT_WATCH,
			"0 of 400 rows are decided differently, which is not yet enough to tell: "
			"about "
			"100 more rows" },
		{ { .compared = 1000, .differ = 100 }, BOUNDS, VERDICT_ROLL_BACK,
			"100 of 1000 rows are decided differently: the share is at least 0.0" },
		{ { .compared = 1000, .measured = 1000, .sum = 500, .sum_of_squares = 300 },
			{ .differ = 0.02, .mean = 0.1, .alpha = 0.05 }, VERDICT_ROLL_BACK,
			"the scores of 1000 rows are on average at least 0.4" },
		{ { .compared = 1000, .timed = 250, .slower = 250 },
			{ .differ = 0.02, .latency = 1.5, .alpha = 0.05 }, VERDICT_ROLL_BACK,
			"250 of 250 batches took longer than 1.5 times live, more than half of "
			"all" },
		{ { .compared = 1000, .differ = 21 }, BOUNDS, VERDICT_WATCH,
			"21 of 1000 rows are decided differently: so far neither within the bounds "
			"nor "
			"beyond them for certain" },
		{ { .compared = 0 }, BOUNDS, VERDICT_WATCH,
			"0 of 0 rows are decided differently, which is not yet enough to tell: "
			"about " },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct verdict v;

		verdict_judge(&CASES[i].counts, &CASES[i].bounds, &v);
		if (v.advice != CASES[i].advice ||
			strncmp(v.why, CASES[i].why, strlen(CASES[i].why)) != 0)
			fail_msg("%zu: %s: %s", i, verdict_advice_name(v.advice), v.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(share_by_hand),
		cmocka_unit_test(mean_says_nothing_of_few_values),
		cmocka_unit_test(looking_at_any_time_blames_no_more_than_alpha),
		cmocka_unit_test(means_looked_at_any_time_hold),
		cmocka_unit_test(twice_the_share_is_rolled_back_soon),
		cmocka_unit_test(advice_and_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
