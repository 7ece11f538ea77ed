// SPDX-License-Identifier: BSD-3-Clause
#include "infer/ops/fold.h"

#include "infer/graph/arena.h"
#include "infer/ops/table.h"

#include <stdlib.h>

#define FOLD_WORK_MAX ((uint64_t)1 << 26)

static uint64_t fold_work(const struct plain_op *op, const struct plain *plain)
{
	uint64_t values = 0;

	for (uint32_t i = 0; i < plain->n_in; i++)
		values += (uint64_t)tensor_elements(&plain->in[i]);
	for (uint32_t o = 0; o < plain->n_out; o++)
		values += (uint64_t)tensor_elements(&plain->out[o]);
	return values + (op->work ? op->work(plain) : 0);
}

static int fold(
	struct graph *graph, const struct node *node, const struct plain_op *op, struct error *err)
{
	static const struct tensor LEFT_OUT = { .dims = { 0 } };
	struct tensor in[PLAIN_IN_MAX], out[PLAIN_OUT_MAX];
	const void *x[PLAIN_IN_MAX];
	void *y[PLAIN_OUT_MAX], *scratch = NULL;
	const struct plain plain = {
		.node = node, .in = in, .out = out, .n_in = node->n_inputs, .n_out = node->n_outputs
	};
	const struct node *folded;
	size_t scratch_bytes;

	for (uint32_t i = 0; i < node->n_inputs; i++) {
		uint32_t t = node->inputs[i];

		in[i] = t == GRAPH_NONE ? LEFT_OUT : graph->tensors[t];
		x[i] = in[i].data;
		if (t != GRAPH_NONE && !x[i])
			return 0;
	}
	for (uint32_t o = 0; o < node->n_outputs; o++)
		out[o] = node->outputs[o] == GRAPH_NONE ? LEFT_OUT
							: graph->tensors[node->outputs[o]];
	if (fold_work(op, &plain) > FOLD_WORK_MAX)
		return 0;
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		y[o] = NULL;
		if (node->outputs[o] != GRAPH_NONE) {
			y[o] = arena_calloc(graph->arena, tensor_bytes(&out[o]) + 1, 1);
			if (!y[o])
				return error_set(
					err, -ENOMEM, "out of memory to fold '%s'", node->name);
		}
	}
	scratch_bytes = op->scratch_bytes ? op->scratch_bytes(&plain) : 0;
	scratch = malloc(scratch_bytes + 1);
	if (!scratch)
		return error_set(err, -ENOMEM, "out of memory to fold '%s'", node->name);
	op->run(&plain, x, y, scratch);
	free(scratch);
	folded = arena_memdup(graph->arena, node, sizeof(*node));
	if (!folded)
		return error_set(err, -ENOMEM, "out of memory to fold '%s'", node->name);
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (!y[o])
			continue;
		graph->tensors[node->outputs[o]].data = y[o];
		graph->tensors[node->outputs[o]].folded = folded;
	}
	return 1;
}

int op_fold(struct graph *graph, const struct node *node, struct error *err)
{
	const struct plain_op *op = op_plain(node->op);

	if (!op || node->n_inputs == 0 || node->n_inputs > PLAIN_IN_MAX ||
		node->n_outputs > PLAIN_OUT_MAX)
		return 0;
	return fold(graph, node, op, err);
}
