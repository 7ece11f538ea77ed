// SPDX-License-Identifier: BSD-3-Clause
#include "tests/kernels/random_trees.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define SETS      5
#define SET_WORDS 3

uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d) >> 24;
}

static void *reserve(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory)
		abort();
	return memory;
}

struct growth {
	const struct random_trees *how;
	uint64_t state;
	int32_t *feature, (*children)[2], *set;
	float *threshold;
	uint8_t *kind;
	uint32_t n_branches, n_leaves;
};

static float draw_threshold(struct growth *g)
{
	static const float SPECIAL[] = { 0.0f, -0.0f, INFINITY, -INFINITY, FLT_MAX, FLT_TRUE_MIN,
		-FLT_TRUE_MIN, 1e-35f, -1e-36f };
	const uint32_t n = sizeof(SPECIAL) / sizeof(*SPECIAL);

	if (g->how->thresholds)
		return (float)(random_next(&g->state) % g->how->thresholds) - 3.0f;
	if (random_next(&g->state) % 4 == 0)
		return SPECIAL[random_next(&g->state) % n];
	return ((float)(random_next(&g->state) % 100000) - 50000) / 1000;
}

static const uint8_t SET_KINDS[] = { 0, TREE_SET_EXACT, TREE_SET_FROM_ZERO, TREE_SET_FLOATS };

// A node with `leaves` leaves below it, `depth` of them allowed; its reference.
static int32_t grow(struct growth *g, uint32_t leaves, uint32_t depth)
{
	uint32_t b, left, room;

	if (leaves == 1 || depth == 0)
		return ~(int32_t)g->n_leaves++;
	b = g->n_branches++;
	g->feature[b] = (int32_t)(random_next(&g->state) % g->how->n_features);
	g->threshold[b] = draw_threshold(g);
	g->kind[b] = g->how->missing_both && random_next(&g->state) % 2 ? TREE_MISSING_TRUE : 0;
	if (g->how->all_tests && random_next(&g->state) % 3 == 0)
		g->kind[b] |= random_next(&g->state) % TREE_TEST_COUNT;
	if ((g->kind[b] & TREE_TEST_BITS) == TREE_IN_SET)
		g->kind[b] |= SET_KINDS[random_next(&g->state) % 4];
	g->set[b] = (int32_t)(random_next(&g->state) % SETS);
	room = depth - 1 < 20 ? 1u << (depth - 1) : UINT32_MAX; // leaves that fit below a child
	left = g->how->chains ? 1 : 1 + (uint32_t)(random_next(&g->state) % (leaves - 1));
	left = left < room ? left : room;
	if (g->how->chains && random_next(&g->state) % 2)
		left = leaves - 1 < room ? leaves - 1 : room;
	g->children[b][0] = grow(g, left, depth - 1);
	g->children[b][1] = grow(g, leaves - left < room ? leaves - left : room, depth - 1);
	return (int32_t)b;
}

// Some of the targets, each once; sums depend on the order of the trees.
static uint32_t draw_row(struct growth *g, int32_t *target, float *weight)
{
	const uint64_t which = random_next(&g->state) ^ random_next(&g->state) << 30;
	uint32_t count = 0;

	for (uint32_t t = 0; t < g->how->n_targets; t++) {
		if (!(which >> t & 1))
			continue;
		target[count] = (int32_t)t;
		weight[count++] = ((float)(random_next(&g->state) % 100000) - 50000) / 7919;
	}
	return count;
}

static void fill_weights(struct trees *t, struct growth *g, const uint32_t *tree_of)
{
	const struct random_trees *how = g->how;
	int32_t *first = reserve(t->n_leaves + 1, sizeof(*first));
	const size_t most = how->rows ? how->n_targets : 3;
	int32_t *target = reserve(most * t->n_leaves, sizeof(*target));
	float *weight = reserve(most * t->n_leaves, sizeof(*weight));
	float *base = reserve(t->n_targets, sizeof(*base));
	uint32_t n = 0;

	for (uint32_t l = 0; l < t->n_leaves; l++) {
		uint32_t count = how->vectors ? (uint32_t)(random_next(&g->state) % 4) : 1;

		first[l] = (int32_t)n;
		if (how->rows) {
			n += draw_row(g, target + n, weight + n);
			continue;
		}
		for (uint32_t i = 0; i < count; i++, n++) {
			target[n] = how->vectors ? (int32_t)(random_next(&g->state) % t->n_targets)
						 : (int32_t)(tree_of[l] % t->n_targets);
			weight[n] = (float)(int32_t)(l * 37 + i + 1) * (l % 2 ? 1.0f : -1.0f);
			weight[n] = fmodf(weight[n], 4096.0f);
		}
	}
	first[t->n_leaves] = (int32_t)n;
	for (uint32_t i = 0; i < t->n_targets; i++)
		base[i] = (float)i - 2;
	t->n_weights = n;
	t->weight_first = first;
	t->weight_target = target;
	t->weight = weight;
	t->base = base;
}

static void fill_sets(struct trees *t, struct growth *g)
{
	int32_t *first = reserve(SETS + 1, sizeof(*first));
	uint32_t *words = reserve(SETS * SET_WORDS, sizeof(*words));

	for (uint32_t s = 0; s < SETS; s++)
		first[s + 1] = first[s] + (int32_t)(s % (SET_WORDS + 1)); // the first one is empty
	t->n_set_words = (uint32_t)first[SETS];
	for (uint32_t w = 0; w < t->n_set_words; w++)
		words[w] = (uint32_t)random_next(&g->state);
	t->n_sets = SETS;
	t->set = g->set;
	t->set_first = first;
	t->set_words = words;
}

static void fill_linear(struct trees *t, struct growth *g)
{
	int32_t *first = reserve(t->n_leaves + 1, sizeof(*first));
	float *constant = reserve(t->n_leaves, sizeof(*constant));
	int32_t *feature = reserve(3ul * t->n_leaves, sizeof(*feature));
	float *coefficient = reserve(3ul * t->n_leaves, sizeof(*coefficient));
	uint32_t n = 0;

	for (uint32_t l = 0; l < t->n_leaves; l++) {
		constant[l] = (float)(l % 16);
		first[l] = (int32_t)n;
		for (uint32_t i = 0; i < l % 4; i++, n++) {
			feature[n] = (int32_t)(random_next(&g->state) % t->n_features);
			coefficient[n] = (float)i;
		}
	}
	first[t->n_leaves] = (int32_t)n;
	t->n_linear_terms = n;
	t->linear_first = first;
	t->linear_constant = constant;
	t->linear_feature = feature;
	t->linear_coefficient = coefficient;
}

void random_trees_init(struct trees *t, const struct random_trees *how, uint64_t seed)
{
	const size_t most = (size_t)how->n_trees * how->leaves_max;
	struct growth g = { .how = how, .state = seed * 2654435761u + 1 };
	int32_t *root = reserve(how->n_trees, sizeof(*root));
	uint32_t *tree_of = reserve(most, sizeof(*tree_of));

	g.feature = reserve(most, sizeof(*g.feature));
	g.children = reserve(most, sizeof(*g.children));
	g.set = reserve(most, sizeof(*g.set));
	g.threshold = reserve(most, sizeof(*g.threshold));
	g.kind = reserve(most, sizeof(*g.kind));
	for (uint32_t i = 0; i < how->n_trees; i++) {
		const uint32_t before = g.n_leaves;
		const uint32_t leaves = 1 + (uint32_t)(random_next(&g.state) % how->leaves_max);

		root[i] = grow(&g, i == 0 ? how->leaves_max : leaves,
			how->depth_max ? how->depth_max : TREES_DEPTH_MAX);
		for (uint32_t l = before; l < g.n_leaves; l++)
			tree_of[l] = i;
	}
	*t = (struct trees){ .n_features = how->n_features,
		.n_trees = how->n_trees,
		.n_branches = g.n_branches,
		.n_leaves = g.n_leaves,
		.n_targets = how->n_targets,
		.aggregate = how->aggregate,
		.root = root,
		.feature = g.feature,
		.threshold = g.threshold,
		.kind = g.kind,
		.children = (const int32_t(*)[2])g.children };
	fill_weights(t, &g, tree_of);
	free(tree_of);
	if (how->all_tests)
		fill_sets(t, &g);
	else
		free(g.set);
	if (how->linear)
		fill_linear(t, &g);
}

void random_trees_fini(struct trees *t)
{
	const void *all[] = { t->root, t->feature, t->threshold, t->kind, t->children,
		t->weight_first, t->weight_target, t->weight, t->base, t->set, t->set_first,
		t->set_words, t->linear_first, t->linear_constant, t->linear_feature,
		t->linear_coefficient };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free((void *)(uintptr_t)all[i]);
}

float random_trees_value(const struct trees *t, uint32_t feature, uint64_t *state)
{
	static const float SPECIAL[] = { NAN, INFINITY, -INFINITY, 0.0f, -0.0f, FLT_TRUE_MIN,
		-FLT_TRUE_MIN, 1e-35f, 5e-36f, FLT_MAX, -1.0f, 2147483648.0f, -0.5f };
	const uint64_t way = random_next(state) % 8;
	float x = 0;

	if (way == 0)
		return SPECIAL[random_next(state) % (sizeof(SPECIAL) / sizeof(*SPECIAL))];
	if (way == 1)
		return (float)(random_next(state) % 100);
	for (uint32_t tries = 0; tries < 8 && t->n_branches; tries++) {
		const uint32_t b = (uint32_t)(random_next(state) % t->n_branches);

		x = t->threshold[b];
		if ((uint32_t)t->feature[b] == feature)
			break;
	}
	return way == 2 ? nextafterf(x, -INFINITY) : way == 3 ? nextafterf(x, INFINITY) : x;
}
