// SPDX-License-Identifier: BSD-3-Clause
// One representation for every tree ensemble, whatever file it came from: the constant inputs of an
// OP_TREES node. What is said of x and y holds for each of its rows.
//
// y[t] = base[t] + aggregate over all trees of the weights for target t at the leaf that the row
// reaches; with MIN and MAX a target for which no leaf has a weight stays at base[t]. What
// libraries do afterwards (sigmoid, softmax, 1/n) are ordinary operators that follow this one.
//
// A branch node asks one question of one feature x and goes to children[1] where it is true:
//	LESS	x < threshold			(float32; importers reduce <=, >, >= and double
//						thresholds to it exactly, swapping children)
//	EQUAL	x == threshold
//	IN_SET	x truncated towards zero is >= 0 and a member of the node's set; what has no int32
//		is no member. SET_EXACT: only whole numbers are; SET_FROM_ZERO: nothing below 0 is.
//		SET_FLOATS: x equals one of the set's words, which are float32, ascending.
//	LESS_OR_ZERO_MISSING	as LESS, but |x| <= 1e-35 counts as missing
// A missing x (NaN) goes to children[1] where MISSING_TRUE is set, to children[0] otherwise,
// whatever the question.
//
// Children have higher indices than their parents, every branch but a root has exactly one parent,
// and so has every leaf: trees_check() proves it. A child or root c >= 0 is branch c, one < 0 is
// leaf ~c.
#pragma once

#include "infer/graph/graph.h"

#define TREES_MAX          65536
#define TREES_BRANCHES_MAX (1 << 24)
#define TREES_DEPTH_MAX    512 // branches from a root to a leaf

enum tree_test {
	TREE_LESS,
	TREE_EQUAL,
	TREE_IN_SET,
	TREE_LESS_OR_ZERO_MISSING,
	TREE_TEST_COUNT,
};
#define TREE_TEST_BITS    3u // of a branch's `kind`: enum tree_test
#define TREE_MISSING_TRUE 4u
// Of IN_SET, one of them at most.
#define TREE_SET_EXACT     8u
#define TREE_SET_FROM_ZERO 16u
#define TREE_SET_FLOATS    32u
#define TREE_SET_BITS      (TREE_SET_EXACT | TREE_SET_FROM_ZERO | TREE_SET_FLOATS)
#define TREE_ZERO_MISSING  1e-35f

enum tree_aggregate { TREES_SUM, TREES_MIN, TREES_MAX_OF, TREES_AGGREGATE_COUNT };

// Inputs of the node, in this order; constant but for the first.
enum trees_input {
	TREES_X,             // f32 [features] or [rows, features]
	TREES_ROOT,          // i32 [trees]
	TREES_FEATURE,       // i32 [branches]
	TREES_THRESHOLD,     // f32 [branches], no NaN
	TREES_KIND,          // u8 [branches]
	TREES_CHILDREN,      // i32 [branches, 2]
	TREES_WEIGHT_FIRST,  // i32 [leaves + 1]: leaf l has weights [first[l], first[l + 1])
	TREES_WEIGHT_TARGET, // i32 [weights]
	TREES_WEIGHT,        // f32 [weights]
	TREES_BASE,          // f32 [targets]
	// Left out where no branch is IN_SET.
	TREES_SET,       // i32 [branches]: the set of an IN_SET branch
	TREES_SET_FIRST, // i32 [sets + 1]: set s has words [first[s], first[s + 1])
	TREES_SET_WORDS, // u32 [words]: member v is bit v % 32 of word v / 32; or a float32's bits
	// Left out where no leaf is linear: leaf l adds sum of coefficient * x[feature] over its
	// terms to LINEAR_CONSTANT[l], for the target of its one weight; if one of those x is NaN
	// its weight counts, as in any other leaf. A leaf without terms is an ordinary one.
	TREES_LINEAR_FIRST,       // i32 [leaves + 1]
	TREES_LINEAR_CONSTANT,    // f32 [leaves]
	TREES_LINEAR_FEATURE,     // i32 [terms]
	TREES_LINEAR_COEFFICIENT, // f32 [terms]
	TREES_INPUT_COUNT,
};

// The arrays of a node, for importers, rules and kernels alike.
struct trees {
	uint32_t n_features, n_trees, n_branches, n_leaves, n_weights, n_targets;
	uint32_t n_sets, n_set_words, n_linear_terms;
	enum tree_aggregate aggregate;
	const int32_t *root, *feature;
	const float *threshold;
	const uint8_t *kind;
	const int32_t (*children)[2];
	const int32_t *weight_first, *weight_target;
	const float *weight, *base;
	const int32_t *set, *set_first; // NULL: no sets
	const uint32_t *set_words;
	const int32_t *linear_first; // NULL: no linear leaves
	const float *linear_constant;
	const int32_t *linear_feature;
	const float *linear_coefficient;
};

// Proves all that is said above, so that the trees may be walked for any row without further
// checks. The sentence tells the first thing that is wrong and has no subject. -EINVAL, -ENOMEM.
int trees_check(const struct trees *trees, struct error *err);

// The arrays of an OP_TREES node whose inputs have the dtypes and ranks above (shape_trees, which
// graph_check calls, proves that and trees_check()).
void trees_of_node(const struct graph *graph, const struct node *node, struct trees *trees);
// The same from the node's input tensors; NULL for an input that is left out.
void trees_of_tensors(const struct tensor *const in[TREES_INPUT_COUNT], const struct node *node,
	struct trees *trees);

// The answer of a branch to the value x of its feature: which of its children the row goes to.
bool trees_decide(const struct trees *trees, uint32_t branch, float x);
// One row, by the definition above. x: [features], y: [targets].
void trees_score(const struct trees *trees, const float *x, float *y);

// Makes rows [n][features] near the ensemble's own thresholds, the same ones each time: a value is
// one of the thresholds that its feature is compared with, or just below it. A feature that no
// branch reads is 0. -ENOMEM.
int trees_draw_rows(const struct trees *trees, uint32_t n, float *rows);
