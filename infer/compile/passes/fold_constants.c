// SPDX-License-Identifier: BSD-3-Clause
// Nodes whose inputs are all constant: computed here, once, by its plain form.
#include "infer/compile/passes/passes.h"
#include "infer/ops/fold.h"

int pass_fold_constants(struct graph *graph, struct compile_report *report, struct error *err)
{
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];
		int rc = op_fold(graph, node, err);

		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		node->n_inputs = 0;
		node->n_outputs = 0; // the tensors are constants now, the node dead
		report_add(report, "computed '%s' once: its inputs are constant", node->name);
		changes++;
	}
	return changes;
}
