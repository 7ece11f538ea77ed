// SPDX-License-Identifier: BSD-3-Clause
// Early stopping. XGBoost keeps the rounds after the best one, and says which that was in the
// learner's attributes; XGBModel.predict() passes them over (sklearn.py, _get_iteration_range),
// Booster.predict() does not.
#include "infer/import/xgboost/rounds.h"
#include "infer/import/xgboost/json.h"

#include <inttypes.h>

#define ENDS_SINCE  2000 // version
#define WHERE_MODEL "gradient_booster.model"

struct rounds {
	int64_t best,
		best_trees; // the number of the best round; trees of a group up to it; -1: not said
	int64_t parallel;   // trees of a round and group; 0: not said
	size_t groups;
	const json_t *ends; // [rounds + 1] the trees before each; NULL: not said
};

static int rounds_read(struct xgboost *x, const json_t *model, size_t n, struct rounds *r)
{
	const json_t *attributes = json_object_get(x->learner, "attributes");
	int64_t last = 0;

	if (xgboost_integer(x, attributes, "learner.attributes", "best_iteration", 0, INT32_MAX,
		    &r->best) != 0 ||
		xgboost_integer(x, attributes, "learner.attributes", "best_ntree_limit", 0,
			INT32_MAX, &r->best_trees) != 0 ||
		xgboost_integer(x, json_object_get(model, "gbtree_model_param"),
			WHERE_MODEL ".gbtree_model_param", "num_parallel_tree", 0, INT32_MAX,
			&r->parallel) != 0)
		return x->err->code;
	if (x->version >= ENDS_SINCE) // the library does not look at it in an older file
		r->ends = json_object_get(model, "iteration_indptr");
	for (size_t i = 0; i < json_array_size(r->ends); i++) {
		const int64_t end = json_integer_value(json_array_get(r->ends, i));

		if (end < last || end > (int64_t)n)
			return error_set(x->err, -EINVAL,
				WHERE_MODEL ".iteration_indptr should rise from 0 to %zu", n);
		last = end;
	}
	if (r->ends && (json_array_size(r->ends) < 2 || last != (int64_t)n))
		return error_set(x->err, -EINVAL,
			WHERE_MODEL ".iteration_indptr should end with %zu, the number of trees",
			n);
	return 0;
}

// Trees of the first `rounds`; SIZE_MAX: there are not so many rounds.
static size_t rounds_trees(const struct rounds *r, uint64_t rounds, size_t n)
{
	const uint64_t a_round = (uint64_t)r->groups * (uint64_t)(r->parallel ? r->parallel : 1);

	if (r->ends)
		return rounds < json_array_size(r->ends)
			? (size_t)json_integer_value(json_array_get(r->ends, rounds))
			: SIZE_MAX;
	return rounds <= n / a_round ? (size_t)(rounds * a_round) : SIZE_MAX;
}

static size_t rounds_there(const struct rounds *r, size_t n)
{
	return r->ends ? json_array_size(r->ends) - 1
		       : n / (r->groups * (size_t)(r->parallel ? r->parallel : 1));
}

static int rounds_take_best(struct xgboost *x, const struct rounds *r, size_t n, size_t *count)
{
	size_t trees;

	// Files of XGBoost before 1.3 do not say how many trees a round has, but how many there are
	// up to the best one.
	if (r->best_trees > 0 && (r->best < 0 || (!r->ends && r->parallel == 0)))
		trees = (uint64_t)r->best_trees <= n / r->groups ? (size_t)r->best_trees * r->groups
								 : SIZE_MAX;
	else if (r->best >= 0)
		trees = rounds_trees(r, (uint64_t)r->best + 1, n);
	else
		return 0;
	if (trees >= n)
		return 0;
	*count = trees;
	report_add(x->report,
		"early stopping: %zu of %zu trees are scored, up to the best round, as XGBoost's "
		"scikit-learn interface does; --trees all scores all",
		trees, n);
	return 0;
}

int xgboost_count_trees(
	struct xgboost *x, const json_t *model, bool by_group, size_t n, size_t *count)
{
	struct rounds r = { .best = -1, .best_trees = -1, .groups = by_group ? x->n_groups : 1 };
	const uint32_t wanted = x->options->rounds;

	*count = n;
	if (rounds_read(x, model, n, &r) != 0)
		return x->err->code;
	if (wanted == ROUNDS_BEST)
		return rounds_take_best(x, &r, n, count);
	if (wanted == ROUNDS_ALL) {
		if (r.best >= 0)
			report_add(x->report,
				"early stopping: best round %" PRId64 ", all of %zu are scored",
				r.best, rounds_there(&r, n));
		return 0;
	}
	*count = rounds_trees(&r, wanted, n);
	if (*count == SIZE_MAX || *count == 0)
		return error_set(x->err, -EINVAL, "%" PRIu32 " rounds are wanted, there are %zu",
			wanted, rounds_there(&r, n));
	report_add(x->report, "%zu of %zu trees are scored: %" PRIu32 " rounds", *count, n, wanted);
	return 0;
}
