// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/quantise/qdense.h"
#include "infer/plan/builder.h"

plan_builder build_qdense, build_quantise, build_dequantise, build_qlookup;
channels_last_fn qlookup_takes_channels_last;
// The node at hand as its kernels want it, n columns wide, without weights.
struct qdense qdense_of(const struct builder *builder, uint32_t n);
// For each class of batch sizes the kernel that is fastest here over so many rows, and its name for
// the step; by rule where nothing is timed.
int qdense_choose(struct builder *builder, const struct qdense *dense,
	const uint32_t rows[MODEL_BATCH_CLASSES],
	const struct qdense_kernel *kernels[MODEL_BATCH_CLASSES]);
