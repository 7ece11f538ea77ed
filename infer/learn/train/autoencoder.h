// SPDX-License-Identifier: BSD-3-Clause
// Autoencoders: "autoencoder" of `model train`.
#pragma once

#include "infer/learn/train/kind.h"

// A network that gives the scaled row back from fewer numbers than it has. Its score is the mean squared error of
// that, in multiples of the threshold that anomaly.h sets.
train_function autoencoder_train;
