// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantise_layers.h"

#include "infer/compile/copy.h"
#include "infer/compile/passes/quantise_product.h"
#include "infer/compile/passes/quantise_recurrent.h"
#include "infer/compile/passes/quantise_table.h"
#include "infer/compile/passes/quantiser.h"
#include "infer/ops/check.h"

#include <stdlib.h>

// Marks the tensors of which every reader takes bytes. A node's readers come after it.
static void quantise_mark_bytes(struct quantiser *q)
{
	const struct graph *graph = q->from;

	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		quantise_channels_fini(&q->tensors[t].channels); // of a round before
		q->tensors[t] = (struct quantise_tensor){ .bytes = true, .q = GRAPH_NONE };
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		q->tensors[graph->outputs[o].tensor].bytes = false;
	for (uint32_t p = 0; p < graph->n_inputs; p++)
		q->tensors[graph->inputs[p].tensor].bytes = false;
	for (uint32_t n = graph->n_nodes; n-- > 0;) {
		const struct node *node = &graph->nodes[n];
		const uint32_t table = q->tables.table[n];
		const bool moves = table != GRAPH_NONE
			? q->tensors[q->tables.of[table].sink].bytes
			: quantise_moves(node) && q->tensors[node->outputs[0]].bytes;

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE && !moves && (i > 0 || !q->layer[n]))
				q->tensors[node->inputs[i]].bytes = false;
			if (node->inputs[i] != GRAPH_NONE && node->op == OP_CONV)
				q->tensors[node->inputs[i]].read_by_conv = true;
		}
	}
}

// A node that moves bytes where its input is bytes, and its output nothing else.
static int quantise_move(struct quantiser *q, const struct node *node)
{
	const uint32_t x = node->inputs[0], y = node->outputs[0];
	struct node copied = *node;
	uint32_t output = quantise_add_tensor(q, &q->from->tensors[y], q->tensors[x].of.dtype, "q");

	if (output == GRAPH_NONE)
		return q->err->code;
	copied.inputs = &q->tensors[x].q;
	copied.outputs = &output;
	q->tensors[y].q = output;
	q->tensors[y].of = q->tensors[x].of;
	return graph_copy_node(q->to, &copied, q->err) ? 0 : q->err->code;
}

static int quantise_sequence(struct quantiser *q, struct quantise_layer *layer)
{
	const struct node *node = &q->from->nodes[layer->node];
	const uint32_t x = quantise_bytes(q, node->inputs[0]);

	if (x == GRAPH_NONE)
		return q->err->code;
	layer->result = layer->stands_for = node->outputs[node->outputs[0] == GRAPH_NONE];
	return quantise_recurrent(q->from, q->to, q->ranges, q->options, node, x,
		&(struct recurrent_input){
			q->tensors[node->inputs[0]].of, &q->tensors[node->inputs[0]].channels },
		q->err);
}

static int quantise_node(struct quantiser *q, uint32_t n)
{
	const struct node *node = &q->from->nodes[n];
	const uint32_t table = q->tables.table[n];
	struct quantise_layer *layer = q->layer[n];

	if (table != GRAPH_NONE && quantise_is_table(q, table)) // of its nodes the last makes it
		return n == q->tables.of[table].nodes[0] ? quantise_table(q, table) : 0;
	if (!layer && quantise_moves(node) && q->tensors[node->outputs[0]].bytes &&
		q->tensors[node->inputs[0]].bytes && q->tensors[node->inputs[0]].q != GRAPH_NONE &&
		q->tensors[node->inputs[0]].channels.n == 0) // columns would have other places
		return quantise_move(q, node);
	if (!layer)
		return graph_copy_node(q->to, node, q->err) ? 0 : q->err->code;
	if (node->op == OP_DENSE || node->op == OP_CONV)
		return quantise_product(q, layer);
	return quantise_sequence(q, layer);
}

// -EDOM: a layer turned out not to fit, and knows `why` now.
static int quantise_all(struct quantiser *q)
{
	int rc = graph_copy(q->from, false, &q->to, q->err);

	if (rc == 0)
		quantise_mark_bytes(q);
	for (uint32_t n = 0; n < q->from->n_nodes && rc == 0; n++) {
		rc = quantise_node(q, n);
		if (rc == -EDOM && q->layer[n]) {
			q->layer[n]->why = "its weights and biases do not fit in 32 bits at once";
			q->layer[n] = NULL;
		}
	}
	if (rc == 0)
		rc = graph_check(q->to, q->err);
	if (rc != 0) {
		graph_destroy(q->to);
		q->to = NULL;
	}
	return rc;
}

int quantise_layers(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, struct quantise_layers *layers, struct graph **to,
	struct error *err)
{
	struct quantiser q = { .from = graph,
		.ranges = ranges,
		.options = options,
		.layers = layers,
		.layer = calloc((size_t)graph->n_nodes + 1, sizeof(*q.layer)),
		.tensors = calloc((size_t)graph->n_tensors + 1, sizeof(*q.tensors)),
		.err = err };
	int rc = q.layer && q.tensors ? 0 : error_set(err, -ENOMEM, "out of memory to quantise");

	if (rc == 0)
		rc = quantise_tables_find(&q.tables, graph, options, err);
	for (uint32_t l = 0; l < layers->count && rc == 0; l++) {
		struct quantise_layer *layer = &layers->of[l];

		layer->result = layer->stands_for = GRAPH_NONE;
		layer->quantum = (struct quantum){ 0 };
		if (!layer->why && !layer->keep)
			q.layer[layer->node] = layer;
	}
	do { // each round that fails has one layer less
		rc = rc == 0 || rc == -EDOM ? quantise_all(&q) : rc;
	} while (rc == -EDOM);
	for (uint32_t t = 0; q.tensors && t < graph->n_tensors; t++)
		quantise_channels_fini(&q.tensors[t].channels);
	quantise_tables_fini(&q.tables);
	free(q.layer);
	free(q.tensors);
	*to = q.to;
	return rc;
}
