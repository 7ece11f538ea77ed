// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/prelu_vec.h"
