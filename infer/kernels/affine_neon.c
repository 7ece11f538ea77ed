// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/affine_vec.h"
