// SPDX-License-Identifier: BSD-3-Clause
// What a changed graph loses against the float one it was made of, on held-back rows.
#pragma once

#include "base/decision.h"
#include "infer/graph/graph.h"

struct quantise_judge {
	const float *rows;      // [n][n_features]
	const int32_t *classes; // [n], all known; NULL: there are no labels
	size_t n;
	uint32_t n_classes, n_out;
	struct decision decision;
	float *scores; // [n][n_out] of the float graph, owned
	double f1;     // of them, where there are classes
	double spread; // of the scores, a standard deviation
};

struct quantise_loss {
	double f1;       // NaN without classes
	double disagree; // share of rows decided otherwise
	double apart;    // root mean square of the scores' differences, beside their spread
	double bounded;  // what max_loss bounds: of these the one that counts
};

// Scores the float graph, which has passed graph_check(). `judge` has rows, classes, n, n_classes. -ENOMEM and what
// model_build() says.
int quantise_judge_init(struct quantise_judge *judge, const struct graph *graph, struct error *err);
void quantise_judge_fini(struct quantise_judge *judge);
int quantise_judge_graph(const struct quantise_judge *judge, const struct graph *graph,
	struct quantise_loss *loss, struct error *err);
