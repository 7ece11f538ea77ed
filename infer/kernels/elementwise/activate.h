// SPDX-License-Identifier: BSD-3-Clause
// Activations that are steps of their own. The contract is kernels.h's.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

// y[i] = act(x[i]) for `count` values. In place allowed.
typedef void activate_fn(const struct act *act, size_t count, const float *x, float *y);
#define ACTIVATE_LIST(X) X(f32_activate__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_activate)
#define X(name, isa)     activate_fn name;
ACTIVATE_LIST(X)
#undef X
KERNEL_FAMILY(activate, ACTIVATE)
