// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/arena.h"
#include "infer/plan/builder.h"
#include "infer/plan/choose/dense.h"
#include "infer/plan/groups.h"
#include "infer/plan/plan.h"
#include "infer/plan/scratch.h"
#include "infer/plan/steps/move.h"
#include "infer/plan/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TILE_BYTES         ((size_t)24 << 10)  // of scratch: half of a first-level cache
#define TILE_ROWS          48                  // whole tiles of 6 and 8 rows, blocks of 16
#define TREE_ROWS          64                  // blocks of the tree kernels
#define WEIGHTS_NEAR_BYTES ((size_t)256 << 10) // a second-level cache has these and more

struct planner {
	struct builder builder;
	struct scratch scratch;
	struct groups groups;
	// [n_tensors] of roots: the node at which it is read last; UINT32_MAX: output
	uint32_t *last_use;
	uint32_t *readers; // [n_tensors] how many
	uint64_t work;
};

static bool planner_is_view(const struct node *node)
{
	return node->op == OP_IDENTITY || node->op == OP_RESHAPE;
}

static bool planner_single_port(const struct graph *graph, bool output)
{
	return (output ? graph->n_outputs : graph->n_inputs) == 1;
}

// Checks every tensor that is computed: it must not be empty, nor too big.
static int planner_check_tensor(struct planner *planner, uint32_t t)
{
	const struct tensor *tensor = &planner->builder.graph->tensors[t];

	if (!tensor->data && tensor_elements(tensor) == 0)
		return error_set(planner->builder.err, -ENOTSUP,
			"tensor \"%s\" %s is empty, which is not computed", tensor->name,
			tensor_shape_text(tensor).text);
	if (!tensor->data && tensor_bytes(tensor) > PLAN_ROW_BYTES_MAX)
		return error_set(planner->builder.err, -EINVAL,
			"tensor \"%s\" %s takes %zu bytes a row, at most %zu are supported",
			tensor->name, tensor_shape_text(tensor).text, tensor_bytes(tensor),
			PLAN_ROW_BYTES_MAX);
	return 0;
}

static void planner_note_reader(struct planner *planner, uint32_t t, uint32_t node)
{
	struct builder *builder = &planner->builder;

	builder->sole_reader[t] = planner->readers[t]++ == 0 ? node : GRAPH_NONE;
}

static void planner_note_use(struct planner *planner, uint32_t root, uint32_t node)
{
	if (planner->last_use[root] < node)
		planner->last_use[root] = node;
}

// Roots and readers, in one walk over the nodes.
static int planner_survey(struct planner *planner)
{
	struct builder *builder = &planner->builder;
	const struct graph *graph = builder->graph;

	for (uint32_t t = 0; t < graph->n_tensors; t++) {
		builder->root[t] = t;
		builder->sole_reader[t] = GRAPH_NONE;
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++) // a reader beside the nodes
		planner->readers[graph->outputs[o].tensor]++;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] == GRAPH_NONE)
				continue;
			if (planner_check_tensor(planner, node->inputs[i]) != 0)
				return error_prefix(builder->err, "node \"%s\" (%s)", node->name,
					op_name(node->op));
			planner_note_reader(planner, node->inputs[i], n);
			planner_note_use(
				planner, builder->root[node->inputs[i]], planner->groups.last[n]);
		}
		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] == GRAPH_NONE)
				continue;
			if (planner_check_tensor(planner, node->outputs[o]) != 0)
				return error_prefix(builder->err, "node \"%s\" (%s)", node->name,
					op_name(node->op));
			planner->last_use[node->outputs[o]] = n;
		}
		if (planner_is_view(node))
			builder->root[node->outputs[0]] = builder->root[node->inputs[0]];
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		planner->last_use[builder->root[graph->outputs[o].tensor]] = UINT32_MAX;
	return 0;
}

static int planner_take_scratch(struct planner *planner, struct buffer *buffer)
{
	size_t offset = scratch_take(&planner->scratch, buffer->row_bytes);

	if (offset == SIZE_MAX)
		return error_set(planner->builder.err, -ENOMEM, "no memory for the plan");
	buffer->base = BUFFER_SCRATCH;
	buffer->offset = offset;
	if (planner->scratch.peak > PLAN_ROW_BYTES_MAX)
		return error_set(planner->builder.err, -EINVAL,
			"the model needs %zu bytes of scratch a row, at most %zu are supported",
			planner->scratch.peak, PLAN_ROW_BYTES_MAX);
	return 0;
}

static struct step *planner_step_next(struct planner *planner, const char *op, const char *node)
{
	struct plan *plan = planner->builder.plan;
	struct step *step = &plan->steps[plan->n_steps];

	memset(step, 0, sizeof(*step));
	step->op = op;
	step->node = arena_strdup(plan->arena, node);
	return step;
}

static int planner_count_work(struct planner *planner, uint64_t work)
{
	const struct plan *plan = planner->builder.plan;

	planner->work += work;
	if (plan->n_steps >= PLAN_STEPS_MAX || planner->work > PLAN_WORK_MAX)
		return error_set(planner->builder.err, -EINVAL,
			"the model takes %" PRIu32 " steps and %" PRIu64
			" multiply-adds a row by here, at most %u and %" PRIu64 " are supported",
			plan->n_steps, planner->work, PLAN_STEPS_MAX, PLAN_WORK_MAX);
	return 0;
}

static int planner_step_keep(struct planner *planner, struct step *step)
{
	struct builder *builder = &planner->builder;
	struct plan *plan = builder->plan;

	if (!step->node)
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	step->bytes_touched += step->x.row_bytes + step->x2.row_bytes + step->y.row_bytes;
	plan->macs += step->macs;
	plan->n_steps++;
	return planner_count_work(planner, step->macs + step->bytes_touched / sizeof(float));
}

static int planner_add_copy(struct planner *planner, const char *name, struct buffer from,
	struct buffer to, size_t bytes)
{
	struct step *step = planner_step_next(planner, "Copy", name);

	step_set_copy(step, from, to, bytes);
	return planner_step_keep(planner, step);
}

// A model's only input is read from the row itself; several inputs are copied out of it.
static int planner_assign_inputs(struct planner *planner)
{
	struct builder *builder = &planner->builder;
	const struct graph *graph = builder->graph;
	size_t row_bytes = graph->n_features * sizeof(float);

	for (uint32_t i = 0; i < graph->n_inputs; i++) {
		const struct graph_port *port = &graph->inputs[i];
		struct buffer *buffer = &builder->buffers[port->tensor];
		struct buffer row = { .base = BUFFER_ROWS,
			.shift = port->first_column * sizeof(float),
			.row_bytes = row_bytes };
		int rc;

		buffer->row_bytes = tensor_bytes(&graph->tensors[port->tensor]);
		buffer->base = BUFFER_ROWS;
		if (planner_single_port(graph, false) || buffer->row_bytes == 0)
			continue;
		rc = planner_take_scratch(planner, buffer);
		if (rc != 0)
			return rc;
		rc = planner_add_copy(planner, graph->tensors[port->tensor].name, row, *buffer,
			buffer->row_bytes);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static bool planner_is_direct_output(const struct graph *graph, const uint32_t *root, uint32_t t)
{
	return planner_single_port(graph, true) && root[graph->outputs[0].tensor] == t;
}

static int planner_assign_outputs(struct planner *planner, struct step *step)
{
	struct builder *builder = &planner->builder;
	const struct node *node = builder->node;
	struct buffer *buffers[3] = { &step->y, &step->y2, &step->y3 };
	bool *has[3] = { NULL, &step->has_y2, &step->has_y3 };

	for (uint32_t o = 0; o < node->n_outputs; o++) {
		uint32_t t = node->outputs[o];
		struct buffer *buffer;

		if (t == GRAPH_NONE)
			continue;
		buffer = &builder->buffers[t];
		buffer->row_bytes = tensor_bytes(&builder->graph->tensors[t]);
		if (planner_is_direct_output(builder->graph, builder->root, t))
			buffer->base = BUFFER_OUTPUTS;
		else if (planner_take_scratch(planner, buffer) != 0)
			return builder->err->code;
		if (o >= 3)
			continue;
		*buffers[o] = *buffer;
		if (has[o])
			*has[o] = true;
	}
	return 0;
}

static void planner_release(struct planner *planner, uint32_t t, uint32_t node)
{
	const struct buffer *buffer = &planner->builder.buffers[t];

	if (planner->last_use[t] != node || buffer->constant || buffer->base != BUFFER_SCRATCH)
		return;
	scratch_give(&planner->scratch, buffer->offset);
	planner->last_use[t] = UINT32_MAX; // only once
}

// Of all nodes that run at node n.
static void planner_release_inputs(struct planner *planner, uint32_t n)
{
	struct builder *builder = &planner->builder;

	for (uint32_t part = planner->groups.first[n];; part = planner->groups.next[part]) {
		const struct node *node = &builder->graph->nodes[part];

		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				planner_release(planner, builder->root[node->inputs[i]], n);
		}
		if (part == n)
			return;
	}
}

static int planner_build_node(struct planner *planner)
{
	struct builder *builder = &planner->builder;
	struct buffer *scratch = &builder->step->scratch;
	int rc;

	builder->scratch_bytes = 0;
	rc = build_step(builder);
	if (rc != 0 || builder->scratch_bytes == 0)
		return rc;
	scratch->row_bytes = builder->scratch_bytes;
	rc = planner_take_scratch(planner, scratch);
	if (rc == 0)
		scratch_give(&planner->scratch, scratch->offset);
	return rc;
}

static int planner_node(struct planner *planner, uint32_t n)
{
	struct builder *builder = &planner->builder;
	const struct node *node = &builder->graph->nodes[n];
	int rc;

	builder->node = node;
	if (planner_is_view(node))
		return 0;
	if (planner->groups.last[n] != n) // a part of a later step
		return planner_count_work(
			planner, (uint64_t)tensor_elements(builder_output(builder, 0)));
	builder->step = planner_step_next(planner, op_name(node->op), node->name);
	rc = planner_assign_outputs(planner, builder->step);
	if (rc == 0)
		rc = planner_build_node(planner);
	if (rc == 0 && builder->failed)
		rc = builder->err->code;
	if (rc == 0)
		rc = planner_step_keep(planner, builder->step);
	if (rc == 0)
		planner_release_inputs(planner, n);
	for (uint32_t o = 0; o < node->n_outputs && rc == 0; o++) {
		if (node->outputs[o] != GRAPH_NONE)
			planner_release(planner, node->outputs[o], n);
	}
	return rc;
}

// Copies the outputs that no step writes straight into the caller's memory.
static int planner_copy_outputs(struct planner *planner)
{
	struct builder *builder = &planner->builder;
	const struct graph *graph = builder->graph;

	for (uint32_t o = 0; o < graph->n_outputs; o++) {
		const struct graph_port *port = &graph->outputs[o];
		struct node reader = { .inputs = (uint32_t[]){ port->tensor } };
		struct buffer to = { .base = BUFFER_OUTPUTS,
			.shift = port->first_column * sizeof(float),
			.row_bytes = graph->n_columns_out * sizeof(float) };
		struct buffer from;
		size_t bytes = tensor_bytes(&graph->tensors[port->tensor]);
		int rc;

		builder->node = &reader;
		from = builder_input_buffer(builder, 0);
		if (builder->failed)
			return builder->err->code;
		if ((!from.constant && from.base == BUFFER_OUTPUTS) || bytes == 0)
			continue;
		rc = planner_add_copy(planner, graph->tensors[port->tensor].name, from, to, bytes);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// How many rows a pass takes. Where the weights are small, as many as keep the scratch in the
// first-level cache; where they are big, as many as possible, to share each pass over the weights.
// At least TILE_ROWS and a multiple of it: a part of a tile takes about as long as a whole one.
static uint32_t planner_tile_rows(const struct builder *builder)
{
	const struct plan *plan = builder->plan;
	size_t row = plan->row_bytes + (plan->n_features + plan->n_columns_out) * sizeof(float);
	size_t weights = plan->weights_bytes + builder->dense_bytes;
	size_t rows = weights > WEIGHTS_NEAR_BYTES ? MODEL_BATCH_MAX : TILE_BYTES / row;
	size_t most = PLAN_SCRATCH_BYTES_MAX / row;
	const size_t tile = builder->has_trees ? TREE_ROWS : TILE_ROWS;

	rows = rows < tile ? tile : rows < MODEL_BATCH_MAX ? rows - rows % tile : MODEL_BATCH_MAX;
	rows = rows < most ? rows : most;
	return rows ? (uint32_t)rows : 1;
}

// A class of more rows than a pass takes never runs; it shows the kernel that runs in its stead.
static void planner_show_what_runs(struct plan *plan)
{
	const uint32_t most = batch_class_of(plan->tile_rows);

	for (uint32_t s = 0; s < plan->n_steps; s++) {
		for (uint32_t c = most + 1; c < MODEL_BATCH_CLASSES; c++)
			plan->steps[s].kernel[c] = plan->steps[s].kernel[most];
	}
}

static int planner_build_all(struct planner *planner)
{
	struct builder *builder = &planner->builder;
	struct plan *plan = builder->plan;
	int rc = 0;

	// Without vectors each operator takes its plain form: the truth that golden rows are.
	if (builder_has_vectors(builder) && groups_form(&planner->groups, builder->graph) != 0)
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	rc = planner_survey(planner);
	if (rc == 0)
		rc = planner_assign_inputs(planner);
	for (uint32_t n = 0; n < builder->graph->n_nodes && rc == 0; n++) {
		rc = planner_node(planner, n);
		if (rc != 0)
			return error_prefix(builder->err, "node \"%s\" (%s)",
				builder->graph->nodes[n].name,
				op_name(builder->graph->nodes[n].op));
	}
	if (rc == 0)
		rc = planner_copy_outputs(planner);
	if (rc != 0)
		return rc;
	plan->row_bytes = planner->scratch.peak;
	plan->tile_rows = planner_tile_rows(builder);
	rc = dense_choose_all(builder);
	planner_show_what_runs(plan);
	return rc;
}

int plan_build(struct plan *plan, const struct graph *graph, struct arena *arena, unsigned isa_mask,
	const struct model_options *options, struct error *err)
{
	struct planner planner = { .builder = { .plan = plan,
					   .graph = graph,
					   .takes_channels_last = build_takes_channels_last,
					   .no_timing = options->no_timing,
					   .exact = options->exact || graph->exact ||
						   !(isa_mask & ISA_AVX512),
					   .known = options->choices,
					   .err = err } };
	struct builder *builder = &planner.builder;
	uint32_t n_steps = graph->n_nodes + graph->n_inputs + graph->n_outputs + 1;
	int rc;

	*plan = (struct plan){ .arena = arena,
		.n_features = graph->n_features,
		.n_columns_out = graph->n_columns_out,
		.isa_mask = isa_mask };
	if (n_steps > PLAN_STEPS_MAX)
		n_steps = PLAN_STEPS_MAX;
	plan->steps = arena_calloc(arena, n_steps, sizeof(*plan->steps));
	builder->layers_end = &builder->layers;
	builder->root = calloc((size_t)graph->n_tensors + 1, sizeof(*builder->root));
	builder->buffers = calloc((size_t)graph->n_tensors + 1, sizeof(*builder->buffers));
	builder->sole_reader = calloc((size_t)graph->n_tensors + 1, sizeof(*builder->sole_reader));
	builder->channels_last =
		calloc((size_t)graph->n_tensors + 1, sizeof(*builder->channels_last));
	planner.last_use = calloc((size_t)graph->n_tensors + 1, sizeof(*planner.last_use));
	planner.readers = calloc((size_t)graph->n_tensors + 1, sizeof(*planner.readers));
	builder->groups = &planner.groups;
	if (groups_init(&planner.groups, graph) == 0 && plan->steps && builder->root &&
		builder->buffers && builder->sole_reader && builder->channels_last &&
		planner.last_use && planner.readers)
		rc = planner_build_all(&planner);
	else
		rc = error_set(err, -ENOMEM, "no memory for the plan");
	dense_forget_all(builder);
	groups_fini(&planner.groups);
	packed_fini(&builder->packed);
	free(builder->root);
	free(builder->buffers);
	free(builder->sole_reader);
	free(builder->channels_last);
	free(planner.last_use);
	free(planner.readers);
	scratch_fini(&planner.scratch);
	return rc;
}
