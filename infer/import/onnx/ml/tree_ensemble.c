// SPDX-License-Identifier: BSD-3-Clause
// TreeEnsemble of ai.onnx.ml 5: leaves apart from branches, modes as numbers.
#include "infer/import/forest.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/ml/post.h"
#include "infer/import/onnx/ml/tree_tests.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER_MAX (1 << 24) // members up to here are whole numbers in float32

struct ensemble {
	struct onnx *onnx;
	const struct onnx_node *node;
	size_t n, n_leaves;
	const int64_t *feature, *yes, *no, *yes_leaf, *no_leaf, *missing, *target;
	const uint8_t *mode;
	const double *split, *weight, *member;
	size_t n_members;
	size_t *first_member; // [n] of a branch that asks for membership
	uint32_t n_targets;
	struct tree_thresholds thresholds;
	uint32_t *words; // of the set of the branch being read
};

#define REFUSE(e, ...) onnx_refuse((e)->onnx, (e)->node, -EINVAL, __VA_ARGS__)

static int ensemble_ints(
	struct ensemble *e, const char *name, size_t count, bool optional, const int64_t **values)
{
	const Onnx__AttributeProto *attr;

	if (onnx_attr(e->onnx, e->node, name, ONNX_ATTRIBUTE(INTS), &attr))
		return onnx_refused(e->onnx);
	*values = attr && attr->n_ints ? attr->ints : NULL;
	if (optional && !*values)
		return 0;
	if (!*values || attr->n_ints != count)
		return REFUSE(e, "attribute '%s' has %zu values, should have %zu", name,
			attr ? attr->n_ints : 0, count);
	return 0;
}

static int ensemble_read_modes(struct ensemble *e)
{
	const Onnx__AttributeProto *attr;
	uint32_t index;
	const struct tensor *tensor;

	if (onnx_attr(e->onnx, e->node, "nodes_modes", ONNX_ATTRIBUTE(TENSOR), &attr))
		return onnx_refused(e->onnx);
	if (!attr || !attr->t)
		return REFUSE(e, "attribute 'nodes_modes' is missing");
	if (onnx_tensor(e->onnx, attr->t, "nodes_modes", "attribute", &index) != 0)
		return error_prefix(e->onnx->err, "node '%.80s'", e->node->name);
	tensor = &e->onnx->graph->tensors[index];
	if (tensor->dtype != DTYPE_U8 || (size_t)tensor_elements(tensor) != e->n)
		return REFUSE(e, "attribute 'nodes_modes' is %s %s, should be uint8 [%zu]",
			dtype_name(tensor->dtype), tensor_shape_text(tensor).text, e->n);
	e->mode = tensor->data;
	return 0;
}

// Members stand one list after the other, each ended by NaN, in the order of the branches.
static int place_members(struct ensemble *e)
{
	size_t at = 0;

	e->first_member = arena_calloc(e->onnx->scratch, e->n, sizeof(*e->first_member));
	e->words = arena_calloc(e->onnx->scratch, MEMBER_MAX / 32, sizeof(*e->words));
	if (!e->first_member || !e->words)
		return onnx_refuse_memory(e->onnx, e->node);
	for (size_t i = 0; i < e->n; i++) {
		if (e->mode[i] != MODE_MEMBER)
			continue;
		e->first_member[i] = at;
		while (at < e->n_members && !isnan(e->member[at]))
			at++;
		if (at == e->n_members)
			return REFUSE(e,
				"attribute 'membership_values' ends before the members of branch "
				"%zu do",
				i);
		at++;
	}
	return 0;
}

static int read_attributes(struct ensemble *e)
{
	const Onnx__AttributeProto *features, *targets;
	size_t n_splits, n_weights;
	bool members = false;

	if (onnx_attr(e->onnx, e->node, "nodes_featureids", ONNX_ATTRIBUTE(INTS), &features) ||
		onnx_attr(e->onnx, e->node, "leaf_targetids", ONNX_ATTRIBUTE(INTS), &targets))
		return onnx_refused(e->onnx);
	e->n = features ? features->n_ints : 0;
	e->n_leaves = targets ? targets->n_ints : 0;
	if (e->n == 0 || e->n > TREES_BRANCHES_MAX / 4 || e->n_leaves == 0 ||
		e->n_leaves > TREES_BRANCHES_MAX)
		return REFUSE(e,
			"%zu nodes_featureids and %zu leaf_targetids, should be at least one of "
			"each",
			e->n, e->n_leaves);
	e->feature = features->ints;
	e->target = targets->ints;
	if (ensemble_read_modes(e) || ensemble_ints(e, "nodes_truenodeids", e->n, false, &e->yes) ||
		ensemble_ints(e, "nodes_falsenodeids", e->n, false, &e->no) ||
		ensemble_ints(e, "nodes_trueleafs", e->n, false, &e->yes_leaf) ||
		ensemble_ints(e, "nodes_falseleafs", e->n, false, &e->no_leaf) ||
		ensemble_ints(e, "nodes_missing_value_tracks_true", e->n, true, &e->missing) ||
		onnx_attr_doubles(e->onnx, e->node, NULL, "nodes_splits", &n_splits, &e->split) ||
		onnx_attr_doubles(e->onnx, e->node, NULL, "leaf_weights", &n_weights, &e->weight) ||
		onnx_attr_doubles(
			e->onnx, e->node, NULL, "membership_values", &e->n_members, &e->member))
		return onnx_refused(e->onnx);
	if (n_splits != e->n || n_weights != e->n_leaves)
		return REFUSE(e, "%zu nodes_splits and %zu leaf_weights, should be %zu and %zu",
			n_splits, n_weights, e->n, e->n_leaves);
	for (size_t i = 0; i < e->n; i++) {
		if (e->mode[i] >= MODE_COUNT)
			return REFUSE(e, "branch %zu has the unknown mode %u", i, e->mode[i]);
		members |= e->mode[i] == MODE_MEMBER;
	}
	return members ? place_members(e) : 0;
}

static int compare_floats(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

// Members of which one is no whole number at least. What is no float32 no float32 equals: the nearest
// is meant.
static int read_floats(struct ensemble *e, const double *member, struct forest_node *node)
{
	uint32_t count = 0;
	float *floats;

	while (!isnan(member[count]))
		count++;
	floats = arena_calloc(e->onnx->scratch, count, sizeof(*floats));
	if (!floats)
		return onnx_refuse_memory(e->onnx, e->node);
	for (uint32_t i = 0; i < count; i++)
		floats[i] = (float)member[i];
	qsort(floats, count, sizeof(*floats), compare_floats);
	node->kind ^= TREE_SET_EXACT | TREE_SET_FLOATS;
	node->set = (const uint32_t *)(const void *)floats;
	node->n_set = count;
	return 0;
}

static int read_members(struct ensemble *e, uint32_t number, struct forest_node *node)
{
	const double *member = e->member + e->first_member[number];
	uint32_t words = 0;

	node->kind = TREE_IN_SET | TREE_SET_EXACT |
		(e->missing && e->missing[number] ? TREE_MISSING_TRUE : 0);
	for (size_t i = 0; !isnan(member[i]); i++) {
		uint32_t value;

		if (!(member[i] >= 0 && member[i] < MEMBER_MAX) || member[i] != floor(member[i]))
			return read_floats(e, member, node);
		value = (uint32_t)member[i];
		if (value / 32 >= words) {
			memset(e->words + words, 0, (value / 32 + 1 - words) * sizeof(*e->words));
			words = value / 32 + 1;
		}
		e->words[value / 32] |= 1u << value % 32;
	}
	node->set = e->words;
	node->n_set = words;
	return 0;
}

// Branches have their own numbers; a leaf's is made of the way to it, so that two ways may lead to
// one, as where a tree is a leaf only.
static int64_t ensemble_number_of(
	const struct ensemble *e, int64_t child, bool leaf, uint32_t from, bool yes)
{
	if (leaf)
		return (int64_t)(e->n + 2 * from + yes);
	return child >= 0 && (uint64_t)child < e->n ? child : INT64_MAX;
}

static int ensemble_read_leaf(
	struct ensemble *e, uint32_t number, struct forest_node *node, struct forest *forest)
{
	const uint32_t from = (number - (uint32_t)e->n) / 2;
	const int64_t leaf = (number - e->n) % 2 ? e->yes[from] : e->no[from];

	node->is_leaf = true;
	if (leaf < 0 || (uint64_t)leaf >= e->n_leaves)
		return REFUSE(e, "branch %" PRIu32 " leads to leaf %" PRId64 ", there are %zu",
			from, leaf, e->n_leaves);
	if (e->target[leaf] < 0 || e->target[leaf] >= e->n_targets)
		return REFUSE(e, "leaf %" PRId64 " is for output %" PRId64 ", there are %" PRIu32,
			leaf, e->target[leaf], e->n_targets);
	return forest_weight(
		forest, (uint32_t)e->target[leaf], (float)e->weight[leaf], e->onnx->err);
}

static int ensemble_read_node(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	struct ensemble *e = context;

	(void)err;
	if (number >= e->n)
		return ensemble_read_leaf(e, number, node, forest);
	node->feature = e->feature[number];
	node->yes = ensemble_number_of(e, e->yes[number], e->yes_leaf[number], number, true);
	node->no = ensemble_number_of(e, e->no[number], e->no_leaf[number], number, false);
	if (e->mode[number] == MODE_MEMBER)
		return read_members(e, number, node);
	onnx_tree_test(node, (enum tree_mode)e->mode[number], e->split[number],
		e->missing && e->missing[number], &e->thresholds);
	return 0;
}

static int ensemble_read_trees(struct ensemble *e, struct forest *forest)
{
	const Onnx__AttributeProto *roots;

	if (onnx_attr(e->onnx, e->node, "tree_roots", ONNX_ATTRIBUTE(INTS), &roots))
		return onnx_refused(e->onnx);
	if (!roots || roots->n_ints == 0)
		return REFUSE(e, "attribute 'tree_roots' is missing or empty");
	for (size_t i = 0; i < roots->n_ints; i++) {
		const int64_t root = roots->ints[i];
		int rc;

		if (root < 0 || (uint64_t)root >= e->n)
			return REFUSE(e, "tree %zu begins at branch %" PRId64 ", there are %zu", i,
				root, e->n);
		rc = forest_add(forest, (uint32_t)(3 * e->n), (uint32_t)root, ensemble_read_node, e,
			e->onnx->err);
		if (rc != 0 && strncmp(e->onnx->err->text, "node '", 6) != 0)
			error_prefix(e->onnx->err, "node '%.80s' (%.40s): tree %zu", e->node->name,
				e->node->type, i);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int import_tree_ensemble(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const AGGREGATES[] = { "AVERAGE", "SUM", "MIN", "MAX" };
	struct ensemble e = {
		.onnx = onnx, .node = node, .thresholds = onnx_tree_thresholds(onnx)
	};
	int64_t targets, aggregate, post, columns;
	struct forest *forest;
	uint32_t x, scores = GRAPH_NONE;
	int rc;

	if (onnx_int(onnx, node, "n_targets", 1, &targets) ||
		onnx_int(onnx, node, "aggregate_function", 1, &aggregate) ||
		onnx_int(onnx, node, "post_transform", 0, &post) || read_attributes(&e))
		return onnx_refused(onnx);
	if (targets < 1 || targets > MODEL_OUTPUTS_MAX || aggregate < 0 || aggregate > 3 ||
		post < 0 || post >= POST_COUNT)
		return REFUSE(&e,
			"n_targets %" PRId64 ", aggregate_function %" PRId64
			", post_transform %" PRId64 "; should be at least 1, 0 to 3 and 0 to 4",
			targets, aggregate, post);
	e.n_targets = (uint32_t)targets;
	x = onnx_as_row(onnx, node, &columns);
	if (x == GRAPH_NONE)
		return onnx_refused(onnx);
	forest = forest_create((uint32_t)columns, e.n_targets);
	if (!forest)
		return onnx_refuse_memory(onnx, node);
	rc = ensemble_read_trees(&e, forest);
	if (rc == 0)
		scores = onnx_emit_forest(
			onnx, node, forest, e.n_targets, AGGREGATES[aggregate], NULL, x);
	forest_destroy(forest);
	if (rc != 0)
		return rc;
	onnx_report_thresholds(onnx, node, &e.thresholds);
	return onnx_output(onnx, node, 0,
		onnx_emit_post_transform(onnx, node,
			onnx_post_of_targets(onnx, node, (enum post_transform)post, targets),
			scores));
}

const struct onnx_operator ONNX_ML_TREE_ENSEMBLE[] = {
	{ "TreeEnsemble", 1, 1, .import = import_tree_ensemble },
	{ .type = NULL },
};
