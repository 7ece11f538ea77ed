// SPDX-License-Identifier: BSD-3-Clause
// Packs an ensemble for the masks kernels (trees_masks.h).
#include "infer/kernels/trees/trees_masks.h"

#include "base/align.h"
#include "infer/kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct masks_layout {
	size_t trees, nodes, weights, base, columns, thresholds, sorted, plain, bytes;
};

struct masks_packing {
	const struct trees *t;
	struct ranks ranks;
	uint32_t row_floats;
	uint32_t n_searched; // thresholds, with padding
	uint64_t n_weights;  // with padding
	bool special;        // columns that are not TREE_LESS
	char *packed;
	uint32_t nodes, weights; // so far
};

// Floats that the weights of a tree take: one a leaf, up to whole registers, or a row a leaf.
static uint32_t masks_padded(const struct masks_packing *p, uint32_t leaves)
{
	return align_up_u32(leaves * (p->row_floats ? p->row_floats : 1), 16);
}

static uint32_t masks_count_leaves(const struct trees *t, uint32_t tree)
{
	int32_t stack[TREES_DEPTH_MAX + 2];
	uint32_t depth = 0, leaves = 0;

	stack[depth++] = t->root[tree];
	while (depth > 0) {
		const int32_t node = stack[--depth];

		leaves += node < 0;
		if (node < 0)
			continue;
		stack[depth++] = t->children[node][0];
		stack[depth++] = t->children[node][1];
	}
	return leaves;
}

static uint32_t masks_levels_of(const struct rank_column *column)
{
	uint32_t levels = 0;

	while ((1u << levels) - 1 < column->count)
		levels++;
	return levels;
}

// Thresholds of a column with the padding of its search tree; none where it has none.
static uint32_t masks_searched(const struct rank_column *column)
{
	const uint32_t n = 1u << masks_levels_of(column);

	return n == 1 ? 0 : n < 16 ? 16 : n;
}

static int masks_examine(struct masks_packing *p)
{
	const struct trees *t = p->t;

	if (t->n_targets > MASKS_TARGETS_MAX || t->linear_first)
		return -ENOTSUP;
	p->row_floats = trees_one_target(t) ? 0 : trees_row_floats(t);
	if (p->row_floats == 0 && !trees_one_target(t))
		return -ENOTSUP;
	for (uint32_t i = 0; i < t->n_trees; i++) {
		const uint32_t leaves = masks_count_leaves(t, i);

		if (leaves > MASKS_LEAVES_MAX)
			return -ENOTSUP;
		p->n_weights += masks_padded(p, leaves);
	}
	if (p->n_weights > UINT32_MAX)
		return -ENOTSUP;
	if (ranks_init(&p->ranks, t) != 0 || p->ranks.n_columns > MASKS_COLUMNS_MAX)
		return -ENOTSUP;
	for (uint32_t c = 0; c < p->ranks.n_columns; c++) {
		p->special |= (p->ranks.columns[c].kind & TREE_TEST_BITS) != TREE_LESS;
		p->n_searched += masks_searched(&p->ranks.columns[c]);
	}
	return 0;
}

static struct masks_layout masks_layout_of(const struct masks_packing *p)
{
	const struct trees *t = p->t;
	struct masks_layout at = { .trees = align_up(sizeof(struct masks), KERNEL_ALIGN) };

	at.nodes = at.trees + align_up(t->n_trees * sizeof(struct masks_tree), KERNEL_ALIGN);
	at.weights = at.nodes + align_up(t->n_branches * sizeof(struct masks_node), KERNEL_ALIGN);
	at.base = at.weights + p->n_weights * sizeof(float);
	at.columns = at.base + align_up(t->n_targets * sizeof(float), KERNEL_ALIGN);
	at.thresholds = at.columns +
		align_up(p->ranks.n_columns * sizeof(struct masks_column), KERNEL_ALIGN);
	at.sorted = at.thresholds + p->n_searched * sizeof(float);
	at.plain = at.sorted + align_up(p->ranks.n_thresholds * sizeof(float), KERNEL_ALIGN);
	at.bytes = at.plain + (p->special ? trees_plain_bytes(t) : 0);
	return at;
}

size_t trees_masks_bytes(const struct trees *t)
{
	struct masks_packing p = { .t = t };
	const size_t bytes = masks_examine(&p) == 0 ? masks_layout_of(&p).bytes : 0;

	ranks_fini(&p.ranks);
	return bytes;
}

struct masks_pending {
	int32_t node;
	uint16_t *slot; // where the index of its mask is written
};

static void masks_pack_leaf(
	const struct masks_packing *p, int32_t leaf, float *weights, uint32_t number)
{
	const int32_t w = p->t->weight_first[leaf];

	if (p->row_floats)
		trees_fill_row(p->t, leaf, p->row_floats, weights + number * p->row_floats);
	else
		weights[number] = w < p->t->weight_first[leaf + 1] ? p->t->weight[w] : 0;
}

// Writes the branches depth first. The mask of a branch has its number as index; those of the
// leaves follow behind all branches.
static void masks_pack_tree(struct masks_packing *p, const struct masks_layout *at,
	struct masks_tree *tree, uint32_t number)
{
	const struct trees *t = p->t;
	struct masks_node *nodes = (struct masks_node *)(p->packed + at->nodes) + p->nodes;
	float *weights = (float *)(void *)(p->packed + at->weights) + p->weights;
	struct masks_pending stack[TREES_DEPTH_MAX + 2];
	uint16_t root, n_nodes = 0, n_leaves = 0;
	const uint32_t leaves = masks_count_leaves(t, number);
	uint32_t depth = 0;

	stack[depth++] = (struct masks_pending){ t->root[number], &root };
	while (depth > 0) {
		const struct masks_pending now = stack[--depth];

		if (now.node < 0) {
			*now.slot = (uint16_t)(leaves - 1 + n_leaves);
			masks_pack_leaf(p, ~now.node, weights, n_leaves++);
			continue;
		}
		*now.slot = n_nodes;
		nodes[n_nodes].below = p->ranks.branch_below[now.node] * 0x01010101u;
		nodes[n_nodes].column = p->ranks.branch_column[now.node];
		stack[depth++] =
			(struct masks_pending){ t->children[now.node][0], &nodes[n_nodes].no };
		stack[depth++] =
			(struct masks_pending){ t->children[now.node][1], &nodes[n_nodes].yes };
		n_nodes++;
	}
	*tree = (struct masks_tree){ p->nodes, p->weights, n_nodes, n_leaves,
		trees_target(t, number) };
	p->nodes += n_nodes;
	p->weights += masks_padded(p, n_leaves);
}

// In the search tree, the j-th node of a level has the threshold that comes after all those left of
// it.
static void masks_pack_columns(
	const struct masks_packing *p, struct masks_column *columns, float *thresholds)
{
	uint32_t first = 0;

	for (uint32_t c = 0; c < p->ranks.n_columns; c++) {
		const struct rank_column *column = &p->ranks.columns[c];
		const uint32_t levels = masks_levels_of(column), n = masks_searched(column);
		const float *sorted = p->ranks.thresholds + column->first;

		columns[c] = (struct masks_column){ *column, first, levels };
		for (uint32_t k = 0; k < n; k++)
			thresholds[first + k] = NAN;
		for (uint32_t l = 0; l < levels; l++) {
			for (uint32_t j = 0; j < 1u << l; j++) {
				const uint32_t i = ((2 * j + 1) << (levels - 1 - l)) - 1;

				if (i < column->count)
					thresholds[first + (1u << l) + j] = sorted[i];
			}
		}
		first += n;
	}
}

// Sorts trees by target and size: loops of equal length follow each other, which the CPU predicts.
static int masks_by_target(const void *a, const void *b)
{
	const struct masks_tree *x = a, *y = b;

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	if (x->n_leaves != y->n_leaves)
		return x->n_leaves < y->n_leaves ? -1 : 1;
	return (x->first_weight > y->first_weight) - (x->first_weight < y->first_weight);
}

int trees_masks_pack(void *packed, const struct trees *t)
{
	struct masks_packing p = { .t = t, .packed = packed };
	struct masks *masks = packed;
	struct masks_layout at;
	int rc = masks_examine(&p);

	if (rc == 0) {
		struct masks_tree *trees;

		at = masks_layout_of(&p);
		memset(packed, 0, at.bytes);
		trees = (struct masks_tree *)(p.packed + at.trees);
		for (uint32_t i = 0; i < t->n_trees; i++)
			masks_pack_tree(&p, &at, &trees[i], i);
		if (!p.row_floats)
			qsort(trees, t->n_trees, sizeof(*trees), masks_by_target);
		memcpy(p.packed + at.base, t->base, t->n_targets * sizeof(float));
		masks_pack_columns(&p, (struct masks_column *)(p.packed + at.columns),
			(void *)(p.packed + at.thresholds));
		memcpy(p.packed + at.sorted, p.ranks.thresholds,
			p.ranks.n_thresholds * sizeof(float));
		if (p.special)
			rc = trees_plain_pack(p.packed + at.plain, t);
		*masks = (struct masks){ .n_trees = t->n_trees,
			.n_columns = p.ranks.n_columns,
			.n_targets = t->n_targets,
			.row_floats = p.row_floats,
			.trees = trees,
			.nodes = (struct masks_node *)(p.packed + at.nodes),
			.weights = (void *)(p.packed + at.weights),
			.base = (void *)(p.packed + at.base),
			.columns = (struct masks_column *)(p.packed + at.columns),
			.thresholds = (void *)(p.packed + at.thresholds),
			.sorted = (void *)(p.packed + at.sorted),
			.plain = p.special ? (struct trees *)(p.packed + at.plain) : NULL };
	}
	ranks_fini(&p.ranks);
	return rc;
}
