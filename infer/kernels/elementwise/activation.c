// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/activation.h"

#include <float.h>
#include <math.h>

struct act activation_defaults(enum activation kind)
{
	struct act act = { .kind = kind };

	switch (kind) {
	case ACTIVATION_LEAKY_RELU:
		act.alpha = 0.01f;
		break;
	case ACTIVATION_CLIP:
		act.alpha = -FLT_MAX;
		act.beta = FLT_MAX;
		break;
	case ACTIVATION_HARD_SIGMOID:
		act.alpha = 0.2f;
		act.beta = 0.5f;
		break;
	case ACTIVATION_ELU:
		act.alpha = 1.0f;
		break;
	case ACTIVATION_SELU:
		act.alpha = 1.67326319217681884765625f;
		act.beta = 1.05070102214813232421875f;
		break;
	default:
		break;
	}
	return act;
}

// Both hand a NaN in x on, unlike fminf and fmaxf.
static float at_least(float x, float low)
{
	return x < low ? low : x;
}

static float at_most(float x, float high)
{
	return x > high ? high : x;
}

// 0.5 x (1 + tanh(u)) = x * sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3). In double: an
// exponent rounded to f32 would cost the left tail its digits.
static float gelu_tanh(double x)
{
	return (float)(x / (1.0 + exp(-2.0 * M_SQRT1_2 * M_2_SQRTPI * (x + 0.044715 * x * x * x))));
}

float activation_scalar(const struct act *act, float x)
{
	switch (act->kind) {
	case ACTIVATION_RELU:
		return at_least(x, 0.0f);
	case ACTIVATION_LEAKY_RELU:
		return x < 0.0f ? act->alpha * x : x;
	case ACTIVATION_CLIP:
		return at_most(at_least(x, act->alpha), act->beta);
	case ACTIVATION_SIGMOID:
		return 1.0f / (1.0f + expf(-x));
	case ACTIVATION_TANH:
		return tanhf(x);
	case ACTIVATION_HARD_SIGMOID:
		return at_most(at_least(act->alpha * x + act->beta, 0.0f), 1.0f);
	case ACTIVATION_ELU:
		return x < 0.0f ? act->alpha * expm1f(x) : x;
	case ACTIVATION_SELU:
		return act->beta * (x < 0.0f ? act->alpha * expm1f(x) : x);
	case ACTIVATION_SOFTPLUS: // log(1 + exp(x)) without overflow
		return at_least(x, 0.0f) + log1pf(expf(-fabsf(x)));
	case ACTIVATION_SOFTSIGN:
		return x / (1.0f + fabsf(x));
	case ACTIVATION_GELU: // x * Phi(x); erfc and double keep the left tail's digits
		return (float)(x * 0.5 * erfc(x * -M_SQRT1_2));
	case ACTIVATION_GELU_TANH:
		return gelu_tanh(x);
	default:
		return x;
	}
}
