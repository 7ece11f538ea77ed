// SPDX-License-Identifier: BSD-3-Clause
// Activations of vectors, by the formulas of graph/act_formulas.h. `kind` should be a constant, so
// that the switch over it disappears: VEC_ACT_SWITCH() makes one loop for each activation.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/vec/vec_math.h"

#ifdef VEC_WIDTH

// An activation with its attributes spread over vectors.
struct vec_act {
	vec alpha, beta;
};

VEC_INLINE struct vec_act vec_act_of(const struct act *act)
{
	return (struct vec_act){ vec_set1(act->alpha), vec_set1(act->beta) };
}

VEC_INLINE vec vec_elu(vec x, vec alpha)
{
	// For x above 0 the exponential of 0 does: its own is not used and might overflow.
	vec e = vec_expm1(vec_min(vec_set1(0.0f), x));

	return vec_pick(vec_less(x, vec_set1(0.0f)), vec_mul(alpha, e), x);
}

VEC_INLINE vec vec_softplus(vec x)
{
	const vec zero = vec_set1(0.0f);
	vec e = vec_exp(vec_sub(zero, vec_abs(x)));

	return vec_add(vec_max(zero, x), vec_log1p_unit(e));
}

VEC_INLINE vec vec_gelu_tanh(vec x)
{
	vec cube = vec_mul(vec_mul(vec_mul(vec_set1(0.044715f), x), x), x);

	return vec_mul(x, vec_sigmoid(vec_mul(vec_set1(1.59576912f), vec_add(x, cube))));
}

VEC_INLINE vec vec_activate(enum activation kind, struct vec_act act, vec x)
{
	const vec zero = vec_set1(0.0f), one = vec_set1(1.0f);

	switch (kind) {
	case ACTIVATION_RELU:
		return vec_max(zero, x);
	case ACTIVATION_LEAKY_RELU:
		return vec_pick(vec_less(x, zero), vec_mul(act.alpha, x), x);
	case ACTIVATION_CLIP:
		return vec_min(act.beta, vec_max(act.alpha, x));
	case ACTIVATION_SIGMOID:
		return vec_sigmoid(x);
	case ACTIVATION_TANH:
		return vec_tanh(x);
	case ACTIVATION_HARD_SIGMOID:
		return vec_min(one, vec_max(zero, vec_fma(act.alpha, x, act.beta)));
	case ACTIVATION_ELU:
		return vec_elu(x, act.alpha);
	case ACTIVATION_SELU:
		return vec_mul(act.beta, vec_elu(x, act.alpha));
	case ACTIVATION_SOFTPLUS:
		return vec_softplus(x);
	case ACTIVATION_SOFTSIGN:
		return vec_div(x, vec_add(one, vec_abs(x)));
	case ACTIVATION_GELU:
		return vec_gelu(x);
	case ACTIVATION_GELU_TANH:
		return vec_gelu_tanh(x);
	default:
		return x;
	}
}

// Calls BODY(kind) with each activation as a constant where `act_kind` is that one.
#define VEC_ACT_CASE(kind, BODY)                                                                   \
	case kind:                                                                                 \
		BODY(kind);                                                                        \
		break;
#define VEC_ACT_SWITCH(act_kind, BODY)                                                             \
	switch (act_kind) {                                                                        \
		VEC_ACT_CASE(ACTIVATION_RELU, BODY)                                                \
		VEC_ACT_CASE(ACTIVATION_LEAKY_RELU, BODY)                                          \
		VEC_ACT_CASE(ACTIVATION_CLIP, BODY)                                                \
		VEC_ACT_CASE(ACTIVATION_SIGMOID, BODY)                                             \
		VEC_ACT_CASE(ACTIVATION_TANH, BODY)                                                \
		VEC_ACT_CASE(ACTIVATION_HARD_SIGMOID, BODY)                                        \
		VEC_ACT_CASE(ACTIVATION_ELU, BODY)                                                 \
		VEC_ACT_CASE(ACTIVATION_SELU, BODY)                                                \
		VEC_ACT_CASE(ACTIVATION_SOFTPLUS, BODY)                                            \
		VEC_ACT_CASE(ACTIVATION_SOFTSIGN, BODY)                                            \
		VEC_ACT_CASE(ACTIVATION_GELU, BODY)                                                \
		VEC_ACT_CASE(ACTIVATION_GELU_TANH, BODY)                                           \
	default:                                                                                   \
		BODY(ACTIVATION_NONE);                                                             \
		break;                                                                             \
	}

#endif
