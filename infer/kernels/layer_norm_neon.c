// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/layer_norm_vec.h"
