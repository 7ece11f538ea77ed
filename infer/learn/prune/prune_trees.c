// SPDX-License-Identifier: BSD-3-Clause
// What a subtree is worth is the squared error of the constant that may take its place. For a price of each leaf the
// best subtrees follow from the leaves up: L. Breiman et al., "Classification and Regression Trees", 1984, 3.3; the
// price is found by bisection. Leaves are then fitted tree after tree to what is left between the whole ensemble and
// the small one (backfitting: J. Friedman, W. Stuetzle, "Projection pursuit regression", 1981).
#include "infer/learn/prune/prune_trees.h"

#include "infer/import/forest.h"
#include "infer/learn/data/values_at.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX ((size_t)1 << 26) // rows times trees that are looked at
#define GAIN_LEAST 0.01              // of a pass over all leaves, of what is left
#define BISECTIONS 60

struct pruning { // of one ensemble
	const struct prune_trees_options *options;
	struct error *err;
	struct trees t;
	const float *x; // [n][t.n_features] what it reads
	size_t n;
	double *sums,
		*squares; // [branches + leaves][targets] and [branches + leaves] of the rows that come by
	uint32_t *counts;     // [branches + leaves] rows
	uint32_t *below;      // [branches] leaves that are left below
	double *error, *cost; // [branches + leaves]: if it is a leaf; at the price
	bool *cut;            // [branches] it becomes a leaf
	uint8_t *targets;     // [targets] of the tree at hand
	float *wanted;        // [n][targets] what the whole ensemble says, without the base
};

static void pruning_fini(struct pruning *p)
{
	free(p->sums);
	free(p->squares);
	free(p->counts);
	free(p->below);
	free(p->error);
	free(p->cost);
	free(p->cut);
	free(p->targets);
	free(p->wanted);
}

static int pruning_init(struct pruning *p)
{
	const size_t nodes = (size_t)p->t.n_branches + p->t.n_leaves, k = p->t.n_targets;

	p->sums = calloc(nodes * k + 1, sizeof(double));
	p->squares = calloc(nodes + 1, sizeof(double));
	p->counts = calloc(nodes + 1, sizeof(uint32_t));
	p->below = calloc(p->t.n_branches + 1u, sizeof(uint32_t));
	p->error = calloc(nodes + 1, sizeof(double));
	p->cost = calloc(nodes + 1, sizeof(double));
	p->cut = calloc(p->t.n_branches + 1u, sizeof(bool));
	p->targets = calloc(k + 1, 1);
	p->wanted = calloc(p->n * k + 1, sizeof(float));
	if (!p->sums || !p->squares || !p->counts || !p->below || !p->error || !p->cost ||
		!p->cut || !p->targets || !p->wanted)
		return error_set(p->err, -ENOMEM, "out of memory for %zu nodes of trees", nodes);
	return 0;
}

// Leaf ~c or branch c, as a number of the arrays above.
static size_t place_of(const struct trees *t, int32_t node)
{
	return node >= 0 ? (size_t)node : t->n_branches + (size_t)~node;
}

static int32_t leaf_of(const struct trees *t, uint32_t tree, const float *x)
{
	int32_t node = t->root[tree];

	while (node >= 0)
		node = t->children[node][trees_decide(t, (uint32_t)node, x[t->feature[node]])];
	return ~node;
}

// --- What a leaf instead would cost -----------------------------------------------------------------

static void pruning_add_row(struct pruning *p, size_t place, int32_t leaf)
{
	const struct trees *t = &p->t;

	p->counts[place]++;
	for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++) {
		const double weight = (double)t->weight[w];

		p->sums[place * t->n_targets + (size_t)t->weight_target[w]] += weight;
		p->squares[place] += weight * weight;
	}
}

// The error of the mean in the place of all that comes by; a branch that no row comes by costs nothing.
static void pruning_weigh(struct pruning *p, size_t place)
{
	const size_t k = p->t.n_targets;
	double error = p->squares[place];

	for (size_t target = 0; target < k && p->counts[place] > 0; target++) {
		const double sum = p->sums[place * k + target];

		error -= sum * sum / p->counts[place];
	}
	p->error[place] = error > 0 ? error : 0;
}

static void pruning_measure(struct pruning *p)
{
	const struct trees *t = &p->t;
	const size_t k = t->n_targets;

	for (size_t r = 0; r < p->n; r++)
		for (uint32_t tree = 0; tree < t->n_trees; tree++) {
			const int32_t leaf = leaf_of(t, tree, p->x + r * t->n_features);

			pruning_add_row(p, t->n_branches + (size_t)leaf, leaf);
			for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++)
				p->wanted[r * k + (size_t)t->weight_target[w]] += t->weight[w];
		}
	// Children have higher numbers than their parents.
	for (uint32_t b = t->n_branches; b-- > 0;) {
		for (int side = 0; side < 2; side++) {
			const size_t child = place_of(t, t->children[b][side]);

			p->counts[b] += p->counts[child];
			p->squares[b] += p->squares[child];
			for (size_t target = 0; target < k; target++)
				p->sums[b * k + target] += p->sums[child * k + target];
		}
		pruning_weigh(p, b);
	}
}

// --- Which go -----------------------------------------------------------------------------------------

static uint32_t leaves_below(const struct pruning *p, int32_t node)
{
	return node >= 0 ? p->below[node] : 1;
}

// Cuts where a leaf is the cheaper one at the price; how many leaves are left in all.
static uint64_t pruning_cut_at(struct pruning *p, double price)
{
	const struct trees *t = &p->t;
	uint64_t leaves = 0;

	for (uint32_t b = t->n_branches; b-- > 0;) {
		double apart = 0;

		p->below[b] = 0;
		for (int side = 0; side < 2; side++) {
			const int32_t child = t->children[b][side];

			apart += child >= 0 ? p->cost[child] : price;
			p->below[b] += leaves_below(p, child);
		}
		p->cut[b] = p->error[b] + price <= apart;
		p->cost[b] = p->cut[b] ? p->error[b] + price : apart;
		if (p->cut[b])
			p->below[b] = 1;
	}
	for (uint32_t tree = 0; tree < t->n_trees; tree++)
		leaves += leaves_below(p, t->root[tree]);
	return leaves;
}

static void pruning_cut_subtrees(struct pruning *p)
{
	const uint64_t goal = (uint64_t)ceil((1 - p->options->share) * p->t.n_leaves);
	double low = 0, high = 1e-12;

	while (pruning_cut_at(p, high) > goal && high < 1e30)
		high *= 16;
	for (int i = 0; i < BISECTIONS; i++) {
		const double middle = (low + high) / 2;

		if (pruning_cut_at(p, middle) > goal)
			low = middle;
		else
			high = middle;
	}
	pruning_cut_at(p, high);
}

struct ranked {
	double error;
	uint32_t tree;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->error != y->error ? (x->error > y->error) - (x->error < y->error)
				    : (x->tree < y->tree) - (x->tree > y->tree);
}

static int pruning_cut_trees(struct pruning *p)
{
	const struct trees *t = &p->t;
	const uint32_t go = (uint32_t)floor(p->options->share * t->n_trees);
	struct ranked *ranked = malloc((t->n_trees + 1u) * sizeof(*ranked));

	if (!ranked)
		return error_set(
			p->err, -ENOMEM, "out of memory for %" PRIu32 " trees", t->n_trees);
	for (uint32_t tree = 0; tree < t->n_trees; tree++)
		ranked[tree] = (struct ranked){ .error = p->error[place_of(t, t->root[tree])],
			.tree = tree };
	qsort(ranked, t->n_trees, sizeof(*ranked), compare_ranked);
	for (uint32_t i = 0; i < go; i++)
		if (t->root[ranked[i].tree] >= 0)
			p->cut[t->root[ranked[i].tree]] = true;
	free(ranked);
	return 0;
}

// --- The small ensemble -------------------------------------------------------------------------------

// Has the tree a weight for the target anywhere? A leaf that is fitted has all of them.
static void pruning_find_targets(struct pruning *p, int32_t root)
{
	const struct trees *t = &p->t;
	int32_t stack[TREES_DEPTH_MAX + 2];
	uint32_t depth = 0;

	memset(p->targets, 0, t->n_targets);
	stack[depth++] = root;
	while (depth > 0) {
		const int32_t node = stack[--depth];

		if (node >= 0) {
			stack[depth++] = t->children[node][0];
			stack[depth++] = t->children[node][1];
			continue;
		}
		for (int32_t w = t->weight_first[~node]; w < t->weight_first[~node + 1]; w++)
			p->targets[t->weight_target[w]] = 1;
	}
}

// What the rows that came by had in the mean; a leaf's own weight where none did. A branch that no row came by has
// the mean of its first leaf.
static float pruning_weight(const struct pruning *p, size_t place, uint32_t target)
{
	const struct trees *t = &p->t;
	double sum = 0;

	if (p->counts[place] > 0)
		return (float)(p->sums[place * t->n_targets + target] / p->counts[place]);
	while (place < t->n_branches)
		place = place_of(t, t->children[place][0]);
	place -= t->n_branches;
	for (int32_t w = t->weight_first[place]; w < t->weight_first[place + 1]; w++)
		sum += t->weight_target[w] == (int32_t)target ? (double)t->weight[w] : 0;
	return (float)sum;
}

// Branches have their numbers, leaves follow them.
static int pruning_read(void *context, uint32_t number, struct forest_node *node,
	struct forest *forest, struct error *err)
{
	const struct pruning *p = context;
	const struct trees *t = &p->t;
	int rc = 0;

	node->is_leaf = number >= t->n_branches || p->cut[number];
	if (node->is_leaf) {
		for (uint32_t target = 0; target < t->n_targets && rc == 0; target++)
			if (p->targets[target])
				rc = forest_weight(
					forest, target, pruning_weight(p, number, target), err);
		return rc;
	}
	node->feature = t->feature[number];
	node->threshold = t->threshold[number];
	node->kind = t->kind[number];
	node->no = (int64_t)place_of(t, t->children[number][0]);
	node->yes = (int64_t)place_of(t, t->children[number][1]);
	if ((node->kind & TREE_TEST_BITS) == TREE_IN_SET) {
		const int32_t set = t->set[number];

		node->set = t->set_words + t->set_first[set];
		node->n_set = (uint32_t)(t->set_first[set + 1] - t->set_first[set]);
	}
	return 0;
}

// All but the trees of which one leaf is left: these are added to the base. One tree stays in any case.
static int pruning_gather(struct pruning *p, struct forest *forest, float *base)
{
	const struct trees *t = &p->t;
	const uint32_t nodes = t->n_branches + t->n_leaves;
	uint32_t kept = 0;
	int rc = 0;

	for (uint32_t target = 0; target < t->n_targets; target++)
		base[target] = t->base[target];
	for (uint32_t tree = 0; tree < t->n_trees && rc == 0; tree++) {
		const int32_t root = t->root[tree];
		const bool last = tree + 1 == t->n_trees && kept == 0;

		pruning_find_targets(p, root);
		if ((root >= 0 && !p->cut[root]) || last) {
			kept++;
			rc = forest_add(forest, nodes, (uint32_t)place_of(t, root), pruning_read, p,
				p->err);
			continue;
		}
		for (uint32_t target = 0; target < t->n_targets; target++)
			if (p->targets[target])
				base[target] += pruning_weight(p, place_of(t, root), target);
	}
	return rc;
}

// --- Fitting the leaves ------------------------------------------------------------------------------

struct refit {
	const struct pruning *p;
	const struct trees *t; // the small ones
	int32_t *leaf;         // [trees][n] that each row comes to
	float *left;           // [n][targets] of the whole ensemble's sum that is not said
	double *sums;          // [leaves][targets]
	uint32_t *counts;      // [leaves]
	float *weight;         // [weights] the new ones
};

// What is left between the two ensembles, of which `base` has what was taken away.
static void refit_begin(struct refit *f, const float *base)
{
	const struct trees *t = f->t;
	const size_t n = f->p->n, k = t->n_targets;

	for (size_t r = 0; r < n; r++)
		for (size_t target = 0; target < k; target++)
			f->left[r * k + target] =
				f->p->wanted[r * k + target] + f->p->t.base[target] - base[target];
	for (uint32_t tree = 0; tree < t->n_trees; tree++)
		for (size_t r = 0; r < n; r++) {
			const int32_t leaf = leaf_of(t, tree, f->p->x + r * t->n_features);

			f->leaf[tree * n + r] = leaf;
			for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++)
				f->left[r * k + (size_t)t->weight_target[w]] -= t->weight[w];
		}
}

static void refit_tree(struct refit *f, const int32_t *leaf_of_row)
{
	const struct trees *t = f->t;
	const size_t n = f->p->n, k = t->n_targets;

	for (size_t r = 0; r < n; r++) {
		f->counts[leaf_of_row[r]] = 0;
		memset(f->sums + (size_t)leaf_of_row[r] * k, 0, k * sizeof(*f->sums));
	}
	for (size_t r = 0; r < n; r++) {
		double *sums = f->sums + (size_t)leaf_of_row[r] * k;

		f->counts[leaf_of_row[r]]++;
		for (size_t target = 0; target < k; target++)
			sums[target] += (double)f->left[r * k + target];
	}
	// The sums become the steps.
	for (size_t r = 0; r < n; r++) {
		const int32_t leaf = leaf_of_row[r];
		double *sums = f->sums + (size_t)leaf * k;

		if (f->counts[leaf] > 0)
			for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1];
				w++) {
				const size_t target = (size_t)t->weight_target[w];
				const float before = f->weight[w];

				f->weight[w] += (float)(sums[target] /
					(f->counts[leaf] + f->p->options->ridge));
				sums[target] = (double)f->weight[w] - (double)before;
			}
		f->counts[leaf] = 0; // done
	}
	for (size_t r = 0; r < n; r++) {
		const int32_t leaf = leaf_of_row[r];

		for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++) {
			const size_t target = (size_t)t->weight_target[w];

			f->left[r * k + target] -= (float)f->sums[(size_t)leaf * k + target];
		}
	}
}

// Root mean square of what is left, to the deviation of what the whole ensemble says.
static double refit_moved(const struct refit *f)
{
	const size_t n = f->p->n, k = f->t->n_targets;
	double left = 0, spread = 0;

	for (size_t target = 0; target < k; target++) {
		double sum = 0, squares = 0;

		for (size_t r = 0; r < n; r++) {
			const double wanted = (double)f->p->wanted[r * k + target];

			sum += wanted;
			squares += wanted * wanted;
			left += (double)f->left[r * k + target] * (double)f->left[r * k + target];
		}
		spread += squares - sum * sum / (double)n;
	}
	return spread > 0 ? sqrt(left / spread) : 0;
}

// Passes over all trees until one gains next to nothing.
static void refit_passes(struct refit *f)
{
	double before = refit_moved(f);

	for (uint32_t pass = 0; pass < f->p->options->passes; pass++) {
		double after;

		// refit_run() frees them: NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
		for (uint32_t tree = 0; tree < f->t->n_trees; tree++)
			refit_tree(f, f->leaf + tree * f->p->n);
		after = refit_moved(f);
		if (!(after < before * (1 - GAIN_LEAST)))
			break;
		before = after;
	}
}

static int refit_run(struct refit *f, const float *base, double *moved)
{
	const struct trees *t = f->t;
	const size_t n = f->p->n, k = t->n_targets;
	int rc = 0;

	f->leaf = malloc((t->n_trees * n + 1) * sizeof(*f->leaf));
	f->left = malloc((n * k + 1) * sizeof(*f->left));
	f->sums = malloc((t->n_leaves * k + 1) * sizeof(*f->sums));
	f->counts = malloc((t->n_leaves + 1u) * sizeof(*f->counts));
	f->weight = malloc((t->n_weights + 1u) * sizeof(*f->weight));
	if (!f->leaf || !f->left || !f->sums || !f->counts || !f->weight) {
		rc = error_set(f->p->err, -ENOMEM, "out of memory to fit the leaves");
	} else {
		memcpy(f->weight, t->weight, t->n_weights * sizeof(*f->weight));
		refit_begin(f, base);
		refit_passes(f);
		*moved = refit_moved(f);
	}
	free(f->leaf);
	free(f->left);
	free(f->sums);
	free(f->counts);
	return rc;
}

// --- Into the graph -----------------------------------------------------------------------------------

// The node reads the new trees. forest_emit() adds one of its own at the end, whose place in the order is not there.
static int pruning_replace(
	struct pruning *p, struct graph *graph, uint32_t at, const struct trees *t)
{
	struct node *node = &graph->nodes[at], *made;
	char name[64];
	uint32_t output;
	int rc;

	snprintf(name, sizeof(name), "pruned_%" PRIu32 "_%" PRIu32, at, graph->n_tensors);
	rc = forest_emit(graph, name, t, node->inputs[TREES_X], &output, p->err);
	if (rc != 0)
		return rc;
	node = &graph->nodes[at]; // they may have moved
	made = &graph->nodes[--graph->n_nodes];
	node->inputs = made->inputs;
	node->n_inputs = made->n_inputs;
	return 0;
}

static int pruning_build(
	struct pruning *p, struct graph *graph, uint32_t at, struct prune_trees_result *result)
{
	struct forest *forest = forest_create(p->t.n_features, p->t.n_targets);
	float *base = calloc(p->t.n_targets + 1u, sizeof(*base));
	struct trees small = { 0 };
	struct refit refit = { .p = p, .t = &small };
	int rc;

	if (!forest || !base)
		rc = error_set(p->err, -ENOMEM, "out of memory for trees");
	else
		rc = pruning_gather(p, forest, base);
	if (rc == 0)
		rc = forest_trees(forest, base, TREES_SUM, &small, p->err);
	if (rc == 0)
		rc = refit_run(&refit, base, &result->moved);
	if (rc == 0) {
		small.weight = refit.weight;
		rc = pruning_replace(p, graph, at, &small);
		result->trees[1] += small.n_trees;
		result->leaves[1] += small.n_leaves;
	}
	free(refit.weight);
	free(base);
	forest_destroy(forest);
	return rc;
}

static int prune_node(struct graph *graph, uint32_t at, const float *rows, size_t n,
	const struct prune_trees_options *options, struct prune_trees_result *result,
	struct error *err)
{
	struct pruning p = { .options = options, .err = err };
	float *x = NULL;
	int rc;

	trees_of_node(graph, &graph->nodes[at], &p.t);
	if (p.t.aggregate != TREES_SUM || p.t.linear_first)
		return error_set(err, -ENOTSUP, "%s: trees whose leaves are %s cannot be pruned",
			graph->nodes[at].name, p.t.linear_first ? "linear" : "not summed");
	p.n = n < PLACES_MAX / (p.t.n_trees + 1) ? n : PLACES_MAX / (p.t.n_trees + 1);
	rc = values_at(graph, graph->nodes[at].inputs[TREES_X], rows, p.n, &x, err);
	p.x = x;
	if (rc == 0)
		rc = pruning_init(&p);
	if (rc == 0) {
		pruning_measure(&p);
		result->trees[0] += p.t.n_trees;
		result->leaves[0] += p.t.n_leaves;
		if (options->what == PRUNE_TREES_SUBTREES)
			pruning_cut_subtrees(&p);
		else
			rc = pruning_cut_trees(&p);
	}
	if (rc == 0)
		rc = pruning_build(&p, graph, at, result);
	pruning_fini(&p);
	free(x);
	return rc;
}

int prune_trees(struct graph *graph, const float *rows, size_t n,
	const struct prune_trees_options *options, struct prune_trees_result *result,
	struct error *err)
{
	*result = (struct prune_trees_result){ 0 };
	if (!(options->share >= 0 && options->share < 1) || !(options->ridge >= 0) || n == 0)
		return error_set(err, -EINVAL,
			"the share of trees to take away should be 0 to below 1, and rows are "
			"needed");
	for (uint32_t i = 0; i < graph->n_nodes; i++) {
		if (graph->nodes[i].op == OP_TREES) {
			const int rc = prune_node(graph, i, rows, n, options, result, err);

			if (rc != 0)
				return rc;
		}
	}
	if (result->trees[0] == 0)
		return error_set(err, -ENOTSUP, "there are no trees in the model to prune");
	return 0;
}
