// SPDX-License-Identifier: BSD-3-Clause
// Bins, the population stability index, and what chance does to it by the size of the samples.
#include "base/drift.h"
#include "base/random.h"
#include "tests/cmocka.h"
#include "tests/unit/psi_cases.h"

#include <math.h>
#include <string.h>

// One column with edges 0, 1 and 2.5, and one with none.
static const uint32_t FIRST[] = { 0, 5, 7 };
static const float EDGES[] = { 0, 1, 2.5f };
static const uint64_t COUNTS[] = { 1, 2, 3, 4, 0, 10, 0 };
static const struct drift_reference REFERENCE = {
	.n_rows = 10, .n_columns = 2, .first = FIRST, .edges = EDGES, .counts = COUNTS
};

static void a_value_at_an_edge_is_below_it(void **state)
{
	static const struct {
		float value;
		uint32_t bin;
	} CASES[] = { { -INFINITY, 0 }, { -1, 0 }, { -0.0f, 0 }, { 0.5f, 1 }, { 1, 1 }, { 1.1f, 2 },
		{ 2.5f, 2 }, { 2.6f, 3 }, { INFINITY, 3 }, { NAN, 4 } };

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(drift_bin(&REFERENCE, 0, CASES[i].value), CASES[i].bin);
	assert_int_equal(drift_bin(&REFERENCE, 1, 7), 0);
	assert_int_equal(drift_bin(&REFERENCE, 1, NAN), 1);
}

static void the_index_is_its_formula(void **state)
{
	const uint64_t reference[] = { 500, 300, 200 }, live[] = { 200, 300, 500 };
	const struct drift_psi psi = drift_psi(reference, live, 3);

	assert_true(fabs(psi.psi - 2 * 0.3 * log(2.5)) < 1e-12);
	assert_int_equal(psi.n_reference, 1000);
	assert_int_equal(psi.n_live, 1000);
	assert_int_equal(psi.n_bins, 3);
	assert_true(fabs(psi.expected - 2 * 0.002) < 1e-12);
	assert_int_equal(drift_read(&psi), DRIFT_LARGE);
}

static void the_same_shares_are_no_drift(void **state)
{
	const uint64_t reference[] = { 10, 20, 0, 30 }, live[] = { 1000, 2000, 0, 3000 };
	const struct drift_psi psi = drift_psi(reference, live, 4);

	assert_true(psi.psi < 1e-12);
	assert_int_equal(psi.n_bins, 3);
	assert_int_equal(drift_read(&psi), DRIFT_STABLE);
}

// Half a count of twenty rows would be more than the reference has there at all.
static void a_small_sample_does_not_speak_of_rare_bins(void **state)
{
	const uint64_t reference[] = { 999999, 1 }, live[] = { 20, 0 };
	const struct drift_psi psi = drift_psi(reference, live, 2);

	assert_true(psi.psi < 1e-5);
}

static void a_bin_that_is_new_stands_against_half_a_count(void **state)
{
	const uint64_t reference[] = { 1000, 0 }, live[] = { 900, 100 };
	const struct drift_psi psi = drift_psi(reference, live, 2);

	assert_true(
		fabs(psi.psi - (0.1 * log(1.0 / 0.9) + (0.1 - 0.0005) * log(0.1 / 0.0005))) < 1e-9);
	assert_int_equal(drift_read(&psi), DRIFT_LARGE);
}

static void count_column(
	const struct drift_reference *reference, const float *values, uint64_t *counts)
{
	for (uint32_t i = 0; i < PSI_VALUES; i++)
		counts[drift_bin(reference, 0, values[i])]++;
}

// Bins, missing values, empty bins, constants and categories, as numpy has them.
static void columns_are_as_numpy_counts_them(void **state)
{
	for (size_t i = 0; i < sizeof(PSI_CASES) / sizeof(PSI_CASES[0]); i++) {
		const uint32_t n_counts = PSI_CASES[i].n_edges + 2, first[] = { 0, n_counts };
		const struct drift_reference reference = {
			.n_columns = 1, .first = first, .edges = PSI_CASES[i].edges
		};
		uint64_t before[11] = { 0 }, live[11] = { 0 };
		struct drift_psi psi;

		count_column(&reference, PSI_CASES[i].reference, before);
		count_column(&reference, PSI_CASES[i].live, live);
		psi = drift_psi(before, live, n_counts);
		if (psi.n_bins != PSI_CASES[i].n_bins || fabs(psi.psi - PSI_CASES[i].psi) > 1e-9)
			fail_msg("%zu: %.12g of %u bins instead of %.12g of %u", i, psi.psi,
				psi.n_bins, PSI_CASES[i].psi, PSI_CASES[i].n_bins);
	}
}

static void no_rows_are_no_drift(void **state)
{
	const uint64_t some[] = { 1, 2 }, none[] = { 0, 0 };
	struct drift_psi psi = drift_psi(some, none, 2);

	assert_true(psi.psi == 0 && psi.limit == 0);
	assert_int_equal(drift_read(&psi), DRIFT_NO_ROWS);
	psi = drift_psi(none, some, 2);
	assert_int_equal(drift_read(&psi), DRIFT_NO_ROWS);
}

// Samples of one distribution: the index has the mean that is said, and small ones give no alarm.
static void chance_gives_no_alarm(void **state)
{
	static const uint32_t SIZES[] = { 20, 50, 100, 500, 5000 };
	uint64_t seed = 7, reference[10];

	for (uint32_t b = 0; b < 10; b++)
		reference[b] = 100000000; // as good as the distribution itself
	for (size_t s = 0; s < sizeof(SIZES) / sizeof(SIZES[0]); s++) {
		double sum = 0, expected = 0;
		uint32_t alarms = 0;

		for (uint32_t trial = 0; trial < 400; trial++) {
			uint64_t live[10] = { 0 };
			struct drift_psi psi;

			for (uint32_t r = 0; r < SIZES[s]; r++)
				live[(random_next(&seed) >> 33) % 10]++;
			psi = drift_psi(reference, live, 10);
			sum += psi.psi;
			expected += psi.expected;
			alarms += drift_read(&psi) >= DRIFT_MODERATE;
		}
		if (alarms > 8) // 2 %
			fail_msg("%u alarms among 400 samples of %u rows", alarms, SIZES[s]);
		if (SIZES[s] >= 500)
			assert_true(sum > 0.85 * expected && sum < 1.2 * expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_at_an_edge_is_below_it),
		cmocka_unit_test(the_index_is_its_formula),
		cmocka_unit_test(the_same_shares_are_no_drift),
		cmocka_unit_test(a_small_sample_does_not_speak_of_rare_bins),
		cmocka_unit_test(a_bin_that_is_new_stands_against_half_a_count),
		cmocka_unit_test(columns_are_as_numpy_counts_them),
		cmocka_unit_test(no_rows_are_no_drift),
		cmocka_unit_test(chance_gives_no_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
