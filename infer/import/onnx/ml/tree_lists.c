// SPDX-License-Identifier: BSD-3-Clause
// The lists of nodes and weights of TreeEnsembleRegressor and TreeEnsembleClassifier to a forest.
#include "infer/import/onnx/ml/tree_lists.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/ml/tree_tests.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(e, ...) onnx_refuse((e)->onnx, (e)->node, -EINVAL, __VA_ARGS__)

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
	bool unsorted = false;

	for (size_t i = 0; listed && tree && node && i < n; i++)
		listed[i] = (struct listed){ tree[i], node[i], (uint32_t)i };
	for (size_t i = 1; listed && i < n && !unsorted; i++) // files have them in order
		unsorted = compare_listed(&listed[i - 1], &listed[i]) > 0;
	if (listed && unsorted)
		qsort(listed, n, sizeof(*listed), compare_listed);
	if (!listed)
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

static bool lists_is_of(const struct tree_lists *e, size_t weight, const struct listed *leaf)
{
	return weight < e->n_weights && e->weights[weight].tree == leaf->tree &&
		e->weights[weight].node == leaf->node;
}

// The first weight of the leaf, if it has one.
static size_t lists_first_weight(const struct tree_lists *e, const struct listed *at)
{
	size_t low = 0, high = e->n_weights;

	while (low < high) {
		const size_t mid = (low + high) / 2;
		const struct listed *weight = &e->weights[mid];

		if (weight->tree < at->tree ||
			(weight->tree == at->tree && weight->node < at->node))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int lists_read_leaf(struct tree_lists *e, const struct listed *at, struct forest *forest)
{
	for (size_t low = lists_first_weight(e, at); lists_is_of(e, low, at); low++) {
		const uint32_t i = e->weights[low].index;

		if (e->weight_target[i] < 0 || e->weight_target[i] >= e->n_targets)
			return REFUSE(e,
				"tree %" PRId64 ", node %" PRId64 ": a weight for output %" PRId64
				", there are %" PRIu32,
				at->tree, at->node, e->weight_target[i], e->n_targets);
		if (forest_weight(forest, (uint32_t)e->weight_target[i], (float)e->weight[i],
			    e->onnx->err) != 0 ||
			(e->counted &&
				forest_weight(forest, e->n_targets + (uint32_t)e->weight_target[i],
					1, e->onnx->err) != 0))
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
		e->missing && e->missing[at->index], &e->thresholds);
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

uint32_t tree_lists_emit(struct tree_lists *e, const char *aggregate, const double *base)
{
	int64_t columns;
	const uint32_t x = onnx_as_row(e->onnx, e->node, &columns);
	const uint32_t n_targets = e->counted ? 2 * e->n_targets : e->n_targets;
	struct forest *forest;
	uint32_t scores = GRAPH_NONE;

	if (x == GRAPH_NONE)
		return GRAPH_NONE;
	e->thresholds = onnx_tree_thresholds(e->onnx);
	forest = forest_create((uint32_t)columns, n_targets);
	if (!forest)
		onnx_refuse_memory(e->onnx, e->node);
	else if (lists_read_trees(e, forest) == 0)
		scores = onnx_emit_forest(e->onnx, e->node, forest, n_targets, aggregate, base, x);
	forest_destroy(forest);
	if (scores != GRAPH_NONE)
		onnx_report_thresholds(e->onnx, e->node, &e->thresholds);
	return scores;
}

enum tree_presence tree_lists_presence(const struct tree_lists *e, int64_t target)
{
	bool any = false, all = false;

	for (size_t i = 0; i < e->n; i++) {
		const struct listed *at = &e->nodes[i];
		bool has = false;

		if (i == 0 || at->tree != e->nodes[i - 1].tree) {
			if (all)
				return TREE_ALL;
			all = true;
		}
		if (mode_of(&e->modes->strings[at->index]) != MODE_COUNT)
			continue;
		for (size_t w = lists_first_weight(e, at); lists_is_of(e, w, at) && !has; w++)
			has = e->weight_target[e->weights[w].index] == target;
		any |= has;
		all &= has;
	}
	return all ? TREE_ALL : any ? TREE_SOME : TREE_NONE;
}

int tree_lists_read(struct tree_lists *e, const char *prefix)
{
	if (lists_read_nodes(e) || lists_read_weights(e, prefix))
		return onnx_refused(e->onnx);
	return onnx_attr_doubles(
		e->onnx, e->node, "base_values", "base_values_as_tensor", &e->n_base, &e->base);
}
