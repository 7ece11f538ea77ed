// SPDX-License-Identifier: BSD-3-Clause
// Scores one row without a conditional jump that depends on it. First every branch of every tree is
// decided, 64 at a time: the rank of its feature, a byte permuted out of a register, is compared
// with the rank of its threshold. Then each block of 16 leaves compares its window of 32 decisions
// with what the path to each leaf wants. Exactly one leaf of a tree agrees, and its weight is added
// in its lane.
#pragma once

#include "infer/kernels/trees/trees_kernels.h"
#include "infer/kernels/trees/trees_ranks.h"

#define BLOCKS_COLUMNS_MAX 128        // bytes of two registers
#define BLOCKS_BITS_MAX    (1u << 17) // decisions of a row are on the stack
#define BLOCK_LEAVES       16
#define BLOCK_WINDOW       32

struct leaf_block {
	uint32_t asked[BLOCK_LEAVES];  // the branches on the leaf's path, as bits of the window
	uint32_t wanted[BLOCK_LEAVES]; // what they must have decided
	float weight[BLOCK_LEAVES];
};

struct block_column {
	struct rank_column column;
	uint32_t first, count; // of its thresholds, in vectors of 16 filled up with NaN
};

struct block_run { // blocks of one target
	uint32_t target, n_blocks;
};

struct blocks {
	uint32_t n_columns, n_targets, n_groups, n_runs;
	const struct block_column *columns;
	const float *thresholds;       // [vectors][16]
	const uint8_t *branch_column;  // [groups][64]
	const uint8_t *branch_below;   // [groups][64] the decision: rank < below
	const uint32_t *window;        // [blocks] bytes from the first decision on
	const struct leaf_block *leaf; // [blocks] by target
	const struct block_run *runs;
	const float *base;
	const struct trees *plain; // of columns that are not TREE_LESS; NULL: there are none
};
