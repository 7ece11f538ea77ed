// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/recurrent/recurrent_gates.h"
#include "infer/plan/builder.h"

plan_builder build_recurrent;

// For layers whose products are of bytes, too (quantise_recurrent.h).
//
// The first states of a way, or its first cells, [rows][h] of `start`, which has those of all ways; NULL: zeros.
void recurrent_start(const struct buffer *start, const struct pass *pass, uint32_t way, uint32_t h,
	float *state);
// The `n` functions of a way's gates. False: no kernel computes one of them.
bool recurrent_activations(
	const struct node *node, uint32_t way, uint32_t n, struct recurrent_gates *gates);
