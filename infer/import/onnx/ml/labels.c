// SPDX-License-Identifier: BSD-3-Clause
// Classes by name and by number: what ai.onnx.ml's classifiers say of them, and the one predicted.
#include "infer/import/onnx/ml/labels.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/values.h"

#include <string.h>

// The class labels of a node; none: n is 0.
static int read_classes(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, struct onnx_classes *classes)
{
	const Onnx__AttributeProto *strings, *ints;
	struct arena *arena = onnx->graph->arena;
	char text[24];
	size_t n;

	if (onnx_attr(onnx, node, strings_name, ONNX_ATTRIBUTE(STRINGS), &strings) ||
		onnx_attr(onnx, node, ints_name, ONNX_ATTRIBUTE(INTS), &ints))
		return onnx_refused(onnx);
	if (strings && strings->n_strings == 0)
		strings = NULL;
	n = strings ? strings->n_strings : ints ? ints->n_ints : 0;
	*classes = (struct onnx_classes){ NULL, 0 };
	if (n == 0 || n > UINT32_MAX)
		return 0;
	classes->labels = arena_calloc(arena, n, sizeof(*classes->labels));
	for (size_t i = 0; classes->labels && i < n; i++) {
		if (!strings)
			snprintf(text, sizeof(text), "%lld", (long long)ints->ints[i]);
		classes->labels[i] = strings
			? arena_strndup(arena, (const char *)strings->strings[i].data,
				  strings->strings[i].len)
			: arena_strdup(arena, text);
		if (!classes->labels[i])
			classes->labels = NULL;
	}
	classes->n = (uint32_t)n;
	return classes->labels ? 0 : onnx_refuse_memory(onnx, node);
}

int onnx_keep_labels(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, size_t *count)
{
	struct graph *graph = onnx->graph;
	struct onnx_classes classes;
	int rc = read_classes(onnx, node, strings_name, ints_name, &classes);

	*count = classes.n;
	if (rc != 0 || *count == 0 || *count > MODEL_OUTPUTS_MAX || graph->n_class_labels != 0)
		return rc;
	graph->class_labels = classes.labels;
	graph->n_class_labels = classes.n;
	return 0;
}

bool onnx_wants_label(struct onnx *onnx, const struct onnx_node *node)
{
	const struct onnx_value *value = NULL;

	if (node->proto->n_output != 0 && *node->proto->output[0])
		value = onnx_value(onnx, node->proto->output[0]);
	return value && (value->is_read || onnx->options->labels);
}

// The whole number or text of the class that `index` points at, where the file gives as many as
// there are scores; the index itself where it does not.
static uint32_t labels_emit_class(struct onnx *onnx, const struct onnx_node *node,
	const char *ints_name, int64_t count, uint32_t index)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const Onnx__AttributeProto *strings, *ints;
	uint32_t pair[2] = { GRAPH_NONE, index }, made;

	if (index == GRAPH_NONE ||
		onnx_attr(onnx, node, "classlabels_strings", ONNX_ATTRIBUTE(STRINGS), &strings) ||
		onnx_attr(onnx, node, ints_name, ONNX_ATTRIBUTE(INTS), &ints))
		return GRAPH_NONE;
	if (strings && strings->n_strings == (uint64_t)count)
		pair[0] = onnx_text_list(onnx, node, strings->strings, strings->n_strings);
	else if (ints && ints->n_ints == (uint64_t)count)
		pair[0] = onnx_int_columns(onnx, node, ints, DTYPE_I64);
	else
		return index;
	if (pair[0] == GRAPH_NONE)
		return GRAPH_NONE;
	made = onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
	if (made != GRAPH_NONE && onnx_is_text(onnx, pair[0]) && onnx_mark_text(onnx, made) != 0)
		return GRAPH_NONE;
	return made;
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
	struct onnx_classes classes;
	struct onnx_value *value;
	uint32_t label;

	if (node->proto->n_output == 0 || !*node->proto->output[0])
		return 0;
	value = onnx_value(onnx, node->proto->output[0]);
	if (!value || read_classes(onnx, node, "classlabels_strings", ints_name, &classes) != 0)
		return onnx_refused(onnx);
	value->is_label = true;
	if (classes.n != 0) {
		value->classes = arena_memdup(onnx->scratch, &classes, sizeof(classes));
		if (!value->classes)
			return onnx_refuse_memory(onnx, node);
	}
	if (!onnx_wants_label(onnx, node))
		return 0;
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
	struct graph *graph = onnx->graph;
	struct onnx_classes classes;
	int rc = read_classes(onnx, node, "classlabels_strings", "classlabels_int64s", &classes);

	if (rc != 0)
		return rc;
	// These are the scores that are given, whatever classifiers they were made of.
	if (classes.n > 0 && classes.n <= MODEL_OUTPUTS_MAX && !onnx->mapped) {
		graph->class_labels = classes.labels;
		graph->n_class_labels = classes.n;
		onnx->mapped = true;
	}
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
