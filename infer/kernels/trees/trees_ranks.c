// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/trees/trees_ranks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct question {
	uint32_t branch, feature, set;
	float threshold;
	uint8_t kind;
};

static int ranks_compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int ranks_compare_questions(const void *a, const void *b)
{
	const struct question *x = a, *y = b;
	int order = ranks_compare_numbers(x->feature, y->feature);

	if (order == 0)
		order = ranks_compare_numbers(x->kind, y->kind);
	if (order == 0)
		order = ranks_compare_numbers(x->set, y->set);
	if (order == 0)
		order = (x->threshold > y->threshold) - (x->threshold < y->threshold);
	return order ? order : ranks_compare_numbers(x->branch, y->branch);
}

static bool ranks_same_question(const struct question *a, const struct question *b)
{
	return a->feature == b->feature && a->kind == b->kind && a->set == b->set &&
		(a->threshold == b->threshold || (a->kind & TREE_TEST_BITS) == TREE_IN_SET);
}

static struct rank_column *ranks_next_column(struct ranks *ranks, const struct question *q)
{
	struct rank_column *column = &ranks->columns[ranks->n_columns];

	if (ranks->n_columns == RANK_COLUMNS_MAX)
		return NULL;
	*column = (struct rank_column){ .feature = q->feature,
		.first = ranks->n_thresholds,
		.kind = q->kind,
		.branch = q->branch };
	ranks->n_columns++;
	return column;
}

// Assigns the sorted questions to columns: a new column for each feature and kind, and whenever one
// is full.
static int ranks_assign(struct ranks *ranks, const struct question *questions, uint32_t n)
{
	struct rank_column *column = NULL;

	for (uint32_t i = 0; i < n; i++) {
		const struct question *q = &questions[i], *last = i ? q - 1 : NULL;
		const bool less = (q->kind & TREE_TEST_BITS) == TREE_LESS;
		const bool again = last && ranks_same_question(last, q);

		if (!last || q->feature != last->feature || q->kind != last->kind ||
			(!again && (!less || column->count == RANKS_MAX))) {
			column = ranks_next_column(ranks, q);
			if (!column)
				return -ENOTSUP;
		}
		if (less && (!again || column->count == 0)) {
			ranks->thresholds[ranks->n_thresholds++] = q->threshold;
			column->count++;
		}
		ranks->branch_column[q->branch] = (uint16_t)(column - ranks->columns);
		ranks->branch_below[q->branch] = (uint8_t)(less ? column->count : 1);
	}
	return 0;
}

int ranks_init(struct ranks *ranks, const struct trees *t)
{
	struct question *questions = calloc(t->n_branches + 1u, sizeof(*questions));
	int rc = -ENOMEM;

	*ranks = (struct ranks){
		.columns = calloc(RANK_COLUMNS_MAX, sizeof(*ranks->columns)),
		.thresholds = calloc(t->n_branches + 1u, sizeof(*ranks->thresholds)),
		.branch_column = calloc(t->n_branches + 1u, sizeof(*ranks->branch_column)),
		.branch_below = calloc(t->n_branches + 1u, sizeof(*ranks->branch_below)),
	};
	if (questions && ranks->columns && ranks->thresholds && ranks->branch_column &&
		ranks->branch_below) {
		for (uint32_t b = 0; b < t->n_branches; b++) {
			const bool set = (t->kind[b] & TREE_TEST_BITS) == TREE_IN_SET;

			questions[b] = (struct question){ .branch = b,
				.feature = (uint32_t)t->feature[b],
				.set = set ? (uint32_t)t->set[b] : 0,
				.threshold = set ? 0 : t->threshold[b],
				.kind = t->kind[b] };
		}
		qsort(questions, t->n_branches, sizeof(*questions), ranks_compare_questions);
		rc = ranks_assign(ranks, questions, t->n_branches);
	}
	free(questions);
	return rc;
}

void ranks_fini(struct ranks *ranks)
{
	free(ranks->columns);
	free(ranks->thresholds);
	free(ranks->branch_column);
	free(ranks->branch_below);
	memset(ranks, 0, sizeof(*ranks));
}

// --- Targets ------------------------------------------------------------------------------------

// The first target that a leaf below the node has a weight for.
uint32_t trees_target(const struct trees *t, uint32_t tree)
{
	int32_t stack[TREES_DEPTH_MAX + 2];
	uint32_t depth = 0;

	stack[depth++] = t->root[tree];
	while (depth > 0) {
		const int32_t node = stack[--depth];

		if (node >= 0) {
			stack[depth++] = t->children[node][0];
			stack[depth++] = t->children[node][1];
		} else if (t->weight_first[~node] < t->weight_first[~node + 1]) {
			return (uint32_t)t->weight_target[t->weight_first[~node]];
		}
	}
	return 0;
}

static bool ranks_tree_has_one(const struct trees *t, uint32_t tree, uint32_t target)
{
	int32_t stack[TREES_DEPTH_MAX + 2];
	uint32_t depth = 0;

	stack[depth++] = t->root[tree];
	while (depth > 0) {
		const int32_t node = stack[--depth];
		int32_t first, count;

		if (node >= 0) {
			stack[depth++] = t->children[node][0];
			stack[depth++] = t->children[node][1];
			continue;
		}
		first = t->weight_first[~node];
		count = t->weight_first[~node + 1] - first;
		if (count > 1 || (count == 1 && (uint32_t)t->weight_target[first] != target))
			return false;
	}
	return true;
}

bool trees_one_target(const struct trees *t)
{
	bool one = t->aggregate == TREES_SUM;

	for (uint32_t i = 0; i < t->n_trees && one; i++)
		one = ranks_tree_has_one(t, i, trees_target(t, i));
	return one;
}
