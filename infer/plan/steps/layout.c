// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/steps/layout.h"
#include "infer/graph/arena.h"
#include "infer/kernels/move/transpose.h"

#define VIEWS_MAX 4 // Reshapes and Identities between a tensor and its Dense
#define POOLS_MAX 4 // that follow each other: bounds the search

static const struct node *layout_sole_reader(const struct builder *builder, uint32_t t)
{
	const uint32_t n = builder->sole_reader[t];

	return n == GRAPH_NONE ? NULL : &builder->graph->nodes[n];
}

// Do the Reshapes and Identities from `view` on make all of the tensor one row of a Dense or
// QDense?
static bool layout_is_flattened(
	const struct builder *builder, const struct node *view, int64_t elements)
{
	for (int i = 0; view && i < VIEWS_MAX; i++) {
		const struct node *reader = layout_sole_reader(builder, view->outputs[0]);

		if (reader && (reader->op == OP_DENSE || reader->op == OP_QDENSE))
			return reader->inputs[0] == view->outputs[0] &&
				builder->graph->tensors[reader->inputs[1]].dims[0] == elements;
		if (!reader || (reader->op != OP_RESHAPE && reader->op != OP_IDENTITY))
			return false;
		view = reader;
	}
	return false;
}

bool layout_reader_takes(const struct builder *builder, const struct node *node, uint32_t pools)
{
	const uint32_t t = node->outputs[0];
	const struct tensor *tensor = &builder->graph->tensors[t];
	const struct node *reader = layout_sole_reader(builder, t);

	if (!reader || reader->inputs[0] != t)
		return false;
	if (reader->op == OP_RESHAPE)
		return tensor->dims[0] == 1 &&
			layout_is_flattened(builder, reader, tensor_elements(tensor));
	return builder->takes_channels_last(builder, reader, pools);
}

bool layout_output_last(struct builder *builder)
{
	const bool last = layout_reader_takes(builder, builder->node, POOLS_MAX);

	builder->channels_last[builder->node->outputs[0]] = last;
	return last;
}

bool layout_input_last(const struct builder *builder)
{
	return builder->channels_last[builder->root[builder->node->inputs[0]]];
}

void *layout_dense_weights(
	const struct builder *builder, const void *w, uint32_t k, size_t row_bytes)
{
	const struct tensor *x = &builder->graph->tensors[builder->root[builder->node->inputs[0]]];
	const uint32_t channels = (uint32_t)x->dims[1];
	const struct transpose transpose = transpose_of_matrix(channels, k / channels, row_bytes);
	void *own = arena_lend(builder->plan->arena, k * row_bytes);

	if (own)
		transpose__scalar(&transpose, 1, w, 0, own);
	return own;
}
