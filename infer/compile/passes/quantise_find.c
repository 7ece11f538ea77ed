// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantise_find.h"

#include "infer/compile/passes/constants.h"
#include "infer/compile/passes/quantise_recurrent.h"

#include <math.h>
#include <stdlib.h>

static bool quantise_all_finite(const struct graph *graph, const struct node *node)
{
	for (uint32_t i = 1; i < node->n_inputs; i++) {
		const float *values;

		if (!tensor_is_constant(graph, node->inputs[i]))
			continue;
		values = tensor_floats(graph, node->inputs[i]);
		for (int64_t v = tensor_elements(&graph->tensors[node->inputs[i]]); v-- > 0;) {
			if (!isfinite(values[v]))
				return false;
		}
	}
	return true;
}

static const char *quantise_refuse(const struct graph *graph, const struct node *node)
{
	const struct tensor *x = &graph->tensors[node->inputs[0]];

	if (x->data)
		return "its input is constant";
	if (!tensor_is_constant(graph, node->inputs[1]))
		return "its weights are computed, or not float32";
	if (!quantise_all_finite(graph, node))
		return "its weights are not all finite";
	if (node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE &&
		!tensor_is_constant(graph, node->inputs[2]))
		return "its bias is computed";
	if (node->op == OP_CONV && x->dims[0] != 1)
		return "it has more than one image a row";
	return NULL;
}

int quantise_find_layers(
	const struct graph *graph, struct quantise_layers *layers, struct error *err)
{
	*layers = (struct quantise_layers){ .of = calloc((size_t)graph->n_nodes + 1,
						    sizeof(*layers->of)) };
	if (!layers->of)
		return error_set(err, -ENOMEM, "out of memory for the layers");
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];
		const bool recurs = node->op == OP_RNN || node->op == OP_GRU || node->op == OP_LSTM;
		struct quantise_layer *layer = &layers->of[layers->count];

		if (!recurs && node->op != OP_DENSE && node->op != OP_CONV)
			continue;
		*layer = (struct quantise_layer){
			.node = n, .name = node->name, .result = GRAPH_NONE
		};
		layer->why = recurs ? quantise_recurrent_refuse(graph, node)
				    : quantise_refuse(graph, node);
		if (!layer->why && recurs && !quantise_all_finite(graph, node))
			layer->why = "its weights are not all finite";
		layers->count++;
	}
	return 0;
}

bool quantise_moves(const struct node *node)
{
	return node->op == OP_RESHAPE || node->op == OP_IDENTITY ||
		(node->op == OP_MAX_POOL && node->n_outputs == 1);
}

void quantise_wanted(
	const struct graph *graph, const struct quantise_layers *layers, uint8_t *wanted)
{
	for (uint32_t l = 0; l < layers->count; l++) {
		const struct node *node = &graph->nodes[layers->of[l].node];

		if (layers->of[l].why)
			continue;
		if (node->op == OP_CONV && wanted[node->inputs[0]] == RANGE_UNWANTED)
			wanted[node->inputs[0]] = RANGE_WHOLE;
		else if (node->op != OP_CONV)
			wanted[node->inputs[0]] = RANGE_CHANNELS;
		for (uint32_t o = 0; o < node->n_outputs; o++) {
			const uint32_t y = node->outputs[o];

			if (y != GRAPH_NONE && wanted[y] == RANGE_UNWANTED)
				wanted[y] = RANGE_WHOLE;
		}
	}
	for (uint32_t n = graph->n_nodes; n-- > 0;) { // what is moved as bytes is made as bytes
		const struct node *node = &graph->nodes[n];

		if (quantise_moves(node) && wanted[node->outputs[0]] != RANGE_UNWANTED &&
			wanted[node->inputs[0]] == RANGE_UNWANTED)
			wanted[node->inputs[0]] = RANGE_WHOLE;
	}
}

// The largest weights of a layer for each column of its input.
static void quantise_sizes(const struct graph *graph, const struct node *node, float *sizes)
{
	const struct tensor *w = &graph->tensors[node->inputs[1]];
	const bool is_dense = node->op == OP_DENSE;
	const int64_t k = w->dims[is_dense ? 0 : 2], n = tensor_elements(w) / (k > 0 ? k : 1);
	const float *weights = w->data;

	for (int64_t i = 0; i < k; i++) {
		for (int64_t c = 0; c < n; c++)
			sizes[i] = fmaxf(sizes[i],
				fabsf(is_dense ? weights[i * n + c] : weights[c * k + i]));
	}
}

int quantise_channels_of(const struct graph *graph, const struct ranges *ranges,
	const struct quantise_options *options, const struct quantise_layers *layers,
	uint32_t tensor, struct quantise_channels *channels, struct error *err)
{
	const struct range *range = &ranges->of[tensor];
	float *sizes = calloc((size_t)range->n_channels + 1, sizeof(*sizes));
	int rc;

	if (!sizes)
		return error_set(err, -ENOMEM, "out of memory for scales");
	for (uint32_t l = 0; l < layers->count && range->n_channels > 0; l++) {
		const struct quantise_layer *layer = &layers->of[l];
		const struct node *node = &graph->nodes[layer->node];

		if (!layer->why && !layer->keep && node->inputs[0] == tensor && node->op != OP_CONV)
			quantise_sizes(graph, node, sizes);
	}
	rc = quantise_find_channels(options, range, sizes, channels, err);
	free(sizes);
	return rc;
}
