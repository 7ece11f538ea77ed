// SPDX-License-Identifier: BSD-3-Clause
// Losses of a row and their gradients. Pure functions, any thread.
#pragma once

#include <stdint.h>

// Cross entropy of softmax(z / temperature) and class `class`, or, where it is -1, the probabilities p. [n], n <=
// NET_WIDTH_MAX. Adds `factor` times its gradient by z to g, unless that is NULL. Returns the loss.
double loss_softmax(uint32_t n, const float *z, int32_t class, const float *p, double temperature,
	double factor, float *g);
// The same of the sum over outputs of sigmoid cross entropy. Of one output class 1 is aimed at 1, and 0 at 0; of
// several output `class` alone is aimed at 1.
double loss_sigmoid(uint32_t n, const float *z, int32_t class, const float *p, double temperature,
	double factor, float *g);
// Half the sum of (z - t)^2.
double loss_squares(uint32_t n, const float *z, const float *t, double factor, float *g);
