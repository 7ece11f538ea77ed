// SPDX-License-Identifier: BSD-3-Clause
// Classes by name and by number: what ai.onnx.ml's classifiers say of them, and the one predicted.
#include "infer/import/onnx/ml/labels.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/values.h"

#include <string.h>

int onnx_keep_labels(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, size_t *count)
{
	const Onnx__AttributeProto *strings, *ints;
	struct graph *graph = onnx->graph;
	const char **labels;
	char text[24];

	if (onnx_attr(onnx, node, strings_name, ONNX_ATTRIBUTE(STRINGS), &strings) ||
		onnx_attr(onnx, node, ints_name, ONNX_ATTRIBUTE(INTS), &ints))
		return onnx_refused(onnx);
	if (strings && strings->n_strings == 0)
		strings = NULL;
	*count = strings ? strings->n_strings : ints ? ints->n_ints : 0;
	if (*count == 0 || *count > MODEL_OUTPUTS_MAX || graph->n_class_labels != 0)
		return 0;
	labels = arena_calloc(graph->arena, *count, sizeof(*labels));
	for (size_t i = 0; labels && i < *count; i++) {
		if (strings) {
			labels[i] = arena_strndup(graph->arena,
				(const char *)strings->strings[i].data, strings->strings[i].len);
		} else {
			snprintf(text, sizeof(text), "%lld", (long long)ints->ints[i]);
			labels[i] = arena_strdup(graph->arena, text);
		}
		if (!labels[i])
			labels = NULL;
	}
	if (!labels)
		return onnx_refuse_memory(onnx, node);
	graph->class_labels = labels;
	graph->n_class_labels = (uint32_t)*count;
	return 0;
}

// The whole number of the class that `index` points at, where the file gives as many as there are
// scores; the index itself where it does not.
static uint32_t labels_emit_class(struct onnx *onnx, const struct onnx_node *node,
	const char *ints_name, int64_t count, uint32_t index)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const Onnx__AttributeProto *ints;
	uint32_t pair[2] = { GRAPH_NONE, index };
	void *data;

	if (index == GRAPH_NONE || onnx_attr(onnx, node, ints_name, ONNX_ATTRIBUTE(INTS), &ints))
		return GRAPH_NONE;
	if (!ints || ints->n_ints != (uint64_t)count) {
		report_add(onnx->report, "label of '%.80s': the number of the class, from 0",
			node->name);
		return index;
	}
	pair[0] = onnx_made(onnx, node, DTYPE_I64, 1, &count, &data);
	if (pair[0] != GRAPH_NONE)
		memcpy(data, ints->ints, ints->n_ints * sizeof(int64_t));
	return onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
}

// One score has no other to be better than: class 1 where it is above 0, else 0, as ONNX Runtime
// says. That is the best of [0, score].
static uint32_t with_rival(struct onnx *onnx, const struct onnx_node *node, uint32_t scores)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	const int64_t dims[2] = { 1, 1 };
	uint32_t pair[2] = { GRAPH_NONE, scores };
	void *zero;

	if (onnx->graph->tensors[scores].dims[1] != 1)
		return scores;
	pair[0] = onnx_made(onnx, node, DTYPE_F32, 2, dims, &zero);
	return pair[0] == GRAPH_NONE ? GRAPH_NONE
				     : onnx_emit(onnx, node, OP_CONCAT, 2, pair, 1, &axis);
}

int onnx_output_label(
	struct onnx *onnx, const struct onnx_node *node, const char *ints_name, uint32_t scores)
{
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, -1), ONNX_INT(ATTR_KEEPDIMS, 0) };
	struct onnx_value *value;
	uint32_t label;

	if (node->proto->n_output == 0 || !*node->proto->output[0])
		return 0;
	value = onnx_value(onnx, node->proto->output[0]);
	if (!value)
		return onnx_refused(onnx);
	if (!onnx->options->labels) {
		value->is_label = true;
		return 0;
	}
	if (scores == GRAPH_NONE)
		return onnx_refused(onnx);
	scores = with_rival(onnx, node, scores);
	if (scores == GRAPH_NONE)
		return onnx_refused(onnx);
	label = onnx_emit(onnx, node, OP_ARG_MAX, 1, &scores, 2, attrs);
	return onnx_output(onnx, node, 0,
		labels_emit_class(
			onnx, node, ints_name, onnx->graph->tensors[scores].dims[1], label));
}

static int import_zipmap(struct onnx *onnx, const struct onnx_node *node)
{
	size_t n_labels;
	int rc = onnx_keep_labels(
		onnx, node, "classlabels_strings", "classlabels_int64s", &n_labels);

	if (rc != 0)
		return rc;
	report_add(onnx->report,
		"dropped ZipMap '%.80s': scores stay columns, in the order of the labels",
		node->name);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_IDENTITY, 1, node->inputs, 0, NULL));
}

const struct onnx_operator ONNX_ML_LABELS[] = {
	{ "ZipMap", 1, 1, .import = import_zipmap },
	{ .type = NULL },
};
