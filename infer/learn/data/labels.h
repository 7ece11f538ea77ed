// SPDX-License-Identifier: BSD-3-Clause
// The labels of rows, as classes. Private to infer/learn, for dataset.c. Owner: one thread.
#pragma once

#include "base/error.h"
#include "infer/infer.h"
#include "infer/learn/data/text_set.h"

struct labels {
	const struct model_info
		*model;       // whose classes are meant; NULL, or it names none: the rows say
	struct text_set seen; // labels as the rows have them
	int32_t *class_of;    // [seen.n] of each
	uint32_t class_of_capacity;
	struct text_set classes; // the groups' names, then other labels
	uint32_t n_groups;
	struct text_set members; // labels that a group names
	uint32_t *group_of;      // [members.n]
	int32_t others;          // the group of all others; -1: none
};

// `group` as in dataset_options, NULL: none. -EINVAL, -ENOMEM; labels_fini() either way.
int labels_init(struct labels *labels, const char *group, const struct model_info *model,
	struct error *err);
void labels_fini(struct labels *labels);
// The class of a label, which is not missing. -EINVAL: the model has none of that name; -EFBIG, -ENOMEM.
int labels_take(struct labels *labels, const char *text, int32_t *number, struct error *err);
// Gives the classes of rows [n], -1 among them, the numbers that they have in struct dataset, and labels->classes
// those numbers' names, unless they are the model's. -EINVAL where a group has no row; -ENOMEM.
int labels_done(struct labels *labels, int32_t *classes, size_t n, struct error *err);
