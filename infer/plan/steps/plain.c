// SPDX-License-Identifier: BSD-3-Clause
// Steps of the plain forms: one call of the operator's function a row.
#include "infer/plan/steps/plain.h"
#include "infer/graph/arena.h"
#include "infer/ops/table.h"

#include <inttypes.h>
#include <string.h>

// Of a step; Concat and trees may have more inputs, Concat never comes here.
#define PLAIN_IN_MAX  32
#define PLAIN_OUT_MAX 8

struct plain_step {
	struct plain plain;
	void (*run)(const struct plain *plain, const void *const *x, void *const *y, void *scratch);
	struct buffer in[PLAIN_IN_MAX], out[PLAIN_OUT_MAX];
	bool has_in[PLAIN_IN_MAX], has_out[PLAIN_OUT_MAX];
};

static void run_plain(const struct step *step, const struct pass *pass)
{
	const struct plain_step *params = step->params;
	const struct plain *plain = &params->plain;
	char *scratch = buffer_at(pass, &step->scratch);
	const void *x[PLAIN_IN_MAX];
	void *y[PLAIN_OUT_MAX];

	for (uint32_t i = 0; i < plain->n_in; i++)
		x[i] = params->has_in[i] ? buffer_at(pass, &params->in[i]) : NULL;
	for (uint32_t o = 0; o < plain->n_out; o++)
		y[o] = params->has_out[o] ? buffer_at(pass, &params->out[o]) : NULL;
	for (uint32_t row = 0; row < pass->n; row++) {
		params->run(plain, x, y, scratch);
		for (uint32_t i = 0; i < plain->n_in; i++)
			x[i] = x[i] ? (const char *)x[i] + params->in[i].row_bytes : NULL;
		for (uint32_t o = 0; o < plain->n_out; o++)
			y[o] = y[o] ? (char *)y[o] + params->out[o].row_bytes : NULL;
	}
}

// Copies the node and its shapes into the plan's memory: the graph does not live as long.
static int plain_copy_node(struct builder *builder, struct plain_step *params)
{
	struct arena *arena = builder->plan->arena;
	const struct node *node = builder->node;
	struct node *copy = arena_memdup(arena, node, sizeof(*node));
	struct attr *attrs = arena_memdup(arena, node->attrs, node->n_attrs * sizeof(*attrs));
	struct tensor *in = arena_calloc(arena, node->n_inputs + 1, sizeof(*in));
	struct tensor *out = arena_calloc(arena, node->n_outputs + 1, sizeof(*out));

	if (!copy || !attrs || !in || !out)
		return -ENOMEM;
	for (uint32_t a = 0; a < node->n_attrs; a++) {
		const size_t width = attrs[a].kind == ATTR_KIND_INTS ? 8 : 4;

		if (attrs[a].kind != ATTR_KIND_INTS && attrs[a].kind != ATTR_KIND_FLOATS)
			continue;
		attrs[a].ints = arena_memdup(arena, attrs[a].ints, attrs[a].count * width);
		if (!attrs[a].ints)
			return -ENOMEM;
	}
	copy->attrs = attrs;
	copy->name = builder->step->node;
	copy->inputs = copy->outputs = NULL;
	params->plain = (struct plain){ copy, in, out, node->n_inputs, node->n_outputs };
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		params->has_in[i] = node->inputs[i] != GRAPH_NONE;
		if (!params->has_in[i])
			continue;
		in[i] = *builder_input(builder, i);
		params->in[i] = builder_input_buffer(builder, i);
		in[i].data = params->in[i].constant;
		in[i].name = NULL;
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		params->has_out[o] = node->outputs[o] != GRAPH_NONE;
		if (!params->has_out[o])
			continue;
		out[o] = *builder_output(builder, o);
		out[o].name = NULL;
		params->out[o] = builder->buffers[node->outputs[o]];
	}
	return 0;
}

// "float32 [1, 3] -> int64 [1]", cut where it is longer.
static void plain_describe(struct step *step, const struct plain *plain)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %.60s -> %s %.60s", dtype_name(plain->in[0].dtype),
		tensor_shape_text(&plain->in[0]).text, dtype_name(plain->out[0].dtype),
		tensor_shape_text(&plain->out[0]).text);
	memcpy(step->shape, text, sizeof(step->shape) - 1);
}

int build_plain(struct builder *builder)
{
	const struct plain_op *op = op_plain(builder->node->op);
	struct plain_step *params;
	struct step *step = builder->step;

	if (builder->node->n_inputs > PLAIN_IN_MAX || builder->node->n_outputs > PLAIN_OUT_MAX)
		return error_set(builder->err, -ENOTSUP,
			"has %" PRIu32 " inputs and %" PRIu32
			" outputs, at most %d and %d are supported",
			builder->node->n_inputs, builder->node->n_outputs, PLAIN_IN_MAX,
			PLAIN_OUT_MAX);
	params = arena_calloc(builder->plan->arena, 1, sizeof(*params));
	if (!params || plain_copy_node(builder, params) != 0)
		return error_set(builder->err, -ENOMEM, "no memory for the plan");
	params->run = op->run;
	step->run = run_plain;
	step->params = params;
	builder->scratch_bytes = op->scratch_bytes ? op->scratch_bytes(&params->plain) : 0;
	step->macs = op->work ? op->work(&params->plain) : 0;
	for (uint32_t i = 0; i < params->plain.n_in; i++)
		step->bytes_touched += tensor_bytes(&params->plain.in[i]);
	for (uint32_t o = 1; o < params->plain.n_out; o++) // planner_step_keep() counts the first
		step->bytes_touched += tensor_bytes(&params->plain.out[o]);
	plain_describe(step, &params->plain);
	step_set_kernel(step, "plain__scalar");
	return 0;
}
