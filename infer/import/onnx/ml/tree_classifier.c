// SPDX-License-Identifier: BSD-3-Clause
// TreeEnsembleClassifier of ai.onnx.ml 1 to 4, as ONNX Runtime computes it.
#include "infer/import/onnx/ml/trees.h"

// What all weights are like.
struct weights {
	bool positive;   // none is below 0
	bool first_only; // all are for class 0
	bool one_class;  // all are for the same
};

static struct weights look_at(const struct tree_lists *e)
{
	struct weights w = { true, true, true };

	for (size_t i = 0; e->weight_target && i < e->n_weights; i++) {
		w.positive &= e->weight[i] >= 0;
		w.first_only &= e->weight_target[i] == 0;
		w.one_class &= e->weight_target[i] == e->weight_target[0];
	}
	return w;
}

static uint32_t side_by_side(struct tree_lists *e, uint32_t first, uint32_t second)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	const uint32_t pair[2] = { first, second };

	if (first == GRAPH_NONE || second == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(e->onnx, e->node, OP_CONCAT, 2, pair, 1, &axis);
}

static uint32_t constant_row(struct tree_lists *e, int64_t columns, float first)
{
	const int64_t dims[2] = { 1, columns };
	void *data;
	const uint32_t made = onnx_made(e->onnx, e->node, DTYPE_F32, 2, dims, &data);

	if (made != GRAPH_NONE)
		((float *)data)[0] = first;
	return made;
}

// Two classes with weights for the first one only: ONNX Runtime takes their sum s for a share where
// no weight is negative, [1 - s, s], and else for a margin: [-s, s], or the logistic of both.
static uint32_t emit_binary(
	struct tree_lists *e, enum post_transform post, bool positive, uint32_t sum)
{
	struct onnx *onnx = e->onnx;
	const struct onnx_node *node = e->node;
	uint32_t other, made;

	if (post == POST_PROBIT)
		return onnx_emit_post_transform(onnx, node, post, sum);
	if (positive)
		other = onnx_emit_pair(onnx, node, OP_SUB, onnx_scalar(onnx, node, 1.0f), sum);
	else
		other = onnx_emit(onnx, node, OP_NEG, 1, &sum, 0, NULL);
	made = side_by_side(e, other, sum);
	if (made == GRAPH_NONE || positive || post != POST_LOGISTIC)
		return made;
	return onnx_emit(onnx, node, OP_SIGMOID, 1, &made, 0, NULL);
}

// The label's rule where one class of two has all weights: the second, if their sum s is above the
// limit, which is 0.5 for shares and 0 for margins, whatever transform the scores go through. It is
// the best of [limit, s].
static uint32_t emit_decisive(struct tree_lists *e, const struct weights *w, uint32_t scores)
{
	const float limit = w->positive ? 0.5f : 0;

	if (!e->onnx->labels || scores == GRAPH_NONE)
		return scores;
	if (w->first_only)
		return side_by_side(e, constant_row(e, 1, limit), scores);
	return onnx_emit_pair(e->onnx, e->node, OP_ADD, scores, constant_row(e, 2, limit));
}

int onnx_import_tree_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	struct tree_lists e = { .onnx = onnx, .node = node };
	enum post_transform post;
	size_t n_labels;
	uint32_t scores, decisive; // transforms that saturate make ties of it
	struct weights weights;
	bool binary;

	if (onnx_keep_labels(onnx, node, "classlabels_strings", "classlabels_int64s", &n_labels) ||
		tree_lists_read(&e, "class_") || onnx_read_post_transform(onnx, node, &post))
		return -EINVAL;
	if (n_labels == 0 || n_labels > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "%zu class labels, should be 1 to %d",
			n_labels, MODEL_OUTPUTS_MAX);
	weights = look_at(&e);
	binary = n_labels == 2 && weights.first_only && e.n_base < 2;
	if (!binary && e.base && e.n_base != n_labels)
		return onnx_refuse(
			onnx, node, -EINVAL, "%zu base_values for %zu classes", e.n_base, n_labels);
	e.n_targets = binary ? 1 : (uint32_t)n_labels;
	decisive = scores = tree_lists_emit(&e, "SUM", e.base);
	if (n_labels == 2 && weights.one_class && e.n_base < 2)
		decisive = emit_decisive(&e, &weights, scores);
	if (scores != GRAPH_NONE)
		scores = binary ? emit_binary(&e, post, weights.positive, scores)
				: onnx_emit_post_transform(onnx, node, post, scores);
	if (scores == GRAPH_NONE || onnx_output_label(onnx, node, "classlabels_int64s", decisive))
		return -EINVAL;
	return onnx_output(onnx, node, 1, scores);
}
