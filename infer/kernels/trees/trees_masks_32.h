// SPDX-License-Identifier: BSD-3-Clause
// The masks kernel over 32 rows: a mask is a 32-bit register. A file that includes this defines
// MASKS_SIGN and
//
//	masks_count	counts[r] = how many of n thresholds are not above x[r]
//	masks_below	bit r: ranks[r] < the byte that `below` has four times, both with MASKS_SIGN
//	masks_leaves	leaves[r] = the number whose bit b is bit r of bits[b]
#pragma once

#include "infer/kernels/trees/trees_masks.h"

#include <assert.h>
#include <string.h>

#ifdef MASKS_SIGN

#define ROWS        32
#define COUNTED_MAX 96 // of more thresholds, a search is faster than comparing with all

static inline void masks_count(
	const float *x, const float *thresholds, uint32_t n, int32_t counts[ROWS]);
static inline uint32_t masks_below(const uint8_t *ranks, uint32_t below);
static inline void masks_leaves(const uint32_t *bits, uint32_t n_leaves, uint8_t leaves[ROWS]);

struct masks32_block {
	const float *x; // the block's first row
	uint32_t n;
	size_t ldx;
	_Alignas(32) uint8_t ranks[MASKS_COLUMNS_MAX][ROWS];
};

// Loads one feature of all rows of the block; lanes behind the last row repeat that row.
static void masks_gather(const struct masks32_block *block, uint32_t feature, float *x)
{
	for (uint32_t r = 0; r < ROWS; r++) {
		const size_t row = r < block->n ? r : block->n - 1;

		x[r] = block->x[row * block->ldx + feature];
	}
}

static void masks32_search(
	const float *x, const float *thresholds, uint32_t levels, int32_t counts[ROWS])
{
	for (uint32_t r = 0; r < ROWS; r++) {
		uint32_t k = 1;

		for (uint32_t l = 0; l < levels; l++)
			k = 2 * k + (uint32_t)(x[r] >= thresholds[k]);
		counts[r] = (int32_t)(k - (1u << levels));
	}
}

static void masks32_rank_less(const struct masks *masks, const struct masks_column *column,
	const float *x, uint8_t *ranks)
{
	const struct rank_column *c = &column->column;
	const bool missing_true = c->kind & TREE_MISSING_TRUE;
	int32_t counts[ROWS];

	if (c->count > COUNTED_MAX)
		masks32_search(x, masks->thresholds + column->first, column->levels, counts);
	else
		masks_count(x, masks->sorted + c->first, c->count, counts);
	for (uint32_t r = 0; r < ROWS; r++) {
		const int32_t rank = x[r] != x[r] && !missing_true ? RANK_FALSE : counts[r];

		ranks[r] = (uint8_t)(rank ^ MASKS_SIGN);
	}
}

static void masks32_rank_columns(const struct masks *masks, struct masks32_block *block)
{
	for (uint32_t c = 0; c < masks->n_columns; c++) {
		const struct masks_column *column = &masks->columns[c];
		float x[ROWS];

		masks_gather(block, column->column.feature, x);
		if ((column->column.kind & TREE_TEST_BITS) == TREE_LESS) {
			masks32_rank_less(masks, column, x, block->ranks[c]);
			continue;
		}
		for (uint32_t r = 0; r < ROWS; r++) {
			const bool yes = trees_decide(masks->plain, column->column.branch, x[r]);

			block->ranks[c][r] = (uint8_t)((yes ? 0 : RANK_FALSE) ^ MASKS_SIGN);
		}
	}
}

static inline void masks32_divide(const struct masks_node *nodes, uint32_t n_nodes,
	const struct masks32_block *block, uint32_t *reach)
{
	reach[0] = UINT32_MAX;
	for (uint32_t i = 0; i < n_nodes; i++) {
		const struct masks_node *node = &nodes[i];
		const uint32_t yes = masks_below(block->ranks[node->column], node->below);
		const uint32_t rows = reach[i];

		reach[node->yes] = rows & yes;
		reach[node->no] = rows & ~yes;
	}
}

static inline void masks32_find_leaves(const struct masks *masks, const struct masks_tree *tree,
	const struct masks32_block *block, uint8_t leaves[ROWS])
{
	uint32_t reach[2 * MASKS_LEAVES_MAX], bits[8];

	masks32_divide(masks->nodes + tree->first_node, tree->n_nodes, block, reach);
	// masks32_divide() wrote all of them: NOLINTNEXTLINE(clang-analyzer-core.*)
	MASKS_LEAF_BITS(uint32_t, reach + tree->n_nodes, tree->n_leaves, bits);
	masks_leaves(bits, tree->n_leaves, leaves);
}

static inline void masks32_add_tree(const struct masks *masks, const struct masks_tree *tree,
	const struct masks32_block *block, float *sum)
{
	const float *weights = masks->weights + tree->first_weight;
	_Alignas(32) uint8_t leaves[ROWS];

	masks32_find_leaves(masks, tree, block, leaves);
#pragma GCC unroll 32
	for (uint32_t r = 0; r < ROWS; r++)
		sum[r] += weights[leaves[r]];
}

static inline void masks32_score(
	const struct masks *masks, const struct masks32_block *block, float *y, size_t ldy)
{
	float sums[MASKS_TARGETS_MAX][ROWS];

	for (uint32_t t = 0; t < masks->n_targets; t++)
		for (uint32_t r = 0; r < ROWS; r++)
			sums[t][r] = masks->base[t];
	for (uint32_t i = 0; i < masks->n_trees; i++)
		masks32_add_tree(masks, &masks->trees[i], block, sums[masks->trees[i].target]);
	for (uint32_t r = 0; r < block->n; r++)
		for (uint32_t t = 0; t < masks->n_targets; t++)
			y[r * ldy + t] = sums[t][r];
}

static inline void masks32_score_rows(
	const struct masks *masks, const struct masks32_block *block, float *y, size_t ldy)
{
	float sums[ROWS * TREE_ROW_MAX];
	_Alignas(32) uint8_t leaves[ROWS];

	memset(sums, 0, ROWS * masks->row_floats * sizeof(*sums));
	for (uint32_t i = 0; i < masks->n_trees; i++) {
		masks32_find_leaves(masks, &masks->trees[i], block, leaves);
		trees_add_leaves(sums, masks->weights + masks->trees[i].first_weight, leaves, ROWS,
			masks->row_floats);
	}
	for (uint32_t r = 0; r < block->n; r++)
		for (uint32_t t = 0; t < masks->n_targets; t++)
			y[r * ldy + t] = masks->base[t] + sums[r * masks->row_floats + t];
}

static inline void masks_run(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct masks *masks = packed;
	struct masks32_block block;

	assert(masks->n_columns <= MASKS_COLUMNS_MAX && masks->n_targets <= MASKS_TARGETS_MAX);
	for (; m > 0; m -= block.n, x += block.n * ldx, y += block.n * ldy) {
		block.x = x;
		block.ldx = ldx;
		block.n = m < ROWS ? m : ROWS;
		masks32_rank_columns(masks, &block);
		if (masks->row_floats)
			masks32_score_rows(masks, &block, y, ldy);
		else
			masks32_score(masks, &block, y, ldy);
	}
}

#endif
