// SPDX-License-Identifier: BSD-3-Clause
// Dense networks: "dense" of `model train`.
#pragma once

#include "infer/learn/kind.h"

// Of classes the graph has an output for each, their softmax or, of two classes where that is asked for, one that is
// the sigmoid of the second. Of numbers it has one. Rows without a label are passed over.
train_function dense_train;
