// SPDX-License-Identifier: BSD-3-Clause
// The epilogue of a tile: its sums become activations. None, Relu and Clip are bounds, applied in
// registers before the store. The others go once more over what was just stored, while it is in the
// first-level cache: their arithmetic costs many times as much as that pass.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/vec/vec_act.h"

#ifdef VEC_WIDTH

// Stores one row: `vecs` vectors, of which `columns` values exist. Only the last vector may be
// partial.
VEC_INLINE void dense_store(
	const struct act *act, float *y, vec *sums, const int vecs, uint32_t columns)
{
	uint32_t last = columns - (uint32_t)(vecs - 1) * VEC_WIDTH;

	if (act->kind == ACTIVATION_RELU) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sums[j] = vec_max(vec_set1(0.0f), sums[j]);
	} else if (act->kind == ACTIVATION_CLIP) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sums[j] = vec_min(
				vec_set1(act->beta), vec_max(vec_set1(act->alpha), sums[j]));
	}
	VEC_UNROLL
	for (int j = 0; j < vecs - 1; j++)
		vec_store(y + j * VEC_WIDTH, sums[j]);
	if (last == VEC_WIDTH)
		vec_store(y + (vecs - 1) * VEC_WIDTH, sums[vecs - 1]);
	else
		vec_store_mask(y + (vecs - 1) * VEC_WIDTH, vec_first(last), sums[vecs - 1]);
}

// The activations that dense_store() did not apply, over rows x columns.
VEC_INLINE void dense_finish(
	const struct act *act, int rows, uint32_t columns, float *y, size_t ldy)
{
	if (__builtin_expect(act->kind == ACTIVATION_NONE || act->kind == ACTIVATION_RELU ||
			    act->kind == ACTIVATION_CLIP,
		    1))
		return;
	for (int i = 0; i < rows; i++)
		VEC_NAME(f32_activate)(act, columns, y + (size_t)i * ldy, y + (size_t)i * ldy);
}

#endif
