// SPDX-License-Identifier: BSD-3-Clause
// Some rows of a dataset, and how it is divided by a seed. Owner: the caller, one thread; any number may read it.
#pragma once

#include "infer/learn/data/dataset.h"

// Some rows of a set, in this order.
struct dataset_part {
	const struct dataset *set;
	uint32_t *index; // [n], malloc'ed
	size_t n;
};

// Divides the rows into two parts by `seed`: `share` of each class (of all rows, where there are no classes) goes
// to `second`, at least one row of each class to either where it has two. Rows without a label go to `first`.
// The same seed and rows give the same parts. Free with dataset_part_fini(). -EINVAL where a part is empty, -ENOMEM.
int dataset_split(const struct dataset *set, double share, uint64_t seed,
	struct dataset_part *first, struct dataset_part *second, struct error *err);
// All rows. -ENOMEM.
int dataset_all(const struct dataset *set, struct dataset_part *part, struct error *err);
void dataset_part_fini(struct dataset_part *part);
