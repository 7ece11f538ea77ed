// SPDX-License-Identifier: BSD-3-Clause
// Scores one row without a conditional jump that depends on it. First every branch of every tree is
// decided, 64 at a time: the rank of its feature, a byte permuted out of a register, is compared
// with the rank of its threshold. Then each block of 16 leaves compares its window of 32 decisions
// with what the path to each leaf wants. Exactly one leaf of a tree agrees, and its weight is added
// in its lane.
//
// Where there are few questions (a feature, a threshold and a way of missing values), each of them is
// answered for itself, 16 at a time, by the row in registers: 255 for no, 0 for yes, and a branch
// picks its answer as it would pick a rank.
#pragma once

#include "infer/kernels/trees/trees_kernels.h"
#include "infer/kernels/trees/trees_ranks.h"

#define BLOCKS_COLUMNS_MAX 128        // bytes of two registers
#define BLOCKS_BITS_MAX    (1u << 17) // decisions of a row are on the stack
#define BLOCK_LEAVES       16
#define BLOCK_WINDOW       32
#define BLOCK_QUESTIONS    16

#define BLOCKS_QUESTIONS_MAX 256 // bytes of four registers
#define BLOCKS_ROW_MAX       64  // floats of four registers: of rows that questions are asked of

struct leaf_block {
	uint32_t asked[BLOCK_LEAVES];  // the branches on the leaf's path, as bits of the window
	uint32_t wanted[BLOCK_LEAVES]; // what they must have decided
	float weight[BLOCK_LEAVES];
};

struct block_column {
	struct rank_column column;
	uint32_t first, count; // of its thresholds, in vectors of 16 filled up with NaN
};

struct block_questions {
	uint32_t feature[BLOCK_QUESTIONS];
	float threshold[BLOCK_QUESTIONS];
};

struct block_run { // blocks of one target
	uint32_t target, n_blocks;
};

struct blocks {
	uint32_t n_features, n_columns, n_targets, n_groups, n_runs;
	uint32_t n_questions; // vectors of them; 0: branches compare ranks
	const struct block_questions *questions;
	uint64_t missing_true[BLOCKS_QUESTIONS_MAX / 64]; // questions whose answer is yes then
	const struct block_column *columns;
	const float *thresholds;       // [vectors][16]
	const uint8_t *branch_column;  // [groups][64], or its question
	const uint8_t *branch_below;   // [groups][64] the decision: rank < below
	const uint32_t *window;        // [blocks] bytes from the first decision on
	const struct leaf_block *leaf; // [blocks] by target
	const struct block_run *runs;
	const float *base;
	const struct trees *plain; // of columns that are not TREE_LESS; NULL: there are none
};
