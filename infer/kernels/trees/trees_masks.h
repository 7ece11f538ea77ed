// SPDX-License-Identifier: BSD-3-Clause
// Scores blocks of rows without conditional jumps or gathers in the trees. The values of a column
// are replaced by ranks (trees_ranks.h), those of all rows of the block in one register. Each
// branch compares its column with its own rank, which gives a mask of rows; by it the mask of the
// rows that reached the branch is divided among its children. The masks of the leaves give the
// number of each row's leaf, bit by bit, and a permutation of registers looks up the weights.
#pragma once

#include "infer/kernels/trees/trees_kernels.h"
#include "infer/kernels/trees/trees_ranks.h"
#include "infer/kernels/trees/trees_rows.h"

#define MASKS_COLUMNS_MAX 512 // ranks of a block of rows are on the stack
#define MASKS_TARGETS_MAX 64  // and so are the sums
#define MASKS_LEAVES_MAX  256
#define MASKS_ROWS_MAX    64

struct masks_node {
	uint32_t below; // true where the rank is less: the byte four times
	uint16_t column;
	uint16_t yes, no; // where the masks of the rows go: nodes first, then the leaves
	uint16_t reserved;
};

struct masks_tree {
	uint32_t first_node, first_weight; // weights[16] or more, or rows, by the leaf's number
	uint16_t n_nodes, n_leaves;
	uint32_t target; // where the leaves are not rows
};

// Thresholds as a search tree: the k-th asks first below 2k and 2k + 1, the root is number 1.
// From k = 1, `levels` times k = 2k + (x >= thresholds[k]) makes k - 2^levels the rank of x.
struct masks_column {
	struct rank_column column;
	uint32_t first,
		levels; // thresholds[first + k], k < 2^levels or 16; NaN where there is none
};

struct masks {
	uint32_t n_trees, n_columns, n_targets;
	uint32_t row_floats;            // of a leaf's row (trees_rows.h); 0: leaves have one weight
	const struct masks_tree *trees; // by target; of rows, as they were
	const struct masks_node *nodes; // parents first
	const float *weights, *base;
	const struct masks_column *columns;
	const float *thresholds;
	const float *sorted;       // the same, ascending, by column.first
	const struct trees *plain; // of columns that are not TREE_LESS; NULL: there are none
};

// The numbers of the leaves as bits: bits[b] has the rows whose leaf's number has bit b.
#define MASKS_LEAF_BITS(type, reached, n_leaves, bits)                                             \
	do {                                                                                       \
		for (uint32_t b_ = 0; (1u << b_) < (n_leaves); b_++) {                             \
			type rows_ = 0;                                                            \
			for (uint32_t l_ = 1u << b_; l_ < (n_leaves); l_ = (l_ + 1) | 1u << b_)    \
				rows_ |= (reached)[l_];                                            \
			(bits)[b_] = rows_;                                                        \
		}                                                                                  \
	} while (0)
