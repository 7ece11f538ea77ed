// SPDX-License-Identifier: BSD-3-Clause
// 5 rows x 32 columns, or 10 x 16, by vdpbf16ps: two products for each of 16 columns.
#include "infer/kernels/vec/vec.h"

#define BF16_INPUT uint16_t

struct bf16_weights {
	__m512i pairs;
};

VEC_INLINE void bf16_round(const float *x, uint32_t n, uint16_t *to)
{
	const __m512 v = n == VEC_WIDTH ? vec_load(x) : vec_load_mask(x, vec_first(n));
	const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(v);

	_mm256_mask_storeu_epi16(to, vec_first((n + 3) & ~3u), rounded);
}

VEC_INLINE struct bf16_weights bf16_load(const char *w)
{
	return (struct bf16_weights){ _mm512_loadu_si512(w) };
}

// The intrinsic, but gcc 12 copies its sums about and spills them where it is one.
VEC_INLINE vec bf16_multiply(vec sum, const uint16_t *x, struct bf16_weights w)
{
	int pair;

	__builtin_memcpy(&pair, x, sizeof(pair));
	__asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w.pairs), "v"(_mm512_set1_epi32(pair)));
	return sum;
}

#include "infer/kernels/product/bf16_dense_tiles_avx512.h"
#include "infer/kernels/product/dense.h"

void bf16_dense_5x32__avx512bf16(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch)
{
	bf16_dense_run(dense, TILES, m, x, y, scratch);
}
