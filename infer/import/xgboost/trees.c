// SPDX-License-Identifier: BSD-3-Clause
// gbtree and dart: trees of the file to one ensemble.
#include "infer/import/xgboost/trees.h"
#include "infer/graph/arena.h"
#include "infer/import/forest.h"
#include "infer/import/xgboost/json.h"
#include "infer/import/xgboost/rounds.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CATEGORIES_MAX (1 << 24) // the library takes no category from here on

struct xgboost_source {
	struct xgboost *x;
	const json_t *left, *right, *index, *condition, *default_left, *split_type, *vectors;
	const json_t *categories, *nodes, *segments, *sizes;
	bool by_leaf; // vectors stand by the leaf's number, which is its right child; else by the node's
	uint32_t n_nodes, group, width; // width: weights of a leaf
	size_t next_categorical;
	float scale; // of the leaves: dart's weight
	char where[48];
	uint32_t *set; // words of the categorical node being read
	size_t set_capacity;
};

// A number of the array at i; *ok false: no number.
static double number_at(const json_t *array, size_t i, bool *ok)
{
	const json_t *value = json_array_get(array, i);

	*ok &= json_is_number(value) || json_is_boolean(value);
	return json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
}

static int64_t integer_at(const json_t *array, size_t i, bool *ok)
{
	const json_t *value = json_array_get(array, i);

	*ok &= json_is_integer(value) || json_is_boolean(value);
	return json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
}

static int refuse_node(struct xgboost_source *s, uint32_t node, const char *what)
{
	return error_set(s->x->err, -EINVAL, "%s: node %" PRIu32 ": %s", s->where, node, what);
}

// Which of the categorical nodes this one is; SIZE_MAX: none. They stand in ascending order.
static size_t find_categorical(const struct xgboost_source *s, uint32_t node)
{
	size_t low = 0, high = json_array_size(s->nodes);

	while (low < high) {
		const size_t mid = (low + high) / 2;
		const int64_t at = json_integer_value(json_array_get(s->nodes, mid));

		if (at == node)
			return mid;
		if (at < node)
			low = mid + 1;
		else
			high = mid;
	}
	return SIZE_MAX;
}

// The words of the node's set: its categories go right, what is below 0 or above all left.
static int read_set(struct xgboost_source *s, uint32_t number, struct forest_node *node)
{
	const size_t at = find_categorical(s, number);
	bool ok = at != SIZE_MAX;
	int64_t first, count, most = 0;

	if (!ok)
		return refuse_node(
			s, number, "splits by category, and categories_nodes does not name it");
	first = integer_at(s->segments, at, &ok);
	count = integer_at(s->sizes, at, &ok);
	if (!ok || first < 0 || count < 0 || first > (int64_t)json_array_size(s->categories) ||
		count > (int64_t)json_array_size(s->categories) - first)
		return refuse_node(s, number, "its categories lie outside of the list");
	for (int64_t i = first; i < first + count; i++) {
		const int64_t category = integer_at(s->categories, (size_t)i, &ok);

		if (!ok || category < 0 || category >= CATEGORIES_MAX)
			return refuse_node(
				s, number, "a category is no whole number from 0 to 16777215");
		most = category > most ? category : most;
	}
	node->n_set = (uint32_t)(most / 32 + 1);
	if (node->n_set > s->set_capacity) {
		s->set = arena_calloc(s->x->graph->arena, node->n_set, sizeof(*s->set));
		s->set_capacity = s->set ? node->n_set : 0;
	}
	if (!s->set)
		return error_set(s->x->err, -ENOMEM, "out of memory");
	memset(s->set, 0, node->n_set * sizeof(*s->set));
	for (int64_t i = first; i < first + count; i++) {
		const int64_t category = integer_at(s->categories, (size_t)i, &ok);

		s->set[category / 32] |= 1u << category % 32;
	}
	node->set = s->set;
	node->kind = TREE_IN_SET | TREE_SET_FROM_ZERO;
	return 0;
}

// Where the values of a leaf begin among the vectors.
static int find_vector(struct xgboost_source *s, uint32_t number, size_t *first)
{
	bool ok = true;
	const int64_t leaf = s->by_leaf ? integer_at(s->right, number, &ok) : number;

	if (!ok || leaf < 0 || (uint64_t)leaf >= json_array_size(s->vectors) / s->width)
		return refuse_node(s, number,
			"its right child should be its number among the leaves of leaf_weights");
	*first = (size_t)leaf * s->width;
	return 0;
}

static int xgboost_read_leaf(struct xgboost_source *s, uint32_t number, struct forest *forest)
{
	size_t first = 0;
	bool ok = true;
	int rc = s->width > 1 ? find_vector(s, number, &first) : 0;

	for (uint32_t k = 0; k < s->width && rc == 0; k++) {
		const double weight = s->width > 1 ? number_at(s->vectors, first + k, &ok)
						   : number_at(s->condition, number, &ok);

		if (!ok || !isfinite((float)weight))
			return refuse_node(s, number, "a leaf's value is no finite number");
		rc = forest_weight(
			forest, s->width > 1 ? k : s->group, (float)weight * s->scale, s->x->err);
	}
	return rc;
}

static int xgboost_read_node(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	struct xgboost_source *s = context;
	bool ok = true;
	const int64_t left = integer_at(s->left, number, &ok);
	const int64_t right = integer_at(s->right, number, &ok);
	int64_t default_left, type;
	double condition;

	(void)err;
	if (!ok)
		return refuse_node(s, number, "its children are no whole numbers");
	node->is_leaf = left == -1;
	if (node->is_leaf)
		return xgboost_read_leaf(s, number, forest);
	node->feature = integer_at(s->index, number, &ok);
	default_left = integer_at(s->default_left, number, &ok);
	type = s->split_type ? integer_at(s->split_type, number, &ok) : 0;
	condition = type == 0 ? number_at(s->condition, number, &ok) : 0; // none for categories
	if (!ok || default_left < 0 || default_left > 1 || type < 0 || type > 1)
		return refuse_node(s, number,
			"should have a feature, a finite threshold, default_left and a split_type "
			"of 0 or 1");
	if (type == 1) {
		node->yes = right;
		node->no = left;
		if (read_set(s, number, node) != 0)
			return err->code;
	} else {
		node->yes = left;
		node->no = right;
		node->threshold = (float)condition;
		node->kind = TREE_LESS;
	}
	if ((default_left == 1) == (node->yes == left))
		node->kind |= TREE_MISSING_TRUE;
	return 0;
}

static int read_arrays(struct xgboost_source *s, const json_t *tree)
{
	const struct {
		const char *name;
		const json_t **array;
		bool optional;
	} arrays[] = {
		{ "left_children", &s->left, false },
		{ "right_children", &s->right, false },
		{ "split_indices", &s->index, false },
		{ "split_conditions", &s->condition, false },
		{ "default_left", &s->default_left, false },
		{ "split_type", &s->split_type, true },
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		size_t size;

		*arrays[i].array = NULL;
		if (arrays[i].optional && !json_object_get(tree, arrays[i].name))
			continue;
		*arrays[i].array = xgboost_array(s->x, tree, s->where, arrays[i].name);
		if (!*arrays[i].array)
			return s->x->err->code;
		size = json_array_size(*arrays[i].array);
		if (size == 0 || size > TREES_BRANCHES_MAX || size != json_array_size(s->left))
			return error_set(s->x->err, -EINVAL,
				"%s.%s has %zu values, left_children %zu; should be as many, 1 to "
				"%d",
				s->where, arrays[i].name, size, json_array_size(s->left),
				TREES_BRANCHES_MAX);
	}
	s->n_nodes = (uint32_t)json_array_size(s->left);
	s->categories = json_object_get(tree, "categories");
	s->nodes = json_object_get(tree, "categories_nodes");
	s->segments = json_object_get(tree, "categories_segments");
	s->sizes = json_object_get(tree, "categories_sizes");
	return 0;
}

// Trees whose leaves have a value for each group keep them beside the nodes; from XGBoost 3.2 on in
// leaf_weights, by the leaf's number (MultiTargetTree::LeafValue), while base_weights may be shorter
// vectors or none of the leaf's.
static int read_width(struct xgboost_source *s, const json_t *tree)
{
	int64_t width = 0;

	if (json_object_get(tree, "tree_param") &&
		xgboost_integer(s->x, json_object_get(tree, "tree_param"), s->where,
			"size_leaf_vector", 0, XGBOOST_TARGETS_MAX, &width) != 0)
		return s->x->err->code;
	s->width = width > 1 ? (uint32_t)width : 1;
	if (s->width == 1)
		return 0;
	if (s->width != s->x->n_groups)
		return error_set(s->x->err, -EINVAL,
			"%s: leaves of %" PRIu32 " values, should be %" PRIu32, s->where, s->width,
			s->x->n_groups);
	s->by_leaf = json_object_get(tree, "leaf_weights") != NULL;
	s->vectors =
		xgboost_array(s->x, tree, s->where, s->by_leaf ? "leaf_weights" : "base_weights");
	if (!s->vectors || s->by_leaf)
		return s->vectors ? 0 : s->x->err->code;
	if (json_array_size(s->vectors) != (size_t)s->n_nodes * s->width)
		return error_set(s->x->err, -EINVAL,
			"%s.base_weights has %zu values, should have %zu", s->where,
			json_array_size(s->vectors), (size_t)s->n_nodes * s->width);
	return 0;
}

static int add_tree(
	struct xgboost_source *s, struct forest *forest, const json_t *tree, size_t number)
{
	int rc;

	snprintf(s->where, sizeof(s->where), "trees[%zu]", number);
	if (!json_is_object(tree))
		return error_set(s->x->err, -EINVAL, "%s should be an object", s->where);
	rc = read_arrays(s, tree);
	if (rc == 0)
		rc = read_width(s, tree);
	if (rc != 0)
		return rc;
	rc = forest_add(forest, s->n_nodes, 0, xgboost_read_node, s, s->x->err);
	if (rc != 0 && strncmp(s->x->err->text, "trees[", 6) != 0)
		error_prefix(s->x->err, "%s", s->where);
	return rc;
}

// Do the tree's leaves have a value for each group?
static bool is_vector(const json_t *tree)
{
	const json_t *size =
		json_object_get(json_object_get(tree, "tree_param"), "size_leaf_vector");

	return json_is_string(size) && strtol(json_string_value(size), NULL, 10) > 1;
}

static int add_trees(
	struct xgboost *x, struct forest *forest, const json_t *model, const json_t *drop)
{
	struct xgboost_source s = { .x = x };
	const json_t *trees = xgboost_array(x, model, "gradient_booster.model", "trees");
	const json_t *info =
		trees ? xgboost_array(x, model, "gradient_booster.model", "tree_info") : NULL;
	size_t n = json_array_size(trees), wanted;
	int rc;

	if (!info)
		return x->err->code;
	if (n == 0 || n != json_array_size(info) || (drop && n != json_array_size(drop)))
		return error_set(x->err, -EINVAL,
			"gradient_booster.model: %zu trees, %zu tree_info, %zu weight_drop; should "
			"be as many, and a tree at least",
			n, json_array_size(info), drop ? json_array_size(drop) : n);
	rc = xgboost_count_trees(x, model, !is_vector(json_array_get(trees, 0)), n, &wanted);
	for (size_t i = 0; i < wanted && rc == 0; i++) {
		bool ok = true;
		const int64_t group = integer_at(info, i, &ok);

		s.scale = drop ? (float)number_at(drop, i, &ok) : 1;
		if (!ok || group < 0 || group >= x->n_groups)
			return error_set(x->err, -EINVAL,
				"gradient_booster.model.tree_info[%zu] should be a group, 0 to "
				"%" PRIu32,
				i, x->n_groups - 1);
		s.group = (uint32_t)group;
		rc = add_tree(&s, forest, json_array_get(trees, i), i);
	}
	return rc;
}

int xgboost_trees(struct xgboost *x, const json_t *booster, uint32_t *output)
{
	const json_t *drop = json_object_get(booster, "weight_drop");
	const json_t *gbtree = drop ? json_object_get(booster, "gbtree") : booster;
	const json_t *model = xgboost_object(x, gbtree, "gradient_booster", "model");
	struct forest *forest = forest_create(x->n_features, x->n_groups);
	struct trees trees;
	int rc;

	if (!model)
		rc = x->err->code;
	else if (!forest)
		rc = error_set(x->err, -ENOMEM, "out of memory");
	else
		rc = add_trees(x, forest, model, drop);
	if (rc == 0)
		rc = forest_trees(forest, x->base, TREES_SUM, &trees, x->err);
	if (rc == 0)
		rc = forest_emit(x->graph, "trees", &trees, x->input, output, x->err);
	if (rc == 0)
		report_add(x->report,
			"%s%" PRIu32 " trees, %" PRIu32 " leaves, at most %" PRIu32
			" deep, for %" PRIu32 " output%s%s",
			drop ? "dart: " : "", trees.n_trees, trees.n_leaves, forest_depth(forest),
			x->n_groups, x->n_groups == 1 ? "" : "s",
			trees.set ? ", splits by category" : "");
	forest_destroy(forest);
	return rc;
}
