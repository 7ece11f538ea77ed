// SPDX-License-Identifier: BSD-3-Clause
// One row, several trees in turns: a branch takes two dependent loads, and only other trees can use
// that time. No branches of the CPU's own depend on the row.
//
// Floats are compared as unsigned integers of the same order ("keys"). A missing value has the
// lowest key in one copy of the row and the highest in another; a branch reads the copy that sends
// it the right way. The children of a branch stand side by side, and a leaf leads to itself: its
// threshold is above all keys.
#include "infer/kernels/trees_kernels.h"
#include "infer/kernels/trees_ranks.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TURNS        8
#define FEATURES_MAX 4096 // keys of a row are on the stack
#define TREE_NODES   65536
#define KEY_LEAF     UINT32_MAX
#define KEY_MISSING  (UINT32_MAX - 1) // of the copy where missing is false: above infinity
#define TARGETS_MAX  64

struct walk_node {
	uint32_t key;   // goes to `child` where the value's key is below, to child + 1 otherwise
	uint16_t value; // of the row's keys
	uint16_t child; // nodes further on than the tree's root
};

struct walk_tree {
	uint32_t first;  // node of the root
	uint32_t steps;  // to the deepest leaf
	uint32_t target; // of all weights
};

struct walk {
	uint32_t n_trees, n_features, n_targets;
	uint32_t missing_copies; // 2 where branches send missing values both ways, else 1
	bool missing_true;       // of the only copy
	const struct walk_tree *trees;
	const struct walk_node *nodes;
	const float *weights; // [nodes]
	const float *base;
};

// -0 and 0 have the same key.
static inline uint32_t key_of(float x)
{
	uint32_t bits;

	x += 0.0f;
	memcpy(&bits, &x, sizeof(bits));
	return bits ^ ((0 - (bits >> 31)) | 0x80000000u);
}

static bool is_supported(const struct trees *t, bool *both, bool *missing_true)
{
	bool seen[2] = { false, false };

	if (t->aggregate != TREES_SUM || t->linear_first || t->n_features > FEATURES_MAX ||
		t->n_targets > TARGETS_MAX)
		return false;
	for (uint32_t b = 0; b < t->n_branches; b++) {
		if ((t->kind[b] & TREE_TEST_BITS) != TREE_LESS)
			return false;
		seen[(t->kind[b] & TREE_MISSING_TRUE) != 0] = true;
	}
	*both = seen[0] && seen[1];
	*missing_true = seen[1];
	return trees_one_target(t);
}

struct layout {
	size_t trees, nodes, weights, base, bytes;
};

static struct layout layout_of(const struct trees *t)
{
	const size_t n = (size_t)t->n_branches + t->n_leaves;
	struct layout at = { .trees = sizeof(struct walk) };

	at.nodes = at.trees + t->n_trees * sizeof(struct walk_tree);
	at.nodes = (at.nodes + 63) & ~(size_t)63;
	at.weights = at.nodes + n * sizeof(struct walk_node);
	at.base = at.weights + n * sizeof(float);
	at.bytes = at.base + t->n_targets * sizeof(float);
	return at;
}

size_t trees_walk_bytes(const struct trees *t)
{
	bool both, missing_true;

	return is_supported(t, &both, &missing_true) ? layout_of(t).bytes : 0;
}

struct filling {
	const struct trees *t;
	struct walk_node *nodes;
	float *weights;
	int32_t *source; // [nodes] of the tree being filled
	uint8_t *depth;
	bool both;
};

static float weight_of(const struct trees *t, int32_t leaf)
{
	const int32_t w = t->weight_first[leaf];

	return w < t->weight_first[leaf + 1] ? t->weight[w] : 0;
}

// Breadth first, children in pairs. How many steps the deepest leaf takes; -1: too many nodes.
static int fill_tree(struct filling *f, uint32_t tree, uint32_t first, uint32_t *count)
{
	const struct trees *t = f->t;
	uint32_t n = 1, steps = 0;

	f->source[0] = t->root[tree];
	f->depth[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		const int32_t source = f->source[i];
		struct walk_node *node = &f->nodes[first + i];

		steps = f->depth[i] > steps ? f->depth[i] : steps;
		f->weights[first + i] = source < 0 ? weight_of(t, ~source) : 0;
		*node = (struct walk_node){ .key = KEY_LEAF, .child = (uint16_t)i };
		if (source < 0)
			continue;
		if (n + 2 > TREE_NODES || f->depth[i] == UINT8_MAX)
			return -1;
		node->key = key_of(t->threshold[source]);
		node->value = (uint16_t)(t->feature[source] +
			(f->both && (t->kind[source] & TREE_MISSING_TRUE) ? (int)t->n_features
									  : 0));
		node->child = (uint16_t)n;
		for (int c = 0; c < 2; c++, n++) {
			f->source[n] = t->children[source][1 - c];
			f->depth[n] = (uint8_t)(f->depth[i] + 1);
		}
	}
	*count = n;
	return (int)steps;
}

static int by_steps(const void *a, const void *b)
{
	const struct walk_tree *x = a, *y = b;

	return x->steps != y->steps    ? (x->steps < y->steps ? -1 : 1)
		: x->first != y->first ? (x->first < y->first ? -1 : 1)
				       : 0;
}

int trees_walk_pack(void *packed, const struct trees *t)
{
	const struct layout at = layout_of(t);
	struct walk *walk = packed;
	struct walk_tree *trees = (struct walk_tree *)((char *)packed + at.trees);
	struct filling f = { .t = t,
		.nodes = (struct walk_node *)((char *)packed + at.nodes),
		.weights = (void *)((char *)packed + at.weights),
		.source = malloc(TREE_NODES * sizeof(int32_t)),
		.depth = malloc(TREE_NODES) };
	uint32_t first = 0;
	bool missing_true;
	int rc = f.source && f.depth ? 0 : -ENOMEM;

	is_supported(t, &f.both, &missing_true);
	for (uint32_t i = 0; i < t->n_trees && rc == 0; i++) {
		uint32_t count = 0;
		const int steps = fill_tree(&f, i, first, &count);

		if (steps < 0)
			rc = -ENOTSUP;
		trees[i] = (struct walk_tree){ first, (uint32_t)steps, trees_target(t, i) };
		first += count;
	}
	free(f.source);
	free(f.depth);
	if (rc != 0)
		return rc;
	qsort(trees, t->n_trees, sizeof(*trees), by_steps);
	memcpy((char *)packed + at.base, t->base, t->n_targets * sizeof(float));
	*walk = (struct walk){ .n_trees = t->n_trees,
		.n_features = t->n_features,
		.n_targets = t->n_targets,
		.missing_copies = f.both ? 2 : 1,
		.missing_true = missing_true,
		.trees = trees,
		.nodes = f.nodes,
		.weights = f.weights,
		.base = (void *)((char *)packed + at.base) };
	return 0;
}

static void fill_keys(const struct walk *walk, const float *x, uint32_t *keys)
{
	const uint32_t n = walk->n_features, missing = walk->missing_true ? 0 : KEY_MISSING;

	for (uint32_t i = 0; i < n; i++) {
		const bool is_missing = x[i] != x[i];
		const uint32_t key = key_of(x[i]);

		if (walk->missing_copies == 2) {
			keys[i] = is_missing ? KEY_MISSING : key;
			keys[n + i] = is_missing ? 0 : key;
		} else {
			keys[i] = is_missing ? missing : key;
		}
	}
}

static inline uint32_t next_node(const struct walk_node *node, const uint32_t *keys)
{
	return node->child + (uint32_t)(keys[node->value] >= node->key);
}

static void walk_turns(
	const struct walk *walk, const struct walk_tree *trees, const uint32_t *keys, float *y)
{
	const struct walk_node *root[TURNS];
	uint32_t at[TURNS] = { 0 };

	for (int k = 0; k < TURNS; k++)
		root[k] = walk->nodes + trees[k].first;
	for (uint32_t s = 0; s < trees[TURNS - 1].steps; s++) {
#pragma GCC unroll 8
		for (int k = 0; k < TURNS; k++)
			at[k] = next_node(root[k] + at[k], keys);
	}
	for (int k = 0; k < TURNS; k++)
		y[trees[k].target] += walk->weights[trees[k].first + at[k]];
}

void u32_trees_8x1__scalar(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct walk *walk = packed;
	uint32_t keys[2 * FEATURES_MAX];

	assert(walk->n_features <= FEATURES_MAX);
	for (uint32_t row = 0; row < m; row++, x += ldx, y += ldy) {
		uint32_t tree = 0;

		fill_keys(walk, x, keys);
		memcpy(y, walk->base, walk->n_targets * sizeof(*y));
		for (; tree + TURNS <= walk->n_trees; tree += TURNS)
			walk_turns(walk, walk->trees + tree, keys, y);
		for (; tree < walk->n_trees; tree++) {
			const struct walk_tree *t = &walk->trees[tree];
			uint32_t at = 0;

			for (uint32_t s = 0; s < t->steps; s++)
				at = next_node(walk->nodes + t->first + at, keys);
			y[t->target] += walk->weights[t->first + at];
		}
	}
}
