// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/train/isolation_forest.h"

#include "base/random.h"
#include "infer/import/build.h"
#include "infer/learn/train/anomaly.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EULER_GAMMA 0.57721566490153286

double isolation_path(uint64_t n)
{
	if (n <= 1)
		return 0;
	if (n == 2)
		return 1;
	return 2 * (log((double)n - 1) + EULER_GAMMA) - 2 * ((double)n - 1) / (double)n;
}

struct isolation_node {
	uint32_t first, n, depth; // rows of the sample
	bool is_leaf, missing_yes;
	uint32_t feature, yes, no;
	double threshold; // x <= it: yes
};

// One tree while it grows.
struct isolation_tree {
	const struct dataset *set;
	const struct isolation *how;
	uint32_t *sample, *moved;     // [samples] rows, those of a node side by side
	uint32_t *features;           // [n_features] in the order in which they are tried
	struct isolation_node *nodes; // [2 * samples]
	uint32_t n_nodes, n_samples, depth_max;
	uint64_t random;
	double scale; // of a leaf's path
};

static float isolation_value(const struct isolation_tree *tree, uint32_t row, uint32_t feature)
{
	return tree->set->values[(size_t)row * tree->set->n_features + feature];
}

// The least and the largest value that rows of the node have there. False: it has no two.
static bool isolation_range(const struct isolation_tree *tree, const struct isolation_node *node,
	uint32_t feature, float range[2])
{
	range[0] = INFINITY;
	range[1] = -INFINITY;
	for (uint32_t i = 0; i < node->n; i++) {
		const float x = isolation_value(tree, tree->sample[node->first + i], feature);

		range[0] = x < range[0] ? x : range[0];
		range[1] = x > range[1] ? x : range[1];
	}
	return range[0] < range[1];
}

// One of the features that have two values there, each as likely as another. False: none has.
static bool isolation_pick(struct isolation_tree *tree, struct isolation_node *node, float range[2])
{
	for (uint32_t left = tree->set->n_features; left > 0; left--) {
		const uint32_t at = (uint32_t)random_below(&tree->random, left);
		const uint32_t feature = tree->features[at];

		tree->features[at] = tree->features[left - 1];
		tree->features[left - 1] = feature;
		if (isolation_range(tree, node, feature, range)) {
			node->feature = feature;
			return true;
		}
	}
	return false;
}

// The sample's rows of a node, those that answer yes first. Returns how many do.
static uint32_t isolation_part(struct isolation_tree *tree, struct isolation_node *node)
{
	uint32_t *rows = tree->sample + node->first;
	uint32_t yes = 0, no = 0, missing = 0;

	for (uint32_t i = 0; i < node->n; i++) {
		const float x = isolation_value(tree, rows[i], node->feature);

		yes += (double)x <= node->threshold;
		missing += isnan(x);
	}
	node->missing_yes = yes > node->n - missing - yes;
	yes = 0;
	for (uint32_t i = 0; i < node->n; i++) {
		const float x = isolation_value(tree, rows[i], node->feature);

		if (isnan(x) ? node->missing_yes : (double)x <= node->threshold)
			rows[yes++] = rows[i];
		else
			tree->moved[no++] = rows[i];
	}
	memcpy(rows + yes, tree->moved, no * sizeof(*rows));
	return yes;
}

static uint32_t isolation_child(struct isolation_tree *tree, const struct isolation_node *parent,
	uint32_t first, uint32_t n)
{
	tree->nodes[tree->n_nodes] =
		(struct isolation_node){ .first = first, .n = n, .depth = parent->depth + 1 };
	return tree->n_nodes++;
}

static void isolation_split(struct isolation_tree *tree, struct isolation_node *node)
{
	float range[2];
	uint32_t yes;

	node->is_leaf =
		node->n < 2 || node->depth == tree->depth_max || !isolation_pick(tree, node, range);
	if (node->is_leaf)
		return;
	node->threshold = (double)range[0] +
		random_double(&tree->random) * ((double)range[1] - (double)range[0]);
	if (node->threshold >= (double)range[1]) // rounded up
		node->threshold = (double)range[0];
	yes = isolation_part(tree, node);
	node->yes = isolation_child(tree, node, node->first, yes);
	node->no = isolation_child(tree, node, node->first + yes, node->n - yes);
}

// The forest's reader.
static int isolation_read(void *context, uint32_t number, struct forest_node *to,
	struct forest *forest, struct error *err)
{
	const struct isolation_tree *tree = context;
	const struct isolation_node *node = &tree->nodes[number];

	to->is_leaf = node->is_leaf;
	if (node->is_leaf)
		return forest_weight(forest, 0,
			(float)(tree->scale * (node->depth + isolation_path(node->n))), err);
	to->feature = node->feature;
	to->yes = node->yes;
	to->no = node->no;
	to->kind = (uint8_t)(TREE_LESS | (node->missing_yes ? TREE_MISSING_TRUE : 0));
	forest_less_or_equal(to, node->threshold, false);
	return 0;
}

// The first n_samples of `order` become a sample of all `n`, without replacement.
static void isolation_draw(struct isolation_tree *tree, uint32_t *order, size_t n)
{
	for (uint32_t i = 0; i < tree->n_samples; i++) {
		const size_t with = i + random_below(&tree->random, n - i);
		const uint32_t row = order[with];

		order[with] = order[i];
		order[i] = row;
	}
	memcpy(tree->sample, order, tree->n_samples * sizeof(*order));
}

static int isolation_grow_all(struct isolation_tree *tree, uint32_t *order, size_t n,
	const struct learn_watch *watch, struct forest *forest, struct error *err)
{
	bool splits = false;

	for (uint32_t t = 0; t < tree->how->trees; t++) {
		const struct learn_progress progress = { "trees", t, tree->how->trees, NAN, NAN,
			NULL };
		int rc;

		if (watch && !watch->step(watch->context, &progress))
			return error_set(err, -ECANCELED, "ended after %" PRIu32 " trees", t);
		tree->random = random_start(tree->how->seed, t);
		isolation_draw(tree, order, n);
		tree->n_nodes = 1;
		tree->nodes[0] = (struct isolation_node){ .n = tree->n_samples };
		for (uint32_t i = 0; i < tree->n_nodes; i++)
			isolation_split(tree, &tree->nodes[i]);
		splits = splits || tree->n_nodes > 1;
		rc = forest_add(forest, tree->n_nodes, 0, isolation_read, tree, err);
		if (rc != 0)
			return rc;
	}
	return splits ? 0
		      : error_set(err, -EINVAL, "%s: all rows are the same, nothing isolates one",
				tree->set->path);
}

static int isolation_check(
	const struct dataset_part *rows, const struct isolation *how, struct error *err)
{
	const struct dataset *set = rows->set;

	if (rows->n < 2)
		return error_set(err, -EINVAL, "%s: %zu rows are too few for an isolation forest",
			set->path, rows->n);
	if (set->weights)
		return error_set(err, -EINVAL, "%s: an isolation forest takes no weights of rows",
			set->path);
	for (size_t r = 0; r < rows->n; r++) {
		for (uint32_t f = 0; f < set->n_features; f++) {
			if (isinf(set->values[(size_t)rows->index[r] * set->n_features + f]))
				return error_set(err, -EINVAL,
					"%s: row %" PRIu32 ", \"%s\" is infinite", set->path,
					rows->index[r] + 1, set->feature_names[f]);
		}
	}
	return how->trees > 0 && how->samples > 1
		? 0
		: error_set(err, -EINVAL, "an isolation forest has a tree at least, of 2 rows");
}

int isolation_grow(const struct dataset_part *rows, const struct isolation *how,
	const struct learn_watch *watch, struct forest *forest, struct error *err)
{
	struct isolation_tree tree = { .set = rows->set, .how = how };
	uint32_t *order;
	int rc = isolation_check(rows, how, err);

	if (rc != 0)
		return rc;
	tree.n_samples = how->samples < rows->n ? how->samples : (uint32_t)rows->n;
	while (tree.depth_max < 32 && (UINT64_C(1) << tree.depth_max) < tree.n_samples)
		tree.depth_max++;
	tree.scale = -M_LN2 / (how->trees * isolation_path(tree.n_samples));
	tree.sample = malloc(tree.n_samples * sizeof(*tree.sample));
	tree.moved = malloc(tree.n_samples * sizeof(*tree.moved));
	tree.nodes = malloc(2 * (size_t)tree.n_samples * sizeof(*tree.nodes));
	tree.features = malloc(rows->set->n_features * sizeof(*tree.features));
	order = malloc(rows->n * sizeof(*order));
	if (tree.sample && tree.moved && tree.nodes && tree.features && order) {
		memcpy(order, rows->index, rows->n * sizeof(*order));
		for (uint32_t f = 0; f < rows->set->n_features; f++)
			tree.features[f] = f;
		rc = isolation_grow_all(&tree, order, rows->n, watch, forest, err);
	} else {
		rc = error_set(err, -ENOMEM, "out of memory for an isolation forest");
	}
	free(tree.sample);
	free(tree.moved);
	free(tree.nodes);
	free(tree.features);
	free(order);
	return rc;
}

// Do the rows that it is learnt from lack values? Then the model takes such.
static bool isolation_has_missing(const struct dataset_part *rows)
{
	const size_t n_features = rows->set->n_features;

	for (size_t r = 0; r < rows->n; r++) {
		for (size_t f = 0; f < n_features; f++) {
			if (isnan(rows->set->values[rows->index[r] * n_features + f]))
				return true;
		}
	}
	return false;
}

// The options' forest.
static int isolation_grow_job(struct train_job *job, struct forest *forest, struct error *err)
{
	const struct isolation how = { .trees = job->options->isolation.trees,
		.samples = job->options->isolation.samples,
		.seed = job->options->seed };

	return isolation_grow(&job->train, &how, job->watch, forest, err);
}

int isolation_forest_train(struct train_job *job, struct error *err)
{
	struct forest *forest = forest_create(job->train.set->n_features, 1);
	const float base = 0;
	struct trees trees;
	uint32_t input = GRAPH_NONE, sum = GRAPH_NONE;
	int rc = forest ? isolation_grow_job(job, forest, err)
			: error_set(err, -ENOMEM, "out of memory for an isolation forest");

	if (rc == 0)
		rc = anomaly_begin(job, &input, err);
	if (rc == 0)
		rc = forest_trees(forest, &base, TREES_SUM, &trees, err);
	if (rc == 0)
		rc = forest_emit(job->graph, "trees", &trees, input, &sum, err);
	if (rc == 0) {
		job->graph->accepts_missing = isolation_has_missing(&job->train);
		report_add(job->report, "isolation forest: %" PRIu32 " trees of %" PRIu32 " leaves",
			trees.n_trees, trees.n_leaves);
		rc = anomaly_end(job, build_node(job->graph, OP_EXP, 1, &sum, err), err);
	}
	forest_destroy(forest);
	return rc;
}
