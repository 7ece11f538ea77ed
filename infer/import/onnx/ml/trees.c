// SPDX-License-Identifier: BSD-3-Clause
// TreeEnsembleRegressor and TreeEnsembleClassifier of ai.onnx.ml 1 to 4, as ONNX Runtime computes
// them.
#include "infer/import/onnx/as.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/labels.h"
#include "infer/import/onnx/ml/post.h"
#include "infer/import/onnx/ml/tree_lists.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(e, ...) onnx_refuse((e)->onnx, (e)->node, -EINVAL, __VA_ARGS__)

// Bounds what is looked through for an answer that saves a little time only.
#define TARGETS_LOOK_MAX ((uint64_t)1 << 28)

// Is there a base value of a target that some rows meet no weight for?
static bool targets_may_be_missed(const struct tree_lists *e)
{
	bool any = false;

	for (size_t i = 0; i < e->n_base; i++)
		any |= e->base[i] != 0;
	if (!any || (uint64_t)e->n * e->n_targets > TARGETS_LOOK_MAX)
		return any;
	for (uint32_t t = 0; t < e->n_targets; t++) {
		if (tree_lists_presence(e, t) != TREE_ALL)
			return true;
	}
	return false;
}

// ONNX Runtime gives a target that the row has met no weight for the score 0, whatever its base value
// is. The counts of weights are targets of their own, with no base value.
static uint32_t targets_where_met(struct tree_lists *e, const char *aggregate)
{
	struct onnx *onnx = e->onnx;
	const int64_t n = e->n_targets;
	double *base = arena_calloc(onnx->scratch, 2 * (size_t)n, sizeof(*base));
	uint32_t all, met;

	if (!base) {
		onnx_refuse_memory(onnx, e->node);
		return GRAPH_NONE;
	}
	memcpy(base, e->base, e->n_base * sizeof(*base));
	e->counted = true;
	all = tree_lists_emit(e, aggregate, base);
	if (all == GRAPH_NONE)
		return GRAPH_NONE;
	report_add(onnx->report,
		"'%.80s': a target that a row meets no weight for is 0, without its base value, as "
		"ONNX Runtime has it",
		e->node->name);
	met = onnx_emit_part(onnx, e->node, all, 1, n, n, 1);
	return onnx_emit_where(onnx, e->node, onnx_emit_with(onnx, e->node, OP_GREATER, met, 0),
		onnx_emit_part(onnx, e->node, all, 1, 0, n, 1), onnx_scalar(onnx, e->node, 0));
}

static int import_tree_regressor(struct onnx *onnx, const struct onnx_node *node)
{
	struct tree_lists e = { .onnx = onnx, .node = node };
	static const char *const AGGREGATES[] = { "SUM", "AVERAGE", "MIN", "MAX" };
	const char *aggregate;
	enum post_transform post;
	int64_t targets;
	bool known = false;
	uint32_t scores;

	if (tree_lists_read(&e, "target_") || onnx_int(onnx, node, "n_targets", 1, &targets) ||
		onnx_string(onnx, node, "aggregate_function", "SUM", &aggregate) ||
		onnx_read_post_transform(onnx, node, &post))
		return onnx_refused(onnx);
	if (targets < 1 || targets > MODEL_OUTPUTS_MAX)
		return REFUSE(&e, "n_targets is %" PRId64 ", should be 1 to %d", targets,
			MODEL_OUTPUTS_MAX);
	for (size_t i = 0; i < sizeof(AGGREGATES) / sizeof(*AGGREGATES); i++)
		known |= strcmp(aggregate, AGGREGATES[i]) == 0;
	if (!known)
		return REFUSE(&e,
			"aggregate_function is '%.20s', should be SUM, AVERAGE, MIN or MAX",
			aggregate);
	if (e.base && e.n_base != (size_t)targets)
		return REFUSE(&e, "%zu base_values for %" PRId64 " targets", e.n_base, targets);
	e.n_targets = (uint32_t)targets;
	scores = targets_may_be_missed(&e) ? targets_where_met(&e, aggregate)
					   : tree_lists_emit(&e, aggregate, e.base);
	return onnx_output(onnx, node, 0,
		onnx_emit_post_transform(
			onnx, node, onnx_post_of_targets(onnx, node, post, targets), scores));
}

// --- Two classes ----------------------------------------------------------------------------------
// ONNX Runtime (from 1.26 on; TreeAggregatorClassifier::FinalizeScores and write_binary_scores) makes
// of two classes what the specification leaves open. s0 and s1 are the sums of the weights for each,
// b0 and b1 the base values.
//
//	no weights for class 1, and no b1: both scores are made of s = s0 + b0: [1 - s, s] where no
//	weight is negative, else [-s, s]; LOGISTIC makes [f(-s), f(s)] of either
//	no base value: [s0, s1]
//	b0: [s0 + b0, s1]
//	b0 and b1: [-(s0 + b1), s0 + b1] where the row has met a weight for class 1; else [s0 + b0, 0]
//
// A class that the row has met no weight for has the score 0, whatever the base values are.

struct two_classes {
	struct tree_lists *lists;
	enum post_transform post;
	bool positive;   // no weight is below 0
	bool one_class;  // all weights are for the same
	bool first_only; // all weights are for class 0
	enum tree_presence has[2];
	uint32_t sum[2], met[2]; // [1, 1]; met: how many weights, where only SOME rows meet any
};

static uint32_t two_constant(struct two_classes *two, float value)
{
	const int64_t dims[2] = { 1, 1 };
	void *data;
	const uint32_t made =
		onnx_made(two->lists->onnx, two->lists->node, DTYPE_F32, 2, dims, &data);

	if (made != GRAPH_NONE)
		*(float *)data = value;
	return made;
}

static uint32_t two_with_base(struct two_classes *two, uint32_t sum, size_t i)
{
	struct tree_lists *e = two->lists;

	return e->n_base > i ? onnx_emit_with(e->onnx, e->node, OP_ADD, sum, (float)e->base[i])
			     : sum;
}

static uint32_t two_side_by_side(struct two_classes *two, uint32_t first, uint32_t second)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	const uint32_t pair[2] = { first, second };

	if (first == GRAPH_NONE || second == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(two->lists->onnx, two->lists->node, OP_CONCAT, 2, pair, 1, &axis);
}

static uint32_t two_column(struct two_classes *two, uint32_t all, int64_t column)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	const int64_t one = 1;
	uint32_t pair[2] = { all, GRAPH_NONE };
	void *index;

	pair[1] = onnx_made(two->lists->onnx, two->lists->node, DTYPE_I64, 1, &one, &index);
	if (pair[1] == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(index, &column, sizeof(column));
	return onnx_emit(two->lists->onnx, two->lists->node, OP_GATHER, 2, pair, 1, &axis);
}

// `yes` where the row has met a weight for the class, else `no`.
static uint32_t two_where_met(struct two_classes *two, int class, uint32_t yes, uint32_t no)
{
	struct tree_lists *e = two->lists;

	if (two->has[class] != TREE_SOME)
		return two->has[class] == TREE_ALL ? yes : no;
	return onnx_emit_where(e->onnx, e->node,
		onnx_emit_with(e->onnx, e->node, OP_GREATER, two->met[class], 0), yes, no);
}

static uint32_t two_transformed(struct two_classes *two, uint32_t scores)
{
	return onnx_emit_post_transform(two->lists->onnx, two->lists->node, two->post, scores);
}

// Both scores of one sum.
static uint32_t two_of_one(struct two_classes *two, uint32_t sum, bool share)
{
	struct tree_lists *e = two->lists;
	uint32_t other;

	if (two->post == POST_PROBIT)
		return two_transformed(two, sum);
	if (share && two->post != POST_LOGISTIC)
		other = onnx_emit_pair(
			e->onnx, e->node, OP_SUB, onnx_scalar(e->onnx, e->node, 1.0f), sum);
	else
		other = onnx_emit_one(e->onnx, e->node, OP_NEG, sum);
	other = two_side_by_side(two, other, sum);
	return two->post == POST_LOGISTIC ? two_transformed(two, other) : other;
}

// No base value, and some rows meet no weight for class 1, though others do.
static uint32_t two_of_either(struct two_classes *two)
{
	const uint32_t both = two_transformed(two, two_side_by_side(two, two->sum[0], two->sum[1]));

	return two_where_met(two, 1, both, two_of_one(two, two->sum[0], false));
}

// With base values, or where all rows meet weights for class 1.
static uint32_t two_of_both(struct two_classes *two)
{
	struct tree_lists *e = two->lists;
	const uint32_t none = two_constant(two, 0);
	uint32_t first = two_with_base(two, two->sum[0], 0), second = two->sum[1];

	if (e->n_base == 2) {
		const uint32_t sum = two_with_base(two, two->sum[0], 1);

		first = two_where_met(two, 1, onnx_emit_one(e->onnx, e->node, OP_NEG, sum), first);
		second = two_where_met(two, 1, sum, none);
	}
	first = two_where_met(two, 0, first, none);
	return two_transformed(two, two_side_by_side(two, first, second));
}

// What the label goes by: class 1 where its score is the higher one. Where only one class has
// weights, or a row may meet none for class 1, a number decides alone: whether it is above the limit,
// which is 0.5 for shares and 0 for margins, whatever transform the scores go through.
static uint32_t two_decisive(struct two_classes *two)
{
	struct tree_lists *e = two->lists;
	uint32_t first = two_with_base(two, two->sum[0], 0), second = two->sum[1];

	if (!onnx_wants_label(e->onnx, e->node))
		return second;
	if (e->n_base == 2)
		second = two_with_base(two, two->sum[0], 1);
	else if (!two->one_class && two->has[1] == TREE_ALL)
		return two_side_by_side(two, first, second);
	first = two_where_met(two, 0, first, two_constant(two, 0));
	return two_side_by_side(two, two_constant(two, two->one_class && two->positive ? 0.5f : 0),
		two_where_met(two, 1, second, first));
}

static void two_look_at_weights(struct two_classes *two)
{
	const struct tree_lists *e = two->lists;

	two->positive = two->one_class = two->first_only = true;
	for (size_t i = 0; i < e->n_weights; i++) {
		two->positive &= e->weight[i] >= 0;
		two->one_class &= e->weight_target[i] == e->weight_target[0];
		two->first_only &= e->weight_target[i] == 0;
	}
	two->has[0] = tree_lists_presence(e, 0);
	two->has[1] = tree_lists_presence(e, 1);
}

// The sum of each class, and where it matters how many weights a row has met.
static int two_sum_up(struct two_classes *two)
{
	struct tree_lists *e = two->lists;
	uint32_t all;

	e->n_targets = 2;
	e->counted = two->has[0] == TREE_SOME || two->has[1] == TREE_SOME;
	all = tree_lists_emit(e, "SUM", NULL);
	for (int k = 0; k < 2 && all != GRAPH_NONE; k++) {
		two->sum[k] = two_column(two, all, k);
		two->met[k] = e->counted ? two_column(two, all, 2 + k) : GRAPH_NONE;
	}
	return all == GRAPH_NONE || two->sum[0] == GRAPH_NONE || two->sum[1] == GRAPH_NONE
		? onnx_refused(e->onnx)
		: 0;
}

static void two_report(struct two_classes *two)
{
	struct tree_lists *e = two->lists;

	if (e->n_base == 2 && two->has[1] != TREE_NONE)
		report_add(e->onnx->report,
			"'%.80s': two classes with a base value each: as ONNX Runtime has it, the "
			"score of class 1 is its base value and the sum of class 0; the "
			"specification adds "
			"each base value to its own class",
			e->node->name);
	else if (two->first_only && two->positive && two->post == POST_LOGISTIC)
		report_add(e->onnx->report,
			"'%.80s': LOGISTIC of one sum without negative weights, as ONNX Runtime "
			"has it from 1.26 on; before, it was left out",
			e->node->name);
}

// One ensemble gives all that is needed: a sum for both scores, or the scores.
static int two_emit_simple(
	struct two_classes *two, bool alone, uint32_t *scores, uint32_t *decisive)
{
	struct tree_lists *e = two->lists;

	e->n_targets = alone ? 1 : 2;
	*decisive = tree_lists_emit(e, "SUM", e->base);
	*scores =
		alone ? two_of_one(two, *decisive, two->positive) : two_transformed(two, *decisive);
	if (alone && onnx_wants_label(e->onnx, e->node))
		*decisive = two_side_by_side(
			two, two_constant(two, two->positive ? 0.5f : 0), *decisive);
	return *scores == GRAPH_NONE || *decisive == GRAPH_NONE ? onnx_refused(e->onnx) : 0;
}

// Scores [1, 2] of the classes, and what the label is the best of.
static int two_emit(struct two_classes *two, uint32_t *scores, uint32_t *decisive)
{
	struct tree_lists *e = two->lists;
	const bool alone = two->first_only && e->n_base < 2;

	two_report(two);
	if (alone || (two->has[1] == TREE_ALL && e->n_base == 0 && !two->one_class))
		return two_emit_simple(two, alone, scores, decisive);
	if (e->n_base == 1 && two->has[1] == TREE_SOME)
		return onnx_refuse(e->onnx, e->node, -ENOTSUP,
			"one base value for two classes, and some rows meet no weight for the "
			"second: ONNX Runtime leaves its score undefined");
	if (two_sum_up(two) != 0)
		return onnx_refused(e->onnx);
	*scores =
		e->n_base == 0 && two->has[1] == TREE_SOME ? two_of_either(two) : two_of_both(two);
	*decisive = two_decisive(two);
	return *scores == GRAPH_NONE || *decisive == GRAPH_NONE ? onnx_refused(e->onnx) : 0;
}

static int import_tree_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	struct tree_lists e = { .onnx = onnx, .node = node };
	struct two_classes two = { .lists = &e };
	size_t n_labels;
	// Transforms that saturate make ties: the label goes by what they are made of.
	uint32_t scores = GRAPH_NONE, decisive = GRAPH_NONE;

	if (onnx_keep_labels(onnx, node, "classlabels_strings", "classlabels_int64s", &n_labels) ||
		tree_lists_read(&e, "class_") || onnx_read_post_transform(onnx, node, &two.post))
		return onnx_refused(onnx);
	if (n_labels == 0 || n_labels > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "%zu class labels, should be 1 to %d",
			n_labels, MODEL_OUTPUTS_MAX);
	if (e.base && e.n_base != n_labels && !(n_labels == 2 && e.n_base == 1))
		return onnx_refuse(
			onnx, node, -EINVAL, "%zu base_values for %zu classes", e.n_base, n_labels);
	if (n_labels == 2) {
		two_look_at_weights(&two);
		if (two_emit(&two, &scores, &decisive) != 0)
			return onnx_refused(onnx);
	} else {
		e.n_targets = (uint32_t)n_labels;
		decisive = tree_lists_emit(&e, "SUM", e.base);
		scores = onnx_emit_post_transform(onnx, node,
			onnx_post_of_targets(onnx, node, two.post, e.n_targets), decisive);
	}
	if (scores == GRAPH_NONE || onnx_output_label(onnx, node, "classlabels_int64s", decisive))
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 1, scores);
}

const struct onnx_operator ONNX_ML_TREES[] = {
	{ "TreeEnsembleRegressor", 1, 1, .import = import_tree_regressor },
	{ "TreeEnsembleClassifier", 1, 1, .import = import_tree_classifier },
	{ .type = NULL },
};
