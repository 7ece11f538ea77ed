// SPDX-License-Identifier: BSD-3-Clause
// One row. Every product needs its own weights, so loading them is the limit: they are packed in
// the order in which they are read, 64 columns (4 sums) of a panel at a time. Inputs go to `split`
// sets of accumulators in rotation: an addition takes four cycles, and two can start in each.
#include "infer/graph/act.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_finish.h"

#include <assert.h>

// x [k] times one panel of 16 * vecs columns, of which `columns` exist.
VEC_INLINE void dense_chunk_run(const float *x, const float *w, float *y, uint32_t k,
	uint32_t columns, const struct act *act, const int vecs, const int split)
{
	__m512 sum[8][4];
	const float *end = x + k;

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		sum[0][j] = _mm512_load_ps(w + j * 16);
		VEC_UNROLL
		for (int s = 1; s < split; s++)
			sum[s][j] = _mm512_setzero_ps();
	}
	w += vecs * 16;
	for (; end - x >= split; x += split, w += split * vecs * 16) {
		VEC_UNROLL
		for (int s = 0; s < split; s++) {
			__m512 input = _mm512_set1_ps(x[s]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] = _mm512_fmadd_ps(
					input, _mm512_load_ps(w + (s * vecs + j) * 16), sum[s][j]);
		}
	}
	VEC_UNROLL
	for (int s = 0; s < split - 1; s++) {
		if (x == end)
			break;
		__m512 input = _mm512_set1_ps(*x++);

		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[s][j] = _mm512_fmadd_ps(
				input, _mm512_load_ps(w + (s * vecs + j) * 16), sum[s][j]);
	}
	VEC_UNROLL
	for (int half = split / 2; half > 0; half /= 2) {
		VEC_UNROLL
		for (int s = 0; s < half; s++) {
			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] = _mm512_add_ps(sum[s][j], sum[s + half][j]);
		}
	}
	dense_store(act, y, sum[0], vecs, columns);
	dense_finish(act, 1, columns, y, columns);
}
// Not inlined: in one function, the compiler would hoist what all four share and spill it.
typedef void chunk_fn(const float *x, const float *w, float *y, uint32_t k, uint32_t columns,
	const struct act *act);
#define CHUNK(vecs, split)                                                                         \
	static __attribute__((noinline)) void chunk_##vecs(const float *x, const float *w,         \
		float *y, uint32_t k, uint32_t columns, const struct act *act)                     \
	{                                                                                          \
		dense_chunk_run(x, w, y, k, columns, act, vecs, split);                            \
	}
CHUNK(1, 8)
CHUNK(2, 4)
CHUNK(3, 4)
CHUNK(4, 2)
static chunk_fn *const CHUNKS[] = { chunk_1, chunk_2, chunk_3, chunk_4 };

void f32_dense_1x64__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct act *act = &dense->act;
	const uint32_t k = dense->k;

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	if (m == 1 && dense->n <= 64) { // the shortest path, for the smallest layers
		CHUNKS[(dense->n - 1) / 16](x, dense->packed, y, k, dense->n, act);
		return;
	}
	for (; m > 0; m--, x += ldx, y += ldy) {
		const float *w = dense->packed;
		uint32_t column = 0;

		for (; dense->n - column > 64; column += 64, w += ((size_t)k + 1) * 64)
			chunk_4(x, w, y + column, k, 64, act);
		CHUNKS[(dense->n - column - 1) / 16](x, w, y + column, k, dense->n - column, act);
	}
}
