// SPDX-License-Identifier: BSD-3-Clause
// histogram: bucket borders, precision, percentiles against sorted samples, merging.
#include "base/histogram.h"
#include "tests/cmocka.h"

#include <stdlib.h>
// cmocka wants the three above first

static struct histogram h, other;

static void every_bucket_ends_where_the_next_begins(void **state)
{
	for (uint32_t b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
		uint64_t top = histogram_bucket_top(b);

		assert_int_equal(histogram_bucket(top), b);
		assert_int_equal(histogram_bucket(top + 1), b + 1);
	}
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	assert_true(histogram_bucket_top(HISTOGRAM_BUCKETS - 1) ==
		((uint64_t)1 << HISTOGRAM_MAX_BITS) - 1);
}

static void values_are_known_to_three_percent(void **state)
{
	for (uint64_t value = 1; value < (uint64_t)1 << HISTOGRAM_MAX_BITS;
		value = value * 9 / 8 + 1) {
		uint64_t top = histogram_bucket_top(histogram_bucket(value));

		assert_true(top >= value);
		assert_true((double)(top - value) <= 0.032 * (double)value);
	}
}

static void empty_histogram_has_no_percentile(void **state)
{
	histogram_reset(&h);
	assert_int_equal(histogram_percentile(&h, 0.5), 0);
	assert_int_equal(h.count, 0);
	assert_true(h.min == UINT64_MAX);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void percentiles_match_sorted_samples(void **state)
{
	static const double SHARES[] = { 0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };
	static uint64_t samples[10000];

	srand(7);
	histogram_reset(&h);
	for (int i = 0; i < 10000; i++) {
		samples[i] = (uint64_t)rand() % 1000 * (uint64_t)(1 + rand() % 1000);
		histogram_record(&h, samples[i]);
	}
	qsort(samples, 10000, sizeof(*samples), compare);
	for (size_t i = 0; i < sizeof(SHARES) / sizeof(*SHARES); i++) {
		double rank = SHARES[i] * 10000;
		uint64_t exact = samples[rank < 1 ? 0 : (int)(rank + 0.999) - 1];
		uint64_t got = histogram_percentile(&h, SHARES[i]);

		assert_true(got >= exact);
		assert_true((double)(got - exact) <= 0.032 * (double)exact + 1);
	}
	assert_int_equal(histogram_percentile(&h, 1), samples[9999]);
	assert_int_equal(h.min, samples[0]);
	assert_int_equal(h.max, samples[9999]);
}

static void percentile_is_never_above_the_maximum(void **state)
{
	histogram_reset(&h);
	histogram_record(&h, 1000001);
	assert_int_equal(histogram_percentile(&h, 0.5), 1000001);
	histogram_record(&h, UINT64_MAX / 2); // beyond the last bucket
	assert_true(histogram_percentile(&h, 1) == UINT64_MAX / 2);
}

static void merge_adds_up(void **state)
{
	histogram_reset(&h);
	histogram_reset(&other);
	for (uint64_t i = 0; i < 100; i++) {
		histogram_record(&h, i);
		histogram_record(&other, 1000 + i);
	}
	histogram_merge(&h, &other);
	assert_int_equal(h.count, 200);
	assert_int_equal(h.min, 0);
	assert_int_equal(h.max, 1099);
	assert_int_equal(h.sum, 99 * 100 / 2 + 100 * 1000 + 99 * 100 / 2);
	assert_in_range(histogram_percentile(&h, 0.5), 99, 102);
	histogram_reset(&other); // an empty one changes nothing
	histogram_merge(&h, &other);
	assert_int_equal(h.min, 0);
	assert_int_equal(h.count, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bucket_ends_where_the_next_begins),
		cmocka_unit_test(values_are_known_to_three_percent),
		cmocka_unit_test(empty_histogram_has_no_percentile),
		cmocka_unit_test(percentiles_match_sorted_samples),
		cmocka_unit_test(percentile_is_never_above_the_maximum),
		cmocka_unit_test(merge_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
