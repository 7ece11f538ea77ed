// SPDX-License-Identifier: BSD-3-Clause
// The functions of vec_math.h and vec_act.h over arrays, one entry for each instruction set: they
// are inlined where they are used and so have no names of their own to test.
#pragma once

#include <stddef.h>

#define MATH_LIST(X)                                                                               \
	X(exp)                                                                                     \
	X(exp_flushed)                                                                             \
	X(expm1)                                                                                   \
	X(log)                                                                                     \
	X(log1p_unit)                                                                              \
	X(sigmoid)                                                                                 \
	X(tanh)                                                                                    \
	X(softplus)                                                                                \
	X(erf)                                                                                     \
	X(gelu)                                                                                    \
	X(gelu_tanh)

#define X(function) MATH_##function,
enum math_function { MATH_LIST(X) MATH_COUNT };
#undef X

// y[i] = function(x[i]).
void math_probe__avx2(enum math_function function, size_t count, const float *x, float *y);
void math_probe__avx512(enum math_function function, size_t count, const float *x, float *y);
void math_probe__neon(enum math_function function, size_t count, const float *x, float *y);
