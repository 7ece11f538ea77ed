// SPDX-License-Identifier: BSD-3-Clause
// Output shapes and dtypes of every operator: one rule each, in the table at the end. The rules are
// those of ONNX's operator specifications (Operators.md, Operators-ml.md, Broadcasting.md).
//
// Inputs' own shapes have passed tensor_check_shape(), so their dims fit in 28 bits; products of
// two are safe, and the result is checked again before anybody multiplies it out.
#include "infer/graph.h"

#include <inttypes.h>
#include <string.h>

struct inference {
	const struct graph *graph;
	const struct node *node;
	struct error *err;
};

static const struct tensor *input(const struct inference *in, uint32_t i)
{
	if (i >= in->node->n_inputs || in->node->inputs[i] == GRAPH_NONE)
		return NULL;
	return &in->graph->tensors[in->node->inputs[i]];
}

#define refuse(in, ...) error_set((in)->err, -EINVAL, __VA_ARGS__)

static int refuse_pair(const struct inference *in, uint32_t a, uint32_t b, const char *rule)
{
	return refuse(in, "inputs %s and %s: %s", tensor_shape_text(input(in, a)).text,
		tensor_shape_text(input(in, b)).text, rule);
}

static int need_f32(const struct inference *in)
{
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		const struct tensor *tensor = input(in, i);

		if (tensor && tensor->dtype != DTYPE_F32)
			return refuse(in, "input \"%s\" is %s, only float32 is computed",
				tensor->name, dtype_name(tensor->dtype));
	}
	return 0;
}

static int need_constant(const struct inference *in, uint32_t i)
{
	if (input(in, i) && !input(in, i)->data)
		return refuse(in, "input \"%s\" must be constant", input(in, i)->name);
	return 0;
}

// A vector of `count`, or left out.
static int need_vector(const struct inference *in, uint32_t i, int64_t count)
{
	const struct tensor *tensor = input(in, i);

	if (tensor && (tensor->rank != 1 || tensor->dims[0] != count))
		return refuse(in, "input \"%s\" is %s, should be [%" PRId64 "]", tensor->name,
			tensor_shape_text(tensor).text, count);
	return 0;
}

static int need_int(
	const struct inference *in, enum attr_key key, int64_t otherwise, int64_t low, int64_t high)
{
	int64_t value = node_int(in->node, key, otherwise);

	if (value < low || value > high)
		return refuse(in,
			"attribute \"%s\" is %" PRId64 ", should be %" PRId64 " to %" PRId64,
			attr_name(key), value, low, high);
	return 0;
}

int op_axis(const struct node *node, uint32_t rank, int64_t otherwise, uint32_t *axis)
{
	int64_t value = node_int(node, ATTR_AXIS, otherwise);

	if (value < -(int64_t)rank || value >= (int64_t)rank)
		return -EINVAL;
	*axis = (uint32_t)(value < 0 ? value + rank : value);
	return 0;
}

static int need_axis(const struct inference *in, uint32_t rank, int64_t otherwise, uint32_t *axis)
{
	if (op_axis(in->node, rank, otherwise, axis) != 0)
		return refuse(in,
			"axis %" PRId64 " is not one of the input's %" PRIu32 " dimensions",
			node_int(in->node, ATTR_AXIS, otherwise), rank);
	return 0;
}

static void set_shape(struct tensor *out, const struct tensor *from)
{
	out->dtype = from->dtype;
	out->rank = from->rank;
	memcpy(out->dims, from->dims, sizeof(out->dims));
}

int dims_broadcast(struct tensor *out, const struct tensor *a, const struct tensor *b)
{
	struct tensor shape = { .dtype = a->dtype, .rank = a->rank > b->rank ? a->rank : b->rank };

	for (uint32_t d = 1; d <= shape.rank; d++) { // from the last
		int64_t x = d <= a->rank ? a->dims[a->rank - d] : 1;
		int64_t y = d <= b->rank ? b->dims[b->rank - d] : 1;

		if (x != y && x != 1 && y != 1)
			return -EINVAL;
		shape.dims[shape.rank - d] = x == 1 ? y : x;
	}
	set_shape(out, &shape);
	return 0;
}

// Input i must broadcast to `to` without widening it.
static int need_broadcast_to(const struct inference *in, uint32_t i, const struct tensor *to)
{
	const struct tensor *tensor = input(in, i);
	struct tensor shape = { 0 };

	if (!tensor)
		return 0;
	if (dims_broadcast(&shape, to, tensor) != 0 || shape.rank != to->rank ||
		memcmp(shape.dims, to->dims, sizeof(shape.dims)) != 0)
		return refuse(in, "input \"%s\" is %s, which does not broadcast to %s",
			tensor->name, tensor_shape_text(tensor).text, tensor_shape_text(to).text);
	return 0;
}

static int infer_same(const struct inference *in, struct tensor *out)
{
	set_shape(out, input(in, 0));
	return 0;
}

static int infer_unary(const struct inference *in, struct tensor *out)
{
	set_shape(out, input(in, 0));
	return need_f32(in);
}

static int infer_gelu(const struct inference *in, struct tensor *out)
{
	int rc = infer_unary(in, out);

	return rc ? rc : need_int(in, ATTR_APPROXIMATE, 0, 0, 1);
}

static int infer_binary(const struct inference *in, struct tensor *out)
{
	if (need_f32(in) != 0)
		return -EINVAL;
	if (dims_broadcast(out, input(in, 0), input(in, 1)) != 0)
		return refuse_pair(in, 0, 1, "they do not broadcast to each other");
	return 0;
}

static int infer_prelu(const struct inference *in, struct tensor *out)
{
	if (infer_unary(in, out) != 0)
		return -EINVAL;
	return need_broadcast_to(in, 1, input(in, 0));
}

static int infer_dense(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = input(in, 0), *w = input(in, 1);

	if (need_f32(in) != 0 || need_constant(in, 1) != 0 || need_constant(in, 2) != 0 ||
		need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0 || w->rank != 2 || w->dims[0] != x->dims[x->rank - 1])
		return refuse_pair(in, 0, 1, "the weights must be [K, N] for an input [..., K]");
	set_shape(out, x);
	out->dims[out->rank - 1] = w->dims[1];
	return need_vector(in, 2, w->dims[1]);
}

static int infer_affine(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = input(in, 0);

	if (infer_unary(in, out) != 0 || need_constant(in, 1) != 0 || need_constant(in, 2) != 0 ||
		need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0)
		return refuse(in, "the input is a scalar, should have a last dimension");
	if (need_vector(in, 1, x->dims[x->rank - 1]) != 0)
		return -EINVAL;
	return need_vector(in, 2, x->dims[x->rank - 1]);
}

static int infer_gemm(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = input(in, 0), *b = input(in, 1);
	bool trans_a = node_int(in->node, ATTR_TRANS_A, 0) != 0;
	bool trans_b = node_int(in->node, ATTR_TRANS_B, 0) != 0;

	if (need_f32(in) != 0)
		return -EINVAL;
	if (a->rank != 2 || b->rank != 2)
		return refuse_pair(in, 0, 1, "both must have 2 dimensions");
	if (a->dims[trans_a ? 0 : 1] != b->dims[trans_b ? 1 : 0])
		return refuse_pair(in, 0, 1, "the inner dimensions must be equal");
	*out = (struct tensor){
		.name = out->name, .data = out->data, .dtype = DTYPE_F32, .rank = 2
	};
	out->dims[0] = a->dims[trans_a ? 1 : 0];
	out->dims[1] = b->dims[trans_b ? 0 : 1];
	return need_broadcast_to(in, 2, out);
}

// numpy's matmul: vectors are promoted to matrices and the added dimension is taken off again.
static int infer_matmul(const struct inference *in, struct tensor *out)
{
	const struct tensor *a = input(in, 0), *b = input(in, 1);
	struct tensor left = { 0 }, right = { 0 }, shape = { 0 };
	int64_t k_a, k_b;

	if (need_f32(in) != 0)
		return -EINVAL;
	if (a->rank == 0 || b->rank == 0)
		return refuse_pair(in, 0, 1, "a scalar cannot be multiplied as a matrix");
	k_a = a->dims[a->rank - 1];
	k_b = b->dims[b->rank == 1 ? 0 : b->rank - 2];
	if (k_a != k_b)
		return refuse_pair(in, 0, 1, "the inner dimensions must be equal");
	set_shape(&left, a);
	set_shape(&right, b);
	left.rank = a->rank > 2 ? a->rank - 2 : 0;
	right.rank = b->rank > 2 ? b->rank - 2 : 0;
	if (dims_broadcast(&shape, &left, &right) != 0)
		return refuse_pair(
			in, 0, 1, "the leading dimensions do not broadcast to each other");
	if (a->rank > 1)
		shape.dims[shape.rank++] = a->dims[a->rank - 2];
	if (b->rank > 1)
		shape.dims[shape.rank++] = b->dims[b->rank - 1];
	shape.dtype = DTYPE_F32;
	set_shape(out, &shape);
	return 0;
}

static int infer_softmax(const struct inference *in, struct tensor *out)
{
	uint32_t axis;

	if (infer_unary(in, out) != 0)
		return -EINVAL;
	return need_axis(in, input(in, 0)->rank, -1, &axis);
}

static int infer_batch_norm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = input(in, 0);

	if (infer_unary(in, out) != 0)
		return -EINVAL;
	if (x->rank < 2)
		return refuse(in, "input %s has no channel dimension, should be [N, C, ...]",
			tensor_shape_text(x).text);
	for (uint32_t i = 1; i <= 4; i++) {
		if (need_vector(in, i, x->dims[1]) != 0)
			return -EINVAL;
	}
	return 0;
}

static int infer_layer_norm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = input(in, 0);
	struct tensor normalised = { 0 };
	uint32_t axis;

	if (infer_unary(in, out) != 0 || need_axis(in, x->rank, -1, &axis) != 0)
		return -EINVAL;
	for (uint32_t o = 1; o < in->node->n_outputs; o++) { // mean, then inverse deviation
		set_shape(&out[o], x);
		for (uint32_t d = axis; d < x->rank; d++)
			out[o].dims[d] = 1;
	}
	normalised.rank = x->rank - axis;
	memcpy(normalised.dims, x->dims + axis, normalised.rank * sizeof(*x->dims));
	if (need_broadcast_to(in, 1, &normalised) != 0)
		return -EINVAL;
	return need_broadcast_to(in, 2, &normalised);
}

static int infer_normalizer(const struct inference *in, struct tensor *out)
{
	if (infer_unary(in, out) != 0 || need_int(in, ATTR_NORM, 0, 0, NORM_COUNT - 1) != 0)
		return -EINVAL;
	if (input(in, 0)->rank == 0)
		return refuse(in, "the input is a scalar, should be [..., C]");
	return 0;
}

// Fills the one dimension given as -1, if there is one, and 0s with the input's.
static int resolve_shape(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = input(in, 0);
	int64_t known = 1;
	uint32_t open = GRAPH_RANK_MAX;

	for (uint32_t d = 0; d < out->rank; d++) {
		if (d < x->rank && out->dims[d] == 0)
			out->dims[d] = x->dims[d];
		if (out->dims[d] == -1 && open == GRAPH_RANK_MAX) {
			open = d;
			continue;
		}
		if (out->dims[d] < 0 || out->dims[d] > GRAPH_ELEMENTS_MAX ||
			(known *= out->dims[d]) > GRAPH_ELEMENTS_MAX)
			return -EINVAL;
	}
	if (open < GRAPH_RANK_MAX) {
		if (known == 0 || tensor_elements(x) % known != 0)
			return -EINVAL;
		out->dims[open] = tensor_elements(x) / known;
		known = tensor_elements(x);
	}
	return known == tensor_elements(x) ? 0 : -EINVAL;
}

static int infer_reshape(const struct inference *in, struct tensor *out)
{
	const struct attr *shape = node_attr(in->node, ATTR_SHAPE);

	if (!shape || shape->kind != ATTR_KIND_INTS || shape->count > GRAPH_RANK_MAX)
		return refuse(in, "attribute \"shape\" is missing or has more than %d dimensions",
			GRAPH_RANK_MAX);
	out->dtype = input(in, 0)->dtype;
	out->rank = shape->count;
	memset(out->dims, 0, sizeof(out->dims));
	memcpy(out->dims, shape->ints, shape->count * sizeof(*shape->ints));
	if (resolve_shape(in, out) != 0) {
		struct tensor wanted = { .rank = shape->count };

		memcpy(wanted.dims, shape->ints, shape->count * sizeof(*shape->ints));
		return refuse(in, "input %s cannot be reshaped to %s",
			tensor_shape_text(input(in, 0)).text, tensor_shape_text(&wanted).text);
	}
	return 0;
}

static int infer_concat(const struct inference *in, struct tensor *out)
{
	const struct tensor *first = input(in, 0);
	uint32_t axis;

	if (!node_attr(in->node, ATTR_AXIS))
		return refuse(in, "attribute \"axis\" is missing");
	if (need_axis(in, first->rank, 0, &axis) != 0)
		return -EINVAL;
	set_shape(out, first);
	for (uint32_t i = 1; i < in->node->n_inputs; i++) {
		const struct tensor *next = input(in, i);

		if (!next || next->dtype != first->dtype || next->rank != first->rank)
			return refuse(in,
				"input %" PRIu32 " differs in element type or rank from input 0",
				i);
		for (uint32_t d = 0; d < first->rank; d++) {
			if (d != axis && next->dims[d] != first->dims[d])
				return refuse_pair(
					in, 0, i, "they differ outside the concatenated axis");
		}
		out->dims[axis] += next->dims[axis]; // at most GRAPH_NODE_IO_MAX << 28
	}
	return 0;
}

static int infer_cast(const struct inference *in, struct tensor *out)
{
	if (!node_attr(in->node, ATTR_TO) || need_int(in, ATTR_TO, 0, 0, DTYPE_COUNT - 1) != 0)
		return refuse(in, "attribute \"to\" is missing or no element type");
	set_shape(out, input(in, 0));
	out->dtype = (enum dtype)node_int(in->node, ATTR_TO, 0);
	return 0;
}

static int infer_binary_scores(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = input(in, 0);

	if (infer_unary(in, out) != 0 ||
		need_int(in, ATTR_POST_TRANSFORM, 0, 0, POST_COUNT - 1) != 0)
		return -EINVAL;
	if (x->rank == 0 || x->dims[x->rank - 1] != 1)
		return refuse(in, "input %s should be [..., 1]", tensor_shape_text(x).text);
	out->dims[out->rank - 1] = 2;
	return 0;
}

static int (*const RULES[OP_COUNT])(const struct inference *in, struct tensor *out) = {
	[OP_DENSE] = infer_dense,
	[OP_AFFINE] = infer_affine,
	[OP_GEMM] = infer_gemm,
	[OP_MATMUL] = infer_matmul,
	[OP_ADD] = infer_binary,
	[OP_SUB] = infer_binary,
	[OP_MUL] = infer_binary,
	[OP_DIV] = infer_binary,
	[OP_RELU] = infer_unary,
	[OP_LEAKY_RELU] = infer_unary,
	[OP_ELU] = infer_unary,
	[OP_SELU] = infer_unary,
	[OP_PRELU] = infer_prelu,
	[OP_SIGMOID] = infer_unary,
	[OP_HARD_SIGMOID] = infer_unary,
	[OP_TANH] = infer_unary,
	[OP_SOFTPLUS] = infer_unary,
	[OP_SOFTSIGN] = infer_unary,
	[OP_GELU] = infer_gelu,
	[OP_CLIP] = infer_unary,
	[OP_SOFTMAX] = infer_softmax,
	[OP_LOG_SOFTMAX] = infer_softmax,
	[OP_BATCH_NORM] = infer_batch_norm,
	[OP_LAYER_NORM] = infer_layer_norm,
	[OP_NORMALIZER] = infer_normalizer,
	[OP_IDENTITY] = infer_same,
	[OP_RESHAPE] = infer_reshape,
	[OP_CONCAT] = infer_concat,
	[OP_CAST] = infer_cast,
	[OP_BINARY_SCORES] = infer_binary_scores,
};

// Arity, indices, which inputs may be left out, and shapes of what comes in.
static int check_io(const struct inference *in)
{
	const struct node *node = in->node;
	const struct op_arity *arity = op_arity(node->op);

	if (!arity || !RULES[node->op])
		return refuse(in, "operator %u is unknown", (unsigned)node->op);
	if (node->n_inputs < arity->inputs_min || node->n_inputs > arity->inputs_max)
		return refuse(in, "has %" PRIu32 " inputs, should have %u to %u", node->n_inputs,
			arity->inputs_min, arity->inputs_max);
	if (node->n_outputs < arity->outputs_min || node->n_outputs > arity->outputs_max)
		return refuse(in, "has %" PRIu32 " outputs, should have %u to %u", node->n_outputs,
			arity->outputs_min, arity->outputs_max);
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		uint32_t t = node->inputs[i];

		if (t >= in->graph->n_tensors && (t != GRAPH_NONE || i < arity->inputs_min))
			return refuse(in, "input %" PRIu32 " is missing or names no tensor", i);
		if (t != GRAPH_NONE && tensor_check_shape(&in->graph->tensors[t], in->err) != 0)
			return error_prefix(in->err, -EINVAL, "input %" PRIu32, i);
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		uint32_t t = node->outputs[o];

		if (t >= in->graph->n_tensors && (t != GRAPH_NONE || o < arity->outputs_min))
			return refuse(in, "output %" PRIu32 " is missing or names no tensor", o);
	}
	return 0;
}

int op_infer(const struct graph *graph, const struct node *node, struct tensor *outputs,
	struct error *err)
{
	const struct inference in = { graph, node, err };

	if (check_io(&in) != 0 || RULES[node->op](&in, outputs) != 0)
		return -EINVAL;
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (tensor_check_shape(&outputs[o], err) != 0)
			return error_prefix(err, -EINVAL, "output %" PRIu32, o);
	}
	return 0;
}
