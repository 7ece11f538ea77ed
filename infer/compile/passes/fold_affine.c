// SPDX-License-Identifier: BSD-3-Clause
// Folds Affine nodes (scalers, batch normalisation, biases) into the Dense or Affine next to them.
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/arena.h"

#include <math.h>

static bool has_activation(const struct node *node)
{
	return node_int(node, ATTR_ACTIVATION, ACTIVATION_NONE) != ACTIVATION_NONE;
}

static int fold_affine_set_inputs(struct graph *graph, struct node *node, uint32_t x, uint32_t w,
	uint32_t b, struct error *err)
{
	const uint32_t inputs[3] = { x, w, b };

	node->n_inputs = 3;
	node->inputs = arena_memdup(graph->arena, inputs, sizeof(inputs));
	return node->inputs ? 1 : error_set(err, -ENOMEM, "out of memory");
}

static const float *bias_of(const struct graph *graph, const struct node *node)
{
	bool none = node->n_inputs < 3 || node->inputs[2] == GRAPH_NONE;

	return none ? NULL : tensor_floats(graph, node->inputs[2]);
}

// shift * scale; -0, which shifts nothing, stays what shifts nothing.
static double fold_affine_scaled(float shift, float scale)
{
	return shift == 0 && signbit(shift) ? -0.0 : (double)shift * (double)scale;
}

// Is every value one? By an infinite factor, or one that is too large, what was an infinity becomes NaN: a sum of
// infinities of both signs.
static bool fold_affine_are_finite(const float *values, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

// affine after dense: (x W + b) s + t = x (W s) + (b s + t). Also affine after affine, rows = 1,
// where the first one's shift may not be so large that it costs precision.
static int fold_into_first(
	struct graph *graph, struct node *first, struct node *affine, struct error *err)
{
	bool dense = first->op == OP_DENSE;
	const struct tensor from = graph->tensors[first->inputs[1]];
	int64_t rows = dense ? from.dims[0] : 1, columns = from.dims[dense ? 1 : 0];
	const float *s = tensor_floats(graph, affine->inputs[1]);
	const float *t = tensor_floats(graph, affine->inputs[2]);
	const float *old_w = from.data, *old_b = bias_of(graph, first);
	uint32_t w_index, b_index;
	float *w, *b;

	for (int64_t c = 0; c < columns && !dense; c++) {
		if (!(fabs((double)old_b[c] * (double)s[c]) <= PASS_SHIFT_MAX))
			return 0;
	}
	w_index = pass_constant(
		graph, from.name, dense ? 2 : 1, dense ? rows : columns, columns, &w, err);
	if (w_index == GRAPH_NONE)
		return err->code;
	b_index = pass_constant(graph, affine->name, 1, columns, 0, &b, err);
	if (b_index == GRAPH_NONE)
		return err->code;
	for (int64_t r = 0; r < rows; r++) {
		for (int64_t c = 0; c < columns; c++)
			w[r * columns + c] = (float)((double)old_w[r * columns + c] * (double)s[c]);
	}
	for (int64_t c = 0; c < columns; c++)
		b[c] = (float)(fold_affine_scaled(old_b ? old_b[c] : 0, s[c]) + (double)t[c]);
	if (!fold_affine_are_finite(w, rows * columns) || !fold_affine_are_finite(b, columns))
		return 0;
	if (fold_affine_set_inputs(graph, first, first->inputs[0], w_index, b_index, err) < 0)
		return err->code;
	uses_swap_outputs(first, affine);
	return 1;
}

// affine before dense: (x s + t) W + b = x (s W) + (t W + b).
static int fold_into_next(
	struct graph *graph, struct node *affine, struct node *dense, struct error *err)
{
	const struct tensor from = graph->tensors[dense->inputs[1]];
	const float *s = tensor_floats(graph, affine->inputs[1]);
	const float *t = tensor_floats(graph, affine->inputs[2]);
	const float *old_w = from.data, *old_b = bias_of(graph, dense);
	int64_t rows = from.dims[0], columns = from.dims[1];
	uint32_t w_index, b_index;
	float *w, *b;

	w_index = pass_constant(graph, from.name, 2, rows, columns, &w, err);
	if (w_index == GRAPH_NONE)
		return err->code;
	b_index = pass_constant(graph, dense->name, 1, columns, 0, &b, err);
	if (b_index == GRAPH_NONE)
		return err->code;
	for (int64_t c = 0; c < columns; c++) {
		double sum = old_b ? (double)old_b[c] : 0, shifted = 0;

		for (int64_t r = 0; r < rows; r++) {
			double product = (double)t[r] * (double)old_w[r * columns + c];

			sum += product;
			shifted += fabs(product);
			w[r * columns + c] = (float)((double)s[r] * (double)old_w[r * columns + c]);
		}
		if (!(shifted <= PASS_SHIFT_MAX))
			return 0;
		b[c] = (float)sum;
	}
	if (!fold_affine_are_finite(w, rows * columns) || !fold_affine_are_finite(b, columns))
		return 0;
	return fold_affine_set_inputs(graph, dense, affine->inputs[0], w_index, b_index, err);
}

static int fold_affine_one(struct graph *graph, const struct uses *uses, struct node *node,
	struct compile_report *report, struct error *err)
{
	struct node *before;
	int rc = 0;

	if (node->n_inputs == 0)
		return 0;
	if (node->op == OP_AFFINE) {
		before = uses_sole(uses, graph, node->inputs[0], OP_DENSE);
		if (!before)
			before = uses_sole(uses, graph, node->inputs[0], OP_AFFINE);
		if (!before || has_activation(before))
			return 0;
		rc = fold_into_first(graph, before, node, err);
		// The activation of the second, where it has one, is the pair's.
		if (rc > 0) {
			before->attrs = node->attrs;
			before->n_attrs = node->n_attrs;
			uses->producer[before->outputs[0]] = (uint32_t)(before - graph->nodes);
			report_add(report, "folded Affine '%s' into %s '%s'", node->name,
				op_name(before->op), before->name);
		}
	} else if (node->op == OP_DENSE) {
		before = uses_sole(uses, graph, node->inputs[0], OP_AFFINE);
		if (!before || has_activation(before))
			return 0;
		rc = fold_into_next(graph, before, node, err);
		if (rc > 0) {
			before->n_inputs = 0; // dead: its reader reads what it read
			report_add(report, "folded Affine '%s' into Dense '%s'", before->name,
				node->name);
		}
	}
	return rc;
}

// Backwards, so that a scale is part of the Dense's weights before the shift in front of it is
// judged by what those weights make of it. The uses are kept up to date on the way.
int pass_fold_affine(struct graph *graph, struct compile_report *report, struct error *err)
{
	int changes = 0, rc = 0;
	struct uses uses;

	if (uses_init(&uses, graph, err))
		return err->code;
	for (uint32_t n = graph->n_nodes; n-- > 0 && rc >= 0;) {
		while ((rc = fold_affine_one(graph, &uses, &graph->nodes[n], report, err)) > 0)
			changes++;
	}
	uses_fini(&uses);
	return rc < 0 ? rc : changes;
}
