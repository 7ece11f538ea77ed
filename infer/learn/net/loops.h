// SPDX-License-Identifier: BSD-3-Clause
// What training does to long arrays, in loops that the compiler makes vectors of for each instruction set of the
// CPU. Pure functions, any thread; arrays do not overlap unless said.
#pragma once

#include "infer/graph/act.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A step of Adam over `n` weights: m and v are its running means.
struct adam {
	float rate, decay; // decay: of the weights, 0 of biases, in a step
	float one_minus_beta1, one_minus_beta2;
	float correct1, correct2; // 1 / (1 - beta^step)
	float scale;              // of the gradient: clipped
};
void loop_adam(
	const struct adam *adam, size_t n, const float *gradient, float *m, float *v, float *w);

// to[i] = the sum of from[i + k * stride] over the n_from arrays, in their order, or that added to it.
void loop_sum(size_t n, uint32_t n_from, size_t stride, const float *from, bool adds, float *to);
// Column sums of x [rows][columns], or those added to `sums`.
void loop_columns(uint32_t rows, uint32_t columns, const float *x, bool adds, float *sums);
// to[c][r] = from[r][c]; rows of `from` are `columns` floats apart, those of `to` ld_to.
void loop_transpose(uint32_t rows, uint32_t columns, const float *from, size_t ld_to, float *to);
// g[i] *= x[i]
void loop_scale(size_t n, const float *x, float *g);
// g[i] *= x[c] of each row's column c.
void loop_scale_columns(uint32_t rows, uint32_t columns, const float *x, float *g);
// g[i] *= act'(z[i]), where y is act(z). z may be NULL where act_by_output().
void loop_act_gradient(const struct act *act, size_t n, const float *z, const float *y, float *g);
// Is the activation's derivative known by its output?
bool loop_act_by_output(const struct act *act);
