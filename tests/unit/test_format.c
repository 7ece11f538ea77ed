// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/format.h"
#include "tests/cmocka.h"

static void count_groups_of_three(void **state)
{
	assert_string_equal(format_count(0).s, "0");
	assert_string_equal(format_count(999).s, "999");
	assert_string_equal(format_count(1000).s, "1,000");
	assert_string_equal(format_count(1234567).s, "1,234,567");
	assert_string_equal(format_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
}

static void bytes_three_digits(void **state)
{
	assert_string_equal(format_bytes(0).s, "0 B");
	assert_string_equal(format_bytes(1023).s, "1023 B");
	assert_string_equal(format_bytes(1024).s, "1.00 KiB");
	assert_string_equal(format_bytes(1536 * 1024).s, "1.50 MiB");
	assert_string_equal(format_bytes(1048575).s, "1.00 MiB");
	assert_string_equal(format_bytes(UINT64_MAX).s, "16.0 EiB");
}

static void ns_by_size(void **state)
{
	assert_string_equal(format_ns(0).s, "0 ns");
	assert_string_equal(format_ns(350).s, "350 ns");
	assert_string_equal(format_ns(1.25).s, "1.25 ns");
	assert_string_equal(format_ns(12345).s, "12.3 µs");
	assert_string_equal(format_ns(999999).s, "1.00 ms");
	assert_string_equal(format_ns(7e9).s, "7.00 s");
}

static void duration_two_units(void **state)
{
	assert_string_equal(format_duration(42).s, "42 s");
	assert_string_equal(format_duration(192).s, "3 min 12 s");
	assert_string_equal(format_duration(5 * 3600 + 125).s, "5 h 2 min");
	assert_string_equal(format_duration(76 * 3600).s, "3 d 4 h");
}

static void rate_and_share(void **state)
{
	assert_string_equal(format_rate_mbps(0).s, "unknown");
	assert_string_equal(format_rate_mbps(100).s, "100 Mb/s");
	assert_string_equal(format_rate_mbps(2500).s, "2.5 Gb/s");
	assert_string_equal(format_share(0.375).s, "37.5 %");
	assert_string_equal(format_sha256_short("0123456789abcdef").s, "0123456789ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_groups_of_three),
		cmocka_unit_test(bytes_three_digits),
		cmocka_unit_test(ns_by_size),
		cmocka_unit_test(duration_two_units),
		cmocka_unit_test(rate_and_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
