// SPDX-License-Identifier: BSD-3-Clause
// Folds what scales and shifts the channels of a convolution into its weights and bias:
// BatchNormalization, and Mul, Add, Sub and Div with one constant a channel, or one for all.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// y = x * scale + shift, [channels] each.
struct channel_affine {
	int64_t count;
	double *scale, *shift;
};

static bool fold_conv_norm_of(
	const struct graph *graph, const struct node *node, struct channel_affine *to)
{
	const double epsilon = (double)node_float(node, ATTR_EPSILON, 1e-5f);
	const float *in[5];

	for (uint32_t i = 1; i < 5; i++) {
		if (!tensor_is_constant(graph, node->inputs[i]))
			return false;
		in[i] = tensor_floats(graph, node->inputs[i]);
	}
	for (int64_t c = 0; c < to->count; c++) {
		to->scale[c] = (double)in[1][c] / sqrt((double)in[4][c] + epsilon);
		to->shift[c] = (double)in[2][c] - (double)in[3][c] * to->scale[c];
	}
	return true;
}

// One value for each channel of a tensor of `rank` dimensions, or one for all, by broadcasting.
static bool fold_conv_is_of_channels(const struct tensor *constant, uint32_t rank, int64_t channels)
{
	if (constant->rank > rank)
		return false;
	for (uint32_t d = 0; d < constant->rank; d++) {
		const bool of_channels = d + rank - constant->rank == 1;

		if (constant->dims[d] != 1 && !(of_channels && constant->dims[d] == channels))
			return false;
	}
	return true;
}

static bool fold_conv_binary_of(const struct graph *graph, const struct node *node, uint32_t x,
	uint32_t rank, struct channel_affine *to)
{
	const uint32_t other = node->inputs[node->inputs[0] == x];
	const bool reversed = node->inputs[0] != x; // constant op x
	const float *values;
	int64_t step;

	if (!tensor_is_constant(graph, other) || (reversed && node->op == OP_DIV) ||
		!fold_conv_is_of_channels(&graph->tensors[other], rank, to->count))
		return false;
	values = tensor_floats(graph, other);
	step = tensor_elements(&graph->tensors[other]) > 1;
	for (int64_t c = 0; c < to->count; c++) {
		const double value = (double)values[c * step];

		to->scale[c] = 1;
		to->shift[c] = 0;
		if (node->op == OP_MUL)
			to->scale[c] = value;
		else if (node->op == OP_DIV)
			to->scale[c] = 1 / value;
		else if (node->op == OP_ADD || reversed)
			to->shift[c] = value;
		else
			to->shift[c] = -value;
		if (node->op == OP_SUB && reversed)
			to->scale[c] = -1;
	}
	return true;
}

// Are scales and shifts so small that the folded weights are numbers that float32 can hold?
static bool fold_conv_is_tame(const struct channel_affine *channels)
{
	for (int64_t c = 0; c < channels->count; c++) {
		if (!(fabs(channels->scale[c]) <= 1e6 && fabs(channels->shift[c]) <= 1e6))
			return false;
	}
	return true;
}

static uint32_t fold_conv_same_shape(struct graph *graph, const char *stem, uint32_t rank,
	const int64_t *dims, float **data, struct error *err)
{
	const struct tensor shape = { .rank = rank,
		.dims = { dims[0], rank > 1 ? dims[1] : 0, rank > 2 ? dims[2] : 0,
			rank > 3 ? dims[3] : 0, rank > 4 ? dims[4] : 0 } };
	char name[200];

	snprintf(name, sizeof(name), "%.150s~%u", stem, graph->n_tensors);
	*data = arena_calloc(graph->arena, (size_t)tensor_elements(&shape), sizeof(**data));
	if (!*data) {
		error_set(err, -ENOMEM, "out of memory for folded weights");
		return GRAPH_NONE;
	}
	return graph_add_tensor(graph, name, DTYPE_F32, rank, shape.dims, *data, err);
}

static int fold_conv_scale_weights(struct graph *graph, struct node *conv,
	const struct channel_affine *channels, struct error *err)
{
	const struct tensor from = graph->tensors[conv->inputs[1]];
	const bool biased = conv->n_inputs > 2 && conv->inputs[2] != GRAPH_NONE;
	const float *old_w = from.data;
	const float *old_b = biased ? tensor_floats(graph, conv->inputs[2]) : NULL;
	const int64_t each = tensor_elements(&from) / channels->count;
	uint32_t inputs[3] = { conv->inputs[0] };
	float *w, *b;

	inputs[1] = fold_conv_same_shape(graph, from.name, from.rank, from.dims, &w, err);
	inputs[2] = fold_conv_same_shape(graph, conv->name, 1, &channels->count, &b, err);
	if (inputs[1] == GRAPH_NONE || inputs[2] == GRAPH_NONE)
		return err->code;
	for (int64_t c = 0; c < channels->count; c++) {
		for (int64_t i = c * each; i < (c + 1) * each; i++)
			w[i] = (float)((double)old_w[i] * channels->scale[c]);
		b[c] = (float)((old_b ? (double)old_b[c] : 0) * channels->scale[c] +
			channels->shift[c]);
	}
	conv->n_inputs = 3;
	conv->inputs = arena_memdup(graph->arena, inputs, sizeof(inputs));
	return conv->inputs ? 1 : error_set(err, -ENOMEM, "out of memory");
}

static struct node *fold_conv_conv_before(
	struct graph *graph, const struct uses *uses, const struct node *node)
{
	struct node *conv = NULL;

	for (uint32_t i = 0; i < (node->op == OP_BATCH_NORM ? 1 : 2) && !conv; i++)
		conv = uses_sole(uses, graph, node->inputs[i], OP_CONV);
	if (!conv || node_int(conv, ATTR_ACTIVATION, ACTIVATION_NONE) != ACTIVATION_NONE ||
		!tensor_is_constant(graph, conv->inputs[1]) ||
		(conv->n_inputs > 2 && conv->inputs[2] != GRAPH_NONE &&
			!tensor_is_constant(graph, conv->inputs[2])))
		return NULL;
	return conv;
}

static int fold_conv_one(struct graph *graph, const struct uses *uses, struct node *node,
	struct compile_report *report, struct error *err)
{
	struct node *conv = fold_conv_conv_before(graph, uses, node);
	const struct tensor *y = conv ? &graph->tensors[conv->outputs[0]] : NULL;
	struct channel_affine channels = { .count = conv ? y->dims[1] : 0 };
	bool known;
	int rc = 0;

	if (!conv)
		return 0;
	channels.scale = calloc((size_t)channels.count * 2, sizeof(double));
	if (!channels.scale)
		return error_set(err, -ENOMEM, "out of memory");
	channels.shift = channels.scale + channels.count;
	known = node->op == OP_BATCH_NORM
		? fold_conv_norm_of(graph, node, &channels)
		: fold_conv_binary_of(graph, node, conv->outputs[0], y->rank, &channels);
	if (known && fold_conv_is_tame(&channels))
		rc = fold_conv_scale_weights(graph, conv, &channels, err);
	free(channels.scale);
	if (rc <= 0)
		return rc;
	uses_swap_outputs(conv, node);
	uses->producer[conv->outputs[0]] = (uint32_t)(conv - graph->nodes);
	report_add(
		report, "folded %s '%s' into Conv '%s'", op_name(node->op), node->name, conv->name);
	return 1;
}

int pass_fold_conv(struct graph *graph, struct compile_report *report, struct error *err)
{
	int changes = 0, rc = 0;
	struct uses uses;

	if (uses_init(&uses, graph, err))
		return err->code;
	for (uint32_t n = 0; n < graph->n_nodes && rc >= 0; n++) {
		struct node *node = &graph->nodes[n];

		if (node->n_inputs < 2 ||
			(node->op != OP_BATCH_NORM && node->op != OP_ADD && node->op != OP_SUB &&
				node->op != OP_MUL && node->op != OP_DIV))
			continue;
		rc = fold_conv_one(graph, &uses, node, report, err);
		changes += rc > 0;
	}
	uses_fini(&uses);
	return rc < 0 ? rc : changes;
}
