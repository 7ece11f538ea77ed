// SPDX-License-Identifier: BSD-3-Clause
// Operators that are written as others, as ONNX's Operators.md defines them.
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/fixed.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/ops/values.h"

#include <math.h>
#include <string.h>

#define EXPANDED_MAX ((int64_t)1 << 24) // values that Expand may make

static int import_cast_like(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made = onnx_as(onnx, node, node->inputs[0], onnx_input(onnx, node, 1)->dtype);

	if (made == node->inputs[0])
		made = onnx_emit_one(onnx, node, OP_IDENTITY, made);
	return onnx_output(onnx, node, 0, made);
}

// The wider of x and a constant shape, as the one values' neutral: times 1, plus 0, or false.
static int import_expand(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	enum op op = x.dtype == DTYPE_F32 ? OP_MUL : x.dtype == DTYPE_BOOL ? OP_OR : OP_ADD;
	int64_t declared[GRAPH_RANK_MAX], elements = 1;
	const int64_t *dims = declared;
	uint32_t rank = 0, neutral;
	void *data;
	int rc = 0;

	if (onnx_input(onnx, node, 1)->data ||
		!onnx_declared_shape(onnx, node->proto->output[0], &rank, declared))
		rc = onnx_input_ints(onnx, node, 1, &rank, &dims);
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < rank; d++)
		declared[d] = dims[d];
	onnx_fixed_dims(onnx, rank, declared);
	dims = declared;
	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] < 0 || (dims[d] > 0 && elements > EXPANDED_MAX / dims[d]))
			return onnx_refuse(onnx, node, -ENOTSUP,
				"dimension %u of the new shape is %lld; none may be below 0, and "
				"all of "
				"them be more than %lld values",
				d, (long long)dims[d], (long long)EXPANDED_MAX);
		elements *= dims[d];
	}
	neutral = onnx_made(onnx, node, x.dtype, rank, dims, &data);
	if (neutral == GRAPH_NONE)
		return onnx_refused(onnx);
	for (int64_t i = 0; i < elements && op == OP_MUL; i++)
		((float *)data)[i] = 1;
	return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, op, node->inputs[0], neutral));
}

// Keeps what lies on and above the k-th diagonal (upper), or on and below it: column - row against
// k.
static int import_trilu(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const bool has_k = onnx_is_given(node, 1);
	int64_t upper, columns;
	uint32_t apart, k, zero;
	void *data;

	if (onnx_int(onnx, node, "upper", 1, &upper))
		return onnx_refused(onnx);
	if (x.rank < 2 || (has_k && tensor_elements(onnx_input(onnx, node, 1)) != 1))
		return onnx_refuse(onnx, node, -EINVAL,
			"the input should have 2 dimensions or more, k should be one value");
	columns = x.dims[x.rank - 1];
	apart = onnx_made(onnx, node, DTYPE_I64, 2, x.dims + x.rank - 2, &data);
	for (int64_t i = 0; apart != GRAPH_NONE && i < columns * x.dims[x.rank - 2]; i++)
		((int64_t *)data)[i] = i % columns - i / columns;
	k = has_k ? onnx_emit_reshape(onnx, node, node->inputs[1], 0, NULL)
		  : onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);
	zero = onnx_made(onnx, node, x.dtype, 0, NULL, &data);
	return onnx_output(onnx, node, 0,
		onnx_emit_where(onnx, node,
			onnx_emit_pair(onnx, node, upper ? OP_GREATER_OR_EQUAL : OP_LESS_OR_EQUAL,
				apart, k),
			node->inputs[0], zero));
}

// DepthToSpace and SpaceToDepth: a Reshape of [N, C, H, W] to six dimensions, a Transpose, and a
// Reshape back to four.
static int shuffle(struct onnx *onnx, const struct onnx_node *node, const int64_t apart[6],
	const int64_t perm[6], const int64_t together[4])
{
	const struct attr attr = ONNX_INTS(ATTR_PERM, 6, perm);
	uint32_t made = onnx_emit_reshape(onnx, node, node->inputs[0], 6, apart);

	made = onnx_emit(onnx, node, OP_TRANSPOSE, 1, &made, 1, &attr);
	made = onnx_emit_reshape(onnx, node, made, 4, together);
	return onnx_output(onnx, node, 0, made);
}

static int read_block(struct onnx *onnx, const struct onnx_node *node, int64_t *block)
{
	if (onnx_int(onnx, node, "blocksize", 0, block))
		return onnx_refused(onnx);
	if (onnx_input(onnx, node, 0)->rank != 4)
		return onnx_refuse(onnx, node, -EINVAL, "the input should have 4 dimensions");
	if (*block < 1 || *block > 1 << 14)
		return onnx_refuse(onnx, node, -EINVAL, "blocksize is %lld, should be 1 or more",
			(long long)*block);
	return 0;
}

static int import_depth_to_space(struct onnx *onnx, const struct onnx_node *node)
{
	static const int64_t DCR[] = { 0, 3, 4, 1, 5, 2 }, CRD[] = { 0, 1, 4, 2, 5, 3 };
	const int64_t *dims = onnx_input(onnx, node, 0)->dims;
	const char *mode;
	int64_t b, depth;

	if (read_block(onnx, node, &b) || onnx_string(onnx, node, "mode", "DCR", &mode))
		return onnx_refused(onnx);
	if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
		return onnx_refuse(
			onnx, node, -EINVAL, "mode is '%.20s', should be DCR or CRD", mode);
	depth = dims[1] / (b * b);
	if (depth * b * b != dims[1])
		return onnx_refuse(onnx, node, -EINVAL,
			"%lld channels are no multiple of blocksize %lld squared",
			(long long)dims[1], (long long)b);
	const bool dcr = mode[0] == 'D';
	const int64_t apart[] = { dims[0], dcr ? b : depth, b, dcr ? depth : b, dims[2], dims[3] };
	const int64_t together[] = { dims[0], depth, dims[2] * b, dims[3] * b };
	return shuffle(onnx, node, apart, dcr ? DCR : CRD, together);
}

static int import_space_to_depth(struct onnx *onnx, const struct onnx_node *node)
{
	static const int64_t PERM[] = { 0, 3, 5, 1, 2, 4 };
	const int64_t *dims = onnx_input(onnx, node, 0)->dims;
	int64_t b;

	if (read_block(onnx, node, &b))
		return onnx_refused(onnx);
	if (dims[2] % b != 0 || dims[3] % b != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"height and width should be multiples of blocksize %lld", (long long)b);
	const int64_t apart[] = { dims[0], dims[1], dims[2] / b, b, dims[3] / b, b };
	const int64_t together[] = { dims[0], dims[1] * b * b, dims[2] / b, dims[3] / b };
	return shuffle(onnx, node, apart, PERM, together);
}

static int import_thresholded_relu(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = node->inputs[0];
	float alpha;

	if (onnx_float(onnx, node, "alpha", 1, &alpha))
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0,
		onnx_emit_where(onnx, node, onnx_emit_with(onnx, node, OP_GREATER, x, alpha), x,
			onnx_scalar(onnx, node, 0)));
}

// x + bias below -lambd, x - bias above lambd, 0 between.
static int import_shrink(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = onnx_as(onnx, node, node->inputs[0], DTYPE_F32), made;
	enum dtype dtype = onnx_input(onnx, node, 0)->dtype;
	float bias, lambd;

	if (onnx_float(onnx, node, "bias", 0, &bias) ||
		onnx_float(onnx, node, "lambd", 0.5f, &lambd))
		return onnx_refused(onnx);
	made = onnx_emit_where(onnx, node, onnx_emit_with(onnx, node, OP_GREATER, x, lambd),
		onnx_emit_with(onnx, node, OP_SUB, x, bias), onnx_scalar(onnx, node, 0));
	made = onnx_emit_where(onnx, node, onnx_emit_with(onnx, node, OP_LESS, x, -lambd),
		onnx_emit_with(onnx, node, OP_ADD, x, bias), made);
	made = onnx_as(onnx, node, made, dtype);
	return onnx_output(onnx, node, 0, made);
}

// x * max(0, min(1, x / 6 + 0.5))
static int import_hard_swish(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr attrs[] = { ONNX_FLOAT(ATTR_ALPHA, 1.0f / 6),
		ONNX_FLOAT(ATTR_BETA, 0.5f) };
	uint32_t x = node->inputs[0];

	return onnx_output(onnx, node, 0,
		onnx_emit_pair(onnx, node, OP_MUL, x,
			onnx_emit(onnx, node, OP_HARD_SIGMOID, 1, &x, 2, attrs)));
}

// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) is alpha * Elu(x / alpha).
static int import_celu(struct onnx *onnx, const struct onnx_node *node)
{
	const struct attr attr = ONNX_FLOAT(ATTR_ALPHA, 1);
	uint32_t made;
	float alpha;

	if (onnx_float(onnx, node, "alpha", 1, &alpha))
		return onnx_refused(onnx);
	if (!(fabsf(alpha) > 0))
		return onnx_refuse(onnx, node, -EINVAL, "alpha should not be 0");
	made = onnx_emit_with(onnx, node, OP_DIV, node->inputs[0], alpha);
	made = onnx_emit(onnx, node, OP_ELU, 1, &made, 1, &attr);
	return onnx_output(onnx, node, 0, onnx_emit_with(onnx, node, OP_MUL, made, alpha));
}

// x * tanh(softplus(x))
static int import_mish(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = node->inputs[0];
	uint32_t made =
		onnx_emit_one(onnx, node, OP_TANH, onnx_emit_one(onnx, node, OP_SOFTPLUS, x));

	return onnx_output(onnx, node, 0, onnx_emit_pair(onnx, node, OP_MUL, x, made));
}

static int import_is_inf(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t x = node->inputs[0];
	int64_t negative, positive;

	if (onnx_int(onnx, node, "detect_negative", 1, &negative) ||
		onnx_int(onnx, node, "detect_positive", 1, &positive))
		return onnx_refused(onnx);
	if (negative && positive)
		x = onnx_emit_one(onnx, node, OP_ABS, x);
	// neither: nothing equals NaN
	return onnx_output(onnx, node, 0,
		onnx_emit_with(onnx, node, OP_EQUAL, x,
			positive           ? INFINITY
				: negative ? -INFINITY
					   : NAN));
}

// 1 where ArgMax points along the axis, 0 elsewhere. Before opset 13 the dimensions from the axis
// on are one.
static int import_hardmax(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t dims[GRAPH_RANK_MAX], axis, n;
	uint32_t from = node->inputs[0], rank = x.rank, made, numbers;
	void *data;

	if (onnx_int(onnx, node, "axis", onnx->opset < 13 ? 1 : -1, &axis))
		return onnx_refused(onnx);
	axis += axis < 0 ? x.rank : 0;
	if (axis < 0 || axis >= x.rank)
		return onnx_refuse(
			onnx, node, -EINVAL, "the input has no axis %lld", (long long)axis);
	memcpy(dims, x.dims, sizeof(dims));
	if (onnx->opset < 13) {
		for (uint32_t d = (uint32_t)axis + 1; d < x.rank; d++)
			dims[axis] *= x.dims[d];
		rank = (uint32_t)axis + 1;
		from = onnx_emit_reshape(onnx, node, from, rank, dims);
	}
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, axis), ONNX_INT(ATTR_KEEPDIMS, 1) };
	made = onnx_emit(onnx, node, OP_ARG_MAX, 1, &from, 2, attrs);
	n = dims[axis];
	for (uint32_t d = 0; d < rank; d++)
		dims[d] = d == axis ? n : 1;
	numbers = onnx_made(onnx, node, DTYPE_I64, rank, dims, &data);
	for (int64_t i = 0; numbers != GRAPH_NONE && i < n; i++)
		((int64_t *)data)[i] = i;
	made = onnx_emit_pair(onnx, node, OP_EQUAL, made, numbers);
	made = onnx_as(onnx, node, made, x.dtype);
	if (made != GRAPH_NONE && rank != x.rank)
		made = onnx_emit_reshape(onnx, node, made, x.rank, x.dims);
	return onnx_output(onnx, node, 0, made);
}

// x * sigmoid(alpha * x)
static int import_swish(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made;
	float alpha;

	if (onnx_float(onnx, node, "alpha", 1, &alpha) || onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	made = onnx_emit_one(
		onnx, node, OP_SIGMOID, onnx_emit_with(onnx, node, OP_MUL, node->inputs[0], alpha));
	return onnx_output(
		onnx, node, 0, onnx_emit_pair(onnx, node, OP_MUL, node->inputs[0], made));
}

// Swish(a) * b
static int import_swiglu(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_output(onnx, node, 0,
		onnx_emit_pair(onnx, node, OP_MUL,
			onnx_as_operator(onnx, node, "Swish", 1, node->inputs), node->inputs[1]));
}

// 1 - erf(x), as tf2onnx leaves it of TensorFlow's exact Gelu: no operator of ONNX, and of one meaning.
static int import_erfc(struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_output(onnx, node, 0,
		onnx_emit_pair(onnx, node, OP_SUB, onnx_scalar(onnx, node, 1),
			onnx_emit_one(onnx, node, OP_ERF, node->inputs[0])));
}

const struct onnx_operator ONNX_REWRITES[] = {
	{ "Swish", 1, 1, .import = import_swish },
	{ "SwiGLU", 2, 2, .import = import_swiglu },
	{ "Erfc", 1, 1, .import = import_erfc },
	{ "CastLike", 2, 2, .import = import_cast_like },
	{ "Expand", 2, 2, .import = import_expand },
	{ "Trilu", 1, 2, .import = import_trilu },
	{ "DepthToSpace", 1, 1, .import = import_depth_to_space },
	{ "SpaceToDepth", 1, 1, .import = import_space_to_depth },
	{ "ThresholdedRelu", 1, 1, .import = import_thresholded_relu },
	{ "Shrink", 1, 1, .import = import_shrink },
	{ "HardSwish", 1, 1, .import = import_hard_swish },
	{ "Celu", 1, 1, .import = import_celu },
	{ "Mish", 1, 1, .import = import_mish },
	{ "IsInf", 1, 1, .import = import_is_inf },
	{ "Hardmax", 1, 1, .import = import_hardmax },
	{ .type = NULL },
};
