// SPDX-License-Identifier: BSD-3-Clause
// Operators of com.microsoft that ONNX Runtime's optimiser writes for two or three of ai.onnx.
// Formulas: ONNX Runtime's docs/ContribOperators.md and its CPU kernels.
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <math.h>
#include <string.h>

// Activations by name, and what their parameters are called here, in the order of FusedConv's
// activation_params.
struct fused_activation {
	const char *name;
	enum op op;
	uint32_t n;
	enum attr_key keys[2];
	float otherwise[2];
};

static const struct fused_activation ACTIVATIONS[] = {
	{ "Relu", OP_RELU, 0, { 0 }, { 0 } },
	{ "Sigmoid", OP_SIGMOID, 0, { 0 }, { 0 } },
	{ "Tanh", OP_TANH, 0, { 0 }, { 0 } },
	{ "Softplus", OP_SOFTPLUS, 0, { 0 }, { 0 } },
	{ "Softsign", OP_SOFTSIGN, 0, { 0 }, { 0 } },
	{ "LeakyRelu", OP_LEAKY_RELU, 1, { ATTR_ALPHA }, { 0.01f } },
	{ "Elu", OP_ELU, 1, { ATTR_ALPHA }, { 1 } },
	{ "HardSigmoid", OP_HARD_SIGMOID, 2, { ATTR_ALPHA, ATTR_BETA }, { 0.2f, 0.5f } },
	{ "Clip", OP_CLIP, 2, { ATTR_MIN, ATTR_MAX }, { -INFINITY, INFINITY } },
};

// x under the activation that the attribute names: as it is where there is none.
static uint32_t fused_activate(struct onnx *onnx, const struct onnx_node *node, uint32_t x,
	size_t n_params, const float *params)
{
	const char *name;

	if (x == GRAPH_NONE || onnx_string(onnx, node, "activation", "", &name))
		return GRAPH_NONE;
	if (!*name)
		return x;
	for (size_t i = 0; i < sizeof(ACTIVATIONS) / sizeof(*ACTIVATIONS); i++) {
		const struct fused_activation *a = &ACTIVATIONS[i];

		if (strcmp(a->name, name) != 0)
			continue;
		const struct attr attrs[] = { ONNX_FLOAT(a->keys[0],
						      n_params > 0 ? params[0] : a->otherwise[0]),
			ONNX_FLOAT(a->keys[1], n_params > 1 ? params[1] : a->otherwise[1]) };

		return onnx_emit(onnx, node, a->op, 1, &x, a->n, attrs);
	}
	onnx_refuse(onnx, node, -ENOTSUP, "activation '%.40s' is not supported", name);
	return GRAPH_NONE;
}

// The same where the parameters are attributes of their own: as many as are there.
static uint32_t fused_activate_by_attributes(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	static const char *const NAMES[] = { "activation_alpha", "activation_beta" };
	const Onnx__AttributeProto *attr;
	float params[2];
	size_t n = 0;

	for (; n < 2; n++) {
		if (onnx_attr(onnx, node, NAMES[n], ONNX_ATTRIBUTE(FLOAT), &attr))
			return GRAPH_NONE;
		if (!attr)
			break;
		params[n] = attr->f;
	}
	return fused_activate(onnx, node, x, n, params);
}

static uint32_t fused_sum(struct onnx *onnx, const struct onnx_node *node, uint32_t i)
{
	return onnx_is_given(node, i)
		? onnx_emit_pair(onnx, node, OP_ADD, node->inputs[0], node->inputs[i])
		: node->inputs[0];
}

// Gelu(x), BiasGelu(x + b): by erf.
static int import_gelu(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_output(
		onnx, node, 0, onnx_emit_one(onnx, node, OP_GELU, fused_sum(onnx, node, 1)));
}

// By tanh, of x or x + bias.
static int import_fast_gelu(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr attr = ONNX_INT(ATTR_APPROXIMATE, 1);
	const uint32_t x = fused_sum(onnx, node, 1);

	return onnx_output(onnx, node, 0, onnx_emit(onnx, node, OP_GELU, 1, &x, 1, &attr));
}

// x * sigmoid(alpha * x)
static int import_quick_gelu(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made;
	float alpha;

	if (onnx_float(onnx, node, "alpha", 1.702f, &alpha))
		return onnx_refused(onnx);
	made = onnx_emit_with(onnx, node, OP_MUL, node->inputs[0], alpha);
	made = onnx_emit_one(onnx, node, OP_SIGMOID, made);
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_MUL, node->inputs[0], made));
}

// x + bias + skip
static int import_bias_add(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_output(onnx, node, 0,
		onnx_emit_pair(onnx, node, OP_ADD, fused_sum(onnx, node, 1), node->inputs[2]));
}

// An operand [..., M, K]. `batch`: its first dimension stands where the last but one does; `turned`:
// its last two are the other way round.
static uint32_t fused_operand(
	struct onnx *onnx, const struct onnx_node *node, uint32_t i, bool turned, bool batch)
{
	const uint32_t rank = onnx_input(onnx, node, i)->rank;
	int64_t perm[GRAPH_RANK_MAX];

	if (rank < 2 || !(turned || batch))
		return node->inputs[i];
	for (uint32_t d = 0; d < rank; d++)
		perm[d] = d;
	for (uint32_t d = 0; batch && d + 1 < rank; d++)
		perm[d] = d + 2 == rank ? 0 : d + 1;
	if (turned) {
		const int64_t last = perm[rank - 1];

		perm[rank - 1] = perm[rank - 2];
		perm[rank - 2] = last;
	}
	return onnx_emit_transpose(onnx, node, node->inputs[i], perm);
}

// alpha * A * B, and an activation of it. TransposeMatMul is its older name.
static int import_fused_matmul(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t trans[2], batch[2];
	uint32_t a, b, made;
	float alpha;

	if (onnx_as_floats(onnx, node) || onnx_float(onnx, node, "alpha", 1, &alpha) ||
		onnx_int(onnx, node, "transA", 0, &trans[0]) ||
		onnx_int(onnx, node, "transB", 0, &trans[1]) ||
		onnx_int(onnx, node, "transBatchA", 0, &batch[0]) ||
		onnx_int(onnx, node, "transBatchB", 0, &batch[1]))
		return onnx_refused(onnx);
	a = fused_operand(onnx, node, 0, trans[0] != 0, batch[0] != 0);
	b = fused_operand(onnx, node, 1, trans[1] != 0, batch[1] != 0);
	if (a == GRAPH_NONE || b == GRAPH_NONE)
		return onnx_refused(onnx);
	made = onnx_emit_pair(onnx, node, OP_MATMUL, a, b);
	if (alpha != 1)
		made = onnx_emit_with(onnx, node, OP_MUL, made, alpha);
	return onnx_output(onnx, node, 0, fused_activate_by_attributes(onnx, node, made));
}

static int import_fused_gemm(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t made = onnx_as_operator(onnx, node, "Gemm", node->n_inputs, node->inputs);

	return onnx_output(onnx, node, 0, fused_activate_by_attributes(onnx, node, made));
}

// activation(Conv(X, W, B) + Z)
static int import_fused_conv(struct onnx *onnx, const struct onnx_node *node)
{
	const float *params;
	size_t n_params;
	uint32_t made;

	if (onnx_floats(onnx, node, "activation_params", &n_params, &params))
		return onnx_refused(onnx);
	made = onnx_as_operator(
		onnx, node, "Conv", node->n_inputs < 3 ? node->n_inputs : 3, node->inputs);
	if (onnx_is_given(node, 3))
		made = onnx_emit_pair(onnx, node, OP_ADD, made, node->inputs[3]);
	return onnx_output(onnx, node, 0, fused_activate(onnx, node, made, n_params, params));
}

const struct onnx_operator ONNX_MICROSOFT_FUSED[] = {
	{ "Gelu", 1, 1, .import = import_gelu },
	{ "BiasGelu", 2, 2, .import = import_gelu },
	{ "FastGelu", 1, 2, .import = import_fast_gelu },
	{ "QuickGelu", 1, 1, .import = import_quick_gelu },
	{ "BiasAdd", 3, 3, .import = import_bias_add },
	{ "FusedMatMul", 2, 2, .import = import_fused_matmul },
	{ "FusedMatMulActivation", 2, 2, .import = import_fused_matmul },
	{ "TransposeMatMul", 2, 2, .import = import_fused_matmul },
	{ "FusedGemm", 2, 3, .import = import_fused_gemm },
	{ "FusedConv", 2, 4, .import = import_fused_conv },
	{ .type = NULL },
};
