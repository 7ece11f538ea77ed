// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/trees.h"

#include "base/random.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- Checks -------------------------------------------------------------------------------------

static int trees_check_counts(const struct trees *t, struct error *err)
{
	if (t->n_trees == 0 || t->n_trees > TREES_MAX)
		return error_set(err, -EINVAL, "%" PRIu32 " trees, should be 1 to %d", t->n_trees,
			TREES_MAX);
	if (t->n_branches > TREES_BRANCHES_MAX || t->n_leaves == 0 ||
		t->n_leaves > TREES_BRANCHES_MAX)
		return error_set(err, -EINVAL,
			"%" PRIu32 " branches and %" PRIu32
			" leaves, should be at most %d, and a leaf",
			t->n_branches, t->n_leaves, TREES_BRANCHES_MAX);
	if (t->n_targets == 0)
		return error_set(err, -EINVAL, "no targets, should have one at least");
	if (t->n_features == 0)
		return error_set(err, -EINVAL, "no features, should have one at least");
	if ((unsigned)t->aggregate >= TREES_AGGREGATE_COUNT)
		return error_set(err, -EINVAL, "aggregate %u is unknown", (unsigned)t->aggregate);
	return 0;
}

// Checks that first[0] is 0, that no element is less than the one before, and that first[count] is
// `total`: slice i of an array of `total` elements is [first[i], first[i + 1]).
static int trees_check_slices(
	const int32_t *first, uint32_t count, uint32_t total, const char *what, struct error *err)
{
	if (first[0] != 0 || first[count] != (int64_t)total)
		return error_set(err, -EINVAL,
			"%s run from %" PRId32 " to %" PRId32 ", should from 0 to %" PRIu32, what,
			first[0], first[count], total);
	for (uint32_t i = 0; i < count; i++) {
		if (first[i] > first[i + 1])
			return error_set(err, -EINVAL,
				"%s of number %" PRIu32 " end before they begin", what, i);
	}
	return 0;
}

static int trees_check_branch(const struct trees *t, uint32_t b, struct error *err)
{
	const uint32_t set_bits = t->kind[b] & TREE_SET_BITS;

	if (t->feature[b] < 0 || (uint32_t)t->feature[b] >= t->n_features)
		return error_set(err, -EINVAL,
			"branch %" PRIu32 " asks for feature %" PRId32 ", there are %" PRIu32, b,
			t->feature[b], t->n_features);
	if (isnan(t->threshold[b]))
		return error_set(err, -EINVAL, "branch %" PRIu32 " has a threshold that is NaN", b);
	if (t->kind[b] > (TREE_TEST_BITS | TREE_MISSING_TRUE | TREE_SET_BITS) ||
		(set_bits & (set_bits - 1)) != 0 ||
		(set_bits && (t->kind[b] & TREE_TEST_BITS) != TREE_IN_SET))
		return error_set(err, -EINVAL, "branch %" PRIu32 " is of the unknown kind %u", b,
			t->kind[b]);
	if ((t->kind[b] & TREE_TEST_BITS) == TREE_IN_SET &&
		(!t->set || t->set[b] < 0 || (uint32_t)t->set[b] >= t->n_sets))
		return error_set(err, -EINVAL,
			"branch %" PRIu32 " asks for set %" PRId32 ", there are %" PRIu32, b,
			t->set ? t->set[b] : -1, t->n_sets);
	return 0;
}

struct trees_reach {
	uint16_t *branch_depth; // [n_branches]; 0: not reached yet
	uint8_t *leaf_reached;  // [n_leaves]
	uint64_t reached;
};

struct trees_from {
	char text[48];
};

// Where a node is led to from, for sentences alone: there are millions of nodes.
static struct trees_from trees_from(int64_t parent)
{
	struct trees_from from = { .text = "a root" };

	if (parent >= 0)
		snprintf(from.text, sizeof(from.text), "branch %" PRId64, parent);
	return from;
}

static int trees_reach_node(const struct trees *t, struct trees_reach *reach, int32_t node,
	int64_t parent, uint32_t depth, struct error *err)
{
	if (node >= 0 ? (uint32_t)node >= t->n_branches : (uint32_t)~node >= t->n_leaves)
		return error_set(err, -EINVAL,
			"%s leads to node %" PRId32 ", there are %" PRIu32 " branches and %" PRIu32
			" leaves",
			trees_from(parent).text, node, t->n_branches, t->n_leaves);
	if (node < 0 ? reach->leaf_reached[~node] : reach->branch_depth[node] != 0)
		return error_set(err, -EINVAL,
			"%s leads to %s %" PRId32 ", which has a parent already",
			trees_from(parent).text, node < 0 ? "leaf" : "branch",
			node < 0 ? ~node : node);
	if (node >= 0 && node <= parent)
		return error_set(err, -EINVAL,
			"%s leads back to branch %" PRId32 ", should lead to a higher one",
			trees_from(parent).text, node);
	if (node >= 0 && depth > TREES_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"branch %" PRId32 " is %" PRIu32 " deep, at most %d are possible", node,
			depth, TREES_DEPTH_MAX);
	if (node < 0)
		reach->leaf_reached[~node] = 1;
	else
		reach->branch_depth[node] = (uint16_t)depth;
	reach->reached++;
	return 0;
}

// Checks that every branch and leaf is reached from exactly one root by exactly one way. Parents
// come before their children, so that a walk over the branches in their order meets each after its
// parent.
static int trees_check_structure(
	const struct trees *t, struct trees_reach *reach, struct error *err)
{
	const uint64_t nodes = (uint64_t)t->n_branches + t->n_leaves;
	int rc = 0;

	for (uint32_t r = 0; r < t->n_trees && rc == 0; r++)
		rc = trees_reach_node(t, reach, t->root[r], -1, 1, err);
	for (uint32_t b = 0; b < t->n_branches && rc == 0; b++) {
		if (reach->branch_depth[b] == 0)
			return error_set(err, -EINVAL, "branch %" PRIu32 " belongs to no tree", b);
		rc = trees_check_branch(t, b, err);
		for (int c = 0; c < 2 && rc == 0; c++)
			rc = trees_reach_node(
				t, reach, t->children[b][c], b, reach->branch_depth[b] + 1u, err);
	}
	if (rc == 0 && reach->reached != nodes)
		rc = error_set(err, -EINVAL, "%" PRIu64 " leaves belong to no tree",
			nodes - reach->reached);
	return rc;
}

static int trees_check_linear(const struct trees *t, struct error *err)
{
	int rc = trees_check_slices(
		t->linear_first, t->n_leaves, t->n_linear_terms, "linear terms", err);

	if (rc == 0 && t->aggregate != TREES_SUM)
		rc = error_set(err, -EINVAL, "linear leaves can only be summed");
	for (uint32_t l = 0; l < t->n_leaves && rc == 0; l++) {
		if (t->linear_first[l] != t->linear_first[l + 1] &&
			t->weight_first[l + 1] - t->weight_first[l] != 1)
			rc = error_set(err, -EINVAL,
				"leaf %" PRIu32 " is linear and should have one weight", l);
	}
	for (uint32_t i = 0; i < t->n_linear_terms && rc == 0; i++) {
		if (t->linear_feature[i] < 0 || (uint32_t)t->linear_feature[i] >= t->n_features)
			rc = error_set(err, -EINVAL,
				"linear term %" PRIu32 " asks for feature %" PRId32
				", there are %" PRIu32,
				i, t->linear_feature[i], t->n_features);
	}
	return rc;
}

int trees_check(const struct trees *t, struct error *err)
{
	struct trees_reach reach = { 0 };
	int rc = trees_check_counts(t, err);

	if (rc == 0)
		rc = trees_check_slices(t->weight_first, t->n_leaves, t->n_weights, "weights", err);
	for (uint32_t w = 0; w < t->n_weights && rc == 0; w++) {
		if (t->weight_target[w] < 0 || (uint32_t)t->weight_target[w] >= t->n_targets)
			rc = error_set(err, -EINVAL,
				"weight %" PRIu32 " is for target %" PRId32 ", there are %" PRIu32,
				w, t->weight_target[w], t->n_targets);
	}
	if (rc == 0 && t->set)
		rc = trees_check_slices(t->set_first, t->n_sets, t->n_set_words, "sets", err);
	if (rc == 0 && t->linear_first)
		rc = trees_check_linear(t, err);
	if (rc != 0)
		return rc;
	reach.branch_depth = calloc(t->n_branches + 1u, sizeof(*reach.branch_depth));
	reach.leaf_reached = calloc(t->n_leaves + 1u, sizeof(*reach.leaf_reached));
	rc = reach.branch_depth && reach.leaf_reached
		? trees_check_structure(t, &reach, err)
		: error_set(err, -ENOMEM, "no memory to check the trees");
	free(reach.branch_depth);
	free(reach.leaf_reached);
	return rc;
}

// --- Arrays and nodes ---------------------------------------------------------------------------

static const void *trees_input_values(const struct tensor *const *in, uint32_t i)
{
	return in[i] ? in[i]->data : NULL;
}

static uint32_t trees_input_length(const struct tensor *const *in, uint32_t i)
{
	return in[i] ? (uint32_t)in[i]->dims[0] : 0;
}

void trees_of_tensors(
	const struct tensor *const in[TREES_INPUT_COUNT], const struct node *node, struct trees *t)
{
	const struct tensor *x = in[TREES_X];

	assert(x && x->rank > 0); // as the operator's arity and shape rule have it
	*t = (struct trees){
		.n_features = (uint32_t)x->dims[x->rank - 1],
		.n_trees = trees_input_length(in, TREES_ROOT),
		.n_branches = trees_input_length(in, TREES_FEATURE),
		.n_leaves = trees_input_length(in, TREES_WEIGHT_FIRST) - 1,
		.n_weights = trees_input_length(in, TREES_WEIGHT),
		.n_targets = trees_input_length(in, TREES_BASE),
		.n_set_words = trees_input_length(in, TREES_SET_WORDS),
		.n_linear_terms = trees_input_length(in, TREES_LINEAR_FEATURE),
		.aggregate = (enum tree_aggregate)node_int(node, ATTR_AGGREGATE, TREES_SUM),
		.root = trees_input_values(in, TREES_ROOT),
		.feature = trees_input_values(in, TREES_FEATURE),
		.threshold = trees_input_values(in, TREES_THRESHOLD),
		.kind = trees_input_values(in, TREES_KIND),
		.children = trees_input_values(in, TREES_CHILDREN),
		.weight_first = trees_input_values(in, TREES_WEIGHT_FIRST),
		.weight_target = trees_input_values(in, TREES_WEIGHT_TARGET),
		.weight = trees_input_values(in, TREES_WEIGHT),
		.base = trees_input_values(in, TREES_BASE),
		.set = trees_input_values(in, TREES_SET),
		.set_first = trees_input_values(in, TREES_SET_FIRST),
		.set_words = trees_input_values(in, TREES_SET_WORDS),
		.linear_first = trees_input_values(in, TREES_LINEAR_FIRST),
		.linear_constant = trees_input_values(in, TREES_LINEAR_CONSTANT),
		.linear_feature = trees_input_values(in, TREES_LINEAR_FEATURE),
		.linear_coefficient = trees_input_values(in, TREES_LINEAR_COEFFICIENT),
	};
	if (t->set_first)
		t->n_sets = trees_input_length(in, TREES_SET_FIRST) - 1;
}

void trees_of_node(const struct graph *graph, const struct node *node, struct trees *trees)
{
	const struct tensor *in[TREES_INPUT_COUNT] = { NULL };

	for (uint32_t i = 0; i < node->n_inputs; i++)
		in[i] = node->inputs[i] == GRAPH_NONE ? NULL : &graph->tensors[node->inputs[i]];
	trees_of_tensors(in, node, trees);
}

// --- Values --------------------------------------------------------------------------------------

static bool trees_among_floats(const uint32_t *words, uint32_t count, float x)
{
	while (count > 0) {
		const uint32_t half = count / 2;
		float member;

		memcpy(&member, &words[half], sizeof(member));
		if (member == x)
			return true;
		if (member < x) {
			words += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return false;
}

static bool trees_in_set(const struct trees *t, uint32_t branch, float x)
{
	const int32_t set = t->set[branch], first = t->set_first[set];
	const uint32_t words = (uint32_t)(t->set_first[set + 1] - first);
	const uint8_t kind = t->kind[branch];
	uint32_t value;

	if (kind & TREE_SET_FLOATS)
		return trees_among_floats(t->set_words + first, words, x);
	if (!(x > -1.0f && x < 2147483648.0f) || ((kind & TREE_SET_FROM_ZERO) && x < 0))
		return false;
	value = (uint32_t)(int32_t)x;
	return (!(kind & TREE_SET_EXACT) || (float)value == x) && value / 32 < words &&
		(t->set_words[(uint32_t)first + value / 32] >> value % 32 & 1);
}

bool trees_decide(const struct trees *t, uint32_t branch, float x)
{
	const enum tree_test test = (enum tree_test)(t->kind[branch] & TREE_TEST_BITS);

	if (isnan(x) || (test == TREE_LESS_OR_ZERO_MISSING && fabsf(x) <= TREE_ZERO_MISSING))
		return t->kind[branch] & TREE_MISSING_TRUE;
	if (test == TREE_EQUAL)
		return x == t->threshold[branch];
	if (test == TREE_IN_SET)
		return trees_in_set(t, branch, x);
	return x < t->threshold[branch];
}

static int32_t trees_find_leaf(const struct trees *t, uint32_t tree, const float *x)
{
	int32_t node = t->root[tree];

	while (node >= 0)
		node = t->children[node][trees_decide(t, (uint32_t)node, x[t->feature[node]])];
	return ~node;
}

// A linear leaf's value, or its weight where a feature is missing.
static float trees_linear_value(const struct trees *t, int32_t leaf, const float *x, float weight)
{
	double sum = (double)t->linear_constant[leaf];

	for (int32_t i = t->linear_first[leaf]; i < t->linear_first[leaf + 1]; i++) {
		if (isnan(x[t->linear_feature[i]]))
			return weight;
		sum += (double)t->linear_coefficient[i] * (double)x[t->linear_feature[i]];
	}
	return (float)sum;
}

static float trees_leaf_weight(const struct trees *t, int32_t leaf, int32_t w, const float *x)
{
	if (t->linear_first && t->linear_first[leaf] != t->linear_first[leaf + 1])
		return trees_linear_value(t, leaf, x, t->weight[w]);
	return t->weight[w];
}

// y begins as the aggregate's neutral value: 0, or NaN for "no weight yet".
static void trees_aggregate(enum tree_aggregate how, float *y, float value)
{
	if (how == TREES_SUM)
		*y += value;
	else if (isnan(*y) || (how == TREES_MIN ? value < *y : value > *y))
		*y = value;
}

void trees_score(const struct trees *t, const float *x, float *y)
{
	for (uint32_t target = 0; target < t->n_targets; target++)
		y[target] = t->aggregate == TREES_SUM ? 0 : NAN;
	for (uint32_t tree = 0; tree < t->n_trees; tree++) {
		int32_t leaf = trees_find_leaf(t, tree, x);

		for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++)
			trees_aggregate(t->aggregate, &y[t->weight_target[w]],
				trees_leaf_weight(t, leaf, w, x));
	}
	for (uint32_t target = 0; target < t->n_targets; target++)
		y[target] = t->base[target] +
			(isnan(y[target]) && t->aggregate != TREES_SUM ? 0 : y[target]);
}

// --- Rows ---------------------------------------------------------------------------------------

static uint64_t trees_draw(uint64_t *state)
{
	return random_next(state) >> 32;
}

static int trees_compare_keys(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static float trees_draw_value(const struct trees *t, uint32_t branch, uint64_t *state)
{
	const float x = t->threshold[branch];

	if ((t->kind[branch] & TREE_TEST_BITS) == TREE_IN_SET)
		return (float)(trees_draw(state) % 64);
	if (!isfinite(x) || x == -FLT_MAX)
		return 0;
	return trees_draw(state) & 1 ? nextafterf(x, -INFINITY) : x;
}

int trees_draw_rows(const struct trees *t, uint32_t n, float *rows)
{
	uint64_t *by_feature = calloc(t->n_branches + 1u, sizeof(*by_feature));
	uint64_t state = 88172645463325252u;
	uint32_t from = 0;

	if (!by_feature)
		return -ENOMEM;
	memset(rows, 0, (size_t)n * t->n_features * sizeof(*rows));
	for (uint32_t b = 0; b < t->n_branches; b++)
		by_feature[b] = (uint64_t)(uint32_t)t->feature[b] << 32 | b;
	qsort(by_feature, t->n_branches, sizeof(*by_feature), trees_compare_keys);
	while (from < t->n_branches) {
		const uint32_t feature = (uint32_t)(by_feature[from] >> 32);
		uint32_t to = from;

		while (to < t->n_branches && by_feature[to] >> 32 == feature)
			to++;
		for (uint32_t r = 0; r < n; r++) {
			const uint64_t at = from + trees_draw(&state) % (to - from);

			rows[(size_t)r * t->n_features + feature] =
				trees_draw_value(t, (uint32_t)by_feature[at], &state);
		}
		from = to;
	}
	free(by_feature);
	return 0;
}
