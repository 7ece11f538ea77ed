// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/graph/arena.h"

#include <math.h>
#include <string.h>

// The operand as a constant for each column of x, or NULL. *step is 0 where one value serves all.
static const float *column_constant(
	const struct graph *graph, uint32_t operand, const struct tensor *x, int64_t *step)
{
	const struct tensor *c = &graph->tensors[operand];

	if (!tensor_is_constant(graph, operand) || x->rank == 0 || c->rank > x->rank)
		return NULL;
	for (uint32_t d = 0; d + 1 < c->rank; d++) {
		if (c->dims[d] != 1)
			return NULL;
	}
	*step = tensor_elements(c) == 1 ? 0 : 1;
	return *step == 0 || c->dims[c->rank - 1] == x->dims[x->rank - 1] ? c->data : NULL;
}

// y = x op c, or c op x where reversed. false: not an affine function. What shifts nothing is -0, since
// adding 0 makes 0 of -0, and another score of what is divided by it.
static bool arithmetic(enum op op, bool reversed, double c, double *scale, double *shift)
{
	*scale = 1;
	*shift = -0.0;
	switch (op) {
	case OP_ADD:
		*shift = c;
		return true;
	case OP_SUB:
		*scale = reversed ? -1 : 1;
		*shift = reversed ? c : -c;
		return true;
	case OP_MUL:
		*scale = c;
		return true;
	case OP_DIV:
		*scale = 1 / c;
		return !reversed && isfinite((float)*scale);
	default:
		return false;
	}
}

static bool from_arithmetic(
	const struct graph *graph, const struct node *node, uint32_t *x, float *scale, float *shift)
{
	int64_t columns, step = 0;
	bool reversed;
	const float *c;

	if (node->n_inputs != 2)
		return false;
	reversed = graph->tensors[node->inputs[0]].data != NULL;
	*x = node->inputs[reversed];
	if (graph->tensors[*x].data)
		return false;
	c = column_constant(graph, node->inputs[!reversed], &graph->tensors[*x], &step);
	if (!c)
		return false;
	columns = graph->tensors[*x].dims[graph->tensors[*x].rank - 1];
	for (int64_t i = 0; i < columns; i++) {
		double s, t;

		if (!arithmetic(node->op, reversed, (double)c[i * step], &s, &t))
			return false;
		scale[i] = (float)s;
		shift[i] = (float)t;
	}
	return true;
}

// (x - mean) / sqrt(variance + epsilon) * gamma + beta, for rows of channels.
static bool from_batch_norm(
	const struct graph *graph, const struct node *node, uint32_t *x, float *scale, float *shift)
{
	double epsilon = (double)node_float(node, ATTR_EPSILON, 1e-5f);
	const float *p[5];

	*x = node->inputs[0];
	if (graph->tensors[*x].rank != 2 || graph->tensors[*x].data)
		return false;
	for (int i = 1; i < 5; i++) {
		if (!tensor_is_constant(graph, node->inputs[i]))
			return false;
		p[i] = tensor_floats(graph, node->inputs[i]);
	}
	for (int64_t c = 0; c < graph->tensors[*x].dims[1]; c++) {
		double s = (double)p[1][c] / sqrt((double)p[4][c] + epsilon);

		if (!isfinite((float)s) || fabs((double)p[3][c] * s) > PASS_SHIFT_MAX)
			return false;
		scale[c] = (float)s;
		shift[c] = (float)((double)p[2][c] - (double)p[3][c] * s);
	}
	return true;
}

static int make_affine(struct graph *graph, struct node *node, struct error *err)
{
	uint32_t inputs[3], x = 0;
	const struct tensor *out = &graph->tensors[node->outputs[0]];
	int64_t columns = out->rank ? out->dims[out->rank - 1] : 0;
	float *scale, *shift;
	bool made;

	inputs[1] = pass_constant(graph, node->name, 1, columns, 0, &scale, err);
	inputs[2] = inputs[1] == GRAPH_NONE
		? GRAPH_NONE
		: pass_constant(graph, node->name, 1, columns, 0, &shift, err);
	if (inputs[2] == GRAPH_NONE)
		return err->code;
	made = node->op == OP_BATCH_NORM ? from_batch_norm(graph, node, &x, scale, shift)
					 : from_arithmetic(graph, node, &x, scale, shift);
	if (!made)
		return 0; // the constants are dead code
	inputs[0] = x;
	node->op = OP_AFFINE;
	node->n_attrs = 0;
	node->n_inputs = 3;
	node->inputs = arena_memdup(graph->arena, inputs, sizeof(inputs));
	return node->inputs ? 1 : error_set(err, -ENOMEM, "out of memory");
}

// Does the result have the shape of x, so that one scale a column suffices? Asked before memory is
// taken.
static bool may_be_affine(const struct graph *graph, const struct node *node)
{
	const struct tensor *out = &graph->tensors[node->outputs[0]];
	const struct tensor *x;

	if (node->op == OP_BATCH_NORM)
		return out->rank == 2;
	if (node->n_inputs != 2 ||
		(node->op != OP_ADD && node->op != OP_SUB && node->op != OP_MUL &&
			node->op != OP_DIV))
		return false;
	if (!graph->tensors[node->inputs[0]].data == !graph->tensors[node->inputs[1]].data)
		return false;
	x = &graph->tensors[node->inputs[graph->tensors[node->inputs[0]].data != NULL]];
	return x->rank != 0 && x->rank == out->rank &&
		memcmp(x->dims, out->dims, x->rank * sizeof(*x->dims)) == 0;
}

int pass_make_affine(struct graph *graph, struct compile_report *report, struct error *err)
{
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		enum op op = graph->nodes[n].op;
		int rc;

		if (!may_be_affine(graph, &graph->nodes[n]))
			continue;
		rc = make_affine(graph, &graph->nodes[n], err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			report_add(report, "made %s '%s' an Affine", op_name(op),
				graph->nodes[n].name);
		changes += rc;
	}
	return changes;
}
