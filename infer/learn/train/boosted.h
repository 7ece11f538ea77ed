// SPDX-License-Identifier: BSD-3-Clause
// Gradient-boosted trees: "boosted" of `model train`.
#pragma once

#include "infer/learn/train/kind.h"

// Grows trees by XGBoost (booster.h), on job->train, and judges each round by job->validation. Of two classes the
// graph has two outputs, 1 - p and p; of more one each; of numbers one. Each is XGBoost's own prediction.
int train_boosted(struct train_job *job, struct error *err);

// Puts [1 - p, p] in the place of the graph's one output p.
int boosted_two_columns(struct graph *graph, struct error *err);
