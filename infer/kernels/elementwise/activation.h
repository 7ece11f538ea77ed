// SPDX-License-Identifier: BSD-3-Clause
// Activations of one value: the formulas, by libm. Vector ones are in vec_act.h.
#pragma once

#include "infer/kernels/kernels.h"

float activation_scalar(const struct act *act, float x);
