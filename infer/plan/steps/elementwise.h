// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/elementwise/affine.h"
#include "infer/plan/builder.h"

plan_builder build_activation, build_affine, build_prelu, build_binary;
// y = act(x * scale[c] + shift[c]), where scale and shift live as long as the plan.
int build_affine_of(struct builder *builder, struct affine affine);
