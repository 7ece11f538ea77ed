// SPDX-License-Identifier: BSD-3-Clause
// Dense and Conv to QDense and QConv: a part of quantise_layers().
#pragma once

#include "infer/compile/passes/quantiser.h"

// Adds to the new graph what the layer becomes, with its input as bytes. -EDOM: weights and biases do not fit in 32
// bits at once; -ENOMEM.
int quantise_product(struct quantiser *q, struct quantise_layer *layer);
