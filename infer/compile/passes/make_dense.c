// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/graph/arena.h"

// A constant that adds the same to every row: all dimensions but the last are 1.
static bool is_row_vector(const struct tensor *tensor, int64_t n)
{
	for (uint32_t d = 0; d + 1 < tensor->rank; d++) {
		if (tensor->dims[d] != 1)
			return false;
	}
	return tensor->rank == 0 || tensor->dims[tensor->rank - 1] == 1 ||
		tensor->dims[tensor->rank - 1] == n;
}

static bool fits(const struct graph *graph, const struct node *node)
{
	bool bias = node->n_inputs == 3 && node->inputs[2] != GRAPH_NONE;
	const struct tensor *w;

	if ((node->op != OP_GEMM && node->op != OP_MATMUL) || node->n_inputs < 2 ||
		graph->tensors[node->inputs[0]].data || !tensor_is_constant(graph, node->inputs[1]))
		return false;
	w = &graph->tensors[node->inputs[1]];
	if (w->rank != 2 || node_int(node, ATTR_TRANS_A, 0) != 0)
		return false;
	return !bias ||
		(tensor_is_constant(graph, node->inputs[2]) &&
			is_row_vector(&graph->tensors[node->inputs[2]],
				w->dims[node_int(node, ATTR_TRANS_B, 0) ? 0 : 1]));
}

// w [k][n] is alpha * old, or where `transposed` alpha times the transpose of old [n][k]: in squares, so
// that neither is read or written all across memory.
#define MAKE_DENSE_SQUARE 16
static void make_weights(
	float *w, const float *old, int64_t k, int64_t n, double alpha, bool transposed)
{
	const int64_t k_step = transposed ? 1 : n, n_step = transposed ? k : 1;

	for (int64_t r = 0; r < k; r += MAKE_DENSE_SQUARE) {
		for (int64_t c = 0; c < n; c += MAKE_DENSE_SQUARE) {
			const int64_t r_end = r + MAKE_DENSE_SQUARE < k ? r + MAKE_DENSE_SQUARE : k;
			const int64_t c_end = c + MAKE_DENSE_SQUARE < n ? c + MAKE_DENSE_SQUARE : n;

			for (int64_t i = r; i < r_end; i++) {
				for (int64_t j = c; j < c_end; j++)
					w[i * n + j] = (float)(alpha *
						(double)old[i * k_step + j * n_step]);
			}
		}
	}
}

static int make_dense(struct graph *graph, struct node *node, struct error *err)
{
	const struct tensor from = graph->tensors[node->inputs[1]];
	bool transposed = node_int(node, ATTR_TRANS_B, 0) != 0;
	double alpha = (double)node_float(node, ATTR_ALPHA, 1);
	double beta = (double)node_float(node, ATTR_BETA, 1);
	int64_t k = from.dims[transposed ? 1 : 0], n = from.dims[transposed ? 0 : 1];
	bool bias = node->n_inputs == 3 && node->inputs[2] != GRAPH_NONE;
	uint32_t inputs[3] = { node->inputs[0] };
	float *w, *b;

	inputs[1] = node->inputs[1];
	if (transposed || alpha != 1) {
		inputs[1] = pass_constant(graph, from.name, 2, k, n, &w, err);
		if (inputs[1] == GRAPH_NONE)
			return err->code;
		make_weights(w, from.data, k, n, alpha, transposed);
	}
	if (bias) {
		const struct tensor c = graph->tensors[node->inputs[2]];
		int64_t step = tensor_elements(&c) == 1 ? 0 : 1;

		inputs[2] = pass_constant(graph, c.name, 1, n, 0, &b, err);
		if (inputs[2] == GRAPH_NONE)
			return err->code;
		for (int64_t i = 0; i < n; i++)
			b[i] = (float)(beta * (double)((const float *)c.data)[i * step]);
	}
	node->op = OP_DENSE;
	node->n_attrs = 0;
	node->n_inputs = bias ? 3 : 2;
	node->inputs = arena_memdup(graph->arena, inputs, sizeof(inputs));
	return node->inputs ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int pass_make_dense(struct graph *graph, struct compile_report *report, struct error *err)
{
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];
		enum op op = node->op;

		if (!fits(graph, node))
			continue;
		if (make_dense(graph, node, err))
			return err->code;
		report_add(report, "made %s '%s' a Dense", op_name(op), node->name);
		changes++;
	}
	return changes;
}
