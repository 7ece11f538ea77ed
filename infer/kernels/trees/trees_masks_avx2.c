// SPDX-License-Identifier: BSD-3-Clause
#define MASKS_SIGN 0x80 // bytes are compared as signed: ranks are stored with the sign bit flipped
#include "infer/kernels/trees/trees_masks_32.h"

#include <immintrin.h>

#define GROUPS 4 // of 8 floats

static inline void masks_count(
	const float *x, const float *thresholds, uint32_t count, int32_t counts[ROWS])
{
	__m256i n[GROUPS];

	for (int g = 0; g < GROUPS; g++)
		n[g] = _mm256_setzero_si256();
	for (uint32_t i = 0; i < count; i++) {
		const __m256 threshold = _mm256_broadcast_ss(&thresholds[i]);

#pragma GCC unroll 4
		for (int g = 0; g < GROUPS; g++)
			n[g] = _mm256_sub_epi32(n[g],
				_mm256_castps_si256(_mm256_cmp_ps(
					_mm256_loadu_ps(x + 8 * g), threshold, _CMP_GE_OQ)));
	}
	for (int g = 0; g < GROUPS; g++)
		_mm256_storeu_si256((__m256i *)(counts + 8 * g), n[g]);
}

static inline uint32_t masks_below(const uint8_t *ranks, uint32_t below)
{
	const __m256i bytes = _mm256_set1_epi32((int)(below ^ 0x80808080u));

	return (uint32_t)_mm256_movemask_epi8(
		_mm256_cmpgt_epi8(bytes, _mm256_load_si256((const __m256i *)ranks)));
}

// A byte of `value` for each bit of `rows`.
static inline __m256i masks_spread(uint32_t rows, char value)
{
	const __m256i which = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2,
		2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201ull);
	const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)rows), which);

	return _mm256_and_si256(
		_mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit), _mm256_set1_epi8(value));
}

static inline void masks_leaves(const uint32_t *bits, uint32_t n_leaves, uint8_t leaves[ROWS])
{
	__m256i leaf = _mm256_setzero_si256();

	for (uint32_t b = 0; (1u << b) < n_leaves; b++)
		leaf = _mm256_or_si256(leaf, masks_spread(bits[b], (char)(1 << b)));
	_mm256_store_si256((__m256i *)leaves, leaf);
}

void u8_trees_32__avx2(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	masks_run(packed, m, x, ldx, y, ldy);
}
