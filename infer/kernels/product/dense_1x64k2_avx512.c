// SPDX-License-Identifier: BSD-3-Clause
// One row. Every product needs its own weights, so loading them is the limit: they are packed in
// the order in which they are read, 64 columns (8 vectors of pairs) of a panel at a time, and pairs
// need half the broadcasts. Where there are few sums, inputs go to `split` sets of accumulators in
// rotation: an addition takes four cycles, and two can start in each.
#include "infer/graph/act.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_pairs_avx512.h"

#include <assert.h>

VEC_INLINE void dense_pairs_multiply(__m512 *sum, __m512 input, const float *w, const int vecs)
{
	VEC_UNROLL
	for (int j = 0; j < vecs; j++)
		sum[j] = _mm512_fmadd_ps(input, _mm512_load_ps(w + j * 16), sum[j]);
}

// x [k] times one panel of `vecs` vectors, of which `columns` columns exist.
VEC_INLINE void dense_pairs_chunk_run(const float *x, const float *w, float *y, uint32_t k,
	uint32_t columns, const struct act *act, const int vecs, const int split)
{
	const float *end = x + (k & ~1u);
	__m512 sum[4][8];

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		sum[0][j] = _mm512_load_ps(w + j * 16);
		VEC_UNROLL
		for (int s = 1; s < split; s++)
			sum[s][j] = _mm512_setzero_ps();
	}
	w += vecs * 16;
	for (; end - x >= 2 * split; x += 2 * split, w += split * vecs * 16) {
		VEC_UNROLL
		for (int s = 0; s < split; s++)
			dense_pairs_multiply(
				sum[s], dense_pair_broadcast(x + 2 * s), w + s * vecs * 16, vecs);
	}
	VEC_UNROLL
	for (int s = 0; s < split - 1; s++) {
		if (x == end)
			break;
		dense_pairs_multiply(sum[s], dense_pair_broadcast(x), w, vecs);
		x += 2;
		w += vecs * 16;
	}
	if (k % 2)
		dense_pairs_multiply(sum[split - 1], dense_single_broadcast(x), w, vecs);
	VEC_UNROLL
	for (int half = split / 2; half > 0; half /= 2) {
		VEC_UNROLL
		for (int s = 0; s < half; s++) {
			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] = _mm512_add_ps(sum[s][j], sum[s + half][j]);
		}
	}
	dense_pairs_store(act, y, sum[0], vecs, columns);
	dense_finish(act, 1, columns, y, columns);
}

// Not inlined: in one function, the compiler would hoist what all share and spill it.
typedef void chunk_fn(const float *x, const float *w, float *y, uint32_t k, uint32_t columns,
	const struct act *act);
#define CHUNK(vecs, split)                                                                         \
	static __attribute__((noinline)) void chunk_##vecs(const float *x, const float *w,         \
		float *y, uint32_t k, uint32_t columns, const struct act *act)                     \
	{                                                                                          \
		dense_pairs_chunk_run(x, w, y, k, columns, act, vecs, split);                      \
	}
CHUNK(1, 4)
CHUNK(2, 4)
CHUNK(4, 2)
CHUNK(6, 2)
CHUNK(8, 2)
static chunk_fn *const CHUNKS[] = { chunk_1, chunk_2, chunk_4, chunk_6, chunk_8 };

void f32_dense_1x64k2__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct act *act = &dense->act;
	const uint32_t k = dense->k, n = dense->n, last = (n - 1) % 64 + 1; // columns of a panel
	const size_t panel_floats = (((size_t)k + 1) / 2 + 1) * 128;
	chunk_fn *const last_chunk = CHUNKS[last <= 8 ? 0 : (last + 15) / 16];

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	if (m == 1 && n <= 64) { // the shortest path, for the smallest layers
		last_chunk(x, dense->packed, y, k, n, act);
		return;
	}
	for (; m > 0; m--, x += ldx, y += ldy) {
		const float *w = dense->packed;
		uint32_t column = 0;

		for (; column < n - last; column += 64, w += panel_floats)
			chunk_8(x, w, y + column, k, 64, act);
		last_chunk(x, w, y + column, k, last, act);
	}
}
