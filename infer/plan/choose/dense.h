// SPDX-License-Identifier: BSD-3-Clause
// Which kernel runs a dense layer in each class of batch sizes. Chosen once all steps are there:
// which classes occur depends on the memory that a row needs.
#pragma once

#include "infer/kernels/product/dense.h"
#include "infer/plan/builder.h"

// The kernel of one class and the weights as it wants them packed.
struct dense_choice {
	struct dense dense;
	void (*run)(const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y,
		size_t ldy);
};

struct dense_layer {
	struct dense_layer *next;
	struct step *step;
	const float *w, *b;    // [k][n], [n] or NULL
	float *own;            // NULL, or what w and b point into, lent by the plan's arena
	struct packed_key key; // what w and b are made of
	struct dense dense;
};

// Gives each layer kernels, by timing or by rule, and packs the weights that those read.
int dense_choose_all(struct builder *builder);
void dense_forget_all(struct builder *builder);
