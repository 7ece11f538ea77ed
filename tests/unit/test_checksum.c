// SPDX-License-Identifier: BSD-3-Clause
// checksum: sums by wide words are those of RFC 1071's 16-bit words, whatever the length, alignment
// and carries; an update is as good as a sum made anew.
#include "base/checksum.h"
#include "tests/cmocka.h"

#include <stdlib.h>
// cmocka wants the three above first

#define BYTES_MAX 400

// RFC 1071, 4.1, in memory order: the first byte of a word is its low one.
static uint16_t sum_by_bytes(const uint8_t *data, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint64_t)data[i] << (i % 2 ? 8 : 0);
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

// 0 and 0xffff are one number in ones' complement.
static uint16_t canonical(uint16_t sum)
{
	return sum == 0xffff ? 0 : sum;
}

// `n` bytes in a block of their own, so that the sanitiser sees a byte read too many.
static void check_sum(const uint8_t *from, uint32_t n, uint32_t offset)
{
	uint8_t *block = malloc(n + offset + 1);

	assert_non_null(block);
	memcpy(block + offset + 1, from, n);
	assert_int_equal(canonical(checksum_fold(checksum_bytes(0, block + offset + 1, n))),
		canonical(sum_by_bytes(from, n)));
	free(block);
}

static void bytes_of_every_length_and_alignment(void **state)
{
	uint8_t data[BYTES_MAX];

	for (uint32_t i = 0; i < BYTES_MAX; i++)
		data[i] = (uint8_t)(i * 151 + (i >> 3) * 31 + 7);
	for (uint32_t n = 0; n <= BYTES_MAX; n++)
		for (uint32_t offset = 0; offset < 9; offset++)
			check_sum(data, n, offset);
}

static void bytes_with_a_carry_at_every_word(void **state)
{
	uint8_t data[BYTES_MAX];

	memset(data, 0xff, sizeof(data));
	for (uint32_t n = 0; n <= BYTES_MAX; n++)
		check_sum(data, n, n % 8);
	data[BYTES_MAX - 2] = 1; // not all ones, so that a lost carry shows
	for (uint32_t n = 2; n <= BYTES_MAX; n += 2)
		check_sum(data + BYTES_MAX - n, n, 0);
}

static void bytes_added_to_a_sum_near_overflow(void **state)
{
	static const uint8_t ONE[34] = { 1 };
	const uint64_t starts[] = { UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63 };

	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t n = 2; n <= sizeof(ONE); n += 2) {
			uint16_t start = checksum_fold(starts[i]);
			uint32_t want = start + 1u;

			want = (want & 0xffff) + (want >> 16);
			assert_int_equal(
				canonical(checksum_fold(checksum_bytes(starts[i], ONE, n))),
				canonical((uint16_t)want));
		}
}

static void update_equals_a_new_sum(void **state)
{
	uint8_t before[64], after[64];

	for (uint32_t round = 0; round < 1000; round++) {
		uint64_t old_sum = 0, new_sum = 0;
		uint16_t checksum;

		for (uint32_t i = 0; i < sizeof(before); i++)
			before[i] = (uint8_t)(i * 31 + round * 17 + (round >> 4));
		memcpy(after, before, sizeof(after));
		for (uint32_t i = 8; i < 24; i++)
			after[i] = (uint8_t)(after[i] * 5 + round);
		checksum = checksum_finish(checksum_bytes(0, before, sizeof(before)));
		old_sum = checksum_bytes(0, before + 8, 16);
		new_sum = checksum_bytes(0, after + 8, 16);
		assert_int_equal(canonical(checksum_update(checksum, old_sum, new_sum)),
			canonical(checksum_finish(checksum_bytes(0, after, sizeof(after)))));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_every_length_and_alignment),
		cmocka_unit_test(bytes_with_a_carry_at_every_word),
		cmocka_unit_test(bytes_added_to_a_sum_near_overflow),
		cmocka_unit_test(update_equals_a_new_sum),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
