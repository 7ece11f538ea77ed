// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/activations.h"

#include "infer/compile/copy.h"

#include <stdio.h>

int pass_add_activation(
	struct graph *graph, struct act act, uint32_t x, uint32_t y, struct error *err)
{
	static const enum op OPS[ACTIVATION_COUNT] = {
		[ACTIVATION_RELU] = OP_RELU,
		[ACTIVATION_LEAKY_RELU] = OP_LEAKY_RELU,
		[ACTIVATION_CLIP] = OP_CLIP,
		[ACTIVATION_SIGMOID] = OP_SIGMOID,
		[ACTIVATION_TANH] = OP_TANH,
		[ACTIVATION_HARD_SIGMOID] = OP_HARD_SIGMOID,
		[ACTIVATION_ELU] = OP_ELU,
		[ACTIVATION_SELU] = OP_SELU,
		[ACTIVATION_SOFTPLUS] = OP_SOFTPLUS,
		[ACTIVATION_SOFTSIGN] = OP_SOFTSIGN,
		[ACTIVATION_GELU] = OP_GELU,
		[ACTIVATION_GELU_TANH] = OP_GELU,
	};
	const bool clips = act.kind == ACTIVATION_CLIP;
	const uint32_t n = graph_add_node(graph, OPS[act.kind], NULL, 1, &x, 1, &y, err);
	struct node *node;

	if (n == GRAPH_NONE)
		return err->code;
	node = &graph->nodes[n];
	if (node_set_float(graph, node, clips ? ATTR_MIN : ATTR_ALPHA, act.alpha) ||
		node_set_float(graph, node,
			clips                                 ? ATTR_MAX
				: act.kind == ACTIVATION_SELU ? ATTR_GAMMA
							      : ATTR_BETA,
			act.beta) ||
		(act.kind == ACTIVATION_GELU_TANH &&
			node_set_int(graph, node, ATTR_APPROXIMATE, 1)))
		return error_set(err, -ENOMEM, "out of memory for an activation");
	return 0;
}

static bool activations_are_apart(const struct node *node)
{
	const enum activation kind = act_of_attributes(node).kind;

	return (node->op == OP_DENSE || node->op == OP_CONV) && kind != ACTIVATION_NONE &&
		kind != ACTIVATION_RELU && kind != ACTIVATION_CLIP;
}

// The node without its activation, and the activation, which writes what the node wrote.
static int activations_split_node(struct graph *to, const struct node *node, struct error *err)
{
	const uint32_t y = node->outputs[0];
	const struct tensor like = to->tensors[y];
	struct node copied = *node, *made;
	char name[200];
	uint32_t sum;

	snprintf(name, sizeof(name), "%.150s~sum%u", like.name, to->n_tensors);
	sum = graph_add_tensor(to, name, like.dtype, like.rank, like.dims, NULL, err);
	if (sum == GRAPH_NONE)
		return err->code;
	copied.outputs = &sum;
	made = graph_copy_node(to, &copied, err);
	if (!made)
		return err->code;
	if (node_set_int(to, made, ATTR_ACTIVATION, ACTIVATION_NONE) != 0)
		return error_set(err, -ENOMEM, "out of memory for '%s'", node->name);
	return pass_add_activation(to, act_of_attributes(node), sum, y, err);
}

int pass_split_activations(const struct graph *from, struct graph **to, struct error *err)
{
	struct graph *graph;
	int rc = graph_copy(from, false, &graph, err);

	for (uint32_t n = 0; n < from->n_nodes && rc == 0; n++) {
		const struct node *node = &from->nodes[n];

		if (activations_are_apart(node))
			rc = activations_split_node(graph, node, err);
		else if (!graph_copy_node(graph, node, err))
			rc = err->code;
	}
	if (rc != 0) {
		graph_destroy(graph);
		graph = NULL;
	}
	*to = graph;
	return rc;
}
