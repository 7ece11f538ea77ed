// SPDX-License-Identifier: BSD-3-Clause
// Tree ensembles of ai.onnx.ml: tests reduced to those of infer/graph/trees.h, and the node that scores.
#include "infer/import/onnx/ml/tree_tests.h"
#include "infer/import/forest.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/values.h"

#include <math.h>
#include <string.h>

#define ELEMENT(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

static void swap_branches(struct forest_node *node)
{
	const int64_t yes = node->yes;

	node->yes = node->no;
	node->no = yes;
	node->kind ^= TREE_MISSING_TRUE;
}

// Are rows of a file decimals that were rounded to float32? Those of a file whose inputs are doubles
// are, but for trees of scikit-learn, which casts rows to float32 before it compares them.
static bool rows_are_decimals(const struct onnx *onnx)
{
	const char *producer = onnx_text(onnx->model->producer_name);

	if (onnx->options->thresholds != THRESHOLDS_OF_SOURCE)
		return onnx->options->thresholds == THRESHOLDS_NEAREST;
	if (strcmp(producer, "skl2onnx") == 0)
		return false;
	for (size_t i = 0; i < onnx->proto->n_input; i++) {
		const Onnx__TypeProto *type = onnx->proto->input[i]->type;

		if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
			type->tensor_type && type->tensor_type->elem_type == ELEMENT(DOUBLE))
			return true;
	}
	return false;
}

struct tree_thresholds onnx_tree_thresholds(struct onnx *onnx)
{
	return (struct tree_thresholds){ .nearest = rows_are_decimals(onnx) };
}

void onnx_report_thresholds(
	struct onnx *onnx, const struct onnx_node *node, const struct tree_thresholds *how)
{
	if (!how->rounded)
		return;
	report_add(onnx->report, "'%.80s': 64-bit thresholds %s", node->name,
		how->nearest
			? "rounded to float32 as rows of decimals are; --thresholds floor for rows "
			  "that were float32 from the beginning"
			: "rounded down, which is exact for float32 rows; --thresholds nearest for "
			  "rows of decimals that the library compared as doubles");
}

void onnx_tree_test(struct forest_node *node, enum tree_mode mode, double threshold,
	bool missing_true, struct tree_thresholds *how)
{
	const bool negated = mode == MODE_GT || mode == MODE_GTE || mode == MODE_NEQ;

	how->rounded |= (double)(float)threshold != threshold && !isnan(threshold);
	// NaN differs from everything.
	missing_true |= mode == MODE_NEQ;
	node->kind = missing_true ? TREE_MISSING_TRUE : 0;
	if (negated)
		swap_branches(node);
	if (mode == MODE_EQ || mode == MODE_NEQ) {
		// What is no float32 no float32 equals: the nearest is meant.
		node->kind |= TREE_EQUAL;
		node->threshold = (float)threshold;
	} else if (mode == MODE_LT || mode == MODE_GTE) {
		forest_less(node, threshold, how->nearest);
	} else {
		forest_less_or_equal(node, threshold, how->nearest);
	}
}

// The i-th value of a tensor of floats or doubles.
static double tensor_value(const Onnx__TensorProto *tensor, size_t i)
{
	const bool wide = tensor->data_type == ELEMENT(DOUBLE);
	double value;
	float narrow;

	if (!tensor->has_raw_data)
		return wide ? tensor->double_data[i] : (double)tensor->float_data[i];
	if (wide) {
		memcpy(&value, tensor->raw_data.data + i * sizeof(value), sizeof(value));
		return value;
	}
	memcpy(&narrow, tensor->raw_data.data + i * sizeof(narrow), sizeof(narrow));
	return (double)narrow;
}

static int tensor_doubles(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const Onnx__TensorProto *tensor, size_t *count, const double **values)
{
	const bool wide = tensor->data_type == ELEMENT(DOUBLE);
	const size_t width = wide ? 8 : 4;
	uint32_t checked;
	double *to;

	if (!wide && tensor->data_type != ELEMENT(FLOAT))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"attribute '%s' has values of type %s, FLOAT and DOUBLE are supported",
			name, onnx_type_name(tensor->data_type));
	// Reads it for its checks: as many values as its dimensions say, in this file.
	if (onnx_tensor(onnx, tensor, name, "attribute", &checked) != 0)
		return error_prefix(onnx->err, "node '%.80s'", node->name);
	*count = tensor->has_raw_data ? tensor->raw_data.len / width
		: wide                ? tensor->n_double_data
				      : tensor->n_float_data;
	to = arena_calloc(onnx->scratch, *count + 1, sizeof(*to));
	if (!to)
		return onnx_refuse_memory(onnx, node);
	for (size_t i = 0; i < *count; i++)
		to[i] = tensor_value(tensor, i);
	*values = to;
	return 0;
}

int onnx_attr_doubles(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *tensor_name, size_t *count, const double **values)
{
	const Onnx__AttributeProto *floats = NULL, *tensor = NULL;
	double *to;

	*count = 0;
	*values = NULL;
	if ((name && onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(FLOATS), &floats)) ||
		(tensor_name &&
			onnx_attr(onnx, node, tensor_name, ONNX_ATTRIBUTE(TENSOR), &tensor)))
		return onnx_refused(onnx);
	if (tensor && tensor->t)
		return tensor_doubles(onnx, node, tensor_name, tensor->t, count, values);
	if (!floats || floats->n_floats == 0)
		return 0;
	to = arena_calloc(onnx->scratch, floats->n_floats, sizeof(*to));
	if (!to)
		return onnx_refuse_memory(onnx, node);
	for (size_t i = 0; i < floats->n_floats; i++)
		to[i] = (double)floats->floats[i];
	*count = floats->n_floats;
	*values = to;
	return 0;
}

// An average is the sum by the number of trees; base values come after that.
static uint32_t emit_average(struct onnx *onnx, const struct onnx_node *node, uint32_t scores,
	uint32_t n_trees, uint32_t n_targets, const double *base)
{
	const int64_t dims[1] = { n_targets };
	uint32_t shift;
	void *data;

	scores =
		onnx_emit_pair(onnx, node, OP_DIV, scores, onnx_scalar(onnx, node, (float)n_trees));
	if (scores == GRAPH_NONE || !base)
		return scores;
	shift = onnx_constant(onnx, node->name, DTYPE_F32, 1, dims, &data);
	for (uint32_t i = 0; shift != GRAPH_NONE && i < n_targets; i++)
		((float *)data)[i] = (float)base[i];
	return onnx_emit_pair(onnx, node, OP_ADD, scores, shift);
}

// Was the forest, which is the graph's last node, made for missing values? Exporters write the list
// for others, too, all 0.
static bool forest_tracks_missing(struct onnx *onnx, const struct onnx_node *node)
{
	const struct graph *graph = onnx->graph;
	const Onnx__AttributeProto *attr;
	bool any = false;

	if (graph->n_nodes == 0 || graph->nodes[graph->n_nodes - 1].op != OP_TREES ||
		onnx_attr(onnx, node, "nodes_missing_value_tracks_true", ONNX_ATTRIBUTE(INTS),
			&attr) != 0)
		return false;
	for (size_t i = 0; attr && i < attr->n_ints; i++)
		any |= attr->ints[i] != 0;
	return any;
}

uint32_t onnx_emit_forest(struct onnx *onnx, const struct onnx_node *node, struct forest *forest,
	uint32_t n_targets, const char *aggregate, const double *base, uint32_t x)
{
	const bool average = strcmp(aggregate, "AVERAGE") == 0;
	const enum tree_aggregate how = strcmp(aggregate, "MIN") == 0 ? TREES_MIN
		: strcmp(aggregate, "MAX") == 0                       ? TREES_MAX_OF
								      : TREES_SUM;
	float *start = arena_calloc(onnx->scratch, n_targets, sizeof(*start));
	struct trees trees;
	const char *name;
	uint32_t scores;

	if (!start) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	for (uint32_t i = 0; base && !average && i < n_targets; i++)
		start[i] = (float)base[i];
	name = onnx_fresh_name(onnx, "trees", ':');
	if (!name || forest_trees(forest, start, how, &trees, onnx->err) != 0)
		return GRAPH_NONE;
	if (forest_emit(onnx->graph, name, &trees, x, &scores, onnx->err) != 0) {
		onnx_refuse_as(onnx, node);
		return GRAPH_NONE;
	}
	if (forest_tracks_missing(onnx, node) &&
		node_set_int(onnx->graph, &onnx->graph->nodes[onnx->graph->n_nodes - 1],
			ATTR_TRACKS_MISSING, 1) != 0) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	report_add(onnx->report, "%s '%.80s': %u trees, %u leaves, at most %u deep, %u outputs",
		node->type, node->name, trees.n_trees, trees.n_leaves, forest_depth(forest),
		n_targets);
	return average ? emit_average(onnx, node, scores, trees.n_trees, n_targets, base) : scores;
}
