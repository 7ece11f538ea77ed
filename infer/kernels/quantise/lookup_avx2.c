// SPDX-License-Identifier: BSD-3-Clause
// 32 bytes at a time. A shuffle reads 16 of the table's values by the low four bits of an index, and gives 0 where the
// index is negative. Each half of the table is eight such parts: the index goes down by 16 from one to the next, and
// a part holds by which bits its values differ from those of the part before, so that the exclusive or of all parts
// up to where the index gets negative is the value. Negative indices stay so, as the subtraction saturates.
#include "infer/kernels/quantise/lookup.h"

#include <immintrin.h>
#include <string.h>

#define PARTS      16
#define HALF_PARTS 8

static inline void lookup_parts(const uint8_t *table, __m256i parts[PARTS])
{
	for (uint32_t p = 0; p < PARTS; p++) {
		const __m128i *from = (const __m128i *)(const void *)(table + 16ul * p);
		__m128i part = _mm_loadu_si128(from);

		if (p % HALF_PARTS != 0)
			part = _mm_xor_si128(part, _mm_loadu_si128(from - 1));
		parts[p] = _mm256_broadcastsi128_si256(part);
	}
}

static inline __m256i lookup_32(const __m256i parts[PARTS], __m256i low)
{
	const __m256i step = _mm256_set1_epi8(16);
	__m256i high = _mm256_xor_si256(low, _mm256_set1_epi8((char)0x80));
	__m256i y = _mm256_setzero_si256();

	for (uint32_t p = 0; p < HALF_PARTS; p++) {
		y = _mm256_xor_si256(y, _mm256_shuffle_epi8(parts[p], low));
		y = _mm256_xor_si256(y, _mm256_shuffle_epi8(parts[HALF_PARTS + p], high));
		low = _mm256_subs_epi8(low, step);
		high = _mm256_subs_epi8(high, step);
	}
	return y;
}

void q8_lookup__avx2(const uint8_t *table, size_t count, const uint8_t *x, uint8_t *y)
{
	__m256i parts[PARTS];
	uint8_t rest[32] = { 0 };

	lookup_parts(table, parts);
	for (; count >= 32; count -= 32, x += 32, y += 32)
		_mm256_storeu_si256((__m256i *)(void *)y,
			lookup_32(parts, _mm256_loadu_si256((const __m256i *)(const void *)x)));
	if (count == 0)
		return;
	memcpy(rest, x, count);
	_mm256_storeu_si256((__m256i *)(void *)rest,
		lookup_32(parts, _mm256_loadu_si256((const __m256i *)(const void *)rest)));
	memcpy(y, rest, count);
}
