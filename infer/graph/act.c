// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/act.h"

#include <float.h>
#include <math.h>
#include <tgmath.h>

struct act act_defaults(enum activation kind)
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
	case ACTIVATION_SELU:
		act.alpha = 1.67326319217681884765625f;
		act.beta = 1.05070102214813232421875f;
		break;
	case ACTIVATION_ELU:
	case ACTIVATION_AFFINE:
	case ACTIVATION_THRESHOLDED_RELU:
		act.alpha = 1.0f;
		break;
	case ACTIVATION_SCALED_TANH:
		act.alpha = act.beta = 1.0f;
		break;
	default:
		break;
	}
	return act;
}

static enum activation activation_of_operator(const struct node *node)
{
	switch (node->op) {
	case OP_RELU:
		return ACTIVATION_RELU;
	case OP_LEAKY_RELU:
		return ACTIVATION_LEAKY_RELU;
	case OP_CLIP:
		return ACTIVATION_CLIP;
	case OP_SIGMOID:
		return ACTIVATION_SIGMOID;
	case OP_TANH:
		return ACTIVATION_TANH;
	case OP_HARD_SIGMOID:
		return ACTIVATION_HARD_SIGMOID;
	case OP_ELU:
		return ACTIVATION_ELU;
	case OP_SELU:
		return ACTIVATION_SELU;
	case OP_SOFTPLUS:
		return ACTIVATION_SOFTPLUS;
	case OP_SOFTSIGN:
		return ACTIVATION_SOFTSIGN;
	case OP_GELU:
		return node_int(node, ATTR_APPROXIMATE, 0) ? ACTIVATION_GELU_TANH : ACTIVATION_GELU;
	default:
		return ACTIVATION_NONE;
	}
}

struct act act_of_operator(const struct node *node)
{
	struct act act = act_defaults(activation_of_operator(node));

	if (act.kind == ACTIVATION_CLIP) {
		act.alpha = node_float(node, ATTR_MIN, act.alpha);
		act.beta = node_float(node, ATTR_MAX, act.beta);
	} else if (act.kind != ACTIVATION_NONE) {
		act.alpha = node_float(node, ATTR_ALPHA, act.alpha);
		act.beta = node_float(node, node->op == OP_SELU ? ATTR_GAMMA : ATTR_BETA, act.beta);
	}
	return act;
}

struct act act_of_attributes(const struct node *node)
{
	struct act act =
		act_defaults((enum activation)node_int(node, ATTR_ACTIVATION, ACTIVATION_NONE));

	act.alpha = node_float(node, ATTR_ALPHA, act.alpha);
	act.beta = node_float(node, ATTR_BETA, act.beta);
	return act;
}

enum activation recurrent_activation(enum recurrent kind)
{
	static const enum activation OF[RECURRENT_COUNT] = {
		[RECURRENT_RELU] = ACTIVATION_RELU,
		[RECURRENT_TANH] = ACTIVATION_TANH,
		[RECURRENT_SIGMOID] = ACTIVATION_SIGMOID,
		[RECURRENT_AFFINE] = ACTIVATION_AFFINE,
		[RECURRENT_LEAKY_RELU] = ACTIVATION_LEAKY_RELU,
		[RECURRENT_THRESHOLDED_RELU] = ACTIVATION_THRESHOLDED_RELU,
		[RECURRENT_SCALED_TANH] = ACTIVATION_SCALED_TANH,
		[RECURRENT_HARD_SIGMOID] = ACTIVATION_HARD_SIGMOID,
		[RECURRENT_ELU] = ACTIVATION_ELU,
		[RECURRENT_SOFTSIGN] = ACTIVATION_SOFTSIGN,
		[RECURRENT_SOFTPLUS] = ACTIVATION_SOFTPLUS,
	};

	return OF[kind];
}

struct act act_of_gate(const struct node *node, uint32_t i)
{
	return (struct act){
		.kind = recurrent_activation(
			(enum recurrent)node_attr(node, ATTR_ACTIVATIONS)->ints[i]),
		.alpha = node_attr(node, ATTR_ALPHAS)->floats[i],
		.beta = node_attr(node, ATTR_BETAS)->floats[i],
	};
}

// 0.5 x (1 + tanh(u)) = x * sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3). In double: far left
// of 0 an exponent rounded to float would cost the result most of its digits.
static double gelu_tanh(double x)
{
	return x / (1.0 + exp(-2.0 * M_SQRT1_2 * M_2_SQRTPI * (x + 0.044715 * x * x * x)));
}

#define ACT(name) name##_f32
#define real      float
#include "infer/graph/act_formulas.h"
#undef ACT
#undef real

#define ACT(name) name##_f64
#define real      double
#include "infer/graph/act_formulas.h"
#undef ACT
#undef real
