// SPDX-License-Identifier: BSD-3-Clause
// The builders of steps, each in one of steps/*.c, and which of them builds the node at hand.
#pragma once

#include "infer/plan/builder.h"

// Fills in builder->step for builder->node. -ENOTSUP where there is no kernel of this form; 0,
// -EINVAL or -ENOMEM. err is filled in.
typedef int plan_builder(struct builder *builder);
plan_builder build_dense, build_gemm, build_matmul, build_activation, build_affine,
	build_batch_norm, build_prelu, build_binary, build_softmax, build_layer_norm,
	build_normalizer, build_concat, build_plain, build_conv, build_pool, build_recurrent,
	build_trees, build_qdense, build_qconv, build_quantise, build_dequantise,
	build_dynamic_quantise, build_dynamic_qdense, build_bf16_dense, build_reduce,
	build_transpose;

// The step of the node at hand, by the operator's own builder, or where it has none or no kernel
// for this form, by its plain form.
int build_step(struct builder *builder);
