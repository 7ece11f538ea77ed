// SPDX-License-Identifier: BSD-3-Clause
// The lists of TreeEnsembleRegressor and TreeEnsembleClassifier of ai.onnx.ml 1 to 4, and the first
// of them, as ONNX Runtime computes it.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/ml/labels.h"
#include "infer/import/onnx/ml/post.h"
#include "infer/import/onnx/ml/tree_tests.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(e, ...) onnx_refuse((e)->onnx, (e)->node, -EINVAL, __VA_ARGS__)

struct listed { // a node or a weight: its tree and node, and its index in the lists
	int64_t tree, node;
	uint32_t index;
};

struct tree_lists {
	struct onnx *onnx;
	const struct onnx_node *node;
	size_t n; // nodes
	const int64_t *tree, *number, *feature, *yes, *no, *missing;
	const Onnx__AttributeProto *modes;
	const double *threshold;
	size_t n_weights;
	const int64_t *weight_tree, *weight_node, *weight_target;
	const double *weight;
	struct listed *nodes;   // [n] by tree and number
	struct listed *weights; // [n_weights] likewise
	size_t n_base;
	const double *base; // [n_base]; NULL: none
	uint32_t n_targets; // to be set by who emits
	// The tree being read: nodes[first, first + count).
	size_t first, count;
};

// [count] whole numbers; `optional`: NULL where the attribute is not there.
static int lists_ints(struct tree_lists *e, const char *prefix, const char *name, size_t count,
	bool optional, const int64_t **values)
{
	const Onnx__AttributeProto *attr;
	char full[64];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	if (onnx_attr(e->onnx, e->node, full, ONNX_ATTRIBUTE(INTS), &attr))
		return onnx_refused(e->onnx);
	*values = attr ? attr->ints : NULL;
	if (optional && (!attr || attr->n_ints == 0)) {
		*values = NULL;
		return 0;
	}
	if (!attr || attr->n_ints != count)
		return REFUSE(e, "attribute '%s' has %zu values, should have %zu", full,
			attr ? attr->n_ints : 0, count);
	return 0;
}

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->tree != y->tree)
		return x->tree < y->tree ? -1 : 1;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static struct listed *sorted(
	struct tree_lists *e, const int64_t *tree, const int64_t *node, size_t n)
{
	struct listed *listed = arena_calloc(e->onnx->scratch, n + 1, sizeof(*listed));

	for (size_t i = 0; listed && tree && node && i < n; i++)
		listed[i] = (struct listed){ tree[i], node[i], (uint32_t)i };
	if (listed)
		qsort(listed, n, sizeof(*listed), compare_listed);
	else
		onnx_refuse_memory(e->onnx, e->node);
	return listed;
}

static int lists_read_nodes(struct tree_lists *e)
{
	const Onnx__AttributeProto *trees;
	size_t n_thresholds;

	if (onnx_attr(e->onnx, e->node, "nodes_treeids", ONNX_ATTRIBUTE(INTS), &trees))
		return onnx_refused(e->onnx);
	e->n = trees ? trees->n_ints : 0;
	if (e->n == 0 || e->n > TREES_BRANCHES_MAX)
		return REFUSE(e, "attribute 'nodes_treeids' has %zu values, should have 1 to %d",
			e->n, TREES_BRANCHES_MAX);
	e->tree = trees->ints;
	if (lists_ints(e, "nodes_", "nodeids", e->n, false, &e->number) ||
		lists_ints(e, "nodes_", "featureids", e->n, false, &e->feature) ||
		lists_ints(e, "nodes_", "truenodeids", e->n, false, &e->yes) ||
		lists_ints(e, "nodes_", "falsenodeids", e->n, false, &e->no) ||
		lists_ints(e, "nodes_", "missing_value_tracks_true", e->n, true, &e->missing) ||
		onnx_attr(e->onnx, e->node, "nodes_modes", ONNX_ATTRIBUTE(STRINGS), &e->modes) ||
		onnx_attr_doubles(e->onnx, e->node, "nodes_values", "nodes_values_as_tensor",
			&n_thresholds, &e->threshold))
		return onnx_refused(e->onnx);
	if (!e->modes || e->modes->n_strings != e->n)
		return REFUSE(e, "attribute 'nodes_modes' has %zu values, should have %zu",
			e->modes ? e->modes->n_strings : 0, e->n);
	if (n_thresholds != e->n)
		return REFUSE(e, "attribute 'nodes_values' has %zu values, should have %zu",
			n_thresholds, e->n);
	e->nodes = sorted(e, e->tree, e->number, e->n);
	for (size_t i = 1; e->nodes && i < e->n; i++) {
		if (e->nodes[i].tree == e->nodes[i - 1].tree &&
			e->nodes[i].node == e->nodes[i - 1].node)
			return REFUSE(e, "tree %" PRId64 " has two nodes %" PRId64,
				e->nodes[i].tree, e->nodes[i].node);
	}
	return e->nodes ? 0 : onnx_refused(e->onnx);
}

// `prefix` is "target_" or "class_".
static int lists_read_weights(struct tree_lists *e, const char *prefix)
{
	char name[32], tensor[32];

	snprintf(name, sizeof(name), "%sweights", prefix);
	snprintf(tensor, sizeof(tensor), "%sweights_as_tensor", prefix);
	if (onnx_attr_doubles(e->onnx, e->node, name, tensor, &e->n_weights, &e->weight) ||
		lists_ints(e, prefix, "treeids", e->n_weights, false, &e->weight_tree) ||
		lists_ints(e, prefix, "nodeids", e->n_weights, false, &e->weight_node) ||
		lists_ints(e, prefix, "ids", e->n_weights, false, &e->weight_target))
		return onnx_refused(e->onnx);
	e->weights = sorted(e, e->weight_tree, e->weight_node, e->n_weights);
	return e->weights ? 0 : onnx_refused(e->onnx);
}

// The node's number within the tree being read; INT64_MAX: there is none.
static int64_t lists_find(const struct tree_lists *e, int64_t number)
{
	size_t low = e->first, high = e->first + e->count;

	while (low < high) {
		const size_t mid = (low + high) / 2;

		if (e->nodes[mid].node == number)
			return (int64_t)(mid - e->first);
		if (e->nodes[mid].node < number)
			low = mid + 1;
		else
			high = mid;
	}
	return INT64_MAX;
}

static int lists_read_leaf(struct tree_lists *e, const struct listed *at, struct forest *forest)
{
	size_t low = 0, high = e->n_weights;

	while (low < high) { // the first weight of the leaf
		const size_t mid = (low + high) / 2;
		const struct listed *weight = &e->weights[mid];

		if (weight->tree < at->tree ||
			(weight->tree == at->tree && weight->node < at->node))
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < e->n_weights && e->weights[low].tree == at->tree &&
		e->weights[low].node == at->node;
		low++) {
		const uint32_t i = e->weights[low].index;

		if (e->weight_target[i] < 0 || e->weight_target[i] >= e->n_targets)
			return REFUSE(e,
				"tree %" PRId64 ", node %" PRId64 ": a weight for output %" PRId64
				", there are %" PRIu32,
				at->tree, at->node, e->weight_target[i], e->n_targets);
		if (forest_weight(forest, (uint32_t)e->weight_target[i], (float)e->weight[i],
			    e->onnx->err) != 0)
			return onnx_refused(e->onnx);
	}
	return 0;
}

// A mode by its name; MODE_COUNT: a leaf; -1: unknown.
static int mode_of(const ProtobufCBinaryData *text)
{
	static const char *const NAMES[] = { "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT",
		"BRANCH_EQ", "BRANCH_NEQ" };

	for (int m = 0; m <= MODE_NEQ; m++) {
		if (text->len == strlen(NAMES[m]) && memcmp(text->data, NAMES[m], text->len) == 0)
			return m;
	}
	return text->len == 4 && memcmp(text->data, "LEAF", 4) == 0 ? MODE_COUNT : -1;
}

static int lists_read_node(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	struct tree_lists *e = context;
	const struct listed *at = &e->nodes[e->first + number];
	const ProtobufCBinaryData *mode = &e->modes->strings[at->index];
	const int known = mode_of(mode);

	(void)err;
	if (known < 0)
		return REFUSE(e, "tree %" PRId64 ", node %" PRId64 ": mode '%.*s' is unknown",
			at->tree, at->node, (int)(mode->len < 20 ? mode->len : 20),
			(const char *)mode->data);
	node->is_leaf = known == MODE_COUNT;
	if (node->is_leaf)
		return lists_read_leaf(e, at, forest);
	node->feature = e->feature[at->index];
	node->yes = lists_find(e, e->yes[at->index]);
	node->no = lists_find(e, e->no[at->index]);
	onnx_tree_test(node, (enum tree_mode)known, e->threshold[at->index],
		e->missing && e->missing[at->index]);
	return 0;
}

// The one node that no other leads to.
static int find_root(struct tree_lists *e, uint32_t *root)
{
	bool *led_to = arena_calloc(e->onnx->scratch, e->count, sizeof(*led_to));
	uint32_t roots = 0;

	if (!led_to)
		return onnx_refuse_memory(e->onnx, e->node);
	for (size_t i = 0; i < e->count; i++) {
		const struct listed *at = &e->nodes[e->first + i];
		const int64_t children[2] = { e->yes[at->index], e->no[at->index] };

		for (int c = 0; c < 2 && mode_of(&e->modes->strings[at->index]) != MODE_COUNT;
			c++) {
			const int64_t child = lists_find(e, children[c]);

			if (child == INT64_MAX)
				return REFUSE(e,
					"tree %" PRId64 ", node %" PRId64 " leads to node %" PRId64
					", which is not there",
					at->tree, at->node, children[c]);
			led_to[child] = true;
		}
	}
	for (size_t i = 0; i < e->count; i++) {
		roots += !led_to[i];
		if (!led_to[i])
			*root = (uint32_t)i;
	}
	if (roots != 1)
		return REFUSE(e,
			"tree %" PRId64 " has %" PRIu32
			" nodes that no other leads to, should have one: its root",
			e->nodes[e->first].tree, roots);
	return 0;
}

static int lists_read_trees(struct tree_lists *e, struct forest *forest)
{
	for (e->first = 0; e->first < e->n; e->first += e->count) {
		const int64_t tree = e->nodes[e->first].tree;
		uint32_t root = 0;
		int rc;

		e->count = 1;
		while (e->first + e->count < e->n && e->nodes[e->first + e->count].tree == tree)
			e->count++;
		rc = find_root(e, &root);
		if (rc != 0)
			return rc;
		rc = forest_add(forest, (uint32_t)e->count, root, lists_read_node, e, e->onnx->err);
		if (rc != 0 && strncmp(e->onnx->err->text, "node '", 6) != 0)
			error_prefix(e->onnx->err, "node '%.80s' (%.40s): tree %" PRId64,
				e->node->name, e->node->type, tree);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// Scores [1, n_targets].
static uint32_t emit_lists(struct tree_lists *e, const char *aggregate, const double *base)
{
	int64_t columns;
	const uint32_t x = onnx_as_row(e->onnx, e->node, &columns);
	struct forest *forest;
	uint32_t scores = GRAPH_NONE;

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	forest = forest_create((uint32_t)columns, e->n_targets);
	if (!forest)
		onnx_refuse_memory(e->onnx, e->node);
	else if (lists_read_trees(e, forest) == 0)
		scores = onnx_emit_forest(
			e->onnx, e->node, forest, e->n_targets, aggregate, base, x);
	forest_destroy(forest);
	return scores;
}

// The lists of nodes, weights (their names begin with `prefix`: "target_" or "class_") and base
// values.
static int read_lists(struct tree_lists *e, const char *prefix)
{
	if (lists_read_nodes(e) || lists_read_weights(e, prefix))
		return onnx_refused(e->onnx);
	return onnx_attr_doubles(
		e->onnx, e->node, "base_values", "base_values_as_tensor", &e->n_base, &e->base);
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

	if (read_lists(&e, "target_") || onnx_int(onnx, node, "n_targets", 1, &targets) ||
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
	scores = emit_lists(&e, aggregate, e.base);
	if (targets == 1 && post != POST_PROBIT)
		post = POST_NONE; // one score has nothing to be weighed against
	if (scores != GRAPH_NONE)
		scores = onnx_emit_post_transform(onnx, node, post, scores);
	return onnx_output(onnx, node, 0, scores);
}

// What all weights are like.
struct tree_weights {
	bool positive;   // none is below 0
	bool first_only; // all are for class 0
	bool one_class;  // all are for the same
};

static struct tree_weights look_at(const struct tree_lists *e)
{
	struct tree_weights w = { true, true, true };

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
static uint32_t emit_decisive(struct tree_lists *e, const struct tree_weights *w, uint32_t scores)
{
	const float limit = w->positive ? 0.5f : 0;

	if (!e->onnx->options->labels || scores == GRAPH_NONE)
		return scores;
	if (w->first_only)
		return side_by_side(e, constant_row(e, 1, limit), scores);
	return onnx_emit_pair(e->onnx, e->node, OP_ADD, scores, constant_row(e, 2, limit));
}

static int import_tree_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	struct tree_lists e = { .onnx = onnx, .node = node };
	enum post_transform post;
	size_t n_labels;
	uint32_t scores, decisive; // transforms that saturate make ties of it
	struct tree_weights weights;
	bool binary;

	if (onnx_keep_labels(onnx, node, "classlabels_strings", "classlabels_int64s", &n_labels) ||
		read_lists(&e, "class_") || onnx_read_post_transform(onnx, node, &post))
		return onnx_refused(onnx);
	if (n_labels == 0 || n_labels > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "%zu class labels, should be 1 to %d",
			n_labels, MODEL_OUTPUTS_MAX);
	weights = look_at(&e);
	binary = n_labels == 2 && weights.first_only && e.n_base < 2;
	if (!binary && e.base && e.n_base != n_labels)
		return onnx_refuse(
			onnx, node, -EINVAL, "%zu base_values for %zu classes", e.n_base, n_labels);
	e.n_targets = binary ? 1 : (uint32_t)n_labels;
	decisive = scores = emit_lists(&e, "SUM", e.base);
	if (n_labels == 2 && weights.one_class && e.n_base < 2)
		decisive = emit_decisive(&e, &weights, scores);
	if (scores != GRAPH_NONE)
		scores = binary ? emit_binary(&e, post, weights.positive, scores)
				: onnx_emit_post_transform(onnx, node, post, scores);
	if (scores == GRAPH_NONE || onnx_output_label(onnx, node, "classlabels_int64s", decisive))
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 1, scores);
}

const struct onnx_operator ONNX_ML_TREES[] = {
	{ "TreeEnsembleRegressor", 1, 1, .import = import_tree_regressor },
	{ "TreeEnsembleClassifier", 1, 1, .import = import_tree_classifier },
	{ .type = NULL },
};
