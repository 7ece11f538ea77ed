// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/distil/scaling.h"

#include "infer/compile/passes/constants.h"
#include "infer/graph/act.h"

#include <math.h>
#include <stdlib.h>

static const struct node *scaling_producer(const struct graph *graph, uint32_t tensor)
{
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		if (graph->nodes[i].n_outputs > 0 && graph->nodes[i].outputs[0] == tensor)
			return &graph->nodes[i];
	}
	return NULL;
}

// An Affine of one scale and one shift a feature.
static bool scaling_is_affine(const struct graph *graph, const struct node *node)
{
	if (node->op != OP_AFFINE || act_of_attributes(node).kind != ACTIVATION_NONE)
		return false;
	for (uint32_t i = 1; i <= 2; i++) {
		if (!tensor_is_constant(graph, node->inputs[i]) ||
			tensor_elements(&graph->tensors[node->inputs[i]]) != graph->n_features)
			return false;
	}
	return true;
}

// What the node makes goes into the scaling that is known so far.
static void scaling_put_before(
	struct scaling *scaling, const struct graph *graph, const struct node *node)
{
	const float *scale = tensor_floats(graph, node->inputs[1]);
	const float *shift = tensor_floats(graph, node->inputs[2]);

	for (uint32_t c = 0; c < graph->n_features; c++) {
		scaling->shift[c] += scaling->scale[c] * (double)shift[c];
		scaling->scale[c] *= (double)scale[c];
	}
}

int scaling_of(
	const struct graph *graph, uint32_t tensor, struct scaling *scaling, struct error *err)
{
	const struct node *node;

	*scaling = (struct scaling){ .scale = calloc(graph->n_features + 1u, sizeof(double)),
		.shift = calloc(graph->n_features + 1u, sizeof(double)) };
	if (!scaling->scale || !scaling->shift) {
		scaling_fini(scaling);
		return error_set(err, -ENOMEM, "out of memory for %u features", graph->n_features);
	}
	for (uint32_t c = 0; c < graph->n_features; c++)
		scaling->scale[c] = 1;
	if (graph->n_inputs != 1)
		return 0;
	while (tensor != graph->inputs[0].tensor) {
		node = scaling_producer(graph, tensor);
		if (!node || !scaling_is_affine(graph, node))
			return 0;
		scaling_put_before(scaling, graph, node);
		tensor = node->inputs[0];
	}
	scaling->is = true;
	return 0;
}

void scaling_fini(struct scaling *scaling)
{
	free(scaling->scale);
	free(scaling->shift);
	*scaling = (struct scaling){ 0 };
}

float scaling_back(const struct scaling *scaling, uint32_t c, float scaled)
{
	return scaling->scale[c] == 0
		? NAN
		: (float)(((double)scaled - scaling->shift[c]) / scaling->scale[c]);
}
