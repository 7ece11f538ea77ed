// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/graph/graph.h"

// Cross-layer equalisation (M. Nagel et al., "Data-Free Quantization through Weight Equalization and Bias
// Correction", 2019): where a Dense or Conv is read by another alone, with none, Relu or LeakyRelu between, each
// channel's weights are divided by a factor in the first and multiplied by it in the second, until the channel's
// largest weights are about the same in both. Factors are powers of two, so that no float becomes another but by
// overflow. Pools may stand between convolutions. Weights are new constants of the graph. Returns how many pairs of
// layers were changed; -ENOMEM.
int quantise_equalise(struct graph *graph, struct error *err);
