// SPDX-License-Identifier: BSD-3-Clause
// SipHash-1-3 (Aumasson and Bernstein, INDOCRYPT 2012), for keys that are whole 64-bit words.
//
// Pure function, any thread. The short variant is what hash tables use against chosen keys.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t siphash_rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = siphash_rotate(v[1], 13) ^ v[0];
	v[0] = siphash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotate(v[1], 17) ^ v[2];
	v[2] = siphash_rotate(v[2], 32);
}

// `bytes` is a multiple of 8.
static inline uint64_t siphash13(const void *data, size_t bytes, const uint64_t key[2])
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575,
		key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261,
		key[1] ^ 0x7465646279746573,
	};
	uint64_t last = (uint64_t)bytes << 56;

	for (size_t at = 0; at < bytes; at += 8) {
		uint64_t word;

		memcpy(&word, (const char *)data + at, 8);
		v[3] ^= word;
		siphash_round(v);
		v[0] ^= word;
	}
	v[3] ^= last;
	siphash_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
