// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/affine_vec.h"
