// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/classes.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/texts.h"
#include "infer/infer.h"

#include <string.h>

#define MOVES_MAX 16 // between the list of classes and the output

static const struct node *classes_producer(const struct graph *graph, uint32_t tensor)
{
	for (uint32_t n = graph->n_nodes; n-- > 0;) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] == tensor)
				return node;
		}
	}
	return NULL;
}

static bool classes_is_list(const struct graph *graph, uint32_t tensor)
{
	const struct tensor *list = &graph->tensors[tensor];
	const int64_t n = tensor_elements(list);

	return list->data && n > 1 && n <= MODEL_OUTPUTS_MAX &&
		(list->rank == 1 || (list->rank == 2 && list->dims[0] == 1));
}

// GRAPH_NONE: it is taken from no list.
static uint32_t classes_list_of(const struct graph *graph, uint32_t tensor)
{
	for (int moves = 0; moves < MOVES_MAX && !graph->tensors[tensor].data; moves++) {
		const struct node *node = classes_producer(graph, tensor);

		if (!node)
			return GRAPH_NONE;
		if (node->op == OP_GATHER && classes_is_list(graph, node->inputs[0]))
			return node->inputs[0];
		switch (node->op) {
		case OP_IDENTITY:
		case OP_RESHAPE:
		case OP_CAST:
		case OP_CONCAT: // of several labels; the first stands for all
			tensor = node->inputs[0];
			break;
		case OP_WHERE: // a list's value where the key was found in another
			tensor = node->inputs[1];
			break;
		default:
			return GRAPH_NONE;
		}
	}
	return GRAPH_NONE;
}

// The i-th label, as a text or a whole number: 0 or -ENOMEM. NULL: it is neither.
static int classes_name(struct onnx *onnx, uint32_t list, int64_t i, const char **name)
{
	const struct tensor *tensor = &onnx->graph->tensors[list];
	char text[24];
	int64_t number;

	*name = NULL;
	if (tensor->dtype == DTYPE_I64)
		number = ((const int64_t *)tensor->data)[i];
	else if (tensor->dtype == DTYPE_I32)
		number = ((const int32_t *)tensor->data)[i];
	else
		return 0;
	if (onnx_is_text(onnx, list) && number < 0)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)number);
	*name = arena_strdup(
		onnx->graph->arena, onnx_is_text(onnx, list) ? onnx_text_at(onnx, number) : text);
	return *name ? 0 : error_set(onnx->err, -ENOMEM, "out of memory for class labels");
}

int onnx_classes_of(struct onnx *onnx, uint32_t tensor, const struct onnx_classes **found)
{
	const uint32_t list = classes_list_of(onnx->graph, tensor);
	struct arena *arena = onnx->graph->arena;
	struct onnx_classes *classes;
	uint32_t n;

	*found = NULL;
	if (list == GRAPH_NONE)
		return 0;
	n = (uint32_t)tensor_elements(&onnx->graph->tensors[list]);
	classes = arena_calloc(arena, 1, sizeof(*classes));
	if (classes)
		classes->labels = arena_calloc(arena, n, sizeof(*classes->labels));
	if (!classes || !classes->labels)
		return error_set(onnx->err, -ENOMEM, "out of memory for class labels");
	for (uint32_t i = 0; i < n; i++) {
		int rc = classes_name(onnx, list, i, &classes->labels[i]);

		if (rc != 0 || !classes->labels[i])
			return rc;
	}
	classes->n = n;
	*found = classes;
	return 0;
}

uint32_t onnx_class_numbers(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor,
	const struct onnx_classes *classes)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const int64_t n = onnx_n_texts(onnx);
	uint32_t pair[2] = { GRAPH_NONE, tensor };
	int64_t *numbers;
	void *data;

	if (onnx->graph->tensors[tensor].data) {
		onnx_refuse(onnx, node, -ENOTSUP, "is a constant text, the same for each row");
		return GRAPH_NONE;
	}
	pair[0] = onnx_made(onnx, node, DTYPE_I64, 1, &n, &data);
	if (pair[0] == GRAPH_NONE)
		return GRAPH_NONE;
	numbers = data;
	for (int64_t t = 0; t < n; t++)
		numbers[t] = -1;
	for (uint32_t c = 0; c < classes->n; c++) {
		int64_t text;

		if (onnx_text_add(onnx, classes->labels[c], strlen(classes->labels[c]), &text) != 0)
			return GRAPH_NONE;
		if (text < n && numbers[text] < 0)
			numbers[text] = c;
	}
	return onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
}
