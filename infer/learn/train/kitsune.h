// SPDX-License-Identifier: BSD-3-Clause
// Kitsune's ensemble of small autoencoders: Mirsky, Doitshman, Elovici, Shabtai, "Kitsune: An Ensemble of Autoencoders for
// Online Network Intrusion Detection", NDSS 2018. Features that correlate share an autoencoder (kitsune_map.h), whose root
// mean squared error over its features, scaled to 0 to 1, is what another autoencoder takes; that one's error is the score.
//
// Other than in the paper all rows are there from the start: scales are fitted first, and both layers of autoencoders are
// trained by Adam over several epochs, one after the other.
#pragma once

#include "infer/learn/train/kind.h"

train_function kitsune_train;
