// SPDX-License-Identifier: BSD-3-Clause
// Nodes whose inputs are all constant and small: computed here, once, in double.
#include "infer/passes/passes.h"

#include "infer/arena.h"

#include <assert.h>
#include <math.h>

#define FOLD_ELEMENTS_MAX (1 << 24)

static bool all_constant(const struct graph *graph, const struct node *node)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (!tensor_is_constant(graph, node->inputs[i]))
			return false;
	}
	return node->n_inputs > 0;
}

// Where value i of `out` comes from in a tensor that broadcasts to it.
static int64_t broadcast_index(const struct tensor *out, const struct tensor *from, int64_t i)
{
	int64_t at = 0, stride = 1;

	for (uint32_t d = 1; d <= out->rank; d++) {
		int64_t coordinate = i % out->dims[out->rank - d];

		i /= out->dims[out->rank - d];
		if (d > from->rank)
			break;
		if (from->dims[from->rank - d] != 1)
			at += coordinate * stride;
		stride *= from->dims[from->rank - d];
	}
	return at;
}

static double combine(enum op op, double a, double b)
{
	switch (op) {
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
		return a * b;
	default:
		return a / b;
	}
}

static bool is_binary(enum op op)
{
	return op == OP_ADD || op == OP_SUB || op == OP_MUL || op == OP_DIV;
}

static double apply(enum op op, double a)
{
	switch (op) {
	case OP_RELU:
		return a > 0 ? a : a <= 0 ? 0 : a;
	case OP_SIGMOID:
		return 1 / (1 + exp(-a));
	case OP_TANH:
		return tanh(a);
	default: // Identity, Reshape
		return a;
	}
}

static bool is_foldable(enum op op)
{
	return is_binary(op) || op == OP_RELU || op == OP_SIGMOID || op == OP_TANH ||
		op == OP_IDENTITY || op == OP_RESHAPE || op == OP_MATMUL;
}

static void evaluate(const struct graph *graph, const struct node *node, float *data)
{
	const struct tensor *out = &graph->tensors[node->outputs[0]];
	const struct tensor *a = &graph->tensors[node->inputs[0]];
	const struct tensor *b = node->n_inputs > 1 ? &graph->tensors[node->inputs[1]] : NULL;
	const float *x = a->data, *y = b ? b->data : NULL;
	int64_t n = tensor_elements(out);

	assert(b || (!is_binary(node->op) && node->op != OP_MATMUL)); // graph_check() saw to it
	for (int64_t i = 0; i < n; i++) {
		if (is_binary(node->op)) {
			data[i] = (float)combine(node->op, (double)x[broadcast_index(out, a, i)],
				(double)y[broadcast_index(out, b, i)]);
		} else if (node->op == OP_MATMUL) {
			int64_t columns = b->dims[1], inner = b->dims[0];
			double sum = 0;

			for (int64_t k = 0; k < inner; k++)
				sum += (double)x[i / columns * inner + k] *
					(double)y[k * columns + i % columns];
			data[i] = (float)sum;
		} else {
			data[i] = (float)apply(node->op, (double)x[i]);
		}
	}
}

static bool is_small(const struct graph *graph, const struct node *node)
{
	int64_t work = tensor_elements(&graph->tensors[node->outputs[0]]);

	if (node->op == OP_MATMUL) {
		const struct tensor *a = &graph->tensors[node->inputs[0]];
		const struct tensor *b = &graph->tensors[node->inputs[1]];

		if (a->rank != 2 || b->rank != 2 || b->dims[0] > FOLD_ELEMENTS_MAX)
			return false;
		work *= b->dims[0];
	}
	return work <= FOLD_ELEMENTS_MAX;
}

int pass_fold_constants(struct graph *graph, struct compile_report *report, struct error *err)
{
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];
		struct tensor *out = &graph->tensors[node->outputs[0]];
		float *data;

		if (!is_foldable(node->op) || !all_constant(graph, node) || !is_small(graph, node))
			continue;
		data = arena_calloc(graph->arena, (size_t)tensor_elements(out) + 1, sizeof(float));
		if (!data)
			return error_set(err, -ENOMEM, "out of memory to fold '%s'", node->name);
		evaluate(graph, node, data);
		out->data = data;
		node->n_inputs = 0;
		node->n_outputs = 0; // the tensor is a constant now, its node dead
		report_add(report, "computed '%s' once: its inputs are constant", node->name);
		changes++;
	}
	return changes;
}
