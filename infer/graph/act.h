// SPDX-License-Identifier: BSD-3-Clause
// Activations: what an operator or its attributes say, ONNX's defaults, and the formulas for one
// value, by libm. Pure functions, any thread. The vector formulas are in kernels/vec/vec_act.h.
#pragma once

#include "infer/graph/graph.h"

// An activation with its attributes, as graph/ops.h tells them.
struct act {
	enum activation kind;
	float alpha, beta;
};

// ONNX's defaults: LeakyRelu 0.01, Clip -inf..inf (as lowest and highest float), HardSigmoid 0.2
// and 0.5, Elu 1, Selu 1.67326319 and 1.05070102, Affine and ThresholdedRelu 1, ScaledTanh 1 and 1;
// 0 elsewhere.
struct act act_defaults(enum activation kind);

// The activation that a node computes (Relu, Clip, ...); ACTIVATION_NONE for other operators.
struct act act_of_operator(const struct node *node);
// The activation that follows a node's own operator: its attributes ACTIVATION, ALPHA and BETA.
struct act act_of_attributes(const struct node *node);
// Activation i of an RNN, GRU or LSTM. graph_check() has made sure that the node has that many.
struct act act_of_gate(const struct node *node, uint32_t i);
enum activation recurrent_activation(enum recurrent kind);

// The formula, each step rounded to float, as kernels compute it; or in double.
float act_f32(const struct act *act, float x);
double act_f64(const struct act *act, double x);
