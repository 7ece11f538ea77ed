// SPDX-License-Identifier: BSD-3-Clause
// What the kernels over pairs of weights (dense_pack.c: panel16k2, panel64k2) share: one 64-bit
// broadcast brings two inputs of a row to 8 columns' pairs. That halves the broadcasts, gives two
// sums a column, which hides the latency of the additions, and lets up to 8 columns fill a whole
// vector.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/product/dense_finish.h"

#ifdef __AVX512F__

typedef double pair __attribute__((may_alias, aligned(4)));

VEC_INLINE __m512 dense_pair_broadcast(const float *x)
{
	return _mm512_castpd_ps(_mm512_set1_pd(*(const pair *)(const void *)x));
}

// The last input where k is odd: the pair's other half must be 0, not what follows in memory.
VEC_INLINE __m512 dense_single_broadcast(const float *x)
{
	return _mm512_castpd_ps(_mm512_broadcastsd_pd(_mm_castps_pd(_mm_load_ss(x))));
}

// 16 sums in order from a panel's two vectors.
VEC_INLINE __m512 dense_pairs_add(__m512 a, __m512 b)
{
	return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

// 8 sums in order, in the lower half, from one vector.
VEC_INLINE __m512 dense_pairs_add_half(__m512 a)
{
	const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);

	a = _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1));
	return _mm512_permutexvar_ps(even, a);
}

// `vecs` vectors of pair sums to one row of y: one vector has up to 8 columns, two have 16.
VEC_INLINE void dense_pairs_store(
	const struct act *act, float *y, __m512 *sums, const int vecs, uint32_t columns)
{
	__m512 whole[4];

	if (vecs == 1) {
		whole[0] = dense_pairs_add_half(sums[0]);
		dense_store(act, y, whole, 1, columns);
		return;
	}
	VEC_UNROLL
	for (int j = 0; j < vecs / 2; j++)
		whole[j] = dense_pairs_add(sums[2 * j], sums[2 * j + 1]);
	dense_store(act, y, whole, vecs / 2, columns);
}

#endif
