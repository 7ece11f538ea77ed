// SPDX-License-Identifier: BSD-3-Clause
#include "base/sha256.h"
#include "tests/cmocka.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096

// FIPS 180-4's own examples are among what libsodium was tested with.
static void hashes_are_libsodium_s(void **state)
{
	for (size_t n = 0; n <= MOST; n += n < 300 ? 1 : 97) {
		uint8_t *data = malloc(n + 1), expected[32], got[32];

		assert_non_null(data);
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 2654435761u >> 13);
		crypto_hash_sha256(expected, data, n);
		sha256_of(got, data, n);
		assert_memory_equal(got, expected, 32);
		free(data);
	}
}

static void parts_are_hashed_as_the_whole(void **state)
{
	static uint8_t data[MOST];
	uint8_t expected[32], got[32];

	for (size_t i = 0; i < MOST; i++)
		data[i] = (uint8_t)(i * 40503u >> 7);
	crypto_hash_sha256(expected, data, MOST);
	for (size_t part = 1; part < 200; part += 3) {
		struct sha256 sha;

		sha256_begin(&sha);
		for (size_t at = 0; at < MOST; at += part)
			sha256_add(&sha, data + at, MOST - at < part ? MOST - at : part);
		sha256_add(&sha, NULL, 0);
		sha256_end(&sha, got);
		assert_memory_equal(got, expected, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_libsodium_s),
		cmocka_unit_test(parts_are_hashed_as_the_whole),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
