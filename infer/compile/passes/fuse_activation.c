// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/uses.h"
#include "infer/graph/act.h"

static int fuse_activation_into(struct graph *graph, struct node *before, struct node *node,
	const struct act *act, struct error *err)
{
	if (before->op != OP_CONV)
		before->n_attrs = 0; // no activation before: there were none
	if (node_set_int(graph, before, ATTR_ACTIVATION, act->kind) ||
		node_set_float(graph, before, ATTR_ALPHA, act->alpha) ||
		node_set_float(graph, before, ATTR_BETA, act->beta))
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
		const struct act act = act_of_operator(node);

		if (act.kind == ACTIVATION_NONE || node->n_inputs == 0)
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
		if (fuse_activation_into(graph, before, node, &act, err)) {
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
