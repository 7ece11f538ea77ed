// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/evaluate.h"

#include "base/align.h"
#include "infer/graph/arena.h"
#include "infer/ops/table.h"
#include "infer/plan/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EVALUATE_PLAIN_WORK ((uint64_t)1 << 22) // from here on a plan is built
#define EVALUATE_ARENA      ((size_t)5 << 29)

int evaluation_init(struct evaluation *evaluation, struct error *err)
{
	const struct node *node = evaluation->node;

	evaluation->x = calloc((size_t)node->n_inputs + 1, sizeof(*evaluation->x));
	evaluation->y = calloc((size_t)node->n_outputs + 1, sizeof(*evaluation->y));
	evaluation->own = calloc((size_t)node->n_inputs + 1, sizeof(*evaluation->own));
	if (evaluation->x && evaluation->y && evaluation->own)
		return 0;
	return error_set(err, -ENOMEM, "out of memory to evaluate '%s'", node->name);
}

void evaluation_fini(struct evaluation *evaluation)
{
	for (uint32_t i = 0; evaluation->own && i < evaluation->node->n_inputs; i++)
		free(evaluation->own[i]);
	free(evaluation->own);
	free(evaluation->x);
	free(evaluation->y);
}

void *evaluation_own(struct evaluation *evaluation, uint32_t i, struct error *err)
{
	const struct tensor *tensor = &evaluation->graph->tensors[evaluation->node->inputs[i]];
	const size_t bytes = tensor_bytes(tensor) * (tensor->data ? 1 : evaluation->n);
	const void *from = tensor->data ? tensor->data : evaluation->x[i];
	void *copy = malloc(bytes + 1);

	if (!copy) {
		error_set(err, -ENOMEM, "out of memory to evaluate '%s'", evaluation->node->name);
		return NULL;
	}
	if (from)
		memcpy(copy, from, bytes);
	evaluation->x[i] = evaluation->own[i] = copy;
	return copy;
}

// --- By itself -----------------------------------------------------------------------------------

// The node as a graph of its own: tensors are its inputs, then its outputs.
struct single {
	struct graph graph;
	struct node node;
	struct attr *attrs;
	struct tensor *tensors;
	uint32_t *indices;
	struct graph_port *ports;
};

static void single_fini(struct single *single)
{
	free(single->attrs);
	free(single->tensors);
	free(single->indices);
	free(single->ports);
}

// The tensors and the node; a constant's values are those of the evaluation.
static int single_init(struct single *single, const struct evaluation *evaluation)
{
	const struct node *node = evaluation->node;
	const size_t n_in = node->n_inputs, n_out = node->n_outputs;

	*single = (struct single){ .node = *node };
	single->attrs = malloc(node->n_attrs * sizeof(*single->attrs) + 1);
	single->tensors = calloc(n_in + n_out + 1, sizeof(*single->tensors));
	single->indices = calloc(n_in + n_out + 1, sizeof(*single->indices));
	single->ports = calloc(n_in + n_out + 1, sizeof(*single->ports));
	if (!single->attrs || !single->tensors || !single->indices || !single->ports)
		return -ENOMEM;
	for (uint32_t a = 0; a < node->n_attrs; a++) {
		single->attrs[a] = node->attrs[a];
		if (evaluation->power > 0 && node->op == OP_GEMM &&
			node->attrs[a].kind == ATTR_KIND_FLOAT)
			single->attrs[a].f =
				powf(fabsf(node->attrs[a].f), (float)evaluation->power);
	}
	for (uint32_t i = 0; i < n_in + n_out; i++) {
		const uint32_t t = i < n_in ? node->inputs[i] : node->outputs[i - n_in];

		single->indices[i] = t == GRAPH_NONE ? GRAPH_NONE : i;
		if (t == GRAPH_NONE)
			continue;
		single->tensors[i] = evaluation->graph->tensors[t];
		if (i < n_in && single->tensors[i].data && evaluation->x && evaluation->x[i])
			single->tensors[i].data = evaluation->x[i];
	}
	single->node.attrs = single->attrs;
	single->node.inputs = single->indices;
	single->node.outputs = single->indices + n_in;
	return 0;
}

static uint64_t single_work(const struct single *single)
{
	const struct node *node = &single->node;
	const struct plain_op *op = op_plain(node->op);
	const struct plain plain = { node, single->tensors, single->tensors + node->n_inputs,
		node->n_inputs, node->n_outputs };
	uint64_t values = 0;

	for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++)
		values += single->indices[i] == GRAPH_NONE || single->tensors[i].data
			? 0
			: (uint64_t)tensor_elements(&single->tensors[i]);
	return values + (op->work ? op->work(&plain) : 0);
}

static int evaluate_plain(const struct evaluation *evaluation, const struct single *single)
{
	const struct node *node = &single->node;
	const uint32_t n_in = node->n_inputs, n_out = node->n_outputs;
	const struct plain_op *op = op_plain(node->op);
	const struct plain plain = { node, single->tensors, single->tensors + n_in, n_in, n_out };
	const void **x = calloc((size_t)n_in + 1, sizeof(*x));
	void **y = calloc((size_t)n_out + 1, sizeof(*y));
	void *scratch = malloc((op->scratch_bytes ? op->scratch_bytes(&plain) : 0) + 1);
	const int rc = x && y && scratch ? 0 : -ENOMEM;

	for (size_t row = 0; row < evaluation->n && rc == 0; row++) {
		for (uint32_t i = 0; i < n_in; i++) {
			const struct tensor *tensor = &single->tensors[i];

			if (single->indices[i] == GRAPH_NONE)
				continue;
			x[i] = tensor->data
				? tensor->data
				: (const char *)evaluation->x[i] + row * tensor_bytes(tensor);
		}
		for (uint32_t o = 0; o < n_out; o++) {
			if (evaluation->y[o])
				y[o] = (char *)evaluation->y[o] +
					row * tensor_bytes(&single->tensors[n_in + o]);
		}
		op->run(&plain, x, y, scratch);
	}
	free(x);
	free(y);
	free(scratch);
	return rc;
}

// --- By kernels ----------------------------------------------------------------------------------

// Makes ports of what is computed. False: a port cannot be of that type.
static bool single_make_ports(struct single *single, const struct evaluation *evaluation)
{
	const struct node *node = &single->node;
	struct graph *graph = &single->graph;

	*graph = (struct graph){
		.tensors = single->tensors,
		.nodes = &single->node,
		.n_tensors = node->n_inputs + node->n_outputs,
		.n_nodes = 1,
		.inputs = single->ports,
		.outputs = single->ports + node->n_inputs,
		.arena = evaluation->graph->arena,
	};
	for (uint32_t i = 0; i < graph->n_tensors; i++) {
		const bool is_input = i < node->n_inputs;
		const struct tensor *tensor = &single->tensors[i];
		uint32_t *columns = is_input ? &graph->n_features : &graph->n_columns_out;
		struct graph_port *ports = is_input ? graph->inputs : graph->outputs;

		if (single->indices[i] == GRAPH_NONE || tensor->data)
			continue;
		if (tensor->dtype != DTYPE_F32 || tensor_elements(tensor) == 0)
			return false;
		ports[is_input ? graph->n_inputs++ : graph->n_outputs++] =
			(struct graph_port){ i, *columns };
		*columns += (uint32_t)tensor_elements(tensor);
	}
	return graph->n_inputs > 0;
}

// Rows of all inputs side by side, or of all outputs taken apart again.
static void single_copy_columns(
	const struct single *single, const struct evaluation *evaluation, float *rows, bool inputs)
{
	const struct graph *graph = &single->graph;
	const struct graph_port *ports = inputs ? graph->inputs : graph->outputs;
	const uint32_t n_ports = inputs ? graph->n_inputs : graph->n_outputs;
	const uint32_t columns = inputs ? graph->n_features : graph->n_columns_out;

	for (uint32_t p = 0; p < n_ports; p++) {
		const size_t bytes = tensor_bytes(&single->tensors[ports[p].tensor]);

		for (size_t row = 0; row < evaluation->n; row++) {
			float *at = rows + row * columns + ports[p].first_column;

			if (inputs)
				memcpy(at,
					(const char *)evaluation->x[ports[p].tensor] + row * bytes,
					bytes);
			else if (evaluation->y[ports[p].tensor - single->node.n_inputs])
				memcpy((char *)evaluation->y[ports[p].tensor -
					       single->node.n_inputs] +
						row * bytes,
					at, bytes);
		}
	}
}

// -ENOTSUP: no plan can be made of it.
static int evaluate_planned(const struct evaluation *evaluation, struct single *single)
{
	static const struct model_options OPTIONS = { .no_timing = true };
	struct graph *graph = &single->graph;
	struct arena *arena = arena_create(EVALUATE_ARENA);
	struct error why;
	struct plan plan;
	float *rows = NULL, *outputs = NULL;
	void *scratch = NULL;
	int rc = -ENOMEM;

	if (!arena)
		return -ENOMEM;
	if (plan_build(&plan, graph, arena, isa_detected(), &OPTIONS, &why) != 0) {
		rc = -ENOTSUP;
		goto out;
	}
	rows = malloc((size_t)evaluation->n * graph->n_features * sizeof(float) + 1);
	outputs = malloc((size_t)evaluation->n * graph->n_columns_out * sizeof(float) + 1);
	scratch = aligned_alloc(64, align_up(plan.row_bytes * plan.tile_rows + 64, 64));
	if (!rows || !outputs || !scratch)
		goto out;
	single_copy_columns(single, evaluation, rows, true);
	plan_run(&plan, rows, outputs, evaluation->n, scratch, plan.tile_rows);
	single_copy_columns(single, evaluation, outputs, false);
	rc = 0;
out:
	free(rows);
	free(outputs);
	free(scratch);
	arena_destroy(arena);
	return rc;
}

int evaluation_run(struct evaluation *evaluation, struct error *err)
{
	struct single single;
	int rc = single_init(&single, evaluation);

	// Trees are quickly walked, but slowly packed.
	if (rc == 0 && evaluation->node->op != OP_TREES &&
		single_work(&single) >= EVALUATE_PLAIN_WORK / evaluation->n &&
		single_make_ports(&single, evaluation))
		rc = evaluate_planned(evaluation, &single);
	else if (rc == 0)
		rc = -ENOTSUP;
	if (rc == -ENOTSUP)
		rc = evaluate_plain(evaluation, &single);
	single_fini(&single);
	if (rc != 0)
		error_set(err, rc, "out of memory to evaluate '%s'", evaluation->node->name);
	return rc;
}

uint64_t evaluate_work(const struct graph *graph, const struct node *node)
{
	const struct evaluation evaluation = { .graph = graph, .node = node };
	struct single single;
	const uint64_t work = single_init(&single, &evaluation) == 0 ? single_work(&single) : 0;

	single_fini(&single);
	return work;
}
