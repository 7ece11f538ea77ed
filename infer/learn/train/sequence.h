// SPDX-License-Identifier: BSD-3-Clause
// GRU and LSTM over windows: "gru" and "lstm" of `model train`.
#pragma once

#include "infer/learn/train/kind.h"

// Of rows that are windows, the oldest step first: recurrent layers, whose last state dense layers take. All else is as
// dense.h has it.
train_function gru_train, lstm_train;
