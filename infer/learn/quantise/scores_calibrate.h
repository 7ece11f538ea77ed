// SPDX-License-Identifier: BSD-3-Clause
// Calibration of a model's probabilities on held-back rows: by one temperature (C. Guo et al., "On calibration of modern
// neural networks", 2017), or by Platt's sigmoid with the targets and the Newton steps of H.-T. Lin et al., "A note
// on Platt's probabilistic outputs for support vector machines", 2007. It becomes an Affine before the Softmax or
// Sigmoid that the model ends in. All rows choose it; it is judged by tenths, each calibrated by the others.
#pragma once

#include "infer/graph/graph.h"

struct scores_rows {
	const float *values;    // [n][n_features]
	const int32_t *classes; // [n], each known
	size_t n;
};

struct scores_calibrated {
	double scale, shift; // of the logits; shift of Platt's
	// Means over the rows. After: each tenth of them by what the others alone would have chosen.
	double log_loss_before, log_loss_after;
};

// `platt`: of two classes only. -ENOTSUP: the model does not end in a Softmax or Sigmoid of its only output; -EINVAL:
// fewer than two classes in the rows; -ENOMEM.
int scores_calibrate(struct graph *graph, const struct scores_rows *rows, bool platt,
	struct scores_calibrated *calibrated, struct error *err);
