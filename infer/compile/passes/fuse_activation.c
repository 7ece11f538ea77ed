// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"

#include <float.h>

struct fused {
	enum activation activation;
	float alpha, beta;
};

// Defaults are those of ONNX, which the importer has filled in already.
static struct fused activation_of(const struct node *node)
{
	switch (node->op) {
	case OP_RELU:
		return (struct fused){ ACTIVATION_RELU, 0, 0 };
	case OP_LEAKY_RELU:
		return (struct fused){ ACTIVATION_LEAKY_RELU, node_float(node, ATTR_ALPHA, 0.01f),
			0 };
	case OP_CLIP:
		return (struct fused){ ACTIVATION_CLIP, node_float(node, ATTR_MIN, -FLT_MAX),
			node_float(node, ATTR_MAX, FLT_MAX) };
	case OP_SIGMOID:
		return (struct fused){ ACTIVATION_SIGMOID, 0, 0 };
	case OP_TANH:
		return (struct fused){ ACTIVATION_TANH, 0, 0 };
	case OP_HARD_SIGMOID:
		return (struct fused){ ACTIVATION_HARD_SIGMOID, node_float(node, ATTR_ALPHA, 0.2f),
			node_float(node, ATTR_BETA, 0.5f) };
	case OP_ELU:
		return (struct fused){ ACTIVATION_ELU, node_float(node, ATTR_ALPHA, 1.0f), 0 };
	case OP_SELU:
		return (struct fused){ ACTIVATION_SELU, node_float(node, ATTR_ALPHA, 1.6732632f),
			node_float(node, ATTR_GAMMA, 1.050701f) };
	case OP_SOFTPLUS:
		return (struct fused){ ACTIVATION_SOFTPLUS, 0, 0 };
	case OP_SOFTSIGN:
		return (struct fused){ ACTIVATION_SOFTSIGN, 0, 0 };
	case OP_GELU:
		return (struct fused){ node_int(node, ATTR_APPROXIMATE, 0) ? ACTIVATION_GELU_TANH
									   : ACTIVATION_GELU,
			0, 0 };
	default:
		return (struct fused){ ACTIVATION_NONE, 0, 0 };
	}
}

static int fuse(struct graph *graph, struct node *before, struct node *node, struct fused fused,
	struct error *err)
{
	if (before->op != OP_CONV)
		before->n_attrs = 0; // no activation before: there were none
	if (node_set_int(graph, before, ATTR_ACTIVATION, fused.activation) ||
		node_set_float(graph, before, ATTR_ALPHA, fused.alpha) ||
		node_set_float(graph, before, ATTR_BETA, fused.beta))
		return error_set(err, -ENOMEM, "out of memory");
	uses_swap_outputs(before, node);
	return 0;
}

int pass_fuse_activation(struct graph *graph, struct compile_report *report, struct error *err)
{
	struct uses uses;
	int changes = 0;

	if (uses_init(&uses, graph, err))
		return err->code;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n], *before;
		struct fused fused = activation_of(node);

		if (fused.activation == ACTIVATION_NONE || node->n_inputs == 0)
			continue;
		before = uses_sole(&uses, graph, node->inputs[0], OP_DENSE);
		if (!before)
			before = uses_sole(&uses, graph, node->inputs[0], OP_AFFINE);
		if (!before)
			before = uses_sole(&uses, graph, node->inputs[0], OP_CONV);
		if (!before)
			before = uses_sole(&uses, graph, node->inputs[0], OP_DYNAMIC_QDENSE);
		if (!before ||
			node_int(before, ATTR_ACTIVATION, ACTIVATION_NONE) != ACTIVATION_NONE)
			continue;
		uses.producer[node->outputs[0]] = uses.producer[before->outputs[0]];
		if (fuse(graph, before, node, fused, err)) {
			changes = err->code;
			break;
		}
		report_add(report, "fused %s '%s' into %s '%s'", op_name(node->op), node->name,
			op_name(before->op), before->name);
		changes++;
	}
	uses_fini(&uses);
	return changes;
}
