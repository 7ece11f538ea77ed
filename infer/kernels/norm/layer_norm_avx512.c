// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/norm/layer_norm_vec.h"
