// SPDX-License-Identifier: BSD-3-Clause
// Ranks: a feature's value replaced by how many of the thresholds it is compared with are not above
// it, a byte. x < threshold[i] is rank(x) <= i then, exactly.
//
// A column holds the ranks for one feature, one way of missing values and at most RANKS_MAX
// thresholds; what has more takes several columns. A missing value ranks 0 where it counts as true,
// and 255 where as false. Tests other than TREE_LESS have a column each: rank 0 for true, 255 for
// false.
#pragma once

#include "infer/graph/trees.h"

#define RANKS_MAX        254
#define RANK_FALSE       255
#define RANK_COLUMNS_MAX 1024

struct rank_column {
	uint32_t feature;
	uint32_t first, count; // of the thresholds
	uint8_t kind;          // as a branch's
	uint32_t branch;       // one that asks the question, for tests other than TREE_LESS
};

struct ranks {
	uint32_t n_columns, n_thresholds;
	struct rank_column *columns;
	float *thresholds;       // each column's: distinct, ascending
	uint16_t *branch_column; // [branches]
	uint8_t *branch_below;   // [branches] true where the rank is below this
};

// -ENOTSUP: more columns than RANK_COLUMNS_MAX. -ENOMEM. Free with ranks_fini() in any case.
int ranks_init(struct ranks *ranks, const struct trees *trees);
void ranks_fini(struct ranks *ranks);

// Does each tree have one target, at most one weight a leaf, and is the aggregate the sum?
bool trees_one_target(const struct trees *trees);
uint32_t trees_target(const struct trees *trees, uint32_t tree); // that target
