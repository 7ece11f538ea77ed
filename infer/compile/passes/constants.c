// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/constants.h"
#include "infer/graph/arena.h"
#include "infer/ops/values.h"

#include <stdio.h>

uint32_t pass_constant_of(struct graph *graph, const char *stem, enum dtype dtype, uint32_t rank,
	int64_t d0, int64_t d1, void **data, struct error *err)
{
	const int64_t dims[2] = { d0, d1 };
	size_t elements = (size_t)(rank > 0 ? d0 : 1) * (size_t)(rank > 1 ? d1 : 1);
	char name[200];

	snprintf(name, sizeof(name), "%.150s~%u", stem, graph->n_tensors);
	*data = arena_calloc(graph->arena, elements ? elements : 1, dtype_bytes(dtype));
	if (!*data) {
		error_set(err, -ENOMEM, "out of memory for %zu folded weights", elements);
		return GRAPH_NONE;
	}
	return graph_add_tensor(graph, name, dtype, rank, dims, *data, err);
}

uint32_t pass_constant(struct graph *graph, const char *stem, uint32_t rank, int64_t d0, int64_t d1,
	float **data, struct error *err)
{
	void *memory;
	uint32_t tensor = pass_constant_of(graph, stem, DTYPE_F32, rank, d0, d1, &memory, err);

	*data = memory;
	return tensor;
}

bool tensor_is_constant(const struct graph *graph, uint32_t tensor)
{
	return tensor != GRAPH_NONE && graph->tensors[tensor].data &&
		graph->tensors[tensor].dtype == DTYPE_F32;
}

bool tensor_is_value(const struct graph *graph, uint32_t tensor, double *value)
{
	const struct tensor *constant = &graph->tensors[tensor];

	if (tensor == GRAPH_NONE || !constant->data || tensor_elements(constant) != 1)
		return false;
	*value = value_number(constant->dtype, constant->data, 0);
	return true;
}

const float *tensor_floats(const struct graph *graph, uint32_t tensor)
{
	return graph->tensors[tensor].data;
}
