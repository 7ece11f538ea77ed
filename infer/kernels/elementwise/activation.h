// SPDX-License-Identifier: BSD-3-Clause
// An activation with its attributes, and its formula for one value, by libm. The vector formulas are
// in vec/vec_act.h.
#pragma once

#include "infer/graph/ops.h"

// As graph/ops.h tells the attributes. Fill it with activation_defaults() first.
struct act {
	enum activation kind;
	float alpha, beta;
};
// ONNX's defaults: LeakyRelu 0.01, Clip -inf..inf (as lowest and highest float), HardSigmoid 0.2
// and 0.5, Elu 1, Selu 1.67326319 and 1.05070102; 0 elsewhere.
struct act activation_defaults(enum activation kind);

float activation_scalar(const struct act *act, float x);
