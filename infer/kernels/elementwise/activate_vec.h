// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/vec/vec_act.h"

#ifdef VEC_WIDTH

VEC_INLINE void activate_loop(
	enum activation kind, const struct act *act, size_t count, const float *x, float *y)
{
	struct vec_act v = vec_act_of(act);
	size_t i = 0;

	for (; count - i >= VEC_WIDTH; i += VEC_WIDTH)
		vec_store(y + i, vec_activate(kind, v, vec_load(x + i)));
	if (i < count) {
		vec_mask mask = vec_first((uint32_t)(count - i));

		vec_store_mask(y + i, mask, vec_activate(kind, v, vec_load_mask(x + i, mask)));
	}
}

void VEC_NAME(f32_activate)(const struct act *act, size_t count, const float *x, float *y)
{
#define BODY(kind) activate_loop(kind, act, count, x, y)
	VEC_ACT_SWITCH(act->kind, BODY)
#undef BODY
}

#endif
