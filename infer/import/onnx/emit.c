// SPDX-License-Identifier: BSD-3-Clause
// Adding nodes to the graph, shapes inferred as they come.
#include "infer/graph/text.h"
#include "infer/import/onnx/onnx.h"
#include "infer/ops/plain.h"

#include <string.h>

int onnx_refuse(struct onnx *onnx, const struct onnx_node *node, int code, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(onnx->err, code, "node '%.80s' (%.40s): %s", node->name, node->type, text);
}

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

// Temporary name of a node's result, until onnx_output() gives it the file's.
static const char *result_name(struct onnx *onnx, const struct onnx_node *node)
{
	char name[200];

	do {
		snprintf(name, sizeof(name), "%.*s:%u", text_cut(node->name, 150), node->name,
			onnx->n_made++);
	} while (onnx_value_exists(onnx, name));
	return arena_strdup(onnx->graph->arena, name);
}

// A tensor for the node's next result, no shape yet.
static uint32_t result(struct onnx *onnx, const struct onnx_node *node)
{
	const char *name = result_name(onnx, node);

	if (!name) {
		onnx_refuse(onnx, node, -ENOMEM, "out of memory");
		return GRAPH_NONE;
	}
	return graph_add_tensor(onnx->graph, name, DTYPE_F32, 0, NULL, NULL, onnx->err);
}

int onnx_emit_outputs(struct onnx *onnx, const struct onnx_node *node,
	const struct onnx_emission *e, uint32_t n_outputs, uint32_t *outputs)
{
	struct graph *graph = onnx->graph;
	struct tensor shapes[ONNX_EMIT_OUTPUTS] = { 0 };
	uint32_t index;
	int rc = 0;

	for (uint32_t o = 0; o < n_outputs; o++) {
		outputs[o] = result(onnx, node);
		if (outputs[o] == GRAPH_NONE)
			return -ENOMEM;
	}
	index = graph_add_node(
		graph, e->op, node->name, e->n_inputs, e->inputs, n_outputs, outputs, onnx->err);
	if (index == GRAPH_NONE)
		return -ENOMEM;
	for (uint32_t a = 0; a < e->n_attrs && rc == 0; a++)
		rc = set_attr(graph, &graph->nodes[index], &e->attrs[a]);
	if (rc != 0)
		return onnx_refuse(onnx, node, -ENOMEM, "out of memory");
	if (op_infer(graph, &graph->nodes[index], shapes, onnx->err) != 0)
		return error_prefix(onnx->err, "node '%.80s' (%.40s)", node->name, node->type);
	for (uint32_t o = 0; o < n_outputs; o++) {
		shapes[o].name = graph->tensors[outputs[o]].name;
		shapes[o].data = NULL;
		graph->tensors[outputs[o]] = shapes[o];
	}
	rc = general_fold(graph, &graph->nodes[index], onnx->err);
	graph->n_nodes -= rc > 0;
	return rc < 0 ? rc : 0;
}

uint32_t onnx_emit(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_attrs, const struct attr *attrs)
{
	const struct onnx_emission emission = { op, n_inputs, inputs, n_attrs, attrs };
	uint32_t output;

	return onnx_emit_outputs(onnx, node, &emission, 1, &output) ? GRAPH_NONE : output;
}

uint32_t onnx_emit_pair(
	struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a, uint32_t b)
{
	const uint32_t pair[2] = { a, b };

	if (a == GRAPH_NONE || b == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, op, 2, pair, 0, NULL);
}

uint32_t onnx_emit_reshape(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t rank, const int64_t *dims)
{
	const struct attr shape = {
		.key = ATTR_SHAPE, .kind = ATTR_KIND_INTS, .count = rank, .ints = dims
	};

	if (onnx->graph->tensors[input].data)
		return onnx_reshaped(onnx, input, node->name, rank, dims);
	return onnx_emit(onnx, node, OP_RESHAPE, 1, &input, 1, &shape);
}

int onnx_output(struct onnx *onnx, const struct onnx_node *node, uint32_t k, uint32_t tensor)
{
	struct onnx_value *value;
	struct tensor *made;

	if (tensor == GRAPH_NONE)
		return -EINVAL; // the sentence is made already
	if (k >= node->proto->n_output || !*node->proto->output[k])
		return 0;
	value = onnx_value(onnx, node->proto->output[k]);
	if (!value)
		return -ENOMEM;
	value->tensor = tensor;
	made = &onnx->graph->tensors[tensor];
	made->name = arena_strdup(onnx->graph->arena, value->name);
	return made->name ? 0 : onnx_refuse(onnx, node, -ENOMEM, "out of memory");
}

uint32_t onnx_as(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, enum dtype dtype)
{
	const struct attr to = ONNX_INT(ATTR_TO, dtype);

	if (onnx->graph->tensors[tensor].dtype == dtype)
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
			return -ENOMEM;
	}
	return 0;
}

int onnx_import_as(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	uint32_t n_attrs, const struct attr *attrs)
{
	if (onnx_as_floats(onnx, node))
		return -ENOMEM;
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, op, n_inputs, node->inputs, n_attrs, attrs));
}
