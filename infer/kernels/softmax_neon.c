// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/softmax_vec.h"
