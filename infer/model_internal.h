// SPDX-License-Identifier: BSD-3-Clause
// What a model is made of; for model.c and model_bench.c. Immutable once opened.
#pragma once

#include "infer/infer.h"
#include "infer/kernels/kernels.h"
#include "infer/plan/plan.h"

struct model {
	struct arena *arena; // everything but this struct
	struct model_info info;
	struct plan plan;
	const struct unpack_kernel *unpack;
	struct unpack unpack_params;
};
