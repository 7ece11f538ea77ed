// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/passes.h"

#include "infer/graph/arena.h"

#include <stdlib.h>

int passes_run(struct graph *graph, struct compile_report *report, struct error *err)
{
	static int (*const PASSES[])(struct graph *, struct compile_report *, struct error *) = {
		pass_drop_identity,
		pass_fold_constants,
		pass_fuse_dynamic, // before its Add becomes an Affine
		pass_make_dense,
		pass_fold_conv,
		pass_make_affine,
		pass_fold_affine,
		pass_fuse_activation,
		pass_dead_code,
	};
	// Every change takes a node away or makes it a simpler kind, so this ends well before.
	uint32_t rounds = graph->n_nodes * 3 + 1;
	int changes;

	do {
		changes = 0;
		for (size_t p = 0; p < sizeof(PASSES) / sizeof(*PASSES); p++) {
			int rc = PASSES[p](graph, report, err);

			if (rc < 0)
				return rc;
			changes += rc;
		}
	} while (changes > 0 && rounds-- > 0);
	return 0;
}

int uses_init(struct uses *uses, const struct graph *graph, struct error *err)
{
	uses->producer = malloc(((size_t)graph->n_tensors + 1) * sizeof(uint32_t));
	uses->count = calloc((size_t)graph->n_tensors + 1, sizeof(uint32_t));
	if (!uses->producer || !uses->count) {
		uses_fini(uses);
		return error_set(err, -ENOMEM, "out of memory for %u tensors", graph->n_tensors);
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		uses->producer[t] = GRAPH_NONE;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				uses->count[node->inputs[i]]++;
		}
		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] != GRAPH_NONE)
				uses->producer[node->outputs[o]] = n;
		}
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		uses->count[graph->outputs[o].tensor]++;
	return 0;
}

void uses_fini(struct uses *uses)
{
	free(uses->producer);
	free(uses->count);
	uses->producer = uses->count = NULL;
}

struct node *uses_sole(const struct uses *uses, struct graph *graph, uint32_t tensor, enum op op)
{
	uint32_t producer = uses->producer[tensor];

	if (producer == GRAPH_NONE || uses->count[tensor] != 1 || graph->nodes[producer].op != op)
		return NULL;
	return &graph->nodes[producer];
}

void node_take_output(struct node *first, struct node *second)
{
	uint32_t written = first->outputs[0];

	first->outputs[0] = second->outputs[0];
	second->outputs[0] = written;
	second->n_inputs = 0;
}

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

const float *tensor_floats(const struct graph *graph, uint32_t tensor)
{
	return graph->tensors[tensor].data;
}
