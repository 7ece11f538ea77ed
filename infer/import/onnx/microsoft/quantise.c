// SPDX-License-Identifier: BSD-3-Clause
// com.microsoft's operators on quantised tensors: what they stand for between DequantizeLinear and
// QuantizeLinear, as ONNX Runtime's CPU kernels compute it, in floats. The passes make products of
// them run in 8 bits again.
#include "infer/import/onnx/microsoft/quantise.h"
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <string.h>

// (q - zero) * scale of the inputs q, scale, zero; the zero point may be left out.
static uint32_t quantised_floats(struct onnx *onnx, const struct onnx_node *node, uint32_t q,
	uint32_t scale, uint32_t zero, int64_t axis)
{
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	const uint32_t inputs[3] = { q, scale, zero };

	if (scale == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(
		onnx, node, OP_DEQUANTIZE_LINEAR, zero == GRAPH_NONE ? 2 : 3, inputs, 1, &attr);
}

static uint32_t quantised_input(const struct onnx_node *node, uint32_t i)
{
	return i < node->n_inputs ? node->inputs[i] : GRAPH_NONE;
}

// Zero points may be left out anywhere, so that the tables below cannot tell what is missing: bit i
// of `needed` is input i.
static int quantised_need(struct onnx *onnx, const struct onnx_node *node, unsigned needed)
{
	for (uint32_t i = 0; needed >> i; i++) {
		if (needed >> i & 1 && !onnx_is_given(node, i))
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	return 0;
}

// Of one input: x, its scale and zero point, the result's scale and zero point.
#define NEEDS_OF_ONE (1u << 0 | 1u << 1 | 1u << 3)
// Of two: each with its own, and the result's.
#define NEEDS_OF_TWO (1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 6)

static uint32_t quantised_at(struct onnx *onnx, const struct onnx_node *node, uint32_t i)
{
	return quantised_floats(onnx, node, node->inputs[i], quantised_input(node, i + 1),
		quantised_input(node, i + 2), 0);
}

// x in the integers of `scale` and `zero`, which may be left out: then `dtype` has none.
static uint32_t quantised_as(struct onnx *onnx, const struct onnx_node *node, uint32_t x,
	uint32_t scale, uint32_t zero, enum dtype dtype)
{
	const uint32_t inputs[3] = { x, scale, zero };

	if (scale == GRAPH_NONE)
		return GRAPH_NONE;
	if (zero != GRAPH_NONE)
		dtype = onnx->graph->tensors[zero].dtype;
	const struct attr attr = ONNX_INT(ATTR_TO, dtype);

	return onnx_emit(
		onnx, node, OP_QUANTIZE_LINEAR, zero == GRAPH_NONE ? 2 : 3, inputs, 1, &attr);
}

// The node's output: x by the scale and zero point that are inputs i and i + 1.
static int quantised_output(struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t i)
{
	return onnx_output(onnx, node, 0,
		quantised_as(onnx, node, x, quantised_input(node, i), quantised_input(node, i + 1),
			onnx_input(onnx, node, 0)->dtype));
}

// Sums are computed as ONNX Runtime does it: in units of the result, so that what lies halfway
// between two integers stays there.
static int import_qlinear_add(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t to = quantised_input(node, 6);
	uint32_t sides[2];

	if (quantised_need(onnx, node, NEEDS_OF_TWO))
		return onnx_refused(onnx);
	for (uint32_t s = 0; s < 2; s++)
		sides[s] = quantised_floats(onnx, node, node->inputs[3 * s],
			onnx_emit_pair(onnx, node, OP_DIV, node->inputs[3 * s + 1], to),
			quantised_input(node, 3 * s + 2), 0);
	return onnx_output(onnx, node, 0,
		quantised_as(onnx, node, onnx_emit_pair(onnx, node, OP_ADD, sides[0], sides[1]),
			onnx_scalar(onnx, node, 1), quantised_input(node, 7),
			onnx_input(onnx, node, 0)->dtype));
}

static int import_qlinear_mul(struct onnx *onnx, const struct onnx_node *node)
{
	if (quantised_need(onnx, node, NEEDS_OF_TWO))
		return onnx_refused(onnx);
	return quantised_output(onnx, node,
		onnx_emit_pair(onnx, node, OP_MUL, quantised_at(onnx, node, 0),
			quantised_at(onnx, node, 3)),
		6);
}

static int import_qlinear_sigmoid(struct onnx *onnx, const struct onnx_node *node)
{
	if (quantised_need(onnx, node, NEEDS_OF_ONE))
		return onnx_refused(onnx);
	return quantised_output(
		onnx, node, onnx_emit_one(onnx, node, OP_SIGMOID, quantised_at(onnx, node, 0)), 3);
}

// Those that are an operator of ai.onnx between the two, as the opset has it.
static int quantised_as_operator(
	struct onnx *onnx, const struct onnx_node *node, const char *type, int64_t opset)
{
	const int64_t own = onnx->opset;
	uint32_t x, made;

	if (quantised_need(onnx, node, NEEDS_OF_ONE))
		return onnx_refused(onnx);
	x = quantised_at(onnx, node, 0);
	onnx->opset = opset;
	made = onnx_as_operator(onnx, node, type, 1, &x);
	onnx->opset = own;
	return quantised_output(onnx, node, made, 3);
}

static int import_qlinear_leaky_relu(struct onnx *onnx, const struct onnx_node *node)
{
	return quantised_as_operator(onnx, node, "LeakyRelu", 16);
}

// The opset of Softmax is an attribute.
static int import_qlinear_softmax(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t opset;

	if (onnx_int(onnx, node, "opset", 13, &opset))
		return onnx_refused(onnx);
	return quantised_as_operator(onnx, node, "Softmax", opset);
}

// The axes are an attribute, as ReduceMean's were before opset 18.
static int import_qlinear_reduce_mean(struct onnx *onnx, const struct onnx_node *node)
{
	return quantised_as_operator(onnx, node, "ReduceMean", 13);
}

// [N, ..., C] as [N, C, ...], or back.
static uint32_t quantised_channels(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, bool first)
{
	int64_t perm[GRAPH_RANK_MAX] = { 0 };
	uint32_t rank;

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	rank = onnx->graph->tensors[x].rank;
	if (rank < 3) {
		onnx_refuse(onnx, node, -EINVAL,
			"the input has %u dimensions, should have 3 or more", rank);
		return GRAPH_NONE;
	}
	for (uint32_t d = 1; d < rank; d++)
		perm[d] = first ? (d == 1 ? rank - 1 : d - 1) : (d + 1 == rank ? 1 : d + 1);
	return onnx_emit_transpose(onnx, node, x, perm);
}

static int quantised_pool(struct onnx *onnx, const struct onnx_node *node, const char *type)
{
	int64_t last;
	uint32_t x;

	if (onnx_int(onnx, node, "channels_last", 0, &last) ||
		quantised_need(onnx, node, NEEDS_OF_ONE))
		return onnx_refused(onnx);
	x = quantised_at(onnx, node, 0);
	if (last)
		x = quantised_channels(onnx, node, x, true);
	x = onnx_as_operator(onnx, node, type, 1, &x);
	if (last)
		x = quantised_channels(onnx, node, x, false);
	return quantised_output(onnx, node, x, 3);
}

static int import_qlinear_average_pool(struct onnx *onnx, const struct onnx_node *node)
{
	return quantised_pool(onnx, node, "AveragePool");
}

static int import_qlinear_global_average_pool(struct onnx *onnx, const struct onnx_node *node)
{
	return quantised_pool(onnx, node, "GlobalAveragePool");
}

// ai.onnx's of bytes whose channels come last.
static int import_nhwc_max_pool(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = quantised_channels(onnx, node, node->inputs[0], true);

	x = onnx_as_operator(onnx, node, "MaxPool", 1, &x);
	return onnx_output(onnx, node, 0, quantised_channels(onnx, node, x, false));
}

// ai.onnx's, but for its channels, which may come last; the weights' do not.
static int import_qlinear_conv(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t inputs[9] = { 0 }, made;
	int64_t last;

	if (onnx_int(onnx, node, "channels_last", 0, &last))
		return onnx_refused(onnx);
	for (uint32_t i = 0; i < node->n_inputs; i++)
		inputs[i] = node->inputs[i];
	if (last)
		inputs[0] = quantised_channels(onnx, node, inputs[0], true);
	made = onnx_as_operator(onnx, node, "QLinearConv", node->n_inputs, inputs);
	return onnx_output(
		onnx, node, 0, last ? quantised_channels(onnx, node, made, false) : made);
}

// The result's scale and zero point, then each input with its own.
static int import_qlinear_concat(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t n = node->n_inputs < 2 ? 0 : (node->n_inputs - 2) / 3;
	uint32_t *floats = arena_calloc(onnx->scratch, n + 1, sizeof(*floats));
	uint32_t made;

	if (!floats)
		return onnx_refuse_memory(onnx, node);
	if (n == 0 || node->n_inputs != 2 + 3 * n)
		return onnx_refuse(onnx, node, -EINVAL,
			"has %u inputs, should have 2 and 3 for each", node->n_inputs);
	for (uint32_t i = 0; i < n; i++) {
		if (!onnx_is_given(node, 2 + 3 * i) || !onnx_is_given(node, 3 + 3 * i))
			return onnx_refuse(
				onnx, node, -EINVAL, "input %u or its scale is missing", 2 + 3 * i);
		floats[i] = quantised_at(onnx, node, 2 + 3 * i);
		if (floats[i] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	made = onnx_as_operator(onnx, node, "Concat", n, floats);
	return onnx_output(onnx, node, 0,
		quantised_as(onnx, node, made, node->inputs[0], node->inputs[1], DTYPE_U8));
}

static int import_qlinear_where(struct onnx *onnx, const struct onnx_node *node)
{
	if (quantised_need(onnx, node, NEEDS_OF_TWO << 1 | 1))
		return onnx_refused(onnx);
	return quantised_output(onnx, node,
		onnx_emit_where(onnx, node, node->inputs[0], quantised_at(onnx, node, 1),
			quantised_at(onnx, node, 4)),
		7);
}

// y = alpha * a_scale * b_scale * (sum((a - a_zero) (b - b_zero)) + c), c of 32 bits; in bytes again
// where y has a zero point, else in floats. Inputs: a, b, each with scale and zero point; c; y's.
static int import_qgemm(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t trans_a, trans_b;
	uint32_t inputs[3] = { 0, 0, GRAPH_NONE }, made, scale;
	float alpha;

	if (quantised_need(onnx, node, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4) ||
		(onnx_is_given(node, 8) && quantised_need(onnx, node, 1u << 7)) ||
		onnx_float(onnx, node, "alpha", 1, &alpha) ||
		onnx_int(onnx, node, "transA", 0, &trans_a) ||
		onnx_int(onnx, node, "transB", 0, &trans_b))
		return onnx_refused(onnx);
	inputs[0] = quantised_at(onnx, node, 0);
	inputs[1] = quantised_floats(onnx, node, node->inputs[3], node->inputs[4],
		quantised_input(node, 5), trans_b ? 0 : 1);
	if (inputs[0] == GRAPH_NONE || inputs[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	if (onnx_is_given(node, 6)) {
		scale = onnx_emit_pair(onnx, node, OP_MUL, node->inputs[1], node->inputs[4]);
		if (alpha != 1)
			scale = onnx_emit_with(onnx, node, OP_MUL, scale, alpha);
		inputs[2] = onnx_as(onnx, node, node->inputs[6], DTYPE_F32);
		inputs[2] = onnx_emit_pair(onnx, node, OP_MUL, inputs[2], scale);
		if (inputs[2] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	made = onnx_as_operator(onnx, node, "Gemm", inputs[2] == GRAPH_NONE ? 2 : 3, inputs);
	if (!onnx_is_given(node, 8))
		return onnx_output(onnx, node, 0, made);
	return quantised_output(onnx, node, made, 7);
}

uint32_t onnx_quantised_product(struct onnx *onnx, const struct onnx_node *node,
	const uint32_t factors[4], const uint32_t scales[2], uint32_t bias)
{
	uint32_t n = 4, made;

	while (n > 2 && factors[n - 1] == GRAPH_NONE)
		n--;
	made = onnx_emit(onnx, node, OP_MATMUL_INTEGER, n, factors, 0, NULL);
	made = onnx_as(onnx, node, made, DTYPE_F32);
	made = onnx_emit_pair(
		onnx, node, OP_MUL, made, onnx_emit_pair(onnx, node, OP_MUL, scales[0], scales[1]));
	return bias == GRAPH_NONE ? made : onnx_emit_pair(onnx, node, OP_ADD, made, bias);
}

static int import_matmul_integer_to_float(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t factors[4] = { node->inputs[0], node->inputs[1], quantised_input(node, 4),
		quantised_input(node, 5) };

	return onnx_output(onnx, node, 0,
		onnx_quantised_product(
			onnx, node, factors, node->inputs + 2, quantised_input(node, 6)));
}

// The same of a row of floats, in bytes of its own range: a, b, b_scale, b_zero, bias.
static int import_dynamic_quantize_matmul(struct onnx *onnx, const struct onnx_node *node)
{
	const struct onnx_emission emission = {
		.op = OP_DYNAMIC_QUANTIZE_LINEAR, .n_inputs = 1, .inputs = node->inputs
	};
	uint32_t quantised[3];

	if (onnx_emit_outputs(onnx, node, &emission, 3, quantised) != 0)
		return onnx_refused(onnx);
	const uint32_t factors[4] = { quantised[0], node->inputs[1], quantised[2],
		quantised_input(node, 3) };

	const uint32_t scales[2] = { quantised[1], node->inputs[2] };

	return onnx_output(onnx, node, 0,
		onnx_quantised_product(onnx, node, factors, scales, quantised_input(node, 4)));
}

// Weights of each direction, [directions, K, N] in bytes with a scale (and zero point) of each
// direction or of each of its columns, as [directions, N, K] in floats.
static uint32_t quantised_weights(
	struct onnx *onnx, const struct onnx_node *node, uint32_t weights, uint32_t scale)
{
	static const int64_t TURNED[] = { 0, 2, 1 };
	const struct tensor w = *onnx_input(onnx, node, weights);
	uint32_t made = onnx_as(onnx, node, node->inputs[weights], DTYPE_F32);

	for (uint32_t i = 2; i-- > 0 && made != GRAPH_NONE;) { // the zero point, the scale
		const struct tensor *parameter;
		int64_t dims[3] = { w.dims[0], 1, 1 };

		if (!onnx_is_given(node, scale + i))
			continue;
		parameter = onnx_input(onnx, node, scale + i);
		if (parameter->rank == 2)
			dims[2] = parameter->dims[1];
		made = onnx_emit_pair(onnx, node, i ? OP_SUB : OP_MUL, made,
			onnx_emit_reshape(onnx, node,
				onnx_as(onnx, node, node->inputs[scale + i], DTYPE_F32), 3, dims));
	}
	if (made != GRAPH_NONE &&
		tensor_elements(&onnx->graph->tensors[made]) != tensor_elements(&w)) {
		onnx_refuse(onnx, node, -EINVAL,
			"the scales or zero points of input %u are not one for each direction, or "
			"for each of its columns",
			weights);
		return GRAPH_NONE;
	}
	return onnx_emit_transpose(onnx, node, made, TURNED);
}

// LSTM by weights of bytes. Inputs 0 to 7 are LSTM's, W and R turned, then scales and zero points.
// Its rows are rounded by the range of each, as ONNX Runtime does in a batch of one; the states
// between steps, which it rounds as well, are not.
static int import_dynamic_quantize_lstm(struct onnx *onnx, const struct onnx_node *node)
{
	const struct onnx_operator *lstm = onnx->find(ONNX_DOMAIN_AI, "LSTM");
	const struct onnx_emission emission = {
		.op = OP_DYNAMIC_QUANTIZE_LINEAR, .n_inputs = 1, .inputs = node->inputs
	};
	uint32_t inputs[8], rows[3];
	struct onnx_node as = *node;

	for (uint32_t i = 1; i < 3; i++) {
		if (onnx_input(onnx, node, i)->rank != 3)
			return onnx_refuse(
				onnx, node, -EINVAL, "input %u should have 3 dimensions", i);
	}
	if (quantised_need(onnx, node, 1u << 8 | 1u << 10) ||
		onnx_emit_outputs(onnx, node, &emission, 3, rows) != 0)
		return onnx_refused(onnx);
	memcpy(inputs, node->inputs, sizeof(inputs));
	inputs[0] = quantised_floats(onnx, node, rows[0], rows[1], rows[2], 0);
	inputs[1] = quantised_weights(onnx, node, 1, 8);
	inputs[2] = quantised_weights(onnx, node, 2, 10);
	if (inputs[0] == GRAPH_NONE || inputs[1] == GRAPH_NONE || inputs[2] == GRAPH_NONE)
		return onnx_refused(onnx);
	report_add(onnx->report,
		"node '%.80s' (%s): the states between its steps are not rounded to 8 bits",
		node->name, node->type);
	as.inputs = inputs;
	as.n_inputs = 8;
	while (inputs[as.n_inputs - 1] == GRAPH_NONE)
		as.n_inputs--;
	as.op = lstm->op;
	return lstm->import(onnx, &as);
}

// ai.onnx's of the same name, older and newer.
static int import_quantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_output(onnx, node, 0,
		onnx_as_operator(onnx, node, "QuantizeLinear", node->n_inputs, node->inputs));
}

static int import_dequantize_linear(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_output(onnx, node, 0,
		onnx_as_operator(onnx, node, "DequantizeLinear", node->n_inputs, node->inputs));
}

const struct onnx_operator ONNX_MICROSOFT_QUANTISE[] = {
	{ "QuantizeLinear", 2, 3, .import = import_quantize_linear },
	{ "DequantizeLinear", 2, 3, .import = import_dequantize_linear },
	{ "QGemm", 1, 9, .import = import_qgemm },
	{ "QLinearAdd", 1, 8, .import = import_qlinear_add },
	{ "QLinearMul", 1, 8, .import = import_qlinear_mul },
	{ "QLinearSigmoid", 1, 5, .import = import_qlinear_sigmoid },
	{ "QLinearLeakyRelu", 1, 5, .import = import_qlinear_leaky_relu },
	{ "QLinearSoftmax", 1, 5, .import = import_qlinear_softmax },
	{ "QLinearReduceMean", 1, 5, .import = import_qlinear_reduce_mean },
	{ "QLinearAveragePool", 1, 5, .import = import_qlinear_average_pool },
	{ "QLinearGlobalAveragePool", 1, 5, .import = import_qlinear_global_average_pool },
	{ "QLinearConcat", 1, GRAPH_NODE_IO_MAX, .import = import_qlinear_concat },
	{ "NhwcMaxPool", 1, 1, .import = import_nhwc_max_pool },
	{ "QLinearConv", 8, 9, .import = import_qlinear_conv },
	{ "QLinearWhere", 1, 9, .import = import_qlinear_where },
	{ "MatMulIntegerToFloat", 4, 7, .import = import_matmul_integer_to_float },
	{ "DynamicQuantizeLSTM", 3, 12, .import = import_dynamic_quantize_lstm },
	{ "DynamicQuantizeMatMul", 3, 5, .import = import_dynamic_quantize_matmul },
	{ .type = NULL },
};
