// SPDX-License-Identifier: BSD-3-Clause
// Gradient-boosted trees grown by XGBoost's library, which is looked for when it is first needed: who trains no
// trees need not have it. What it grew comes back through our own importer, so that it scores as an imported file.
//
// Owner: the caller, one thread at a time.
#pragma once

#include "base/error.h"
#include "infer/graph/graph.h"
#include "infer/graph/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// XGBoost's parameters of the same names (its documentation, "XGBoost Parameters").
struct booster_options {
	const char *objective;   // "binary:logistic", "multi:softprob", "reg:squarederror"
	uint32_t n_classes;      // of multi:softprob; else 0
	uint32_t depth;          // max_depth
	double learning_rate;    // eta
	double subsample;        // share of the rows that a tree is grown from
	double colsample;        // colsample_bytree, share of the features likewise
	double lambda;           // L2 on the leaves' weights
	double min_child_weight; // least sum of second derivatives in a leaf
	double base_score; // what boosting begins at, as a prediction; NaN: the library's own choice
	uint64_t seed;
	uint32_t threads; // 0: as many as there are CPUs
};

struct booster_rows {
	const float *values; // [n][n_features], NaN: missing; none infinite
	size_t n;
	uint32_t n_features;
	const float *targets; // [n][n_targets]: numbers of classes from 0, or numbers
	uint32_t n_targets;   // 1, or more of reg:squarederror
	const float *weights; // [n], above 0; NULL: 1 each
};

struct booster;

// Both sets of rows are copied. validation->n 0: none. -ENOENT: the library is not installed, and err says which
// package has it; -EINVAL with what the library says; -ENOMEM.
int booster_create(const struct booster_options *options, const struct booster_rows *train,
	const struct booster_rows *validation, struct booster **booster, struct error *err);
void booster_destroy(struct booster *booster); // NULL is fine

// Grows one more round by the objective's own loss. -EINVAL.
int booster_grow(struct booster *booster, struct error *err);
// Grows one more round by a loss of the caller's: its derivatives by each margin, [n][groups] of the training rows.
int booster_grow_by(
	struct booster *booster, float *first, float *second, size_t n, struct error *err);
// The margins, what trees add up to before the objective's function, [n][groups], which stay valid until the next
// call. `validation`: of these rows, else of the training rows. -EINVAL.
int booster_margins(struct booster *booster, bool validation, const float **margins, size_t *n,
	struct error *err);
// The objective's loss after the rounds so far, of the training rows and, where there are any, of the validation
// rows, else NaN. -EINVAL.
int booster_loss(struct booster *booster, double *train, double *validation, struct error *err);

// What was grown, as bytes of the library's, which stay valid until the next call. -EINVAL.
int booster_save(struct booster *booster, const char **bytes, size_t *size, struct error *err);
// Goes on from these bytes, of `rounds` rounds, as if they had been grown here, but for what is drawn from then on. -EINVAL.
int booster_restore(struct booster *booster, const void *bytes, size_t size, uint32_t rounds,
	struct error *err);

// What was grown, as a graph: of `rounds` rounds, 0: of all. The caller destroys it. -EINVAL, -ENOMEM, -EFBIG.
int booster_graph(struct booster *booster, uint32_t rounds, struct graph **graph,
	struct compile_report *report, struct error *err);
