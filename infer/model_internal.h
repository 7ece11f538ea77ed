// SPDX-License-Identifier: BSD-3-Clause
// What a model is made of; for model.c and model_bench.c. Immutable once opened.
#pragma once

#include "infer/infer.h"
#include "infer/kernels/elementwise/unpack.h"
#include "infer/plan/plan.h"
#include <math.h>
#include <stdbool.h>

struct graph;

struct model {
	struct arena *arena; // everything but this struct
	struct model_info info;
	struct plan plan;
	const struct unpack_kernel *unpack;
	struct unpack unpack_params;
	bool rounds; // graph_rounds()
};

// A model of a graph that has passed graph_check(), without an image; the graph may be destroyed
// afterwards. `image_bytes` is for people. Errors as model_open()'s.
int model_build(const struct graph *graph, size_t image_bytes, const struct model_options *options,
	struct model **out, struct error *err);

// A score against a golden one: within *tolerance; NULL: 1e-5 of it, or of 1 where it is smaller.
static inline bool model_score_agrees(float got, float expected, const float *tolerance)
{
	if (isnan(expected))
		return isnan(got);
	if (isinf(expected))
		return got == expected;
	return fabsf(got - expected) <=
		(tolerance ? *tolerance : 1e-5f * fmaxf(1.0f, fabsf(expected)));
}
