// SPDX-License-Identifier: BSD-3-Clause
// Dense networks: "dense" of `model train`.
#pragma once

#include "infer/learn/net/recurrent.h"
#include "infer/learn/train/kind.h"

// Of classes the graph has an output for each, their softmax or, of two classes where that is asked for, one that is
// the sigmoid of the second. Of numbers it has one. Rows without a label are passed over.
train_function dense_train;
// The same behind recurrent layers, for which each row is a window of front->steps steps; all steps are scaled alike.
int dense_train_behind(struct train_job *job, const struct recurrent_net *front, struct error *err);
