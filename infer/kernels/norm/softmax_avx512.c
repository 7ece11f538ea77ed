// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/norm/softmax_vec.h"
