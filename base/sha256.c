// SPDX-License-Identifier: BSD-3-Clause
#include "base/sha256.h"

#include <stdbool.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t K[64] __attribute__((aligned(16))) = { 0x428a2f98, 0x71374491, 0xb5c0fbcf,
	0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1,
	0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351,
	0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb,
	0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
	0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814,
	0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

typedef void sha256_blocks_fn(uint32_t state[8], const uint8_t *data, size_t blocks);

static uint32_t sha256_turned(uint32_t x, unsigned by)
{
	return x >> by | x << (32 - by);
}

static void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	for (; blocks > 0; blocks--, data += 64) {
		uint32_t w[64], v[8];

		for (int i = 0; i < 16; i++) {
			memcpy(&w[i], data + 4 * i, sizeof(w[i]));
			w[i] = __builtin_bswap32(w[i]);
		}
		for (int i = 16; i < 64; i++)
			w[i] = w[i - 16] + w[i - 7] +
				(sha256_turned(w[i - 15], 7) ^ sha256_turned(w[i - 15], 18) ^
					w[i - 15] >> 3) +
				(sha256_turned(w[i - 2], 17) ^ sha256_turned(w[i - 2], 19) ^
					w[i - 2] >> 10);
		memcpy(v, state, sizeof(v));
		for (int i = 0; i < 64; i++) {
			const uint32_t t1 = v[7] + K[i] + w[i] + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
				(sha256_turned(v[4], 6) ^ sha256_turned(v[4], 11) ^
					sha256_turned(v[4], 25));
			const uint32_t t2 = ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])) +
				(sha256_turned(v[0], 2) ^ sha256_turned(v[0], 13) ^
					sha256_turned(v[0], 22));

			memmove(v + 1, v, 7 * sizeof(*v));
			v[4] += t1;
			v[0] = t1 + t2;
		}
		for (int i = 0; i < 8; i++)
			state[i] += v[i];
	}
}

#ifdef __x86_64__
// Intel, "Intel SHA Extensions", 2013: the state is in two vectors, ABEF and CDGH; one instruction does
// two rounds.
__attribute__((target("sha,sse4.1"))) static void sha256_blocks_ni(
	uint32_t state[8], const uint8_t *data, size_t blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
	__m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
	const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
	__m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

	for (; blocks > 0; blocks--, data += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w[4];

		for (int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(
				_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)),
				swap);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) { // four rounds each
			const __m128i k =
				_mm_load_si128((const __m128i *)(const void *)(K + 4 * i));
			__m128i sum = _mm_add_epi32(w[0], k);
			__m128i next;

			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
			next = _mm_add_epi32(
				_mm_sha256msg1_epu32(w[0], w[1]), _mm_alignr_epi8(w[3], w[2], 4));
			next = _mm_sha256msg2_epu32(next, w[3]);
			w[0] = w[1];
			w[1] = w[2];
			w[2] = w[3];
			w[3] = next;
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	dcba = _mm_shuffle_epi32(abef, 0x1b); // FEBA
	hgfe = _mm_shuffle_epi32(cdgh, 0xb1); // DCHG
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(dcba, hgfe, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(hgfe, dcba, 8));
}

static bool sha256_has_ni(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) && // SHA
		__get_cpuid(1, &a, &b, &c, &d) && (c >> 19 & 1);           // SSE4.1
}

static sha256_blocks_fn *sha256_pick(void)
{
	return sha256_has_ni() ? sha256_blocks_ni : sha256_blocks;
}
#else
static sha256_blocks_fn *sha256_pick(void)
{
	return sha256_blocks;
}
#endif

void sha256_begin(struct sha256 *sha)
{
	*sha = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

static void sha256_add_by(
	struct sha256 *sha, const uint8_t *data, size_t bytes, sha256_blocks_fn *blocks)
{
	const size_t held = sha->bytes % sizeof(sha->block);
	size_t first = sizeof(sha->block) - held;

	sha->bytes += bytes;
	if (bytes < first) {
		if (bytes > 0)
			memcpy(sha->block + held, data, bytes);
		return;
	}
	memcpy(sha->block + held, data, first);
	blocks(sha->state, sha->block, 1);
	data += first;
	bytes -= first;
	blocks(sha->state, data, bytes / sizeof(sha->block));
	first = bytes / sizeof(sha->block) * sizeof(sha->block);
	memcpy(sha->block, data + first, bytes - first);
}

static void sha256_end_by(struct sha256 *sha, uint8_t *hash, sha256_blocks_fn *blocks)
{
	static const uint8_t padding[64] = { 0x80 };
	const uint64_t bits = __builtin_bswap64(sha->bytes * 8);
	const size_t held = sha->bytes % sizeof(sha->block);
	uint8_t length[8];

	memcpy(length, &bits, sizeof(length));
	sha256_add_by(sha, padding, (held < 56 ? 56 : 120) - held, blocks);
	sha256_add_by(sha, length, sizeof(length), blocks);
	for (int i = 0; i < 8; i++) {
		const uint32_t word = __builtin_bswap32(sha->state[i]);

		memcpy(hash + 4 * i, &word, sizeof(word));
	}
}

void sha256_add(struct sha256 *sha, const void *data, size_t bytes)
{
	sha256_add_by(sha, data, bytes, sha256_pick());
}

void sha256_end(struct sha256 *sha, uint8_t hash[SHA256_BYTES])
{
	sha256_end_by(sha, hash, sha256_pick());
}

void sha256_of(uint8_t hash[SHA256_BYTES], const void *data, size_t bytes)
{
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add(&sha, data, bytes);
	sha256_end(&sha, hash);
}

void sha256_plain_of(uint8_t hash[SHA256_BYTES], const void *data, size_t bytes)
{
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add_by(&sha, data, bytes, sha256_blocks);
	sha256_end_by(&sha, hash, sha256_blocks);
}
