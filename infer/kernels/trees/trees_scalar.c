// SPDX-License-Identifier: BSD-3-Clause
// The reference: every test, aggregate and leaf that infer/graph/trees.h has, one branch after the other.
#include "infer/kernels/trees/trees_kernels.h"
#include "infer/kernels/trees/trees_ranks.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ALIGN8(bytes) (((bytes) + 7) & ~(size_t)7)

// Copies an array behind `at`, or only counts its bytes.
static const void *trees_plain_keep(char *packed, size_t *at, const void *array, size_t bytes)
{
	const void *kept = packed && array ? memcpy(packed + *at, array, bytes) : NULL;

	*at += array ? ALIGN8(bytes) : 0;
	return kept;
}

static size_t trees_plain_copy(char *packed, const struct trees *t)
{
	struct trees own = *t;
	size_t at = ALIGN8(sizeof(own));

#define KEEP(field, count)                                                                         \
	own.field = trees_plain_keep(packed, &at, t->field, (count) * sizeof(*t->field))
	KEEP(root, t->n_trees);
	KEEP(feature, t->n_branches);
	KEEP(threshold, t->n_branches);
	KEEP(kind, t->n_branches);
	KEEP(children, t->n_branches);
	KEEP(weight_first, t->n_leaves + 1);
	KEEP(weight_target, t->n_weights);
	KEEP(weight, t->n_weights);
	KEEP(base, t->n_targets);
	KEEP(set, t->n_branches);
	KEEP(set_first, t->n_sets + 1);
	KEEP(set_words, t->n_set_words);
	KEEP(linear_first, t->n_leaves + 1);
	KEEP(linear_constant, t->n_leaves);
	KEEP(linear_feature, t->n_linear_terms);
	KEEP(linear_coefficient, t->n_linear_terms);
#undef KEEP
	if (packed)
		memcpy(packed, &own, sizeof(own));
	return at;
}

size_t trees_plain_bytes(const struct trees *trees)
{
	return trees_plain_copy(NULL, trees);
}

int trees_plain_pack(void *packed, const struct trees *trees)
{
	trees_plain_copy(packed, trees);
	return 0;
}

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

// y begins as the aggregate's neutral value: 0, or NaN for "no leaf spoke yet".
static void trees_aggregate(enum tree_aggregate how, float *y, float value)
{
	if (how == TREES_SUM)
		*y += value;
	else if (isnan(*y) || (how == TREES_MIN ? value < *y : value > *y))
		*y = value;
}

static void trees_score(const struct trees *t, const float *x, float *y)
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

void f32_trees_1x1__scalar(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct trees *t = packed;

	assert(t->n_trees >= 1 && t->n_targets >= 1);
	for (uint32_t row = 0; row < m; row++)
		trees_score(t, x + row * ldx, y + row * ldy);
}
