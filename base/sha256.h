// SPDX-License-Identifier: BSD-3-Clause
// SHA-256 (FIPS 180-4), with the CPU's own instructions where it has them: they hash a big model in a
// fifth of the time. Of nothing secret. Any thread, each with its own struct.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256 {
	uint32_t state[8];
	uint64_t bytes;    // taken so far
	uint8_t block[64]; // the last bytes % 64 of them
};

void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t bytes);
void sha256_end(struct sha256 *sha, uint8_t hash[SHA256_BYTES]);
// All at once.
void sha256_of(uint8_t hash[SHA256_BYTES], const void *data, size_t bytes);
// The same without the CPU's own instructions, for tests.
void sha256_plain_of(uint8_t hash[SHA256_BYTES], const void *data, size_t bytes);
