// SPDX-License-Identifier: BSD-3-Clause
// The formulas of activations, for act.c alone, which includes this once for each precision: `real`
// is float or double, ACT(name) the name of that precision's function. <tgmath.h> picks libm's
// function by the operand.
#ifdef ACT

// Both hand a NaN in x on, unlike fmin and fmax.
static real ACT(at_least)(real x, real low)
{
	return x < low ? low : x;
}

static real ACT(at_most)(real x, real high)
{
	return x > high ? high : x;
}

// By exp(-|x|), which does not overflow: far left of 0 the result is small and not 0.
static real ACT(sigmoid)(real x)
{
	const real e = exp(-fabs(x));

	return (x < 0 ? e : 1) / (1 + e);
}

real ACT(act)(const struct act *act, real x)
{
	const real alpha = act->alpha, beta = act->beta;

	switch (act->kind) {
	case ACTIVATION_RELU:
		return ACT(at_least)(x, 0);
	case ACTIVATION_LEAKY_RELU:
		return x < 0 ? alpha * x : x;
	case ACTIVATION_CLIP:
		return ACT(at_most)(ACT(at_least)(x, alpha), beta);
	case ACTIVATION_SIGMOID:
		return ACT(sigmoid)(x);
	case ACTIVATION_TANH:
		return tanh(x);
	case ACTIVATION_HARD_SIGMOID:
		return ACT(at_most)(ACT(at_least)(alpha * x + beta, 0), 1);
	case ACTIVATION_ELU:
		return x < 0 ? alpha * expm1(x) : x;
	case ACTIVATION_SELU:
		return beta * (x < 0 ? alpha * expm1(x) : x);
	case ACTIVATION_SOFTPLUS: // log(1 + exp(x)) without overflow
		return ACT(at_least)(x, 0) + log1p(exp(-fabs(x)));
	case ACTIVATION_SOFTSIGN:
		return x / (1 + fabs(x));
	case ACTIVATION_GELU: // x * Phi(x); erfc and double keep the digits far left of 0
		return (real)(x * 0.5 * erfc(x * -M_SQRT1_2));
	case ACTIVATION_GELU_TANH:
		return (real)gelu_tanh(x);
	case ACTIVATION_AFFINE:
		return alpha * x + beta;
	case ACTIVATION_THRESHOLDED_RELU:
		return x < alpha ? 0 : x;
	case ACTIVATION_SCALED_TANH:
		return alpha * tanh(beta * x);
	default:
		return x;
	}
}

#endif
