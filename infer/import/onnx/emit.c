// SPDX-License-Identifier: BSD-3-Clause
// Adding nodes to the graph, shapes inferred as they come.
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/values.h"
#include "infer/ops/fold.h"
#include "infer/ops/table.h"

#include <string.h>

static int set_attr(struct graph *graph, struct node *node, const struct attr *attr)
{
	switch (attr->kind) {
	case ATTR_KIND_INT:
		return node_set_int(graph, node, attr->key, attr->i);
	case ATTR_KIND_FLOAT:
		return node_set_float(graph, node, attr->key, attr->f);
	case ATTR_KIND_INTS:
		return node_set_ints(graph, node, attr->key, attr->count, attr->ints);
	default:
		return node_set_floats(graph, node, attr->key, attr->count, attr->floats);
	}
}

// A tensor for the node's next result, no shape yet, under a temporary name: onnx_output() gives it
// the file's.
static uint32_t onnx_result(struct onnx *onnx, const struct onnx_node *node)
{
	const char *name = onnx_fresh_name(onnx, node->name, ':');

	return name ? graph_add_tensor(onnx->graph, name, DTYPE_F32, 0, NULL, NULL, onnx->err)
		    : GRAPH_NONE;
}

int onnx_emit_outputs(struct onnx *onnx, const struct onnx_node *node,
	const struct onnx_emission *e, uint32_t n_outputs, uint32_t *outputs)
{
	struct graph *graph = onnx->graph;
	struct tensor shapes[ONNX_EMIT_OUTPUTS] = { 0 };
	uint32_t index;
	int rc = 0;

	for (uint32_t o = 0; o < n_outputs; o++) {
		outputs[o] = onnx_result(onnx, node);
		if (outputs[o] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	index = graph_add_node(
		graph, e->op, node->name, e->n_inputs, e->inputs, n_outputs, outputs, onnx->err);
	if (index == GRAPH_NONE)
		return onnx_refused(onnx);
	for (uint32_t a = 0; a < e->n_attrs && rc == 0; a++)
		rc = set_attr(graph, &graph->nodes[index], &e->attrs[a]);
	if (rc != 0)
		return onnx_refuse_memory(onnx, node);
	if (op_infer(graph, &graph->nodes[index], shapes, onnx->err) != 0)
		return onnx_refuse_as(onnx, node);
	for (uint32_t o = 0; o < n_outputs; o++) {
		shapes[o].name = graph->tensors[outputs[o]].name;
		shapes[o].data = NULL;
		graph->tensors[outputs[o]] = shapes[o];
	}
	rc = op_fold(graph, &graph->nodes[index], onnx->err);
	graph->n_nodes -= rc > 0;
	return rc < 0 ? rc : 0;
}

uint32_t onnx_emit(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_attrs, const struct attr *attrs)
{
	const struct onnx_emission emission = { op, n_inputs, inputs, n_attrs, attrs };
	uint32_t output;

	if (inputs[0] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit_outputs(onnx, node, &emission, 1, &output) ? GRAPH_NONE : output;
}

uint32_t onnx_emit_one(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x)
{
	return onnx_emit(onnx, node, op, 1, &x, 0, NULL);
}

uint32_t onnx_emit_pair(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a, uint32_t b)
{
	const uint32_t pair[2] = { a, b };

	return b == GRAPH_NONE ? GRAPH_NONE : onnx_emit(onnx, node, op, 2, pair, 0, NULL);
}

uint32_t onnx_emit_with(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t x, float value)
{
	return onnx_emit_pair(onnx, node, op, x, onnx_scalar(onnx, node, value));
}

uint32_t onnx_emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no)
{
	const uint32_t inputs[3] = { condition, yes, no };

	if (yes == GRAPH_NONE || no == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, inputs, 0, NULL);
}

uint32_t onnx_emit_reshape(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t rank, const int64_t *dims)
{
	const struct attr shape = ONNX_INTS(ATTR_SHAPE, rank, dims);

	if (input == GRAPH_NONE)
		return GRAPH_NONE;
	if (onnx->graph->tensors[input].data)
		return onnx_reshaped(onnx, input, node->name, rank, dims);
	return onnx_emit(onnx, node, OP_RESHAPE, 1, &input, 1, &shape);
}

int onnx_output(struct onnx *onnx, const struct onnx_node *node, uint32_t k, uint32_t tensor)
{
	struct onnx_value *value;
	struct tensor *made;

	if (tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	if (k >= node->proto->n_output || !*node->proto->output[k])
		return 0;
	value = onnx_value(onnx, node->proto->output[k]);
	if (!value)
		return onnx_refused(onnx);
	value->tensor = tensor;
	if (onnx->depth > 0) // each round has its own of that name
		return 0;
	made = &onnx->graph->tensors[tensor];
	made->name = arena_strdup(onnx->graph->arena, value->name);
	return made->name ? 0 : onnx_refuse_memory(onnx, node);
}

uint32_t onnx_as(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype)
{
	const struct attr to = ONNX_INT(ATTR_TO, dtype);

	if (tensor == GRAPH_NONE || onnx->graph->tensors[tensor].dtype == dtype)
		return tensor;
	for (uint32_t p = 0; p < onnx->n_ports && dtype == DTYPE_F32; p++) {
		if (onnx->ports[p].cast == tensor)
			return onnx->ports[p].plain;
	}
	return onnx_emit(onnx, node, OP_CAST, 1, &tensor, 1, &to);
}

int onnx_as_floats(struct onnx *onnx, const struct onnx_node *node)
{
	bool floats = false;

	for (uint32_t i = 0; i < node->n_inputs; i++)
		floats |= node->inputs[i] != GRAPH_NONE &&
			onnx->graph->tensors[node->inputs[i]].dtype == DTYPE_F32;
	for (uint32_t i = 0; i < node->n_inputs && floats; i++) {
		const struct tensor *tensor;

		if (node->inputs[i] == GRAPH_NONE)
			continue;
		tensor = &onnx->graph->tensors[node->inputs[i]];
		if (!tensor->data || tensor->dtype == DTYPE_BOOL)
			continue;
		node->inputs[i] = onnx_as(onnx, node, node->inputs[i], DTYPE_F32);
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	return 0;
}

int onnx_import_as(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	uint32_t n_attrs, const struct attr *attrs)
{
	if (onnx_as_floats(onnx, node))
		return onnx_refused(onnx);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, op, n_inputs, node->inputs, n_attrs, attrs));
}

int onnx_output_as_wide(struct onnx *onnx, const struct onnx_node *node, uint32_t to,
	uint32_t spread, uint32_t made)
{
	const struct tensor *tensors = onnx->graph->tensors;

	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	if (tensors[made].rank != tensors[to].rank ||
		tensor_elements(&tensors[made]) != tensor_elements(&tensors[to]))
		return onnx_refuse(onnx, node, -EINVAL,
			"input %u is %s, which does not broadcast to %s", spread,
			tensor_shape_text(onnx_input(onnx, node, spread)).text,
			tensor_shape_text(&tensors[to]).text);
	return onnx_output(onnx, node, 0, made);
}
