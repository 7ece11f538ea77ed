// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/prelu_vec.h"
