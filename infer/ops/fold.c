// SPDX-License-Identifier: BSD-3-Clause
#include "infer/ops/fold.h"

#include "infer/graph/arena.h"
#include "infer/ops/table.h"

#include <stdlib.h>

#define FOLD_WORK_MAX ((uint64_t)1 << 26) // of one node

static uint64_t fold_work(const struct plain_op *op, const struct plain *plain)
{
	uint64_t values = 0;

	for (uint32_t i = 0; i < plain->n_in; i++)
		values += (uint64_t)tensor_elements(&plain->in[i]);
	for (uint32_t o = 0; o < plain->n_out; o++)
		values += (uint64_t)tensor_elements(&plain->out[o]);
	return values + (op->work ? op->work(plain) : 0);
}

// The arguments of the plain form, in one block of memory.
struct fold {
	struct tensor *in, *out; // [n_inputs], [n_outputs]; all 0 where left out
	const void **x;
	void **y;
};

static bool fold_init(struct fold *fold, const struct node *node)
{
	const size_t n_in = node->n_inputs, n_out = node->n_outputs;
	char *block = calloc(n_in + n_out, sizeof(struct tensor) + sizeof(void *));

	if (!block)
		return false;
	fold->in = (struct tensor *)(void *)block;
	fold->out = fold->in + n_in;
	fold->x = (const void **)(fold->out + n_out);
	fold->y = (void **)(fold->x + n_in);
	return true;
}

// False: an input has no value. Values of tensors are `values`, or where that is NULL the graph's own
// constants.
static bool fold_inputs(const struct graph *graph, const struct node *node,
	const void *const *values, struct fold *fold)
{
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			continue;
		fold->in[i] = graph->tensors[node->inputs[i]];
		fold->x[i] = values ? values[node->inputs[i]] : fold->in[i].data;
		if (!fold->x[i])
			return false;
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (node->outputs[o] != GRAPH_NONE)
			fold->out[o] = graph->tensors[node->outputs[o]];
	}
	return true;
}

// Without values there is nothing to do, but a plain form may count through the dimensions around
// them: those of [0, 2^28, 2^28] would take hours.
static bool fold_has_values(const struct plain *plain, const struct fold *fold)
{
	for (uint32_t o = 0; o < plain->n_out; o++) {
		if (fold->y[o] && tensor_elements(&plain->out[o]) > 0)
			return true;
	}
	return false;
}

// Computes the outputs into memory of `arena`.
static int fold_run(const struct node *node, const struct plain_op *op, const struct plain *plain,
	struct fold *fold, struct arena *arena)
{
	const size_t bytes = op->scratch_bytes ? op->scratch_bytes(plain) : 0;
	void *scratch;

	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (node->outputs[o] == GRAPH_NONE)
			continue;
		fold->y[o] = arena_alloc(arena, tensor_bytes(&fold->out[o]));
		if (!fold->y[o])
			return -ENOMEM;
	}
	scratch = malloc(bytes + 1);
	if (!scratch)
		return -ENOMEM;
	if (fold_has_values(plain, fold))
		op->run(plain, fold->x, fold->y, scratch);
	free(scratch);
	return 0;
}

// The node's outputs become constants of the graph.
static int fold_keep(struct graph *graph, const struct node *node, const struct fold *fold)
{
	const struct node *folded = arena_memdup(graph->arena, node, sizeof(*node));

	if (!folded)
		return -ENOMEM;
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (!fold->y[o])
			continue;
		graph->tensors[node->outputs[o]].data = fold->y[o];
		graph->tensors[node->outputs[o]].folded = folded;
	}
	return 1;
}

int op_fold(struct graph *graph, const struct node *node, struct error *err)
{
	const struct plain_op *op = op_plain(node->op);
	struct plain plain = { .node = node, .n_in = node->n_inputs, .n_out = node->n_outputs };
	struct fold fold;
	int rc = 0;

	if (node->n_inputs == 0)
		return 0;
	if (!fold_init(&fold, node))
		return error_set(err, -ENOMEM, "out of memory to fold '%s'", node->name);
	plain.in = fold.in;
	plain.out = fold.out;
	if (fold_inputs(graph, node, NULL, &fold)) {
		const uint64_t work = fold_work(op, &plain);

		if (work <= FOLD_WORK_MAX && work <= FOLD_WORK_ALL - graph->folded_work) {
			graph->folded_work += work;
			rc = fold_run(node, op, &plain, &fold, graph->arena);
			if (rc == 0)
				rc = fold_keep(graph, node, &fold);
		}
	}
	free(fold.in);
	if (rc == -ENOMEM)
		error_set(err, rc, "out of memory to fold '%s'", node->name);
	return rc;
}

static int evaluate_node(const struct graph *graph, const struct node *node, uint64_t *work,
	struct arena *arena, const void **values)
{
	const struct plain_op *op = op_plain(node->op);
	struct plain plain = { .node = node, .n_in = node->n_inputs, .n_out = node->n_outputs };
	struct fold fold;
	int rc = -EFBIG;

	if (!fold_init(&fold, node))
		return -ENOMEM;
	plain.in = fold.in;
	plain.out = fold.out;
	if (fold_inputs(graph, node, values, &fold) && fold_work(op, &plain) <= *work) {
		*work -= fold_work(op, &plain);
		rc = fold_run(node, op, &plain, &fold, arena);
	}
	for (uint32_t o = 0; o < node->n_outputs && rc == 0; o++) {
		if (fold.y[o])
			values[node->outputs[o]] = fold.y[o];
	}
	free(fold.in);
	return rc;
}

int graph_evaluate(const struct graph *graph, const float *row, uint64_t *work, struct arena *arena,
	const void **values)
{
	int rc = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++)
		values[t] = graph->tensors[t].data;
	for (uint32_t i = 0; i < graph->n_inputs; i++)
		values[graph->inputs[i].tensor] = row + graph->inputs[i].first_column;
	for (uint32_t n = 0; n < graph->n_nodes && rc == 0; n++)
		rc = evaluate_node(graph, &graph->nodes[n], work, arena, values);
	return rc;
}
