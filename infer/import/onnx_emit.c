// SPDX-License-Identifier: BSD-3-Clause
// Adding nodes to the graph, shapes inferred as they come.
#include "infer/import/onnx.h"
#include "infer/text.h"

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
	uint32_t n = onnx->graph->n_tensors;

	do {
		snprintf(name, sizeof(name), "%.*s:%u", text_cut(node->name, 150), node->name, n++);
	} while (onnx_value_exists(onnx, name));
	return arena_strdup(onnx->graph->arena, name);
}

uint32_t onnx_emit(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t n_inputs,
	const uint32_t *inputs, uint32_t n_attrs, const struct attr *attrs)
{
	struct graph *graph = onnx->graph;
	struct tensor shape = { 0 };
	const char *name = result_name(onnx, node);
	uint32_t output, index;
	int rc = 0;

	if (!name)
		goto memory;
	output = graph_add_tensor(graph, name, DTYPE_F32, 0, NULL, NULL, onnx->err);
	if (output == GRAPH_NONE)
		return GRAPH_NONE;
	index = graph_add_node(graph, op, node->name, n_inputs, inputs, 1, &output, onnx->err);
	if (index == GRAPH_NONE)
		return GRAPH_NONE;
	for (uint32_t a = 0; a < n_attrs && rc == 0; a++)
		rc = set_attr(graph, &graph->nodes[index], &attrs[a]);
	if (rc != 0)
		goto memory;
	if (op_infer(graph, &graph->nodes[index], &shape, onnx->err) != 0) {
		error_prefix(onnx->err, -EINVAL, "node '%.80s' (%.40s)", node->name, node->type);
		return GRAPH_NONE;
	}
	shape.name = graph->tensors[output].name;
	shape.data = NULL;
	graph->tensors[output] = shape;
	return output;
memory:
	error_set(
		onnx->err, -ENOMEM, "node '%.80s' (%.40s): out of memory", node->name, node->type);
	return GRAPH_NONE;
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
