// SPDX-License-Identifier: BSD-3-Clause
#include "infer/ops/table.h"

#include "infer/ops/rule.h"

#include <inttypes.h>

static shape_rule *const RULES[OP_COUNT] = {
#define X(op, name, imin, imax, omin, omax, rule, plain) [op] = (rule),
	OP_LIST(X)
#undef X
};

static const struct plain_op *const PLAINS[OP_COUNT] = {
#define X(op, name, imin, imax, omin, omax, rule, plain) [op] = &(plain),
	OP_LIST(X)
#undef X
};

const struct plain_op *op_plain(enum op op)
{
	return PLAINS[op];
}

// Checks the number of inputs and outputs, their indices, which may be left out, and input shapes.
static int op_check_arity(const struct inference *in)
{
	const struct node *node = in->node;
	const struct op_arity *arity = op_arity(node->op);

	if (!arity)
		return shape_refuse(in, "operator %u is unknown", (unsigned)node->op);
	if (node->n_inputs < arity->inputs_min || node->n_inputs > arity->inputs_max)
		return shape_refuse(in, "has %" PRIu32 " inputs, should have %u to %u",
			node->n_inputs, arity->inputs_min, arity->inputs_max);
	if (node->n_outputs < arity->outputs_min || node->n_outputs > arity->outputs_max)
		return shape_refuse(in, "has %" PRIu32 " outputs, should have %u to %u",
			node->n_outputs, arity->outputs_min, arity->outputs_max);
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		uint32_t t = node->inputs[i];

		if (t >= in->graph->n_tensors && (t != GRAPH_NONE || i < arity->inputs_min))
			return shape_refuse(
				in, "input %" PRIu32 " is missing or names no tensor", i);
		if (t != GRAPH_NONE && tensor_check_shape(&in->graph->tensors[t], in->err) != 0)
			return error_prefix(in->err, "input %" PRIu32, i);
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		uint32_t t = node->outputs[o];

		if (t >= in->graph->n_tensors && (t != GRAPH_NONE || o < arity->outputs_min))
			return shape_refuse(
				in, "output %" PRIu32 " is missing or names no tensor", o);
	}
	return 0;
}

int op_infer(const struct graph *graph, const struct node *node, struct tensor *outputs,
	struct error *err)
{
	const struct inference in = { graph, node, err };
	int rc = op_check_arity(&in);

	if (rc == 0)
		rc = RULES[node->op](&in, outputs);
	if (rc != 0)
		return rc;
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (tensor_check_shape(&outputs[o], err) != 0)
			return error_prefix(err, "output %" PRIu32, o);
	}
	return 0;
}
