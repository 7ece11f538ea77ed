// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/vec/vec_act.h"
#include "tests/kernels/math_probe.h"

#ifdef VEC_WIDTH

void VEC_NAME(math_probe)(enum math_function function, size_t count, const float *x, float *y)
{
	for (size_t i = 0; i < count; i += VEC_WIDTH) {
		vec_mask mask =
			vec_first((uint32_t)(count - i < VEC_WIDTH ? count - i : VEC_WIDTH));
		vec v = vec_load_mask(x + i, mask);

		switch (function) {
#define X(name)                                                                                    \
	case MATH_##name:                                                                          \
		v = vec_##name(v);                                                                 \
		break;
			MATH_LIST(X)
#undef X
		default:
			break;
		}
		vec_store_mask(y + i, mask, v);
	}
}

#endif
