// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/passes.h"
#include "infer/kernels/product/bf16_dense.h"

static int convert(struct graph *graph, struct node *node, struct error *err)
{
	const struct tensor from = graph->tensors[node->inputs[1]];
	const float *floats = from.data;
	void *data;
	const uint32_t to = pass_constant_of(
		graph, from.name, DTYPE_BF16, 2, from.dims[0], from.dims[1], &data, err);
	uint16_t *rounded = data;

	if (to == GRAPH_NONE)
		return err->code;
	for (int64_t i = 0; i < tensor_elements(&from); i++)
		rounded[i] = bf16_of(floats[i]);
	node->inputs[1] = to;
	return 0;
}

int pass_bf16_weights(struct graph *graph, struct compile_report *report, struct error *err)
{
	int64_t weights = 0;
	int changes = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		struct node *node = &graph->nodes[n];

		if (node->op != OP_DENSE || !tensor_is_constant(graph, node->inputs[1]))
			continue;
		weights += tensor_elements(&graph->tensors[node->inputs[1]]);
		if (convert(graph, node, err) != 0)
			return err->code;
		changes++;
	}
	if (changes > 0)
		report_add(report,
			"weights of %d dense layers in bfloat16: %lld bytes instead of %lld",
			changes, (long long)weights * 2, (long long)weights * 4);
	return changes;
}
