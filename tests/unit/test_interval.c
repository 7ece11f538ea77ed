// SPDX-License-Identifier: BSD-3-Clause
// interval: as their formulas say, and true however often one looks.
#include "base/interval.h"

#include "base/random.h"
#include "tests/cmocka.h"
#include "tests/unit/interval_cases.h"

#include <math.h>
#include <stdbool.h>

#define RUNS     2000
#define ROWS     1000
#define N(array) (sizeof(array) / sizeof((array)[0]))

static double draw(uint64_t *seed)
{
	return (double)(random_next(seed) >> 11) * 0x1p-53;
}

static bool is_near(double a, double b, double share)
{
	return fabs(a - b) <= share * fmax(fabs(a), fabs(b));
}

static void share_is_its_formula(void **state)
{
	for (size_t i = 0; i < N(SHARE_CASES); i++) {
		const struct interval got =
			interval_share(SHARE_CASES[i].hits, SHARE_CASES[i].n, SHARE_CASES[i].alpha);

		// The high end is as exact as its distance from 1.
		if (fabs(got.low - SHARE_CASES[i].low) > 1e-7 * SHARE_CASES[i].low + 1e-15 ||
			!is_near(got.high, SHARE_CASES[i].high, 1e-7))
			fail_msg("%zu: %.12g to %.12g instead of %.12g to %.12g", i, got.low,
				got.high, SHARE_CASES[i].low, SHARE_CASES[i].high);
	}
}

static void mean_is_its_formula(void **state)
{
	for (size_t i = 0; i < N(MEAN_CASES); i++) {
		const struct interval got = interval_mean(MEAN_CASES[i].n, MEAN_CASES[i].sum,
			MEAN_CASES[i].squares, MEAN_CASES[i].alpha);

		if (!is_near(got.low, MEAN_CASES[i].low, 1e-6) ||
			!is_near(got.high, MEAN_CASES[i].high, 1e-6))
			fail_msg("%zu: %.12g to %.12g instead of %.12g to %.12g", i, got.low,
				got.high, MEAN_CASES[i].low, MEAN_CASES[i].high);
	}
}

static void share_by_hand(void **state)
{
	struct interval none = interval_share(0, 0, 0.05), zero = interval_share(0, 100, 0.05);
	struct interval all = interval_share(100, 100, 0.05), half;

	assert_true(none.low == 0 && none.high == 1);
	// No hit of n: M = 1 / (n + 1) / (1 - p)^n, so that 1 - p = (alpha / (n + 1))^(1 / n).
	assert_true(zero.low == 0);
	assert_true(fabs(zero.high - (1 - pow(0.05 / 101, 0.01))) < 1e-9);
	assert_true(all.high == 1 && fabs(all.low - pow(0.05 / 101, 0.01)) < 1e-9);
	half = interval_share(500, 1000, 0.05);
	assert_true(fabs(half.low + half.high - 1) < 1e-9);
	assert_true(half.low > 0.43 && half.low < 0.47);
	// Large counts neither overflow nor lose the interval.
	half = interval_share(UINT64_C(1) << 40, UINT64_C(1) << 41, 0.05);
	assert_true(half.low > 0.4999 && half.low < 0.5 && half.high > 0.5);
}

static void mean_says_nothing_of_few_values(void **state)
{
	struct interval i = interval_mean(29, 29, 29, 0.05);

	assert_true(isinf(i.low) && isinf(i.high));
	i = interval_mean(1000, 500, 250, 0.05);
	assert_true(fabs(i.low - 0.5) < 1e-6 && fabs(i.high - 0.5) < 1e-6); // all the same
}

// How many of 2,000 runs find the truth outside of an interval at any of the looks that may first find it so:
// the low end rises with a hit only, the high end falls slowly.
static uint32_t runs_that_miss_a_share(double truth, double alpha, uint64_t seed)
{
	uint32_t wrong = 0;

	for (uint32_t run = 0; run < RUNS; run++) {
		uint64_t hits = 0;
		bool is_wrong = false;

		for (uint64_t n = 1; n <= ROWS && !is_wrong; n++) {
			const bool hit = draw(&seed) < truth;

			hits += hit;
			if (hit || n % 50 == 0) {
				const struct interval i = interval_share(hits, n, alpha);

				is_wrong = i.low > truth || i.high < truth;
			}
		}
		wrong += is_wrong;
	}
	return wrong;
}

// One and the same version on both sides, a bound that is just kept: looked at all the time, no more are blamed
// than alpha says.
static void looking_at_any_time_blames_no_more_than_alpha(void **state)
{
	static const struct {
		double truth, alpha;
	} CASES[] = { { 0.02, 0.05 }, { 0.001, 0.05 }, { 0.3, 0.05 }, { 0.02, 0.2 } };

	for (size_t i = 0; i < N(CASES); i++) {
		const uint32_t wrong =
			runs_that_miss_a_share(CASES[i].truth, CASES[i].alpha, 13 + i);

		if (wrong > RUNS * CASES[i].alpha)
			fail_msg("a share of %g: %u of %d runs", CASES[i].truth, wrong, RUNS);
	}
}

// Largest differences of a row's scores as they come: with a tail, and of two versions that seldom differ, but
// then much.
static double draw_difference(uint64_t *seed, double truth, bool is_rare)
{
	if (is_rare)
		return draw(seed) < truth ? 1 : 0;
	return -truth * log(1 - draw(seed));
}

static uint32_t runs_that_miss_a_mean(double truth, bool is_rare, uint64_t seed)
{
	uint32_t wrong = 0;

	for (uint32_t run = 0; run < RUNS; run++) {
		double sum = 0, squares = 0;
		bool is_wrong = false;

		for (uint64_t n = 1; n <= ROWS && !is_wrong; n++) {
			const double x = draw_difference(&seed, truth, is_rare);

			sum += x;
			squares += x * x;
			is_wrong = interval_mean(n, sum, squares, 0.05).low > truth;
		}
		wrong += is_wrong;
	}
	return wrong;
}

static void means_above_the_bound_are_no_more_than_alpha(void **state)
{
	static const struct {
		double truth;
		bool is_rare;
	} CASES[] = { { 1, false }, { 0.02, true }, { 0.001, true }, { 0.3, true } };

	for (size_t i = 0; i < N(CASES); i++) {
		const uint32_t wrong =
			runs_that_miss_a_mean(CASES[i].truth, CASES[i].is_rare, 17 + i);

		if (wrong > RUNS * 0.05)
			fail_msg("a mean of %g: %u of %d runs", CASES[i].truth, wrong, RUNS);
	}
}

// Twice the share is found out in every run, and soon: that is the power.
static void another_share_is_found(void **state)
{
	uint64_t seed = 19, rows = 0;

	for (uint32_t run = 0; run < RUNS; run++) {
		uint64_t hits = 0, n = 0;

		do {
			hits += draw(&seed) < 0.04;
			assert_true(++n < 8000);
		} while (n % 20 != 0 || interval_share(hits, n, 0.05).low <= 0.02);
		rows += n;
	}
	assert_true(rows / RUNS < 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(share_is_its_formula),
		cmocka_unit_test(mean_is_its_formula),
		cmocka_unit_test(share_by_hand),
		cmocka_unit_test(mean_says_nothing_of_few_values),
		cmocka_unit_test(looking_at_any_time_blames_no_more_than_alpha),
		cmocka_unit_test(means_above_the_bound_are_no_more_than_alpha),
		cmocka_unit_test(another_share_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
