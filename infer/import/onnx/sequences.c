// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/sequences.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/marks.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/texts.h"

#include <string.h>

bool onnx_is_sequence(const struct onnx *onnx, uint32_t tensor)
{
	return onnx_marks_have(&onnx->sequences, tensor);
}

struct onnx_sequence onnx_sequence_of(const struct onnx *onnx, uint32_t tensor)
{
	const struct tensor *list = &onnx->graph->tensors[tensor];

	return (struct onnx_sequence){ list->data, (uint32_t)list->dims[0] };
}

uint32_t onnx_sequence(
	struct onnx *onnx, const struct onnx_node *node, uint32_t n, const uint32_t *tensors)
{
	const int64_t dims[1] = { n };
	uint32_t made;
	void *data;

	if (n > GRAPH_NODE_IO_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP, "a sequence of more than %d tensors",
			GRAPH_NODE_IO_MAX);
		return GRAPH_NONE;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!onnx_is_sequence(onnx, tensors[i]) && !onnx_is_text(onnx, tensors[i]))
			continue;
		onnx_refuse(onnx, node, -ENOTSUP, "a sequence of %s is not supported",
			onnx_is_text(onnx, tensors[i]) ? "texts" : "sequences");
		return GRAPH_NONE;
	}
	made = onnx_made(onnx, node, DTYPE_I64, 1, dims, &data);
	if (made == GRAPH_NONE || onnx_marks_add(onnx, &onnx->sequences, made, "sequences") != 0)
		return GRAPH_NONE;
	for (uint32_t i = 0; i < n; i++)
		((int64_t *)data)[i] = tensors[i];
	return made;
}

int onnx_sequences_before(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const TAKING[] = { "SequenceAt", "SequenceInsert", "SequenceErase",
		"SequenceLength", "ConcatFromSequence", "Loop", "Identity", "Optional",
		"OptionalGetElement", "OptionalHasElement" };

	for (uint32_t i = 0; i < node->n_inputs && onnx->sequences.n; i++) {
		bool takes = false;

		if (node->inputs[i] == GRAPH_NONE || !onnx_is_sequence(onnx, node->inputs[i]))
			continue;
		for (size_t t = 0; t < sizeof(TAKING) / sizeof(*TAKING); t++)
			takes |= strcmp(node->type, TAKING[t]) == 0 &&
				(i == 0 || strcmp(node->type, "Loop") == 0);
		if (!takes)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u ('%.80s') is a sequence, which only operators of "
				"sequences "
				"take",
				i, node->proto->input[i]);
	}
	return 0;
}

uint32_t onnx_sequence_columns(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor)
{
	const struct onnx_sequence sequence = onnx_sequence_of(onnx, tensor);
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	uint32_t *parts = arena_calloc(onnx->scratch, (size_t)sequence.n + 1, sizeof(*parts));

	if (!parts) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	for (uint32_t i = 0; i < sequence.n; i++) {
		const struct tensor x = onnx->graph->tensors[sequence.tensors[i]];

		if (x.rank != 2) {
			onnx_refuse(onnx, node, -ENOTSUP,
				"tensor %u of it is %s, should be a row of columns", i,
				tensor_shape_text(&x).text);
			return GRAPH_NONE;
		}
		parts[i] = onnx_as(onnx, node, (uint32_t)sequence.tensors[i], DTYPE_F32);
		if (parts[i] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	if (sequence.n == 0) {
		onnx_refuse(onnx, node, -ENOTSUP, "is an empty sequence");
		return GRAPH_NONE;
	}
	return onnx_emit(onnx, node, OP_CONCAT, sequence.n, parts, 1, &axis);
}
