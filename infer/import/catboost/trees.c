// SPDX-License-Identifier: BSD-3-Clause
// Oblivious trees, all of whose branches of one level ask the same question, and others to one
// ensemble. A split asks x > border, in float32, or whether a category is the one that it names.
#include "infer/import/catboost/trees.h"

#include "infer/graph/arena.h"
#include "infer/import/forest.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16 // of CatBoost's oblivious trees

struct catboost_source {
	struct catboost *c;
	char where[48];
	// An oblivious tree: its nodes have the numbers of a heap, from 0.
	const json_t *splits, *leaves;
	uint32_t depth;
	// Another one: node i of the file, its left child and its right one.
	struct catboost_node {
		const json_t *node;
		uint32_t children[2];
	} * nodes;
	size_t n_nodes, capacity;
};

static int catboost_refuse(struct catboost_source *s, uint32_t node, int code, const char *what)
{
	return error_set(s->c->err, code, "%s: node %" PRIu32 ": %s", s->where, node, what);
}

// The feature that a split names; NULL: refused.
static const struct catboost_feature *catboost_feature_of(struct catboost_source *s, uint32_t node,
	const json_t *split, const char *key, const struct catboost_feature *features, uint32_t n)
{
	const json_t *value = json_object_get(split, key);
	const json_int_t number = json_integer_value(value);

	if (json_is_integer(value) && number >= 0 && number < n && features[number].there)
		return &features[number];
	error_set(s->c->err, -EINVAL,
		"%s: node %" PRIu32 ": %s should be that of a feature of features_info", s->where,
		node, key);
	return NULL;
}

static int catboost_float_split(
	struct catboost_source *s, uint32_t number, const json_t *split, struct forest_node *node)
{
	const struct catboost_feature *feature = catboost_feature_of(
		s, number, split, "float_feature_index", s->c->floats, s->c->n_floats);
	const json_t *border = json_object_get(split, "border");
	const int64_t above = node->yes;

	if (!feature)
		return s->c->err->code;
	if (!json_is_number(border))
		return catboost_refuse(s, number, -EINVAL, "border is no finite number");
	node->feature = feature->column;
	// Not above is at or below.
	node->yes = node->no;
	node->no = above;
	node->kind = TREE_LESS | (feature->missing_true ? 0 : TREE_MISSING_TRUE);
	forest_less_or_equal(node, json_number_value(border), true);
	return 0;
}

static int catboost_category_split(
	struct catboost_source *s, uint32_t number, const json_t *split, struct forest_node *node)
{
	const struct catboost_feature *feature = catboost_feature_of(
		s, number, split, "cat_feature_index", s->c->categories, s->c->n_categories);
	const json_t *value = json_object_get(split, "value");

	if (!feature)
		return s->c->err->code;
	if (!json_is_integer(value))
		return catboost_refuse(s, number, -EINVAL, "value is no hash of a category");
	node->feature = feature->column;
	node->kind = TREE_EQUAL;
	for (size_t i = 0; i < json_array_size(feature->hashes); i++) {
		const json_int_t hash = json_integer_value(json_array_get(feature->hashes, i));

		if ((uint32_t)hash != (uint32_t)json_integer_value(value))
			continue;
		if (feature->codes[i] == GRAPH_NONE)
			return error_set(s->c->err, -ENOTSUP,
				"%s: node %" PRIu32
				" asks for a category of '%.60s' whose text the file does not "
				"have: save it with model.save_model(\"model.json\", "
				"format=\"json\", pool=pool), pool being the Pool it was trained "
				"on",
				s->where, number,
				s->c->graph->feature_names
					? s->c->graph->feature_names[feature->column]
					: "");
		node->threshold = (float)feature->codes[i];
		return 0;
	}
	return catboost_refuse(
		s, number, -EINVAL, "value is none of the categorical feature's values");
}

// Fills what a branch asks; node->yes is where the answer yes leads to, node->no the other.
static int catboost_split(
	struct catboost_source *s, uint32_t number, const json_t *split, struct forest_node *node)
{
	const char *type = json_string_value(json_object_get(split, "split_type"));

	if (!json_is_object(split))
		return catboost_refuse(s, number, -EINVAL, "its split is no object");
	// Files of the first versions name no types of splits by number.
	if (!type)
		type = json_object_get(split, "float_feature_index") ? "FloatFeature" : "";
	if (strcmp(type, "FloatFeature") == 0)
		return catboost_float_split(s, number, split, node);
	if (strcmp(type, "OneHotFeature") == 0)
		return catboost_category_split(s, number, split, node);
	if (strcmp(type, "OnlineCtr") == 0)
		return catboost_refuse(s, number, -ENOTSUP,
			"OnlineCtr, a statistic of the target by categories, is not supported: "
			"train with one_hot_max_size of at least the number of categories "
			"(at most 255), or give them as numbers");
	return error_set(s->c->err, -ENOTSUP,
		"%s: node %" PRIu32
		": a split of type '%.40s' is not supported: FloatFeature and OneHotFeature are",
		s->where, number, type);
}

// Value `at` of `from`, an array, or `from` itself, for target d.
static int catboost_weight(struct catboost_source *s, uint32_t number, const json_t *value,
	uint32_t d, struct forest *forest)
{
	const double weight = json_number_value(value) * s->c->scale;

	if (!json_is_number(value) || !isfinite((float)weight))
		return catboost_refuse(s, number, -EINVAL, "a leaf's value is no finite number");
	return forest_weight(forest, s->c->first_target + d, (float)weight, s->c->err);
}

// --- Oblivious ------------------------------------------------------------------------------------

// Split k decides about bit k of the leaf's number. The heap's levels ask for the highest bit first, so
// that leaves stand in their order.
static int catboost_read_oblivious(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	struct catboost_source *s = context;
	const uint32_t n = s->c->n_dimensions, first_leaf = (1u << s->depth) - 1;
	uint32_t level = 0;
	int rc = 0;

	(void)err;
	if (number >= first_leaf) {
		node->is_leaf = true;
		for (uint32_t d = 0; d < n && rc == 0; d++)
			rc = catboost_weight(s, number,
				json_array_get(s->leaves, (size_t)(number - first_leaf) * n + d), d,
				forest);
		return rc;
	}
	while ((2u << level) - 1 <= number)
		level++;
	node->yes = 2 * (int64_t)number + 2;
	node->no = 2 * (int64_t)number + 1;
	return catboost_split(s, number, json_array_get(s->splits, s->depth - 1 - level), node);
}

static int catboost_add_oblivious(
	struct catboost_source *s, const json_t *tree, struct forest *forest)
{
	size_t leaves;

	s->splits = json_object_get(tree, "splits");
	s->leaves = json_object_get(tree, "leaf_values");
	s->depth = (uint32_t)json_array_size(s->splits);
	if ((s->splits && !json_is_array(s->splits) && !json_is_null(s->splits)) ||
		json_array_size(s->splits) > DEPTH_MAX)
		return error_set(s->c->err, -EINVAL, "%s.splits should be a list of at most %d",
			s->where, DEPTH_MAX);
	leaves = ((size_t)1 << s->depth) * s->c->n_dimensions;
	if (json_array_size(s->leaves) != leaves)
		return error_set(s->c->err, -EINVAL,
			"%s.leaf_values has %zu values, should have %zu: %" PRIu32
			" splits, %" PRIu32 " values a leaf",
			s->where, json_array_size(s->leaves), leaves, s->depth, s->c->n_dimensions);
	return forest_add(forest, (2u << s->depth) - 1, 0, catboost_read_oblivious, s, s->c->err);
}

// --- Others ---------------------------------------------------------------------------------------

static bool catboost_is_leaf(const json_t *node)
{
	return json_object_get(node, "value") != NULL;
}

static int catboost_note_node(struct catboost_source *s, const json_t *node)
{
	if (s->n_nodes == TREES_BRANCHES_MAX)
		return error_set(s->c->err, -EINVAL, "%s has more than %d nodes", s->where,
			TREES_BRANCHES_MAX);
	if (s->n_nodes == s->capacity) {
		const size_t capacity = s->capacity ? 2 * s->capacity : 64;
		struct catboost_node *nodes = realloc(s->nodes, capacity * sizeof(*nodes));

		if (!nodes)
			return error_set(s->c->err, -ENOMEM, "out of memory for the trees");
		s->nodes = nodes;
		s->capacity = capacity;
	}
	s->nodes[s->n_nodes++] = (struct catboost_node){ .node = node };
	return 0;
}

// Numbers the nodes level by level: children get theirs when their parent is looked at.
static int catboost_number_nodes(struct catboost_source *s, const json_t *tree)
{
	static const char *const SIDES[2] = { "left", "right" };
	int rc;

	s->n_nodes = 0;
	rc = catboost_note_node(s, tree);
	for (size_t i = 0; i < s->n_nodes && rc == 0; i++) {
		const json_t *node = s->nodes[i].node;

		for (size_t side = 0; side < 2 && !catboost_is_leaf(node) && rc == 0; side++) {
			const json_t *child = json_object_get(node, SIDES[side]);

			if (!json_is_object(child))
				return error_set(s->c->err, -EINVAL,
					"%s: node %zu has neither a value nor a node on its %s",
					s->where, i, SIDES[side]);
			s->nodes[i].children[side] = (uint32_t)s->n_nodes;
			rc = catboost_note_node(s, child);
		}
	}
	return rc;
}

static int catboost_read_node(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	struct catboost_source *s = context;
	const struct catboost_node *from = &s->nodes[number];
	const json_t *value = json_object_get(from->node, "value");
	const uint32_t n = s->c->n_dimensions;
	int rc = 0;

	(void)err;
	if (!value) {
		node->no = from->children[0];
		node->yes = from->children[1];
		return catboost_split(s, number, json_object_get(from->node, "split"), node);
	}
	node->is_leaf = true;
	if (json_is_array(value) ? json_array_size(value) != n : n != 1)
		return error_set(s->c->err, -EINVAL,
			"%s: node %" PRIu32 ": its value should be %" PRIu32 " number%s", s->where,
			number, n, n == 1 ? "" : "s");
	for (uint32_t d = 0; d < n && rc == 0; d++)
		rc = catboost_weight(s, number,
			json_is_array(value) ? json_array_get(value, d) : value, d, forest);
	return rc;
}

static int catboost_add_other(struct catboost_source *s, const json_t *tree, struct forest *forest)
{
	int rc = catboost_number_nodes(s, tree);

	return rc != 0
		? rc
		: forest_add(forest, (uint32_t)s->n_nodes, 0, catboost_read_node, s, s->c->err);
}

// --- All ------------------------------------------------------------------------------------------

static const json_t *catboost_list(const struct catboost *c, bool *oblivious)
{
	const json_t *trees = json_object_get(c->root, "oblivious_trees");

	*oblivious = trees != NULL;
	return trees ? trees : json_object_get(c->root, "trees");
}

int catboost_dimensions(struct catboost *c)
{
	bool oblivious;
	const json_t *trees = catboost_list(c, &oblivious), *node = json_array_get(trees, 0);
	size_t n;

	if (json_array_size(trees) == 0)
		return error_set(c->err, -EINVAL,
			"there is no list \"oblivious_trees\" or \"trees\" with a tree at least");
	if (oblivious) {
		const size_t depth = json_array_size(json_object_get(node, "splits"));

		n = json_array_size(json_object_get(node, "leaf_values"));
		n = depth <= DEPTH_MAX ? n >> depth : 0;
	} else {
		// jansson has bounded how deep objects lie.
		while (json_is_object(node) && !catboost_is_leaf(node))
			node = json_object_get(node, "left");
		node = json_object_get(node, "value");
		n = json_is_array(node) ? json_array_size(node) : json_is_number(node);
	}
	if (n < 1 || n > CATBOOST_TARGETS_MAX)
		return error_set(c->err, -EINVAL,
			"leaves of the first tree have %zu values, should have 1 to %d", n,
			CATBOOST_TARGETS_MAX);
	c->n_dimensions = (uint32_t)n;
	return 0;
}

static int catboost_add_trees(struct catboost *c, struct forest *forest)
{
	struct catboost_source s = { .c = c };
	const uint32_t wanted = c->options->rounds;
	bool oblivious;
	const json_t *trees = catboost_list(c, &oblivious);
	size_t n = json_array_size(trees);
	int rc = 0;

	if (wanted != ROUNDS_BEST && wanted != ROUNDS_ALL) {
		if (wanted > n)
			return error_set(c->err, -EINVAL,
				"%" PRIu32 " rounds are wanted, there are %zu", wanted, n);
		report_add(c->report, "%" PRIu32 " of %zu rounds are scored", wanted, n);
		n = wanted;
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		const json_t *tree = json_array_get(trees, i);

		snprintf(
			s.where, sizeof(s.where), "%strees[%zu]", oblivious ? "oblivious_" : "", i);
		if (!json_is_object(tree))
			rc = error_set(c->err, -EINVAL, "%s should be an object", s.where);
		else if (oblivious)
			rc = catboost_add_oblivious(&s, tree, forest);
		else
			rc = catboost_add_other(&s, tree, forest);
		if (rc != 0 && strncmp(c->err->text, s.where, strlen(s.where)) != 0)
			error_prefix(c->err, "%s", s.where);
	}
	free(s.nodes);
	return rc;
}

static int catboost_bases(struct catboost *c, float *base)
{
	for (uint32_t d = 0; c->bias && d < c->n_dimensions; d++) {
		const json_t *value = json_is_array(c->bias) ? json_array_get(c->bias, d) : c->bias;
		const float at = (float)json_number_value(value);

		if (!json_is_number(value) || !isfinite(at))
			return error_set(c->err, -EINVAL,
				"scale_and_bias[1] should be %" PRIu32 " finite number%s",
				c->n_dimensions, c->n_dimensions == 1 ? "" : "s");
		base[c->first_target + d] = at;
	}
	return 0;
}

int catboost_trees(struct catboost *c, uint32_t *output)
{
	float *base = arena_calloc(c->graph->arena, c->n_targets, sizeof(*base));
	struct forest *forest = forest_create(c->n_columns, c->n_targets);
	struct trees trees;
	int rc = base && forest ? catboost_bases(c, base)
				: error_set(c->err, -ENOMEM, "out of memory");

	if (rc == 0)
		rc = catboost_add_trees(c, forest);
	if (rc == 0)
		rc = forest_trees(forest, base, TREES_SUM, &trees, c->err);
	if (rc == 0)
		rc = forest_emit(c->graph, "trees", &trees, c->input, output, c->err);
	if (rc == 0)
		report_add(c->report,
			"%" PRIu32 " trees, %" PRIu32 " leaves, at most %" PRIu32
			" deep, for %" PRIu32 " output%s",
			trees.n_trees, trees.n_leaves, forest_depth(forest), c->n_dimensions,
			c->n_dimensions == 1 ? "" : "s");
	forest_destroy(forest);
	return rc;
}
