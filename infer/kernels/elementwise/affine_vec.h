// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/elementwise/affine.h"
#include "infer/kernels/vec/vec_act.h"

#ifdef VEC_WIDTH

VEC_INLINE void affine_rows(
	enum activation kind, const struct affine *affine, uint32_t m, const float *x, float *y)
{
	const struct vec_act act = vec_act_of(&affine->act);
	const uint32_t columns = affine->columns, whole = columns - columns % VEC_WIDTH;
	const vec_mask rest = vec_first(columns - whole);

	for (uint32_t row = 0; row < m; row++, x += columns, y += columns) {
		for (uint32_t c = 0; c < whole; c += VEC_WIDTH) {
			vec v = vec_fma(vec_load(x + c), vec_load(affine->scale + c),
				vec_load(affine->shift + c));

			vec_store(y + c, vec_activate(kind, act, v));
		}
		if (whole < columns) {
			vec v = vec_fma(vec_load_mask(x + whole, rest),
				vec_load_mask(affine->scale + whole, rest),
				vec_load_mask(affine->shift + whole, rest));

			vec_store_mask(y + whole, rest, vec_activate(kind, act, v));
		}
	}
}

void VEC_NAME(f32_affine)(const struct affine *affine, uint32_t m, const float *x, float *y)
{
#define BODY(kind) affine_rows(kind, affine, m, x, y)
	VEC_ACT_SWITCH(affine->act.kind, BODY)
#undef BODY
}

#endif
